import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";
import { type ProjectedEvent, type Projection, projectionOf } from "../../src/engine/projection.ts";
import type { ColumnValue, Condition, ViewModel } from "../../src/stores/view-store/view-store.ts";
import { dayOf, type Interval } from "../../src/values/calendar.ts";
import { CurrencyMismatch, type Money, scale } from "../../src/values/money.ts";
import type { DayRange } from "../page.ts";

const pageDocuments = 1_000;
/** Days and months that a buyer is known to have bought in; an order that comes later than these counts again. */
const periodsRememberedMax = 8;

type Confirmed = DataOf<ShopEvents, "OrderConfirmed">;
type RefundCause = DataOf<ShopEvents, "OrderRefunded">["cause"];

/** What a day or a month took in and gave back; amounts are minor units. */
interface PeriodDoc {
  currency: string;
  orders: number;
  units: number;
  gross: number;
  /** What cancellations and refunds take from the sales; of goods, as `gross` and `discounts`, which it is less of. */
  refunds: number;
  discounts: number;
  tax: number;
  shipping: number;
  refundedTax: number;
  refundedShipping: number;
  /** Kept of what was refunded. */
  fees: number;
  unitsReturned: number;
  newCustomers: number;
  returningCustomers: number;
  /** Money given back, shipping and all, by cause. */
  givenBack: Record<RefundCause, { count: number; amount: number }>;
}

type Visit = "new" | "returning";

/** What the period documents need to know of a buyer. */
interface BuyerDoc {
  /** The latest. */
  days: string[];
  months: string[];
  /** What the last order made of the buyer in its day and in its month; null when counted there already. */
  inDay: Visit | null;
  inMonth: Visit | null;
}

type SalesDoc = PeriodDoc | BuyerDoc;

export interface SalesPeriod {
  /** `2011-03-07` or `2011-03`. */
  period: string;
  orders: number;
  units: number;
  gross: Money;
  refunds: Money;
  net: Money;
  discounts: Money;
  tax: Money;
  shipping: Money;
  refundedTax: Money;
  refundedShipping: Money;
  fees: Money;
  unitsReturned: number;
  averageOrderValue: Money;
  newCustomers: number;
  returningCustomers: number;
}

export interface RefundsPeriod {
  period: string;
  count: number;
  /** Money given back, shipping and all. */
  amount: Money;
  byCause: Record<RefundCause, { count: number; amount: Money }>;
}

const dayPrefix = "day/";
const monthPrefix = "month/";
const buyerPrefix = "buyer/";

/**
 * Sales by day and by month of the time zone. An order counts in the period it is confirmed in; what is
 * cancelled or refunded later is booked under refunds in its own.
 *
 * A buyer is new in the period of the first order, by the order of the log, and returning in every later
 * period with one; counted once in each. Orders without a buyer (a guest without an e-mail address) count
 * in neither.
 */
export function salesProjection(timeZone: string): Projection<SalesDoc, ShopEvents> {
  const periodsOf = ({ time }: { time: number }): [day: string, month: string] => {
    const day = dayOf(time, timeZone);
    return [dayPrefix + day, monthPrefix + day.slice(0, 7)];
  };
  return projectionOf<ShopEvents>()<SalesDoc>({
    name: "sales",
    version: 3,
    builtFor: timeZone,
    columns: { grain: "text", period: "text" },
    indexes: [["grain", "period"]],
    columnsOf: (_, key) => columnsOf(key),
    on: {
      OrderConfirmed: {
        keys: (event) => (event.data.buyer === undefined ? periodsOf(event) : buyerPrefix + event.data.buyer),
        change: (doc, event) =>
          event.data.buyer === undefined
            ? withOrder(doc, event.data, null)
            : withVisit(doc, dayOf(event.time, timeZone)),
        follow: (_, event) => (event.data.buyer === undefined ? [] : periodsOf(event)),
        changeFollower: (doc, { data }, key, origin) => withOrder(doc, data, visitIn(origin, key)),
      },
      OrderCancelled: {
        keys: (event) => (event.data.goods > 0 ? periodsOf(event) : []),
        change: (doc, { data }) => {
          const period = periodDoc(doc, data.currency);
          period.refunds += data.goods;
          return period;
        },
      },
      OrderEdited: { keys: periodsOf, change: (doc, { data }) => withMore(doc, data) },
      OrderCredited: {
        keys: (event) => (isBooked(event.data) ? periodsOf(event) : []),
        change: (doc, { data }) => {
          const period = withCredit(doc, data, 1);
          if (data.cause === "return")
            period.unitsReturned += data.lines.reduce((sum, { quantity }) => sum + quantity, 0);
          return period;
        },
      },
      CreditWithdrawn: {
        keys: (event) => (isBooked(event.data) ? periodsOf(event) : []),
        change: (doc, { data }) => withCredit(doc, data, -1),
      },
      OrderRefunded: { keys: periodsOf, change: withRefund },
    },
  });
}

