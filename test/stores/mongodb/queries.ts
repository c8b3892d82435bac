import { listAudit } from "../../../projections/audit.ts";
import { listDrafts } from "../../../projections/carts.ts";
import { groupDocsOf } from "../../../projections/catalog/groups.ts";
import { getProduct } from "../../../projections/catalog/queries.ts";
import { listCustomers } from "../../../projections/customers.ts";
import { listImports } from "../../../projections/imports.ts";
import { getOrder, listOrders } from "../../../projections/orders/queries.ts";
import { paymentsOfOrder } from "../../../projections/payments.ts";
import { funnel } from "../../../projections/sales/funnel.ts";
import { rankedSales } from "../../../projections/sales/ranked-sales.ts";
import { salesByPeriod } from "../../../projections/sales/sales.ts";
import { stockLedger } from "../../../projections/stock/ledger.ts";
import { backorderedOf, skusWithExpired } from "../../../projections/stock/reservations.ts";
import { listStock, stockedSpelling } from "../../../projections/stock/stock.ts";
import { listEndpoints } from "../../../projections/subscriptions.ts";
import { tasksOf } from "../../../projections/tasks/queries.ts";
import type { ViewModel } from "../../../src/stores/view-store/view-store.ts";

const limit = 20;
const times = { from: "2026-01-01T08:00:00Z", to: "2026-03-31T08:00:00+02:00" };
const days = { from: "2026-01-01", to: "2026-03-31" };

/** What is asked of each model with columns, under a title: every query of the read side, with each of its filters. */
export const queries: Record<string, [string, (model: ViewModel) => Promise<unknown>][]> = {
  audit: [
    ["all that was done", (model) => listAudit(model, { limit }, "UTC")],
    ["what one has done", (model) => listAudit(model, { limit, actor: "staff", ...days }, "UTC")],
  ],
  carts: [["drafts that are no orders yet", (model) => listDrafts(model, { limit })]],
  catalog: [
    ["a product by its slug", (model) => getProduct(model, "slug")],
    ["all categories and brands", groupDocsOf],
  ],
  customers: [
    ["all customers", (model) => listCustomers(model, { limit })],
    ["the customer of an address", (model) => listCustomers(model, { limit, emailRef: "e" })],
    ["customers of a status", (model) => listCustomers(model, { limit, status: "suspended" })],
    [
      "the customer of an address, by status",
      (model) => listCustomers(model, { limit, emailRef: "e", status: "active" }),
    ],
  ],
  orders: [
    ["all orders", (model) => listOrders(model, { limit }, "UTC")],
    ["orders of a range of days", (model) => listOrders(model, { limit, ...days }, "UTC")],
    ["orders of a status", (model) => listOrders(model, { limit, status: "paid" }, "UTC")],
    ["orders of an address", (model) => listOrders(model, { limit, email: "a@b.c", ...days }, "UTC")],
    ["orders of a customer", (model) => listOrders(model, { limit, customer: "c", status: "paid" }, "UTC")],
    ["orders of a payment status", (model) => listOrders(model, { limit, paymentStatus: "paid" }, "UTC")],
    [
      "orders of both statuses and a range of times",
      (model) => listOrders(model, { limit, status: "paid", paymentStatus: "paid", ...times }, "UTC"),
    ],
    ["orders of a SKU", (model) => listOrders(model, { limit, sku: "A" }, "UTC")],
    [
      "orders of a SKU and a status",
      (model) => listOrders(model, { limit, sku: "A", status: "paid" }, "UTC"),
    ],
    ["orders by the beginning of a number", (model) => listOrders(model, { limit, number: "ORD-7" }, "UTC")],
    ["orders by the beginning of an address", (model) => listOrders(model, { limit, email: "ann" }, "UTC")],
    ["orders of a name", (model) => listOrders(model, { limit, name: "Ann Sm" }, "UTC")],
    [
      "orders by all there is",
      (model) =>
        listOrders(model, { limit, name: "Ann", number: "O", email: "a@b.c", sku: "A", ...times }, "UTC"),
    ],
    [
      "an order by its number",
      (orders) => getOrder({ orders, payments: orders, reservations: orders }, "ORD-1"),
    ],
  ],
  payments: [["payments of an order", (model) => paymentsOfOrder(model, "o")]],
  "stock-ledger": [["movements of a SKU", (model) => stockLedger(model, "A", { limit })]],
  reservations: [
    ["reservations that have run out", (model) => skusWithExpired(model, 1, { limit })],
    ["what an order waits for", (model) => backorderedOf(model, "o")],
  ],
  stock: [
    ["all stock", (model) => listStock(model, { limit })],
    ["stock of a status", (model) => listStock(model, { limit, status: "in_stock" })],
    ["a SKU by another spelling", (model) => stockedSpelling(model, "a")],
  ],
  "product-sales": [["best sold products", (model) => rankedSales(model, { limit, sort: "units" })]],
  "category-sales": [
    ["best sold categories of days", (model) => rankedSales(model, { limit, sort: "revenue", ...days })],
  ],
  sales: [["sales by day", (model) => salesByPeriod(model, { interval: "day", ...days })]],
  funnel: [["the funnel of days", (model) => funnel(model, days)]],
  imports: [["all imports of products", (model) => listImports(model, { limit })]],
  subscriptions: [["all webhook endpoints", (model) => listEndpoints(model, { limit })]],
  tasks: [
    ["tasks of a kind that are due", (model) => tasksOf(model, "checkout", { dueBy: 1, limit })],
    ["all tasks of a kind", (model) => tasksOf(model, "checkout", { limit })],
  ],
};

/** What is sorted in memory, and why that may be. */
export const sortedInMemory: Record<string, string> = {
  "orders of a SKU": "no index of a list goes on with a column; these are the orders of one SKU",
  "orders by the beginning of a number": "a range of numbers is not in the order of time",
  "orders by the beginning of an address": "a range of addresses is not in the order of time",
  "orders of a name": "those of one name",
  "the funnel of days": "one document a day, by key",
};
