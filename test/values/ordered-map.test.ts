import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byNumber, OrderedMap, sortedMap, withKey, withRecent } from "../../src/values/ordered-map.ts";

const entriesOf = <V>(map: OrderedMap<V>) => [...map];

describe("an ordered map", () => {
  test("holds keys in the order in which they were first added, whatever they are called", () => {
    const names = ["b", "10", "9", "__proto__", "constructor", "", "あ", "a"];
    const map = OrderedMap.of(names.map((name, index) => [name, index] as const));
    expect([...map.keys()]).toEqual(names);
    expect([...map.values()]).toEqual(names.map((_, index) => index));
    expect(names.map((name) => map.get(name))).toEqual(names.map((_, index) => index));
    expect(map.get("toString")).toBeUndefined();
    expect(map.has("toString")).toBe(false);
  });

  test("keeps the place of a key that is set again, and gives a new one to a key that comes back", () => {
    const map = OrderedMap.of([
      ["a", 1],
      ["b", 2],
    ]);
    expect(entriesOf(map.with("a", 3))).toEqual([
      ["a", 3],
      ["b", 2],
    ]);
    expect(entriesOf(map.without("a").with("a", 3))).toEqual([
      ["b", 2],
      ["a", 3],
    ]);
  });

  test("is gone through from its end as well", () => {
    const map = OrderedMap.of(Array.from({ length: 100 }, (_, n) => [`${n}`, n] as const)).with("3", 300);
    expect([...map.reversed()]).toEqual(entriesOf(map).toReversed());
    expect([...OrderedMap.of().reversed()]).toEqual([]);
  });

  test("tells a value that is undefined from a key that is not there", () => {
    const map = OrderedMap.of<number | undefined>([["a", undefined]]);
    expect([map.has("a"), map.size, entriesOf(map)]).toEqual([true, 1, [["a", undefined]]]);
    expect(entriesOf(map.with("a", 1).with("a", undefined))).toEqual([["a", undefined]]);
  });

  test("without what is not there, or without its first when it is empty, is itself", () => {
    const map = OrderedMap.of([["a", 1]]);
    expect(map.without("b")).toBe(map);
    const empty = OrderedMap.of<number>();
    expect(empty.withoutFirst()).toBe(empty);
    expect([empty.size, entriesOf(empty)]).toEqual([0, []]);
  });

  test("can be changed while it is gone through: what is gone through is the version that was asked", () => {
    let map = OrderedMap.of(Array.from({ length: 100 }, (_, n) => [`${n}`, n] as const));
    const seen: number[] = [];
    for (const [key, value] of map) {
      map = map.without(key).with(`new ${key}`, value);
      seen.push(value);
    }
    expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(map.size).toBe(100);
  });
});

type Step = { kind: "with" | "without" | "withoutFirst"; key: number; value: number };

/** How the platform's own map would do it. */
function stepped(model: ReadonlyMap<string, number>, { kind, key, value }: Step): Map<string, number> {
  const next = new Map(model);
  if (kind === "with") next.set(`k${key}`, value);
  if (kind === "without") next.delete(`k${key}`);
  const [first] = next.keys();
  if (kind === "withoutFirst" && first !== undefined) next.delete(first);
  return next;
}

function asked(map: OrderedMap<number>, { kind, key, value }: Step): OrderedMap<number> {
  if (kind === "with") return map.with(`k${key}`, value);
  return kind === "without" ? map.without(`k${key}`) : map.withoutFirst();
}

describe("whatever is done to an ordered map", () => {
  const stepOf = (keys: number) =>
    fc.record<Step>({
      kind: fc.constantFrom("with", "with", "with", "without", "without", "withoutFirst"),
      key: fc.nat(keys),
      value: fc.nat(1_000),
    });

  // A node of the tree holds 32 entries: from about 1,100 on, it is three levels high.
  test.each([
    ["a few entries", 0, 12],
    ["two levels", 200, 260],
    ["three levels", 2_500, 2_600],
  ])("it does what a Map does, and every version before stays what it was, with %s", (_, filled, keys) => {
    const start = Array.from({ length: filled }, (_, n) => [`k${n}`, n] as const);
    fc.assert(
      fc.property(fc.array(stepOf(keys), { maxLength: 120 }), fc.nat(119), (steps, branch) => {
        const versions: [OrderedMap<number>, ReadonlyMap<string, number>][] = [];
        let map = OrderedMap.of(start);
        let model: ReadonlyMap<string, number> = new Map(start);
        versions.push([map, model]);
        for (const [index, step] of steps.entries()) {
          // Now and then an older version is gone on with: what was shared with it must not be written to.
          const back = index === branch ? versions[index >> 1] : undefined;
          if (back) [map, model] = back;
          map = asked(map, step);
          model = stepped(model, step);
          const key = `k${step.key}`;
          expect([map.size, map.get(key), map.has(key)]).toEqual([
            model.size,
            model.get(key),
            model.has(key),
          ]);
          versions.push([map, model]);
        }
        const sampled = filled > 1_000 ? versions.filter((_, index) => index % 20 === 0) : versions;
        for (const [version, then] of [...sampled, [map, model] as const]) {
          expect(entriesOf(version)).toEqual([...then]);
          expect([...version.keys()]).toEqual([...then.keys()]);
          expect([...version.values()]).toEqual([...then.values()]);
        }
      }),
      { numRuns: filled > 1_000 ? 40 : 150 },
    );
  });

  test("emptied from the front, the back and the middle, versions on the way stay what they were", () => {
    const count = 3_000;
    const full = OrderedMap.of(Array.from({ length: count }, (_, n) => [`k${n}`, n] as const));
    const orders: [string, (n: number) => number][] = [
      ["front", (n) => n],
      ["back", (n) => count - 1 - n],
      ["everywhere", (n) => (n * 1_009) % count],
    ];
    for (const [where, keyAt] of orders) {
      let map = full;
      const half: { version?: OrderedMap<number> } = {};
      for (let n = 0; n < count; n++) {
        if (n === count / 2) half.version = map;
        map = map.without(`k${keyAt(n)}`);
      }
      expect(map.size, where).toBe(0);
      expect(half.version?.size, where).toBe(count / 2);
      const left = Array.from({ length: count / 2 }, (_, n) => keyAt(n + count / 2)).toSorted(
        (a, b) => a - b,
      );
      expect([...(half.version ?? map).values()], where).toEqual(left);
      expect([...full.values()], where).toEqual(Array.from({ length: count }, (_, n) => n));
    }
  });
});

describe("ids that are remembered", () => {
  test("are the last ones, and one that comes again is the newest", () => {
    let ids = OrderedMap.of<true>();
    for (const id of ["a", "b", "c", "a", "d"]) ids = withRecent(ids, id, true, 3);
    expect([...ids.keys()]).toEqual(["c", "a", "d"]);
    const before = ids;
    ids = withRecent(ids, "e", true, 3);
    expect([...before.keys()]).toEqual(["c", "a", "d"]);
    expect([...ids.keys()]).toEqual(["a", "d", "e"]);
  });
});

describe("a sorted map", () => {
  test("goes by its keys' order, and a key that is set again has the new value", () => {
    let map = sortedMap<number, string>(byNumber);
    for (const [key, value] of [
      [10, "a"],
      [9, "b"],
      [100, "c"],
    ] as const)
      map = withKey(map, key, value);
    const before = map;
    map = withKey(map, 9, "d");
    expect([...map.entries()]).toEqual([
      [9, "d"],
      [10, "a"],
      [100, "c"],
    ]);
    expect(before.get(9)).toBe("b");
  });
});
