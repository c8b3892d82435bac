import { describe, expect, test } from "vitest";
import {
  logStart,
  noStream,
  type Position,
  type RecordedEvent,
  StoreDamaged,
} from "../../../src/stores/event-store/event-store.ts";
import type { EventStoreDb } from "../../../src/stores/event-store/eventstoredb/store.ts";
import { event, failureOf, impatient, numbered, open, startDouble, until } from "./support.ts";

/** Follows until so many events have come. */
async function follow(store: EventStoreDb, count: number, after: Position = logStart) {
  const over = new AbortController();
  const seen: RecordedEvent[] = [];
  for await (const page of store.subscribe({ after, batchEventsMax: 10, signal: over.signal })) {
    seen.push(...page.events);
    if (seen.length >= count) over.abort();
  }
  return seen;
}

describe("a subscription", () => {
  test("that is cut off again and again misses and doubles nothing", async () => {
    const double = await startDouble();
    const interruptions: string[] = [];
    const observe = (operation: string, _: number, outcome: string) => {
      if (operation === "subscribe") interruptions.push(outcome);
    };
    const store = await open({ url: double.url, observe });
    await store.append("a-1", noStream, numbered(40));
    for (const afterEvents of [0, 7, 1, 13]) double.subscriptionFaults.push({ kind: "cut", afterEvents });
    const seen = await follow(store, 40);
    expect(seen.map(({ revision }) => revision)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    expect(interruptions).toEqual(Array(4).fill("unavailable"));
  });

  test("outlives the server", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    await store.append("a-1", noStream, numbered(5));
    const seen = follow(store, 10);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await double.killAndRestart(200);
    for (let tries = 0; tries < 20; tries++) {
      const done = await store.append("a-1", 4, numbered(5)).catch(() => undefined);
      if (done) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await seen).map(({ revision }) => revision)).toEqual(Array.from({ length: 10 }, (_, n) => n));
  });

  test("goes on when nothing is heard of the server and the connection is replaced", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url, limits: impatient });
    await store.append("a-1", noStream, numbered(2));
    const seen = follow(store, 3);
    await until(() => double.openReads.size === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    double.appendFaults.push("stall");
    await failureOf(store.append("a-1", 1, [event()]));
    await until(() => double.openReads.size === 0);
    await store.append("a-1", 1, [event()]);
    expect((await seen).map(({ revision }) => revision)).toEqual([0, 1, 2]);
  });

  test("from beyond the log's end is refused instead of skipping what comes", async () => {
    const [long, short] = [await startDouble(), await startDouble()];
    const before = await open({ url: long.url });
    const { position } = await before.append("a-1", noStream, numbered(50));
    const store = await open({ url: short.url });
    await store.append("a-1", noStream, numbered(2));
    expect(await failureOf(follow(store, 1, position))).toBeInstanceOf(StoreDamaged);
  });

  test("from a position that is no place in the log is refused", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    const { position } = await store.append("a-1", noStream, numbered(2));
    const between = String(BigInt(position.slice(0, 20)) - 1n).padStart(20, "0");
    expect(await failureOf(follow(store, 1, between + between))).toBeInstanceOf(StoreDamaged);
  });

  test("ends at once when it is aborted while the server is away", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    const over = new AbortController();
    const following = (async () => {
      for await (const _ of store.subscribe({ after: logStart, batchEventsMax: 10, signal: over.signal }));
    })();
    await new Promise((resolve) => setTimeout(resolve, 50));
    double.kill();
    await new Promise((resolve) => setTimeout(resolve, 400));
    const start = performance.now();
    over.abort();
    await following;
    expect(performance.now() - start).toBeLessThan(200);
  });

  test("lets the server wait for a slow reader", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    const total = 20_000;
    for (let n = 0; n < 20; n++)
      await store.append(
        `a-${n}`,
        noStream,
        Array.from({ length: 1_000 }, () => event({ text: "x".repeat(400) })),
      );
    const { signal } = new AbortController();
    for await (const page of store.subscribe({ after: logStart, batchEventsMax: 10, signal })) {
      expect(page.events).toHaveLength(10);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(double.eventsSent).toBeLessThan(total / 4);
      break;
    }
    await until(() => double.openReads.size === 0);
  });

  test("ends with its store", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    const following = follow(store, 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await store.close();
    expect(await following).toEqual([]);
  });
});
