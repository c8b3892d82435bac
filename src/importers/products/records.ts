import type { PriceChange, ProductChanges, VariantChanges } from "../../../commands/product/fields.ts";
import type { ProductStatus } from "../../../commands/product/product.ts";

import type { Row } from "./rows.ts";

/** A row that is not imported, and why. */
export interface Reject {
  row: number;
  product: string;
  field: string;
  value: string;
  reason: string;
}

/** What the catalog has no place for: of how many rows, and the first of them. */
export interface LeftOut {
  field: string;
  reason: string;
  rows: number;
  firstRow: number;
}

/** Of a variant's stock; what is left out stays. */
export interface StockRecord {
  track?: boolean;
  backorders?: boolean;
  lowStockThreshold?: number;
  /** Pieces that can be sold. */
  available?: number;
}

/** What is left out stays as it is, `null` clears. */
export interface VariantRecord {
  from: Row;
  sku: string;
  /** The file gives none: it was made from the handle and options. */
  isSkuMade: boolean;
  price?: PriceChange;
  changes: VariantChanges;
  stock: StockRecord;
}

/** A product as a file has it: what is left out stays as it is, `null` clears. */
export interface ProductRecord {
  /** What people know it by: its handle, else its SKU. */
  product: string;
  /** The product's id derives from it, when the product is new. */
  identity: string;
  /** Of a product that is there. */
  id?: string;
  slug?: string;
  row: number;
  rows: number;
  fields: Omit<ProductChanges, "slug" | "seo">;
  seo: { title?: string | null; description?: string | null };
  status?: ProductStatus;
  variants: VariantRecord[];
  /** The row, title and value that something found wrong later is about. */
  whereIs: Locate;
}

/** @param path as the product's schemas name it, such as `variants.0.price` */
export type Locate = (path: string) => Omit<Reject, "reason">;

/** One product of a file, to be imported or rejected as a whole. */
export type Read = ProductRecord | { product: string; row: number; rows: number; rejects: Reject[] };
