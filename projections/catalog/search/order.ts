import { InvalidCursor } from "../../../src/stores/view-store/view-store.ts";
import type { CatalogCursor, CatalogSort } from "./catalog-query.ts";
import type { Matches } from "./matching.ts";
import type { Products } from "./products.ts";

/** Pieces sold that are told apart where a score is the same. */
const soldMax = 2 ** 32 - 1;

/** Where a page starts: behind the product with this key and id. */
export interface Place {
  key: number;
  id: string;
}

/** The key of a slot by which lists are sorted, ascending; products with the same key go by id. */
export function keyFor(sort: CatalogSort, products: Products, matches: Matches | undefined) {
  switch (sort) {
    case "price":
      return (_: number, price: number | null) => price ?? Number.MAX_VALUE;
    case "-price":
      return (_: number, price: number | null) => (price === null ? Number.MAX_VALUE : -price);
    case "newest":
      return (slot: number) => -products.newestOf(slot);
    case "best-selling":
      return (slot: number) => -products.soldOf(slot);
    case "rating":
      return (slot: number) => -products.ratingOf(slot);
    case "rank":
      // A number holds both exactly: the score first, then what sells.
      return (slot: number) =>
        -((matches?.scores[slot] ?? 0) * (soldMax + 1) + Math.min(products.soldOf(slot), soldMax));
  }
}

/** @throws InvalidCursor when a page of such a list cannot have ended there */
export function placeOf(after: CatalogCursor): Place {
  const [key, id, ...corrected] = after;
  const isKey = typeof key === "number" && Number.isFinite(key);
  if (!isKey || typeof id !== "string" || corrected.length > 1)
    throw new InvalidCursor("`after` is not of a list of products");
  return { key, id };
}

/**
 * What was looked for on the page before, if it had been corrected: the next page is of the same words, even if
 * what was typed is found by now.
 * @throws InvalidCursor
 */
export function correctedOf(after: CatalogCursor): string | undefined {
  const corrected = after[2];
  if (corrected !== undefined && typeof corrected !== "string")
    throw new InvalidCursor("`after` is not of a list of products");
  return corrected;
}
