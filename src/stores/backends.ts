import { existsSync } from "node:fs";
import { join } from "node:path";
import { openArchivedLog } from "./event-store/archive/log.ts";
import { type EmbeddedEventStore, openEmbeddedEventStore } from "./event-store/embedded/log.ts";
import type { EventStore } from "./event-store/event-store.ts";
import type { EventStoreDb } from "./event-store/eventstoredb/store.ts";
import { observedLog } from "./event-store/observed.ts";
import { createEmbeddedHotStore } from "./hot-store/embedded/hot.ts";
import { createEmbeddedNews } from "./hot-store/embedded/news.ts";
import type { HotStore } from "./hot-store/hot-store.ts";
import type { News } from "./hot-store/news.ts";
import { openEmbeddedVault } from "./vault/embedded.ts";
import type { MasterKeys } from "./vault/master-keys.ts";
import type { Vault } from "./vault/vault.ts";
import { openEmbeddedViewStore } from "./view-store/embedded/store.ts";
import { createInProcessLeases } from "./view-store/leases/in-process.ts";
import type { Leases } from "./view-store/leases/leases.ts";
import type { PoolUse } from "./view-store/mongodb/connection.ts";
import type { MemberLag } from "./view-store/mongodb/replication.ts";
import { observedViews } from "./view-store/observed.ts";
import type { ViewStore } from "./view-store/view-store.ts";

/** Where the stores of a shop are: each on a server when its address is given, else in the data folder. */
export interface BackendsConfig {
  dataDir: string;
  eventStoreDbUrl?: string | undefined;
  mongoDbUrl?: string | undefined;
  redisUrl?: string | undefined;
  /** Where an archive of the log may be: read models are made from it as far as it goes. */
  archiveFile?: string | undefined;
}

/**
 * What a thread or a process opens the stores for: to write the log and read the models (`commands`), to read the
 * log and write the models (`projections`), the same from the log's start (`rebuilding`), or to look at both and change
 * nothing (`reading`).
 */
export type BackendRole = "commands" | "projections" | "rebuilding" | "reading";

export type StoreName = "events" | "views" | "hot";

/** Told of what stores do. None of it may throw, or take time. */
export interface StoreObserver {
  /** A call has ended: to a server, or to a store in the data folder but for the hot one, which is in memory. */
  called(store: StoreName, operation: string, seconds: number, outcome: string): void;
  /**
   * A call of the log or of the read models has ended.
   * @param shape what was asked, without any value of it; made when it is called
   */
  asked(store: StoreName, operation: string, seconds: number, shape: () => string): void;
  /** A call to a server got no answer, and is made again. */
  retried(store: StoreName, operation: string): void;
  /** Connections to a server have been opened, closed, taken or given back. */
  pooled(store: StoreName, use: PoolUse): void;
  /** How far the other members of a replica set are behind its primary. */
  replicated(store: StoreName, lags: readonly MemberLag[]): void;
  /** The server's clock is so many seconds ahead of ours; below 0, behind it. */
  clocked(store: StoreName, secondsAhead: number): void;
}

export interface OpenViews {
  views: ViewStore;
  /** Among all processes that share these read models. */
  leases: Leases;
}

export interface OpenLog {
  events: EventStore;
  /** What only the log in the data folder can do. */
  embedded?: EmbeddedEventStore;
  /** What only a log on a server can tell. */
  server?: EventStoreDb;
}

/*
 * These functions are the one place that knows which backends the stores are. A server's client is loaded where it is
 * used: together they take a third of a second and a hundred megabytes.
 */

/** @throws StoreDamaged; StoreUnavailable when a server does not answer */
export async function openLog(
  config: BackendsConfig,
  role: BackendRole,
  observer?: StoreObserver,
): Promise<OpenLog> {
  const log = await openWholeLog(config, role, observer);
  const { archiveFile } = config;
  if (!isForModels(role) || archiveFile === undefined || !existsSync(archiveFile)) return log;
  try {
    return { ...log, events: await openArchivedLog(archiveFile, log.events) };
  } catch (error) {
    // The log has all that the archive has: without it, only a rebuild is slower.
    process.emitWarning(`the archive is not used: ${String(error)}`);
    return log;
  }
}

function isForModels(role: BackendRole): boolean {
  return role === "projections" || role === "rebuilding";
}

