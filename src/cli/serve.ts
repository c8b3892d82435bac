import closeWithGrace from "close-with-grace";
import pino from "pino";
import { readConfig } from "../config.ts";
import { buildApp } from "../http/app.ts";
import { isForOperator } from "../runtime/operator-errors.ts";
import { prepareLog } from "../runtime/prepare-log.ts";
import { openRuntime } from "../runtime/runtime.ts";
import { fillSampleShop } from "../runtime/sample-shop.ts";
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

/** As `startServer`; what keeps it from starting is told, and ends the process. */
export function startOrTell(): Promise<void> {
  return startServer().catch((error: unknown) => {
    process.stderr.write(
      isForOperator(error) ? `${error.message}\n` : `${error instanceof Error ? error.stack : error}\n`,
    );
    process.exit(1);
  });
}
