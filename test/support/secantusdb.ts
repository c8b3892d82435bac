import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Document, MongoClient } from "mongodb";
import { freePort } from "./ports.ts";
import { installedWheels, python, sharedBin } from "./wheels.ts";

export interface Fault {
  commands: readonly string[];
  times: number;
  data: Document;
}

export interface NoMongo {
  reason: string;
}

/** A server of our own, in a folder that is gone once it has stopped. */
export interface Secantus {
  url: string;
  /** A fault for the next commands of a kind. */
  failNext: (fault: Fault) => Promise<void>;
  /** Kills the server, waits, and starts it on what it has stored. */
  restart: (downMs: number) => Promise<void>;
  stop: () => Promise<void>;
}

const startTimeoutMs = 30_000;

/**
 * SecantusDB, where it lies beside the project or in CARTWRIGHT_SHARED_BIN: it speaks MongoDB's protocol and can fail
 * on command; it sorts in memory and is slow.
 */
export async function startSecantus({ standalone = false } = {}): Promise<Secantus | NoMongo> {
  const wheels = join(sharedBin, "secantusdb");
  if (!existsSync(wheels)) return { reason: `there is no MONGODB_URL, and no SecantusDB in ${wheels}` };
  const directory = await mkdtemp(join(tmpdir(), "cartwright-mongodb-"));
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (child) await stopped(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const packages = await installedWheels(wheels, "SecantusDB");
    const port = await freePort();
    const begin = async (): Promise<void> => {
      child = start(packages, directory, port, standalone);
      await accepts(port, child);
    };
    await begin();
    const url = `mongodb://127.0.0.1:${port}/`;
    const restart = async (downMs: number): Promise<void> => {
      if (child) await stopped(child);
      await sleep(downMs);
      await begin();
    };
    return { url, restart, stop, failNext: (fault) => failNext(url, fault) };
  } catch (error) {
    await stop();
    return { reason: `SecantusDB does not start: ${(error as Error).message}` };
  }
}

function start(packages: string, directory: string, port: number, standalone: boolean): ChildProcess {
  const script = "from secantus.cli import main; main()";
  const flags = ["--enable-test-commands", ...(standalone ? ["--standalone"] : [])];
  const child = spawn(
    python,
    ["-c", script, "--host", "127.0.0.1", "--port", String(port), "--storage-path", directory, ...flags],
    { stdio: "ignore", cwd: directory, env: { ...process.env, PYTHONPATH: packages } },
  );
  process.once("exit", () => child.kill("SIGKILL"));
  return child;
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

async function accepts(port: number, child: ChildProcess): Promise<void> {
  const endsAt = Date.now() + startTimeoutMs;
  while (!(await isOpen(port))) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (Date.now() > endsAt) throw new Error(`it did not listen within ${startTimeoutMs} ms`);
    await sleep(50);
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function failNext(url: string, { commands, times, data }: Fault): Promise<void> {
  const client = new MongoClient(url);
  try {
    await client.db("admin").command({
      configureFailPoint: "failCommand",
      mode: times === 0 ? "off" : { times },
      data: { failCommands: [...commands], ...data },
    });
  } finally {
    await client.close();
  }
}
