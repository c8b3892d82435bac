import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { StoreDamaged, StoreUnavailable } from "../../../src/stores/event-store/event-store.ts";
import {
  type MongoViewStoreOptions,
  openMongoViewStore,
} from "../../../src/stores/view-store/mongodb/store.ts";
import {
  type DocumentChange,
  ModelOutdated,
  type ModelSpec,
  type ViewStore,
} from "../../../src/stores/view-store/view-store.ts";
import { mongoForTests } from "../../support/mongodb.ts";
import { wireTo } from "../../support/mongodb-wire.ts";
import { at } from "../../support/positions.ts";

const mongo = await mongoForTests();

/** A pointer is at most a second old; the rest is for a machine that is busy. */
const secondOrSoMs = 4_000;

const things: ModelSpec = { name: "things", version: 1, columns: { size: "number" }, indexes: [["size"]] };

const thing = (key: string, position: number): DocumentChange => ({
  key,
  position: at(position),
  json: JSON.stringify({ key, position }),
  columns: { size: position },
  isNew: true,
});

if ("reason" in mongo) describe("generations in MongoDB", () => test.skip(mongo.reason, () => {}));
else
  describe("generations in MongoDB", () => {
    const raw = new MongoClient(mongo.url);
    afterAll(() => raw.close());

    const openOn = async (
      database: string,
      more: Partial<MongoViewStoreOptions> = {},
    ): Promise<ViewStore> => {
      const store = await openMongoViewStore({ url: mongo.url, database, logId: "log-1", ...more });
      onTestFinished(() => store.close());
      return store;
    };
    const collectionsOf = async (database: string): Promise<string[]> => {
      const found = await raw.db(database).listCollections({}, { nameOnly: true }).toArray();
      return found
        .map(({ name }) => name)
        .filter((name) => /\.g\d+$/.test(name))
        .sort();
    };
    const until = async (isSo: () => Promise<boolean>, timeoutMs: number): Promise<number> => {
      const start = performance.now();
      while (!(await isSo())) {
        expect(performance.now() - start).toBeLessThan(timeoutMs);
        await sleep(50);
      }
      return performance.now() - start;
    };

    describe("which one is live", () => {
      test("is seen by everybody within a second or so of the flip, without a word", async () => {
        const database = mongo.database();
        const [store, reader] = [await openOn(database), await openOn(database)];
        await store.open(things);
        const before = await reader.open(things);
        const next = await store.createGeneration(things);
        await store.promote(next);
        await until(async () => (await reader.open(things)).generation === next.generation, secondOrSoMs);
        expect(next.generation).toBeGreaterThan(before.generation);
        await store.rollback(things.name);
        await until(async () => (await reader.open(things)).generation === before.generation, secondOrSoMs);
      });

      test("is asked for once in a while, not at every read, and at once after a refresh", async () => {
        const wire = await wireTo(mongo.url);
        const database = mongo.database();
        const store = await openOn(database, { url: wire.url, pointerAgeMaxMs: 60_000 });
        const model = await store.open(things);
        wire.commands.length = 0;
        for (let time = 0; time < 20; time++) await (await store.open(things)).get("a");
        expect(model.generation).toBe((await store.open(things)).generation);
        const asked = () => wire.commands.filter(({ body }) => body.aggregate === "models").length;
        expect(asked()).toBeLessThanOrEqual(1);
        const before = asked();
        store.refresh();
        await Promise.all([store.open(things), model.get("a"), model.get("b")]);
        expect(asked()).toBe(before + 1);
      });

      test("is per version: processes of two releases read and write theirs side by side", async () => {
        const database = mongo.database();
        const [older, newer] = [await openOn(database), await openOn(database)];
        const second = { ...things, version: 2 };
        const old = await older.open(things);
        await expect(newer.open(second)).rejects.toThrow(ModelOutdated);
        await newer.promote(await newer.createGeneration(second));
        older.refresh();
        expect((await older.open(things)).generation).toBe(old.generation);
        await old.save([thing("a", 1)], { checkpoint: at(1) });
        expect(await (await newer.open(second)).count()).toBe(0);
        const live = (await newer.generations()).filter((each) => each.live).map(({ version }) => version);
        expect(live).toEqual([1, 2]);
      });

      test("of the version before the one before nobody is any more", async () => {
        const store = await openOn(mongo.database());
        await store.open(things);
        for (const version of [2, 3]) {
          await store.promote(await store.createGeneration({ ...things, version }));
        }
        await expect(store.open(things)).rejects.toThrow(ModelOutdated);
        expect((await store.generations()).map(({ version }) => version)).toEqual([2, 3]);
      });

      test("is rolled back for the version of the process that asks", async () => {
        const database = mongo.database();
        const [older, newer] = [await openOn(database), await openOn(database)];
        const first = await older.open(things);
        await older.promote(await older.createGeneration(things));
        await newer.promote(await newer.createGeneration({ ...things, version: 2 }));
        expect(await newer.rollback(things.name)).toBe(false);
        // What the version before had before it went when it became the version before.
        expect(await older.rollback(things.name)).toBe(false);
        older.refresh();
        expect((await older.open(things)).generation).toBeGreaterThan(first.generation);
      });
    });

    describe("a name", () => {
      test("is never used twice, whatever is dropped in between", async () => {
        const database = mongo.database();
        const store = await openOn(database, { dropWaitMs: 0 });
        const seen = new Set<number>();
        for (let round = 0; round < 4; round++) {
          const next = await store.createGeneration(things);
          expect(seen.has(next.generation)).toBe(false);
          seen.add(next.generation);
          await store.drop(next);
        }
      });

      test("is had by one alone of many who begin at once, and only the last of them can be promoted", async () => {
        const database = mongo.database();
        const stores = await Promise.all([1, 2, 3, 4].map(() => openOn(database)));
        const begun = await Promise.all(stores.map((store) => store.createGeneration(things)));
        expect(new Set(begun.map(({ generation }) => generation)).size).toBe(4);
        const last = Math.max(...begun.map(({ generation }) => generation));
        const outcomes = await Promise.allSettled(
          stores.map((store, index) => store.promote(begun[index] as (typeof begun)[0])),
        );
        const promoted = begun.filter((_, index) => outcomes[index]?.status === "fulfilled");
        expect(promoted.map(({ generation }) => generation)).toEqual([last]);
      });
    });

    test("who has lost its generation to another builder stops writing within a second", async () => {
      const database = mongo.database();
      const [one, other] = [await openOn(database), await openOn(database)];
      const left = await one.createGeneration(things);
      await left.save([thing("a", 1)], { checkpoint: at(1) });
      await other.createGeneration(things);
      await sleep(1_100);
      await expect(left.save([thing("b", 2)], { checkpoint: at(2) })).rejects.toThrow(StoreUnavailable);
    });

    describe("a dropped generation", () => {
      test("is read on by who has it, not written, and goes with all that is its own once the wait is over", async () => {
        const database = mongo.database();
        const waits = { dropWaitMs: 6_000, pointerAgeMaxMs: 0 };
        const [store, reader] = [await openOn(database, waits), await openOn(database, waits)];
        const first = await store.open(things);
        const document = {
          key: "p",
          position: at(1),
          readAfter: "",
          eventType: "E",
          reason: "r",
          waiting: 0,
        };
        await first.save([thing("a", 1)], {
          checkpoint: at(1),
          parked: [{ key: "p", asOf: at(1), document }],
        });
        const reading = await reader.open(things);
        for (let round = 0; round < 2; round++) await store.promote(await store.createGeneration(things));
        expect(await reading.get("a")).toBeDefined();
        await expect(reading.save([thing("b", 2)], { checkpoint: at(2) })).rejects.toThrow(StoreUnavailable);
        const name = `things.g${first.generation}`;
        expect(await collectionsOf(database)).toContain(name);
        await until(async () => !(await collectionsOf(database)).includes(name), 20_000);
        await expect(reading.get("a")).rejects.toThrow(StoreUnavailable);
        const views = raw.db(database);
        const checkpoints = views.collection<{ _id: string }>("checkpoints");
        await until(async () => (await checkpoints.countDocuments({ _id: name })) === 0, 5_000);
        const parked = views.collection("parked");
        await until(async () => (await parked.countDocuments({ generation: name })) === 0, 5_000);
      });

      test("that a process did not live to sweep goes with the next rebuild, as does what a late writer made", async () => {
        const database = mongo.database();
        const store = await openOn(database, { dropWaitMs: 0 });
        const left = await store.createGeneration(things);
        await store.seal(left);
        await store.drop(left);
        await store.close();
        await raw.db(database).collection("things.g1").insertOne({ late: true });
        await raw.db(database).collection("things-of-others.g1").insertOne({});
        expect((await collectionsOf(database)).length).toBe(2);
        const next = await openOn(database, { dropWaitMs: 0 });
        await next.createGeneration(things);
        expect(await collectionsOf(database)).toEqual(["things-of-others.g1"]);
      });
    });

    describe("a database", () => {
      test("of another log is refused, and so is one that does not say which log it is of", async () => {
        const database = mongo.database();
        const store = await openOn(database);
        await store.open(things);
        await expect(openOn(database, { logId: "log-2" })).rejects.toThrow(StoreDamaged);
        await expect(openOn(database, { logId: "log-2" })).rejects.toThrow(/belong to the log log-1/);
        await raw.db(database).collection("store").deleteMany({});
        await expect(openOn(database)).rejects.toThrow(StoreDamaged);
        await expect(openOn(database)).rejects.toThrow(/which log/);
      });

      test("in a format of another program is refused", async () => {
        const database = mongo.database();
        await openOn(database);
        await raw
          .db(database)
          .collection("store")
          .updateOne({}, { $set: { format: 9 } });
        await expect(openOn(database)).rejects.toThrow(StoreDamaged);
      });

      test("without read models has nothing for who only reads, and with them nothing to write", async () => {
        const database = mongo.database();
        await expect(openOn(database, { readOnly: true })).rejects.toThrow(StoreUnavailable);
        const model = await (await openOn(database)).open(things);
        await model.save([thing("a", 1)], { checkpoint: at(1) });
        const reader = await openOn(database, { readOnly: true });
        const reading = await reader.open(things);
        expect(await reading.count()).toBe(1);
        await expect(reading.save([thing("b", 2)], { checkpoint: at(2) })).rejects.toThrow(StoreUnavailable);
        await expect(reader.open({ ...things, name: "others" })).rejects.toThrow(StoreUnavailable);
        await expect(reader.createGeneration(things)).rejects.toThrow(StoreUnavailable);
      });
    });
  });
