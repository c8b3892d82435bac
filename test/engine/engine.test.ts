import { setTimeout as sleep } from "node:timers/promises";
import { deserialize, serialize } from "node:v8";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { createCodec, UndecodableEvent } from "../../src/engine/codec.ts";
import { decider, event } from "../../src/engine/decider.ts";
import { type CommandContext, Engine } from "../../src/engine/write/engine.ts";
import { type BlobCache, snapshotsIn } from "../../src/engine/write/snapshots.ts";
import {
  type EventStore,
  type EventToAppend,
  logStart,
  noStream,
  OutcomeUnknown,
  RevisionConflict,
  StoreUnavailable,
} from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { Problem } from "../../src/values/problem.ts";
import { at } from "../support/positions.ts";
import { shared, temporaryLog, withAppend } from "../support/stores.ts";

const tallyEvents = { Counted: event(z.object({ by: z.int(), label: z.string().optional() })) };

/** Not idempotent by itself: what keeps a command from counting twice is the engine alone. */
const tally = decider({
  category: "tally",
  events: tallyEvents,
  initial: () => ({ total: 0, labels: [] as string[] }),
  evolve: {
    Counted: ({ total, labels }, { by, label }) => ({
      total: total + by,
      labels: label === undefined ? labels : [...labels, label],
    }),
  },
  snapshot: {
    version: 1,
    *parts({ total, labels }) {
      yield total;
      yield labels;
    },
    restore: (parts) => {
      const [total, labels] = [...parts] as [number, string[]];
      return { total, labels };
    },
  },
  decide: {
    Count: (_, data: { by: number; label?: string }) => [{ type: "Counted", data }],
    CountTwice: (_, { by }: { by: number }) => [
      { type: "Counted", data: { by } },
      { type: "Counted", data: { by } },
    ],
    CountMany: (_, { times }: { times: number }) =>
      Array.from({ length: times }, () => ({ type: "Counted" as const, data: { by: 1 } })),
    Spend: ({ total }, { by }: { by: number }) => {
      if (by > total) throw new Problem("out_of_stock", `${total} left`);
      return [{ type: "Counted", data: { by: -by } }];
    },
    Nothing: () => [],
    Misfit: () => [{ type: "Counted", data: { by: 0.5 } }],
  },
});

const codec = createCodec(tallyEvents);
const totalOf = (engine: Engine, id = "1") => engine.read(tally, id, ({ total }) => total);
const total = ({ total }: { total: number }) => total;

function by(commandId = newId(), more: Partial<CommandContext> = {}): CommandContext {
  return { commandId, now: 1_000, actor: "test", correlationId: "r", ...more };
}

/** Counts what goes to the store. */
function counting(store: EventStore) {
  const appends: { stream: string; events: readonly EventToAppend[] }[] = [];
  let reads = 0;
  const counted = withAppend(store, (append) => (stream, revision, events) => {
    appends.push({ stream, events });
    return append(stream, revision, events);
  });
  const events: EventStore = {
    ...counted,
    readStream: (stream, options) => {
      reads++;
      return counted.readStream(stream, options);
    },
  };
  return { events, appends, reads: () => reads };
}