function columnsOf(key: string): Record<string, ColumnValue> {
  if (key.startsWith(buyerPrefix)) return {};
  const slash = key.indexOf("/");
  return { grain: key.slice(0, slash), period: key.slice(slash + 1) };
}

function isPeriod(doc: SalesDoc): doc is PeriodDoc {
  return "orders" in doc;
}

/** @throws CurrencyMismatch: a shop's reports are in one currency */
function periodDoc(doc: SalesDoc | undefined, currency: string): PeriodDoc {
  if (doc === undefined) {
    const givenBack = {
      cancellation: { count: 0, amount: 0 },
      return: { count: 0, amount: 0 },
      goodwill: { count: 0, amount: 0 },
      dispute: { count: 0, amount: 0 },
    };
    const sums = { orders: 0, units: 0, gross: 0, refunds: 0, newCustomers: 0, returningCustomers: 0 };
    const parts = {
      discounts: 0,
      tax: 0,
      shipping: 0,
      refundedTax: 0,
      refundedShipping: 0,
      fees: 0,
      unitsReturned: 0,
    };
    return { currency, ...sums, ...parts, givenBack };
  }
  if (!isPeriod(doc)) throw new Error("a buyer stands where a period should");
  if (doc.currency !== currency) throw new CurrencyMismatch(doc.currency, currency);
  return doc;
}

function withOrder(doc: SalesDoc | undefined, data: Confirmed, visit: Visit | null): PeriodDoc {
  const period = periodDoc(doc, data.currency);
  period.orders++;
  period.units += data.units;
  period.gross += data.gross;
  period.discounts += data.discounts ?? 0;
  period.tax += data.tax ?? 0;
  period.shipping += data.shipping ?? 0;
  if (visit === "new") period.newCustomers++;
  if (visit === "returning") period.returningCustomers++;
  return period;
}

/** What was added to an order counts on its own day. */
function withMore(doc: SalesDoc | undefined, data: DataOf<ShopEvents, "OrderEdited">): PeriodDoc {
  const period = periodDoc(doc, data.currency);
  for (const { quantity, subtotal, discount, tax } of data.lines) {
    period.units += quantity;
    period.gross += subtotal - discount;
    period.discounts += discount;
    period.tax += tax;
  }
  period.shipping += data.shipping;
  period.tax += data.shippingTax;
  return period;
}

/** Whether a credit is of anything: one may only pay out what was owed. */
function isBooked({ lines, shipping, shippingTax }: DataOf<ShopEvents, "CreditWithdrawn">): boolean {
  return lines.length > 0 || shipping > 0 || shippingTax > 0;
}

/** What is not asked for any more, or, with -1, is asked for again after all. */
function withCredit(
  doc: SalesDoc | undefined,
  { currency, lines, shipping, shippingTax, fee = 0 }: DataOf<ShopEvents, "CreditWithdrawn">,
  sign: 1 | -1,
): PeriodDoc {
  const period = periodDoc(doc, currency);
  for (const { goods, tax } of lines) {
    period.refunds += sign * goods;
    period.refundedTax += sign * tax;
  }
  period.refundedShipping += sign * shipping;
  period.refundedTax += sign * shippingTax;
  period.fees += sign * fee;
  return period;
}

function withRefund(
  doc: SalesDoc | undefined,
  { data }: ProjectedEvent<DataOf<ShopEvents, "OrderRefunded">>,
): PeriodDoc {
  const period = periodDoc(doc, data.currency);
  period.refunds += data.goods;
  const givenBack = period.givenBack[data.cause];
  givenBack.count++;
  givenBack.amount += data.amount;
  return period;
}

