import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { type ProductSales, productSales } from "../sales/product-sales.ts";
import { skusForSale } from "./queries.ts";

/** Ranks that are looked at for what is still for sale. */
const bestSellersDepthMax = 1_000;

/** The best sold of what is for sale, looked for no further down than a bound. */
export async function bestSellers(
  sales: ViewModel,
  catalog: ViewModel,
  limit: number,
): Promise<ProductSales[]> {
  for (let depth = limit * 2; ; depth = Math.min(depth * 4, bestSellersDepthMax)) {
    const { items } = await productSales(sales, { sort: "units", limit: depth });
    const forSale = await skusForSale(
      catalog,
      items.map(({ sku }) => sku),
    );
    const found = items.filter(({ sku }) => forSale.has(sku));
    if (found.length >= limit || items.length < depth || depth >= bestSellersDepthMax)
      return found.slice(0, limit);
  }
}
