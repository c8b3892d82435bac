import { InvalidCursor } from "../../../src/stores/view-store/view-store.ts";
import type { CatalogCursor, CatalogQuery, CatalogSort } from "./catalog-query.ts";
import type { Matches } from "./matching.ts";
import type { Products } from "./products.ts";

export interface Order {
  /** Tells the price that the query found for a slot; comes before any comparison of it. */
  enter(slot: number, price: number | null): void;
  compare(slot: number, other: number): number;
  isAfter(slot: number): boolean;
  /** Where a page ends that ends with this slot. */
  cursorOf(slot: number): CatalogCursor;
}

/** Where a page starts. */
interface Place {
  keys: readonly number[];
  id: string;
}

/**
 * The order of a list: by one key, by rank also by what sells, and by id in the end.
 * @throws InvalidCursor when `after` is not one of a list sorted like this
 */
export function orderOf(products: Products, query: CatalogQuery, matches: Matches | undefined): Order {
  const sort = query.sort ?? (matches ? "rank" : "newest");
  const byRank = sort === "rank";
  const after = query.after && placeOf(query.after, byRank ? 2 : 1);
  const keyOf = keyFor(sort, products, matches);
  const keys = new Float64Array(products.size);
  const second = (slot: number) => (byRank ? -products.soldOf(slot) : 0);
  return {
    enter: (slot, price) => {
      keys[slot] = keyOf(slot, price);
    },
    compare: (slot, other) =>
      (keys[slot] ?? 0) - (keys[other] ?? 0) ||
      second(slot) - second(other) ||
      compareIds(products.idOf(slot), products.idOf(other)),
    isAfter: (slot) => {
      if (!after) return true;
      const [first = 0, next = 0] = after.keys;
      const difference = (keys[slot] ?? 0) - first || second(slot) - next;
      return (difference || compareIds(products.idOf(slot), after.id)) > 0;
    },
    cursorOf: (slot) => {
      const key = keys[slot] ?? 0;
      return byRank ? [key, second(slot), products.idOf(slot)] : [key, products.idOf(slot)];
    },
  };
}

/**
 * What was looked for on the page before, if it had been corrected: the next page is of the same words, even if
 * what was typed is found by now.
 * @throws InvalidCursor
 */
export function correctedOf(after: CatalogCursor | undefined): string | undefined {
  const corrected = after?.at(-1);
  if (after === undefined || typeof after.at(-2) !== "string") return undefined;
  if (typeof corrected !== "string") throw new InvalidCursor("`after` is not of this list");
  return corrected;
}

function placeOf(after: CatalogCursor, keysCount: number): Place {
  const keys = after.slice(0, keysCount).filter((key) => typeof key === "number" && Number.isFinite(key));
  const [id, ...corrected] = after.slice(keysCount);
  if (keys.length < keysCount || typeof id !== "string" || corrected.length > 1)
    throw new InvalidCursor("`after` is not of a list sorted like this");
  return { keys: keys.map(Number), id };
}

/** Smaller keys come first. */
function keyFor(sort: CatalogSort, products: Products, matches: Matches | undefined) {
  return (slot: number, price: number | null): number => {
    if (sort === "price") return price ?? Number.MAX_VALUE;
    if (sort === "-price") return price === null ? Number.MAX_VALUE : -price;
    if (sort === "newest") return -products.newestOf(slot);
    if (sort === "best-selling") return -products.soldOf(slot);
    if (sort === "rating") return -products.ratingOf(slot);
    return -(matches?.scores[slot] ?? 0);
  };
}

function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