describe("commands of one stream that are sent together", () => {
  test("go out in one append and see each other's effect in the order they were sent", async () => {
    const { events, appends } = counting(await temporaryLog());
    const engine = new Engine({ events, codec });
    const sent = Array.from({ length: 100 }, (_, n) =>
      engine.execute(tally, "1", "Count", { by: 1, label: String(n) }, by(), total),
    );
    const outcomes = await Promise.all(sent);
    expect(appends.map(({ events }) => events.length)).toEqual([100]);
    expect(outcomes.map(({ result }) => result)).toEqual(outcomes.map((_, n) => n + 1));
    expect(outcomes.map(({ revision }) => revision)).toEqual(outcomes.map((_, n) => n));
  });

  test("and while an append is under way wait for the next one", async () => {
    const { events, appends } = counting(await temporaryLog());
    const engine = new Engine({ events, codec });
    const first = engine.execute(tally, "1", "Count", { by: 1 }, by());
    await new Promise((resolve) => setImmediate(resolve));
    const rest = Array.from({ length: 20 }, () => engine.execute(tally, "1", "Count", { by: 1 }, by()));
    await Promise.all([first, ...rest]);
    expect(appends.length).toBeLessThanOrEqual(3);
    expect(await totalOf(engine)).toBe(21);
    expect(engine.queuedCommands()).toBe(0);
  });

  test("are decided on the cached state: one read for the first, none afterwards", async () => {
    const { events, reads } = counting(await temporaryLog());
    const engine = new Engine({ events, codec });
    for (let n = 0; n < 5; n++) await engine.execute(tally, "1", "Count", { by: 1 }, by());
    expect(reads()).toBe(1);
  });

  test("are refused one by one: a refusal leaves the others and the state alone", async () => {
    const { events, appends } = counting(await temporaryLog());
    const engine = new Engine({ events, codec });
    const [first, refused, exact, late] = await Promise.allSettled([
      engine.execute(tally, "1", "Count", { by: 3 }, by(), total),
      engine.execute(tally, "1", "Spend", { by: 4 }, by(), total),
      engine.execute(tally, "1", "Spend", { by: 3 }, by(), total),
      engine.execute(tally, "1", "Spend", { by: 1 }, by(), total),
    ]);
    expect(first).toMatchObject({ status: "fulfilled", value: { result: 3 } });
    expect(refused).toMatchObject({ status: "rejected", reason: { code: "out_of_stock" } });
    expect(exact).toMatchObject({ status: "fulfilled", value: { result: 0, revision: 1 } });
    expect(late).toMatchObject({ status: "rejected", reason: { code: "out_of_stock" } });
    expect(appends.map(({ events }) => events.length)).toEqual([2]);
  });

  test("that do not fit their schema are the decider's bug, and only theirs", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    const [misfit, good] = await Promise.allSettled([
      engine.execute(tally, "1", "Misfit", undefined, by()),
      engine.execute(tally, "1", "Count", { by: 2 }, by()),
    ]);
    expect(misfit).toMatchObject({ status: "rejected", reason: expect.any(UndecodableEvent) });
    expect(good.status).toBe("fulfilled");
    expect(await totalOf(engine)).toBe(2);
  });

  test("are not touched by one whose answer cannot be given", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    const missing = () => {
      throw new Problem("not_found", "nobody is here");
    };
    const [before, look, own, after] = await Promise.allSettled([
      engine.execute(tally, "1", "Count", { by: 1 }, by(), total),
      engine.read(tally, "1", missing),
      engine.execute(tally, "1", "Count", { by: 10 }, by(), missing),
      engine.execute(tally, "1", "Count", { by: 100 }, by(), total),
    ]);
    expect(before).toMatchObject({ status: "fulfilled", value: { result: 1 } });
    expect(look).toMatchObject({ status: "rejected", reason: { code: "not_found" } });
    expect(own).toMatchObject({ status: "rejected", reason: { code: "not_found" } });
    expect(after).toMatchObject({ status: "fulfilled", value: { result: 111 } });
  });

  test("and are too many for one append go out in several, all of them, in order", async () => {
    const { events, appends } = counting(await temporaryLog());
    const engine = new Engine({ events, codec });
    const label = "x".repeat(10_000);
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, () => engine.execute(tally, "1", "Count", { by: 1, label }, by(), total)),
    );
    expect(outcomes.map(({ result }) => result)).toEqual(outcomes.map((_, n) => n + 1));
    expect(appends.length).toBeGreaterThan(2);
    for (const { events } of appends)
      expect(events.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(1024 * 1024);
  });

  test("up to 1,000 events each, still leave in appends of bounded size", async () => {
    const { events, appends } = counting(await temporaryLog());
    const engine = new Engine({ events, codec });
    const many = Array.from({ length: 5 }, () =>
      engine.execute(tally, "1", "CountMany", { times: 900 }, by(), total),
    );
    expect((await Promise.all(many)).map(({ result }) => result)).toEqual([900, 1_800, 2_700, 3_600, 4_500]);
    expect(Math.max(...appends.map(({ events }) => events.length))).toBeLessThanOrEqual(2_000);
  });

  test("of two streams do not wait for each other", async () => {
    const log = await temporaryLog();
    let letGo: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const events = withAppend(log, (append) => async (stream, revision, events) => {
      if (stream === "tally-slow") await held;
      return append(stream, revision, events);
    });
    const engine = new Engine({ events, codec });
    const slow = engine.execute(tally, "slow", "Count", { by: 1 }, by());
    await engine.execute(tally, "quick", "Count", { by: 1 }, by());
    letGo();
    expect((await slow).changed).toBe(true);
  });
});

