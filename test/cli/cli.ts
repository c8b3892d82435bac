import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pino from "pino";
import { onTestFinished } from "vitest";
import { stock } from "../../commands/stock/stock.ts";
import { readConfig } from "../../src/config.ts";
import { newId } from "../../src/ids.ts";
import { openRuntime, type Runtime } from "../../src/runtime/runtime.ts";
import { fillSampleShop } from "../../src/runtime/sample-shop.ts";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";

const program = fileURLToPath(new URL("../../src/cli/cartwright.ts", import.meta.url));
const runMsMax = 60_000;
const outputBytesMax = 64 * 1024 * 1024;

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command line as a process of its own, with these settings and none of the tests'. */
export function cli(args: readonly string[], settings: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const { PATH = "" } = process.env;
    const options = { env: { PATH, ...settings }, timeout: runMsMax, maxBuffer: outputBytesMax };
    execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}

/** A path in a folder of its own, gone with the test; there is nothing at it yet. */
export async function temporaryPath(name: string): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "cartwright-cli-"));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  return join(parent, name);
}

export async function openShop(folder: string): Promise<Runtime> {
  return openRuntime({ config: readConfig({ DATA_DIR: folder }), log: pino({ level: "silent" }) });
}

/** A data folder with the sample shop, and so many receipts of mugs besides. */
export async function filledFolder({ receipts = 0 } = {}): Promise<string> {
  const folder = await temporaryPath("data");
  const runtime = await openShop(folder);
  await fillSampleShop(runtime);
  const receive = (quantity: number) =>
    runtime.engine.execute(
      stock,
      "MUG-01",
      "Receive",
      { quantity },
      { commandId: newId(), now: Date.UTC(2026, 0, 15), actor: "test", correlationId: "test" },
    );
  for (let quantity = 1; quantity <= receipts; quantity++) await receive(quantity);
  await runtime.models.caughtUp();
  await runtime.close();
  return folder;
}

/** Everything a log holds but its positions, which a restore may change. */
export async function contentsOf(folder: string): Promise<unknown[]> {
  const log = openEmbeddedEventStore({ directory: folder, readOnly: true });
  const { events } = await log.readAll({ after: logStart, maxCount: 100_000 });
  const contents = events.map(({ stream, revision, id, type, time, data, metadata }) => ({
    stream,
    revision,
    id,
    type,
    time,
    data,
    metadata,
  }));
  await log.close();
  return contents;
}