function withVisit(doc: SalesDoc | undefined, day: string): BuyerDoc {
  const month = day.slice(0, 7);
  if (doc === undefined) return { days: [day], months: [month], inDay: "new", inMonth: "new" };
  if (isPeriod(doc)) throw new Error("a period stands where a buyer should");
  doc.inDay = remember(doc.days, day) ? "returning" : null;
  doc.inMonth = remember(doc.months, month) ? "returning" : null;
  return doc;
}

/** @returns whether the period is one that was not remembered */
function remember(periods: string[], period: string): boolean {
  if (periods.includes(period)) return false;
  periods.push(period);
  if (periods.length > periodsRememberedMax) periods.shift();
  return true;
}

function visitIn(origin: SalesDoc | undefined, key: string): Visit | null {
  if (!origin || isPeriod(origin)) throw new Error(`${key} follows no buyer`);
  return key.startsWith(dayPrefix) ? origin.inDay : origin.inMonth;
}

export interface SalesQuery extends DayRange {
  interval: Interval;
}

/**
 * Periods with sales or refunds, oldest first; the others are left out. By month, `from` and `to` stand for
 * the months that hold them.
 */
export async function salesByPeriod(model: ViewModel, query: SalesQuery): Promise<{ items: SalesPeriod[] }> {
  const periods = await periodsIn(model, query);
  const has = ({ orders, refunds, refundedShipping }: PeriodDoc) =>
    orders > 0 || refunds !== 0 || refundedShipping !== 0;
  return { items: periods.filter(({ doc }) => has(doc)).map(salesOf) };
}

/** Periods that money was given back in, oldest first. */
export async function refundsByPeriod(
  model: ViewModel,
  query: SalesQuery,
): Promise<{ items: RefundsPeriod[] }> {
  const periods = await periodsIn(model, query);
  return { items: periods.map(refundsOf).filter(({ count }) => count > 0) };
}

interface StoredPeriod {
  period: string;
  doc: PeriodDoc;
}

async function periodsIn(model: ViewModel, { from, to, interval }: SalesQuery): Promise<StoredPeriod[]> {
  const length = interval === "day" ? 10 : 7;
  const where: Condition[] = [{ column: "grain", eq: interval }];
  if (from !== undefined) where.push({ column: "period", gte: from.slice(0, length) });
  if (to !== undefined) where.push({ column: "period", lte: to.slice(0, length) });
  const periods: StoredPeriod[] = [];
  for (let after: readonly ColumnValue[] | null | undefined; after !== null; ) {
    const page = await model.find({
      where,
      sort: [{ column: "period" }],
      limit: pageDocuments,
      ...(after && { after }),
    });
    for (const { key, json } of page.items)
      periods.push({ period: key.slice(interval.length + 1), doc: JSON.parse(json) as PeriodDoc });
    after = page.next;
  }
  return periods;
}

function salesOf({ period, doc }: StoredPeriod): SalesPeriod {
  const { currency, orders, units, gross, refunds, newCustomers, returningCustomers } = doc;
  const money = (amount: number): Money => ({ amount, currency });
  return {
    period,
    orders,
    units,
    gross: money(gross),
    refunds: money(refunds),
    net: money(gross - refunds),
    discounts: money(doc.discounts),
    tax: money(doc.tax),
    shipping: money(doc.shipping),
    refundedTax: money(doc.refundedTax),
    refundedShipping: money(doc.refundedShipping),
    fees: money(doc.fees),
    unitsReturned: doc.unitsReturned,
    averageOrderValue: money(orders === 0 ? 0 : scale(gross, 1, orders, "half_up")),
    newCustomers,
    returningCustomers,
  };
}

function refundsOf({ period, doc: { currency, givenBack } }: StoredPeriod): RefundsPeriod {
  const { cancellation, return: returned, goodwill, dispute } = givenBack;
  const all = [cancellation, returned, goodwill, dispute];
  const money = (amount: number): Money => ({ amount, currency });
  const shown = ({ count, amount }: { count: number; amount: number }) => ({ count, amount: money(amount) });
  return {
    period,
    count: all.reduce((sum, { count }) => sum + count, 0),
    amount: money(all.reduce((sum, { amount }) => sum + amount, 0)),
    byCause: {
      cancellation: shown(cancellation),
      return: shown(returned),
      goodwill: shown(goodwill),
      dispute: shown(dispute),
    },
  };
}
