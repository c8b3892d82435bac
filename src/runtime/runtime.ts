import { existsSync } from "node:fs";
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
import { HotModel, type HotModelOptions } from "../engine/read/hot-model.ts";
import { Engine } from "../engine/write/engine.ts";
import { snapshotsIn } from "../engine/write/snapshots.ts";
import { createSandboxGateway } from "../gateways/sandbox.ts";
import { type BackendsConfig, openHot, openLog, openViews, viewsFolder } from "../stores/backends.ts";
import { logFileIn } from "../stores/event-store/embedded/format.ts";
import type { EmbeddedEventStore } from "../stores/event-store/embedded/log.ts";
import { type EventStore, StoreDamaged } from "../stores/event-store/event-store.ts";
import type { HotStore } from "../stores/hot-store/hot-store.ts";
import type { Clock } from "../values/clock.ts";
import { systemClock } from "../values/clock.ts";
import { type DataFolder, takeDataFolder } from "./data-folder.ts";
import { followLog } from "./follow-log.ts";
import { checkSettings } from "./kept-settings.ts";
import { Queries } from "./queries.ts";
import { ReadModels } from "./read-models.ts";
import { TaskRunner } from "./task-runner.ts";

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
  followsLog?: boolean;
  /** The embedded one when left out. */
  hot?: HotStore;
  /** Something that the process cannot do without has died. */
  onDeath?: (error: Error) => void;
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
  hot: HotStore;
  models: ReadModels;
  /** Reads that may walk through many documents. */
  queries: Queries;
  tasks: TaskRunner;
  /** The settings that the log keeps, or is about to. */
  kept: KeptSettings;
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
    gatewayTimeoutMs: config.GATEWAY_TIMEOUT_MS,
  };
}

/**
 * Opens a data folder and all that works on it.
 * @throws DataFolderUnavailable, StoreDamaged, InvalidConfig
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { config, log, clock = systemClock, runDueWork = false, followsLog = true } = options;
  const folder = takeDataFolder(config.DATA_DIR, config.ADMIN_API_KEY);
  const opened: (() => Promise<void> | void)[] = [() => folder.release()];
  const close = async () => {
    for (const undo of opened.splice(0).reverse()) await undo();
  };
  try {
    const stores = backendsOf(config);
    if (stores.eventStoreDbUrl === undefined) requireLog(folder.path);
    const { events, embedded } = await openLog(stores, "commands");
    opened.push(() => events.close());
    const hot = options.hot ?? openHot(stores, events.logId);
    opened.push(() =>
      hot.close().catch((error: unknown) => log.warn({ err: error }, "the hot store is away")),
    );
    const codec = createCodec(shopEvents);
    const engine = new Engine({ events, codec, snapshots: snapshotsIn(hot) });
    const kept = await checkSettings({
      ...{ events, ...(embedded && { embedded }) },
      engine,
      codec,
      config,
      secret: folder.secret,
    });
    const gateway = createSandboxGateway({ webhookSecret: config.SANDBOX_WEBHOOK_SECRET });
    const numbers = createOrderNumbers(engine, config.ORDER_NUMBER_PREFIX, clock);
    const shop: Shop = { engine, gateway, numbers, settings: shopSettings(config) };
    const worker = {
      stores,
      logId: events.logId,
      timeZone: config.STORE_TIME_ZONE,
      currency: config.STORE_CURRENCY,
      logLevel: config.LOG_LEVEL,
    };
    const projections = viewProjections(worker);
    const onDeath = options.onDeath ?? (() => {});
    const queries = new Queries(worker);
    const models = await ReadModels.start({
      ...{ events, projections, worker, log, onDeath },
      openViews: () => openViews(stores, events.logId, "reading"),
      onFlip: () => queries.flipped(),
      onStored: (stored) => queries.stored(stored),
    });
    opened.push(() => models.stop());
    opened.push(() => queries.close());

    const { hotCarts, hotStock } = openHotModels({ events, hot, codec }, models);
    if (followsLog) {
      const following = new AbortController();
      const followed = followLog({
        events,
        hotModels: [hotCarts, hotStock],
        onAppended: () => models.appended(),
        log,
        after: await events.head(),
        signal: following.signal,
      });
      opened.push(async () => {
        following.abort();
        await followed;
      });
    }
    const tasks = new TaskRunner({ shop, models, clock, log });
    if (runDueWork) {
      tasks.start(events.soleWriter);
      opened.push(() => tasks.stop());
    }
    const opens = { folder, events, embeddedLog: embedded, hot, models, queries, hotCarts, hotStock };
    return { config, log, clock, codec, engine, shop, tasks, kept, ...opens, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where the settings say that the stores are. */
export function backendsOf(config: Config): BackendsConfig {
  return {
    dataDir: config.DATA_DIR,
    eventStoreDbUrl: config.EVENTSTOREDB_URL,
    mongoDbUrl: config.MONGODB_URL,
    redisUrl: config.REDIS_URL,
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
