import closeWithGrace from "close-with-grace";
import pino from "pino";
import { readConfig } from "../config.ts";
import { buildApp } from "../http/app.ts";
import { isForOperator } from "../runtime/operator-errors.ts";
import { prepareLog } from "../runtime/prepare-log.ts";
import { openRuntime, type Runtime } from "../runtime/runtime.ts";
import { fillSampleShop } from "../runtime/sample-shop.ts";
import { StoreDamaged } from "../stores/event-store/event-store.ts";
import { startTracing, stopTracing } from "../telemetry/tracing.ts";
import { tracingSettings } from "../telemetry/tracing-settings.ts";

const closeTimeoutMs = 30_000;

/** Starts the server and keeps it running until it is told to stop. */
export async function startServer(): Promise<void> {
  const config = readConfig(process.env);
  const log = pino({ level: config.LOG_LEVEL });
  const tracing = tracingSettings(config);
  if (tracing) await startTracing(tracing, log);
  const runtime = await openRuntime({
    config,
    log,
    runDueWork: true,
    onDeath: (error) => {
      log.fatal({ err: error }, "the projecting thread died");
      process.exit(1);
    },
  });
  await requireKeys(runtime).catch(async (error: unknown) => {
    await runtime.close();
    throw error;
  });
  if (runtime.takesRequests) await prepareLog(runtime);
  const app = await buildApp(runtime);
  // What was accepted is finished, then the stores are closed.
  closeWithGrace({ delay: closeTimeoutMs, logger: log }, async ({ err }) => {
    if (err) log.fatal({ err }, "stopping after an error");
    await app.close();
    await runtime.close();
    await stopTracing();
  });
  if (runtime.takesRequests && config.SAMPLE_SHOP === "on" && (await fillSampleShop(runtime)))
    log.info("filled the empty store with a sample shop; SAMPLE_SHOP=off leaves it empty");
  const { adminApiKey } = runtime.folder;
  if (adminApiKey.isNew)
    process.stdout.write(`\n  Staff API key, made for this data folder: ${adminApiKey.value}\n\n`);
  await app.listen({ host: config.HOST, port: config.PORT });
  if (!runtime.takesRequests) return;
  runtime.queries
    .warm()
    .catch((error: unknown) => log.error({ err: error }, "the catalog cannot be listed yet"));
}

/**
 * Without its vault, what is sealed on a log would read as if it had been erased, and be sealed anew with other keys.
 * @throws StoreDamaged
 */
async function requireKeys({ embeddedLog, identity, config }: Runtime): Promise<void> {
  if (!embeddedLog?.knowsType("CustomerRegistered") || !(await identity.vault.isEmpty())) return;
  throw new StoreDamaged(
    `the log in ${config.DATA_DIR} has customers, and there are no keys to read them with: ` +
      "put keys.db and master-key back from where they are kept",
  );
}

/** As `startServer`; what keeps it from starting is told, and ends the process. */
export function startOrTell(): Promise<void> {
  return startServer().catch((error: unknown) => {
    process.stderr.write(
      isForOperator(error) ? `${error.message}\n` : `${error instanceof Error ? error.stack : error}\n`,
    );
    process.exit(1);
  });
}
