import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { HotStore } from "../../../src/stores/hot-store/hot-store.ts";
import { HotStoreAway } from "../../../src/stores/hot-store/redis/guard.ts";
import { openRedisHotStore, type RedisHotStore } from "../../../src/stores/hot-store/redis/hot.ts";
import { newId } from "../../../src/values/ids.ts";
import { type RedisServer, startRedis, whyNoRedisHere } from "./server.ts";

const whyNot = whyNoRedisHere();
const longMs = 60_000;
const backWithinMs = 10_000;
/** Of a busy machine, beside what the store itself allows a call. */
const slackMs = 400;

describe.skipIf(whyNot)(`a hot store on a Redis that is not always there ${whyNot ?? ""}`, () => {
  let server: RedisServer;
  let store: RedisHotStore;
  let calls: { operation: string; outcome: string; seconds: number }[];
  let states: string[];
  const logId = newId();
  beforeAll(async () => {
    server = await startRedis(["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"]);
  });
  beforeEach(async () => {
    calls = [];
    states = [];
    store = open();
    expect(await store.connected(backWithinMs)).toBe(true);
  });
  afterEach(() => store.close());
  afterAll(() => server.close());

  function open(commandTimeoutMs = 5_000): RedisHotStore {
    return openRedisHotStore({
      url: server.url,
      logId,
      commandTimeoutMs,
      observe: (operation, seconds, outcome) => calls.push({ operation, seconds, outcome }),
      onState: (state) => states.push(state),
    });
  }

  /** Every call of the port, none of which may wait long or end the process. */
  const everyCall = (hot: HotStore): Promise<unknown>[] => [
    hot.get("a"),
    hot.set("a", "x", longMs),
    hot.setIfAbsent("b", "x", longMs),
    hot.delete("a"),
    hot.setDated("d", { value: "x", position: "1", asOf: "1" }, longMs),
    hot.markDated("d", "2", longMs),
    hot.getDated("d"),
    hot.getBlob("c"),
    hot.setBlob("c", new Uint8Array(10)),
    hot.pushRecent("l", "x", 3, longMs),
    hot.recent("l"),
  ];

  /** How the calls end, and how long the slowest takes. */
  async function outcome(all: readonly Promise<unknown>[]): Promise<{ reasons: unknown[]; ms: number }> {
    const start = performance.now();
    const settled = await Promise.allSettled(all);
    const reasons = settled.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    return { reasons, ms: performance.now() - start };
  }

  test("it refuses at once while no server listens, and works when one does", async () => {
    await server.signal("SIGKILL");
    await expect.poll(() => store.state()).toBe("away");
    const { reasons, ms } = await outcome(everyCall(store));
    expect(reasons).toHaveLength(11);
    expect(reasons.every((reason) => reason instanceof HotStoreAway)).toBe(true);
    expect(ms).toBeLessThan(slackMs);
    await server.start();
    expect(await store.connected(backWithinMs)).toBe(true);
    expect(store.state()).toBe("ready");
    expect(await store.get("a")).toBeUndefined();
    await store.set("a", "anew", longMs);
    expect(await store.get("a")).toBe("anew");
    expect(states).toEqual(["ready", "away", "ready"]);
  });

  test("it can be opened while the server is away", async () => {
    await server.signal("SIGKILL");
    const early = open();
    await expect(early.get("a")).rejects.toThrow(HotStoreAway);
    expect(early.state()).toBe("away");
    expect(await early.connected(100)).toBe(false);
    await server.start();
    expect(await early.connected(backWithinMs)).toBe(true);
    expect(await early.get("a")).toBeUndefined();
    await early.close();
  });

  test("what is under way when the server dies is refused, and not sent again", async () => {
    await server.signal("SIGSTOP");
    const pending = outcome([store.pushRecent("once", "x", 3, longMs), store.set("a", "late", longMs)]);
    await sleep(10);
    await server.signal("SIGKILL");
    expect((await pending).reasons).toHaveLength(2);
    await server.start();
    expect(await store.connected(backWithinMs)).toBe(true);
    await sleep(100);
    expect(await store.get("a")).toBeUndefined();
    expect(await store.recent("once")).toEqual([]);
  });

  test("nobody waits long for a server that stands still, and soon nobody asks it", async () => {
    const hasty = open(50);
    expect(await hasty.connected(backWithinMs)).toBe(true);
    await store.set("a", "x", longMs);
    await server.signal("SIGSTOP");
    try {
      for (let waits = 0; waits < 5; waits++) {
        const { reasons, ms } = await outcome(everyCall(hasty));
        expect(reasons).toHaveLength(11);
        expect(ms).toBeGreaterThanOrEqual(45);
        expect(ms).toBeLessThan(50 + slackMs);
      }
      calls = [];
      const next = await outcome(everyCall(hasty));
      expect(next.reasons).toHaveLength(11);
      expect(calls.map((call) => call.outcome)).toEqual(Array(11).fill("skipped"));
      expect(hasty.state()).toBe("away");
    } finally {
      await server.signal("SIGCONT");
    }
    // By itself: nobody calls it meanwhile.
    await expect.poll(() => hasty.state(), { timeout: backWithinMs }).toBe("ready");
    await hasty.close();
  });

  test("a process that stood still itself does not take the server for away", async () => {
    const hasty = open(50);
    expect(await hasty.connected(backWithinMs)).toBe(true);
    const answers = Promise.all(
      Array.from({ length: 10 }, (_, n) => hasty.setIfAbsent(`stall-${n}`, "x", longMs)),
    );
    const until = performance.now() + 150;
    while (performance.now() < until);
    expect(await answers).toEqual(Array(10).fill(true));
    expect(hasty.state()).toBe("ready");
    await hasty.close();
  });

  test("FLUSHALL loses what was kept, scripts too, and nothing else", async () => {
    await Promise.all(everyCall(store));
    server.ask("FLUSHALL");
    server.ask("SCRIPT", "FLUSH");
    expect(await store.getDated("d")).toBeUndefined();
    expect(await store.setDated("d", { value: "x", position: "1", asOf: "1" }, longMs)).toBe(true);
    expect(await store.recent("l")).toEqual([]);
    expect((await outcome(everyCall(store))).reasons).toEqual([]);
  });

  test("every key has a time to live", async () => {
    server.ask("FLUSHALL");
    await Promise.all(everyCall(store));
    await store.markDated("marked", "9", longMs);
    await store.set("plain", "x", longMs);
    const keys = server.ask("--scan").split("\n");
    expect(keys.length).toBeGreaterThanOrEqual(6);
    for (const key of keys) expect([key, Number(server.ask("PTTL", key)) > 0]).toEqual([key, true]);
  });

  test("a key of another kind refuses a read, does not count as away, and is replaced by a write", async () => {
    server.ask("FLUSHALL");
    await Promise.all(everyCall(store));
    const keys = server.ask("--scan").split("\n");
    for (const key of keys) {
      server.ask("DEL", key);
      if (key.endsWith(":a") || key.endsWith(":c")) server.ask("RPUSH", key, "wrong");
      else server.ask("SET", key, "wrong");
    }
    server.ask("RPUSH", `cartwright:${logId}:a`, "wrong");
    calls = [];
    const reads = [store.get("a"), store.getBlob("c"), store.getDated("d"), store.recent("l")];
    expect((await outcome(reads)).reasons.map(String)).toEqual(
      Array(4).fill(expect.stringContaining("WRONGTYPE")),
    );
    expect(calls.map(({ outcome }) => outcome)).toEqual(Array(4).fill("refused"));
    expect(store.state()).toBe("ready");
    await store.pushRecent("l", "right", 3, longMs);
    expect(await store.recent("l")).toEqual(["right"]);
    expect(await store.setDated("d", { value: "right", position: "1", asOf: "1" }, longMs)).toBe(true);
    expect(await store.getDated("d")).toMatchObject({ value: "right" });
    await store.set("a", "right", longMs);
    expect(await store.get("a")).toBe("right");
  });

  test("a full server forgets, and goes on", async () => {
    const bytes = new Uint8Array(1024 * 1024);
    const names = Array.from({ length: 100 }, (_, n) => `big-${n}`);
    for (const name of names) await store.setBlob(name, bytes);
    expect((await store.getBlob("big-99"))?.byteLength).toBe(bytes.byteLength);
    const kept = await Promise.all(names.map((name) => store.getBlob(name)));
    expect(kept.filter((blob) => blob === undefined).length).toBeGreaterThan(30);
    server.ask("FLUSHALL");
  });

  test("a server that takes no writes any more is read on", async () => {
    server.ask("FLUSHALL");
    await store.set("a", "kept", longMs);
    server.ask("CONFIG", "SET", "maxmemory-policy", "noeviction");
    server.ask("CONFIG", "SET", "maxmemory", "1");
    try {
      for (let n = 0; n < 10; n++) await expect(store.set(`n-${n}`, "x", longMs)).rejects.toThrow("OOM");
      expect(await store.get("a")).toBe("kept");
      expect(store.state()).toBe("ready");
    } finally {
      server.ask("CONFIG", "SET", "maxmemory", "64mb");
      server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    }
  });

  test("shops and logs that share a server do not see each other", async () => {
    const others = [
      openRedisHotStore({ url: server.url, logId: newId() }),
      openRedisHotStore({ url: server.url, logId, keyPrefix: "another" }),
    ];
    await store.set("mine", "x", longMs);
    for (const other of others) {
      expect(await other.connected(backWithinMs)).toBe(true);
      expect(await other.get("mine")).toBeUndefined();
      await other.close();
    }
  });

  test("calls made together go out together", async () => {
    const before = Number(/total_reads_processed:(\d+)/.exec(server.ask("INFO", "stats"))?.[1]);
    await Promise.all(Array.from({ length: 200 }, (_, n) => store.get(`n-${n}`)));
    const after = Number(/total_reads_processed:(\d+)/.exec(server.ask("INFO", "stats"))?.[1]);
    expect(after - before).toBeLessThan(40);
  });

  test("a library's script runs amid other calls, and each gets its own answer", async () => {
    const { get, set, runScript } = store;
    if (!runScript) throw new Error("Redis runs scripts");
    for (const key of ["a", "b"]) await set(key, `value of ${key}`, longMs);
    for (const name of ["first", "second"]) {
      const script = { name, lua: `return {redis.call('GET', KEYS[1]), ARGV[1], '${name}'}` };
      const [before, ran, after] = await Promise.all([get("a"), runScript(script, "b", "input"), get("b")]);
      expect(before).toBe("value of a");
      expect(ran).toEqual(["value of b", "input", name]);
      expect(after).toBe("value of b");
    }
    const script = { name: "third", lua: "return 3" };
    expect(await runScript(script, "a")).toBe(3);
    server.ask("SCRIPT", "FLUSH");
    expect(await runScript(script, "a")).toBe(3);
  });

  test("each call is told of, with what came of it", async () => {
    server.ask("FLUSHALL");
    await store.get("a");
    await store.set("a", "x", longMs);
    await store.get("a");
    expect(calls.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ["get", "miss"],
      ["set", "done"],
      ["get", "hit"],
    ]);
    for (const { seconds } of calls) expect(seconds).toBeGreaterThan(0);
  });

  test("closing does not wait for a server that stands still", async () => {
    const another = open();
    expect(await another.connected(backWithinMs)).toBe(true);
    await server.signal("SIGSTOP");
    const start = performance.now();
    await another.close();
    expect(performance.now() - start).toBeLessThan(1_000 + slackMs);
    await server.signal("SIGCONT");
  });
});
