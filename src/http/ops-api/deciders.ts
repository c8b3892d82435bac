import { account } from "../../../commands/account/account.ts";
import { apiKeys } from "../../../commands/apikey/apikey.ts";
import { brands } from "../../../commands/brand/brand.ts";
import { cart } from "../../../commands/cart/cart.ts";
import { categories } from "../../../commands/category/category.ts";
import { claim } from "../../../commands/claim/claim.ts";
import { customer } from "../../../commands/customer/customer.ts";
import { invoiceList } from "../../../commands/import/import.ts";
import { imported } from "../../../commands/imported/imported.ts";
import { key } from "../../../commands/key/key.ts";
import { storedAnswer } from "../../../commands/key/stored-answer.ts";
import { order } from "../../../commands/order/order.ts";
import { payment } from "../../../commands/payment/payment.ts";
import { product } from "../../../commands/product/product.ts";
import { importFile, productImport } from "../../../commands/productimport/productimport.ts";
import { stock } from "../../../commands/stock/stock.ts";
import { webhook } from "../../../commands/webhook/webhook.ts";
import type { Codec } from "../../engine/codec.ts";
import { type Decider, type EventMap, streamCategory } from "../../engine/decider.ts";
import type { EventStore } from "../../stores/event-store/event-store.ts";
import { isSortedMap, OrderedMap, type SortedMap } from "../../values/ordered-map.ts";

const pageEvents = 1_000;

// biome-ignore lint/suspicious/noExplicitAny: the states of all categories are only shown
type AnyDecider = Decider<any, EventMap>;

const deciders = new Map(
  (
    [
      account,
      apiKeys,
      brands,
      cart,
      categories,
      claim,
      customer,
      imported,
      importFile,
      invoiceList,
      key,
      order,
      payment,
      product,
      productImport,
      stock,
      storedAnswer,
      webhook,
    ] as unknown as AnyDecider[]
  ).map((decider) => [decider.category, decider]),
);

/** Up to a revision, or up to a time in epoch milliseconds; both included. */
export type FoldUpTo = { revision: number } | { timeMs: number };

export interface FoldedState {
  /** Of the last event folded; -1 before the first. */
  revision: number;
  time: string | null;
  /** As JSON has it: maps are objects, sets are arrays. Null before the first event, or without a write model. */
  state: unknown;
}

/** What the write model of a stream's category made of the stream at some point. */
export async function foldStream(
  { events, codec }: { events: EventStore; codec: Codec },
  stream: string,
  upTo: FoldUpTo,
): Promise<FoldedState> {
  const decider = deciderOf(stream);
  let state: unknown = decider?.initial();
  let last: { revision: number; time: number } | undefined;
  for (;;) {
    const { events: page, isEnd } = await events.readStream(stream, {
      from: (last?.revision ?? -1) + 1,
      maxCount: pageEvents,
    });
    for (const event of page) {
      const { revision, type, time } = event;
      // Times of a stream need not grow: another process may have another clock.
      if ("revision" in upTo ? revision > upTo.revision : time > upTo.timeMs)
        return shown(decider, state, last);
      const step = decider?.evolve[type];
      if (step) state = step(state, codec.decode(event), { time });
      last = { revision, time };
    }
    if (isEnd) return shown(decider, state, last);
  }
}

function shown(
  decider: AnyDecider | undefined,
  state: unknown,
  last: { revision: number; time: number } | undefined,
): FoldedState {
  return {
    revision: last?.revision ?? -1,
    time: last ? new Date(last.time).toISOString() : null,
    state: decider && last ? plain(state) : null,
  };
}

type AnyMap = Map<unknown, unknown> | OrderedMap<unknown> | SortedMap<unknown, unknown>;

/** The write model of a stream's category, if there is one. */
export function deciderOf(stream: string): AnyDecider | undefined {
  return deciders.get(streamCategory(stream));
}

/** What a value of a state consists of, by name; undefined for what is no collection. What a set holds is true. */
export function partsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (isMap(value)) return new Map([...entriesOf(value)].map(([key, each]) => [String(key), each]));
  if (value instanceof Set) return new Map([...value].map((each) => [String(each), true]));
  return new Map(Object.entries(value));
}

function isMap(value: unknown): value is AnyMap {
  return value instanceof Map || value instanceof OrderedMap || isSortedMap(value);
}

function entriesOf(map: AnyMap): Iterable<readonly [unknown, unknown]> {
  return isSortedMap(map) ? map.entries() : map;
}

/** A copy in which maps are objects and sets are arrays. */
function plain(value: unknown): unknown {
  if (isMap(value))
    return Object.fromEntries([...entriesOf(value)].map(([key, each]) => [String(key), plain(each)]));
  if (value instanceof Set) return [...value].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
