import pino from "pino";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type ModelProgress, Projector } from "../../src/engine/read/projector.ts";
import type { EventStore, Position } from "../../src/stores/event-store/event-store.ts";
import type { ViewModel, ViewStore } from "../../src/stores/view-store/view-store.ts";
import {
  countingCodec as codec,
  countingProjection,
  createScribe,
  documentsIn,
  type Mistake,
  unreliable,
} from "../support/counting.ts";
import { temporaryLog, temporaryViews } from "../support/stores.ts";

const log = pino({ level: "silent" });
let events: EventStore;
let views: ViewStore;
let mistake: Mistake;
let write: ReturnType<typeof createScribe>;
let progress: readonly ModelProgress[];

beforeEach(async () => {
  events = await temporaryLog();
  views = await temporaryViews(events.logId);
  mistake = { broken: true };
  write = createScribe(events);
  progress = [];
});

const specOf = (name: string) => ({ ...countingProjection(mistake), name });

async function start(
  given: Record<string, ViewModel | (() => Promise<ViewModel>)>,
  from: EventStore = events,
  lookAroundMs?: number,
): Promise<Projector> {
  const models = Object.fromEntries(
    Object.entries(given).map(([name, model]) => [
      name,
      typeof model === "function" ? model : async () => model,
    ]),
  );
  const projector = await Projector.open({
    events: from,
    ...{ codec, log, ...(lookAroundMs && { lookAroundMs }) },
    models: Object.entries(models).map(([name, open]) => ({ projection: specOf(name), open })),
    onProgress: (each) => {
      progress = each;
    },
  });
  projector.start();
  onTestFinished(() => projector.stop());
  return projector;
}

const positionOf = (name: string): Position => progress.find((model) => model.name === name)?.position ?? "";

async function reached(name: string, position: Position): Promise<void> {
  await expect.poll(() => positionOf(name) >= position, { timeout: 10_000 }).toBe(true);
}

describe("given two models", () => {
  test("when events come, then both follow, from where each of them was", async () => {
    const one = await views.open(specOf("one"));
    const two = await views.open(specOf("two"));
    const first = await write("a", "Counted", { by: 1 });
    await one.save([], { checkpoint: first });
    await start({ one, two });
    await reached("two", await write("a", "Counted", { by: 2 }));
    expect(await documentsIn(one)).toEqual({ a: { total: 2, steps: 1 } });
    expect(await documentsIn(two)).toEqual({ a: { total: 3, steps: 2 } });
  });

  test("when the store of one fails, then the other goes on, and nothing is lost once it is back", async () => {
    let away = true;
    const one = await views.open(specOf("one"));
    const two = await views.open(specOf("two"));
    await start({ one: unreliable(one, () => away), two });
    for (let n = 0; n < 20; n++) await write(`d${n % 3}`, "Counted", { by: n });
    const last = await write("a", "Counted", { by: 1 });
    await reached("two", last);
    expect(await documentsIn(one)).toEqual({});
    away = false;
    await reached("one", last);
    expect(await documentsIn(one)).toEqual(await documentsIn(two));
    expect((await documentsIn(two)).d0).toEqual({ total: 63, steps: 7 });
  });

  test("when one pauses and resumes, then it stands still meanwhile and misses nothing", async () => {
    const one = await views.open(specOf("one"));
    const two = await views.open(specOf("two"));
    const projector = await start({ one, two });
    const before = await write("a", "Counted", { by: 1 });
    await reached("one", before);
    expect(await projector.pause("one")).toBe(before);
    const after = await write("a", "Counted", { by: 2 });
    await reached("two", after);
    expect(await one.checkpoint()).toBe(before);
    await projector.resume("one");
    await reached("one", after);
    expect(await documentsIn(one)).toEqual(await documentsIn(two));
  });

  test("when one resumes while its store is away, then it goes on once the store is back", async () => {
    const one = await views.open(specOf("one"));
    let away = false;
    const open = async () => {
      if (away) throw new Error("the view store is away");
      return one;
    };
    const projector = await start({ one: open, two: await views.open(specOf("two")) });
    await projector.pause("one");
    away = true;
    await projector.resume("one");
    const last = await write("a", "Counted", { by: 2 });
    away = false;
    await reached("one", last);
    expect(await documentsIn(one)).toEqual({ a: { total: 2, steps: 1 } });
  });

  test("when one cannot even be opened, then the other goes on, and operators are told which and why", async () => {
    const one = await views.open(specOf("one"));
    let broken = true;
    const open = async () => {
      if (broken) throw new Error("the table is broken");
      return one;
    };
    const projector = await start({ one: open, two: await views.open(specOf("two")) });
    const last = await write("a", "Counted", { by: 2 });
    await reached("two", last);
    expect(progress.map(({ name, failure }) => [name, failure?.message])).toEqual([
      ["one", "the table is broken"],
      ["two", undefined],
    ]);
    expect(await projector.pause("one")).toBeUndefined();
    broken = false;
    await projector.resume("one");
    await reached("one", last);
    expect(progress.every(({ failure }) => failure === undefined)).toBe(true);
    expect(await documentsIn(one)).toEqual({ a: { total: 2, steps: 1 } });
  });

  test("when one fails for ever, then the other is told of every event without waiting for it", async () => {
    const one = await views.open(specOf("one"));
    const two = await views.open(specOf("two"));
    await start({ one: unreliable(one, () => true), two });
    await write("a", "Counted", { by: 1 });
    await expect.poll(() => progress[0]?.failure?.failures ?? 0).toBeGreaterThan(1);
    for (let n = 0; n < 5; n++) {
      const last = await write("a", "Counted", { by: 1 });
      await expect.poll(() => positionOf("two") >= last, { timeout: 400, interval: 5 }).toBe(true);
    }
  });
});

