import { createRequire } from "node:module";
import type sortedBtree from "sorted-btree";

// The package is CommonJS, and what its default is depends on who imports it: asked for as what it is.
const { default: BTree } = createRequire(import.meta.url)("sorted-btree") as typeof sortedBtree;

export const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
export const byNumber = (a: number, b: number) => a - b;

/** A sorted map that never changes: `with` and `without` give another one that shares nearly all of it. */
export type SortedMap<K, V> = sortedBtree.default<K, V>;

export function sortedMap<K, V>(compare: (a: K, b: K) => number): SortedMap<K, V> {
  return new BTree<K, V>(undefined, compare);
}

export function isSortedMap(value: unknown): value is SortedMap<unknown, unknown> {
  return value instanceof BTree;
}

/**
 * A map from text in the order in which keys were first added, that never changes: `with` and `without` give
 * another one in logarithmic time, so a state may hold a hundred thousand entries and still be kept apart from
 * what is being decided on it.
 */
export class OrderedMap<V> {
  private readonly places: SortedMap<string, number>;
  private readonly entriesByPlace: SortedMap<number, readonly [string, V]>;
  private readonly next: number;

  private constructor(
    places: SortedMap<string, number>,
    entries: SortedMap<number, readonly [string, V]>,
    next: number,
  ) {
    this.places = places;
    this.entriesByPlace = entries;
    this.next = next;
  }

  /** All empty maps are one: most collections of most states are empty. */
  private static readonly empty = new OrderedMap<never>(sortedMap(byText), sortedMap(byNumber), 0);

  static of<V>(entries: Iterable<readonly [string, V]> = []): OrderedMap<V> {
    let map: OrderedMap<V> = OrderedMap.empty;
    for (const [key, value] of entries) map = map.with(key, value);
    return map;
  }

  get size(): number {
    return this.places.size;
  }

  has(key: string): boolean {
    return this.places.has(key);
  }

  get(key: string): V | undefined {
    const place = this.places.get(key);
    return place === undefined ? undefined : this.entriesByPlace.get(place)?.[1];
  }

  /** A key that is known keeps its place. */
  with(key: string, value: V): OrderedMap<V> {
    const place = this.places.get(key);
    if (place !== undefined)
      return new OrderedMap(
        this.places,
        withKey(this.entriesByPlace, place, [key, value] as const),
        this.next,
      );
    return new OrderedMap(
      withKey(this.places, key, this.next),
      withKey(this.entriesByPlace, this.next, [key, value] as const),
      this.next + 1,
    );
  }

  without(key: string): OrderedMap<V> {
    const place = this.places.get(key);
    if (place === undefined) return this;
    return new OrderedMap(this.places.without(key), this.entriesByPlace.without(place), this.next);
  }

  /** Without the entry that was added first. */
  withoutFirst(): OrderedMap<V> {
    const first = this.entriesByPlace.minKey();
    const key = first === undefined ? undefined : this.entriesByPlace.get(first)?.[0];
    return key === undefined ? this : this.without(key);
  }

  *keys(): IterableIterator<string> {
    for (const [key] of this.entriesByPlace.values()) yield key;
  }

  *values(): IterableIterator<V> {
    for (const [, value] of this.entriesByPlace.values()) yield value;
  }

  /** Those that were added last come first. */
  *reversed(): IterableIterator<readonly [string, V]> {
    for (const [, entry] of this.entriesByPlace.entriesReversed()) yield entry;
  }

  [Symbol.iterator](): IterableIterator<readonly [string, V]> {
    return this.entriesByPlace.values();
  }
}

/** What was added last, by its ids, at most `max` of them: with another one, the oldest is forgotten. */
export function withRecent<V>(recent: OrderedMap<V>, id: string, value: V, max: number): OrderedMap<V> {
  const more = recent.without(id).with(id, value);
  return more.size > max ? more.withoutFirst() : more;
}

export function withKey<K, V>(map: SortedMap<K, V>, key: K, value: V): SortedMap<K, V> {
  // The package's `with` widens the values' type by undefined, for a call without a value.
  return (map.with as (key: K, value: V, overwrite: boolean) => SortedMap<K, V>).call(map, key, value, true);
}
