import type { Decimals } from "../csv/decimals.ts";
import type { LeftOutList } from "./draft.ts";
import type { Read } from "./records.ts";
import type { Row } from "./rows.ts";

/** The rows of one product, in the order of the file. */
export interface Grouped {
  /** What people know it by. */
  product: string;
  rows: Row[];
}

/** What a product is read with. */
export interface Reading {
  /** The shop's currency: what a file does not say. */
  currency: string;
  /** How the whole file writes numbers, amounts of a currency among them. */
  decimals: (currency: string) => Decimals;
  leftOut: LeftOutList;
  /** Epoch milliseconds. */
  now: number;
}

/** A kind of file that products come in. */
export interface Format {
  name: "own" | "shopify" | "woocommerce";
  /** Texts that a spreadsheet would take for a formula are led by an apostrophe. */
  escapesFormulas: boolean;
  /** @param header folded titles */
  isOf(header: ReadonlySet<string>): boolean;
  /** Folded titles of what tells how the file writes decimals. */
  numbers: readonly string[];
  /** Rows as products; it yields now and then, so that others get their turns. */
  group(rows: readonly Row[]): Generator<void, Grouped[]>;
  read(grouped: Grouped, reading: Reading): Read;
}