describe("a command that is sent again", () => {
  test("takes effect once and gives the same outcome", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    const first = await engine.execute(tally, "1", "CountTwice", { by: 5 }, by("c-1"));
    await engine.execute(tally, "1", "Count", { by: 1 }, by());
    const again = await engine.execute(tally, "1", "CountTwice", { by: 5 }, by("c-1"), total);
    expect(first).toMatchObject({ revision: 1, repeated: false, changed: true });
    expect(again).toEqual({ ...first, repeated: true, changed: false, result: 10 });
  });

  test("in the same turn takes effect once", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    const [first, again, other] = await Promise.all([
      engine.execute(tally, "1", "Count", { by: 5 }, by("c-1"), total),
      engine.execute(tally, "1", "Count", { by: 5 }, by("c-1"), total),
      engine.execute(tally, "1", "Count", { by: 1 }, by("c-2"), total),
    ]);
    expect(first).toMatchObject({ revision: 0, repeated: false, changed: true, result: 5 });
    expect(again).toMatchObject({ revision: 0, repeated: true, changed: false, result: 5 });
    expect(again.position).toBe(first.position);
    expect(other).toMatchObject({ revision: 1, result: 6 });
    expect(await totalOf(engine)).toBe(6);
  });

  test("after a restart gives the same outcome", async () => {
    const log = await temporaryLog();
    const [first, , third] = await Promise.all(
      ["c-1", "c-2", "c-3"].map((id) =>
        new Engine({ events: log, codec }).execute(tally, "1", "CountTwice", { by: 1 }, by(id)),
      ),
    );
    const restarted = new Engine({ events: log, codec });
    for (const [id, outcome] of [["c-1", first] as const, ["c-3", third] as const]) {
      const again = await restarted.execute(tally, "1", "CountTwice", { by: 1 }, by(id));
      expect(again).toEqual({ ...outcome, repeated: true, changed: false });
    }
    expect(await totalOf(restarted)).toBe(6);
  });

  test("out of one append of many, after a restart, is known too", async () => {
    const log = await temporaryLog();
    const engine = new Engine({ events: log, codec });
    const ids = Array.from({ length: 50 }, (_, n) => `c-${n}`);
    const outcomes = await Promise.all(
      ids.map((id) => engine.execute(tally, "1", "Count", { by: 1 }, by(id))),
    );
    const restarted = new Engine({ events: log, codec });
    for (const [index, id] of ids.entries()) {
      const again = await restarted.execute(tally, "1", "Count", { by: 1 }, by(id));
      expect(again).toMatchObject({ revision: outcomes[index]?.revision, repeated: true });
      // A live outcome may tell the end of the whole append: waiting for it is waiting for enough.
      expect(again.position <= (outcomes[index]?.position ?? logStart)).toBe(true);
    }
    expect(await totalOf(restarted)).toBe(50);
  });

  test("after it was refused is decided anew", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    await expect(engine.execute(tally, "1", "Spend", { by: 1 }, by("c-1"))).rejects.toThrow(Problem);
    await engine.execute(tally, "1", "Count", { by: 1 }, by());
    expect((await engine.execute(tally, "1", "Spend", { by: 1 }, by("c-1"))).changed).toBe(true);
  });

  test("that changes nothing tells where the stream stands", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    const none = await engine.execute(tally, "1", "Nothing", undefined, by());
    expect(none).toMatchObject({ revision: noStream, changed: false, repeated: false });
    const counted = await engine.execute(tally, "1", "Count", { by: 1 }, by());
    const after = await engine.execute(tally, "1", "Nothing", undefined, by());
    expect(after).toMatchObject({ revision: counted.revision, position: counted.position, changed: false });
  });
});

