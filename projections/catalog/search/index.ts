import { type GroupKind, type GroupNames, type Groups, noGroups } from "../groups.ts";
import { foldedWhole, initialOf, type QueryWord, queryWordsOf, termsOf } from "./analyzer.ts";
import type { CatalogAnswer, CatalogQuery, IndexedProduct } from "./catalog-query.ts";
import { collect } from "./collect.ts";
import { correctionOf } from "./correction.ts";
import { ExactTexts } from "./exact.ts";
import { fields, Matches, matchesOf, type Searched } from "./matching.ts";
import { correctedOf } from "./order.ts";
import { Products } from "./products.ts";
import { Terms } from "./terms.ts";

/** So many slots of products that are gone are borne before the index is compacted. */
const goneSlotsMin = 1024;
/** More than all words of a query can score. */
const exactNameScore = 2 ** 12;
const exactSkuScore = 2 ** 13;

/**
 * The products of a shop, in memory, to be searched, filtered, counted and paged through. Of their texts it keeps
 * the words, not the descriptions. Whatever is put in what order, the answers depend on what is there.
 */
export class CatalogIndex {
  readonly #slots = new Map<string, number>();
  #products = new Products(noGroups);
  #terms = new Terms();
  #names = new ExactTexts();
  #skus = new ExactTexts();

  get size(): number {
    return this.#slots.size;
  }

  /** Adds a product or puts it in place of the one with its id: at the cost of its own words, if they changed. */
  put(product: IndexedProduct): void {
    const texts = this.#textsOf(product);
    const digest = digestOf(product, texts);
    const before = this.#slots.get(product.id);
    if (before !== undefined && this.#products.digestOf(before) === digest) {
      this.#products.update(before, product);
      return;
    }
    this.remove(product.id);
    const slot = this.#products.push(product, digest);
    this.#slots.set(product.id, slot);
    for (const [term, found] of withInitials(fieldsByTerm(texts))) this.#terms.add(term, slot, found);
    this.#names.add(foldedWhole(product.name), slot);
    for (const sku of new Set(product.variants.map((variant) => foldedWhole(variant.sku))))
      this.#skus.add(sku, slot);
  }