async function openWholeLog(
  { dataDir, eventStoreDbUrl }: BackendsConfig,
  role: BackendRole,
  observer?: StoreObserver,
): Promise<OpenLog> {
  const isOnServer = eventStoreDbUrl !== undefined;
  const asked = observer && askedOf("events", observer, isOnServer);
  if (isOnServer) {
    const told = observer && {
      observe: toldOf("events", observer),
      observeRetry: (operation: string) => observer.retried("events", operation),
      observeClock: (secondsAhead: number) => observer.clocked("events", secondsAhead),
    };
    const { openEventStoreDb } = await import("./event-store/eventstoredb/store.ts");
    const server = await openEventStoreDb({ url: eventStoreDbUrl, ...told });
    const { openReadAhead } = await import("./event-store/eventstoredb/read-ahead/log.ts");
    const events = role === "rebuilding" ? openReadAhead(server, eventStoreDbUrl) : server;
    return { events: asked ? observedLog(events, asked) : events, server };
  }
  const isWritten = role === "commands";
  const embedded = openEmbeddedEventStore({
    directory: dataDir,
    readOnly: !isWritten,
    threaded: isWritten,
  });
  return { events: asked ? observedLog(embedded, asked) : embedded, embedded };
}

/**
 * In the data folder there is nothing to read before the projecting thread has made it.
 * @param logId of the log that the read models are made from
 * @throws StoreDamaged, StoreUnavailable
 */
export async function openViews(
  { dataDir, eventStoreDbUrl, mongoDbUrl }: BackendsConfig,
  logId: string,
  role: BackendRole,
  observer?: StoreObserver,
): Promise<OpenViews> {
  const readOnly = !isForModels(role);
  const isOnServer = mongoDbUrl !== undefined;
  const observed = (views: ViewStore) =>
    observer ? observedViews(views, askedOf("views", observer, isOnServer)) : views;
  if (!isOnServer) {
    const directory = viewsFolder(dataDir, eventStoreDbUrl !== undefined);
    const views = openEmbeddedViewStore({ directory, logId, readOnly });
    return { views: observed(views), leases: createInProcessLeases() };
  }
  const told = observer && toldByMongo(observer);
  const { openMongoViewStore } = await import("./view-store/mongodb/store.ts");
  const views = await openMongoViewStore({ url: mongoDbUrl, logId, readOnly, ...told });
  return { views: observed(views), leases: views.leases };
}

/** @throws StoreDamaged when it is wrapped with other master keys; StoreUnavailable when a server does not answer */
export async function openVault(
  { dataDir, mongoDbUrl }: BackendsConfig,
  masterKeys: MasterKeys,
): Promise<Vault> {
  if (mongoDbUrl === undefined) return openEmbeddedVault(dataDir, masterKeys);
  const { openMongoVault } = await import("./vault/mongodb.ts");
  return openMongoVault({ url: mongoDbUrl }, masterKeys);
}

/** It never fails to open: one that is away is connected to once it is there. */
export async function openHot(
  { redisUrl }: BackendsConfig,
  logId: string,
  observer?: StoreObserver,
): Promise<HotStore> {
  if (redisUrl === undefined) return createEmbeddedHotStore();
  const told = observer && { observe: toldOf("hot", observer) };
  const { openRedisHotStore } = await import("./hot-store/redis/hot.ts");
  return openRedisHotStore({ url: redisUrl, logId, ...told });
}

/** @param topic what the news are of */
export async function openNews(
  { redisUrl }: BackendsConfig,
  logId: string,
  topic: string,
  observer?: StoreObserver,
): Promise<News> {
  if (redisUrl === undefined) return createEmbeddedNews();
  const told = observer && { observe: toldOf("hot", observer) };
  const { openRedisNews } = await import("./hot-store/redis/news.ts");
  return openRedisNews({ url: redisUrl, logId, topic, ...told });
}

/**
 * Where the read models of a data folder are, whether there are any yet or not. Those of a log on a server have a
 * folder of their own: a shop that has moved there keeps its data folder, and the log that it has left in it.
 */
export function viewsFolder(dataDir: string, isLogOnServer = false): string {
  return join(dataDir, isLogOnServer ? "views-of-server" : "views");
}

function toldOf(store: StoreName, observer: StoreObserver) {
  return (operation: string, seconds: number, outcome: string) =>
    observer.called(store, operation, seconds, outcome);
}

function toldByMongo(observer: StoreObserver) {
  return {
    observe: toldOf("views", observer),
    observeRetry: (operation: string) => observer.retried("views", operation),
    observePool: (use: PoolUse) => observer.pooled("views", use),
    observeReplication: (lags: readonly MemberLag[]) => observer.replicated("views", lags),
    observeClock: (secondsAhead: number) => observer.clocked("views", secondsAhead),
  };
}

/** What a server's own client tells of its calls is not told twice. */
function askedOf(store: StoreName, observer: StoreObserver, isOnServer: boolean) {
  return (operation: string, seconds: number, outcome: string, shape: () => string) => {
    if (!isOnServer) observer.called(store, operation, seconds, outcome);
    observer.asked(store, operation, seconds, shape);
  };
}
