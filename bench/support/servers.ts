import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { startSecantus } from "../../test/support/secantusdb.ts";
import { freePort } from "./child.ts";
import { WrongAnswer } from "./measurement.ts";
import { ownChild, withFolder } from "./resources.ts";

const startTimeoutMs = 20_000;
const double = join(import.meta.dirname, "../../test/stores/eventstoredb/double/main.ts");

/** The servers that a shop is measured on. */
export interface Servers {
  /** The settings that name them. Read models stay embedded where no MongoDB is named. */
  env: { EVENTSTOREDB_URL: string; MONGODB_URL?: string; REDIS_URL?: string };
  what: string;
}

/**
 * The servers at EVENTSTOREDB_URL, MONGODB_URL and REDIS_URL; without them the test double of EventStoreDB and a
 * redis-server of its own.
 */
export function withServers<T>(work: (servers: Servers) => Promise<T>): Promise<T> {
  const { EVENTSTOREDB_URL, MONGODB_URL, REDIS_URL } = process.env;
  return withChildren(async (start) => {
    const redis = (port: number) => ["--port", `${port}`, "--save", ""];
    const hasRedis = REDIS_URL !== undefined || isOnPath("redis-server");
    const env = {
      EVENTSTOREDB_URL: EVENTSTOREDB_URL ?? (await startDouble(start)),
      ...(MONGODB_URL !== undefined && { MONGODB_URL }),
      ...(hasRedis && {
        REDIS_URL: REDIS_URL ?? `redis://127.0.0.1:${await start("redis-server", redis)}`,
      }),
    };
    const what = [
      EVENTSTOREDB_URL ? "EventStoreDB" : "the double of EventStoreDB",
      MONGODB_URL ? "MongoDB" : "embedded read models",
      ...(hasRedis ? ["Redis"] : []),
    ];
    return work({ env, what: what.join(", ") });
  });
}

/** A log that nothing has been written to. */
export function withEmptyLog<T>(work: (url: string) => Promise<T>): Promise<T> {
  return withChildren(async (start) => work(await startDouble(start)));
}

/** A MongoDB to be written to as much as one likes. */
export interface BenchMongo {
  what: string;
  /** @returns the address of a database of this run, dropped at its end */
  database(name: string): string;
}

/** The MongoDB of MONGODB_URL, or SecantusDB; undefined where neither is at hand. */
export async function withMongo<T>(work: (mongo: BenchMongo | undefined) => Promise<T>): Promise<T> {
  const given = process.env.MONGODB_URL;
  if (given !== undefined) return withDatabases(given, (database) => work({ database, what: "MongoDB" }));
  const secantus = await startSecantus();
  if ("reason" in secantus) return work(undefined);
  try {
    return await withDatabases(secantus.url, (database) => work({ database, what: "SecantusDB" }));
  } finally {
    await secantus.stop();
  }
}

async function withDatabases<T>(
  url: string,
  work: (database: (name: string) => string) => Promise<T>,
): Promise<T> {
  const urls: string[] = [];
  try {
    return await work((name) => {
      const address = new URL(url);
      address.pathname = `/cartwright-bench-${process.pid}-${name}`;
      urls.push(address.href);
      return address.href;
    });
  } finally {
    for (const each of urls) {
      const client = new MongoClient(each);
      await client.db().dropDatabase();
      await client.close();
    }
  }
}

type Start = (command: string, input: (port: number, folder: string) => string[]) => Promise<number>;

/** @param work is given what starts a program on a free port, until the work is done */
function withChildren<T>(work: (start: Start) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const started: ChildProcess[] = [];
    try {
      return await work(async (command, input) => {
        const port = await freePort();
        const child = spawn(command, input(port, folder), { stdio: "ignore", cwd: folder });
        ownChild(child);
        started.push(child);
        await accepts(port);
        return port;
      });
    } finally {
      for (const child of started) child.kill("SIGKILL");
    }
  });
}

async function startDouble(start: Start): Promise<string> {
  const input = (port: number, folder: string) => [
    double,
    "--port",
    `${port}`,
    "--data",
    join(folder, "log"),
  ];
  return `esdb://127.0.0.1:${await start(process.execPath, input)}?tls=false`;
}

function isOnPath(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function accepts(port: number): Promise<void> {
  for (const end = performance.now() + startTimeoutMs; ; ) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isOpen) return;
    if (performance.now() > end) throw new WrongAnswer(`nothing listens on port ${port}`);
    await sleep(50);
  }
}
