import { describe, expect, test } from "vitest";
import {
  noStream,
  OutcomeUnknown,
  RevisionConflict,
  StoreDamaged,
  StoreUnavailable,
} from "../../../src/stores/event-store/event-store.ts";
import type { EventStoreDb } from "../../../src/stores/event-store/eventstoredb/store.ts";
import type { AppendFault, EventStoreDouble } from "./double/server.ts";
import { event, failureOf, impatient, numbered, open, startDouble } from "./support.ts";

async function opened(): Promise<{ double: EventStoreDouble; store: EventStoreDb }> {
  const double = await startDouble();
  return { double, store: await open({ url: double.url, limits: impatient }) };
}

/** As the engine does: the same append, until the server says what became of it. */
async function settle(...[store, ...append]: [EventStoreDb, ...Parameters<EventStoreDb["append"]>]) {
  for (let tries = 0; ; tries++) {
    try {
      return await store.append(...append);
    } catch (error) {
      if (tries === 20 || error instanceof RevisionConflict) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

const countOf = async (store: EventStoreDb, stream: string) =>
  (await store.readStream(stream, { maxCount: 100 })).events.length;

describe("an append whose outcome is unknown", () => {
  test.each<[string, AppendFault, number]>([
    ["was written and never answered", "lose-answer", 2],
    ["was lost on its way", "stall", 0],
    ["was written by a server that then died", "die-after-write", 2],
    ["was not written by a server that died", "die-before-write", 0],
    ["was written and said to have timed out", "late", 2],
  ])("because it %s, is settled by the same append", async (_, fault, written) => {
    const { double, store } = await opened();
    await store.append("a-1", noStream, [event()]);
    const events = numbered(2);
    double.appendFaults.push(fault);
    expect(await failureOf(store.append("a-1", 0, events))).toBeInstanceOf(OutcomeUnknown);
    expect(double.log.revisionOf("a-1")).toBe(written);
    const settled = await settle(store, "a-1", 0, events);
    expect(settled.revision).toBe(2);
    expect(await countOf(store, "a-1")).toBe(3);
    const { events: last } = await store.readStream("a-1", { from: 2, maxCount: 1 });
    expect(settled.position).toBe(last[0]?.position);
  });

  test("is a conflict when another was written in its place", async () => {
    const { double, store } = await opened();
    const events = numbered(1);
    double.appendFaults.push("stall");
    expect(await failureOf(store.append("a-1", noStream, events))).toBeInstanceOf(OutcomeUnknown);
    await store.append("a-1", noStream, [event("other")]);
    expect(await failureOf(store.append("a-1", noStream, events))).toBeInstanceOf(RevisionConflict);
  });

  test("tells nobody else's: what was not sent on the broken stream goes on", async () => {
    const [first, second] = [await opened(), await opened()];
    second.double.slowMs = 100;
    const pending = second.store.append("a-1", noStream, [event()]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    first.double.appendFaults.push("die-after-write");
    expect(await failureOf(first.store.append("a-1", noStream, [event()]))).toBeInstanceOf(OutcomeUnknown);
    expect((await pending).revision).toBe(0);
  });

  test("may be answered after it was given up on", async () => {
    const { double, store } = await opened();
    double.slowMs = impatient.appendMs + 200;
    expect(await failureOf(store.append("a-1", noStream, [event()]))).toBeInstanceOf(OutcomeUnknown);
    await new Promise((resolve) => setTimeout(resolve, 400));
    double.slowMs = 0;
    expect((await store.append("a-1", 0, [event()])).revision).toBe(1);
  });

  test.each([["alone"], ["beside reads that are answered"]])(
    "because its stream is dead, %s, is settled on another stream",
    async (circumstance) => {
      const { double, store } = await opened();
      await store.append("a-1", noStream, [event()]);
      double.muteOpenAppends();
      const events = numbered(2);
      const reading = setInterval(() => {
        if (circumstance !== "alone") void store.readStream("a-1", { maxCount: 1 });
      }, 20);
      expect(await failureOf(store.append("a-1", 0, events))).toBeInstanceOf(OutcomeUnknown);
      clearInterval(reading);
      expect((await store.append("a-1", 0, events)).revision).toBe(2);
      expect(await countOf(store, "a-1")).toBe(3);
    },
  );
});

describe("an append that was certainly not written", () => {
  test.each<[string, AppendFault]>([
    ["busy", "busy"],
    ["not ready", "not-ready"],
    ["closed to this user", "access-denied"],
  ])("because the server is %s, says so", async (_, fault) => {
    const { double, store } = await opened();
    double.appendFaults.push(fault);
    expect(await failureOf(store.append("a-1", noStream, [event()]))).toBeInstanceOf(StoreUnavailable);
    expect(double.log.revisionOf("a-1")).toBe(noStream);
    expect((await store.append("a-1", noStream, [event()])).revision).toBe(0);
  });

  test("because the server is away, says so; when it is back, the same store goes on", async () => {
    const { double, store } = await opened();
    double.kill();
    // The first one may still be sent on the connection that has just broken.
    await failureOf(store.append("a-0", noStream, [event()]));
    expect(await failureOf(store.append("a-1", noStream, [event()]))).toBeInstanceOf(StoreUnavailable);
    await double.listen();
    expect((await store.append("a-1", noStream, [event()])).revision).toBe(0);
    expect(await countOf(store, "a-1")).toBe(1);
  });
});

describe("an append", () => {
  test("that meets no leader is unknown, like all on its stream, and the next one goes to the leader", async () => {
    const { double, store } = await opened();
    double.appendFaults.push("not-leader");
    const both = [store.append("a-1", noStream, [event()]), store.append("b-1", noStream, [event()])];
    const failures = await Promise.all(both.map(failureOf));
    expect(failures[0]).toBeInstanceOf(OutcomeUnknown);
    expect((await store.append("a-1", noStream, [event()])).revision).toBe(0);
  });

  test("that comes again while it is under way waits for the first one's answer", async () => {
    const { double, store } = await opened();
    const before = double.appendsSeen;
    const events = numbered(2);
    const results = await Promise.all([1, 2, 3].map(() => store.append("a-1", noStream, events)));
    expect(new Set(results.map(({ position }) => position)).size).toBe(1);
    expect(double.appendsSeen).toBe(before + 1);
  });

  test("that is answered without a position looks for it", async () => {
    const { double, store } = await opened();
    double.appendFaults.push("no-position");
    const { position } = await store.append("a-1", noStream, numbered(3));
    const { events } = await store.readStream("a-1", { from: 2, maxCount: 1 });
    expect(events[0]?.position).toBe(position);
  });

  test("is stored as JSON, byte for byte as it was given", async () => {
    const { double, store } = await opened();
    const sent = { ...event(), data: '{"price":1.10,"2":"two","1":"one","text":"\\u2603☃"}' };
    await store.append("a-1", noStream, [sent]);
    const record = double.log.stream("a-1")?.records[0];
    expect(record?.isJson).toBe(true);
    expect(record?.data.toString()).toBe(sent.data);
    expect(JSON.parse(record?.metadata.toString() ?? "")).toEqual(sent.metadata);
  });

  test("counts the bytes of metadata too", async () => {
    const { double, store } = await opened();
    const before = double.appendsSeen;
    const wide = event("x".repeat(500 * 1024));
    wide.metadata.userAgent = "☃".repeat(200 * 1024);
    expect(String(await failureOf(store.append("a-1", noStream, [wide])))).toMatch(/larger/);
    expect(double.appendsSeen).toBe(before);
  });

  test("to a stream that was deleted is not passed off as a success at another revision", async () => {
    const { double, store } = await opened();
    await store.append("a-1", noStream, numbered(3));
    double.log.delete("a-1");
    expect(await countOf(store, "a-1")).toBe(0);
    expect(await failureOf(store.append("a-1", noStream, [event()]))).toBeInstanceOf(StoreDamaged);
  });

  test("to a tombstone says that an operator has to act, and so does a read", async () => {
    const { double, store } = await opened();
    await store.append("a-1", noStream, [event()]);
    double.log.tombstone("a-1");
    expect(await failureOf(store.append("a-1", 0, [event()]))).toBeInstanceOf(StoreDamaged);
    expect(await failureOf(store.readStream("a-1", { maxCount: 1 }))).toBeInstanceOf(StoreDamaged);
  });

  test("is observed, with how it ended", async () => {
    const double = await startDouble();
    const seen: string[] = [];
    const observe = (operation: string, seconds: number, outcome: string) => {
      expect(seconds).toBeGreaterThanOrEqual(0);
      seen.push(`${operation} ${outcome}`);
    };
    const store = await open({ url: double.url, observe });
    await store.append("a-1", noStream, [event()]);
    await failureOf(store.append("a-1", noStream, [event()]));
    double.appendFaults.push("busy", "late");
    await failureOf(store.append("a-1", 0, [event()]));
    await failureOf(store.append("a-1", 0, [event()]));
    await store.head();
    expect(seen).toEqual(["append ok", "append conflict", "append unavailable", "append unknown", "head ok"]);
  });
});
