import { hash } from "node:crypto";

/** Chance that the same names always give. */
export interface Dice {
  /** From 0 to 1, without 1. */
  next(): number;
  /** A whole number from 1. */
  upTo(max: number): number;
  chance(share: number): boolean;
  /** @throws RangeError for no items */
  pick<T>(items: readonly T[]): T;
  /** The items in another order. */
  shuffled<T>(items: readonly T[]): T[];
}

/**
 * Small, fast and the same on every machine: mulberry32 by Tommy Ettinger.
 * @returns what gives the next number, from 0 to 1, without 1
 */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function createDice(...names: (string | number)[]): Dice {
  const next = mulberry32(hash("sha256", JSON.stringify(names), "buffer").readUInt32LE(0));
  const upTo = (max: number) => 1 + Math.floor(next() * max);
  return {
    next,
    upTo,
    chance: (share) => next() < share,
    pick: <T>(items: readonly T[]): T => {
      const item = items[upTo(items.length) - 1];
      if (item === undefined) throw new RangeError("nothing to pick from");
      return item;
    },
    shuffled: (items) =>
      items
        .map((item) => ({ item, at: next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item),
  };
}
