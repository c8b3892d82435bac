import type { ShopEvents } from "../../commands/events.ts";
import { InvalidConfig } from "../config.ts";
import type { Codec } from "../engine/codec.ts";
import type { DataOf } from "../engine/decider.ts";
import { type EventStore, logStart } from "../stores/event-store/event-store.ts";

/** Products that may have been made before the first of them had a price. */
const productsLookedAt = 200;

type Data<K extends keyof ShopEvents> = DataOf<ShopEvents, K>;

type KeptLog = Pick<EventStore, "readAll"> & { knowsType(type: string): boolean };

/**
 * What figures on the log mean is said by the log itself: its first cart, or else its first price.
 * @throws InvalidConfig when the shop has sold in another currency than the configured one
 */
export async function requireKeptCurrency(events: KeptLog, codec: Codec, currency: string): Promise<void> {
  const kept = await keptCurrency(events, codec);
  if (kept === undefined || kept === currency) return;
  throw new InvalidConfig([
    `STORE_CURRENCY is ${currency}, but the shop in this data folder sells in ${kept}: ` +
      `set it to ${kept}, or DATA_DIR to another folder for another shop`,
  ]);
}

async function keptCurrency(events: KeptLog, codec: Codec): Promise<string | undefined> {
  const first = async <K extends keyof ShopEvents & string>(type: K, maxCount: number) => {
    if (!events.knowsType(type)) return [];
    const page = await events.readAll({ after: logStart, types: [type], maxCount });
    return page.events.map((event) => codec.decode(event) as Data<K>);
  };
  const [cart] = await first("CartOpened", 1);
  if (cart) return cart.currency;
  const products = await first("ProductCreated", productsLookedAt);
  const [priced] = products.flatMap(({ variants }) => variants);
  if (priced) return priced.price.currency;
  const [added] = await first("VariantAdded", 1);
  return added?.variant.price.currency;
}
