import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import type { Money } from "../../src/values/money.ts";
import {
  type RankedQuery,
  type RankedSalesProjection,
  rankedSales,
  rankedSalesProjection,
} from "./ranked-sales.ts";

export interface CategorySales {
  category: string;
  units: number;
  revenue: Money;
}

const withoutCategory = "uncategorized";

/** What was sold of each category, as the products had it when they were sold, by days of the time zone. */
export function categorySalesProjection(timeZone: string): RankedSalesProjection {
  return rankedSalesProjection(
    "category-sales",
    timeZone,
    ({ category = withoutCategory }) => category || withoutCategory,
  );
}

/** Best first, from what was first paid or shipped in the days, less what was credited. @throws RangeError for what is no day */
export async function categorySales(
  model: ViewModel,
  query: RankedQuery,
): Promise<{ items: CategorySales[] }> {
  const rows = await rankedSales(model, query);
  return { items: rows.map(({ item, units, revenue }) => ({ category: item, units, revenue })) };
}
