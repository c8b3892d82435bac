import { foldedName, foldedPath } from "../../../src/values/names.ts";
import type { GroupKind, Groups } from "../groups.ts";
import type { CatalogFacet, CatalogQuery, IndexedProduct } from "./catalog-query.ts";
import { Facet } from "./facet.ts";
import { roomFor } from "./growing.ts";

const roomMin = 64;
const publishedStatus = "published";
const gone = 0;

/**
 * What lists filter, sort and count by, a column each, by slot. The texts of a product stay as long as its slot;
 * what stock, prices and sales change is written over.
 */
export class Products {
  readonly facets: Readonly<Record<CatalogFacet, Facet>> = {
    category: new Facet(foldedPath, (ref) => this.#groups.resolve("category", ref)?.name),
    brand: new Facet(foldedName, (ref) => this.#groups.resolve("brand", ref)?.name),
    tag: new Facet(foldedName),
  };
  #groups: Groups;
  readonly #ids: string[] = [];
  /** Name -> number of the status, from 1; 0 is a product that is gone. */
  readonly #statuses = new Map([[publishedStatus, 1]]);
  #status = new Uint8Array(roomMin);
  #digest = new Float64Array(roomMin);
  #createdAt = new Float64Array(roomMin);
  #newest = new Float64Array(roomMin);
  #sold = new Float64Array(roomMin);
  #rating = new Float64Array(roomMin);
  #featured = new Uint8Array(roomMin);
  /** Variants of one slot after those of the other, and where those of each slot end. */
  #variantsEnd = new Uint32Array(roomMin);
  #prices = new Float64Array(roomMin);
  #inStock = new Uint8Array(roomMin);

  constructor(groups: Groups) {
    this.#groups = groups;
  }

  get groups(): Groups {
    return this.#groups;
  }

  /** @returns the slots of products whose category or brand is called otherwise than before */
  regroup(groups: Groups): number[] {
    this.#groups = groups;
    const { category, brand } = this.facets;
    const [categories, brands] = [category.reread(), brand.reread()];
    const slots: number[] = [];
    for (let slot = 0; slot < this.size; slot++)
      if (this.isHere(slot) && (category.has(slot, categories) || brand.has(slot, brands))) slots.push(slot);
    return slots;
  }

  /** How many published products there are of each category or brand, as their products refer to it. */
  publishedOf(kind: GroupKind): Iterable<readonly [ref: string, count: number]> {
    const facet = this.facets[kind];
    const counts = facet.counts();
    const published = this.statusMask();
    for (let slot = 0; slot < this.size; slot++)
      if (this.hasStatus(slot, published)) facet.count(slot, counts);
    return facet.spellings(counts);
  }

  /** Slots, those of products that are gone included. */
  get size(): number {
    return this.#ids.length;
  }

  /** @returns its slot, higher than any before */
  push(product: IndexedProduct, digest: number): number {
    const slot = this.#ids.push(product.id) - 1;
    this.#makeRoom(slot + 1);
    this.#digest[slot] = digest;
    const start = this.#variantsStart(slot);
    this.#variantsEnd[slot] = start + product.variants.length;
    this.#prices = roomFor(this.#prices, start + product.variants.length);
    this.#inStock = roomFor(this.#inStock, start + product.variants.length);
    const { category, brand, tags } = product;
    this.facets.category.push(category === undefined ? [] : [category]);
    this.facets.brand.push(brand === undefined ? [] : [brand]);
    this.facets.tag.push(tags);
    this.update(slot, product);
    return slot;
  }

  /** The product of a slot, with the same texts. */
  update(slot: number, product: IndexedProduct): void {
    const status = this.#statusOf(product.status);
    if (this.#status[slot] !== status || this.#createdAt[slot] !== product.createdAt) this.#forgetLabels();
    this.#status[slot] = status;
    this.#createdAt[slot] = product.createdAt;
    this.#newest[slot] = product.publishedAt ?? product.createdAt;
    this.#sold[slot] = product.sold;
    this.#rating[slot] = product.rating;
    this.#featured[slot] = product.featured ? 1 : 0;
    const start = this.#variantsStart(slot);
    product.variants.forEach(({ price, inStock }, index) => {
      this.#prices[start + index] = price;
      this.#inStock[start + index] = inStock ? 1 : 0;
    });
  }

  drop(slot: number): void {
    this.#status[slot] = gone;
    for (const facet of Object.values(this.facets)) facet.drop(slot);
  }

  isHere(slot: number): boolean {
    return this.#status[slot] !== gone;
  }

  idOf(slot: number): string {
    return this.#ids[slot] ?? "";
  }

  digestOf(slot: number): number {
    return this.#digest[slot] ?? 0;
  }

  newestOf(slot: number): number {
    return this.#newest[slot] ?? 0;
  }

  soldOf(slot: number): number {
    return this.#sold[slot] ?? 0;
  }

  ratingOf(slot: number): number {
    return this.#rating[slot] ?? 0;
  }

  isFeatured(slot: number): boolean {
    return this.#featured[slot] === 1;
  }

  /** A filter: 1 for the number of each of these statuses. */
  statusMask(names: readonly string[] = [publishedStatus]): Uint8Array {
    const mask = new Uint8Array(this.#statuses.size + 1);
    for (const name of names) {
      const status = this.#statuses.get(name);
      if (status !== undefined) mask[status] = 1;
    }
    return mask;
  }

  hasStatus(slot: number, mask: Uint8Array): boolean {
    return mask[this.#status[slot] ?? gone] === 1;
  }

  /**
   * The lowest price of the variants that fit what the query asks of one.
   * @returns minor units; null where none is for sale; undefined where none fits
   */
  priceOf(slot: number, { minPrice, maxPrice, inStock }: CatalogQuery): number | null | undefined {
    const end = this.#variantsEnd[slot] ?? 0;
    let price: number | undefined;
    for (let at = this.#variantsStart(slot); at < end; at++) {
      const isInStock = this.#inStock[at] === 1;
      if (inStock === false && isInStock) return undefined;
      if (inStock === true && !isInStock) continue;
      const each = this.#prices[at] ?? 0;
      if (minPrice !== undefined && each < minPrice) continue;
      if (maxPrice !== undefined && each > maxPrice) continue;
      if (price === undefined || each < price) price = each;
    }
    const asks = minPrice !== undefined || maxPrice !== undefined || inStock === true;
    return price ?? (asks ? undefined : null);
  }

  /** Whose spelling of a value goes first: what is published, then what was created first, then the lower id. */
  isOlder(slot: number, other: number): boolean {
    if (!this.isHere(slot)) return false;
    if (other < 0) return true;
    const isPublished = this.#status[slot] === 1;
    if (isPublished !== (this.#status[other] === 1)) return isPublished;
    const age = (this.#createdAt[slot] ?? 0) - (this.#createdAt[other] ?? 0);
    return age < 0 || (age === 0 && this.idOf(slot) < this.idOf(other));
  }

  /** The products that are here, in new slots, in their order. */
  compacted(): Products {
    const kept = new Products(this.#groups);
    const statusNames = [...this.#statuses.keys()];
    for (let slot = 0; slot < this.size; slot++) {
      if (!this.isHere(slot)) continue;
      const [category] = this.facets.category.textsOf(slot);
      const [brand] = this.facets.brand.textsOf(slot);
      const variants = [];
      for (let at = this.#variantsStart(slot); at < (this.#variantsEnd[slot] ?? 0); at++)
        variants.push({ sku: "", price: this.#prices[at] ?? 0, inStock: this.#inStock[at] === 1 });
      const product = {
        id: this.idOf(slot),
        status: statusNames[(this.#status[slot] ?? 1) - 1] ?? publishedStatus,
        name: "",
        ...(category !== undefined && { category }),
        ...(brand !== undefined && { brand }),
        tags: this.facets.tag.textsOf(slot),
        variants,
        publishedAt: this.newestOf(slot),
        createdAt: this.#createdAt[slot] ?? 0,
        sold: this.soldOf(slot),
        rating: this.ratingOf(slot),
        featured: this.isFeatured(slot),
      };
      kept.push(product, this.digestOf(slot));
    }
    return kept;
  }

  #variantsStart(slot: number): number {
    return slot === 0 ? 0 : (this.#variantsEnd[slot - 1] ?? 0);
  }

  #statusOf(name: string): number {
    const known = this.#statuses.get(name);
    if (known !== undefined) return known;
    this.#statuses.set(name, this.#statuses.size + 1);
    return this.#statuses.size;
  }

  #forgetLabels(): void {
    for (const facet of Object.values(this.facets)) facet.forgetLabels();
  }

  #makeRoom(slots: number): void {
    this.#status = roomFor(this.#status, slots);
    this.#digest = roomFor(this.#digest, slots);
    this.#createdAt = roomFor(this.#createdAt, slots);
    this.#newest = roomFor(this.#newest, slots);
    this.#sold = roomFor(this.#sold, slots);
    this.#rating = roomFor(this.#rating, slots);
    this.#featured = roomFor(this.#featured, slots);
    this.#variantsEnd = roomFor(this.#variantsEnd, slots);
  }
}
