import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import {
  type ColumnValue,
  type DocumentChange,
  type FindQuery,
  InvalidCursor,
  ModelOutdated,
  type ModelSpec,
  type ParkedChange,
  type ParkedDocument,
  type ViewModel,
  type ViewStore,
} from "../../src/stores/view-store/view-store.ts";
import { at } from "../support/positions.ts";

/** An empty place for read models, on which stores are opened as different threads or processes would. */
export interface ViewStorePlace {
  open(): ViewStore | Promise<ViewStore>;
  /** Closes what is left open and deletes everything. */
  remove(): Promise<void>;
}

export interface ViewStoreBackend {
  name: string;
  create(): Promise<ViewStorePlace>;
  /** What the backend does otherwise, with the reason. */
  skips?: { oneVersion?: string };
}

const products: ModelSpec = {
  name: "products",
  version: 1,
  columns: { price: "number", stock: "number", category: "text" },
  lists: ["tags", "sizes"],
  indexes: [["category", "price"], ["price"]],
};

const plain: ModelSpec = {
  name: "plain-sales",
  version: 1,
  columns: { day: "text", units: "number", cents: "number" },
  indexes: [["day"]],
};

interface Product {
  price?: number | null;
  stock?: number | null;
  category?: string | null;
  tags?: string[];
  sizes?: string[];
}

function product(key: string, position: number, values: Product = {}): DocumentChange {
  const { price = null, stock = null, category = null, tags = [], sizes = [] } = values;
  return {
    key,
    position: at(position),
    json: JSON.stringify({ key, position, price }),
    columns: { price, stock, category },
    lists: { tags, sizes },
  };
}

const remove = (key: string, position: number): DocumentChange => ({
  key,
  position: at(position),
  json: undefined,
  columns: {},
});

/** Code points, as every backend sorts: UTF-16 would put an emoji before U+FF21. */
function compareTexts(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function compareValues(a: ColumnValue, b: ColumnValue): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return typeof a === "number" && typeof b === "number" ? a - b : compareTexts(String(a), String(b));
}

async function pages(model: ViewModel, query: FindQuery): Promise<string[][]> {
  const keys: string[][] = [];
  for (let after: readonly ColumnValue[] | undefined; ; ) {
    const page = await model.find(after === undefined ? query : { ...query, after });
    keys.push(page.items.map(({ key }) => key));
    if (page.next === null) return keys;
    // A cursor travels through a URL.
    after = JSON.parse(JSON.stringify(page.next));
  }
}

async function keysOf(model: ViewModel, query: Omit<FindQuery, "limit">): Promise<string[]> {
  return (await pages(model, { limit: 1000, ...query })).flat();
}

