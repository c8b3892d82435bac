import { parentPort, workerData } from "node:worker_threads";
import { type AuditQuery, listAudit } from "../../../projections/audit.ts";
import { listDrafts } from "../../../projections/carts.ts";
import { bestSellers } from "../../../projections/catalog/best-sellers.ts";
import { exportProducts, type ProductsExport } from "../../../projections/catalog/export.ts";
import {
  CatalogListing,
  type NamedProducts,
  type ProductsQuery,
} from "../../../projections/catalog/listing.ts";
import { exportOrders, type OrdersExport } from "../../../projections/orders/export.ts";
import { listOrders, type OrdersQuery } from "../../../projections/orders/queries.ts";
import { categorySales } from "../../../projections/sales/category-sales.ts";
import { funnel } from "../../../projections/sales/funnel.ts";
import { productSales } from "../../../projections/sales/product-sales.ts";
import { refundsByPeriod, salesByPeriod } from "../../../projections/sales/sales.ts";
import { exportStock, type StockExport } from "../../../projections/stock/export.ts";
import { listStock } from "../../../projections/stock/stock.ts";
import type { Position } from "../../stores/event-store/event-store.ts";
import type { ViewModel } from "../../stores/view-store/view-store.ts";
import { standBack } from "./priority.ts";
import type { StoredDocuments } from "./projection-worker.ts";
import { openWorkerStores, type WorkerData } from "./worker-data.ts";
import { serve } from "./worker-rpc.ts";

if (!parentPort) throw new Error("this file is the start of a worker thread");
standBack();
const data = workerData as WorkerData;
const { views, projections } = await openWorkerStores(data, "queries", "reading");

async function live(name: string): Promise<ViewModel> {
  const projection = projections.find((candidate) => candidate.name === name);
  if (!projection) throw new Error(`there is no read model ${name}`);
  return views.open(projection);
}

/** Of documents that have changed; beyond, all are read. */
const changedMax = 5_000;

const listing = new CatalogListing();
/** Changes of the listing, one after the other; until it is asked for it is empty. */
let following: Promise<void> | undefined;

/** More of the listing is about to be refreshed. */
let isRefreshing = false;

/** What the listing is made of: a generation, and how far it was when it was looked at. */
let seen: { generation: number; position: Position } | undefined;

async function loadAll(): Promise<void> {
  const model = await live("catalog");
  seen = { generation: model.generation, position: await model.checkpoint() };
  await listing.load(model);
}

function upToDate(): Promise<void> {
  following ??= loadAll();
  following.catch(() => {
    following = undefined;
  });
  return following;
}

/** What was stored before this was told is read by then. */
function follow({ keys }: StoredDocuments): void {
  if (!following) return;
  goOn(async () => {
    await (keys ? listing.update(await live("catalog"), keys) : loadAll());
    await refresh();
  });
}

/** Some at a time, with what was asked meanwhile in between. */
async function refresh(): Promise<void> {
  if (isRefreshing || !(await listing.refresh(await live("catalog")))) return;
  isRefreshing = true;
  setImmediate(() => {
    isRefreshing = false;
    goOn(refresh);
  });
}

/** Another process has come further with the catalog: what it has changed is asked for. */
function look(): void {
  goOn(async () => {
    const model = await live("catalog");
    if (model.generation !== seen?.generation) return loadAll();
    const position = await model.checkpoint();
    if (position === seen.position) return;
    const keys = await model.changedSince(seen.position, changedMax);
    if (keys.length === changedMax) return loadAll();
    await listing.update(model, keys);
    seen = { ...seen, position };
    await refresh();
  });
}

function goOn(task: () => Promise<void>): void {
  if (!following) return;
  following = following.then(task);
  following.catch(() => {
    // The next query reads everything anew.
    following = undefined;
  });
}

type InputOf<Query extends (model: ViewModel, input: never) => unknown> = Parameters<Query>[1];

/** A page each, as text. */
const exports = {
  exportOrders: async (input: OrdersExport) => exportOrders(await live("orders"), input, data.timeZone),
  exportProducts: async (input: ProductsExport) => exportProducts(await live("catalog"), input),
  exportStock: async (input: StockExport) => exportStock(await live("stock"), input),
};
export type ExportTable = typeof exports;

/** Reads that may walk through many documents, each on the generation that is live now. */
const queries = {
  products: async (input: ProductsQuery) => {
    await upToDate();
    return listing.list(await live("catalog"), input);
  },
  namedProducts: async (input: NamedProducts) => {
    await upToDate();
    return listing.named(await live("catalog"), input);
  },
  categories: async () => {
    await upToDate();
    return listing.categories();
  },
  brands: async () => {
    await upToDate();
    return listing.brands();
  },
  orders: async (input: OrdersQuery) => listOrders(await live("orders"), input, data.timeZone),
  audit: async (input: AuditQuery) => listAudit(await live("audit"), input, data.timeZone),
  drafts: async (input: InputOf<typeof listDrafts>) => listDrafts(await live("carts"), input),
  stock: async (input: InputOf<typeof listStock>) => listStock(await live("stock"), input),
  sales: async (input: InputOf<typeof salesByPeriod>) => salesByPeriod(await live("sales"), input),
  refunds: async (input: InputOf<typeof refundsByPeriod>) => refundsByPeriod(await live("sales"), input),
  productSales: async (input: InputOf<typeof productSales>) =>
    productSales(await live("product-sales"), input),
  categorySales: async (input: InputOf<typeof categorySales>) =>
    categorySales(await live("category-sales"), input),
  funnel: async (input: InputOf<typeof funnel>) => funnel(await live("funnel"), input),
  bestSellers: async (limit: number) =>
    bestSellers(await live("product-sales"), await live("catalog"), limit),
  ...exports,
  documents: async (name: string) => (await live(name)).count(),
};
export type QueryTable = typeof queries;

serve(parentPort, {
  ...queries,
  flipped: () => views.refresh(),
  stored: follow,
  look,
  stop: async () => {
    await views.close();
  },
});
