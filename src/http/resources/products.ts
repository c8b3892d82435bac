import { z } from "zod";
import { listOf, pageOf } from "./lists.ts";
import { money } from "./money.ts";
import { availableTold, stockStatus } from "./stock.ts";
import { textView, viewOf } from "./view.ts";

const status = z.enum(["draft", "published", "archived"]);

/** A product as lists show it. */
const item = z
  .strictObject({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    brand: z.string().optional(),
    /** Its path. */
    category: z.string().optional(),
    tags: z.array(z.string()),
    /** Of the cheapest variant. */
    price: money.optional(),
    /** Where the variants differ in price. */
    priceRange: z.strictObject({ min: money, max: money }).optional(),
    /** What the cheapest variant cost before. */
    compareAtPrice: money.optional(),
    /** The shop puts it first. */
    featured: z.literal(true).optional(),
    image: z.strictObject({ url: z.string(), alt: z.string().optional() }).optional(),
    /** Pieces over all variants; null where one is not tracked, so that there is no end to it. */
    available: z.int().nullable(),
    stockStatus,
    createdAt: z.string(),
  })
  .meta({ id: "ProductListItem" });

/** Where a list is not only of what is published, it tells of each what it is. */
const staffItem = item.extend({ status: status.optional() }).meta({ id: "StaffProductListItem" });

const variant = z.strictObject({
  sku: z.string(),
  name: z.string().optional(),
  price: money,
  compareAtPrice: money.optional(),
  attributes: z.record(z.string(), z.string()),
  barcode: z.string().optional(),
  weightGrams: z.int().optional(),
  /** Null when it is not tracked. */
  available: z.int().nullable(),
  stockStatus,
  /** More can be ordered than there is. */
  backorders: z.boolean(),
});

const product = item
  .extend({
    status,
    brandId: z.string().optional(),
    categoryId: z.string().optional(),
    shortDescription: z.string().optional(),
    description: z.string().optional(),
    images: z.array(z.strictObject({ url: z.string(), alt: z.string().optional(), primary: z.boolean() })),
    /** What search engines are shown instead of the name and the short description. */
    seo: z.strictObject({ title: z.string().optional(), description: z.string().optional() }).optional(),
    specifications: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
    /** Ids; guests are told those that are published. */
    relatedProducts: z.array(z.string()).optional(),
    /** When a draft is published by itself. */
    publishAt: z.string().optional(),
    variants: z.array(variant),
    updatedAt: z.string(),
  })
  .meta({ id: "Product" });

const shownInLists = {
  id: true,
  slug: true,
  name: true,
  brand: true,
  category: true,
  tags: true,
  price: true,
  priceRange: true,
  compareAtPrice: true,
  featured: true,
  image: true,
  stockStatus: true,
  createdAt: true,
} as const;

const guestItem = item
  .pick(shownInLists)
  .extend({ available: availableTold })
  .meta({ id: "GuestProductListItem" });

const guestProduct = product
  .pick({
    ...shownInLists,
    brandId: true,
    categoryId: true,
    shortDescription: true,
    description: true,
    images: true,
    seo: true,
    specifications: true,
    relatedProducts: true,
    updatedAt: true,
  })
  .extend({
    available: availableTold,
    status: z.literal("published"),
    variants: z.array(
      variant
        .pick({
          sku: true,
          name: true,
          price: true,
          compareAtPrice: true,
          attributes: true,
          barcode: true,
          weightGrams: true,
          stockStatus: true,
          backorders: true,
        })
        .extend({ available: availableTold }),
    ),
  })
  .meta({ id: "GuestProduct" });

const seller = z.strictObject({ sku: z.string(), name: z.string(), units: z.int() });
/** What a shop sells and earns is for its staff. */
const guestSeller = seller.pick({ sku: true, name: true });

const facetCounts = z.array(z.strictObject({ value: z.string(), count: z.int() }));
const counted = {
  /** Exact up to 10,000; with `totalIsMore` there are more. */
  total: z.int(),
  totalIsMore: z.literal(true).optional(),
  /** What was looked for, when what was typed is nowhere. */
  corrected: z.string().optional(),
  facets: z
    .strictObject({
      category: facetCounts.optional(),
      brand: facetCounts.optional(),
      tag: facetCounts.optional(),
    })
    .optional(),
};

/** What a command on a product answers. */
export const productSummary = z
  .strictObject({
    id: z.string(),
    slug: z.string(),
    status,
    sku: z.string().optional(),
    price: money.optional(),
  })
  .meta({ id: "ProductSummary" });

export const productListAnswer = z.union([
  pageOf(staffItem).extend(counted).meta({ id: "ProductList" }),
  pageOf(guestItem).extend(counted).meta({ id: "GuestProductList" }),
]);
export const recentProductsAnswer = listOf(guestItem).meta({ id: "RecentProducts" });
export const productDetailAnswer = z.union([product, guestProduct]);
export const bestSellersAnswer = z.union([
  listOf(seller).meta({ id: "BestSellers" }),
  listOf(guestSeller).meta({ id: "GuestBestSellers" }),
]);

/** Of a list's item as the catalog has it. */
export const staffProductText = textView(staffItem);
export const guestProductText = textView(guestItem);
export const guestItemOf = viewOf(guestItem);
export const productSummaryOf = viewOf(productSummary);
export const staffProductOf = viewOf(product);
/** Of a published product. */
export const guestProductOf = viewOf(guestProduct);
export const staffSellersOf = viewOf(z.array(seller));
export const guestSellersOf = viewOf(z.array(guestSeller));