describe("an append", () => {
  test("whose answer was lost is sent again, byte for byte, and lands once", async () => {
    const log = await temporaryLog();
    let failures = 2;
    const sent: string[] = [];
    const events = withAppend(log, (append) => async (stream, revision, events) => {
      sent.push(JSON.stringify([stream, revision, events]));
      const result = await append(stream, revision, events);
      if (failures-- > 0) throw new OutcomeUnknown("the answer was lost");
      return result;
    });
    const engine = new Engine({ events, codec });
    const send = () => engine.execute(tally, "1", "Count", { by: 5 }, by("c-1"));
    expect(await send()).toMatchObject({ revision: 0, repeated: false, changed: true });
    expect(new Set(sent).size).toBe(1);
    expect(await send()).toMatchObject({ revision: 0, repeated: true, changed: false });
    expect(await totalOf(engine)).toBe(5);
    expect((await log.readStream("tally-1", { maxCount: 10 })).events).toHaveLength(1);
  });

  test("that fails leaves nothing of its decisions behind", async () => {
    const log = await temporaryLog();
    let failing = false;
    const events = withAppend(log, (append) => async (stream, revision, events) => {
      if (failing) throw new StoreUnavailable("the disk is full");
      return append(stream, revision, events);
    });
    const engine = new Engine({ events, codec });
    await engine.execute(tally, "1", "Count", { by: 5 }, by());
    failing = true;
    const settled = await Promise.allSettled([
      engine.execute(tally, "1", "Count", { by: 100 }, by("lost")),
      engine.execute(tally, "1", "Spend", { by: 50 }, by()),
      totalOf(engine),
    ]);
    for (const result of settled)
      expect(result).toMatchObject({ status: "rejected", reason: expect.any(StoreUnavailable) });
    failing = false;
    await expect(engine.execute(tally, "1", "Spend", { by: 50 }, by())).rejects.toThrow("5 left");
    expect(await engine.execute(tally, "1", "Count", { by: 100 }, by("lost"), total)).toMatchObject({
      repeated: false,
      result: 105,
    });
  });

  test("that throws without a promise fails its commands, not the stream", async () => {
    const log = await temporaryLog();
    let broken = true;
    const events = withAppend(log, (append) => (stream, revision, events) => {
      if (broken) throw new RangeError("too large");
      return append(stream, revision, events);
    });
    const engine = new Engine({ events, codec });
    await expect(engine.execute(tally, "1", "Count", { by: 1 }, by())).rejects.toThrow("too large");
    broken = false;
    expect((await engine.execute(tally, "1", "Count", { by: 1 }, by())).revision).toBe(0);
  });
});

describe("two engines on one log", () => {
  test("converge: every command of both lands once", async () => {
    const log = shared(await temporaryLog());
    const engines = [new Engine({ events: log, codec }), new Engine({ events: log, codec })];
    const rounds = engines.map(async (engine, index) => {
      for (let n = 0; n < 30; n++) await engine.execute(tally, "1", "Count", { by: index ? 1_000 : 1 }, by());
    });
    await Promise.all(rounds);
    for (const engine of engines) {
      await engine.execute(tally, "1", "Count", { by: 0 }, by());
      expect(await totalOf(engine)).toBe(30_030);
    }
    const events = (await log.readStream("tally-1", { maxCount: 1_000 })).events;
    expect(new Set(events.map(({ id }) => id)).size).toBe(62);
  });

  test("decide again on what the other has done: the last piece goes once", async () => {
    const log = shared(await temporaryLog());
    const engines = [new Engine({ events: log, codec }), new Engine({ events: log, codec })];
    await engines[0]?.execute(tally, "1", "Count", { by: 1 }, by());
    await Promise.all(engines.map((engine) => totalOf(engine)));
    const settled = await Promise.allSettled(
      engines.map((engine) => engine.execute(tally, "1", "Spend", { by: 1 }, by())),
    );
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(settled.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "out_of_stock" },
    });
  });

  test("given the same command, it takes effect once", async () => {
    const log = shared(await temporaryLog());
    const engines = Array.from({ length: 4 }, () => new Engine({ events: log, codec }));
    const outcomes = await Promise.all(
      engines.map((engine) => engine.execute(tally, "1", "Count", { by: 7 }, by("c-1"))),
    );
    expect(outcomes.map(({ revision }) => revision)).toEqual([0, 0, 0, 0]);
    expect(await totalOf(new Engine({ events: log, codec }))).toBe(7);
  });

  test("that never come to an end give up, in bounded time", async () => {
    const log = shared(await temporaryLog());
    const events = withAppend(log, () => async (stream, revision) => {
      throw new RevisionConflict(stream, revision, revision + 1);
    });
    const engine = new Engine({ events, codec, limits: { contentionMs: 200 } });
    await expect(engine.execute(tally, "1", "Count", { by: 1 }, by())).rejects.toMatchObject({
      code: "too_much_contention",
    });
  });
});

