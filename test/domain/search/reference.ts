import {
  foldedWhole,
  type QueryTerm,
  type QueryWord,
  queryWordsOf,
  singular,
  termsOf,
} from "../../../projections/catalog/search/analyzer.ts";
import {
  type CatalogAnswer,
  type CatalogFacet,
  type CatalogQuery,
  facetValuesMax,
  type IndexedProduct,
  totalMax,
} from "../../../projections/catalog/search/catalog-query.ts";
import { isOffByOne } from "../../../projections/catalog/search/correction.ts";
import { foldedName, foldedPath } from "../../../src/values/names.ts";

/** The rules of search and lists without any index: every query looks at every product. */
export function answerOf(
  products: readonly IndexedProduct[],
  query: CatalogQuery,
): Omit<CatalogAnswer, "next"> {
  const statuses = query.status ?? ["published"];
  const visible = products.filter(({ status }) => statuses.includes(status));
  let q = query.q ?? "";
  let matching = visible.filter((product) => rankOf(product, q) !== undefined);
  let corrected: string | undefined;
  if (matching.length === 0) {
    corrected = correctionOf(visible, q);
    matching = visible.filter((product) => corrected !== undefined && rankOf(product, corrected));
    if (matching.length === 0) corrected = undefined;
  }
  q = corrected ?? q;
  const found = matching.filter((product) => passes(visible, product, query));
  const keys = new Map(found.map((product) => [product, [...keysOf(product, query, q), product.id]]));
  found.sort((a, b) => compare(keys.get(a) ?? [], keys.get(b) ?? []));
  const facets = (query.facets ?? []).map((facet) => {
    const others = matching.filter((product) => passes(visible, product, { ...query, [facet]: undefined }));
    return [facet, counted(products, others, facet)];
  });
  return {
    hits: found.slice(0, query.limit).map((product) => ({
      id: product.id,
      price: priceOf(product, query) ?? null,
    })),
    total: Math.min(found.length, totalMax),
    totalIsMore: found.length > totalMax,
    ...(corrected !== undefined && { corrected }),
    facets: Object.fromEntries(facets),
  };
}

/** Undefined where a word is missing; else exact SKU, exact name and the sum of the words, each 0 or more. */
function rankOf(product: IndexedProduct, q: string): number[] | undefined {
  const words = queryWordsOf(q);
  if (words.length === 0) return q.trim() === "" ? [] : undefined;
  let sum = 0;
  for (const word of words) {
    const score = wordScore(product, word);
    if (score === 0) return undefined;
    sum += score;
  }
  const isExact = (text: string) => (foldedWhole(text) === foldedWhole(q) ? 1 : 0);
  const exactSku = Math.max(0, ...product.variants.map(({ sku }) => isExact(sku)));
  return [exactSku, isExact(product.name), sum];
}

function wordScore(product: IndexedProduct, { ways }: QueryWord): number {
  return Math.max(...ways.map((way) => Math.min(...way.map((term) => termScore(product, term)))));
}

function termScore(product: IndexedProduct, term: QueryTerm): number {
  const scores = fieldsOf(product).map(([weight, texts]) => {
    const terms = texts.flatMap((text) => [...termsOf(text ?? "")]);
    const isWhole = terms.includes(singular(term.text)) || (term.beginning && terms.includes(term.text));
    if (isWhole) return weight + 10;
    return term.beginning && terms.some((each) => each.startsWith(term.text)) ? weight : 0;
  });
  return Math.max(...scores);
}

function fieldsOf(product: IndexedProduct): [number, (string | undefined)[]][] {
  const { name, variants, brand, category, tags, description, shortDescription } = product;
  return [
    [100, [name, ...variants.map((variant) => variant.name)]],
    [80, variants.map(({ sku }) => sku)],
    [60, [brand, category]],
    [40, [...tags]],
    [20, [description, shortDescription]],
  ];
}

