import { fold, foldedValue, type QueryWord, queryWordsOf, singular, termsOf } from "./analyzer.ts";
import { correctionOf } from "./correction.ts";
import { Terms } from "./postings.ts";

export const totalMax = 10_000;
export const facetValuesMax = 100;
/** So many dead slots are borne before the index is built anew. */
const deadSlotsMin = 1024;

export interface IndexedVariant {
  sku: string;
  name?: string;
  /** Minor units. */
  price: number;
  /** Can be bought now, backorders included. */
  inStock: boolean;
}

export interface IndexedProduct {
  id: string;
  status: string;
  name: string;
  brand?: string;
  category?: string;
  tags: readonly string[];
  description?: string;
  shortDescription?: string;
  /** Those for sale. */
  variants: readonly IndexedVariant[];
  /** Epoch milliseconds of the first publication. */
  publishedAt: number | null;
  createdAt: number;
  sold: number;
  rating: number;
}

export type CatalogSort = "price" | "-price" | "newest" | "best-selling" | "rating" | "rank";
export type CatalogFacet = "category" | "brand" | "tag";
export type CatalogCursor = readonly (number | string | null)[];

export interface CatalogQuery {
  q?: string | undefined;
  category?: readonly string[] | undefined;
  brand?: readonly string[] | undefined;
  tag?: readonly string[] | undefined;
  minPrice?: number | undefined;
  maxPrice?: number | undefined;
  inStock?: boolean | undefined;
  status?: readonly string[] | undefined;
  sort?: CatalogSort | undefined;
  facets?: readonly CatalogFacet[] | undefined;
  limit: number;
  after?: CatalogCursor | undefined;
}

export interface CatalogHit {
  id: string;
  /** Of the cheapest variant that fits the filters, minor units; null where none is for sale. */
  price: number | null;
}

export interface CatalogAnswer {
  hits: CatalogHit[];
  next?: CatalogCursor;
  total: number;
  totalIsMore: boolean;
  corrected?: string;
  facets: Partial<Record<CatalogFacet, { value: string; count: number }[]>>;
}

interface Entry {
  product: IndexedProduct;
  category: string | undefined;
  brand: string | undefined;
  tags: readonly string[];
  name: string;
  skus: readonly string[];
}

interface Found {
  entry: Entry;
  keys: readonly number[];
  price: number | null;
}

const nameField = 1;
const skuField = 2;
const groupField = 4;
const tagField = 8;
const descriptionField = 16;
const weights = [
  [nameField, 100],
  [skuField, 80],
  [groupField, 60],
  [tagField, 40],
  [descriptionField, 20],
] as const;
/** Less than what parts two fields. */
const wholeWordWeight = 10;
const exactSkuScore = 2_000_000;
const exactNameScore = 1_000_000;

/** The products of a shop, in memory, to be searched, filtered, counted and paged through. */
export class CatalogIndex {
  #slots = new Map<string, number>();
  #entries: (Entry | undefined)[] = [];
  #terms = new Terms();
  /** Folded value -> as first given. */
  readonly #labels = { category: new Map<string, string>(), brand: new Map(), tag: new Map() };

  get size(): number {
    return this.#slots.size;
  }

  /** Adds a product or puts it in place of the one with its id. */
  put(product: IndexedProduct): void {
    const slot = this.#slots.get(product.id);
    const before = slot === undefined ? undefined : this.#entries[slot];
    if (slot !== undefined && before && sameText(before.product, product)) {
      this.#entries[slot] = { ...before, product };
      return;
    }
    this.remove(product.id);
    this.#add(product);
  }

