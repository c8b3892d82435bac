import { afterEach, describe, expect, test } from "vitest";
import {
  type EventStore,
  logStart,
  noStream,
  type ReadAllOptions,
  type RecordedEvent,
  StoreUnavailable,
} from "../../../src/stores/event-store/event-store.ts";
import { openReadAhead } from "../../../src/stores/event-store/eventstoredb/read-ahead/log.ts";
import type { EventStoreDouble } from "./double/server.ts";
import { event, failureOf, impatient, numbered, open, startDouble } from "./support.ts";

const streams = 12;
const eventsOfEach = 500;

const opened: EventStore[] = [];

afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});

/** @returns the log, the same read ahead, and which pages it has read by itself */
async function openFilled(double: EventStoreDouble) {
  const log = await open({ url: double.url, limits: impatient });
  for (let n = 0; n < streams; n++)
    await log.append(`a-${n}`, noStream, [...numbered(eventsOfEach - 1), event({ n }, "Ended")]);
  const asked: ReadAllOptions[] = [];
  const observed: EventStore = Object.create(log, {
    readAll: {
      value: (options: ReadAllOptions) => {
        asked.push(options);
        return log.readAll(options);
      },
    },
  });
  const ahead = openReadAhead(observed, double.url);
  opened.push(ahead);
  // Until its thread has come up, it reads all pages by itself.
  for (let isAhead = false; !isAhead; ) {
    const { scannedTo } = await ahead.readAll({ after: logStart, maxCount: 500 });
    const before = asked.length;
    await ahead.readAll({ after: scannedTo, maxCount: 500 });
    isAhead = asked.length === before;
  }
  return { log, ahead, asked };
}

async function allOf(log: EventStore, options: Omit<ReadAllOptions, "after">, after = logStart) {
  const events: RecordedEvent[] = [];
  let scanned = 0;
  for (let at = after; ; ) {
    const page = await log.readAll({ ...options, after: at });
    if (page.scannedTo <= at) return { events: events.map(plain), scanned, scannedTo: at };
    expect(page.events.length).toBeLessThanOrEqual(options.maxCount);
    events.push(...page.events);
    scanned += page.scannedEvents;
    at = page.scannedTo;
  }
}

const plain = ({ position, stream, revision, id, type, time, data, metadata }: RecordedEvent) => ({
  ...{ position, stream, revision, id, type, time, data, metadata },
});

describe("a log that is read ahead", () => {
  test("is the same, whatever is asked for, and its first and its last page alone are asked for", async () => {
    const { log, ahead, asked } = await openFilled(await startDouble());
    const whole = await allOf(log, { maxCount: 900 });
    expect(whole.events).toHaveLength(streams * eventsOfEach);
    const middle = whole.events[3_333]?.position ?? "";
    const asks: Omit<ReadAllOptions, "after">[] = [
      { maxCount: 900 },
      { maxCount: 300, bytesMax: 40_000 },
      { maxCount: 5_000, upTo: middle },
      { maxCount: 3, types: ["Ended"] },
      { maxCount: 70 },
    ];
    for (const options of asks) {
      asked.length = 0;
      expect(await allOf(ahead, options)).toEqual(await allOf(log, options));
      if (options.maxCount >= 300 && !options.upTo) expect(asked).toHaveLength(2);
    }
    expect(await allOf(ahead, { maxCount: 500 }, middle)).toEqual(
      await allOf(log, { maxCount: 500 }, middle),
    );
  });

  test("gives each of two that go through it at once all of it", async () => {
    const { log, ahead } = await openFilled(await startDouble());
    const whole = await allOf(log, { maxCount: 900 });
    const both = await Promise.all([allOf(ahead, { maxCount: 300 }), allOf(ahead, { maxCount: 300 })]);
    expect(both).toEqual([whole, whole]);
  });

  test("goes on with what is larger than a stretch, and with what comes while it is read", async () => {
    const { log, ahead } = await openFilled(await startDouble());
    for (let n = 0; n < 5; n++)
      await log.append(`large-${n}`, noStream, [event({ text: "x".repeat(900_000) })]);
    const { scannedTo } = await allOf(ahead, { maxCount: 900 });
    await log.append("later-1", noStream, numbered(2));
    expect((await allOf(ahead, { maxCount: 900 }, scannedTo)).events).toHaveLength(2);
  });

  test("whose server goes away is away, and goes on when it is back", async () => {
    const double = await startDouble();
    const { log, ahead } = await openFilled(double);
    const whole = await allOf(log, { maxCount: 900 });
    const first = await ahead.readAll({ after: logStart, maxCount: 500 });
    double.kill();
    const failure = await failureOf(allOf(ahead, { maxCount: 500 }, first.scannedTo));
    expect(failure).toBeInstanceOf(StoreUnavailable);
    await double.listen();
    expect(await allOf(ahead, { maxCount: 500 })).toEqual(whole);
  });
});
