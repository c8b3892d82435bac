import type { ShopEvents } from "../../commands/events.ts";
import { type Projection, projectionOf } from "../../src/engine/projection.ts";
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

/** How many carts and orders took each step on one day. */
type FunnelDoc = Record<FunnelStep, number>;

const pageDocuments = 1_000;

/**
 * From carts to orders. A cart counts once for each of its steps, on the day that it took it first; a
 * checkout that is tried again places another order, and that counts again.
 */
export function funnelProjection(timeZone: string): Projection<FunnelDoc, ShopEvents> {
  const taken = (step: FunnelStep) => ({
    keys: ({ time }: { time: number }) => dayOf(time, timeZone),
    change: (doc = emptyDay()) => {
      doc[step]++;
      return doc;
    },
  });
  return projectionOf<ShopEvents>()<FunnelDoc>({
    name: "funnel",
    version: 1,
    columns: { day: "text" },
    indexes: [["day"]],
    columnsOf: (_, day) => ({ day }),
    on: {
      CartOpened: taken("carts_opened"),
      ItemAdded: {
        ...taken("carts_with_items"),
        // Nothing but an item can happen to an open cart that is empty and go on: the first item is the
        // second event of its stream. So no document per cart has to remember it.
        keys: ({ time, revision }) => (revision === 1 ? dayOf(time, timeZone) : []),
      },
      CheckoutStarted: {
        ...taken("checkouts_started"),
        keys: ({ time, data }) => (data.attempt === 1 ? dayOf(time, timeZone) : []),
      },
      OrderPlaced: taken("orders_placed"),
      OrderConfirmed: taken("orders_confirmed"),
    },
  });
}

/** How many took each step in a range of days, in order. */
export async function funnel(
  model: ViewModel,
  { from, to }: DayRange,
): Promise<{ items: { step: FunnelStep; count: number }[] }> {
  const where: Condition[] = [];
  if (from !== undefined) where.push({ column: "day", gte: from });
  if (to !== undefined) where.push({ column: "day", lte: to });
  const total = emptyDay();
  for (let after: readonly (string | number | null)[] | null | undefined; after !== null; ) {
    const page = await model.find({ where, limit: pageDocuments, ...(after && { after }) });
    for (const { json } of page.items) {
      const day = JSON.parse(json) as FunnelDoc;
      for (const step of steps) total[step] += day[step];
    }
    after = page.next;
  }
  return { items: steps.map((step) => ({ step, count: total[step] })) };
}

function emptyDay(): FunnelDoc {
  return {
    carts_opened: 0,
    carts_with_items: 0,
    checkouts_started: 0,
    orders_placed: 0,
    orders_confirmed: 0,
  };
}
