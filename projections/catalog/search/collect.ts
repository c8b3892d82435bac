import { foldedName, foldedPath } from "../../../src/values/names.ts";
import {
  type CatalogAnswer,
  type CatalogFacet,
  type CatalogQuery,
  catalogFacets,
  totalMax,
} from "./catalog-query.ts";
import type { Matches } from "./matching.ts";
import { keyFor, placeOf } from "./order.ts";
import type { Products } from "./products.ts";
import { Top } from "./top.ts";

/**
 * One walk over what matches yields the page, the total and each facet without its own filter.
 * @param matches undefined for all products
 * @throws InvalidCursor when `after` is not one of a list sorted like this
 */
export function collect(
  products: Products,
  query: CatalogQuery,
  matches: Matches | undefined,
): Omit<CatalogAnswer, "corrected"> {
  const { minPrice, maxPrice, inStock, featured, limit } = query;
  const sort = query.sort ?? (matches ? "rank" : "newest");
  const after = query.after && placeOf(query.after);
  const keyOf = keyFor(sort, products, matches);
  const page = new Top(limit + 1, (slot, other) => products.idOf(slot) < products.idOf(other));
  const statuses = products.statusMask(query.status);
  const needsPrice =
    [minPrice, maxPrice, inStock].some((each) => each !== undefined) || sort.endsWith("price");
  const masks = masksOf(products, query, statuses);
  const counts = countsOf(products, query);
  const { category, brand, tag } = products.facets;
  let total = 0;
  const visit = (slot: number) => {
    if (!products.hasStatus(slot, statuses)) return;
    if (featured !== undefined && products.isFeatured(slot) !== featured) return;
    const price = needsPrice ? products.priceOf(slot, query) : null;
    if (price === undefined) return;
    const inCategory = !masks.category || category.has(slot, masks.category);
    const inBrand = !masks.brand || brand.has(slot, masks.brand);
    const inTag = !masks.tag || tag.has(slot, masks.tag);
    if (counts.category && inBrand && inTag) category.count(slot, counts.category);
    if (counts.brand && inCategory && inTag) brand.count(slot, counts.brand);
    if (counts.tag && inCategory && inBrand) tag.count(slot, counts.tag);
    if (!inCategory || !inBrand || !inTag) return;
    total++;
    const key = keyOf(slot, price);
    if (!after || key > after.key || (key === after.key && products.idOf(slot) > after.id))
      page.offer(slot, key);
  };
  if (matches) for (let at = 0; at < matches.size; at++) visit(matches.slots[at] ?? 0);
  // What was put last is mostly the newest: found first, it keeps the others from the page.
  else for (let slot = products.size - 1; slot >= 0; slot--) visit(slot);
  return {
    ...pageOf(products, query, page),
    total: Math.min(total, totalMax),
    totalIsMore: total > totalMax,
    facets: facetsOf(products, counts),
  };
}

function pageOf(products: Products, query: CatalogQuery, { items, keys }: Top) {
  const { limit } = query;
  const hits = items
    .slice(0, limit)
    .map((slot) => ({ id: products.idOf(slot), price: products.priceOf(slot, query) ?? null }));
  const last = hits.at(-1);
  const next = items.length > limit && last ? [keys[limit - 1] ?? 0, last.id] : undefined;
  return { hits, ...(next && { next }) };
}

type Masks = Partial<Record<CatalogFacet, Uint8Array>>;
type Counts = Partial<Record<CatalogFacet, Uint32Array>>;

function masksOf(products: Products, query: CatalogQuery, statuses: Uint8Array): Masks {
  const { facets, groups } = products;
  const { category, tag } = query;
  const brand = query.brand?.map((value) => groups.nameOf("brand", value) ?? value);
  return {
    ...(category && { category: facets.category.maskOf(categoriesOf(products, category, statuses)) }),
    ...(brand && { brand: facets.brand.maskOf(brand.map(foldedName)) }),
    ...(tag && { tag: facets.tag.maskOf(tag.map(foldedName)) }),
  };
}

/**
 * Each id or path with what is below it, or a name that only one of the categories has in which something is to be seen:
 * a draft must not take a name away from what is published, and tell of itself by it.
 */
function categoriesOf(products: Products, asked: readonly string[], statuses: Uint8Array): string[] {
  const known = products.facets.category.values();
  const below = (path: string) => {
    const folder = `${path}/`;
    return known.filter((each) => each === path || each.startsWith(folder));
  };
  const seen = (categories: readonly string[]) => isSeen(products, categories, statuses);
  return asked.flatMap((value) => {
    const path = foldedPath(products.groups.nameOf("category", value) ?? value);
    const named = new Set<string>();
    const inner = `/${path}/`;
    for (const each of known) {
      const at = `${each}/`.indexOf(inner);
      if (at >= 0) named.add(each.slice(0, at + 1 + path.length));
    }
    const found = below(path);
    if (named.size === 0 || (found.length > 0 && seen(found))) return found;
    const others = [...named].map(below).filter(seen);
    return others.length === 1 ? (others[0] ?? []) : [];
  });
}

/** Whether a product of these statuses is in one of these categories. */
function isSeen(products: Products, categories: readonly string[], statuses: Uint8Array): boolean {
  const { category } = products.facets;
  const mask = category.maskOf(categories);
  for (let slot = 0; slot < products.size; slot++)
    if (products.hasStatus(slot, statuses) && category.has(slot, mask)) return true;
  return false;
}

function countsOf({ facets }: Products, query: CatalogQuery): Counts {
  const asked = catalogFacets.filter((name) => query.facets?.includes(name));
  return Object.fromEntries(asked.map((name) => [name, facets[name].counts()]));
}

function facetsOf(products: Products, counts: Counts): CatalogAnswer["facets"] {
  const isOlder = (slot: number, other: number) => products.isOlder(slot, other);
  return Object.fromEntries(
    catalogFacets.flatMap((name) => {
      const counted = counts[name];
      return counted ? [[name, products.facets[name].counted(counted, isOlder)]] : [];
    }),
  );
}
