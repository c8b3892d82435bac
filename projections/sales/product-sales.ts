import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import type { Money } from "../../src/values/money.ts";
import {
  type RankedQuery,
  type RankedSalesProjection,
  rankedSales,
  rankedSalesProjection,
} from "./ranked-sales.ts";

export interface ProductSales {
  sku: string;
  /** As it was sold last. */
  name: string;
  units: number;
  revenue: Money;
}

/** What was sold of each SKU, by days of the time zone. */
export function productSalesProjection(timeZone: string): RankedSalesProjection {
  return rankedSalesProjection("product-sales", timeZone, ({ sku }) => sku);
}

/** Best first, from what was first paid or shipped in the days, less what was credited. @throws RangeError for what is no day */
export async function productSales(model: ViewModel, query: RankedQuery): Promise<{ items: ProductSales[] }> {
  const rows = await rankedSales(model, query);
  return { items: rows.map(({ item, ...sales }) => ({ sku: item, ...sales })) };
}
