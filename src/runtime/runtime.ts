import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { createOrderNumbers } from "../../commands/claim/order-numbers.ts";
import { shopEvents } from "../../commands/events.ts";
import type { Shop, ShopSettings } from "../../commands/processes/shop.ts";
import type { KeptSettings } from "../../commands/settings/settings.ts";
import { viewProjections } from "../../projections/all.ts";
import { cartParts, cartsProjection, cartViewOf } from "../../projections/carts.ts";
import { stockProjection } from "../../projections/stock/stock.ts";
import type { Config } from "../config.ts";
import { type Codec, createCodec } from "../engine/codec.ts";
import { streamCategory, streamId } from "../engine/decider.ts";
import { HotModel, type HotModelOptions } from "../engine/read/hot-model.ts";
import { Engine } from "../engine/write/engine.ts";
import { snapshotsIn } from "../engine/write/snapshots.ts";
import { createSandboxGateway } from "../gateways/sandbox.ts";
import {
  type BackendRole,
  type BackendsConfig,
  type OpenViews,
  openHot,
  openLog,
  openNews,
  openViews,
  viewsFolder,
} from "../stores/backends.ts";
import { logFileIn } from "../stores/event-store/embedded/format.ts";
import type { EmbeddedEventStore } from "../stores/event-store/embedded/log.ts";
import { type EventStore, StoreDamaged, StoreUnavailable } from "../stores/event-store/event-store.ts";
import type { HotStore } from "../stores/hot-store/hot-store.ts";
import { holdLease, type Leases, projectorLease } from "../stores/view-store/leases/leases.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { tracedLog } from "../telemetry/traced-log.ts";
import { isTracing } from "../telemetry/tracing.ts";
import { tracingSettings } from "../telemetry/tracing-settings.ts";
import { untilAborted } from "../values/abort.ts";
import type { Clock } from "../values/clock.ts";
import { systemClock } from "../values/clock.ts";
import { clockTroubles, timerAllowanceMs } from "./clocks.ts";
import { type DataFolder, takeDataFolder, withoutFolder } from "./data-folder.ts";
import { Deliveries } from "./deliveries.ts";
import { Feed } from "./feed.ts";
import { type Identity, openIdentity } from "./identity.ts";
import { checkSettings } from "./kept-settings.ts";
import { obeyLogState } from "./log-state.ts";
import { ProductImports } from "./product-imports.ts";
import { ProjectingThread } from "./projecting-thread.ts";
import { Queries } from "./queries.ts";
import { ReadModels } from "./read-models.ts";
import { TaskRunner } from "./task-runner.ts";
import { WatchedModels } from "./watched-models.ts";

/** A process that reads what another makes waits so long for it at its start. */
const modelsWaitMsMax = 60_000;
const modelsPauseMs = 500;
/** Another process does what is due so long after this one has died. */
const taskLeaseMs = 6_000;

export interface RuntimeOptions {
  config: Config;
  log: Logger;
  clock?: Clock;
  /** Whether what is due is done by this process: the server's work, not a command's. */
  runDueWork?: boolean;
  /**
   * Whether hot documents are dropped as they change, and the projecting thread is told of news at once;
   * else it looks by itself a few times a second. On by default; an import has no use for either.
   */
  tellsOfAppends?: boolean;
  /** The embedded one when left out. */
  hot?: HotStore;
  /** Something that the process cannot do without has died. */
  onDeath?: (error: Error) => void;
  /** Takes no data folder where log and read models are on servers: for a command beside a running shop. */
  beside?: boolean;
}

/** Everything that is behind the HTTP server and the command line, opened and wired. */
export interface Runtime {
  config: Config;
  log: Logger;
  clock: Clock;
  folder: DataFolder;
  events: EventStore;
  /** The log in the data folder, where it is there. */
  embeddedLog: EmbeddedEventStore | undefined;
  codec: Codec;
  engine: Engine;
  shop: Shop;
  identity: Identity;
  hot: HotStore;
  models: ReadModels;
  /** Reads that may walk through many documents. */
  queries: Queries;
  tasks: TaskRunner;
  /** The log as others may read it, and what sends it to them. */
  feed: Feed;
  deliveries: Deliveries;
  /** The settings that the log keeps, or is about to. */
  kept: KeptSettings;
  /** What the stores of all threads do. */
  telemetry: Telemetry;
  /** Whether shops and shoppers talk to this process; else only operators do. */
  takesRequests: boolean;
  /** Carts and stock as of now. */
  hotCarts: HotModel;
  hotStock: HotModel;
  /** Finishes what is under way and closes the stores. */
  close(): Promise<void>;
}