describe("an expected revision", () => {
  test("that is met lets the command through; one that is not refuses it and tells the right one", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    const expecting = (expectedRevision: number, commandId?: string) =>
      engine.execute(tally, "1", "Count", { by: 1 }, by(commandId, { expectedRevision }));
    await expecting(noStream, "c-1");
    await expecting(0);
    await expect(expecting(0)).rejects.toMatchObject({ code: "revision_mismatch", extras: { revision: 1 } });
    await expect(expecting(7)).rejects.toMatchObject({ code: "revision_mismatch" });
    expect(await expecting(noStream, "c-1")).toMatchObject({ revision: 0, repeated: true });
  });

  test("of two commands in one turn lets only the first through", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    const settled = await Promise.allSettled(
      [1, 2].map(() =>
        engine.execute(tally, "1", "Count", { by: 1 }, by(newId(), { expectedRevision: noStream })),
      ),
    );
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });

  test("holds against what another engine wrote", async () => {
    const log = shared(await temporaryLog());
    const [mine, theirs] = [new Engine({ events: log, codec }), new Engine({ events: log, codec })];
    await mine.execute(tally, "1", "Count", { by: 1 }, by());
    await theirs.execute(tally, "1", "Count", { by: 1 }, by());
    const stale = mine.execute(tally, "1", "Count", { by: 1 }, by(newId(), { expectedRevision: 0 }));
    await expect(stale).rejects.toMatchObject({ code: "revision_mismatch", extras: { revision: 1 } });
  });
});

describe("what is stored of a command", () => {
  test("is who sent it, from where, when and why", async () => {
    const log = await temporaryLog();
    const engine = new Engine({ events: log, codec });
    const context = { actor: "staff:1", causationId: "cause", ip: "::1", userAgent: "Test", now: 42 };
    await engine.execute(tally, "1", "CountTwice", { by: 1 }, by("c-1", context));
    const [first, second] = (await log.readStream("tally-1", { maxCount: 2 })).events;
    const { now: time, ...rest } = context;
    expect(first?.metadata).toEqual({ ...rest, time, commandId: "c-1", correlationId: "r" });
    expect(first?.id).not.toBe(second?.id);
  });
});

