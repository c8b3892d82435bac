import { createHash } from "node:crypto";
import type { ShopEvents } from "../../commands/events.ts";
import { type KeptSettings, settings } from "../../commands/settings/settings.ts";
import { type Config, InvalidConfig } from "../config.ts";
import type { Codec } from "../engine/codec.ts";
import type { DataOf } from "../engine/decider.ts";
import type { Engine } from "../engine/write/engine.ts";
import type { OpenLog } from "../stores/backends.ts";
import { type EventStore, logStart } from "../stores/event-store/event-store.ts";
import { newId } from "../values/ids.ts";

/** Products that may have been made before the first of them had a price. */
const productsLookedAt = 200;
const stream = "shop";

/** What processes of one shop must have alike; one process alone may change it from start to start. */
const sharedSettings = [
  "STORE_TIME_ZONE",
  "TAX_RATE_BP",
  "TAX_INCLUDED",
  "TAX_PER",
  "TAX_ROUNDING",
  "SHIPPING_STANDARD",
  "SHIPPING_EXPRESS",
  "SHIPPING_OVERNIGHT",
  "CAPTURE",
  "ORDER_NUMBER_PREFIX",
  "CHECKOUT_NEEDS_QUOTE",
  "RESERVATION_MINUTES",
  "CART_DAYS",
  "RETURN_DAYS",
  "RETURN_APPROVAL",
  "TRANSFER_DAYS",
  "REFUND_APPROVAL_FROM",
  "IDEMPOTENCY_DAYS",
] as const satisfies readonly (keyof Config)[];

type Data<K extends keyof ShopEvents> = DataOf<ShopEvents, K>;

export interface CheckedSettings extends OpenLog {
  engine: Engine;
  codec: Codec;
  config: Config;
  /** Signs what one process gives out and another takes. */
  secret: string;
}

/**
 * Compares the settings with those that the shop's log has kept.
 * @returns what is to be kept from now on
 * @throws InvalidConfig for another currency than the shop sells in; for one process of several, also where others
 *   go by another setting
 */
export async function checkSettings(options: CheckedSettings): Promise<KeptSettings> {
  const { engine, config, embedded } = options;
  const before = await engine.read(settings, stream, ({ kept }) => kept);
  const sold = before?.currency ?? (await currencyOn(options));
  requireCurrency(config, sold);
  const hasStoredAnswers = async () =>
    embedded?.knowsType("AnswerStored") ?? (await firstOf(options.events, "AnswerStored", 1)).length > 0;
  const next: KeptSettings = {
    currency: config.STORE_CURRENCY,
    shared: sharedOf(options),
    storedAnswers: before?.storedAnswers ?? (await hasStoredAnswers()),
  };
  if (before && config.ROLE !== "all") requireShared(before, next);
  return next;
}

/** Keeps the settings on the log, where they are not yet. */
export async function keepSettings(engine: Engine, next: KeptSettings, now: number): Promise<void> {
  const context = { actor: "system:settings", correlationId: "settings", commandId: newId(), now };
  await engine.execute(settings, stream, "Keep", next, context);
}

function requireCurrency({ STORE_CURRENCY }: Config, sold: string | undefined): void {
  if (sold === undefined || sold === STORE_CURRENCY) return;
  throw new InvalidConfig([
    `STORE_CURRENCY is ${STORE_CURRENCY}, but the shop on this log sells in ${sold}: ` +
      `set it to ${sold}, or use another log for another shop`,
  ]);
}

/** A secret stands as a digest: the log is read by many. */
function sharedOf({ config, secret }: CheckedSettings): Record<string, string> {
  const digest = createHash("sha256").update(`settings ${secret}`).digest("base64url").slice(0, 16);
  return {
    ...Object.fromEntries(sharedSettings.map((name) => [name, String(config[name])])),
    SHARED_SECRET: digest,
  };
}

function requireShared({ shared: kept }: KeptSettings, { shared }: KeptSettings): void {
  // What was kept before a setting was shared says nothing of it.
  const differing = Object.keys(shared).filter(
    (name) => kept[name] !== undefined && kept[name] !== shared[name],
  );
  if (differing.length === 0) return;
  throw new InvalidConfig(
    differing.map((name) => {
      const values = name === "SHARED_SECRET" ? "" : `: it is ${shared[name]} here and ${kept[name]} there`;
      return (
        `${name} differs from what the shop's other processes go by${values}; to change it, stop them all ` +
        "and start one with ROLE=all and the new value first"
      );
    }),
  );
}

/** What figures on a log of version 0.1 mean is said by its first cart, or else its first price. */
async function currencyOn({ events, embedded, codec }: CheckedSettings): Promise<string | undefined> {
  const first = async <K extends keyof ShopEvents & string>(type: K, maxCount: number) => {
    if (embedded?.knowsType(type) === false) return [];
    const page = await firstOf(events, type, maxCount);
    return page.map((event) => codec.decode(event) as Data<K>);
  };
  const [cart] = await first("CartOpened", 1);
  if (cart) return cart.currency;
  const products = await first("ProductCreated", productsLookedAt);
  const [priced] = products.flatMap(({ variants }) => variants);
  if (priced) return priced.price.currency;
  const [added] = await first("VariantAdded", 1);
  return added?.variant.price.currency;
}

async function firstOf(events: EventStore, type: string, maxCount: number) {
  for (let after = logStart; ; ) {
    const page = await events.readAll({ after, types: [type], maxCount });
    if (page.events.length > 0 || page.scannedTo === after) return page.events;
    after = page.scannedTo;
  }
}
