import { documentsOf, type ViewModel } from "../../src/stores/view-store/view-store.ts";
import type { Page, PageRequest, TextPage } from "../page.ts";
import { stockStatusOf } from "../stock/availability.ts";
import type { ProductDetails, ProductDoc } from "./documents.ts";
import {
  type BrandName,
  type CategoryPlace,
  type GroupDoc,
  Groups,
  groupDocsOf,
  isGroupKey,
  refOf,
} from "./groups.ts";
import { itemsWithStatus, type ProductStatus, productsById, productsBySku } from "./named.ts";
import { type CatalogFacet, catalogFacets, type IndexedProduct } from "./search/catalog-query.ts";
import { CatalogIndex } from "./search/index.ts";
import { type ProductListItem, withGroups } from "./views.ts";

export const productSorts = ["price", "-price", "newest", "best-selling", "rating"] as const;
export type ProductSort = (typeof productSorts)[number];

export const productFacets = catalogFacets;
export type ProductFacet = CatalogFacet;

const loadKeys = 1_000;
const refreshedAtOnce = 200;

export interface CategoryItem extends CategoryPlace {
  /** Published products in it, and in it or below. */
  productCount: number;
  productCountBelow: number;
}

export interface BrandItem extends BrandName {
  productCount: number;
}

export interface ProductsQuery extends PageRequest {
  /** Any of these: an id, a path such as `Garden/Chairs` with what is below it, or a name that only one category has. */
  category?: readonly string[] | undefined;
  brand?: readonly string[] | undefined;
  tag?: readonly string[] | undefined;
  /** Minor units, of one variant that is for sale; the item shows that variant's price. */
  minPrice?: number | undefined;
  maxPrice?: number | undefined;
  /** What can be bought now, backorders included; or what cannot. */
  inStock?: boolean | undefined;
  /** What the shop puts first; or the others. */
  featured?: boolean | undefined;
  /** Words in name, SKUs, brand, category, tags and description; all must occur. */
  q?: string | undefined;
  /** Left out: the best match first when there is a `q`, else the newest. */
  sort?: ProductSort | undefined;
  facets?: readonly ProductFacet[] | undefined;
  /** Left out: only what is published, which is all that others than staff may see. Given: items tell theirs. */
  status?: readonly ProductStatus[] | undefined;
}

/** Products that are asked for by name: by their ids, or by SKUs of theirs. */
export interface NamedProducts {
  ids?: readonly string[] | undefined;
  skus?: readonly string[] | undefined;
  /** As of a list. */
  status?: readonly ProductStatus[] | undefined;
}

export interface ProductPage extends TextPage<ProductListItem> {
  /** Exact up to 10,000; there are more when it says so. */
  total: number;
  totalIsMore: boolean;
  /** What was looked for, when what was typed is nowhere. */
  corrected?: string;
  /** How many products have each value, not counting the facet's own filter; the most frequent 100. */
  facets?: Partial<Record<ProductFacet, { value: string; count: number }[]>>;
}

/**
 * The list of products as shoppers filter and search it: an index in memory of what the catalog's model holds, so
 * that every view store gives the same answers and none has to search. Whoever keeps it tells it what has changed.
 */
export class CatalogListing {
  private index = new CatalogIndex();
  private groupDocs = new Map<string, GroupDoc>();
  /** Products that are still found by what their category or brand was called. */
  private readonly stale = new Set<string>();

  get size(): number {
    return this.index.size;
  }

  /** Reads the whole model. */
  async load(model: ViewModel): Promise<void> {
    const index = new CatalogIndex();
    const groupDocs = await groupDocsOf(model);
    index.regroup(new Groups(groupDocs));
    for await (const { key, json } of documentsOf(model)) put(index, key, json);
    index.prepare();
    this.index = index;
    this.groupDocs = groupDocs;
    this.stale.clear();
  }

