import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { type EventStoreDb, openEventStoreDb } from "../../src/stores/event-store/eventstoredb/store.ts";
import { EventStoreDouble } from "../stores/eventstoredb/double/server.ts";
import { inherited } from "../support/inherited.ts";

const program = fileURLToPath(new URL("../../src/cli/cartwright.ts", import.meta.url));

/** An EventStoreDB in this process, gone with the test. */
export async function doubleForTest(): Promise<EventStoreDouble> {
  const double = await EventStoreDouble.start();
  onTestFinished(() => double.close());
  return double;
}

/** Closed after the test. */
export async function openServer(url: string): Promise<EventStoreDb> {
  const log = await openEventStoreDb({ url });
  onTestFinished(() => log.close());
  return log;
}

export interface Running {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** Once the process is gone. */
  ended: Promise<void>;
}

/** Starts the command line and lets it run; killed when the test is over. */
export function running(args: readonly string[], settings: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [program, ...args], { env: { ...inherited(), ...settings } });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}
