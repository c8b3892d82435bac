import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";
import type { Money } from "../../src/values/money.ts";
import type { StockPolicy } from "../stock/availability.ts";
import type { GroupDoc, GroupsDoc } from "./groups.ts";
import type { OrderedDoc } from "./sold.ts";

type Data<K extends keyof ShopEvents> = DataOf<ShopEvents, K>;

/** Stock as a shopper sees it: how much is left, and what the policy makes of it. */
export interface Availability extends StockPolicy {
  available: number;
}

/** Under `sku/<sku>`: stock events know only the SKU, and it leads them to its product. */
export interface SkuDoc extends Availability {
  productId?: string;
}

export interface SkuStock extends Availability {
  sku: string;
}

export interface VariantDoc {
  sku: string;
  name?: string;
  price: Money;
  compareAtPrice?: Money;
  attributes: Readonly<Record<string, string>>;
  barcode?: string;
  weightGrams?: number;
  retired?: true;
}

export interface ProductDetails {
  /** Of the product's stream, after the last event. */
  revision: number;
  status: "draft" | "published" | "archived";
  slug: string;
  name: string;
  shortDescription?: string;
  description?: string;
  /** As they were called when they were said; with an id, that says which is meant. */
  brand?: string;
  brandId?: string;
  category?: string;
  categoryId?: string;
  tags: readonly string[];
  images: Data<"ProductCreated">["images"];
  seo?: NonNullable<Data<"ProductCreated">["seo"]>;
  specifications?: NonNullable<Data<"ProductCreated">["specifications"]>;
  relatedProducts?: readonly string[];
  featured?: boolean;
  /** Of a draft: when it is published by itself. */
  publishAt?: string;
  /** In the order they were added, with those that were retired. */
  variants: VariantDoc[];
  /** Epoch milliseconds; of the first publication. */
  publishedAt?: number;
  createdAt: number;
  updatedAt: number;
}

export interface ProductDoc {
  /** Of the SKUs that the product has claimed. */
  stock: SkuStock[];
  /** Pieces in orders that were paid or shipped, less those that were cancelled or came back after that. */
  sold: number;
  /** Absent until the product is created: its SKUs are claimed before. */
  details?: ProductDetails;
}

export type CatalogDoc = ProductDoc | SkuDoc | OrderedDoc | GroupDoc | GroupsDoc;
