import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { foldSku } from "../../src/values/sku.ts";
import type { JsonText } from "../page.ts";
import type { ProductDetails, ProductDoc } from "./documents.ts";
import type { Groups } from "./groups.ts";
import { listItemOf, type ProductListItem } from "./views.ts";

export type ProductStatus = ProductDetails["status"];

/** An item of a list in which not everything is published. */
export interface ProductItemWithStatus extends ProductListItem {
  status: ProductStatus;
}

/** A product that a caller means by name, of a status that it may see. */
interface Found {
  id: string;
  doc: ProductDoc;
  details: ProductDetails;
}

const published: readonly ProductStatus[] = ["published"];

/** Products by id, in the order of the ids, each once; those that are not there, or not of the statuses, are left out. */
export async function productsById(
  model: ViewModel,
  ids: readonly string[],
  status: readonly ProductStatus[] | undefined,
  groups: Groups,
): Promise<JsonText<ProductListItem>[]> {
  const found = await load(model, ids, status ?? published);
  const products = ids.map((id) => found.get(id));
  return textsOf(products, status !== undefined, groups);
}

/**
 * The products that have these SKUs in a variant that is not retired, in the order of the SKUs, each once. A SKU is
 * known however it is written; where a log holds two spellings of it, the exact one is meant.
 * @param candidatesOf ids of all products that may have a SKU
 */
export async function productsBySku(
  model: ViewModel,
  skus: readonly string[],
  status: readonly ProductStatus[] | undefined,
  groups: Groups,
  candidatesOf: (sku: string) => readonly string[],
): Promise<JsonText<ProductListItem>[]> {
  const candidates = skus.map((sku) => [...candidatesOf(sku)].sort());
  const found = await load(model, candidates.flat(), status ?? published);
  const products = skus.map((sku, index) => {
    const some = (candidates[index] ?? []).flatMap((id) => found.get(id) ?? []);
    const folded = foldSku(sku);
    return (
      some.find((product) => hasSku(product, (each) => each === sku)) ??
      some.find((product) => hasSku(product, (each) => foldSku(each) === folded))
    );
  });
  return textsOf(products, status !== undefined, groups);
}

/** Items of products of any status, which they tell, by id. */
export async function itemsWithStatus(
  model: ViewModel,
  ids: readonly string[],
  groups: Groups,
): Promise<Map<string, { json: JsonText<ProductListItem> }>> {
  const found = await load(model, ids, undefined);
  return new Map([...found].map(([id, product]) => [id, { json: textOf(product, true, groups) }]));
}

function hasSku({ details }: Found, isMeant: (sku: string) => boolean): boolean {
  return details.variants.some(({ sku, retired }) => !retired && isMeant(sku));
}

async function load(
  model: ViewModel,
  ids: readonly string[],
  status: readonly ProductStatus[] | undefined,
): Promise<Map<string, Found>> {
  const { documents } = await model.load([...new Set(ids)]);
  const found = new Map<string, Found>();
  for (const [id, { json }] of documents) {
    const doc = JSON.parse(json) as Partial<ProductDoc>;
    // SKUs have documents of their own in the model, and products claim theirs before they have details.
    const { details } = doc;
    if (details && (!status || status.includes(details.status)))
      found.set(id, { id, doc: doc as ProductDoc, details });
  }
  return found;
}

function textsOf(
  products: readonly (Found | undefined)[],
  withStatus: boolean,
  groups: Groups,
): JsonText<ProductListItem>[] {
  const each = new Set(products.flatMap((product) => product ?? []));
  return [...each].map((product) => textOf(product, withStatus, groups));
}

function textOf({ id, doc, details }: Found, withStatus: boolean, groups: Groups): JsonText<ProductListItem> {
  const item = { ...listItemOf(id, doc, details), ...groups.named(details) };
  return JSON.stringify(withStatus ? { ...item, status: details.status } : item);
}
