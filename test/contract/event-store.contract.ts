import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type EventStore,
  type EventToAppend,
  logStart,
  noStream,
  type Page,
  type Position,
  type ReadStreamOptions,
  RevisionConflict,
  type SubscribeOptions,
} from "../../src/stores/event-store/event-store.ts";
import { deriveId, newId } from "../../src/values/ids.ts";
import { byPosition } from "../support/positions.ts";

/**
 * A log for one test. It may be shared with earlier tests and hold events of other writers: the suite looks
 * only at what it wrote itself, so that it runs on a server that cannot be emptied.
 */
export interface EventStorePlace {
  open(): EventStore | Promise<EventStore>;
  /** Closes what is left open and gives back what can be given back. */
  remove(): Promise<void>;
}

export interface EventStoreBackend {
  name: string;
  create(): Promise<EventStorePlace>;
}

const patienceMs = 5_000;

export function eventStoreContract(backend: EventStoreBackend): void {
  describe(`event store: ${backend.name}`, () => {
    let place: EventStorePlace;
    let store: EventStore;
    let scope: string;

    beforeEach(async () => {
      place = await backend.create();
      store = await place.open();
      scope = newId().replaceAll("-", "");
    });
    afterEach(() => place.remove());

    /** Names of this test alone. */
    const streamOf = (name: string) => `contract-${scope}-${name}`;
    const typeOf = (name: string) => `${name}${scope}`;

    function event(data: unknown, type = typeOf("Noted"), id = newId()): EventToAppend {
      const metadata = { time: 1_700_000_000_000, commandId: "c", correlationId: "r", actor: "test" };
      return { id, type, data: JSON.stringify(data), metadata };
    }

    const numbered = (count: number, type?: string) =>
      Array.from({ length: count }, (_, n) => event({ n }, type));

    async function conflictOf(append: Promise<unknown>): Promise<unknown> {
      return append.then(
        () => "no conflict",
        (error: unknown) => error,
      );
    }

    /** Everything behind `after`, page by page. */
    async function readAllOf(
      after: Position,
      types?: readonly string[],
      maxCount = 100,
      upTo?: Position,
    ): Promise<Page[]> {
      const pages: Page[] = [];
      for (let from = after; ; ) {
        const page = await store.readAll({
          after: from,
          maxCount,
          ...(types && { types }),
          ...(upTo !== undefined && { upTo }),
        });
        if (page.scannedTo === from) return pages;
        pages.push(page);
        from = page.scannedTo;
      }
    }

    const dataOf = (pages: readonly Page[]) => pages.flatMap(({ events }) => events.map(({ data }) => data));

    describe("appending", () => {
      test("gives the events revisions from 0 without gaps, and back everything that was stored", async () => {
        const stream = streamOf("a");
        const metadata = {
          time: 1_234_567_890_123,
          commandId: "command",
          correlationId: "correlation",
          causationId: "cause",
          actor: "staff:7",
          ip: "::1",
          userAgent: "Tést/1.0",
          schemaVersion: 3,
        };
        const data = {
          text: "naïve ☃ \u0000 \ud83d\ude00 \u2028",
          nested: { list: [1, null, true] },
          none: null,
        };
        const sent = { ...event(data), metadata };
        const result = await store.append(stream, noStream, [sent, event({ second: true })]);
        expect(result.revision).toBe(1);
        const [first, second] = (await store.readStream(stream, { maxCount: 10 })).events;
        expect(first).toMatchObject({
          stream,
          revision: 0,
          id: sent.id,
          type: sent.type,
          time: metadata.time,
          data,
          metadata,
        });
        expect(first?.metadata).toEqual(metadata);
        expect(second).toMatchObject({ revision: 1, position: result.position, data: { second: true } });
      });

      test("continues a stream at its revision", async () => {
        await store.append(streamOf("a"), noStream, numbered(2));
        const { revision, position } = await store.append(streamOf("a"), 1, numbered(3));
        expect(revision).toBe(4);
        expect((await store.readStream(streamOf("a"), { from: 4, maxCount: 1 })).events[0]?.position).toBe(
          position,
        );
      });

      test.each([
        ["a new stream that exists", noStream, 1],
        ["a revision that is past", 0, 1],
        ["a revision that is not there yet", 2, 1],
        ["a revision far ahead", 1_000, 1],
      ])("to %s is a conflict that tells both revisions", async (_, expected, actual) => {
        const stream = streamOf("a");
        await store.append(stream, noStream, numbered(2));
        const error = await conflictOf(store.append(stream, expected, [event("late")]));
        expect(error).toBeInstanceOf(RevisionConflict);
        expect(error).toMatchObject({ stream, expected, actual });
        expect((await store.readStream(stream, { maxCount: 10 })).events).toHaveLength(2);
      });

      test("to a stream that does not exist, at a revision, is a conflict and makes no stream", async () => {
        const stream = streamOf("none");
        const error = await conflictOf(store.append(stream, 0, [event("early")]));
        expect(error).toBeInstanceOf(RevisionConflict);
        expect(error).toMatchObject({ stream, expected: 0, actual: noStream });
        expect((await store.readStream(stream, { maxCount: 10 })).events).toEqual([]);
      });

      test("nothing is refused", async () => {
        await expect(store.append(streamOf("a"), noStream, [])).rejects.toThrow(/event/);
      });

      test("an event that is too large is refused whole, and by a rejection", async () => {
        const large = event("x".repeat(1024 * 1024 + 1));
        await expect(store.append(streamOf("a"), noStream, [event("ok"), large])).rejects.toThrow(/larger/);
        const wide = event("☃".repeat(400 * 1024));
        await expect(store.append(streamOf("a"), noStream, [wide])).rejects.toThrow(/larger/);
        expect((await store.readStream(streamOf("a"), { maxCount: 10 })).events).toEqual([]);
      });

      test("a large event and a large append that are allowed come back whole", async () => {
        const text = "0123456789".repeat(40_000);
        await store.append(streamOf("a"), noStream, [event({ text }), event({ text })]);
        const events = (await store.readStream(streamOf("a"), { maxCount: 10 })).events;
        expect(events.map(({ data }) => data)).toEqual([{ text }, { text }]);
      });
    });

    describe("appending again after an unknown outcome", () => {
      test("with the same ids at the same revision lands once and says where", async () => {
        const stream = streamOf("a");
        const events = numbered(3);
        const first = await store.append(stream, noStream, events);
        expect(await store.append(stream, noStream, events)).toEqual(first);
        await store.append(stream, 2, [event("later")]);
        expect(await store.append(stream, noStream, events)).toEqual(first);
        expect((await store.readStream(stream, { maxCount: 10 })).events).toHaveLength(4);
      });

      test("in the middle of a stream lands once", async () => {
        const stream = streamOf("a");
        await store.append(stream, noStream, numbered(2));
        const events = numbered(2);
        const first = await store.append(stream, 1, events);
        await store.append(stream, 3, numbered(2));
        expect(await store.append(stream, 1, events)).toEqual(first);
        expect((await store.readStream(stream, { maxCount: 10 })).events).toHaveLength(6);
      });

      test("at the same time lands once", async () => {
        const events = numbered(2);
        const [first, again] = await Promise.all([
          store.append(streamOf("a"), noStream, events),
          store.append(streamOf("a"), noStream, events),
        ]);
        expect(again).toEqual(first);
        expect((await store.readStream(streamOf("a"), { maxCount: 10 })).events).toHaveLength(2);
      });

      test("with other ids is a conflict", async () => {
        await store.append(streamOf("a"), noStream, numbered(2));
        const error = await conflictOf(store.append(streamOf("a"), noStream, numbered(2)));
        expect(error).toBeInstanceOf(RevisionConflict);
      });

      test("with some of the ids, or in another order, is a conflict", async () => {
        const [a, b] = [event("a"), event("b")];
        await store.append(streamOf("a"), noStream, [a, b]);
        for (const events of [
          [a, event("c")],
          [b, a],
          [a, b, event("c")],
        ]) {
          const error = await conflictOf(store.append(streamOf("a"), noStream, events));
          expect(error).toBeInstanceOf(RevisionConflict);
        }
        expect((await store.readStream(streamOf("a"), { maxCount: 10 })).events).toHaveLength(2);
      });
    });

    describe("several appends of one turn", () => {
      test("to many streams all land, each where its stream is", async () => {
        const names = Array.from({ length: 50 }, (_, n) => streamOf(String(n)));
        const results = await Promise.all(names.map((name) => store.append(name, noStream, numbered(2))));
        expect(new Set(results.map(({ position }) => position)).size).toBe(50);
        for (const [index, name] of names.entries()) {
          const events = (await store.readStream(name, { maxCount: 10 })).events;
          expect(events.map(({ revision }) => revision)).toEqual([0, 1]);
          expect(events[1]?.position).toBe(results[index]?.position);
        }
      });

      test("to one stream: one wins, the others learn that they lost, and others are left alone", async () => {
        const appends = Array.from({ length: 10 }, (_, n) =>
          store.append(streamOf("hot"), noStream, [event({ n })]),
        );
        const bystander = store.append(streamOf("calm"), noStream, numbered(1));
        const settled = await Promise.allSettled(appends);
        expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        for (const result of settled)
          if (result.status === "rejected") expect(result.reason).toBeInstanceOf(RevisionConflict);
        expect((await bystander).revision).toBe(0);
        expect((await store.readStream(streamOf("hot"), { maxCount: 10 })).events).toHaveLength(1);
      });
    });

    describe("reading a stream", () => {
      const revisionsOf = async (options: { from?: number; backwards?: boolean; maxCount: number }) =>
        (await store.readStream(streamOf("a"), options)).events.map(({ revision }) => revision);

      beforeEach(async () => {
        await store.append(streamOf("a"), noStream, numbered(5));
        await store.append(streamOf("b"), noStream, numbered(2));
      });

      test("forwards starts at the revision given, inclusive, and stops at the count", async () => {
        expect(await revisionsOf({ maxCount: 100 })).toEqual([0, 1, 2, 3, 4]);
        expect(await revisionsOf({ maxCount: 2 })).toEqual([0, 1]);
        expect(await revisionsOf({ from: 3, maxCount: 100 })).toEqual([3, 4]);
        expect(await revisionsOf({ from: 1, maxCount: 2 })).toEqual([1, 2]);
      });

      test("backwards starts at the end or at the revision given, inclusive", async () => {
        expect(await revisionsOf({ backwards: true, maxCount: 100 })).toEqual([4, 3, 2, 1, 0]);
        expect(await revisionsOf({ backwards: true, maxCount: 1 })).toEqual([4]);
        expect(await revisionsOf({ backwards: true, from: 2, maxCount: 2 })).toEqual([2, 1]);
        expect(await revisionsOf({ backwards: true, from: 99, maxCount: 1 })).toEqual([4]);
        expect(await revisionsOf({ backwards: true, from: 0, maxCount: 9 })).toEqual([0]);
      });

      test("behind its end, or of a name that does not exist, is empty", async () => {
        expect(await revisionsOf({ from: 5, maxCount: 10 })).toEqual([]);
        expect((await store.readStream(streamOf("nobody"), { maxCount: 10 })).events).toEqual([]);
        expect((await store.readStream(streamOf("nobody"), { backwards: true, maxCount: 1 })).events).toEqual(
          [],
        );
      });

      test("says whether there is more, in either direction, and stops at the bytes given", async () => {
        const endOf = async (options: ReadStreamOptions) => {
          const { events, isEnd } = await store.readStream(streamOf("a"), options);
          return [events.length, isEnd];
        };
        expect(await endOf({ maxCount: 4 })).toEqual([4, false]);
        expect(await endOf({ maxCount: 5 })).toEqual([5, true]);
        expect(await endOf({ from: 3, maxCount: 2 })).toEqual([2, true]);
        expect(await endOf({ backwards: true, maxCount: 5 })).toEqual([5, true]);
        expect(await endOf({ backwards: true, maxCount: 1 })).toEqual([1, false]);
        expect(await endOf({ maxCount: 5, bytesMax: 1 })).toEqual([1, false]);
        expect(await endOf({ from: 9, maxCount: 5 })).toEqual([0, true]);
      });

      test("does not see a stream whose name only begins the same", async () => {
        await store.append(`${streamOf("a")}x`, noStream, numbered(1));
        expect(await revisionsOf({ maxCount: 100 })).toHaveLength(5);
      });
    });

    describe("reading the log", () => {
      test("shows all streams in one order that agrees with each stream's own", async () => {
        const before = await store.head();
        for (let n = 0; n < 6; n++) {
          const name = n % 2 ? "odd" : "even";
          await store.append(streamOf(name), Math.floor(n / 2) - 1, [event({ n })]);
        }
        const pages = await readAllOf(before, [typeOf("Noted")]);
        expect(dataOf(pages)).toEqual([0, 1, 2, 3, 4, 5].map((n) => ({ n })));
        const positions = pages.flatMap(({ events }) => events.map(({ position }) => position));
        expect(positions).toEqual(positions.toSorted(byPosition));
        expect(new Set(positions).size).toBe(6);
      });

      test("begins behind the position given, whatever lies between positions", async () => {
        const before = await store.head();
        const middle = await store.append(streamOf("a"), noStream, numbered(2));
        await store.append(streamOf("b"), noStream, [event("last")]);
        const types = [typeOf("Noted")];
        expect(dataOf(await readAllOf(before, types))).toEqual([{ n: 0 }, { n: 1 }, "last"]);
        expect(dataOf(await readAllOf(middle.position, types))).toEqual(["last"]);
        const [first] = (await store.readStream(streamOf("a"), { maxCount: 1 })).events;
        expect(dataOf(await readAllOf(first?.position ?? logStart, types))).toEqual([{ n: 1 }, "last"]);
      });

      test("from its start finds the first event of all", async () => {
        await store.append(streamOf("a"), noStream, numbered(1));
        const { events } = await store.readAll({ after: logStart, maxCount: 1 });
        expect(events).toHaveLength(1);
      });

      test("gives the same events with and without a filter, and the same as the stream", async () => {
        const before = await store.head();
        await store.append(streamOf("a"), noStream, numbered(3));
        const wanted = (await store.readStream(streamOf("a"), { maxCount: 10 })).events;
        const plain = (await readAllOf(before)).flatMap(({ events }) => events);
        const mine = plain.filter(({ stream }) => stream === streamOf("a"));
        const filtered = (await readAllOf(before, [typeOf("Noted")])).flatMap(({ events }) => events);
        const seen = ({
          position,
          stream,
          revision,
          id,
          type,
          time,
          data,
          metadata,
        }: (typeof wanted)[0]) => ({
          position,
          stream,
          revision,
          id,
          type,
          time,
          data,
          metadata,
        });
        expect(mine.map(seen)).toEqual(wanted.map(seen));
        expect(filtered.map(seen)).toEqual(wanted.map(seen));
      });

      test.each([
        ["all metadata at once", true as const],
        ["that of some types at once", ["Pear", "Never"]],
        ["that of no type at once", []],
      ])("gives the same events with %s", async (_, asked) => {
        const before = await store.head();
        const [apple, pear] = [typeOf("Apple"), typeOf("Pear")];
        await store.append(streamOf("a"), noStream, [event({}, apple), event({}, pear)]);
        const withMetadata = asked === true ? asked : asked.map(typeOf);
        const stream = await store.readStream(streamOf("a"), { maxCount: 10 });
        const expected = stream.events.map(({ type, metadata }) => ({ type, metadata }));
        for (const filter of [{}, { types: [apple, pear] }]) {
          const { events } = await store.readAll({ after: before, maxCount: 10, withMetadata, ...filter });
          expect(events.map(({ type, metadata }) => ({ type, metadata }))).toEqual(expected);
        }
      });

      test("filters by type, page by page", async () => {
        const before = await store.head();
        const [apple, pear, plum] = [typeOf("Apple"), typeOf("Pear"), typeOf("Plum")];
        for (let n = 0; n < 10; n++)
          await store.append(streamOf("a"), n * 3 - 1, [
            event({ n }, apple),
            event({ n }, pear),
            event({ n }, plum),
          ]);
        const pages = await readAllOf(before, [apple, plum], 3);
        expect(pages.every(({ events }) => events.length <= 3)).toBe(true);
        const types = pages.flatMap(({ events }) => events.map(({ type }) => type));
        expect(types).toEqual(Array.from({ length: 20 }, (_, n) => (n % 2 ? plum : apple)));
      });

      test("goes on over stretches that the filter skips, and past the last event", async () => {
        const before = await store.head();
        await store.append(streamOf("noise"), noStream, numbered(40, typeOf("Noise")));
        const rare = await store.append(streamOf("rare"), noStream, [event("rare", typeOf("Rare"))]);
        const end = await store.append(streamOf("noise"), 39, numbered(40, typeOf("Noise")));
        const pages = await readAllOf(before, [typeOf("Rare")]);
        expect(dataOf(pages)).toEqual(["rare"]);
        const last = pages.at(-1)?.scannedTo ?? logStart;
        expect(last > rare.position).toBe(true);
        expect(last >= end.position).toBe(true);
        for (const page of pages)
          for (const { position } of page.events) expect(position <= page.scannedTo).toBe(true);
      });

      test("for a type that was never seen moves on and finds nothing, until it comes", async () => {
        const before = await store.head();
        await store.append(streamOf("a"), noStream, numbered(3));
        const types = [typeOf("Unheard")];
        const pages = await readAllOf(before, types);
        expect(dataOf(pages)).toEqual([]);
        const seen = pages.at(-1)?.scannedTo ?? before;
        await store.append(streamOf("a"), 2, [event("now", typeOf("Unheard"))]);
        expect(dataOf(await readAllOf(seen, types))).toEqual(["now"]);
      });

      test("says where it stands when there is nothing new", async () => {
        const { position } = await store.append(streamOf("a"), noStream, numbered(1));
        const head = await store.head();
        expect(head >= position).toBe(true);
        for (const page of await readAllOf(head)) expect(page.scannedTo > head).toBe(true);
        const nothing = { events: [], scannedTo: head, scannedEvents: 0 };
        expect(await store.readAll({ after: head, upTo: head, maxCount: 10 })).toEqual(nothing);
        const types = [typeOf("Noted")];
        expect(await store.readAll({ after: head, upTo: head, maxCount: 10, types })).toEqual(nothing);
      });

      test("tells which event is at a position, and that there is none", async () => {
        const events = numbered(3);
        const { position } = await store.append(streamOf("a"), noStream, events);
        expect(await store.eventIdAt(position)).toBe(events[2]?.id);
        const read = await store.readStream(streamOf("a"), { maxCount: 3 });
        for (const { position: at, id } of read.events) expect(await store.eventIdAt(at)).toBe(id);
        expect(await store.eventIdAt(position.replace(/^00/, "01"))).toBe(undefined);
      });

      test("ends at the position given, inclusive, filtered or not", async () => {
        const before = await store.head();
        const first = await store.append(streamOf("a"), noStream, numbered(3));
        await store.append(streamOf("b"), noStream, [event("beyond")]);
        for (const types of [undefined, [typeOf("Noted")], [typeOf("Unheard")]]) {
          const pages = await readAllOf(before, types, 2, first.position);
          expect(pages.at(-1)?.scannedTo).toBe(first.position);
          expect(dataOf(pages)).not.toContainEqual("beyond");
          const mine = dataOf(pages).filter((data) => typeof data === "object");
          if (types?.[0] !== typeOf("Unheard")) expect(mine.slice(-3)).toEqual([0, 1, 2].map((n) => ({ n })));
        }
      });

      test("counts what it has looked at, skipped events included", async () => {
        const before = await store.head();
        await store.append(streamOf("a"), noStream, numbered(30, typeOf("Noise")));
        const { position } = await store.append(streamOf("b"), noStream, numbered(3));
        const scanned = (pages: readonly Page[]) => pages.reduce((sum, page) => sum + page.scannedEvents, 0);
        const plain = scanned(await readAllOf(before, undefined, 7, position));
        expect(plain).toBeGreaterThanOrEqual(33);
        expect(scanned(await readAllOf(before, [typeOf("Noted")], 2, position))).toBe(plain);
        const counted = await store.countBetween(before, position);
        if (counted !== undefined) expect(counted).toBe(plain);
        expect((await store.countBetween(position, position)) ?? 0).toBe(0);
      });

      test("a page is bounded in bytes, and what is larger comes alone", async () => {
        const before = await store.head();
        const text = "0123456789".repeat(5_000);
        const large = Array.from({ length: 6 }, (_, n) => event({ n, text }));
        const { position } = await store.append(streamOf("a"), noStream, large);
        for (const [bytesMax, most] of [
          [1, 1],
          [60_000, 1],
          [120_000, 2],
          [10_000_000, 6],
        ] as const) {
          const sizes: number[] = [];
          const seen: unknown[] = [];
          for (let after = before; after < position; ) {
            const page = await store.readAll({ after, upTo: position, maxCount: 100, bytesMax });
            sizes.push(page.events.filter(({ stream }) => stream === streamOf("a")).length);
            seen.push(...page.events.filter(({ stream }) => stream === streamOf("a")));
            after = page.scannedTo;
          }
          expect(Math.max(...sizes)).toBe(most);
          expect(seen).toHaveLength(6);
          const filtered = await store.readAll({
            after: before,
            types: [typeOf("Noted")],
            maxCount: 100,
            bytesMax,
          });
          expect(filtered.events).toHaveLength(most);
        }
      });

      test("tells how far a position is on the way to another", async () => {
        await store.append(streamOf("a"), noStream, numbered(10));
        const [first] = (await store.readAll({ after: logStart, maxCount: 1 })).events;
        const head = await store.head();
        expect(store.progressOf(logStart, head)).toBe(0);
        expect(store.progressOf(head, head)).toBe(1);
        expect(store.progressOf(logStart, logStart)).toBe(1);
        const early = store.progressOf(first?.position ?? logStart, head);
        expect(early).toBeGreaterThan(0);
        expect(early).toBeLessThan(1);
      });

      test("the head is the newest event", async () => {
        const before = await store.head();
        const { position } = await store.append(streamOf("a"), noStream, numbered(3));
        expect(position > before).toBe(true);
        expect((await store.head()) >= position).toBe(true);
      });
    });

    describe("a subscription", () => {
      /** Follows until `enough` says so; keeps every page, with the events of these types. */
      async function follow(
        { types, ...options }: Omit<SubscribeOptions, "signal"> & { types: readonly string[] },
        enough: (pages: readonly Page[]) => boolean,
        between: () => Promise<unknown> = async () => {},
      ): Promise<Page[]> {
        const over = new AbortController();
        const late = setTimeout(() => over.abort(), patienceMs);
        const pages: Page[] = [];
        for await (const page of store.subscribe({ ...options, signal: over.signal })) {
          expect(page.events.length).toBeLessThanOrEqual(options.batchEventsMax);
          expect(page.scannedEvents).toBe(page.events.length);
          pages.push({ ...page, events: page.events.filter(({ type }) => types.includes(type)) });
          if (enough(pages)) over.abort();
          else await between();
        }
        clearTimeout(late);
        return pages;
      }

      const countOf = (pages: readonly Page[]) => pages.reduce((sum, { events }) => sum + events.length, 0);

      test("catches up in bounded batches, in order", async () => {
        const before = await store.head();
        await store.append(streamOf("a"), noStream, numbered(25));
        const options = { after: before, types: [typeOf("Noted")], batchEventsMax: 10 };
        const pages = await follow(options, (pages) => countOf(pages) >= 25);
        expect(dataOf(pages)).toEqual(Array.from({ length: 25 }, (_, n) => ({ n })));
        expect(Math.max(...pages.map(({ events }) => events.length))).toBeLessThanOrEqual(10);
        const reached = pages.map(({ scannedTo }) => scannedTo);
        expect(reached).toEqual(reached.toSorted(byPosition));
      });

      test("begins behind its position, exclusive", async () => {
        const first = await store.append(streamOf("a"), noStream, [event("seen")]);
        await store.append(streamOf("a"), 0, [event("new")]);
        const options = { after: first.position, types: [typeOf("Noted")], batchEventsMax: 10 };
        expect(dataOf(await follow(options, (pages) => countOf(pages) >= 1))).toEqual(["new"]);
      });

      test("goes live and is told soon of what is appended then", async () => {
        const before = await store.head();
        await store.append(streamOf("a"), noStream, [event("old")]);
        const options = { after: before, types: [typeOf("Noted")], batchEventsMax: 10 };
        const appendLater = setTimeout(() => void store.append(streamOf("a"), 0, [event("live")]), 60);
        const pages = await follow(options, (pages) => countOf(pages) >= 2);
        clearTimeout(appendLater);
        expect(dataOf(pages)).toEqual(["old", "live"]);
      });

      test("misses and doubles nothing while appends go on", async () => {
        const before = await store.head();
        const total = 300;
        const writers = [0, 1, 2].map(async (writer) => {
          for (let n = 0; n < total / 3; n++) {
            await store.append(streamOf(`w${writer}`), n - 1, [event({ writer, n })]);
            if (n % 25 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
          }
        });
        const options = { after: before, types: [typeOf("Noted")], batchEventsMax: 7 };
        const pages = await follow(options, (pages) => countOf(pages) >= total);
        await Promise.all(writers);
        expect(countOf(pages)).toBe(total);
        for (const writer of [0, 1, 2]) {
          const own = pages.flatMap(({ events }) =>
            events.filter(({ stream }) => stream === streamOf(`w${writer}`)),
          );
          expect(own.map(({ revision }) => revision)).toEqual(Array.from({ length: total / 3 }, (_, n) => n));
        }
        const positions = pages.flatMap(({ events }) => events.map(({ position }) => position));
        expect(positions).toEqual([...new Set(positions)].toSorted(byPosition));
      });

      test("that is taken up at any page's end goes on without a gap or a double", async () => {
        const before = await store.head();
        await store.append(streamOf("a"), noStream, numbered(9));
        const options = { types: [typeOf("Noted")], batchEventsMax: 2 };
        const seen: unknown[] = [];
        for (let after = before; seen.length < 9; ) {
          const pages = await follow(
            { ...options, after },
            (pages) => pages.length === 2 || seen.length + countOf(pages) === 9,
          );
          seen.push(...dataOf(pages));
          after = pages.at(-1)?.scannedTo ?? after;
        }
        expect(seen).toEqual(Array.from({ length: 9 }, (_, n) => ({ n })));
      });

      test("waits for a slow reader and does not run ahead of it", async () => {
        const before = await store.head();
        await store.append(streamOf("a"), noStream, numbered(6));
        const options = { after: before, types: [typeOf("Noted")], batchEventsMax: 2 };
        const pages = await follow(
          options,
          (pages) => countOf(pages) >= 6,
          () => new Promise((resolve) => setTimeout(resolve, 5)),
        );
        expect(dataOf(pages)).toEqual(Array.from({ length: 6 }, (_, n) => ({ n })));
      });

      test("ends when it is aborted: while it waits, between pages, or before it began", async () => {
        const over = new AbortController();
        const options = { after: await store.head(), batchEventsMax: 10 };
        const waiting = (async () => {
          let mine = 0;
          for await (const page of store.subscribe({ ...options, signal: over.signal }))
            mine += page.events.filter(({ stream }) => stream.includes(scope)).length;
          return mine;
        })();
        setTimeout(() => over.abort(), 20);
        expect(await waiting).toBe(0);
        const ended = store.subscribe({ ...options, after: logStart, signal: over.signal });
        expect(await ended[Symbol.asyncIterator]().next()).toMatchObject({ done: true });
      });

      test("can be left in the middle, many times over, and the store goes on", async () => {
        const before = await store.head();
        await store.append(streamOf("a"), noStream, numbered(3));
        const { signal } = new AbortController();
        for (let n = 0; n < 120; n++)
          for await (const _ of store.subscribe({ after: before, batchEventsMax: 1, signal })) break;
        expect((await store.append(streamOf("a"), 2, numbered(1))).revision).toBe(3);
      });

      test("of two, both see everything", async () => {
        const options = { after: await store.head(), types: [typeOf("Noted")], batchEventsMax: 5 };
        const both = [1, 2].map(() => follow(options, (pages) => countOf(pages) >= 20));
        for (let n = 0; n < 20; n++) await store.append(streamOf("a"), n - 1, [event({ n })]);
        const expected = Array.from({ length: 20 }, (_, n) => ({ n }));
        for (const pages of await Promise.all(both)) expect(dataOf(pages)).toEqual(expected);
      });
    });

    describe("opened again", () => {
      test("is the same log and holds what was acknowledged", async () => {
        const id = deriveId("again", scope);
        const { position } = await store.append(streamOf("a"), noStream, [event("kept", undefined, id)]);
        const { logId } = store;
        await store.close();
        store = await place.open();
        expect(store.logId).toBe(logId);
        const [kept] = (await store.readStream(streamOf("a"), { maxCount: 10 })).events;
        expect(kept).toMatchObject({ id, data: "kept", position, revision: 0 });
        expect((await store.append(streamOf("a"), 0, [event("next")])).position > position).toBe(true);
        expect(logId).not.toBe("");
      });

      test("an append that was repeated across the restart lands once", async () => {
        const events = numbered(2);
        const first = await store.append(streamOf("a"), noStream, events);
        await store.close();
        store = await place.open();
        expect(await store.append(streamOf("a"), noStream, events)).toEqual(first);
        expect((await store.readStream(streamOf("a"), { maxCount: 10 })).events).toHaveLength(2);
      });

      test("a closed store refuses, and closing twice does nothing", async () => {
        await store.close();
        await store.close();
        await expect(store.append(streamOf("a"), noStream, numbered(1))).rejects.toThrow(/closed/);
      });
    });
  });
}