  remove(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    this.#entries[slot] = undefined;
    this.#slots.delete(id);
    if (this.#entries.length > 2 * this.#slots.size + deadSlotsMin) this.#compact();
  }

  query(query: CatalogQuery): CatalogAnswer {
    const q = query.q ?? "";
    const words = queryWordsOf(q);
    // What has no word in it is nowhere; what is blank restricts nothing.
    let scores = words.length > 0 ? this.#scoresOf(words, q) : q.trim() === "" ? undefined : new Map();
    let corrected: string | undefined;
    if (scores?.size === 0) {
      corrected = correctionOf(words, this.#terms);
      if (corrected !== undefined) scores = this.#scoresOf(queryWordsOf(corrected), corrected);
      if (scores?.size === 0) corrected = undefined;
    }
    return { ...this.#collect(query, scores), ...(corrected !== undefined && { corrected }) };
  }

  #add(product: IndexedProduct): void {
    const slot = this.#entries.length;
    this.#slots.set(product.id, slot);
    this.#entries.push({
      product,
      category: this.#label("category", product.category),
      brand: this.#label("brand", product.brand),
      tags: [...new Set(product.tags.map((tag) => this.#label("tag", tag) ?? ""))],
      name: fold(product.name).trim(),
      skus: product.variants.map(({ sku }) => fold(sku).trim()),
    });
    for (const [term, fields] of fieldsByTerm(product)) this.#terms.add(term, slot, fields);
  }

  #compact(): void {
    const entries = this.#entries;
    this.#entries = [];
    this.#slots = new Map();
    this.#terms = new Terms();
    for (const entry of entries) if (entry) this.#add(entry.product);
  }

  #label(facet: CatalogFacet, value: string | undefined): string | undefined {
    if (value === undefined) return undefined;
    const folded = facet === "category" ? foldedPath(value) : foldedValue(value);
    if (!this.#labels[facet].has(folded)) this.#labels[facet].set(folded, value.trim());
    return folded;
  }

  /** Slot -> score of all that hold every word. */
  #scoresOf(words: readonly QueryWord[], text: string): Map<number, number> {
    const steps = words.map((word) => ({ word, size: this.#sizeOf(word) })).sort((a, b) => a.size - b.size);
    let scores: Map<number, number> | undefined;
    for (const { word } of steps) {
      const best = new Map<number, number>();
      for (const way of word.ways) {
        for (const [slot, score] of this.#scoresOfWay(way, word.beginning, scores)) {
          if (score > (best.get(slot) ?? -1)) best.set(slot, score);
        }
      }
      scores = best;
      if (best.size === 0) return best;
    }
    const exact = fold(text).trim();
    for (const [slot, score] of scores ?? []) {
      const entry = this.#entries[slot];
      if (entry?.skus.includes(exact)) scores?.set(slot, score + exactSkuScore);
      else if (entry?.name === exact) scores?.set(slot, score + exactNameScore);
    }
    return scores ?? new Map();
  }

  #sizeOf({ ways, beginning }: QueryWord): number {
    return ways.reduce((sum, way) => {
      const sizes = way.map((term, index) =>
        this.#alternatives(term, beginning && index === way.length - 1).reduce(
          (all, each) => all + this.#terms.sizeOf(each),
          0,
        ),
      );
      return sum + Math.min(...sizes);
    }, 0);
  }

  #scoresOfWay(way: readonly string[], beginning: boolean, within: Map<number, number> | undefined) {
    let scores = within;
    way.forEach((term, index) => {
      const best = new Map<number, number>();
      const whole = singular(term);
      for (const each of this.#alternatives(term, beginning && index === way.length - 1)) {
        const bonus = each === whole || each === term ? wholeWordWeight : 0;
        this.#terms.forEach(each, (slot, fields) => {
          const before = scores ? scores.get(slot) : 0;
          if (before === undefined || this.#entries[slot] === undefined) return;
          const score = before + weightOf(fields) + bonus;
          if (score > (best.get(slot) ?? -1)) best.set(slot, score);
        });
      }
      scores = best;
    });
    return scores ?? new Map<number, number>();
  }

