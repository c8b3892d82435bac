import { MongoClient } from "mongodb";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { StoreUnavailable } from "../../../src/stores/event-store/event-store.ts";
import type { MongoDocument } from "../../../src/stores/view-store/mongodb/layout.ts";
import { openMongoViewStore } from "../../../src/stores/view-store/mongodb/store.ts";
import type {
  DocumentChange,
  ModelSpec,
  ViewModel,
  ViewStore,
} from "../../../src/stores/view-store/view-store.ts";
import { mongoForTests } from "../../support/mongodb.ts";
import { operationsOf, type Wire, type WireCommand, wireTo } from "../../support/mongodb-wire.ts";
import { at } from "../../support/positions.ts";

const mongo = await mongoForTests();

const things: ModelSpec = {
  name: "things",
  version: 1,
  columns: { size: "number", name: "text" },
  lists: ["tags"],
  indexes: [["size"]],
};

const thing = (key: string, position: number, more: Partial<DocumentChange> = {}): DocumentChange => ({
  key,
  position: at(position),
  json: JSON.stringify({ key, position }),
  columns: { size: position, name: key },
  ...more,
});

const gone = (key: string, position: number, more: Partial<DocumentChange> = {}): DocumentChange =>
  thing(key, position, { json: undefined, columns: {}, ...more });

const isWrite = ({ name, body }: WireCommand): boolean =>
  (name === "insert" || name === "update") && String(body[name]).startsWith("things.g");