function shopSettings(config: Config): ShopSettings {
  return {
    currency: config.STORE_CURRENCY,
    timeZone: config.STORE_TIME_ZONE,
    tax: {
      rateBp: config.TAX_RATE_BP,
      included: config.TAX_INCLUDED === "true",
      per: config.TAX_PER,
      rounding: config.TAX_ROUNDING,
    },
    shippingPrices: {
      standard: config.SHIPPING_STANDARD,
      express: config.SHIPPING_EXPRESS,
      overnight: config.SHIPPING_OVERNIGHT,
    },
    capture: config.CAPTURE,
    orderNumberPrefix: config.ORDER_NUMBER_PREFIX,
    reservationMs: config.RESERVATION_MINUTES * 60_000,
    cartLifeMs: config.CART_DAYS * 86_400_000,
    returnMs: config.RETURN_DAYS * 86_400_000,
    transferMs: config.TRANSFER_DAYS * 86_400_000,
    refundApprovalFrom: config.REFUND_APPROVAL_FROM,
    returnApproval: config.RETURN_APPROVAL,
    checkoutNeedsQuote: config.CHECKOUT_NEEDS_QUOTE === "true",
    gatewayTimeoutMs: config.GATEWAY_TIMEOUT_MS,
  };
}

/** What is closed again, the last one opened first. */
type Opened = (() => Promise<void> | void)[];

/**
 * Opens the stores and all that works on them.
 * @throws DataFolderUnavailable, StoreDamaged, StoreUnavailable, InvalidConfig
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { config, log, clock = systemClock, runDueWork = false, tellsOfAppends = true } = options;
  const folder = placeOf(config, options.beside);
  const opened: Opened = [() => folder.release()];
  const close = async () => {
    for (const undo of opened.splice(0).reverse()) await undo();
  };
  try {
    const base = await openBase(options, folder, opened);
    const { events, codec, hot, shop } = base;
    const { models, queries, leases } = await openModels(options, base, opened);
    const { hotCarts, hotStock } = openHotModels({ events, hot, codec }, models);
    const feed = new Feed({ events, codec, currency: config.STORE_CURRENCY, log });
    const deliveries = new Deliveries({
      ...{ feed, engine: base.engine, models, clock, log, secret: folder.secret },
      allowPrivate: config.WEBHOOK_PRIVATE_ADDRESSES === "true",
    });
    opened.push(() => deliveries.close());
    if (tellsOfAppends) {
      const hotModels = new Map([hotCarts, hotStock].map((model) => [model.category, model]));
      base.engine.onAppended = (stream, position) => {
        void hotModels.get(streamCategory(stream))?.invalidate(streamId(stream), position);
        models.appended();
        feed.appended();
      };
    }
    const tasks = new TaskRunner({
      ...{ shop, models, clock, log },
      allowanceMs: events.soleWriter ? 0 : timerAllowanceMs,
      clockTroubles: () => clockTroubles(base.telemetry),
    });
    if (runDueWork && doesTasks(config)) opened.push(doDueWork({ tasks, deliveries }, base, leases, log));
    const more = {
      takesRequests: takesRequests(config),
      tasks,
      feed,
      deliveries,
      models,
      queries,
      hotCarts,
      hotStock,
    };
    return { config, log, clock, folder, ...base, ...more, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const takesRequests = ({ ROLE }: Config) => ROLE === "all" || ROLE === "api";
const projects = ({ ROLE }: Config) => ROLE === "all" || ROLE === "projector";
const doesTasks = ({ ROLE }: Config) => ROLE === "all" || ROLE === "worker";

/** A process that does everything has a folder, for its secrets if not for its stores. */
function placeOf(config: Config, beside = false): DataFolder {
  const { ROLE, DATA_DIR, SHARED_SECRET, ADMIN_API_KEY, EVENTSTOREDB_URL, MONGODB_URL } = config;
  if (ROLE !== "all") return withoutFolder(SHARED_SECRET, ADMIN_API_KEY);
  // A command gives out no tokens.
  if (beside && EVENTSTOREDB_URL !== undefined && MONGODB_URL !== undefined)
    return withoutFolder(SHARED_SECRET ?? "", "");
  const folder = takeDataFolder(DATA_DIR, ADMIN_API_KEY);
  return SHARED_SECRET === undefined ? folder : { ...folder, secret: SHARED_SECRET };
}

