import type { AnyProjection } from "../src/engine/projection.ts";
import { auditProjection } from "./audit.ts";
import { cartsProjection } from "./carts.ts";
import { catalogProjection } from "./catalog/catalog.ts";
import { customersProjection } from "./customers.ts";
import { importsProjection } from "./imports.ts";
import { ordersProjection } from "./orders/orders.ts";
import { paymentsProjection } from "./payments.ts";
import { categorySalesProjection } from "./sales/category-sales.ts";
import { funnelProjection } from "./sales/funnel.ts";
import { productSalesProjection } from "./sales/product-sales.ts";
import { salesProjection } from "./sales/sales.ts";
import { stockLedgerProjection } from "./stock/ledger.ts";
import { reservationsProjection } from "./stock/reservations.ts";
import { stockProjection } from "./stock/stock.ts";
import { subscriptionsProjection } from "./subscriptions.ts";
import { tasksProjection } from "./tasks/tasks.ts";

/**
 * Every read model in the view store. A rebuild takes them in turns on two threads, to which they are as much work, in a
 * shop of many carts and in an imported year. Those that read the stock's events stand at even places, so that one
 * thread alone parses them; so do `funnel`, `tasks` and `audit`, which read the carts'. At odd places stand those that
 * read orders and payments, and make most of the documents.
 */
export function viewProjections({ timeZone }: { timeZone: string; currency: string }): AnyProjection[] {
  return [
    stockLedgerProjection,
    cartsProjection,
    reservationsProjection,
    ordersProjection,
    stockProjection,
    productSalesProjection(timeZone),
    catalogProjection,
    paymentsProjection,
    funnelProjection(timeZone),
    salesProjection(timeZone),
    tasksProjection,
    categorySalesProjection(timeZone),
    auditProjection,
    subscriptionsProjection,
    importsProjection,
    customersProjection,
  ];
}
