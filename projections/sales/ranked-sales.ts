import type { ShopEvents } from "../../commands/events.ts";
import { type ProjectedEvent, type Projection, projectionOf } from "../../src/engine/projection.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { dayOf, eachPeriod } from "../../src/values/calendar.ts";
import { CurrencyMismatch, type Money } from "../../src/values/money.ts";
import type { DayRange } from "../page.ts";
import { linesOf, type OrderedLine, type Sold, type SoldLine } from "./sold-lines.ts";

/** What was sold of one thing in one day, one month, or ever; revenue in minor units. */
interface SalesDoc {
  units: number;
  revenue: number;
  /** The latest; only where it stands for all periods. */
  name?: string;
  currency?: string;
}

/** What an order has on its lines, and what each of its events has booked, by position and `/` + item. */
interface OrderDoc {
  currency: string;
  lines: OrderedLine[];
  booked: Record<string, Record<string, Sold>>;
  /** The position of the event that it counts since. */
  counted?: string;
  cancelled?: true;
}

type RankedDoc = SalesDoc | OrderDoc;

export type RankedSalesProjection = Projection<RankedDoc, ShopEvents>;

const ever = "ever";
const orderPrefix = "order/";
const everPrefix = `${ever}/`;
const keyOf = (period: string, item: string) => `${period}/${item}`;
const itemOf = (key: string) => key.slice(key.indexOf("/") + 1);
const periodOf = (key: string) => key.slice(0, key.indexOf("/"));
const isOrder = (doc: RankedDoc): doc is OrderDoc => "booked" in doc;

/**
 * Units and revenue by `groupOf` a line, in documents for each day, each month and all time, so that any
 * range of days is a sum over a few whole months and the days at its edges. An order counts when it is first
 * paid or shipped; what is cancelled or comes back after that is taken off on its own day. A document per
 * order remembers its lines, and what each of its events booked, so that an event may come again.
 */
export function rankedSalesProjection(
  name: string,
  timeZone: string,
  groupOf: (line: SoldLine) => string,
): RankedSalesProjection {
  const booking = {
    keys: ({ id }: { id: string }) => orderPrefix + id,
    follow: (doc: RankedDoc | undefined, { position, time }: ProjectedEvent) =>
      bookedKeys(doc, position, dayOf(time, timeZone)),
    changeFollower: withBooked,
  };
  const firstPaidOrShipped = {
    ...booking,
    change: (doc: RankedDoc | undefined, { position }: ProjectedEvent) =>
      doc && isOrder(doc) ? counted(doc, position) : doc,
  };
  return projectionOf<ShopEvents>()<RankedDoc>({
    name,
    version: 2,
    builtFor: timeZone,
    columns: { period: "text", item: "text", units: "number", revenue: "number" },
    // A sum reads nothing but this index.
    indexes: [["period", "item", "units", "revenue"]],
    columnsOf: (doc, key) =>
      isOrder(doc)
        ? { period: null, item: null, units: null, revenue: null }
        : { period: periodOf(key), item: itemOf(key), units: doc.units, revenue: doc.revenue },
    on: {
      OrderPlaced: {
        keys: ({ id }) => orderPrefix + id,
        change: (_, { data }) => ({
          currency: data.currency,
          lines: linesOf(data.lines, groupOf),
          booked: {},
        }),
      },
      OrderPaid: firstPaidOrShipped,
      ShipmentDispatched: firstPaidOrShipped,
      LinesCancelled: {
        ...booking,
        change: (doc, { position, data }) => (doc && isOrder(doc) ? without(doc, position, data.lines) : doc),
      },
      OrderCancelled: {
        ...booking,
        change: (doc, { position }) => (doc && isOrder(doc) ? cancelled(doc, position) : doc),
      },
      ReturnInspected: {
        ...booking,
        change: (doc, { position, data }) =>
          doc && isOrder(doc) ? without(doc, position, data.lines.map(returned)) : doc,
      },
      ReturnReceived: {
        ...booking,
        change: (doc, { position, data }) =>
          doc && isOrder(doc) && doc.counted !== undefined
            ? without(doc, position, data.lines.map(returned))
            : doc,
      },
    },
  });
}

function bookedKeys(doc: RankedDoc | undefined, position: string, day: string): string[] {
  const booked = doc && isOrder(doc) ? doc.booked[position] : undefined;
  if (!booked) return [];
  return Object.keys(booked).flatMap((item) => [day, day.slice(0, 7), ever].map((period) => period + item));
}

function withBooked(
  doc: RankedDoc | undefined,
  { position }: ProjectedEvent,
  key: string,
  order: RankedDoc | undefined,
): SalesDoc {
  const booked = order && isOrder(order) ? order.booked[position]?.[key.slice(key.indexOf("/"))] : undefined;
  if (!booked || !order || !isOrder(order)) throw new Error(`${key} is not of this order`);
  const sales = doc ?? { units: 0, revenue: 0 };
  if (isOrder(sales)) throw new Error("an order stands where a period should");
  sales.units += booked.units;
  sales.revenue += booked.revenue;
  if (!key.startsWith(everPrefix)) return sales;
  if (sales.currency !== undefined && sales.currency !== order.currency)
    throw new CurrencyMismatch(sales.currency, order.currency);
  sales.currency = order.currency;
  if (order.counted === position) sales.name = booked.name;
  sales.name ??= booked.name;
  return sales;
}

