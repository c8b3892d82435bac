import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";
import {
  type Handler,
  type ProjectedEvent,
  type Projection,
  projectionOf,
} from "../../src/engine/projection.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { dayOf, eachPeriod } from "../../src/values/calendar.ts";
import { allocate, CurrencyMismatch, type Money } from "../../src/values/money.ts";
import type { DayRange } from "../page.ts";
import { linesOf, type OrderedLine, type Sold, type SoldLine, soldOf } from "./sold-lines.ts";

/** What was sold of one thing in one day, one month, or ever; revenue in minor units. */
interface SalesDoc {
  units: number;
  revenue: number;
  /** The latest; only where it stands for all periods. */
  name?: string;
  currency?: string;
}

/** An order's lines by their ids, and what each of its events has booked, by position and `/` + item. */
interface OrderDoc {
  currency: string;
  lines: OrderedLine[];
  booked: Record<string, Record<string, Sold>>;
  /** The position of the event that it counts since. */
  counted?: string;
  cancelled?: true;
  /** All of it was cancelled line by line: what its credits have left is the shop's. */
  over?: true;
}

type RankedDoc = SalesDoc | OrderDoc;

type Credit = DataOf<ShopEvents, "CreditWithdrawn">;

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
 * paid or shipped; what is credited after that is taken off on its own day, as from the sales by period: so over
 * all days its revenue is what those have as gross less refunds. A document per order remembers its lines, and what
 * each of its events booked, so that an event may come again.
 */
export function rankedSalesProjection(
  name: string,
  timeZone: string,
  groupOf: (line: SoldLine) => string,
): RankedSalesProjection {
  function booking<D>(
    change: (order: OrderDoc, event: ProjectedEvent<D>) => OrderDoc,
    touches: (data: D) => boolean = () => true,
  ): Handler<RankedDoc, D> {
    return {
      keys: ({ id, data }) => (touches(data) ? orderPrefix + id : []),
      change: (doc, event) => (doc && isOrder(doc) ? change(doc, event) : doc),
      follow: (doc, { position, time }) => bookedKeys(doc, position, dayOf(time, timeZone)),
      changeFollower: withBooked,
    };
  }
  const firstPaidOrShipped = booking<unknown>((order, { position }) => counted(order, position));
  const crediting = (sign: 1 | -1) =>
    booking<Pick<Credit, "lines">>(
      (order, { position, data }) => credited(order, position, data.lines, sign),
      ({ lines }) => lines.length > 0,
    );
  return projectionOf<ShopEvents>()<RankedDoc>({
    name,
    version: 3,
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
        change: (_, { position, data }) =>
          withLines(
            { currency: data.currency, lines: [], booked: {} },
            position,
            linesOf(data.lines, groupOf),
          ),
      },
      OrderEdited: booking((order, { position, data }) =>
        withLines(order, position, linesOf(data.lines, groupOf)),
      ),
      OrderPaid: firstPaidOrShipped,
      ShipmentDispatched: firstPaidOrShipped,
      OrderCredited: crediting(1),
      CreditWithdrawn: crediting(-1),
      OrderRefunded: booking(
        (order, { position, data }) => refunded(order, position, data),
        ({ goods }) => goods > 0,
      ),
      LinesCancelled: booking(
        (order) => Object.assign(order, { over: true }),
        ({ complete }) => complete,
      ),
      OrderCancelled: booking((order, { position, data }) => cancelled(order, position, data.goods)),
      // What is received by parts is credited, if at all, by an event of its own.
      ReturnReceived: booking(
        (order, { position, data }) => cameBack(order, position, data.lines),
        ({ receiptId }) => receiptId === undefined,
      ),
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

/** With lines that it was placed with, or that were added. */
function withLines(order: OrderDoc, position: string, lines: readonly OrderedLine[]): OrderDoc {
  order.lines.push(...lines);
  if (order.counted !== undefined)
    for (const line of lines) book(order, position, line, line.units, line.revenue);
  return order;
}

function counted(order: OrderDoc, position: string): OrderDoc {
  if (order.counted !== undefined || order.cancelled) return order;
  order.counted = position;
  // What was credited before is not sold.
  for (const line of order.lines) book(order, position, line, soldOf(line), line.revenue);
  return order;
}

/** @param sign 1 takes it off, -1 adds it again */
function credited(order: OrderDoc, position: string, lines: Credit["lines"], sign: 1 | -1): OrderDoc {
  for (const { lineId, quantity, goods } of lines) {
    const line = order.lines[lineId - 1];
    if (!line) throw new Error(`there is no line ${lineId}`);
    takeOff(order, position, line, { credited: sign * quantity, revenue: sign * goods });
  }
  return order;
}

/** Money that no credit had promised: for what has come back, or over what lines have left. */
function refunded(
  order: OrderDoc,
  position: string,
  { goods, cause }: DataOf<ShopEvents, "OrderRefunded">,
): OrderDoc {
  const unpaid = cause === "return" ? order.lines.map((line) => line.unpaid) : [];
  const forReturned = Math.min(
    goods,
    unpaid.reduce((sum, amount) => sum + amount, 0),
  );
  const parts = allocate(forReturned, unpaid);
  for (const [index, line] of order.lines.entries()) {
    const revenue = parts[index] ?? 0;
    line.unpaid -= revenue;
    takeOff(order, position, line, { revenue });
  }
  return spread(order, position, goods - forReturned);
}

/** More than is left is taken off all the same, as the sales by period have it. */
function spread(order: OrderDoc, position: string, goods: number): OrderDoc {
  const parts = allocate(
    goods,
    order.lines.map(({ revenue }) => Math.max(0, revenue)),
  );
  for (const [index, line] of order.lines.entries())
    takeOff(order, position, line, { revenue: parts[index] ?? 0 });
  return order;
}

/** What is cancelled as a whole without being credited line by line: by version 0.1, or before it was confirmed. */
function cancelled(order: OrderDoc, position: string, goods: number): OrderDoc {
  order.cancelled = true;
  if (order.over) return order;
  for (const line of order.lines)
    takeOff(order, position, line, { back: soldOf(line), revenue: goods > 0 ? 0 : line.revenue });
  return spread(order, position, goods);
}

/** By SKU, first to last, as version 0.1 received returns; it told of their money later. */
function cameBack(
  order: OrderDoc,
  position: string,
  found: readonly { sku: string; sellable: number; damaged: number }[],
): OrderDoc {
  for (const { sku, sellable, damaged } of found) {
    let left = sellable + damaged;
    for (const line of order.lines) {
      const sold = soldOf(line);
      const back = line.sku === sku ? Math.min(left, sold) : 0;
      if (back === 0) continue;
      line.unpaid += shareOf(Math.max(0, line.revenue - line.unpaid), back, sold);
      takeOff(order, position, line, { back });
      left -= back;
    }
  }
  return order;
}

function takeOff(
  order: OrderDoc,
  position: string,
  line: OrderedLine,
  { back = 0, credited = 0, revenue = 0 }: { back?: number; credited?: number; revenue?: number },
): void {
  const before = soldOf(line);
  line.back += back;
  line.credited += credited;
  line.revenue -= revenue;
  if (order.counted !== undefined) book(order, position, line, soldOf(line) - before, 0 - revenue);
}

function shareOf(amount: number, part: number, whole: number): number {
  return Number((BigInt(amount) * BigInt(part)) / BigInt(whole));
}

function book(order: OrderDoc, position: string, line: OrderedLine, units: number, revenue: number): void {
  if (units === 0 && revenue === 0) return;
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