describe("snapshots", () => {
  function blobs() {
    const kept = new Map<string, Uint8Array>();
    const cache: BlobCache = {
      getBlob: async (key) => kept.get(key),
      setBlob: async (key, value) => {
        kept.set(key, value);
      },
    };
    return { cache, kept };
  }

  async function longStream(snapshots: ReturnType<typeof snapshotsIn>) {
    const log = await temporaryLog();
    const engine = new Engine({ events: log, codec, snapshots });
    for (let n = 0; n < 3; n++) {
      await engine.execute(tally, "1", "CountMany", { times: 1_000 }, by(`many-${n}`));
      // They are saved beside the commands.
      await sleep(20);
    }
    return log;
  }

  /** How many events a new engine reads to come to the state. */
  async function eventsRead(log: EventStore, snapshots: ReturnType<typeof snapshotsIn>) {
    let read = 0;
    const events: EventStore = {
      ...withAppend(log, (append) => append),
      readStream: async (stream, options) => {
        const page = await log.readStream(stream, options);
        read += page.events.length;
        return page;
      },
    };
    const engine = new Engine({ events, codec, snapshots });
    expect(await totalOf(engine)).toBe(3_000);
    const before = read;
    const sent = by("many-2", { since: 1_999 });
    const again = await engine.execute(tally, "1", "CountMany", { times: 1_000 }, sent);
    expect(again).toMatchObject({ repeated: true, revision: 2_999 });
    return before;
  }

  test("a stream of 3,000 events loads from one, and its commands are found where they were", async () => {
    const snapshots = snapshotsIn(blobs().cache);
    const log = await longStream(snapshots);
    expect(await eventsRead(log, snapshots)).toBe(1);
  });

  test("without them it loads all the same", async () => {
    const log = await longStream(snapshotsIn(blobs().cache));
    expect(await eventsRead(log, snapshotsIn(blobs().cache))).toBe(3_000);
  });

  const good = { revision: 2_999, position: at(2_999), time: 0, parts: 2, lastEventId: "" };
  test.each([
    ["nonsense", Buffer.from("nonsense")],
    ["nothing", serialize(undefined)],
    ["a text", serialize("snapshot")],
    ["another program's object", serialize({ answer: 42 })],
    ["an object with wrong types", serialize({ ...good, parts: "many" })],
    ["one whose parts are gone", serialize({ ...good, parts: 9 })],
    ["a snapshot of another log", serialize({ ...good, lastEventId: newId() })],
    ["one from the future of a restored log", serialize({ ...good, revision: 9_999, lastEventId: newId() })],
  ])("%s in the cache is thrown away", async (_, blob) => {
    const { cache, kept } = blobs();
    const snapshots = snapshotsIn(cache);
    const log = await longStream(snapshots);
    for (const key of kept.keys()) if (key.endsWith("tally-1")) kept.set(key, blob);
    expect(await eventsRead(log, snapshots)).toBeGreaterThanOrEqual(3_000);
  });

  test("a cache that is away costs nothing but time", async () => {
    const away = snapshotsIn({
      getBlob: () => Promise.reject(new Error("away")),
      setBlob: () => {
        throw new Error("away");
      },
    });
    const log = await longStream(away);
    expect(await eventsRead(log, away)).toBe(3_000);
  });

  test("of another version are not read", async () => {
    const { cache } = blobs();
    const log = await longStream(snapshotsIn(cache));
    const read = (version: number) => {
      const engine = new Engine({ events: log, codec, snapshots: snapshotsIn(cache) });
      const { snapshot } = tally;
      if (!snapshot) throw new Error("tallies have snapshots");
      const other = Object.assign({}, tally, { snapshot: { ...snapshot, version } });
      return engine.read(other as typeof tally, "1", ({ total }) => total);
    };
    const reads = vi.spyOn(log, "readStream");
    expect(await read(2)).toBe(3_000);
    expect(reads.mock.calls.length).toBeGreaterThan(2);
  });

  test("are of the state as it was, whatever happens to the stream while they are saved", async () => {
    const { cache } = blobs();
    const snapshots = snapshotsIn(cache);
    const log = await temporaryLog();
    const engine = new Engine({ events: log, codec, snapshots });
    await engine.execute(tally, "1", "CountMany", { times: 1_000 }, by());
    for (let n = 0; n < 5; n++) await engine.execute(tally, "1", "Count", { by: 5, label: "later" }, by());
    await sleep(20);
    const head = deserialize((await cache.getBlob("snapshot:tally:1:tally-1")) ?? Buffer.of());
    expect(head).toMatchObject({ revision: 999, parts: 2 });
    expect(deserialize((await cache.getBlob("snapshot:tally:1:tally-1:999:0")) ?? Buffer.of())).toBe(1_000);
  });
});