  #alternatives(term: string, beginning: boolean): string[] {
    const whole = singular(term);
    return beginning ? [...new Set([whole, ...this.#terms.beginningWith(term)])] : [whole];
  }

  #collect(query: CatalogQuery, scores: Map<number, number> | undefined): Omit<CatalogAnswer, "corrected"> {
    const category = this.#categoriesOf(query.category);
    const brand = query.brand && new Set(query.brand.map(foldedValue));
    const tag = query.tag && new Set(query.tag.map(foldedValue));
    const status = query.status ?? ["published"];
    const counts = { category: new Map<string, number>(), brand: new Map(), tag: new Map() };
    const facets = new Set(query.facets);
    const keysOf = keysFor(query.sort ?? (scores ? "rank" : "newest"));
    const page: Found[] = [];
    let total = 0;
    const visit = (entry: Entry | undefined, score: number) => {
      if (!entry || !status.includes(entry.product.status)) return;
      const price = priceOf(entry.product, query);
      if (price === undefined) return;
      const inCategory = !category || (entry.category !== undefined && category.has(entry.category));
      const inBrand = !brand || (entry.brand !== undefined && brand.has(entry.brand));
      const inTag = !tag || entry.tags.some((each) => tag.has(each));
      if (facets.has("category") && inBrand && inTag) count(counts.category, entry.category);
      if (facets.has("brand") && inCategory && inTag) count(counts.brand, entry.brand);
      if (facets.has("tag") && inCategory && inBrand) for (const each of entry.tags) count(counts.tag, each);
      if (!inCategory || !inBrand || !inTag) return;
      total++;
      insert(page, { entry, price, keys: keysOf(entry.product, price, score) }, query);
    };
    if (scores) for (const [slot, score] of scores) visit(this.#entries[slot], score);
    else for (const entry of this.#entries) visit(entry, 0);
    const more = page.length > query.limit;
    const shown = page.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      hits: shown.map(({ entry, price }) => ({ id: entry.product.id, price })),
      ...(more && last && { next: cursorOf(last) }),
      total: Math.min(total, totalMax),
      totalIsMore: total > totalMax,
      facets: Object.fromEntries([...facets].map((facet) => [facet, this.#facet(facet, counts[facet])])),
    };
  }

  #facet(facet: CatalogFacet, counts: Map<string, number>) {
    return [...counts]
      .map(([folded, times]) => ({ value: this.#labels[facet].get(folded) ?? folded, count: times }))
      .sort((a, b) => b.count - a.count || compare(a.value, b.value))
      .slice(0, facetValuesMax);
  }

  #categoriesOf(values: readonly string[] | undefined): Set<string> | undefined {
    if (!values) return undefined;
    const known = [...this.#labels.category.keys()];
    const below = (path: string) => known.filter((each) => each === path || each.startsWith(`${path}/`));
    return new Set(
      values.flatMap((value) => {
        const path = foldedPath(value);
        const found = below(path);
        if (found.length > 0) return found;
        const named = new Set<string>();
        for (const each of known) {
          const at = `${each}/`.indexOf(`/${path}/`);
          if (at >= 0) named.add(each.slice(0, at + 1 + path.length));
        }
        return named.size === 1 ? [...named].flatMap(below) : [];
      }),
    );
  }
}

function foldedPath(path: string): string {
  return path.split("/").map(foldedValue).join("/");
}

function fieldsByTerm(product: IndexedProduct): Map<string, number> {
  const fields = new Map<string, number>();
  const add = (field: number, text: string | undefined) => {
    for (const term of termsOf(text ?? "")) fields.set(term, (fields.get(term) ?? 0) | field);
  };
  add(nameField, product.name);
  for (const { sku, name } of product.variants) {
    add(skuField, sku);
    add(nameField, name);
  }
  add(groupField, product.brand);
  add(groupField, product.category);
  for (const tag of product.tags) add(tagField, tag);
  add(descriptionField, product.shortDescription);
  add(descriptionField, product.description);
  return fields;
}

function sameText(a: IndexedProduct, b: IndexedProduct): boolean {
  return textKey(a) === textKey(b);
}

function textKey({ name, brand, category, tags, description, shortDescription, variants }: IndexedProduct) {
  const variantTexts = variants.map((variant) => [variant.sku, variant.name]);
  return JSON.stringify([name, brand, category, tags, description, shortDescription, variantTexts]);
}

function weightOf(fields: number): number {
  for (const [field, weight] of weights) if (fields & field) return weight;
  return 0;
}

/** Undefined where no variant fits what the query asks of one. */
function priceOf({ variants }: IndexedProduct, { minPrice, maxPrice, inStock }: CatalogQuery) {
  if (inStock === false && variants.some((variant) => variant.inStock)) return undefined;
  let price: number | undefined;
  for (const variant of variants) {
    if (inStock === true && !variant.inStock) continue;
    if (minPrice !== undefined && variant.price < minPrice) continue;
    if (maxPrice !== undefined && variant.price > maxPrice) continue;
    if (price === undefined || variant.price < price) price = variant.price;
  }
  const asks = minPrice !== undefined || maxPrice !== undefined || inStock === true;
  return price ?? (asks ? undefined : null);
}

/** Smaller keys come first. */
function keysFor(sort: CatalogSort) {
  return (product: IndexedProduct, price: number | null, score: number): readonly number[] => {
    if (sort === "price") return [price ?? Number.MAX_VALUE];
    if (sort === "-price") return [price === null ? Number.MAX_VALUE : -price];
    if (sort === "newest") return [-(product.publishedAt ?? product.createdAt)];
    if (sort === "best-selling") return [-product.sold];
    if (sort === "rating") return [-product.rating];
    return [-score, -product.sold];
  };
}

function cursorOf({ keys, entry }: Found): CatalogCursor {
  return [...keys, entry.product.id];
}

function insert(page: Found[], found: Found, { limit, after }: CatalogQuery): void {
  if (after && compareToCursor(found, after) <= 0) return;
  const last = page.length > limit ? page[limit] : undefined;
  if (last && compareFound(found, last) >= 0) return;
  let low = 0;
  let high = page.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = page[middle];
    if (other && compareFound(other, found) < 0) low = middle + 1;
    else high = middle;
  }
  page.splice(low, 0, found);
  if (page.length > limit + 1) page.pop();
}

function compareFound(a: Found, b: Found): number {
  for (let at = 0; at < a.keys.length; at++) {
    const difference = (a.keys[at] ?? 0) - (b.keys[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return compare(a.entry.product.id, b.entry.product.id);
}

function compareToCursor({ keys, entry }: Found, after: CatalogCursor): number {
  for (let at = 0; at < keys.length; at++) {
    const difference = (keys[at] ?? 0) - Number(after[at]);
    if (difference !== 0) return difference;
  }
  return compare(entry.product.id, String(after[keys.length]));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function count(counts: Map<string, number>, value: string | undefined): void {
  if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
}
