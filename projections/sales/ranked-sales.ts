import type { ShopEvents } from "../../commands/events.ts";
import { type Projection, projectionOf } from "../../src/engine/projection.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { dayOf, eachPeriod } from "../../src/values/calendar.ts";
import { CurrencyMismatch, type Money } from "../../src/values/money.ts";
import type { DayRange } from "../page.ts";
import { type SoldLine, tally } from "./sold-lines.ts";

/** What was sold of one thing in one day, one month, or ever; revenue in minor units. */
interface SalesDoc {
  units: number;
  revenue: number;
  /** The latest; only where it stands for all periods. */
  name?: string;
  currency?: string;
}

export type RankedSalesProjection = Projection<SalesDoc, ShopEvents>;

const ever = "ever";
const everPrefix = `${ever}/`;
const keyOf = (period: string, item: string) => `${period}/${item}`;
const itemOf = (key: string) => key.slice(key.indexOf("/") + 1);
const periodOf = (key: string) => key.slice(0, key.indexOf("/"));

/**
 * Units and revenue by `groupOf` a confirmed line, in documents for each day, each month and all time, so
 * that any range of days is a sum over a few whole months and the days at its edges. Later cancellations and
 * refunds do not take from it.
 */
export function rankedSalesProjection(
  name: string,
  timeZone: string,
  groupOf: (line: SoldLine) => string,
): RankedSalesProjection {
  const soldBy = tally(groupOf);
  return projectionOf<ShopEvents>()<SalesDoc>({
    name,
    version: 1,
    columns: { period: "text", item: "text", units: "number", revenue: "number" },
    // A sum reads nothing but this index.
    indexes: [["period", "item", "units", "revenue"]],
    columnsOf: ({ units, revenue }, key) => ({ period: periodOf(key), item: itemOf(key), units, revenue }),
    on: {
      OrderConfirmed: {
        keys: ({ data, time }) => {
          const day = dayOf(time, timeZone);
          const month = day.slice(0, 7);
          const keys: string[] = [];
          for (const item of soldBy(data).keys())
            keys.push(keyOf(day, item), keyOf(month, item), keyOf(ever, item));
          return keys;
        },
        change: (doc = { units: 0, revenue: 0 }, { data }, key) => {
          const sold = soldBy(data).get(itemOf(key));
          if (!sold) throw new Error(`${key} is not of this order`);
          doc.units += sold.units;
          doc.revenue += sold.revenue;
          if (!key.startsWith(everPrefix)) return doc;
          if (doc.currency !== undefined && doc.currency !== data.currency)
            throw new CurrencyMismatch(doc.currency, data.currency);
          doc.name = sold.name;
          doc.currency = data.currency;
          return doc;
        },
      },
    },
  });
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
  return rows.map(({ group, sums }) => {
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