/** The log, and what decides on it. */
async function openBase(
  { config, log, clock = systemClock, hot: given, beside = false }: RuntimeOptions,
  folder: DataFolder,
  opened: Opened,
) {
  const stores = backendsOf(config);
  if (stores.eventStoreDbUrl === undefined) requireLog(folder.path);
  const { telemetry, ofThreads } = openTelemetry(config, log);
  opened.push(() => telemetry.close());
  const { events: plain, embedded } = await openLog(stores, "commands", telemetry);
  const events = isTracing() ? tracedLog(plain) : plain;
  opened.push(() => events.close());
  const hot = given ?? (await openHot(stores, events.logId, telemetry));
  opened.push(() => hot.close().catch((error: unknown) => log.warn({ err: error }, "the hot store is away")));
  const codec = createCodec(shopEvents);
  const engine = new Engine({ events, codec, snapshots: snapshotsIn(hot) });
  const checked = { engine, codec, config, secret: folder.secret };
  const kept = await checkSettings({ events, ...(embedded && { embedded }), ...checked });
  opened.push(await obeyLogState({ engine, events, log }));
  const gateway = createSandboxGateway({ webhookSecret: config.SANDBOX_WEBHOOK_SECRET });
  const numbers = createOrderNumbers(engine, config.ORDER_NUMBER_PREFIX, clock);
  const imports = new ProductImports({ engine, events, codec, clock, currency: config.STORE_CURRENCY });
  const shop: Shop = { engine, gateway, numbers, imports, settings: shopSettings(config) };
  const identity = await openIdentity({ config, folder, stores, engine, hot, clock, log, beside });
  opened.push(() => identity.close());
  return {
    stores,
    identity,
    telemetry,
    ofThreads,
    events,
    embeddedLog: embedded,
    hot,
    codec,
    engine,
    kept,
    imports,
    shop,
  };
}

type Base = Awaited<ReturnType<typeof openBase>>;

/** What this thread measures, and holds of the others, and how they tell it. */
function openTelemetry({ SLOW_QUERY_MS: slowQueryMs }: Config, log: Logger) {
  const telemetry = new Telemetry({ thread: "main", log, slowQueryMs });
  const channel = `telemetry-${randomUUID()}`;
  telemetry.listen(channel);
  return { telemetry, ofThreads: { channel, slowQueryMs } };
}

/** The read models, kept up to date by a thread of this process or by another process. */
async function openModels(
  { config, log, beside = false, onDeath = () => {} }: RuntimeOptions,
  { stores, telemetry, ofThreads, events, codec }: Base,
  opened: Opened,
) {
  const worker = {
    stores,
    logId: events.logId,
    timeZone: config.STORE_TIME_ZONE,
    currency: config.STORE_CURRENCY,
    logLevel: config.LOG_LEVEL,
    telemetry: ofThreads,
    tracing: tracingSettings(config),
  };
  const projections = viewProjections(worker);
  const openFor = (role: BackendRole) => openViews(stores, events.logId, role, telemetry);
  const openToRead = () => openFor("reading");
  const isShared = stores.mongoDbUrl !== undefined;
  const projecting = projects(config) && !(beside && isShared && (await anotherProjects(openToRead)));
  const takesLease = config.ROLE !== "all" || (beside && isShared);
  const queries = new Queries(worker);
  const news = await openNews(stores, events.logId, "projected", telemetry);
  opened.push(() => news.close());
  const openToWrite = async () => (await openFor("projections")).views;
  const lent = Promise.withResolvers<Leases>();
  const models = await ReadModels.start(
    {
      ...{ events, projections, worker, onDeath },
      isShared,
      openViews: async () => {
        const { views, leases } = await (projecting ? openToRead() : whenThere(openToRead, log));
        lent.resolve(leases);
        return views;
      },
      sourceOf: (told, model) =>
        projecting
          ? new ProjectingThread(worker, takesLease, told)
          : new WatchedModels({ projections, events, codec, model, openToWrite, news, log, told }),
      onProgress: (progress) => {
        if (config.ROLE === "projector") news.publish(JSON.stringify(progress));
        if (!projecting) queries.look();
      },
      onFlip: () => queries.flipped(),
      onStored: (stored) => queries.stored(stored),
    },
    { projecting },
  );
  opened.push(() => models.stop());
  opened.push(() => queries.close());
  return { models, queries, leases: await lent.promise };
}