if ("reason" in mongo) describe("writing to MongoDB", () => test.skip(mongo.reason, () => {}));
else
  describe("writing to MongoDB", () => {
    const raw = new MongoClient(mongo.url);
    afterAll(() => raw.close());
    let wire: Wire;
    let database: string;
    let model: ViewModel;
    let store: ViewStore;

    const open = async (url = mongo.url): Promise<ViewStore> => {
      const opened = await openMongoViewStore({ url, database, logId: "log-1" });
      onTestFinished(() => opened.close());
      return opened;
    };
    beforeEach(async () => {
      database = mongo.database();
      wire = await wireTo(mongo.url);
      store = await open(wire.url);
      model = await store.open(things);
      wire.commands.length = 0;
    });

    const stored = () => raw.db(database).collection<MongoDocument>(`things.g${model.generation}`);
    const storedAt = async (key: string) => (await stored().findOne({ _id: key }))?.position;
    const writes = () => wire.commands.filter(isWrite);
    /** Something happens just before the first write of this kind goes out. */
    const before = (kind: "insert" | "update", act: () => Promise<unknown>): void => {
      let isFirst = true;
      wire.decide = async (command) => {
        if (isFirst && command.name === kind && isWrite(command)) {
          isFirst = false;
          await act();
        }
        return "pass";
      };
    };

    describe("goes out", () => {
      test("as inserts of what is new and as replacements over a lower position, never as an upsert", async () => {
        await model.save([thing("a", 1, { isNew: true })], { checkpoint: at(1) });
        await model.save([thing("a", 2), thing("b", 2, { isNew: true })], { checkpoint: at(2) });
        const sent = writes().map((command) => [command.name, operationsOf(command)] as const);
        expect(sent.map(([name, operations]) => [name, operations.length])).toEqual([
          ["insert", 1],
          ["insert", 1],
          ["update", 1],
        ]);
        const replacement = sent[2]?.[1][0];
        expect(replacement?.q).toEqual({ _id: "a", position: { $lt: at(2) } });
        expect(replacement?.upsert ?? false).toBe(false);
      });

      test("followers first, then the others, then what is parked, then the checkpoint, each once the one before is answered", async () => {
        const parked = [
          {
            key: "p",
            asOf: at(3),
            document: {
              key: "p",
              position: at(3),
              readAfter: at(2),
              eventType: "Broken",
              reason: "bad",
              waiting: 0,
            },
          },
        ];
        const order: string[] = [];
        wire.decide = (command) => {
          const { name, body } = command;
          const keys = operationsOf(command).map(({ _id, q }) => _id ?? q?._id);
          if (keys.length > 0) order.push(`${body[name]} ${keys.join(",")}`);
          return "pass";
        };
        const changes = [
          thing("origin", 3, { isNew: true }),
          thing("z-follower", 3, { isNew: true, follower: true }),
        ];
        await model.save(changes, { checkpoint: at(3), parked });
        const generation = `things.g${model.generation}`;
        expect(order).toEqual([
          `${generation} z-follower`,
          `${generation} origin`,
          `parked ${generation}/p`,
          `parked ${generation}/p`,
          `checkpoints ${generation}`,
        ]);
      });

      test("unordered, in the order of keys, majority and journaled, in parts of a thousand at most", async () => {
        const keys = Array.from({ length: 1_100 }, (_, n) => `k${(n * 7_919) % 1_100}`);
        await model.save(
          keys.map((key) => thing(key, 1, { isNew: true })),
          { checkpoint: at(1) },
        );
        const sent = writes();
        const sizes = sent.map((command) => operationsOf(command).length);
        expect(sizes).toEqual([1_000, 100]);
        const ids = sent.flatMap((command) => operationsOf(command).map(({ _id }) => String(_id)));
        expect(ids).toEqual([...keys].sort());
        for (const { name, body } of wire.commands.filter(
          ({ name }) => name === "insert" || name === "update",
        )) {
          expect([name, body.writeConcern?.w, body.writeConcern?.j]).toEqual([name, "majority", true]);
        }
        expect(sent.every(({ body }) => body.ordered === false)).toBe(true);
      });

      test("majority and journaled too where generations, leases and indexes are written, and what is dropped", async () => {
        const other = await openMongoViewStore({ url: wire.url, database, logId: "log-1", dropWaitMs: 0 });
        onTestFinished(() => other.close());
        await other.promote(await other.createGeneration(things));
        await other.drop(await other.createGeneration(things));
        await other.createGeneration(things);
        const lease = await other.leases.acquire("task", 1_000);
        if (lease) await other.leases.release(lease);
        const names = ["insert", "update", "delete", "findAndModify", "createIndexes", "drop"];
        const sent = wire.commands.filter(({ name }) => names.includes(name));
        expect([...new Set(sent.map(({ name }) => name))].sort()).toEqual([...names].sort());
        for (const { name, body } of sent) {
          expect([name, body.writeConcern?.w, body.writeConcern?.j]).toEqual([name, "majority", true]);
        }
      });

      test("in parts of 16 MB at most", async () => {
        const json = JSON.stringify("x".repeat(3 * 1024 * 1024));
        const changes = Array.from({ length: 6 }, (_, n) => thing(`k${n}`, 1, { isNew: true, json }));
        await model.save(changes, { checkpoint: at(1) });
        expect(writes().map((command) => operationsOf(command).length)).toEqual([5, 1]);
      });
    });

    describe("meets another writer", () => {
      test("who inserted the same key at an earlier position: the later one replaces it", async () => {
        before("insert", () =>
          stored().insertOne({ _id: "a", position: at(4), by: 0, gone: false, json: "4" }),
        );
        const changes = [thing("a", 5, { isNew: true }), thing("b", 5, { isNew: true })];
        expect(await model.save(changes, { checkpoint: at(5) })).toEqual([]);
        expect([await storedAt("a"), await storedAt("b")]).toEqual([at(5), at(5)]);
      });

      test.each([
        ["the same position", 5],
        ["a later position", 6],
      ])(
        "who inserted the same key at %s: it is reported and the others are written",
        async (_, position) => {
          before("insert", () =>
            stored().insertOne({ _id: "a", position: at(position), by: 0, gone: false, json: "other" }),
          );
          const changes = [thing("a", 5, { isNew: true }), thing("b", 5, { isNew: true })];
          expect(await model.save(changes, { checkpoint: at(5) })).toEqual(["a"]);
          expect((await stored().findOne({ _id: "a" }))?.json).toBe("other");
          expect(await storedAt("b")).toBe(at(5));
        },
      );

      test("who was ahead with some: exactly those are reported", async () => {
        const keys = ["a", "b", "c", "d"];
        await model.save(
          keys.map((key) => thing(key, 1, { isNew: true })),
          { checkpoint: at(1) },
        );
        before("update", async () => {
          await stored().updateOne({ _id: "b" }, { $set: { position: at(2), by: 0 } });
          await stored().updateOne({ _id: "d" }, { $set: { position: at(9), by: 0 } });
        });
        const overtaken = await model.save(
          keys.map((key) => thing(key, 2)),
          { checkpoint: at(2) },
        );
        expect([...overtaken].sort()).toEqual(["b", "d"]);
      });

      test("whose tombstone has expired meanwhile: what was to be replaced is inserted", async () => {
        await model.save([gone("a", 1, { isNew: true })], { checkpoint: at(1) });
        before("update", () => stored().deleteOne({ _id: "a" }));
        expect(await model.save([thing("a", 2)], { checkpoint: at(2) })).toEqual([]);
        expect(await storedAt("a")).toBe(at(2));
      });

      test("whose deletes and inserts race with it for as long as it is patient, and then says so", async () => {
        wire.decide = async (command) => {
          if (!isWrite(command)) return "pass";
          if (command.name === "update") await stored().deleteOne({ _id: "a" });
          else await stored().insertOne({ _id: "a", position: at(1), by: 0, gone: false });
          return "pass";
        };
        await expect(model.save([thing("a", 2)], { checkpoint: at(2) })).rejects.toThrow(StoreUnavailable);
        expect(await model.checkpoint()).toBe("");
      });

      test("who has moved the checkpoint further: it does not go back", async () => {
        const other = await (await open()).open(things);
        await other.save([], { checkpoint: at(9) });
        await model.save([], { checkpoint: at(3) });
        expect(await model.checkpoint()).toBe(at(9));
      });
    });

    describe("a delete", () => {
      test("leaves a tombstone with its position, also where nothing was stored", async () => {
        await model.save([thing("a", 1, { isNew: true })], { checkpoint: at(1) });
        await model.save([gone("a", 2), gone("never", 2, { isNew: true })], { checkpoint: at(2) });
        for (const _id of ["a", "never"]) {
          const left = await stored().findOne({ _id });
          expect(left).toEqual({ _id, position: at(2), by: left?.by, gone: true, goneAt: left?.goneAt });
          expect(Date.now() - Number(left?.goneAt)).toBeLessThan(60_000);
        }
        expect((await model.load(["a", "never"])).deleted).toEqual(
          new Map([
            ["a", at(2)],
            ["never", at(2)],
          ]),
        );
      });

      test("is not undone by one who is behind, whether he replaces or inserts", async () => {
        await model.save([gone("a", 5, { isNew: true })], { checkpoint: at(5) });
        expect(await model.save([thing("a", 4)], { checkpoint: at(5) })).toEqual(["a"]);
        expect(await model.save([thing("a", 3, { isNew: true })], { checkpoint: at(5) })).toEqual(["a"]);
        expect(await model.get("a")).toBeUndefined();
        expect(await model.save([thing("a", 6)], { checkpoint: at(6) })).toEqual([]);
        expect(await model.get("a")).toBeDefined();
      });

      test("is forgotten after a week by an index that sees nothing else, and no other index sees it", async () => {
        const indexes = await stored().indexes();
        const expiry = indexes.find(({ name }) => name === "expiry");
        expect(expiry?.expireAfterSeconds).toBe(7 * 24 * 3600);
        expect(expiry?.partialFilterExpression).toEqual({ gone: true });
        const others = indexes.filter(({ name }) => name !== "expiry" && name !== "_id_");
        expect(others.map(({ name }) => name)).toEqual(["by_key", "columns_0", "list_tags"]);
        for (const { partialFilterExpression } of others)
          expect(partialFilterExpression).toEqual({ gone: false });
      });
    });

    test("what customers name stays inside of the JSON text", async () => {
      const json = JSON.stringify({ attributes: { $where: "1", "a.b": 1 } });
      await model.save([thing("$a.b", 1, { json, isNew: true, lists: { tags: ["$t", "a.b", ""] } })], {
        checkpoint: at(1),
      });
      expect(await model.get("$a.b")).toEqual({ key: "$a.b", json });
      const document = await stored().findOne({ _id: "$a.b" });
      expect(Object.keys(document ?? {}).sort()).toEqual(["_id", "by", "c", "gone", "json", "l", "position"]);
      const where = [{ column: "tags", has: "$t" }];
      expect((await model.find({ where, limit: 5 })).items.length).toBe(1);
    });
  });
