import type { ShopEvents } from "../../commands/events.ts";
import { type ProjectedEvent, type Projection, projectionOf } from "../../src/engine/projection.ts";
import type { Condition, ViewModel } from "../../src/stores/view-store/view-store.ts";
import { dayOf } from "../../src/values/calendar.ts";
import type { DayRange } from "../page.ts";

const steps = [
  "carts_opened",
  "carts_with_items",
  "checkouts_started",
  "orders_placed",
  "orders_confirmed",
] as const;
export type FunnelStep = (typeof steps)[number];

/** How many carts, of those that were opened on one day, have come to each step. */
type DayDoc = Record<FunnelStep, number>;

/** The day a cart was opened, and by the position of which event it came to each step so far. */
interface CartDoc {
  openedOn: string;
  took: string[];
}

/** The day the cart of an order was opened, and the position of its confirmation. */
interface OrderDoc {
  openedOn: string;
  confirmedAt?: string;
}

type FunnelDoc = DayDoc | CartDoc | OrderDoc;

const cartPrefix = "cart/";
const orderPrefix = "order/";
const dayPrefix = "day/";

const pageDocuments = 1_000;

/**
 * From carts to orders. A cart counts on the day it was opened, once in each step up to the furthest that it
 * reached, however often its checkout is tried; so no step holds more than the one before. Orders without a
 * cart on the log, as an import writes them, count in none.
 */
export function funnelProjection(timeZone: string): Projection<FunnelDoc, ShopEvents> {
  const taken = (step: FunnelStep) => ({
    keys: ({ id }: { id: string }) => cartPrefix + id,
    change: (doc: FunnelDoc | undefined, { position }: ProjectedEvent) => reached(doc, step, position),
    follow: (doc: FunnelDoc | undefined, { position }: ProjectedEvent) =>
      doc && isCart(doc) && doc.took.includes(position) ? [dayPrefix + doc.openedOn] : [],
    changeFollower: withCart,
  });
  return projectionOf<ShopEvents>()<FunnelDoc>({
    name: "funnel",
    version: 2,
    builtFor: timeZone,
    columns: { day: "text" },
    indexes: [["day"]],
    columnsOf: (_, key) => ({ day: key.startsWith(dayPrefix) ? key.slice(dayPrefix.length) : null }),
    on: {
      CartOpened: {
        ...taken("carts_opened"),
        // What staff has drafted is no shopper's way.
        keys: ({ id, data }) => (data.draft ? [] : cartPrefix + id),
        change: (doc, { position, time }) => doc ?? { openedOn: dayOf(time, timeZone), took: [position] },
      },
      ItemAdded: {
        ...taken("carts_with_items"),
        // No later one has to load the cart's document.
        keys: ({ id, revision, data }) => (revision === 1 || data.first ? cartPrefix + id : []),
      },
      CheckoutStarted: taken("checkouts_started"),
      OrderPlaced: {
        ...taken("orders_placed"),
        keys: ({ data }) => cartPrefix + data.cartId,
        follow: (doc, { id, position }) => {
          if (!doc || !isCart(doc)) return [];
          const order = orderPrefix + id;
          return doc.took.includes(position) ? [order, dayPrefix + doc.openedOn] : [order];
        },
        changeFollower: (doc, event, key, cart) =>
          key.startsWith(orderPrefix) ? orderOf(cart) : withCart(doc, event, key, cart),
      },
      OrderConfirmed: {
        // Once per cart: an order is confirmed once, and converts its cart for good.
        keys: ({ id }) => orderPrefix + id,
        change: (doc, { position }) => {
          if (doc && isOrder(doc)) doc.confirmedAt ??= position;
          return doc;
        },
        follow: (doc, { position }) =>
          doc && isOrder(doc) && doc.confirmedAt === position ? [dayPrefix + doc.openedOn] : [],
        changeFollower: (doc) => {
          const day = dayDoc(doc);
          day.orders_confirmed++;
          return day;
        },
      },
    },
  });
}

/** How many of the carts opened in a range of days took each step, in order. */
export async function funnel(
  model: ViewModel,
  { from, to }: DayRange,
): Promise<{ items: { step: FunnelStep; count: number }[] }> {
  const where: Condition[] = [{ column: "day", gte: from ?? "" }];
  if (to !== undefined) where.push({ column: "day", lte: to });
  const total = emptyDay();
  for (let after: readonly (string | number | null)[] | null | undefined; after !== null; ) {
    const page = await model.find({ where, limit: pageDocuments, ...(after && { after }) });
    for (const { json } of page.items) {
      const day = JSON.parse(json) as DayDoc;
      for (const step of steps) total[step] += day[step];
    }
    after = page.next;
  }
  return { items: steps.map((step) => ({ step, count: total[step] })) };
}

function emptyDay(): DayDoc {
  return {
    carts_opened: 0,
    carts_with_items: 0,
    checkouts_started: 0,
    orders_placed: 0,
    orders_confirmed: 0,
  };
}

function isCart(doc: FunnelDoc): doc is CartDoc {
  return "took" in doc;
}

function isOrder(doc: FunnelDoc): doc is OrderDoc {
  return "openedOn" in doc && !isCart(doc);
}

/** With every step up to this one taken, those that were not yet by this event. */
function reached(doc: FunnelDoc | undefined, step: FunnelStep, position: string): FunnelDoc | undefined {
  if (!doc || !isCart(doc)) return doc;
  while (doc.took.length <= steps.indexOf(step)) doc.took.push(position);
  return doc;
}

function withCart(
  doc: FunnelDoc | undefined,
  { position }: ProjectedEvent,
  key: string,
  cart: FunnelDoc | undefined,
): DayDoc {
  if (!cart || !isCart(cart)) throw new Error(`${key} follows no cart`);
  const day = dayDoc(doc);
  for (const [index, step] of steps.entries()) if (cart.took[index] === position) day[step]++;
  return day;
}

function orderOf(cart: FunnelDoc | undefined): OrderDoc {
  if (!cart || !isCart(cart)) throw new Error("an order follows no cart");
  return { openedOn: cart.openedOn };
}

function dayDoc(doc: FunnelDoc | undefined): DayDoc {
  if (doc === undefined) return emptyDay();
  if ("openedOn" in doc) throw new Error("a cart or an order stands where a day should");
  return doc;
}