/** Two that project beside each other would do no harm, but each would change what the other compares. */
async function anotherProjects(openToRead: () => Promise<OpenViews>): Promise<boolean> {
  let opened: OpenViews;
  try {
    opened = await openToRead();
  } catch (error) {
    // There are no read models yet.
    if (error instanceof StoreUnavailable) return false;
    throw error;
  }
  try {
    const { name, ttlMs } = projectorLease;
    const lease = await opened.leases.acquire(name, ttlMs);
    if (lease) await opened.leases.release(lease);
    return lease === undefined;
  } finally {
    await opened.views.close();
  }
}

/** Whoever projects makes the read models, and may start after who reads them. */
async function whenThere<T>(open: () => Promise<T>, log: Logger): Promise<T> {
  const until = performance.now() + modelsWaitMsMax;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || performance.now() > until) throw error;
      log.info({ reason: error.message }, "waiting for the read models");
      await sleep(modelsPauseMs);
    }
  }
}

/** One process of several does what is due, and tells others what happens. @returns what ends it */
function doDueWork(
  { tasks, deliveries }: Pick<Runtime, "tasks" | "deliveries">,
  { stores, events, telemetry, imports }: Base,
  leases: Leases,
  log: Logger,
): () => Promise<void> {
  const ending = new AbortController();
  const start = (takeUpAll: boolean) => {
    imports.start();
    tasks.start(takeUpAll);
    deliveries.start();
  };
  const stop = async () => {
    imports.stop();
    await Promise.all([tasks.stop(), deliveries.stop()]);
  };
  if (stores.mongoDbUrl === undefined) {
    start(events.soleWriter);
    return stop;
  }
  const onError = (error: unknown) => log.warn({ err: error }, "the lease of tasks cannot be had");
  const isFit = () => clockTroubles(telemetry).length === 0;
  const options = { name: "tasks", ttlMs: taskLeaseMs, signal: ending.signal, isFit, onError };
  const held = holdLease(leases, options, async (_, signal) => {
    start(false);
    await untilAborted(signal);
    await stop();
  });
  return () => {
    ending.abort();
    return held;
  };
}

/** Where the settings say that the stores are. */
export function backendsOf(config: Config): BackendsConfig {
  return {
    dataDir: config.DATA_DIR,
    eventStoreDbUrl: config.EVENTSTOREDB_URL,
    mongoDbUrl: config.MONGODB_URL,
    redisUrl: config.REDIS_URL,
    archiveFile: config.ARCHIVE_FILE,
  };
}

/** Carts and stock as of now. */
function openHotModels(source: Pick<HotModelOptions, "events" | "hot" | "codec">, models: ReadModels) {
  const hotCarts = new HotModel({
    ...source,
    projection: cartsProjection,
    category: "cart",
    view: () => models.model("carts"),
    partsOf: cartParts,
    present: (doc, id, parts) => cartViewOf(id, doc, parts),
  });
  const hotStock = new HotModel({
    ...source,
    projection: stockProjection,
    category: "stock",
    view: () => models.model("stock"),
  });
  return { hotCarts, hotStock };
}

/** A folder with read models had a log: a new one beside them would be a silent loss. */
function requireLog(directory: string): void {
  const log = logFileIn(directory);
  if (existsSync(log) || !existsSync(viewsFolder(directory))) return;
  throw new StoreDamaged(
    `the event log ${log} is missing, but its read models are there: restore the log from a backup, ` +
      "or set DATA_DIR to another folder for a new store",
  );
}
