import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { StoreUnavailable } from "../../../src/stores/event-store/event-store.ts";
import { connectMongo } from "../../../src/stores/view-store/mongodb/connection.ts";
import {
  type MongoViewStoreOptions,
  openMongoViewStore,
} from "../../../src/stores/view-store/mongodb/store.ts";
import type { DocumentChange, ModelSpec, ViewModel } from "../../../src/stores/view-store/view-store.ts";
import { mongoForTests, type TestMongo } from "../../support/mongodb.ts";
import { type WireCommand, wireTo } from "../../support/mongodb-wire.ts";
import { at } from "../../support/positions.ts";
import type { Fault } from "../../support/secantusdb.ts";

const things: ModelSpec = { name: "things", version: 1, columns: { size: "number" }, indexes: [["size"]] };

const thing = (key: string, position: number, isNew = false): DocumentChange => ({
  key,
  position: at(position),
  json: JSON.stringify({ key, position }),
  columns: { size: position },
  isNew,
});

const kinds = [
  ["a replica set", await mongoForTests()],
  ["a stand-alone server", await mongoForTests({ standalone: true })],
] as const;

for (const [kind, mongo] of kinds) {
  if ("reason" in mongo) describe(`faults of ${kind}`, () => test.skip(mongo.reason, () => {}));
  else describe(`faults of ${kind}`, () => faultsOf(mongo));
}

