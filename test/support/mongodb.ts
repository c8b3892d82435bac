import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Document, MongoClient } from "mongodb";
import { afterAll } from "vitest";
import { freePort } from "./ports.ts";

/**
 * A MongoDB for tests: the one of MONGODB_URL, without TLS and credentials, else SecantusDB where it lies beside the
 * project or in CARTWRIGHT_SHARED_BIN. It speaks the protocol and can fail on command; it sorts in memory and is slow.
 */
export interface TestMongo {
  url: string;
  /** A fault for the next commands of a kind, or undefined where the server is not ours to spoil. */
  failNext?: (fault: Fault) => Promise<void>;
  /** Kills the server, waits, and starts it on what it has stored; undefined where it is not ours. */
  restart?: (downMs: number) => Promise<void>;
  /** A name that no other test uses; dropped at the end. */
  database: () => string;
}

export interface Fault {
  commands: readonly string[];
  times: number;
  data: Document;
}

export interface NoMongo {
  reason: string;
}

const python = "python3.11";
const startTimeoutMs = 30_000;
const run = promisify(execFile);

/** Starts a server for the test file that asks, or says why there is none. */
export async function mongoForTests(options: { standalone?: boolean } = {}): Promise<TestMongo | NoMongo> {
  const mongo = await serverForTests(options);
  if ("reason" in mongo) console.warn(`skipped, for ${mongo.reason}`);
  return mongo;
}

async function serverForTests(options: { standalone?: boolean }): Promise<TestMongo | NoMongo> {
  const given = process.env.MONGODB_URL;
  if (given) return options.standalone ? { reason: "MONGODB_URL is no stand-alone server" } : used(given);
  const wheels = join(
    process.env.CARTWRIGHT_SHARED_BIN ?? join(import.meta.dirname, "../../../shared/bin"),
    "secantusdb",
  );
  if (!existsSync(wheels)) return { reason: `there is no MONGODB_URL, and no SecantusDB in ${wheels}` };
  try {
    const packages = await installed(wheels);
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), "cartwright-mongodb-"));
    const standalone = options.standalone === true;
    let child = start(packages, directory, port, standalone);
    afterAll(async () => {
      await stopped(child);
      await rm(directory, { recursive: true, force: true });
    });
    await accepts(port, child);
    const mongo = await used(`mongodb://127.0.0.1:${port}/`);
    const restart = async (downMs: number): Promise<void> => {
      await stopped(child);
      await sleep(downMs);
      child = start(packages, directory, port, standalone);
      await accepts(port, child);
    };
    return { ...mongo, restart, failNext: (fault) => failNext(mongo.url, fault) };
  } catch (error) {
    return { reason: `SecantusDB does not start: ${(error as Error).message}` };
  }
}

async function used(url: string): Promise<TestMongo> {
  const databases: string[] = [];
  afterAll(async () => {
    if (process.env.MONGODB_URL === undefined) return;
    const client = new MongoClient(url);
    for (const name of databases) await client.db(name).dropDatabase();
    await client.close();
  });
  const database = (): string => {
    const name = `cartwright-test-${randomUUID()}`;
    databases.push(name);
    return name;
  };
  return { url, database };
}

/** Installed once for all; whoever comes second takes the first one's. */
async function installed(wheels: string): Promise<string> {
  const target = join(tmpdir(), "cartwright-secantusdb-0.7.0b3");
  if (existsSync(target)) return target;
  const fresh = await mkdtemp(`${target}-`);
  const from = ["--no-index", "--find-links", wheels];
  await run(python, ["-m", "pip", "install", "--quiet", ...from, "--target", fresh, "SecantusDB"]);
  await rename(fresh, target).catch(() => rm(fresh, { recursive: true, force: true }));
  return target;
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