describe("events of older versions", () => {
  const price = z.object({ amount: z.int(), currency: z.string() });
  const versions = {
    1: { Priced: event(z.object({ dollars: z.number() })) },
    3: {
      Priced: event(
        price,
        (data) => ({ cents: Math.round((data as { dollars: number }).dollars * 100) }),
        (data) => ({ amount: (data as { cents: number }).cents, currency: "USD" }),
      ),
    },
  };
  const old = decider({
    category: "price",
    events: versions[1],
    initial: () => ({ dollars: 0 }),
    evolve: { Priced: (_, data) => data },
    decide: { Price: (_, dollars: number) => [{ type: "Priced", data: { dollars } }] },
  });
  const current = decider({
    category: "price",
    events: versions[3],
    initial: () => ({ amount: 0, currency: "" }),
    evolve: { Priced: (_, data) => data },
    decide: { Price: (_, amount: number) => [{ type: "Priced", data: { amount, currency: "EUR" } }] },
  });

  test("are brought up over two versions; new ones are stored with theirs and left as they are", async () => {
    const log = await temporaryLog();
    const before = new Engine({ events: log, codec: createCodec(old.events) });
    await before.execute(old, "1", "Price", 12.34, by());
    const after = new Engine({ events: log, codec: createCodec(current.events) });
    expect(await after.read(current, "1", (state) => ({ ...state }))).toEqual({
      amount: 1234,
      currency: "USD",
    });
    await after.execute(current, "1", "Price", 99, by());
    const again = new Engine({ events: log, codec: createCodec(current.events) });
    expect(await again.read(current, "1", (state) => ({ ...state }))).toEqual({
      amount: 99,
      currency: "EUR",
    });
    const versionsStored = (await log.readStream("price-1", { maxCount: 9 })).events.map(
      ({ metadata }) => metadata.schemaVersion,
    );
    expect(versionsStored).toEqual([undefined, 3]);
    const { events } = await log.readAll({ after: logStart, maxCount: 9 });
    const codec = createCodec(current.events);
    expect(events.map((event) => codec.decode(event))).toEqual([
      { amount: 1234, currency: "USD" },
      { amount: 99, currency: "EUR" },
    ]);
  });

  test("written by a newer program are not guessed at", async () => {
    const log = await temporaryLog();
    const newer = new Engine({ events: log, codec: createCodec(current.events) });
    await newer.execute(current, "1", "Price", 99, by());
    const two = createCodec({ Priced: event(z.object({ cents: z.int() }), (data) => data) });
    const engine = new Engine({ events: log, codec: two });
    await expect(engine.read(current, "1", () => 0)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("Priced"),
    });
  });
});

describe("an event that cannot be decoded", () => {
  async function poisoned() {
    const log = await temporaryLog();
    const metadata = { time: 0, commandId: "c", correlationId: "r", actor: "test" };
    await log.append("tally-bad", noStream, [{ id: newId(), type: "Unheard", data: "{}", metadata }]);
    return new Engine({ events: log, codec });
  }

  test("refuses the commands of its stream, every time, and no other's", async () => {
    const engine = await poisoned();
    for (let n = 0; n < 2; n++)
      await expect(engine.execute(tally, "bad", "Count", { by: 1 }, by())).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("Unheard"),
      });
    await engine.execute(tally, "good", "Count", { by: 1 }, by());
    expect(await totalOf(engine, "good")).toBe(1);
  });

  test("never lets a decision be made on half a state", async () => {
    const engine = await poisoned();
    const settled = await Promise.allSettled([
      totalOf(engine, "bad"),
      engine.execute(tally, "bad", "Count", { by: 1 }, by()),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(engine.cachedStreams()).toBe(0);
  });
});

describe("what is cached", () => {
  const weighty = { ...tally, weigh: ({ total }: { total: number }) => total * 1_000_000 } as typeof tally;

  test("is bounded by what the states weigh now, not when they were first met", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    for (let n = 0; n < 40; n++) {
      await engine.execute(weighty, String(n), "Count", { by: 0 }, by());
      await engine.execute(weighty, String(n), "Count", { by: 4 }, by());
    }
    expect(engine.cachedStreams()).toBeLessThanOrEqual(16);
    expect(await totalOf(engine, "0")).toBe(4);
  });

  test("holds a state in use, however heavy", async () => {
    const { events, reads } = counting(await temporaryLog());
    const engine = new Engine({ events, codec });
    await engine.execute(weighty, "1", "Count", { by: 1_000 }, by());
    const before = reads();
    for (let n = 0; n < 5; n++) await engine.execute(weighty, "1", "Count", { by: 1 }, by());
    expect(reads()).toBe(before);
  });
});

