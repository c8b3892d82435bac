import { execFile } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pino from "pino";
import { afterAll, vi } from "vitest";
import { stock } from "../../commands/stock/stock.ts";
import { readConfig } from "../../src/config.ts";
import { openRuntime, type Runtime } from "../../src/runtime/runtime.ts";
import { fillSampleShop } from "../../src/runtime/sample-shop.ts";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { inherited } from "../support/inherited.ts";

/** The command line, as Node runs it. */
export const program = fileURLToPath(new URL("../../src/cli/cartwright.ts", import.meta.url));
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
    const options = { env: { ...inherited(), ...settings }, timeout: runMsMax, maxBuffer: outputBytesMax };
    execFile(process.execPath, [program, ...args], options, (error, stdout, stderr) => {
      const code = error ? error.code : 0;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}

// Every test starts processes, and some start several.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const parent = await mkdtemp(join(tmpdir(), "cartwright-cli-"));
afterAll(() => rm(parent, { recursive: true, force: true }));

/** A path at which there is nothing yet, gone with the test file. */
export async function temporaryPath(name: string): Promise<string> {
  return join(await mkdtemp(join(parent, "test-")), name);
}

export async function openShop(folder: string): Promise<Runtime> {
  return openRuntime({ config: readConfig({ DATA_DIR: folder }), log: pino({ level: "silent" }) });
}

const filled = new Map<number, Promise<string>>();

/** A data folder with the sample shop, and so many receipts of mugs besides. */
export async function filledFolder({ receipts = 0 } = {}): Promise<string> {
  const original = filled.get(receipts) ?? fill(receipts);
  filled.set(receipts, original);
  const folder = await temporaryPath("data");
  await cp(await original, folder, { recursive: true });
  return folder;
}

async function fill(receipts: number): Promise<string> {
  const folder = await temporaryPath("data");
  const runtime = await openShop(folder);
  await fillSampleShop(runtime);
  const receive = (quantity: number) => {
    const context = { commandId: newId(), now: Date.UTC(2026, 0, 15), actor: "test", correlationId: "test" };
    return runtime.engine.execute(stock, "MUG-01", "Receive", { quantity }, context);
  };
  await Promise.all(Array.from({ length: receipts }, (_, index) => receive(index + 1)));
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
