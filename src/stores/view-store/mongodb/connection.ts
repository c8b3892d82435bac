import { setTimeout as sleep } from "node:timers/promises";
import { type Db, MongoClient, type MongoClientOptions } from "mongodb";
import { StoreUnavailable } from "../../event-store/event-store.ts";
import { Availability } from "./availability.ts";
import { watchClock } from "./clock.ts";
import { away, isRepeatable, storeName, translated } from "./errors.ts";
import { type MemberLag, watchReplication } from "./replication.ts";

/**
 * One client a process, and a bound on everything it does. What the URL names of these is taken from there.
 * `timeoutMS` does nothing in driver 7.9: a read is bounded by `maxTimeMS` and a socket that says nothing.
 */
export const clientBounds = {
  maxPoolSize: 20,
  minPoolSize: 0,
  maxConnecting: 2,
  maxIdleTimeMS: 60_000,
  connectTimeoutMS: 5_000,
  serverSelectionTimeoutMS: 5_000,
  socketTimeoutMS: 30_000,
  waitQueueTimeoutMS: 5_000,
  heartbeatFrequencyMS: 10_000,
} satisfies MongoClientOptions;

/** Of one read on the server. */
export const readTimeMaxMs = 15_000;
const writeConcernTimeoutMs = 10_000;
/** Of one call that got no answer, all in all. */
const attemptsMax = 3;
const repeatAfterMs = 50;

const appName = "cartwright";
const defaultDatabase = "cartwright";

/** Durability is not a matter of deployment: what is answered must outlive the primary. */
const writeConcern = { w: "majority", journal: true, wtimeoutMS: writeConcernTimeoutMs } as const;
const setInCode = [
  "w",
  "j",
  "journal",
  "wtimeout",
  "wtimeoutms",
  "fsync",
  "readpreference",
  "readconcernlevel",
];

export interface PoolUse {
  /** Connections that are open, in use, and asked for but not given yet. */
  open: number;
  inUse: number;
  waiting: number;
  /** How many may be open to one server. */
  max: number;
}

export interface MongoConnectionOptions {
  /** With TLS, credentials and the driver's options. */
  url: string;
  /** The URL's when left out, and `cartwright` where it names none. */
  database?: string;
  /** Called once for every call to the server, repetitions included in the time. */
  observe?: (operation: string, seconds: number, outcome: "ok" | "unavailable" | "error") => void;
  /** Called before a call that got no answer is made again. */
  observeRetry?: (operation: string) => void;
  observePool?: (use: PoolUse) => void;
  observeReplication?: (lags: readonly MemberLag[]) => void;
  observeClock?: (secondsAhead: number) => void;
}

export interface MongoConnection {
  readonly database: Db;
  /**
   * Runs what can be run twice: while it gets no answer it is run again, a few times.
   * @throws StoreUnavailable
   */
  run<T>(operation: string, body: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * @throws TypeError when the URL is none, or sets what is set in code
 * @throws StoreUnavailable when there is no server
 */
export async function connectMongo(options: MongoConnectionOptions): Promise<MongoConnection> {
  const client = clientOf(options.url);
  if (options.observePool !== undefined) watchPool(client, options.observePool);
  if (options.observeReplication !== undefined) watchReplication(client, options.observeReplication);
  if (options.observeClock !== undefined) watchClock(client, options.observeClock);
  const database = client.db(options.database ?? databaseIn(client));
  const availability = new Availability(client);
  let closed = false;
  const run = async <T>(operation: string, body: () => Promise<T>): Promise<T> => {
    if (closed) throw away(`the view store in ${storeName} is closed`);
    const start = performance.now();
    const told = (outcome: "ok" | "unavailable" | "error") =>
      options.observe?.(operation, (performance.now() - start) / 1_000, outcome);
    try {
      if (availability.isHopeless()) throw away(`${storeName} is away`);
      const result = await repeated(body, () => options.observeRetry?.(operation));
      told("ok");
      return result;
    } catch (error) {
      const known = translated(error);
      told(known instanceof StoreUnavailable ? "unavailable" : "error");
      throw known;
    }
  };
  const close = async (): Promise<void> => {
    closed = true;
    await client.close();
  };
  try {
    await run("connect", () => client.connect());
  } catch (error) {
    await close();
    throw error;
  }
  return { database, run, close };
}

async function repeated<T>(body: () => Promise<T>, onRetry: () => void): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await body();
    } catch (error) {
      if (attempt === attemptsMax || !isRepeatable(error)) throw error;
      onRetry();
      await sleep(repeatAfterMs * 2 ** attempt * (0.5 + Math.random() / 2));
    }
  }
}

function clientOf(url: string): MongoClient {
  const named = new Set(optionsIn(url));
  const refused = setInCode.filter((name) => named.has(name));
  if (refused.length > 0) {
    throw new TypeError(`the MongoDB URL sets ${refused.join(", ")}, which this program decides itself`);
  }
  const bounds = Object.entries(clientBounds).filter(([name]) => !named.has(name.toLowerCase()));
  try {
    return new MongoClient(url, {
      ...Object.fromEntries(bounds),
      appName,
      writeConcern,
      readConcern: { level: "local" },
      readPreference: "primary",
    });
  } catch (error) {
    throw new TypeError(`the MongoDB URL cannot be used: ${(error as Error).message}`);
  }
}

/** Names of the URL's options, in lower case as the driver compares them. */
function optionsIn(url: string): string[] {
  const at = url.indexOf("?");
  if (at < 0) return [];
  return [...new URLSearchParams(url.slice(at + 1)).keys()].map((name) => name.toLowerCase());
}

function databaseIn(client: MongoClient): string {
  // The driver calls it test when the URL names none.
  return client.options.dbName === "test" ? defaultDatabase : client.options.dbName;
}

function watchPool(client: MongoClient, observe: (use: PoolUse) => void): void {
  const use: PoolUse = { open: 0, inUse: 0, waiting: 0, max: client.options.maxPoolSize };
  const on = (change: Partial<PoolUse>) => (): void => {
    use.open += change.open ?? 0;
    use.inUse += change.inUse ?? 0;
    use.waiting += change.waiting ?? 0;
    observe({ ...use });
  };
  client.on("connectionCreated", on({ open: 1 }));
  client.on("connectionClosed", on({ open: -1 }));
  client.on("connectionCheckOutStarted", on({ waiting: 1 }));
  client.on("connectionCheckOutFailed", on({ waiting: -1 }));
  client.on("connectionCheckedOut", on({ waiting: -1, inUse: 1 }));
  client.on("connectionCheckedIn", on({ inUse: -1 }));
}
