import { describe, expect, test } from "vitest";
import { viewProjections } from "../../../projections/all.ts";
import { indexesOf } from "../../../src/stores/view-store/mongodb/layout.ts";
import type {
  Condition,
  FindQuery,
  ModelSpec,
  SumQuery,
  ViewModel,
} from "../../../src/stores/view-store/view-store.ts";
import { queries, sortedInMemory } from "./queries.ts";

/**
 * Every query of the read side by the fields that MongoDB looks at: equality first, then sort, then range. A query
 * that no index serves so is a scan or a sort in memory there, which no server at hand can show.
 */

interface Recorded {
  find: FindQuery[];
  sum: SumQuery[];
}

/** An empty model that remembers what it is asked. */
function recorder(): { model: ViewModel; asked: Recorded } {
  const asked: Recorded = { find: [], sum: [] };
  const model = {
    load: async () => ({ documents: new Map(), deleted: new Map(), lookedUp: 0 }),
    get: async () => undefined,
    getMany: async () => new Map(),
    find: async (query: FindQuery) => {
      asked.find.push(query);
      return { items: [], next: null };
    },
    sum: async (query: SumQuery) => {
      asked.sum.push(query);
      return [];
    },
  } as unknown as ViewModel;
  return { model, asked };
}

const isEquality = ({ eq, in: values, has }: Condition): boolean =>
  eq !== undefined || values !== undefined || has !== undefined;

function fieldsOf(spec: ModelSpec, where: readonly Condition[] = []): { equal: string[]; ranged: string[] } {
  const path = ({ column }: Condition) => (spec.lists?.includes(column) ? `l.${column}` : `c.${column}`);
  return {
    equal: where.filter(isEquality).map(path),
    ranged: where.filter((condition) => !isEquality(condition)).map(path),
  };
}

/** Keys of each index that readers use, without the filter that all begin with. */
function keysOf(spec: ModelSpec): string[][] {
  return indexesOf(spec)
    .filter(({ name }) => name !== "expiry" && name !== "changes")
    .map(({ key }) => Object.keys(key as Record<string, 1>))
    .map(([first, ...keys]) => {
      expect(first).toBe("gone");
      return keys;
    });
}

/**
 * Begins with what must be equal, if anything must, and goes on with the sorting, which begins with what is a range.
 * The key may be further behind: ties are put right by who reads them.
 */
function isServed(spec: ModelSpec, { where, sort = [] }: FindQuery): boolean {
  const { equal, ranged } = fieldsOf(spec, where);
  const sorted = sort.length === 0 ? ["_id"] : sort.map(({ column }) => `c.${column}`);
  const directions = new Set(sort.map(({ descending }) => descending === true));
  return keysOf(spec).some((keys) => {
    const count = keys.findIndex((key) => !equal.includes(key));
    const rest = keys.slice(count);
    const isNarrow = count > 0 || (equal.length === 0 && ranged.every((field) => rest[0] === field));
    return isNarrow && directions.size <= 1 && sorted.every((field, at) => field === rest[at]);
  });
}

/** Has all fields that the sum looks at, so that no document is read, and begins with what must be equal. */
function isCovered(spec: ModelSpec, { where, groupBy, sums }: SumQuery): boolean {
  const { equal, ranged } = fieldsOf(spec, where);
  const needed = [...equal, ...ranged, ...[groupBy, ...sums].map((column) => `c.${column}`)];
  return keysOf(spec).some((keys) => {
    const begins = equal.length === 0 || equal.includes(keys[0] ?? "");
    return begins && needed.every((field) => keys.includes(field));
  });
}

describe("an index of MongoDB", () => {
  const specs = viewProjections({ timeZone: "UTC", currency: "USD" });

  for (const spec of specs) {
    for (const [title, ask] of queries[spec.name] ?? []) {
      test(`serves ${title}`, async () => {
        const { model, asked } = recorder();
        await ask(model).catch((error: unknown) => expect(error).toBeUndefined());
        expect(asked.find.length + asked.sum.length).toBeGreaterThan(0);
        const unserved = asked.find.filter((query) => !isServed(spec, query));
        expect(unserved.length > 0).toBe(title in sortedInMemory);
        expect(asked.sum.filter((query) => !isCovered(spec, query))).toEqual([]);
      });
    }
  }

  test("is unique for no field but the key, so that a collection can be sharded by it", () => {
    for (const spec of specs) expect(indexesOf(spec).filter(({ unique }) => unique)).toEqual([]);
  });

  test("serves who asks for changes of a model that is followed, tombstones included, and is had by no other", () => {
    for (const spec of specs) {
      const changes = indexesOf(spec).filter(({ name }) => name === "changes");
      const expected = spec.followed ? [{ name: "changes", key: { position: 1, _id: 1 } }] : [];
      expect(changes).toEqual(expected);
    }
  });

  test("is asked for by no model whose queries are not looked at here", () => {
    const indexed = specs.filter(({ indexes, lists }) => indexes.length > 0 || (lists?.length ?? 0) > 0);
    expect(indexed.map(({ name }) => name).filter((name) => !(name in queries))).toEqual([]);
    expect(Object.keys(queries).filter((name) => !specs.some((spec) => spec.name === name))).toEqual([]);
  });
});
