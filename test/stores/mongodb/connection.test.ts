import { MongoClient } from "mongodb";
import { describe, expect, onTestFinished, test } from "vitest";
import { StoreUnavailable } from "../../../src/stores/event-store/event-store.ts";
import { clientBounds, type PoolUse } from "../../../src/stores/view-store/mongodb/connection.ts";
import {
  type MongoViewStoreOptions,
  openMongoViewStore,
} from "../../../src/stores/view-store/mongodb/store.ts";
import type { ModelSpec } from "../../../src/stores/view-store/view-store.ts";
import { mongoForTests } from "../../support/mongodb.ts";
import { wireTo } from "../../support/mongodb-wire.ts";
import { at } from "../../support/positions.ts";

const nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300";
const things: ModelSpec = { name: "things", version: 1, columns: {}, indexes: [] };

describe("a URL of MongoDB", () => {
  test.each([
    "w=1",
    "W=0",
    "journal=false",
    "j=false",
    "wtimeoutMS=1",
    "readPreference=secondary",
    "readConcernLevel=available",
  ])("that sets %s is refused, for that is decided in code", async (option) => {
    const url = `mongodb://127.0.0.1:1/shop?${option}`;
    await expect(openMongoViewStore({ url, logId: "l" })).rejects.toThrow(TypeError);
    await expect(openMongoViewStore({ url, logId: "l" })).rejects.toThrow(
      option.split("=")[0]?.toLowerCase(),
    );
  });

  test("that is none is refused, and its password is not repeated", async () => {
    for (const url of [
      "http://user:secret@host/",
      "mongodb://user:secret@/",
      "mongodb://u:secret@h/?nonsense=1",
    ]) {
      const error = await openMongoViewStore({ url, logId: "l" }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).not.toContain("secret");
    }
  });

  test("where nobody answers makes the store unavailable by its name, within the bound that it sets", async () => {
    const start = performance.now();
    const error = await openMongoViewStore({ url: nowhere, logId: "l" }).catch((caught: unknown) => caught);
    expect(performance.now() - start).toBeLessThan(3_000);
    expect(error).toBeInstanceOf(StoreUnavailable);
    expect(String(error)).toContain("MongoDB");
  });
});

test("every wait of the client has a bound", () => {
  for (const bound of Object.values(clientBounds)) expect(Number.isFinite(bound)).toBe(true);
  const client = new MongoClient(nowhere, clientBounds);
  const known: Record<string, unknown> = { ...client.options };
  for (const [name, bound] of Object.entries(clientBounds)) {
    if (name !== "serverSelectionTimeoutMS") expect([name, known[name]]).toEqual([name, bound]);
  }
});

const mongo = await mongoForTests();

if ("reason" in mongo) describe("a connection to MongoDB", () => test.skip(mongo.reason, () => {}));
else
  describe("a connection to MongoDB", () => {
    const opened = async (more: Partial<MongoViewStoreOptions> = {}) => {
      const database = mongo.database();
      const store = await openMongoViewStore({ url: mongo.url, database, logId: "log-1", ...more });
      onTestFinished(() => store.close());
      return { store, model: await store.open(things), database };
    };

    test("says who it is", async () => {
      const wire = await wireTo(mongo.url);
      let name: unknown;
      wire.onHello = (body) => {
        name ??= body.client?.application?.name;
      };
      await opened({ url: wire.url });
      expect(name).toBe("cartwright");
    });

    test("uses the database that is named, else the URL's", async () => {
      const database = mongo.database();
      const url = `${mongo.url}${database}`;
      const store = await openMongoViewStore({ url, logId: "log-1" });
      onTestFinished(() => store.close());
      await store.open(things);
      const client = new MongoClient(mongo.url);
      onTestFinished(() => client.close());
      expect(await client.db(database).collection("models").countDocuments({})).toBe(1);
    });

    test("tells of every call how long it took and how it ended", async () => {
      const seen: [string, number, string][] = [];
      const wire = await wireTo(mongo.url);
      const observe = (...call: [string, number, string]) => seen.push(call);
      const { model } = await opened({ url: wire.url, observe });
      seen.length = 0;
      await model.save([{ key: "a", position: at(1), json: "1", columns: {}, isNew: true }], {
        checkpoint: at(1),
      });
      await model.get("a");
      wire.decide = ({ name }) => (name === "find" ? "cut" : "pass");
      await expect(model.get("a")).rejects.toThrow(StoreUnavailable);
      wire.decide = ({ name }) => (name === "find" ? { ok: 0, code: 2, errmsg: "bad value" } : "pass");
      await expect(model.get("a")).rejects.not.toThrow(StoreUnavailable);
      expect(seen.map(([operation, , outcome]) => [operation, outcome])).toEqual([
        ["save", "ok"],
        ["checkpoint", "ok"],
        ["get", "ok"],
        ["get", "unavailable"],
        ["get", "error"],
      ]);
      expect(seen.every(([, seconds]) => seconds > 0 && seconds < 10)).toBe(true);
    });

    test("tells of every call that is made again for want of an answer, and not of the last that failed", async () => {
      const retried: string[] = [];
      const wire = await wireTo(mongo.url);
      const observeRetry = (operation: string) => retried.push(operation);
      const { model } = await opened({ url: wire.url, observeRetry });
      await model.get("a");
      expect(retried).toEqual([]);
      let cuts = 0;
      wire.decide = ({ name }) => (name === "find" && ++cuts <= 2 ? "cut" : "pass");
      await model.get("a");
      // The driver has made one of them again by itself.
      expect(retried).toEqual(["get"]);
    });

    test("tells how many connections are open, in use and waited for, and holds no more than allowed", async () => {
      const uses: PoolUse[] = [];
      const wire = await wireTo(mongo.url);
      const observePool = (use: PoolUse) => uses.push(use);
      const { model, store } = await opened({ url: `${wire.url}&maxPoolSize=3`, observePool });
      await Promise.all(Array.from({ length: 20 }, () => model.get("a")));
      expect(Math.max(...uses.map(({ inUse }) => inUse))).toBe(3);
      expect(Math.max(...uses.map(({ open }) => open))).toBe(3);
      expect(Math.max(...uses.map(({ waiting }) => waiting))).toBeGreaterThan(3);
      expect(uses.at(-1)).toMatchObject({ inUse: 0, waiting: 0 });
      await store.close();
      await expect.poll(() => uses.at(-1)).toEqual({ open: 0, inUse: 0, waiting: 0, max: 3 });
    });
  });