function faultsOf(mongo: TestMongo): void {
  const raw = new MongoClient(mongo.url);
  afterAll(() => raw.close());

  const opened = async (more: Partial<MongoViewStoreOptions> = {}) => {
    const database = more.database ?? mongo.database();
    const store = await openMongoViewStore({ url: mongo.url, logId: "log-1", ...more, database });
    onTestFinished(() => store.close());
    return { store, model: await store.open(things), database };
  };
  const wired = async () => {
    const wire = await wireTo(mongo.url);
    return { wire, ...(await opened({ url: wire.url })) };
  };
  const positions = async (model: ViewModel) =>
    (await model.scan(undefined, 100)).map(({ key, position }) => [key, Number(position)]);
  const isWrite = ({ name, body }: WireCommand) =>
    (name === "insert" || name === "update") && String(body[name]).startsWith("things.g");
  const fail = async (fault: Fault): Promise<void> => {
    await mongo.failNext?.(fault);
    onTestFinished(async () => mongo.failNext?.({ ...fault, times: 0 }));
  };

  test.each([
    ["is cut before the server sees it", "cut"],
    ["is done and its answer is lost", "mute"],
  ] as const)("a write that %s, once or twice, is written once and overtaken by nobody", async (_, fate) => {
    for (const times of [1, 2]) {
      const { wire, model } = await wired();
      await model.save([thing("old", 1, true)], { checkpoint: at(1) });
      let left = times;
      wire.decide = (command) => (isWrite(command) && left-- > 0 ? fate : "pass");
      expect(await model.save([thing("new", 2, true), thing("old", 2)], { checkpoint: at(2) })).toEqual([]);
      expect(left).toBeLessThan(0);
      expect(await positions(model)).toEqual([
        ["new", 2],
        ["old", 2],
      ]);
      expect(await model.checkpoint()).toBe(at(2));
    }
  });

  test("a server that is away is named by the call that looks for it and by those that do not wait", async () => {
    const wire = await wireTo(mongo.url);
    const connection = await connectMongo({ url: `${wire.url}&serverSelectionTimeoutMS=1500` });
    onTestFinished(() => connection.close());
    wire.tear();
    const named = { name: "StoreUnavailable", store: "views" };
    const ping = () => connection.run("ping", () => connection.database.command({ ping: 1 }));
    await expect(ping()).rejects.toMatchObject(named);
    const looks = ping();
    const first = await Promise.race([looks.catch(() => false), ping().catch((error) => error)]);
    expect(first).toMatchObject(named);
    await expect(looks).rejects.toMatchObject(named);
  });

  test("a connection that breaks at every write fails the save, leaves the checkpoint, and a repeated save mends it", async () => {
    const { wire, model } = await wired();
    let mutes = 0;
    wire.decide = (command) => (isWrite(command) && ++mutes > 0 ? "mute" : "pass");
    const changes = [thing("a", 1, true), thing("b", 1, true)];
    await expect(model.save(changes, { checkpoint: at(1) })).rejects.toThrow(StoreUnavailable);
    expect(mutes).toBeGreaterThan(1);
    wire.decide = () => "pass";
    expect(await model.checkpoint()).toBe("");
    await model.save(changes, { checkpoint: at(1) });
    expect(await positions(model)).toEqual([
      ["a", 1],
      ["b", 1],
    ]);
    expect(await model.checkpoint()).toBe(at(1));
  });

  test("a read whose connection breaks is read again", async () => {
    const { wire, model } = await wired();
    await model.save([thing("a", 1, true)], { checkpoint: at(1) });
    let left = 2;
    wire.decide = ({ name }) => (name === "find" && left-- > 0 ? "cut" : "pass");
    expect(await model.get("a")).toBeDefined();
  });

  test("a flip whose answer is lost is still one flip", async () => {
    const { wire, store, model } = await wired();
    const next = await store.createGeneration(things);
    await store.seal(next);
    let left = 2;
    wire.decide = ({ name, body }) =>
      name === "update" && body.update === "models" && left-- > 0 ? "mute" : "pass";
    await store.promote(next);
    expect(left).toBeLessThan(1);
    expect((await store.generations()).map(({ generation, live }) => [generation, live])).toEqual([
      [model.generation, false],
      [next.generation, true],
    ]);
    left = 2;
    expect(await store.rollback(things.name)).toBe(true);
    expect((await store.open(things)).generation).toBe(model.generation);
  });

  test.skipIf(mongo.failNext === undefined)(
    "a write that the majority does not confirm is a failed batch: no checkpoint",
    async () => {
      const { model } = await opened();
      const concern = { writeConcernError: { code: 64, errmsg: "waiting for replication timed out" } };
      await fail({ commands: ["insert"], times: 1, data: concern });
      const changes = [thing("a", 1, true)];
      await expect(model.save(changes, { checkpoint: at(1) })).rejects.toThrow(StoreUnavailable);
      expect(await model.checkpoint()).toBe("");
      expect(await model.save(changes, { checkpoint: at(1) })).toEqual(["a"]);
      expect(await model.checkpoint()).toBe(at(1));
    },
  );

  test.skipIf(mongo.failNext === undefined)(
    "a duplicate key beside an unconfirmed majority is a failed batch all the same",
    async () => {
      const { wire, model } = await wired();
      let first = true;
      wire.decide = (command) => {
        if (!isWrite(command) || !first) return "pass";
        first = false;
        const writeErrors = [{ index: 0, code: 11000, errmsg: "E11000 duplicate key" }];
        return { n: 0, writeErrors, writeConcernError: { code: 64, errmsg: "timed out" }, ok: 1 };
      };
      await expect(model.save([thing("a", 1, true)], { checkpoint: at(1) })).rejects.toThrow(
        StoreUnavailable,
      );
      expect(await model.checkpoint()).toBe("");
    },
  );

  test("an error of one operation that is no duplicate fails the batch and is not called unavailable", async () => {
    const { wire, model } = await wired();
    wire.decide = (command) =>
      isWrite(command)
        ? { n: 0, writeErrors: [{ index: 0, code: 121, errmsg: "Document failed validation" }], ok: 1 }
        : "pass";
    const error = await model.save([thing("a", 1, true)], { checkpoint: at(1) }).catch((caught) => caught);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(StoreUnavailable);
    expect(await model.checkpoint()).toBe("");
  });

  test.skipIf(mongo.failNext === undefined)(
    "a primary that steps down is waited for, and one that is away for longer makes the store unavailable",
    async () => {
      const { model } = await opened();
      const stepDown = { errorCode: 10107, errorLabels: ["RetryableWriteError"] };
      await fail({ commands: ["insert", "update"], times: 1, data: stepDown });
      expect(await model.save([thing("a", 1, true)], { checkpoint: at(1) })).toEqual([]);
      await fail({ commands: ["insert", "update"], times: 20, data: stepDown });
      const failed = model.save([thing("a", 2)], { checkpoint: at(2) });
      await expect(failed).rejects.toThrow(StoreUnavailable);
      await expect(failed).rejects.toThrow(/MongoDB/);
      await mongo.failNext?.({ commands: ["insert", "update"], times: 0, data: stepDown });
      expect(await model.checkpoint()).toBe(at(1));
    },
  );

  test("a server that hangs is given up when the socket has said nothing for its time", async () => {
    const wire = await wireTo(mongo.url);
    const url = `${wire.url}&socketTimeoutMS=200`;
    const { model } = await opened({ url });
    wire.decide = async ({ name }) => {
      if (name === "find") await sleep(1_500);
      return "pass";
    };
    const start = performance.now();
    await expect(model.get("a")).rejects.toThrow(StoreUnavailable);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test("a pool without a free connection makes a call wait for a bounded time", async () => {
    const wire = await wireTo(mongo.url);
    const { model } = await opened({ url: `${wire.url}&maxPoolSize=1&waitQueueTimeoutMS=100` });
    await model.get("a");
    let isHeld = false;
    wire.decide = async ({ name }) => {
      if (name === "find" && !isHeld) {
        isHeld = true;
        await sleep(1_000);
      }
      return "pass";
    };
    const held = model.get("a");
    await sleep(50);
    await expect(model.get("b")).rejects.toThrow(StoreUnavailable);
    expect(await held).toBeUndefined();
  });
}