export function viewStoreContract(backend: ViewStoreBackend): void {
  describe(`view store contract: ${backend.name}`, () => {
    let place: ViewStorePlace;
    let store: ViewStore;
    beforeEach(async () => {
      place = await backend.create();
      store = await place.open();
    });
    afterEach(() => place.remove());

    const filled = async (changes: DocumentChange[], spec = products): Promise<ViewModel> => {
      const model = await store.open(spec);
      await model.save(changes, { checkpoint: at(1000) });
      return model;
    };

    describe("documents", () => {
      test("a new model is empty and starts at the beginning of the log", async () => {
        const model = await store.open(products);
        expect(await model.checkpoint()).toBe(logStart);
        expect(await model.count()).toBe(0);
        expect(await model.parked()).toEqual([]);
        expect(await model.get("a")).toBeUndefined();
        expect(await model.find({ limit: 10 })).toEqual({ items: [], next: null });
      });

      test("a saved document is loaded with its position, and the checkpoint is where it was set", async () => {
        const model = await store.open(products);
        await model.save([product("a", 7, { price: 5 }), product("b", 8)], { checkpoint: at(9) });
        const loaded = await model.load(["b", "missing", "a"]);
        expect(loaded.lookedUp).toBe(3);
        expect([...loaded.documents.keys()].sort()).toEqual(["a", "b"]);
        expect(loaded.documents.get("a")).toEqual({
          key: "a",
          position: at(7),
          json: JSON.stringify({ key: "a", position: 7, price: 5 }),
        });
        expect(await model.checkpoint()).toBe(at(9));
        expect(await model.count()).toBe(2);
      });

      test("a checkpoint is saved with the event that stands there, where it is known", async () => {
        const model = await store.open(products);
        expect(await model.savedCheckpoint()).toEqual({ position: logStart, ageMs: 0 });
        await model.save([product("a", 1)], { checkpoint: at(2), eventId: "e-2" });
        const saved = await model.savedCheckpoint();
        expect(saved).toEqual({ position: at(2), eventId: "e-2", ageMs: expect.any(Number) });
        expect(saved.ageMs).toBeGreaterThanOrEqual(0);
        expect(saved.ageMs).toBeLessThan(60_000);
        await model.save([], { checkpoint: at(3) });
        expect(await model.savedCheckpoint()).toEqual({ position: at(3), ageMs: expect.any(Number) });
        await model.save([], { checkpoint: at(4), eventId: "e-4" });
        expect(await model.savedCheckpoint()).toMatchObject({ position: at(4), eventId: "e-4" });
      });

      test("readers get what is presented, the projection gets its own document", async () => {
        const change = { ...product("a", 1), presented: '{"shown":true}' };
        const model = await filled([change, product("b", 2)]);
        expect(await model.get("a")).toEqual({ key: "a", json: '{"shown":true}' });
        expect((await model.find({ limit: 1 })).items).toEqual([{ key: "a", json: '{"shown":true}' }]);
        expect((await model.load(["a"])).documents.get("a")?.json).toBe(change.json);
        const many = await model.getMany(["a", "b", "c"]);
        expect([...many].map(([key, { json }]) => [key, JSON.parse(json).shown])).toEqual([
          ["a", true],
          ["b", undefined],
        ]);
        await model.save([product("a", 3)], { checkpoint: at(3) });
        expect(JSON.parse((await model.get("a"))?.json ?? "").position).toBe(3);
      });

      test("a change delivered again at the same or a lower position changes nothing", async () => {
        const model = await filled([product("a", 10, { price: 1, tags: ["new"] })]);
        const older = { price: 99, tags: ["old"] };
        await model.save([product("a", 9, older), product("a", 10, older), remove("a", 10)], {
          checkpoint: at(11),
        });
        expect((await model.load(["a"])).documents.get("a")?.position).toBe(at(10));
        expect(await keysOf(model, { where: [{ column: "price", eq: 1 }] })).toEqual(["a"]);
        expect(await keysOf(model, { where: [{ column: "tags", has: "old" }] })).toEqual([]);
        expect(await keysOf(model, { where: [{ column: "tags", has: "new" }] })).toEqual(["a"]);
      });

      test("of several changes in one save exactly those are reported that were stored as far already", async () => {
        const model = await filled([product("a", 5), product("b", 5), remove("c", 5), product("d", 5)]);
        const changes = [
          product("a", 6),
          product("b", 5),
          product("c", 4),
          product("new", 6),
          remove("d", 6),
        ];
        const overtaken = await model.save(changes, { checkpoint: at(1_001) });
        expect([...overtaken].sort()).toEqual(["b", "c"]);
        expect((await model.scan(undefined, 10)).map(({ key, position }) => [key, position])).toEqual([
          ["a", at(6)],
          ["b", at(5)],
          ["new", at(6)],
        ]);
      });

      test("any order and repetition of changes ends at the highest position of each key", async () => {
        const changes = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(20)), { maxLength: 30 });
        let round = 0;
        const isDeleted = (position: number) => position % 3 === 2;
        await fc.assert(
          fc.asyncProperty(changes, async (delivered) => {
            const model = await store.open({ ...plain, name: `delivered-${round++}` });
            const highest = new Map<string, number>();
            for (const [key, position] of delivered) {
              const before = highest.get(key) ?? -1;
              highest.set(key, Math.max(position, before));
              const columns = isDeleted(position) ? {} : { day: key, units: position };
              const json = isDeleted(position) ? undefined : `${position}`;
              const change = { key, position: at(position), json, columns };
              const overtaken = await model.save([change], { checkpoint: at(position) });
              expect(overtaken).toEqual(before >= position ? [key] : []);
            }
            const { documents, deleted } = await model.load(["a", "b", "c"]);
            for (const [key, position] of highest) {
              const known = isDeleted(position) ? deleted.get(key) : documents.get(key)?.position;
              expect(known).toBe(at(position));
              if (isDeleted(position)) highest.delete(key);
            }
            const stored = await model.scan(undefined, 10);
            const positions = [...highest].map(([key, position]) => [key, at(position)] as const);
            expect(new Map(stored.map(({ key, position }) => [key, position]))).toEqual(new Map(positions));
            const sums = await model.sum({ groupBy: "day", sums: ["units"], sortBy: "day", limit: 10 });
            expect(new Map(sums.map(({ group, sums }) => [group, sums.units]))).toEqual(highest);
          }),
          { numRuns: 20 },
        );
      });

      test("changes of one key in one save are applied in their order", async () => {
        const model = await filled([
          product("a", 1, { price: 1 }),
          product("a", 2, { price: 2 }),
          remove("a", 3),
          product("a", 4, { price: 4 }),
          product("b", 5),
          remove("b", 6),
        ]);
        expect(await keysOf(model, { where: [{ column: "price", eq: 4 }] })).toEqual(["a"]);
        expect(await model.count()).toBe(1);
      });

      test("a deleted document is gone from every query", async () => {
        const model = await filled([product("a", 1, { category: "x", tags: ["t"] })]);
        await model.save([remove("a", 2), remove("never-there", 2)], { checkpoint: at(2) });
        expect(await model.get("a")).toBeUndefined();
        expect(await model.count()).toBe(0);
        expect(await keysOf(model, { where: [{ column: "tags", has: "t" }] })).toEqual([]);
      });

      test("an update replaces columns and lists, also by nothing", async () => {
        const model = await filled([product("a", 1, { price: 1, tags: ["x", "y"] })]);
        await model.save([product("a", 2, { price: 2, tags: ["y", "z"] })], {
          checkpoint: at(2),
        });
        const tagged = (tag: string) => keysOf(model, { where: [{ column: "tags", has: tag }] });
        expect([await tagged("x"), await tagged("y"), await tagged("z")]).toEqual([[], ["a"], ["a"]]);
        const bare = { key: "a", position: at(3), json: "{}", columns: {} };
        await model.save([bare], { checkpoint: at(3) });
        expect([await tagged("y"), await tagged("z")]).toEqual([[], []]);
        expect(await keysOf(model, { where: [{ column: "price", eq: null }] })).toEqual(["a"]);
      });

      test("keys and texts of any script, quotes and controls come back as they were", async () => {
        const keys = ["", "it's", 'a"b', "ü", "日本", "😀", "a\u0001b", "a b", "%", "--", "\\"];
        const model = await filled(keys.map((key, at) => product(key, at, { category: key, tags: [key] })));
        expect(new Set((await model.load(keys)).documents.keys())).toEqual(new Set(keys));
        expect((await model.scan(undefined, 100)).map(({ key }) => key)).toEqual(keys.sort(compareTexts));
        for (const key of keys) {
          expect(await keysOf(model, { where: [{ column: "category", eq: key }] })).toEqual([key]);
          expect(await keysOf(model, { where: [{ column: "tags", has: key }] })).toEqual([key]);
        }
      });

      test("a change that does not fit the spec is refused and nothing of its save is written", async () => {
        const model = await store.open(products);
        const wrong: DocumentChange[] = [
          { ...product("b", 2), columns: { price: "12" } },
          { ...product("b", 2), columns: { price: Number.NaN } },
          { ...product("b", 2), columns: { colour: 1 } },
          { ...product("b", 2), lists: { colours: [] } },
        ];
        for (const change of wrong) {
          await expect(model.save([product("a", 1), change], { checkpoint: at(2) })).rejects.toThrow(
            TypeError,
          );
        }
        expect(await model.count()).toBe(0);
        expect(await model.checkpoint()).toBe(logStart);
      });

      describe("a parked document", () => {
        const parked = (key: string, position: number, waiting = 0): ParkedDocument => ({
          key,
          position: at(position),
          readAfter: position === 5 ? logStart : at(2),
          eventType: "Broken",
          reason: "it's bad",
          waiting,
        });
        const park = (document: ParkedDocument, asOf: number): ParkedChange => ({
          key: document.key,
          asOf: at(asOf),
          document,
        });

        test("stays with what it was parked for, in the order of positions, until it is parked no longer", async () => {
          const model = await store.open(plain);
          const [a, b] = [parked("a", 5), parked("b", 4, 2)];
          await model.save([], { checkpoint: at(5), parked: [park(a, 5), park(b, 5)] });
          await model.save([], { checkpoint: at(6) });
          expect(await model.parked()).toEqual([b, a]);
          await model.save([], { checkpoint: at(7), parked: [{ key: "b", asOf: at(7) }] });
          expect(await model.parked()).toEqual([a]);
          await model.save([], { checkpoint: at(8), parked: [park({ ...a, waiting: 3 }, 8)] });
          expect(await model.parked()).toEqual([{ ...a, waiting: 3 }]);
        });

        test("is not parked again, nor let go, by one who has not come as far", async () => {
          const model = await store.open(plain);
          const [a, b] = [parked("a", 5), parked("b", 5)];
          await model.save([], { checkpoint: at(9), parked: [park(a, 9), park(b, 9)] });
          await model.save([], { checkpoint: at(9), parked: [{ key: "a", asOf: at(9) }] });
          await model.save([], { checkpoint: at(9), parked: [park(a, 8), { key: "b", asOf: at(8) }] });
          expect(await model.parked()).toEqual([b]);
        });
      });

      test("tells which documents have changed behind a position, also those that are gone", async () => {
        const model = await filled([product("a", 1), product("b", 2), product("c", 3)]);
        await model.save([product("a", 4), remove("b", 5), remove("never-there", 6)], { checkpoint: at(6) });
        expect(await model.changedSince(logStart, 10)).toEqual(["c", "a", "b", "never-there"]);
        expect(await model.changedSince(at(3), 2)).toEqual(["a", "b"]);
        expect(await model.changedSince(at(6), 10)).toEqual([]);
      });

      test("a load stops when it has enough bytes, and says how far it came", async () => {
        const json = JSON.stringify({ text: "x".repeat(20_000) });
        const keys = ["a", "b", "c", "d"];
        const model = await filled(keys.map((key, index) => ({ ...product(key, index), json })));
        const loaded = async (bytesMax?: number) => {
          const { documents, lookedUp } = await model.load(["none", ...keys], bytesMax);
          return [[...documents.keys()], lookedUp];
        };
        expect(await loaded()).toEqual([keys, 5]);
        expect(await loaded(1)).toEqual([["a"], 2]);
        expect(await loaded(30_000)).toEqual([["a", "b"], 3]);
      });

      test("a page of a scan ends before it has too many bytes, and holds one document at least", async () => {
        const json = JSON.stringify({ text: "x".repeat(20_000) });
        const keys = ["a", "b", "c", "d", "e"];
        const model = await filled(keys.map((key, index) => ({ ...product(key, index), json })));
        const pages: string[][] = [];
        for (let after: string | undefined; ; ) {
          const page = await model.scan(after, 100, 50_000);
          if (page.length === 0) break;
          expect(page.every((each) => each.json === json)).toBe(true);
          pages.push(page.map(({ key }) => key));
          after = page.at(-1)?.key;
        }
        expect(pages).toEqual([["a", "b"], ["c", "d"], ["e"]]);
        expect((await model.scan(undefined, 100, 1)).map(({ key }) => key)).toEqual(["a"]);
      });

      test("a scan goes through all documents by key, page by page", async () => {
        const model = await filled(["d", "b", "a", "c", "e"].map((key, at) => product(key, at)));
        const first = await model.scan(undefined, 2);
        expect(first.map(({ key, position }) => [key, position])).toEqual([
          ["a", at(2)],
          ["b", at(1)],
        ]);
        expect((await model.scan("b", 2)).map(({ key }) => key)).toEqual(["c", "d"]);
        expect((await model.scan("d", 2)).map(({ key }) => key)).toEqual(["e"]);
        expect(await model.scan("e", 2)).toEqual([]);
      });

      test("a few thousand keys are loaded and got at once, in their order as far as the bytes reach", async () => {
        const keys = Array.from({ length: 2_500 }, (_, n) => `k${String((n * 7) % 2_500).padStart(4, "0")}`);
        const some = keys.filter((_, n) => n % 2 === 0);
        const model = await filled(some.map((key, n) => ({ ...product(key, n), isNew: true })));
        const loaded = await model.load(keys);
        expect([...loaded.documents.keys()].sort()).toEqual([...some].sort());
        expect(loaded.lookedUp).toBe(2_500);
        expect((await model.getMany(keys)).size).toBe(1_250);
        const bytes = [...loaded.documents.values()].reduce((sum, { json }) => sum + json.length, 0);
        const half = await model.load(keys, bytes / 2);
        expect([...half.documents.keys()]).toEqual(some.slice(0, half.documents.size));
        expect(Math.abs(half.documents.size - 625)).toBeLessThan(20);
      });

      test("more keys or documents at once than the bounds allow are refused", async () => {
        const model = await store.open(plain);
        const keys = new Array<string>(10_001).fill("a");
        await expect(model.load(keys)).rejects.toThrow(RangeError);
        await expect(model.getMany(keys)).rejects.toThrow(RangeError);
        for (const limit of [0, -1, 1.5, Number.NaN, 1_000_000]) {
          await expect(model.find({ limit })).rejects.toThrow(RangeError);
          await expect(model.scan(undefined, limit)).rejects.toThrow(RangeError);
        }
      });
    });

    describe("find", () => {
      const shelf = [
        product("a", 1, { price: 10, stock: 1, category: "x", tags: ["red", "big"] }),
        product("b", 2, { price: 20, category: "x", tags: ["red"] }),
        product("c", 3, { price: 20, stock: 0, category: "y" }),
        product("d", 4, { stock: 5, category: "y", tags: ["big"], sizes: ["red"] }),
      ];

      test.each<[string, FindQuery["where"], string[]]>([
        ["eq", [{ column: "category", eq: "x" }], ["a", "b"]],
        ["eq a number", [{ column: "price", eq: 20 }], ["b", "c"]],
        ["eq null", [{ column: "stock", eq: null }], ["b"]],
        ["in", [{ column: "price", in: [10, 20, 30] }], ["a", "b", "c"]],
        ["in nothing", [{ column: "price", in: [] }], []],
        ["gte", [{ column: "price", gte: 20 }], ["b", "c"]],
        ["gt", [{ column: "price", gt: 10 }], ["b", "c"]],
        ["lte, which no null matches", [{ column: "price", lte: 10 }], ["a"]],
        ["lt, which no null matches", [{ column: "stock", lt: 5 }], ["a", "c"]],
        ["a text range", [{ column: "category", gt: "x", lte: "z" }], ["c", "d"]],
        ["both ends", [{ column: "price", gt: 10, lt: 20 }], []],
        ["has", [{ column: "tags", has: "red" }], ["a", "b"]],
        ["has on another list", [{ column: "sizes", has: "red" }], ["d"]],
        ["begins", [{ column: "category", begins: "y" }], ["c", "d"]],
        ["begins, with the whole of it", [{ column: "category", begins: "xx" }], []],
        ["begins on a list", [{ column: "tags", begins: "b" }], ["a", "d"]],
        [
          "begins on a list and has",
          [
            { column: "tags", begins: "re" },
            { column: "tags", has: "big" },
          ],
          ["a"],
        ],
        [
          "several that an index could answer",
          [
            { column: "category", eq: "x" },
            { column: "tags", has: "big" },
            { column: "sizes", begins: "" },
          ],
          [],
        ],
        [
          "several at once",
          [
            { column: "tags", has: "red" },
            { column: "tags", has: "big" },
          ],
          ["a"],
        ],
        [
          "columns and lists",
          [
            { column: "price", lt: 100 },
            { column: "tags", has: "red" },
            { column: "category", in: ["x"] },
          ],
          ["a", "b"],
        ],
      ])("filters by %s", async (_, where, keys) => {
        const model = await filled(shelf);
        expect(await keysOf(model, where ? { where } : {})).toEqual(keys);
      });

      test("sorts by several columns, nulls first going up and last going down, ties by key", async () => {
        const model = await filled(shelf);
        const sorted = (...sort: NonNullable<FindQuery["sort"]>) => keysOf(model, { sort });
        expect(await sorted({ column: "price" })).toEqual(["d", "a", "b", "c"]);
        expect(await sorted({ column: "price", descending: true })).toEqual(["b", "c", "a", "d"]);
        expect(await sorted({ column: "price", descending: true }, { column: "stock" })).toEqual([
          "b",
          "c",
          "a",
          "d",
        ]);
        expect(
          await sorted({ column: "price", descending: true }, { column: "stock", descending: true }),
        ).toEqual(["c", "b", "a", "d"]);
      });

      test("a list value that very many documents have is found and sorted like a rare one", async () => {
        const many = Array.from({ length: 2_500 }, (_, at) =>
          product(`k${String(at).padStart(4, "0")}`, at, { price: at % 7, tags: ["all"] }),
        );
        const model = await filled(many);
        const where = [{ column: "tags", has: "all" }];
        const found = await keysOf(model, { where, sort: [{ column: "price" }] });
        expect(found.length).toBe(2_500);
        expect(found.slice(0, 3)).toEqual(["k0000", "k0007", "k0014"]);
      });

      test("a beginning that very many documents have is found and sorted like a rare one", async () => {
        const many = Array.from({ length: 2_500 }, (_, at) =>
          product(`k${String(at).padStart(4, "0")}`, at, {
            price: at % 7,
            category: `all-${at}`,
            tags: ["any", `all-${at}`],
          }),
        );
        const model = await filled(many);
        const sort = [{ column: "price" }];
        for (const column of ["category", "tags"]) {
          const found = await keysOf(model, { where: [{ column, begins: "all" }], sort });
          expect([found.length, new Set(found).size]).toEqual([2_500, 2_500]);
          expect(found.slice(0, 3)).toEqual(["k0000", "k0007", "k0014"]);
          const one = [
            { column, begins: "all" },
            { column: "tags", begins: "all-24" },
            { column: "category", eq: "all-240" },
          ];
          expect(await keysOf(model, { where: one, sort })).toEqual(["k0240"]);
        }
      });

      test("a beginning is taken as it is, in any script", async () => {
        const texts = ["50%", "50_", "50x", "Ünal", "\u{1f600}\u{1f600}", "\u{ffff}"];
        const model = await filled(
          texts.map((text, n) => product(`k${n}`, n, { category: text, tags: [text] })),
        );
        for (const column of ["category", "tags"]) {
          const begun = (begins: string) => keysOf(model, { where: [{ column, begins }] });
          expect(await begun("50%")).toEqual(["k0"]);
          expect(await begun("50_")).toEqual(["k1"]);
          expect(await begun("50")).toEqual(["k0", "k1", "k2"]);
          expect(await begun("Ü")).toEqual(["k3"]);
          expect(await begun("\u{1f600}")).toEqual(["k4"]);
          expect(await begun("\u{ffff}")).toEqual(["k5"]);
          expect(await begun("")).toHaveLength(6);
        }
      });

      test("numbers are as exact as JavaScript's, of any size and sign", async () => {
        const numbers = [-(2 ** 53), -(2 ** 31) - 1, -0.1, 0, 0.3, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 1e300];
        const model = await filled(numbers.map((price, n) => product(`k${n}`, n, { price })));
        const keys = numbers.map((_, n) => `k${n}`);
        expect(await keysOf(model, { sort: [{ column: "price" }] })).toEqual(keys);
        for (const [n, price] of numbers.entries()) {
          expect(await keysOf(model, { where: [{ column: "price", eq: price }] })).toEqual([`k${n}`]);
          expect(await keysOf(model, { where: [{ column: "price", gt: price }] })).toEqual(keys.slice(n + 1));
        }
        const whole = [{ column: "price", gte: 2 ** 31 - 1, lte: 2 ** 31 }];
        const sum = { where: whole, groupBy: "category", sums: ["price"], sortBy: "price", limit: 1 };
        expect(await model.sum(sum)).toEqual([{ group: null, sums: { price: 2 ** 32 - 1 } }]);
      });

      test("texts sort and compare by code point: capitals before small letters, and an emoji after all of these", async () => {
        const texts = ["", "A", "Z", "a", "ab", "b", "é", "ﬁ", "\uFFFD", "😀", "😁"];
        const model = await filled(texts.map((category, n) => product(`k${n}`, n, { category })));
        const keys = texts.map((_, n) => `k${n}`);
        const sort = [{ column: "category" }];
        expect(await keysOf(model, { sort })).toEqual(keys);
        expect(await keysOf(model, { sort: [{ column: "category", descending: true }] })).toEqual(
          [...keys].reverse(),
        );
        for (const [n, category] of texts.entries()) {
          expect(await keysOf(model, { where: [{ column: "category", lt: category }], sort })).toEqual(
            keys.slice(0, n),
          );
        }
      });

      test("a text that looks like an operator is a text, and what is none is refused", async () => {
        const texts = ["$gt", "$where", '{"$ne":null}', "' OR 1 = 1 --", "c.price", "%", "_", ".*"];
        const model = await filled(
          texts.map((text, n) => product(`k${n}`, n, { category: text, tags: [text] })),
        );
        for (const [n, text] of texts.entries()) {
          expect(await keysOf(model, { where: [{ column: "category", eq: text }] })).toEqual([`k${n}`]);
          expect(await keysOf(model, { where: [{ column: "category", in: [text] }] })).toEqual([`k${n}`]);
          expect(await keysOf(model, { where: [{ column: "tags", has: text }] })).toEqual([`k${n}`]);
        }
        const smuggled = { $ne: null } as unknown as string;
        for (const condition of [{ eq: smuggled }, { in: [smuggled] }, { gte: smuggled }]) {
          const where = [{ column: "category", ...condition }];
          await expect(model.find({ where, limit: 5 })).rejects.toThrow(TypeError);
        }
        await expect(model.find({ where: [{ column: "tags", has: smuggled }], limit: 5 })).rejects.toThrow(
          TypeError,
        );
        const after = [smuggled, "k0"];
        const sort = [{ column: "category" }];
        await expect(model.find({ sort, after, limit: 5 })).rejects.toThrow(InvalidCursor);
      });

      test("a page that ends among many of the same value goes on with the next of these, up or down", async () => {
        const model = await filled(
          Array.from({ length: 30 }, (_, n) =>
            product(`k${n}`, n, { price: n % 2 ? null : 1, category: "x" }),
          ),
        );
        const byKey = (isNull: boolean) =>
          Array.from({ length: 30 }, (_, n) => n)
            .filter((n) => (n % 2 === 1) === isNull)
            .map((n) => `k${n}`)
            .sort();
        for (const descending of [false, true]) {
          const expected = descending ? [...byKey(false), ...byKey(true)] : [...byKey(true), ...byKey(false)];
          for (const sort of [
            [{ column: "price", descending }],
            [
              { column: "category", descending },
              { column: "price", descending },
            ],
          ]) {
            expect((await pages(model, { sort, limit: 4 })).flat()).toEqual(expected);
          }
        }
      });

      test("the last page says so, also when it is exactly full", async () => {
        const model = await filled(shelf);
        expect(await pages(model, { limit: 2 })).toEqual([
          ["a", "b"],
          ["c", "d"],
        ]);
        expect((await model.find({ limit: 4 })).next).toBeNull();
      });

      test("a page starts behind the one before although documents came and went meanwhile", async () => {
        const model = await filled(shelf);
        const { next } = await model.find({ sort: [{ column: "price" }], limit: 2 });
        await model.save([remove("a", 10), remove("d", 10), product("aa", 11, { price: 1 })], {
          checkpoint: at(11),
        });
        const rest = await model.find({ sort: [{ column: "price" }], limit: 10, after: next ?? [] });
        expect(rest.items.map(({ key }) => key)).toEqual(["b", "c"]);
      });

      test("paging with any page size gives every document exactly once, in order", async () => {
        const value = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 4 });
        const document = fc.record({
          price: value(fc.constantFrom(-1.5, 0, 3, 1e17)),
          stock: value(fc.constantFrom(1, 2)),
          category: value(fc.constantFrom("", "a", "Ä", "\uFF21", "😀")),
        });
        const documents = fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), document, { maxKeys: 40 });
        const sorting = fc.uniqueArray(
          fc.record({
            column: fc.constantFrom("price" as const, "stock" as const, "category" as const),
            descending: fc.boolean(),
          }),
          { selector: ({ column }) => column, maxLength: 3 },
        );
        let round = 0;
        const property = fc.asyncProperty(
          documents,
          sorting,
          fc.integer({ min: 1, max: 9 }),
          fc.boolean(),
          async (byKey, sort, limit, filtered) => {
            const model = await store.open({ ...products, name: `paged-${round++}` });
            await model.save(
              Object.entries(byKey).map(([key, values], at) => product(key, at, values)),
              { checkpoint: at(50) },
            );
            const expected = Object.entries(byKey)
              .filter(([, { stock }]) => !filtered || stock === 1)
              .sort(([keyA, a], [keyB, b]) => {
                for (const { column, descending } of sort) {
                  const order = compareValues(a[column], b[column]);
                  if (order !== 0) return descending ? -order : order;
                }
                return compareTexts(keyA, keyB);
              })
              .map(([key]) => key);
            const where = filtered ? [{ column: "stock", eq: 1 }] : [];
            const found = await pages(model, { where, sort, limit });
            expect(found.flat()).toEqual(expected);
            expect(found.slice(0, -1).every((page) => page.length === limit)).toBe(true);
          },
        );
        await fc.assert(property, { numRuns: 60 });
      });

      test("an `after` of another query or of a stranger is refused as the caller's mistake", async () => {
        const model = await filled(shelf);
        const wrong: [FindQuery["sort"], ColumnValue[]][] = [
          [[], []],
          [[], [1]],
          [[], [null]],
          [[], ["a", "b"]],
          [[{ column: "price" }], ["a"]],
          [[{ column: "price" }], ["ten", "a"]],
          [[{ column: "price" }], [10, null]],
          [[{ column: "category" }], [10, "a"]],
        ];
        for (const [sort, after] of wrong) {
          await expect(model.find({ ...(sort && { sort }), after, limit: 5 })).rejects.toThrow(InvalidCursor);
        }
      });

      test("unknown fields, other types and missing operators are programming errors", async () => {
        const model = await filled(shelf);
        const injection = 'price" = 1 OR 1 = 1 --';
        const wrong: Omit<FindQuery, "limit">[] = [
          { where: [{ column: injection, eq: 1 }] },
          { where: [{ column: "constructor", eq: 1 }] },
          { where: [{ column: "price", eq: "10" }] },
          { where: [{ column: "price", in: [10, "20"] }] },
          { where: [{ column: "category", gte: 1 }] },
          { where: [{ column: "price" }] },
          { where: [{ column: "price", has: "red" }] },
          { where: [{ column: "tags", eq: "red" }] },
          { sort: [{ column: injection }] },
          { sort: [{ column: "tags" }] },
        ];
        for (const query of wrong) {
          await expect(model.find({ ...query, limit: 5 })).rejects.toThrow(TypeError);
        }
        const sum = { groupBy: "category", sums: ["price"], sortBy: "price", limit: 5 };
        await expect(model.sum({ ...sum, groupBy: injection })).rejects.toThrow(TypeError);
        await expect(model.sum({ ...sum, sums: ["category"], sortBy: "category" })).rejects.toThrow(
          TypeError,
        );
        await expect(model.sum({ ...sum, sortBy: "stock" })).rejects.toThrow(TypeError);
      });
    });

    describe("sums", () => {
      const sale = (
        key: string,
        day: string | null,
        units: number | null,
        cents: number,
      ): DocumentChange => ({
        key,
        position: at(1),
        json: "{}",
        columns: { day, units, cents },
      });

      test("sums per group, largest first, ties by group, and nulls count as nothing", async () => {
        const model = await filled(
          [
            sale("1", "mon", 1, 100),
            sale("2", "mon", 2, 150),
            sale("3", "tue", 9, 250),
            sale("4", "wed", null, 999.5),
            sale("5", null, 1, 2 ** 40),
          ],
          plain,
        );
        const sums = ["units", "cents"];
        const query = { groupBy: "day", sums, sortBy: "cents", limit: 10 };
        expect(await model.sum(query)).toEqual([
          { group: null, sums: { units: 1, cents: 2 ** 40 } },
          { group: "wed", sums: { units: 0, cents: 999.5 } },
          { group: "mon", sums: { units: 3, cents: 250 } },
          { group: "tue", sums: { units: 9, cents: 250 } },
        ]);
        const days = await model.sum({
          ...query,
          where: [{ column: "day", gte: "m" }],
          sortBy: "day",
          limit: 2,
        });
        expect(days.map(({ group }) => group)).toEqual(["mon", "tue"]);
        const none = await model.sum({ ...query, where: [{ column: "units", gt: 100 }] });
        expect(none).toEqual([]);
      });
    });

    describe("generations", () => {
      const liveOnes = async (of: ViewStore) =>
        (await of.generations()).filter(({ live }) => live).map(({ name, version }) => [name, version]);

      test("what was saved is there for a store opened later, closed or not", async () => {
        const model = await filled([product("a", 1, { tags: ["t"] })]);
        const second = await (await place.open()).open(products);
        expect(second.generation).toBe(model.generation);
        expect(await keysOf(second, { where: [{ column: "tags", has: "t" }] })).toEqual(["a"]);
        await store.close();
        await second.save([product("b", 2)], { checkpoint: at(2000) });
        const third = await (await place.open()).open(products);
        expect(await third.count()).toBe(2);
        expect(await third.checkpoint()).toBe(at(2000));
      });

      test("a closed store refuses everything and can be closed again", async () => {
        const model = await store.open(products);
        await store.close();
        await store.close();
        await expect(store.open(products)).rejects.toThrow();
        await expect(model.get("a")).rejects.toThrow();
      });

      test("a model of another version or shape must be rebuilt", async () => {
        const model = await filled([product("a", 1)]);
        const newer = { ...products, version: 2 };
        const wider = { ...products, columns: { ...products.columns, weight: "number" as const } };
        const faster = { ...products, indexes: [["price"]] };
        for (const spec of [newer, wider, faster]) {
          await expect(store.open(spec)).rejects.toThrow(ModelOutdated);
          await expect((await place.open()).open(spec)).rejects.toThrow(ModelOutdated);
        }
        expect(await store.open({ ...products })).toBe(model);
      });

      test("a spec that names what is not there is a programming error", async () => {
        const wrong: ModelSpec[] = [
          { ...products, name: "../evil" },
          { ...products, indexes: [["missing"]] },
          { ...products, columns: { 'a" ': "text" }, indexes: [] },
          { ...products, lists: ["price"] },
        ];
        for (const spec of wrong) {
          await expect(store.open(spec)).rejects.toThrow(TypeError);
          await expect(store.createGeneration(spec)).rejects.toThrow(TypeError);
        }
      });

      test("a new generation is filled beside the live one, answers queries, and takes its name", async () => {
        const live = await filled([product("old", 1, { price: 1, tags: ["t"] })]);
        const next = await store.createGeneration({ ...products, version: 2 });
        expect(next.generation).toBeGreaterThan(live.generation);
        expect(await next.checkpoint()).toBe(logStart);
        await next.save([product("new", 5, { price: 2, tags: ["t"] })], {
          checkpoint: at(5),
        });
        const tagged = (of: ViewModel) => keysOf(of, { where: [{ column: "tags", has: "t" }] });
        expect(await tagged(next)).toEqual(["new"]);
        await next.save([product("newer", 6, { price: 1, tags: ["t"] })], {
          checkpoint: at(6),
        });
        await next.save([product("new", 4, { price: 9 })], { checkpoint: at(6) });
        const queries = async (): Promise<void> => {
          expect(
            await keysOf(next, { where: [{ column: "tags", has: "t" }], sort: [{ column: "price" }] }),
          ).toEqual(["newer", "new"]);
          expect((await next.load(["new"])).documents.get("new")?.position).toBe(at(5));
        };
        await queries();
        expect(await (await store.open(products)).count()).toBe(1);
        expect(await liveOnes(store)).toEqual([["products", 1]]);

        await store.promote(next);
        await queries();
        expect(await liveOnes(store)).toContainEqual(["products", 2]);
        const opened = await store.open({ ...products, version: 2 });
        expect(opened.generation).toBe(next.generation);
        await opened.save([product("newest", 7, { tags: ["t"] })], {
          checkpoint: at(7),
        });
        expect((await tagged(opened)).length).toBe(3);
      });

      const oneVersion = backend.skips?.oneVersion;
      test.skipIf(oneVersion !== undefined)(
        `a version that takes the name leaves none to the one before${oneVersion ? `: ${oneVersion}` : ""}`,
        async () => {
          await filled([product("old", 1)]);
          await store.promote(await store.createGeneration({ ...products, version: 2 }));
          expect(await liveOnes(store)).toEqual([["products", 2]]);
          await expect(store.open(products)).rejects.toThrow(ModelOutdated);
        },
      );

      test("a generation can be promoted although there was none before", async () => {
        const first = await store.createGeneration(plain);
        await first.save([{ key: "a", position: at(1), json: "1", columns: {} }], { checkpoint: at(1) });
        await store.promote(first);
        const opened = await (await place.open()).open(plain);
        expect((await opened.get("a"))?.json).toBe("1");
        expect(await store.rollback(plain.name)).toBe(false);
      });

      test("a rollback brings the generation before back, once", async () => {
        await filled([product("old", 1)]);
        const next = await store.createGeneration(products);
        await store.promote(next);
        expect(await (await store.open(products)).count()).toBe(0);
        expect(await store.rollback("products")).toBe(true);
        expect((await (await store.open(products)).load(["old"])).documents.size).toBe(1);
        expect(await store.rollback("products")).toBe(false);
        expect((await (await store.open(products)).load(["old"])).documents.size).toBe(1);
        expect(await store.rollback("never-heard-of")).toBe(false);
      });

      test("a sealed generation is filled on and read while the live one goes on, and then takes over", async () => {
        const live = await filled([product("old", 1)]);
        const next = await store.createGeneration(products);
        await next.save([product("new", 1)], { checkpoint: at(1) });
        await store.seal(next);
        await live.save([product("older", 2)], { checkpoint: at(2) });
        expect(await (await store.open(products)).count()).toBe(2);
        await next.save([product("newer", 2), product("new", 2)], { checkpoint: at(2) });
        expect((await next.scan(undefined, 10)).map(({ key }) => key)).toEqual(["new", "newer"]);
        await store.promote(next);
        expect((await store.open(products)).generation).toBe(next.generation);
      });

      test("the generation before can be brought up to date ahead of a rollback", async () => {
        await filled([product("old", 1)]);
        expect(await store.previous(products)).toBeUndefined();
        await store.promote(await store.createGeneration(products));
        const before = await store.previous(products);
        await before?.save([product("late", 3)], { checkpoint: at(2_000) });
        expect(await (await store.open(products)).count()).toBe(0);
        expect(await store.rollback("products")).toBe(true);
        const opened = await store.open(products);
        expect([await opened.count(), await opened.checkpoint()]).toEqual([2, at(2_000)]);
        await expect(store.previous({ ...products, version: 9 })).resolves.toBeUndefined();
      });

      test("only the live generation and the one before it are kept", async () => {
        for (let round = 0; round < 4; round++) {
          const next = await store.createGeneration(products);
          await next.save([product(`of-${round}`, round)], { checkpoint: at(round) });
          await store.promote(next);
        }
        const generations = await store.generations();
        expect(generations.map(({ live }) => live)).toEqual([false, true]);
        expect(await store.rollback("products")).toBe(true);
        expect((await (await store.open(products)).load(["of-2"])).documents.size).toBe(1);
      });

      test("a half filled generation is dropped by the next one, and cannot be promoted then", async () => {
        const left = await store.createGeneration(products);
        await left.save([product("a", 1)], { checkpoint: at(1) });
        const other = await place.open();
        const next = await other.createGeneration(products);
        expect(next.generation).toBeGreaterThan(left.generation);
        expect(await next.count()).toBe(0);
        expect((await other.generations()).map(({ generation }) => generation)).toEqual([next.generation]);
        await expect(store.promote(left)).rejects.toThrow();
        await other.promote(next);
        expect((await store.open(products)).generation).toBe(next.generation);
      });

      test("a generation that is not live can be dropped, the live one cannot", async () => {
        const live = await filled([product("a", 1)]);
        const next = await store.createGeneration(products);
        await store.drop(next);
        await expect(next.count()).rejects.toThrow();
        await expect(store.promote(next)).rejects.toThrow();
        await expect(store.drop(live)).rejects.toThrow();
        expect(await live.count()).toBe(1);
        expect((await store.generations()).length).toBe(1);
      });

      test("models whose names begin alike do not touch each other", async () => {
        const names = ["sales", "sales-1", "sales-1-2"];
        for (const name of names) {
          const model = await store.open({ ...plain, name });
          await model.save([{ key: name, position: at(1), json: "1", columns: {} }], { checkpoint: at(1) });
        }
        for (let round = 0; round < 3; round++) {
          await store.promote(await store.createGeneration({ ...plain, name: "sales" }));
        }
        for (const name of names.slice(1)) {
          expect((await (await store.open({ ...plain, name })).load([name])).documents.size).toBe(1);
        }
      });

      test("another store follows a flip after its refresh, and reads on until then", async () => {
        const live = await filled([product("old", 1)]);
        const reader = await place.open();
        const reading = await reader.open(products);
        expect(await reading.count()).toBe(1);
        await live.save([product("older", 2)], { checkpoint: at(2) });
        expect(await reading.count()).toBe(2);

        for (let round = 0; round < 2; round++) {
          const next = await store.createGeneration(products);
          await next.save([product("new", 3)], { checkpoint: at(3) });
          await store.promote(next);
          await (await store.open(products)).save([product(`r${round}`, 4)], { checkpoint: at(4) });
        }
        expect(await reader.open(products)).toBe(reading);
        expect(await reading.get("old")).toBeDefined();
        reader.refresh();
        const followed = await reader.open(products);
        expect(followed.generation).toBeGreaterThan(reading.generation);
        expect((await followed.scan(undefined, 10)).map(({ key }) => key)).toEqual(["new", "r1"]);

        await store.rollback("products");
        reader.refresh();
        expect((await (await reader.open(products)).scan(undefined, 10)).map(({ key }) => key)).toEqual([
          "new",
          "r0",
        ]);
      });

      test("two stores that open a new model at once share it", async () => {
        const [one, other] = await Promise.all([store.open(plain), (await place.open()).open(plain)]);
        expect(one.generation).toBe(other.generation);
        await one.save([{ key: "a", position: at(1), json: "1", columns: {} }], { checkpoint: at(1) });
        expect(await other.count()).toBe(1);
      });
    });
  });
}