  remove(id: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    this.#products.drop(slot);
    this.#slots.delete(id);
    if (this.#products.size > 2 * this.#slots.size + goneSlotsMin) this.#compact();
  }

  /** Lays the index out anew as searches walk through it: worth it after very many products were put. */
  prepare(): void {
    this.#compact();
  }

  get groups(): Groups {
    return this.#products.groups;
  }

  /**
   * Takes over what categories and brands are called now: facets, filters and what is shown follow at once.
   * @returns ids of products that are found by the words of other names until they are put again
   */
  regroup(groups: Groups): string[] {
    return this.#products.regroup(groups).map((slot) => this.#products.idOf(slot));
  }

  /** What the category and brand of a product are called. */
  groupsOf(id: string): GroupNames {
    const slot = this.#slots.get(id);
    if (slot === undefined) return {};
    const { facets, groups } = this.#products;
    const [category] = facets.category.textsOf(slot);
    const [brand] = facets.brand.textsOf(slot);
    return groups.named({
      ...(category !== undefined && { category }),
      ...(brand !== undefined && { brand }),
    });
  }

  /** How many published products there are of each category or brand, by its id. */
  publishedOf(kind: GroupKind): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [ref, count] of this.#products.publishedOf(kind)) {
      const id = this.groups.resolve(kind, ref)?.id;
      if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + count);
    }
    return counts;
  }

  /** Products of which a variant has this SKU, or one that is written much like it. */
  idsWithSku(sku: string): string[] {
    const slots = this.#skus.slotsOf(foldedWhole(sku)).filter((slot) => this.#products.isHere(slot));
    return slots.map((slot) => this.#products.idOf(slot));
  }

  /** @throws InvalidCursor when `after` is not one that a query like this gave out */
  query(query: CatalogQuery): CatalogAnswer {
    const q = query.q ?? "";
    let corrected = query.after && correctedOf(query.after);
    const statuses = this.#products.statusMask(query.status);
    const searched = {
      terms: this.#terms,
      slots: this.#products.size,
      admits: (slot: number) => this.#products.hasStatus(slot, statuses),
    };
    let matches = this.#matchesOf(searched, corrected ?? q);
    if (matches?.size === 0 && corrected === undefined && query.after === undefined) {
      corrected = correctedFor(searched, q);
      if (corrected !== undefined) matches = this.#matchesOf(searched, corrected);
      if (matches?.size === 0) corrected = undefined;
    }
    const { next, ...answer } = collect(this.#products, query, matches);
    return {
      ...answer,
      ...(next && { next: corrected === undefined ? next : [...next, corrected] }),
      ...(corrected !== undefined && { corrected }),
    };
  }

  /** Undefined for all: what is blank restricts nothing. What has no word in it is nowhere. */
  #matchesOf(searched: Searched, q: string): Matches | undefined {
    const words = queryWordsOf(q);
    if (words.length === 0) return q.trim() === "" ? undefined : new Matches(0);
    const matches = matchesOf(searched, words);
    const exact = foldedWhole(q);
    for (const [texts, score] of [
      [this.#names, exactNameScore],
      [this.#skus, exactSkuScore],
    ] as const) {
      for (const slot of texts.slotsOf(exact)) matches.add(slot, score);
    }
    return matches;
  }

  /** With what its category and brand are called. */
  #textsOf({ category: inCategory, brand: ofBrand, ...product }: IndexedProduct): IndexedProduct {
    const category = inCategory === undefined ? undefined : this.groups.resolve("category", inCategory)?.name;
    const brand = ofBrand === undefined ? undefined : this.groups.resolve("brand", ofBrand)?.name;
    return { ...product, ...(category !== undefined && { category }), ...(brand !== undefined && { brand }) };
  }

  #compact(): void {
    const slots: (number | undefined)[] = [];
    let kept = 0;
    for (let slot = 0; slot < this.#products.size; slot++)
      slots.push(this.#products.isHere(slot) ? kept++ : undefined);
    this.#products = this.#products.compacted();
    this.#terms = this.#terms.compacted(slots);
    this.#names = this.#names.compacted(slots);
    this.#skus = this.#skus.compacted(slots);
    for (const [id, slot] of this.#slots) this.#slots.set(id, slots[slot] ?? 0);
  }
}

function fieldsByTerm(product: IndexedProduct): Map<string, number> {
  const found = new Map<string, number>();
  const add = (field: number, text: string | undefined) => {
    for (const term of termsOf(text ?? "")) found.set(term, (found.get(term) ?? 0) | field);
  };
  add(fields.name, product.name);
  for (const { sku, name } of product.variants) {
    add(fields.sku, sku);
    add(fields.name, name);
  }
  add(fields.group, product.brand);
  add(fields.group, product.category);
  for (const tag of product.tags) add(fields.tag, tag);
  add(fields.description, product.shortDescription);
  add(fields.description, product.description);
  return found;
}

function withInitials(found: Map<string, number>): Map<string, number> {
  for (const [term, set] of [...found]) {
    const initial = initialOf(term);
    if (initial !== undefined) found.set(initial, (found.get(initial) ?? 0) | set);
  }
  return found;
}

function correctedFor(searched: Searched, q: string): string | undefined {
  return correctionOf(q, {
    has: (word) => matchesOf(searched, [word]).size > 0,
    texts: searched.terms.texts(),
    countOf: (text) => matchesOf(searched, [wholeWord(text)]).size,
  });
}

function wholeWord(text: string): QueryWord {
  return { text, ways: [[{ text, beginning: false }]] };
}

/** Of all texts, and what it refers to: a product whose digest stays keeps its words. */
function digestOf(refs: IndexedProduct, { variants, ...product }: IndexedProduct): number {
  const { name, brand, category, tags, description, shortDescription } = product;
  const variantTexts = variants.map((variant) => [variant.sku, variant.name]);
  const texts = [name, brand, category, tags, description, shortDescription, variantTexts];
  return digest53(JSON.stringify([...texts, refs.brand, refs.category]));
}

/** cyrb53 (https://github.com/bryc/code/blob/master/jshash/experimental/cyrb53.js): 53 bits, not against malice. */
function digest53(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 2 ** 32 * ((2 ** 21 - 1) & low) + (high >>> 0);
}
