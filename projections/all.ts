import type { AnyProjection } from "../src/engine/projection.ts";
import { cartsProjection } from "./carts.ts";
import { catalogProjection } from "./catalog.ts";
import { categorySalesProjection } from "./category-sales.ts";
import { funnelProjection } from "./funnel.ts";
import { ordersProjection } from "./orders.ts";
import { paymentsProjection } from "./payments.ts";
import { productSalesProjection } from "./product-sales.ts";
import { salesProjection } from "./sales.ts";
import { stockProjection } from "./stock.ts";
import { stockLedgerProjection } from "./stock-ledger.ts";
import { workProjection } from "./work.ts";

/**
 * Every read model in the view store. Rebuilding takes them in turns on two threads, so the costly ones come
 * first, in pairs.
 */
export function viewProjections({ timeZone }: { timeZone: string; currency: string }): AnyProjection[] {
  return [
    stockLedgerProjection,
    productSalesProjection(timeZone),
    cartsProjection,
    ordersProjection,
    catalogProjection,
    workProjection,
    stockProjection,
    salesProjection(timeZone),
    paymentsProjection,
    categorySalesProjection(timeZone),
    funnelProjection(timeZone),
  ];
}