  /** Reads documents that were stored or deleted. */
  async update(model: ViewModel, keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += loadKeys) {
      const some = keys.slice(from, from + loadKeys);
      const { documents } = await model.load(some);
      const textOf = (key: string) => documents.get(key)?.json;
      this.regroup(some.filter(isGroupKey), textOf);
      for (const key of some) {
        put(this.index, key, textOf(key));
        this.stale.delete(key);
      }
    }
  }

  /**
   * Has some of the products found by what their category or brand is called now. Renaming a category may concern very
   * many: what is asked meanwhile is answered in between.
   * @returns whether there are more
   */
  async refresh(model: ViewModel): Promise<boolean> {
    const some = [...this.stale].slice(0, refreshedAtOnce);
    if (some.length > 0) await this.update(model, some);
    return this.stale.size > 0;
  }

  private regroup(keys: readonly string[], textOf: (key: string) => string | undefined): void {
    if (keys.length === 0) return;
    for (const key of keys) {
      const json = textOf(key);
      if (json !== undefined) this.groupDocs.set(key, JSON.parse(json) as GroupDoc);
    }
    for (const id of this.index.regroup(new Groups(this.groupDocs))) this.stale.add(id);
  }

  /** All categories with their products, those of the categories below them included or not. */
  categories(): CategoryItem[] {
    const inEach = this.index.publishedOf("category");
    const items = this.index.groups.categories().map((place) => {
      const productCount = inEach.get(place.id) ?? 0;
      return { ...place, productCount, productCountBelow: productCount };
    });
    const byId = new Map(items.map((item) => [item.id, item]));
    // Each comes before those below it: from the last on, a sum is whole when it is added.
    for (const { parentId, productCountBelow } of items.toReversed()) {
      const parent = parentId === undefined ? undefined : byId.get(parentId);
      if (parent) parent.productCountBelow += productCountBelow;
    }
    return items;
  }

  brands(): BrandItem[] {
    const ofEach = this.index.publishedOf("brand");
    return this.index.groups.brands().map((brand) => ({ ...brand, productCount: ofEach.get(brand.id) ?? 0 }));
  }

  /**
   * Published products, or those of the statuses asked for, each as the model presents it.
   * @throws InvalidCursor when `after` is not one that a query like this gave out
   */
  async list(model: ViewModel, query: ProductsQuery): Promise<ProductPage> {
    const { facets, minPrice, inStock } = query;
    const mayNotBeCheapest = minPrice !== undefined || inStock === true;
    const answer = this.index.query(query);
    const ids = answer.hits.map(({ id }) => id);
    const { groups } = this.index;
    const groupsOf = new Map(ids.map((id) => [id, this.index.groupsOf(id)]));
    const found = query.status ? await itemsWithStatus(model, ids, groups) : await model.getMany(ids);
    const texts = answer.hits.flatMap(({ id, price }) => {
      const json = found.get(id)?.json;
      if (json === undefined) return [];
      const item = query.status ? json : withGroups(json, groupsOf.get(id) ?? {});
      return mayNotBeCheapest ? atPrice(item, price) : item;
    });
    const { total, totalIsMore, corrected } = answer;
    const next: Page<unknown>["next"] = answer.next ?? null;
    const more = { ...(corrected !== undefined && { corrected }), ...(facets && { facets: answer.facets }) };
    return { texts, next, total, totalIsMore, ...more };
  }

  /** Products by name, in the order of the names, each once; what is not there or not to be seen is left out. */
  async named(model: ViewModel, { ids = [], skus = [], status }: NamedProducts): Promise<ProductPage> {
    const { groups } = this.index;
    const texts = [
      ...(await productsById(model, ids, status, groups)),
      ...(await productsBySku(model, skus, status, groups, (sku) => this.index.idsWithSku(sku))),
    ];
    return { texts, next: null, total: texts.length, totalIsMore: false };
  }
}

/** The item with the price of the variant that fits, where that is not the cheapest one. */
function atPrice(json: string, price: number | null): string {
  const item = JSON.parse(json) as ProductListItem;
  if (price === null || !item.price || item.price.amount === price) return json;
  // What it cost before is told of the cheapest one only.
  const { compareAtPrice: _, ...others } = item;
  return JSON.stringify({ ...others, price: { ...item.price, amount: price } });
}

function put(index: CatalogIndex, key: string, json: string | undefined): void {
  const doc = json === undefined ? undefined : (JSON.parse(json) as Partial<ProductDoc>);
  // SKUs have documents of their own in the model, and products claim theirs before they have details.
  const product = doc?.details && indexed(key, doc as ProductDoc, doc.details);
  if (product) index.put(product);
  else index.remove(key);
}

function indexed(id: string, { stock, sold }: ProductDoc, details: ProductDetails): IndexedProduct {
  const { status, name, tags, description, shortDescription } = details;
  const brand = refOf(details.brandId, details.brand);
  const category = refOf(details.categoryId, details.category);
  const isBuyable = (sku: string) => {
    const found = stock.find((each) => each.sku === sku);
    return !!found && (found.backorders || stockStatusOf(found.available, found) !== "out_of_stock");
  };
  return {
    id,
    status,
    name,
    ...(brand !== undefined && { brand }),
    ...(category !== undefined && { category }),
    tags,
    ...(description !== undefined && { description }),
    ...(shortDescription !== undefined && { shortDescription }),
    variants: details.variants
      .filter(({ retired }) => !retired)
      .map((variant) => ({
        sku: variant.sku,
        ...(variant.name !== undefined && { name: variant.name }),
        price: variant.price.amount,
        inStock: isBuyable(variant.sku),
      })),
    featured: details.featured === true,
    publishedAt: details.publishedAt ?? null,
    createdAt: details.createdAt,
    sold,
    // Nobody reviews yet.
    rating: 0,
  };
}
