import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { skuPrefix } from "./catalog.ts";
import type { ProductDoc, SkuDoc } from "./documents.ts";
import { groupsKey, KnownGroups } from "./groups.ts";
import { type ProductView, productViewOf } from "./views.ts";

/**
 * One product, by its id or its slug.
 * @param options.unpublished drafts and archived products too: for staff
 * @param options.known of the model, from read to read
 * @returns undefined when there is none, or none to be seen
 */
export async function getProduct(
  model: ViewModel,
  idOrSlug: string,
  { unpublished = false, known = new KnownGroups() }: { unpublished?: boolean; known?: KnownGroups } = {},
): Promise<ProductView | undefined> {
  const product =
    (await productById(model, idOrSlug, known)) ?? (await productBySlug(model, idOrSlug, known));
  if (!product || (!unpublished && product.status !== "published")) return undefined;
  const { relatedProducts: related, ...others } = product;
  if (!related || unpublished) return product;
  return { ...others, relatedProducts: await publishedOf(model, related) };
}

/** The ids of those that are published, each once, of products that are named by their ids or slugs. */
async function publishedOf(model: ViewModel, named: readonly string[]): Promise<string[]> {
  const documents = new Map((await model.load(named)).documents);
  const ids: string[] = [];
  for (const name of named) {
    const id = documents.has(name) ? name : await idOfSlug(model, name);
    if (id !== undefined) ids.push(id);
  }
  const bySlug = ids.filter((id) => !documents.has(id));
  if (bySlug.length > 0)
    for (const [id, stored] of (await model.load(bySlug)).documents) documents.set(id, stored);
  const isPublished = (id: string) => {
    const stored = documents.get(id);
    return stored && (JSON.parse(stored.json) as Partial<ProductDoc>).details?.status === "published";
  };
  return [...new Set(ids)].filter(isPublished);
}

async function productById(
  model: ViewModel,
  id: string,
  known: KnownGroups,
): Promise<ProductView | undefined> {
  const { documents } = await model.load([id, groupsKey]);
  const stored = documents.get(id);
  // What is not a product has no details: a SKU, or the claims of a product that is still to come.
  const doc = stored && (JSON.parse(stored.json) as ProductDoc);
  if (!doc?.details) return undefined;
  const groups = await known.of(model, documents.get(groupsKey)?.json);
  return productViewOf(id, doc, doc.details, groups);
}

async function productBySlug(
  model: ViewModel,
  slug: string,
  known: KnownGroups,
): Promise<ProductView | undefined> {
  const id = await idOfSlug(model, slug);
  return id === undefined ? undefined : productById(model, id, known);
}

async function idOfSlug(model: ViewModel, slug: string): Promise<string | undefined> {
  const { items } = await model.find({ where: [{ column: "slug", eq: slug }], limit: 1 });
  return items[0]?.key;
}

/** Those of the SKUs that are for sale: live variants of published products. */
export async function skusForSale(model: ViewModel, skus: readonly string[]): Promise<Set<string>> {
  return (await lookedForSale(model, skus)).forSale;
}

/** Whether a SKU is for sale, and the keys of the documents that say so. */
export async function isForSale(
  model: ViewModel,
  sku: string,
): Promise<{ value: boolean; keys: readonly string[] }> {
  const { forSale, productIds } = await lookedForSale(model, [sku]);
  return { value: forSale.has(sku), keys: [skuPrefix + sku, ...productIds] };
}

async function lookedForSale(
  model: ViewModel,
  skus: readonly string[],
): Promise<{ forSale: Set<string>; productIds: Set<string> }> {
  const claims = (await model.load(skus.map((sku) => skuPrefix + sku))).documents;
  const productIdOf = (sku: string) => {
    const stored = claims.get(skuPrefix + sku);
    return stored && (JSON.parse(stored.json) as SkuDoc).productId;
  };
  const productIds = new Set(skus.flatMap((sku) => productIdOf(sku) ?? []));
  const products = (await model.load([...productIds])).documents;
  const forSale = new Set<string>();
  for (const { json } of products.values()) {
    const { details } = JSON.parse(json) as ProductDoc;
    if (details?.status !== "published") continue;
    for (const { sku, retired } of details.variants) if (!retired) forSale.add(sku);
  }
  return { forSale: new Set(skus.filter((sku) => forSale.has(sku))), productIds };
}
