import type { ShopEvents } from "../commands/events.ts";
import { importJobEvents, type ProductImport } from "../commands/productimport/state.ts";
import type { EvolveContext } from "../src/engine/decider.ts";
import { type Handler, projectionOf } from "../src/engine/projection.ts";
import type { ColumnValue, ViewModel } from "../src/stores/view-store/view-store.ts";
import { known, streamKey } from "./handlers.ts";
import { type PageRequest, pageQuery } from "./page.ts";

/** An import with its id. */
export type ListedImport = ProductImport & { readonly id: string };

function changed<D>(
  change: (job: ProductImport, data: D, context: EvolveContext) => ProductImport,
): Handler<ProductImport, D> {
  return { keys: streamKey, change: (doc, event) => change(known(doc, event), event.data, event) };
}

/** Imports of products that were handed in, and how far each is. */
export const importsProjection = projectionOf<ShopEvents>()<ProductImport>({
  name: "imports",
  version: 1,
  columns: { requestedAt: "number" },
  indexes: [["requestedAt"]],
  columnsOf: ({ requestedAt }) => ({ requestedAt }),
  present: (job, id) => ({ id, ...job }),
  on: {
    ProductImportRequested: {
      keys: streamKey,
      change: (doc, event) => importJobEvents.ProductImportRequested(doc, event.data, event),
    },
    ProductImportLookedThrough: changed(importJobEvents.ProductImportLookedThrough),
    ProductImportReached: changed(importJobEvents.ProductImportReached),
    ProductImportFinished: changed(importJobEvents.ProductImportFinished),
    ProductImportCancelled: changed(importJobEvents.ProductImportCancelled),
    ProductImportFailed: changed(importJobEvents.ProductImportFailed),
  },
});

/** Newest first. */
export async function listImports(
  model: ViewModel,
  page: PageRequest,
): Promise<{ imports: ListedImport[]; next: readonly ColumnValue[] | null }> {
  const sort = [{ column: "requestedAt", descending: true }] as const;
  const { items, next } = await model.find({ sort, ...pageQuery(page) });
  return { imports: items.map(({ json }) => JSON.parse(json) as ListedImport), next };
}
