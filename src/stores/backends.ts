import { join } from "node:path";
import { type EmbeddedEventStore, openEmbeddedEventStore } from "./event-store/embedded/log.ts";
import type { EventStore } from "./event-store/event-store.ts";
import { openEventStoreDb } from "./event-store/eventstoredb/store.ts";
import { createEmbeddedHotStore } from "./hot-store/embedded/hot.ts";
import { createEmbeddedNews } from "./hot-store/embedded/news.ts";
import type { HotStore } from "./hot-store/hot-store.ts";
import type { News } from "./hot-store/news.ts";
import { openRedisHotStore } from "./hot-store/redis/hot.ts";
import { openRedisNews } from "./hot-store/redis/news.ts";
import { openEmbeddedViewStore } from "./view-store/embedded/store.ts";
import { createInProcessLeases } from "./view-store/leases/in-process.ts";
import type { Leases } from "./view-store/leases/leases.ts";
import { openMongoViewStore } from "./view-store/mongodb/store.ts";
import type { ViewStore } from "./view-store/view-store.ts";

/** Where the stores of a shop are: each on a server when its address is given, else in the data folder. */
export interface BackendsConfig {
  dataDir: string;
  eventStoreDbUrl?: string | undefined;
  mongoDbUrl?: string | undefined;
  redisUrl?: string | undefined;
}

/**
 * What a thread or a process opens the stores for: to write the log and read the models (`commands`), to read the
 * log and write the models (`projections`), or to look at both and change nothing (`reading`).
 */
export type BackendRole = "commands" | "projections" | "reading";

/** Told of every call to a server: which store, what was called, how long it took and what came of it. */
export type ObserveStore = (store: StoreName, operation: string, seconds: number, outcome: string) => void;
export type StoreName = "events" | "views" | "hot";

export interface OpenViews {
  views: ViewStore;
  /** Among all processes that share these read models. */
  leases: Leases;
}

export interface OpenLog {
  events: EventStore;
  /** What only the log in the data folder can do. */
  embedded?: EmbeddedEventStore;
}

/*
 * These functions are the one place that knows which backends the stores are.
 */

/** @throws StoreDamaged; StoreUnavailable when a server does not answer */
export async function openLog(
  { dataDir, eventStoreDbUrl }: BackendsConfig,
  role: BackendRole,
  observe?: ObserveStore,
): Promise<OpenLog> {
  if (eventStoreDbUrl !== undefined) {
    const told = observe && { observe: toldOf("events", observe) };
    return { events: await openEventStoreDb({ url: eventStoreDbUrl, ...told }) };
  }
  const embedded = openEmbeddedEventStore({ directory: dataDir, readOnly: role !== "commands" });
  return { events: embedded, embedded };
}

/**
 * In the data folder there is nothing to read before the projecting thread has made it.
 * @param logId of the log that the read models are made from
 * @throws StoreDamaged, StoreUnavailable
 */
export async function openViews(
  { dataDir, mongoDbUrl }: BackendsConfig,
  logId: string,
  role: BackendRole,
  observe?: ObserveStore,
): Promise<OpenViews> {
  const readOnly = role !== "projections";
  if (mongoDbUrl === undefined) {
    const views = openEmbeddedViewStore({ directory: viewsFolder(dataDir), logId, readOnly });
    return { views, leases: createInProcessLeases() };
  }
  const told = observe && { observe: toldOf("views", observe) };
  const views = await openMongoViewStore({ url: mongoDbUrl, logId, readOnly, ...told });
  return { views, leases: views.leases };
}

/** It never fails to open: one that is away is connected to once it is there. */
export function openHot({ redisUrl }: BackendsConfig, logId: string, observe?: ObserveStore): HotStore {
  if (redisUrl === undefined) return createEmbeddedHotStore();
  const told = observe && { observe: toldOf("hot", observe) };
  return openRedisHotStore({ url: redisUrl, logId, ...told });
}

/** @param topic what the news are of */
export function openNews({ redisUrl }: BackendsConfig, logId: string, topic: string): News {
  return redisUrl === undefined ? createEmbeddedNews() : openRedisNews({ url: redisUrl, logId, topic });
}

/** Where the read models of a data folder are, whether there are any yet or not. */
export function viewsFolder(dataDir: string): string {
  return join(dataDir, "views");
}

function toldOf(store: StoreName, observe: ObserveStore) {
  return (operation: string, seconds: number, outcome: string) => observe(store, operation, seconds, outcome);
}
