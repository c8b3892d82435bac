/** A total is exact up to here. */
export const totalMax = 10_000;
export const facetValuesMax = 100;

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
  /** As `refOf` has it: what it is called is the index's to know. */
  brand?: string;
  category?: string;
  tags: readonly string[];
  description?: string;
  shortDescription?: string;
  /** Those for sale. */
  variants: readonly IndexedVariant[];
  featured: boolean;
  /** Epoch milliseconds of the first publication. */
  publishedAt: number | null;
  createdAt: number;
  sold: number;
  rating: number;
}

export type CatalogSort = "price" | "-price" | "newest" | "best-selling" | "rating" | "rank";
export const catalogFacets = ["category", "brand", "tag"] as const;
export type CatalogFacet = (typeof catalogFacets)[number];

/**
 * Where a page ended: the sort keys of its last product, its id, and the corrected query if there was one.
 *
 * A page holds what comes after that place as things are when it is asked for. So whatever is added, removed or
 * changed between pages, a product whose own keys stay is seen exactly once. One whose key moves across the place
 * is missed or seen again, at its new key: by what sells, which grows but for what comes back, it is hardly ever seen twice.
 */
export type CatalogCursor = readonly (number | string | null)[];

export interface CatalogQuery {
  q?: string | undefined;
  category?: readonly string[] | undefined;
  brand?: readonly string[] | undefined;
  tag?: readonly string[] | undefined;
  minPrice?: number | undefined;
  maxPrice?: number | undefined;
  inStock?: boolean | undefined;
  featured?: boolean | undefined;
  /** Left out: what is published. */
  status?: readonly string[] | undefined;
  /** Left out: the best match first when there is a `q`, else the newest. */
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

export interface FacetValue {
  value: string;
  count: number;
}

export interface CatalogAnswer {
  hits: CatalogHit[];
  next?: CatalogCursor;
  total: number;
  totalIsMore: boolean;
  corrected?: string;
  facets: Partial<Record<CatalogFacet, FacetValue[]>>;
}