function counted(order: OrderDoc, position: string): OrderDoc {
  if (order.counted !== undefined || order.cancelled) return order;
  order.counted = position;
  for (const line of order.lines) {
    const units = line.units - line.back;
    // What was cancelled before is not sold.
    if (units > 0)
      book(order, position, line, units, line.revenue - shareOf(line.revenue, line.back, line.units));
  }
  return order;
}

/** What had come back already is not taken off again. */
function cancelled(order: OrderDoc, position: string): OrderDoc {
  order.cancelled = true;
  if (order.counted === undefined) return order;
  for (const line of order.lines) takeOff(order, position, line, line.units - line.back);
  return order;
}

function returned({ sku, sellable, damaged }: { sku: string; sellable: number; damaged: number }) {
  return { sku, quantity: sellable + damaged };
}

function without(
  order: OrderDoc,
  position: string,
  pieces: readonly { sku: string; quantity: number }[],
): OrderDoc {
  for (const { sku, quantity } of pieces) {
    let left = quantity;
    for (const line of order.lines) {
      if (line.sku !== sku || left === 0) continue;
      const units = Math.min(left, line.units - line.back);
      takeOff(order, position, line, units);
      left -= units;
    }
  }
  return order;
}

/** The shares of a line's units add up to its revenue: the last takes the remainder. */
function takeOff(order: OrderDoc, position: string, line: OrderedLine, units: number): void {
  if (units === 0) return;
  const share = (back: number) => shareOf(line.revenue, back, line.units);
  const revenue = share(line.back + units) - share(line.back);
  line.back += units;
  if (order.counted !== undefined) book(order, position, line, -units, -revenue);
}

function shareOf(amount: number, part: number, whole: number): number {
  return Number((BigInt(amount) * BigInt(part)) / BigInt(whole));
}

function book(order: OrderDoc, position: string, line: OrderedLine, units: number, revenue: number): void {
  order.booked[position] ??= {};
  const booked = order.booked[position];
  // Never a name that objects have of their own, whatever the SKU.
  const item = `/${line.item}`;
  const sold = booked[item];
  booked[item] = {
    name: line.name,
    units: (sold?.units ?? 0) + units,
    revenue: (sold?.revenue ?? 0) + revenue,
  };
}

export interface RankedQuery extends DayRange {
  sort: "revenue" | "units";
  limit: number;
}

export interface RankedRow {
  item: string;
  name: string;
  units: number;
  revenue: Money;
}

/**
 * The best sold things of a range of days, best first.
 * @throws RangeError for what is no day
 */
export async function rankedSales(model: ViewModel, query: RankedQuery): Promise<RankedRow[]> {
  const { sort, limit } = query;
  const periods = await periodsOf(model, query);
  const rows = await model.sum({
    where: [{ column: "period", in: periods }],
    groupBy: "item",
    sums: ["units", "revenue"],
    sortBy: sort,
    limit,
  });
  const named = await model.getMany(rows.map(({ group }) => keyOf(ever, String(group))));
  const sold = rows.filter(({ sums }) => sums.units !== 0 || sums.revenue !== 0);
  return sold.map(({ group, sums }) => {
    const item = String(group);
    const found = named.get(keyOf(ever, item));
    if (!found) throw new Error(`${item} was sold in a period, but never`);
    const { name = item, currency = "" } = JSON.parse(found.json) as SalesDoc;
    return { item, name, units: sums.units ?? 0, revenue: { amount: sums.revenue ?? 0, currency } };
  });
}

/** The periods that make up a range of days: as few as there can be, and none of before the first sale. */
async function periodsOf(model: ViewModel, { from, to }: DayRange): Promise<string[]> {
  if (from === undefined && to === undefined) return [ever];
  const [first, last] = await Promise.all([edgePeriod(model, false), edgePeriod(model, true)]);
  if (first === undefined || last === undefined) return [];
  const start = laterOf(from, `${first.slice(0, 7)}-01`);
  const end = earlierOf(to, lastDayOf(last.slice(0, 7)));
  if (start > end) return [];
  return eachPeriod(start, end, "month").flatMap((month) => {
    const [monthStart, monthEnd] = [`${month}-01`, lastDayOf(month)];
    if (start <= monthStart && monthEnd <= end) return [month];
    return eachPeriod(laterOf(start, monthStart), earlierOf(end, monthEnd), "day");
  });
}

/** The first or the last day or month that anything was sold in. */
async function edgePeriod(model: ViewModel, descending: boolean): Promise<string | undefined> {
  const { items } = await model.find({
    where: [{ column: "period", lt: ever }],
    sort: [{ column: "period", descending }],
    limit: 1,
  });
  return items[0] && periodOf(items[0].key);
}

function laterOf(a: string | undefined, b: string): string {
  return a !== undefined && a > b ? a : b;
}

function earlierOf(a: string | undefined, b: string): string {
  return a !== undefined && a < b ? a : b;
}

function lastDayOf(month: string): string {
  const [year, number] = [Number(month.slice(0, 4)), Number(month.slice(5, 7))];
  return `${month}-${new Date(Date.UTC(year, number, 0)).getUTCDate()}`;
}
