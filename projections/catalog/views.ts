import type { Money } from "../../src/values/money.ts";
import { type StockStatus, stockStatusOf } from "../stock/availability.ts";
import type { ProductDetails, ProductDoc, SkuStock, VariantDoc } from "./documents.ts";
import type { GroupNames, Groups } from "./groups.ts";

/** A product as lists show it. */
export interface ProductListItem {
  id: string;
  slug: string;
  name: string;
  brand?: string;
  /** Its path. */
  category?: string;
  tags: readonly string[];
  /** Of the cheapest variant. */
  price?: Money;
  /** Where the variants differ in price. */
  priceRange?: { min: Money; max: Money };
  /** What the cheapest variant cost before. */
  compareAtPrice?: Money;
  /** The shop puts it first. */
  featured?: true;
  image?: { url: string; alt?: string };
  /** Pieces over all variants; null where one is not tracked, so that there is no end to it. */
  available: number | null;
  stockStatus: StockStatus;
  createdAt: string;
}

export interface VariantView {
  sku: string;
  name?: string;
  price: Money;
  compareAtPrice?: Money;
  attributes: Readonly<Record<string, string>>;
  barcode?: string;
  weightGrams?: number;
  /** Null when it is not tracked. */
  available: number | null;
  stockStatus: StockStatus;
  /** More can be ordered than there is. */
  backorders: boolean;
}

/** A product with all that a shopper can know of it. */
export interface ProductView extends ProductListItem {
  revision: number;
  brandId?: string;
  categoryId?: string;
  status: ProductDetails["status"];
  shortDescription?: string;
  description?: string;
  images: ProductDetails["images"];
  seo?: ProductDetails["seo"];
  specifications?: ProductDetails["specifications"];
  /** Ids; who shows them leaves out what is not to be seen. */
  relatedProducts?: readonly string[];
  publishAt?: string;
  variants: VariantView[];
  updatedAt: string;
}

interface ShownStock {
  available: number | null;
  stockStatus: StockStatus;
}

const nothing: ShownStock & { backorders: boolean } = {
  available: 0,
  stockStatus: "out_of_stock",
  backorders: false,
};

/** Without its category and brand, which are told as they are when it is read. */
export function listItemOf(id: string, doc: ProductDoc, details: ProductDetails): ProductListItem {
  const { slug, name, tags, images, createdAt } = details;
  const prices = pricesOf(details);
  const [min, max] = [prices[0], prices.at(-1)];
  const cheapest = min && liveVariants(details).find(({ price }) => price.amount === min.amount);
  const image = images.find(({ primary }) => primary) ?? images[0];
  return {
    id,
    slug,
    name,
    tags,
    ...(min && { price: min }),
    ...(min && max && max.amount > min.amount && { priceRange: { min, max } }),
    ...(details.featured && { featured: true as const }),
    ...(cheapest?.compareAtPrice && { compareAtPrice: cheapest.compareAtPrice }),
    ...(image && { image: { url: image.url, ...(image.alt !== undefined && { alt: image.alt }) } }),
    ...stockOf(doc, details),
    createdAt: new Date(createdAt).toISOString(),
  };
}

/** An item's text with its category and brand. */
export function withGroups(json: string, groups: GroupNames): string {
  const more = JSON.stringify(groups).slice(1);
  return more === "}" ? json : `${json.slice(0, -1)},${more}`;
}

export function productViewOf(
  id: string,
  doc: ProductDoc,
  details: ProductDetails,
  groups: Groups,
): ProductView {
  const { revision, status, shortDescription, description, images, updatedAt } = details;
  const { seo, specifications, relatedProducts, publishAt } = details;
  return {
    revision,
    ...listItemOf(id, doc, details),
    ...groups.shown(details),
    status,
    ...(shortDescription !== undefined && { shortDescription }),
    ...(description !== undefined && { description }),
    images,
    ...(seo && { seo }),
    ...(specifications && { specifications }),
    ...(relatedProducts && { relatedProducts }),
    ...(publishAt !== undefined && { publishAt }),
    variants: liveVariants(details).map(({ retired: _, ...variant }) => ({
      ...variant,
      ...shownOf(doc, variant.sku),
    })),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

/** Of the variants that are for sale, cheapest first. */
function pricesOf(details: ProductDetails): Money[] {
  return liveVariants(details)
    .map(({ price }) => price)
    .sort((a, b) => a.amount - b.amount);
}

/** Of all variants that are for sale: as well as the best of them is. */
function stockOf(doc: ProductDoc, details: ProductDetails): ShownStock {
  let available: number | null = 0;
  let stockStatus: StockStatus = "out_of_stock";
  for (const { sku } of liveVariants(details)) {
    const shown = shownOf(doc, sku);
    available = available === null || shown.available === null ? null : available + shown.available;
    if (shown.stockStatus === "in_stock" || stockStatus === "out_of_stock") stockStatus = shown.stockStatus;
  }
  return { available, stockStatus };
}

function shownOf(doc: ProductDoc, sku: string): ShownStock & { backorders: boolean } {
  const stock = doc.stock.find((each) => each.sku === sku);
  return stock ? shown(stock) : nothing;
}

function shown(stock: SkuStock): ShownStock & { backorders: boolean } {
  const { available, track, backorders } = stock;
  return {
    available: track ? Math.max(0, available) : null,
    stockStatus: stockStatusOf(available, stock),
    backorders,
  };
}

function liveVariants({ variants }: ProductDetails): VariantDoc[] {
  return variants.filter(({ retired }) => !retired);
}