function correctionOf(visible: readonly IndexedProduct[], q: string): string | undefined {
  const termsOfProduct = (product: IndexedProduct) =>
    new Set(fieldsOf(product).flatMap(([, texts]) => texts.flatMap((text) => [...termsOf(text ?? "")])));
  const all = visible.map(termsOfProduct);
  const frequency = (text: string) => all.filter((terms) => terms.has(singular(text))).length;
  const words = queryWordsOf(q).map((word) => {
    const way = word.ways.at(-1) ?? [];
    const typed = way[0]?.text ?? "";
    const isLong = way.length === 1 && [...typed].filter((each) => /\p{L}/u.test(each)).length >= 4;
    if (!isLong || visible.some((product) => wordScore(product, word) > 0)) return word.text;
    const candidates = [...new Set(all.flatMap((terms) => [...terms]))]
      .filter((term) => isOffByOne(typed, term))
      .sort((a, b) => frequency(b) - frequency(a) || (a < b ? -1 : 1));
    return candidates[0] ?? word.text;
  });
  const typed = queryWordsOf(q).map(({ text }) => text);
  return words.join(" ") === typed.join(" ") ? undefined : words.join(" ");
}

function passes(products: readonly IndexedProduct[], product: IndexedProduct, query: CatalogQuery): boolean {
  const { category, brand, tag, featured } = query;
  const brands = brand?.map(foldedName);
  const tags = tag?.map(foldedName);
  if (priceOf(product, query) === undefined) return false;
  if (featured !== undefined && product.featured !== featured) return false;
  if (brands && (product.brand === undefined || !brands.includes(foldedName(product.brand)))) return false;
  if (tags && !product.tags.some((each) => tags.includes(foldedName(each)))) return false;
  return !category || category.some((asked) => isBelow(products, product, asked));
}

function isBelow(products: readonly IndexedProduct[], product: IndexedProduct, asked: string): boolean {
  if (product.category === undefined) return false;
  const paths = new Set<string>();
  for (const each of products) {
    const names = each.category === undefined ? [] : foldedPath(each.category).split("/");
    for (let depth = 1; depth <= names.length; depth++) paths.add(names.slice(0, depth).join("/"));
  }
  const folded = foldedPath(asked);
  const named = [...paths].filter((path) => `/${path}`.endsWith(`/${folded}`));
  const path = paths.has(folded) ? folded : named.length === 1 ? named[0] : undefined;
  return path !== undefined && `${foldedPath(product.category)}/`.startsWith(`${path}/`);
}

function priceOf(product: IndexedProduct, query: CatalogQuery): number | null | undefined {
  const { minPrice = 0, maxPrice = Number.POSITIVE_INFINITY, inStock } = query;
  if (inStock === false && product.variants.some((variant) => variant.inStock)) return undefined;
  const prices = product.variants
    .filter((variant) => variant.price >= minPrice && variant.price <= maxPrice)
    .filter((variant) => inStock !== true || variant.inStock)
    .map(({ price }) => price);
  if (prices.length > 0) return Math.min(...prices);
  const asks = query.minPrice !== undefined || query.maxPrice !== undefined || inStock === true;
  return asks ? undefined : null;
}

function keysOf(product: IndexedProduct, query: CatalogQuery, q: string): number[] {
  const price = priceOf(product, query) ?? null;
  switch (query.sort ?? (q.trim() === "" ? "newest" : "rank")) {
    case "price":
      return [price ?? Number.MAX_VALUE];
    case "-price":
      return [price === null ? Number.MAX_VALUE : -price];
    case "newest":
      return [-(product.publishedAt ?? product.createdAt)];
    case "best-selling":
      return [-product.sold];
    case "rating":
      return [-product.rating];
    case "rank":
      return [...(rankOf(product, q) ?? []), product.sold].map((key) => -key);
  }
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const at = a.findIndex((key, index) => key !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) < (b[at] ?? 0) ? -1 : 1;
}

function valuesOf(product: IndexedProduct, facet: CatalogFacet): Map<string, string> {
  const texts = facet === "tag" ? product.tags : [product[facet]];
  const values = new Map<string, string>();
  for (const text of texts) {
    if (text === undefined) continue;
    const folded = facet === "category" ? foldedPath(text) : foldedName(text);
    if (!values.has(folded)) values.set(folded, text.trim());
  }
  return values;
}

function counted(all: readonly IndexedProduct[], found: readonly IndexedProduct[], facet: CatalogFacet) {
  const age = (product: IndexedProduct) => [
    product.status === "published" ? 0 : 1,
    product.createdAt,
    product.id,
  ];
  const labels = new Map<string, string>();
  for (const product of [...all].sort((a, b) => compare(age(a), age(b))))
    for (const [value, text] of valuesOf(product, facet)) if (!labels.has(value)) labels.set(value, text);
  const counts = new Map<string, number>();
  for (const product of found)
    for (const value of valuesOf(product, facet).keys()) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .map(([value, count]) => ({ value: labels.get(value) ?? value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, facetValuesMax);
}