describe("an answer", () => {
  test("is given of the state right after the command, not of what came later in the batch", async () => {
    const engine = new Engine({ events: await temporaryLog(), codec });
    const outcomes = await Promise.all([
      engine.execute(tally, "1", "Count", { by: 1, label: "a" }, by(), ({ labels }) => [...labels]),
      engine.execute(tally, "1", "Count", { by: 1, label: "b" }, by(), ({ labels }) => [...labels]),
    ]);
    expect(outcomes.map(({ result }) => result)).toEqual([["a"], ["a", "b"]]);
  });

  test("of a look comes only once what it has seen is stored", async () => {
    const log = await temporaryLog();
    let stored = 0;
    const events = withAppend(log, (append) => async (stream, revision, events) => {
      const result = await append(stream, revision, events);
      stored++;
      return result;
    });
    const engine = new Engine({ events, codec });
    void engine.execute(tally, "1", "Count", { by: 1 }, by());
    expect(await totalOf(engine)).toBe(1);
    expect(stored).toBe(1);
  });
});

describe.each([
  ["by others, too", shared],
  ["by this process alone", (log: EventStore) => log],
])("a command that takes its stream for new, on a log that is written %s", (_, as) => {
  const first = (commandId?: string) => by(commandId, { isFirst: true });

  test("is appended without a read, and its stream need not be read afterwards", async () => {
    const { events, reads } = counting(as(await temporaryLog()));
    const engine = new Engine({ events, codec });
    const asOf = performance.now();
    expect(await engine.execute(tally, "1", "Count", { by: 2 }, first(), total)).toMatchObject({ result: 2 });
    expect(await engine.read(tally, "1", total, asOf)).toBe(2);
    expect(reads()).toBe(0);
  });

  test("is decided on what there is, where somebody was faster", async () => {
    const log = await temporaryLog();
    await new Engine({ events: log, codec }).execute(tally, "1", "Count", { by: 5 }, by("c-1"));
    const engines = [1, 2, 3].map(() => new Engine({ events: as(log), codec }));
    const [spends, repeats, looks] = engines;
    const again = { ...first("c-1"), now: 2_000 };
    expect(await repeats?.execute(tally, "1", "Count", { by: 5 }, again, total)).toMatchObject({
      result: 5,
      repeated: true,
    });
    expect(await spends?.execute(tally, "1", "Spend", { by: 4 }, first(), total)).toMatchObject({
      result: 1,
    });
    expect(await looks?.execute(tally, "1", "Nothing", undefined, first(), total)).toMatchObject({
      result: 1,
      revision: 1,
      changed: false,
    });
    expect(await totalOf(new Engine({ events: log, codec }))).toBe(1);
  });

  test("is refused for what there is, and not for what there is not", async () => {
    const engine = new Engine({ events: as(await temporaryLog()), codec });
    const refused = expect(engine.execute(tally, "1", "Spend", { by: 1 }, first())).rejects;
    await refused.toMatchObject({ code: "out_of_stock", message: "0 left" });
  });
});

test("an append that had landed before it was answered proves the stream as of when it was sent first", async () => {
  const log = await temporaryLog();
  const other = new Engine({ events: shared(log), codec });
  let asOf = Number.NaN;
  const events = withAppend(shared(log), (append) => {
    let isLost = true;
    return async (stream, revision, batch) => {
      const appended = await append(stream, revision, batch);
      if (!isLost) return appended;
      isLost = false;
      await other.execute(tally, "1", "Count", { by: 10 }, by());
      asOf = performance.now();
      throw new OutcomeUnknown("the answer was lost");
    };
  });
  const engine = new Engine({ events, codec });
  await engine.execute(tally, "1", "Count", { by: 1 }, by());
  expect(await engine.read(tally, "1", total, asOf)).toBe(11);
});
