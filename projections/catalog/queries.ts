import type { Condition, FacetCount, FindQuery, ViewModel } from "../../src/stores/view-store/view-store.ts";
import { type PageRequest, pageQuery, type TextPage, textPageOf } from "../page.ts";
import { skuPrefix } from "./catalog.ts";
import type { ProductDoc, SkuDoc } from "./documents.ts";
import { type ProductListItem, type ProductView, productViewOf } from "./views.ts";

const facetValuesMax = 100;

export const productSorts = ["price", "-price", "newest", "best-selling", "rating"] as const;
export type ProductSort = (typeof productSorts)[number];

export const productFacets = ["category", "brand", "tag"] as const;
export type ProductFacet = (typeof productFacets)[number];

export interface ProductsQuery extends PageRequest {
  category?: string | undefined;
  brand?: string | undefined;
  tag?: string | undefined;
  /** Minor units, of the cheapest variant. */
  minPrice?: number | undefined;
  maxPrice?: number | undefined;
  inStock?: boolean | undefined;
  /** Words in name, brand, category, tags, SKUs and description; all must occur. */
  q?: string | undefined;
  /** Left out: the best match first when there is a `q`, else the newest. */
  sort?: ProductSort | undefined;
  facets?: readonly ProductFacet[] | undefined;
}

export interface ProductPage extends TextPage<ProductListItem> {
  /** How many of all found products have each value, most frequent first, at most 100 values each. */
  facets?: Partial<Record<ProductFacet, FacetCount[]>>;
}

const sorts: Record<ProductSort, { column: string; descending: boolean }> = {
  price: { column: "price", descending: false },
  "-price": { column: "price", descending: true },
  newest: { column: "createdAt", descending: true },
  "best-selling": { column: "sold", descending: true },
  rating: { column: "rating", descending: true },
};

/** Published products. @throws InvalidCursor */
export async function listProducts(model: ViewModel, query: ProductsQuery): Promise<ProductPage> {
  const { q, sort, facets } = query;
  const found = {
    where: conditionsOf(query),
    ...(q !== undefined && q.trim() !== "" && { search: q }),
  };
  const by = sort ?? (found.search === undefined ? "newest" : undefined);
  const find: FindQuery = { ...found, ...(by && { sort: [sorts[by]] }), ...pageQuery(query) };
  const page = textPageOf<ProductListItem>(await model.find(find));
  if (!facets || facets.length === 0) return page;

  const counts: ProductPage["facets"] = {};
  for (const facet of new Set(facets)) counts[facet] = await model.facet(found, facet, facetValuesMax);
  return { ...page, facets: counts };
}

function conditionsOf(query: ProductsQuery): Condition[] {
  const { category, brand, tag, minPrice, maxPrice, inStock } = query;
  const where: Condition[] = [{ column: "listed", eq: 1 }];
  if (category !== undefined) where.push({ column: "category", eq: category });
  if (brand !== undefined) where.push({ column: "brand", eq: brand });
  if (tag !== undefined) where.push({ column: "tag", has: tag });
  if (minPrice !== undefined) where.push({ column: "price", gte: minPrice });
  if (maxPrice !== undefined) where.push({ column: "price", lte: maxPrice });
  if (inStock !== undefined) where.push({ column: "inStock", eq: inStock ? 1 : 0 });
  return where;
}

/**
 * One product, by its id or its slug.
 * @param options.unpublished drafts and archived products too: for staff
 * @returns undefined when there is none, or none to be seen
 */
export async function getProduct(
  model: ViewModel,
  idOrSlug: string,
  { unpublished = false }: { unpublished?: boolean } = {},
): Promise<ProductView | undefined> {
  const product = (await productById(model, idOrSlug)) ?? (await productBySlug(model, idOrSlug));
  return product && (unpublished || product.status === "published") ? product : undefined;
}

async function productById(model: ViewModel, id: string): Promise<ProductView | undefined> {
  const stored = (await model.load([id])).documents.get(id);
  // What is not a product has no details: a SKU, or the claims of a product that is still to come.
  const doc = stored && (JSON.parse(stored.json) as ProductDoc);
  return doc?.details && productViewOf(id, doc, doc.details);
}

async function productBySlug(model: ViewModel, slug: string): Promise<ProductView | undefined> {
  const { items } = await model.find({ where: [{ column: "slug", eq: slug }], limit: 1 });
  return items[0] && productById(model, items[0].key);
}

/** Those of the SKUs that are for sale: live variants of published products. */
export async function skusForSale(model: ViewModel, skus: readonly string[]): Promise<Set<string>> {
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
  return new Set(skus.filter((sku) => forSale.has(sku)));
}