test("given a log that fails now and then, when it is back, then every event is applied once", async () => {
  let failures = 2;
  const flaky: EventStore = Object.assign(Object.create(events) as EventStore, {
    subscribe: async function* (options: Parameters<EventStore["subscribe"]>[0]) {
      for await (const page of events.subscribe({ ...options, batchEventsMax: 2 })) {
        yield page;
        if (failures-- > 0) throw new Error("the log is away");
      }
    },
  });
  for (let n = 0; n < 6; n++) await write("a", "Counted", { by: 1 });
  const one = await views.open(specOf("one"));
  await start({ one }, flaky);
  await reached("one", await write("a", "Counted", { by: 1 }));
  expect(await documentsIn(one)).toEqual({ a: { total: 7, steps: 7 } });
});

test("given a parked document, when it is tried again among pages, then it and the rest are as if it never failed", async () => {
  const one = await views.open(specOf("one"));
  const projector = await start({ one });
  await write("a", "Broken");
  const waiting = await write("a", "Counted", { by: 1 });
  await reached("one", waiting);
  expect(projector.parked("one")).toMatchObject([{ key: "a", waiting: 1 }]);
  expect(progress[0]?.parked).toBe(1);
  mistake.broken = false;
  const [retried] = await Promise.all([
    projector.unpark("one", "a", "retry"),
    write("a", "Counted", { by: 2 }),
  ]);
  expect(retried).toEqual({ outdated: 0 });
  await reached("one", await events.head());
  expect(await documentsIn(one)).toEqual({ a: { total: 3, steps: 3 } });
});

test("given others who look, when nothing of what comes is a model's, then how far it is gets stored all the same", async () => {
  const one = await views.open(specOf("one"));
  await start({ one }, events, 20);
  const counted = await write("a", "Counted", { by: 1 });
  await expect.poll(() => one.checkpoint()).toBe(counted);
  const ignored = await write("a", "Ignored", { text: "" });
  await expect.poll(() => one.checkpoint()).toBe(ignored);
});

test("given a crash between a save and its checkpoint, when it starts again, then nothing is counted twice", async () => {
  const one = await views.open(specOf("one"));
  for (let n = 0; n < 5; n++) await write("a", "Counted", { by: 1 });
  const first = await start({ one });
  await reached("one", await events.head());
  await first.stop();
  const [early] = (await events.readAll({ after: "", maxCount: 2 })).events;
  await one.save([], { checkpoint: early?.position ?? "" });
  await start({ one });
  await reached("one", await write("b", "Counted", { by: 1 }));
  expect(await documentsIn(one)).toEqual({ a: { total: 5, steps: 5 }, b: { total: 1, steps: 1 } });
});
