import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { Fold, projectable } from "../../src/engine/read/fold.ts";
import { type EventStore, logStart, type Position } from "../../src/stores/event-store/event-store.ts";
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

let log: EventStore;
let views: ViewStore;
let model: ViewModel;
let mistake: Mistake;
let write: ReturnType<typeof createScribe>;

beforeEach(async () => {
  log = await temporaryLog();
  views = await temporaryViews(log.logId);
  mistake = { broken: true };
  model = await views.open(countingProjection(mistake));
  write = createScribe(log);
});

const openFold = (on: ViewModel = model) =>
  Fold.open({ projection: countingProjection(mistake), model: on, codec });

/** What there is behind a position, in pages of so many events. */
async function projectAll(fold: Fold, pageEvents = 100, from: Position = fold.checkpoint): Promise<void> {
  for (let after = from; ; ) {
    const page = await log.readAll({ after, maxCount: pageEvents });
    if (page.scannedTo <= after) return;
    await fold.project(projectable(page.events, codec), page.scannedTo, page.scannedEvents);
    after = page.scannedTo;
  }
}

describe("given events of several documents", () => {
  test("when they are projected, then each document holds its own, and the checkpoint is the last", async () => {
    await write("a", "Counted", { by: 1 });
    await write("b", "Counted", { by: 2 });
    const last = await write("a", "Counted", { by: 3 });
    await projectAll(await openFold(), 2);
    expect(await documentsIn(model)).toEqual({ a: { total: 4, steps: 2 }, b: { total: 2, steps: 1 } });
    expect(await model.checkpoint()).toBe(last);
  });

  test("when they are delivered twice, then nothing is counted twice, after a restart neither", async () => {
    for (let n = 0; n < 5; n++) await write("a", "Counted", { by: 1 });
    const fold = await openFold();
    await projectAll(fold);
    await projectAll(fold, 2, logStart);
    await model.save([], { checkpoint: logStart });
    await projectAll(await openFold(), 3);
    expect(await documentsIn(model)).toEqual({ a: { total: 5, steps: 5 } });
  });

  test("when a document leads to another, then the follower changes once and is stored first", async () => {
    await write("a", "Linked", { to: "#all" });
    await write("b", "Linked", { to: "#all" });
    await write("a", "Counted", { by: 1 });
    await write("b", "Counted", { by: 2 });
    const orders: string[][] = [];
    const watched = new Proxy(model, {
      get: (target, name) => {
        if (name !== "save") {
          const value = Reflect.get(target, name, target) as unknown;
          return typeof value === "function" ? value.bind(target) : value;
        }
        return (changes: { key: string }[], options: never) => {
          orders.push(changes.map(({ key }) => key));
          return target.save(changes as never, options);
        };
      },
    });
    await projectAll(await openFold(watched));
    expect(orders).toEqual([["#all", "a", "b"]]);
    expect((await documentsIn(model))["#all"]).toEqual({ total: 3, steps: 2, links: 2 });
  });

  test("when none of them is handled, then the checkpoint is stored after many, and not after each", async () => {
    for (let n = 0; n < 30; n++) await write("a", "Ignored", { text: "" });
    const fold = await openFold();
    await projectAll(fold, 10);
    expect(await model.checkpoint()).toBe(logStart);
    expect(fold.checkpoint).toBe(await log.head());
    await fold.project([], fold.checkpoint, 20_000);
    expect(await model.checkpoint()).toBe(await log.head());
  });
});

describe("given an event that cannot be applied", () => {
  beforeEach(async () => {
    await write("a", "Counted", { by: 1 });
    await write("b", "Counted", { by: 1 });
    await write("a", "Broken");
    await write("a", "Counted", { by: 10 });
    await write("b", "Counted", { by: 10 });
    await write("a", "Counted", { by: 100 });
  });

  const parkedA = { key: "a", eventType: "Broken", reason: "this was not foreseen", waiting: 2 };
  const before = { a: { total: 1, steps: 1 }, b: { total: 11, steps: 2 } };

  test.each([1, 2, 4, 100])(
    "when it is met in pages of %i, then its document is parked as it was before, and others go on",
    async (pageEvents) => {
      const fold = await openFold();
      await projectAll(fold, pageEvents);
      expect(await documentsIn(model)).toEqual(before);
      expect(fold.parkedDocuments).toMatchObject([parkedA]);
      expect(await model.parked()).toMatchObject([parkedA]);
    },
  );

  test("when its mistake is put right and it is tried again, then what waited is applied too", async () => {
    const fold = await openFold();
    await projectAll(fold, 2);
    mistake.broken = false;
    expect(await fold.unpark("a", "retry", log)).toEqual({ outdated: 0 });
    expect((await documentsIn(model)).a).toEqual({ total: 111, steps: 4 });
    expect(await model.parked()).toEqual([]);
    expect(await model.checkpoint()).toBe(await log.head());
    expect(await fold.unpark("a", "retry", log)).toBeUndefined();
  });

  test("when it is tried again and fails again, then it stays parked with all that waits", async () => {
    const fold = await openFold();
    await projectAll(fold, 2);
    expect(await fold.unpark("a", "retry", log)).toEqual({ outdated: 0 });
    expect(await documentsIn(model)).toEqual(before);
    expect(await model.parked()).toMatchObject([parkedA]);
  });

  test("when it is skipped, then the document goes on without it", async () => {
    const fold = await openFold();
    await projectAll(fold, 100);
    expect(await fold.unpark("a", "skip", log)).toEqual({ outdated: 0 });
    expect((await documentsIn(model)).a).toEqual({ total: 111, steps: 3 });
    expect(await model.parked()).toEqual([]);
  });

  test("when it is skipped and a later one fails, then the document is parked at that one", async () => {
    await write("a", "Broken");
    await write("a", "Counted", { by: 1_000 });
    const fold = await openFold();
    await projectAll(fold, 3);
    await fold.unpark("a", "skip", log);
    expect((await documentsIn(model)).a).toEqual({ total: 111, steps: 3 });
    expect(await model.parked()).toMatchObject([{ ...parkedA, waiting: 1 }]);
    await fold.unpark("a", "skip", log);
    expect((await documentsIn(model)).a).toEqual({ total: 1_111, steps: 4 });
  });

  test.each([
    ["retry", "load"],
    ["retry", "save"],
    ["skip", "load"],
    ["skip", "save"],
  ] as const)(
    "when a %s is broken off by a %s that fails, then it stays parked and nothing is lost",
    async (how, failing) => {
      let away = false;
      const fold = await openFold(unreliable(model, (call) => away && call === failing));
      await projectAll(fold, 2);
      mistake.broken = false;
      away = true;
      await expect(fold.unpark("a", how, log)).rejects.toThrow("away");
      expect(fold.parkedDocuments).toMatchObject([parkedA]);
      expect(await model.parked()).toMatchObject([parkedA]);
      away = false;
      await write("a", "Counted", { by: 1_000 });
      await projectAll(fold);
      expect(await model.parked()).toMatchObject([{ ...parkedA, waiting: 3 }]);
      expect(await fold.unpark("a", how, log)).toEqual({ outdated: 0 });
      expect((await documentsIn(model)).a).toEqual({ total: 1_111, steps: how === "skip" ? 4 : 5 });
    },
  );

  test("when the log fails while it is tried again, then it stays parked with all that waits", async () => {
    const fold = await openFold();
    await projectAll(fold);
    mistake.broken = false;
    const away = { readAll: () => Promise.reject(new Error("the log is away")) } as unknown as EventStore;
    await expect(fold.unpark("a", "retry", away)).rejects.toThrow("away");
    expect(fold.parkedDocuments).toMatchObject([parkedA]);
    await fold.unpark("a", "retry", log);
    expect((await documentsIn(model)).a).toEqual({ total: 111, steps: 4 });
  });

  test("when a save fails and the page comes again, then what waits is counted once", async () => {
    let failures = 3;
    const fold = await openFold(unreliable(model, (call) => call === "save" && failures-- > 0));
    while (fold.checkpoint < (await log.head())) await projectAll(fold).catch(() => {});
    expect(await documentsIn(model)).toEqual(before);
    expect(await model.parked()).toMatchObject([parkedA]);
  });
});

test("given an event that cannot even be read, when it is tried again or skipped, then only it is", async () => {
  await write("a", "Counted", { by: 1 });
  const first = await write("a", "Unreadable");
  const second = await write("a", "Unreadable");
  const fold = await openFold();
  await projectAll(fold);
  expect(fold.parkedDocuments.map(({ key }) => key)).toEqual([`#${first}`, `#${second}`]);
  await fold.unpark(`#${first}`, "skip", log);
  mistake.broken = false;
  expect(await fold.unpark(`#${second}`, "retry", log)).toEqual({ outdated: 0 });
  expect(await model.parked()).toEqual([]);
  expect(await documentsIn(model)).toEqual({ a: { total: 1_001, steps: 1 } });
});

describe("given a parked document that leads to another", () => {
  beforeEach(async () => {
    await write("a", "Linked", { to: "#all" });
    await write("b", "Linked", { to: "#all" });
    await write("a", "Counted", { by: 1 });
    await write("a", "Broken");
    await write("a", "Counted", { by: 10 });
  });

  test.each([
    ["has not gone on, then that one has what waited, too", [], { outdated: 0 }, 11],
    ["has gone on, then it says that that one lacks what waited", [5], { outdated: 1 }, 6],
  ])("when it is tried again and the other %s", async (_, counted, unparked, total) => {
    for (const by of counted) await write("b", "Counted", { by });
    const fold = await openFold();
    await projectAll(fold);
    mistake.broken = false;
    expect(await fold.unpark("a", "retry", log)).toEqual(unparked);
    expect(await documentsIn(model)).toMatchObject({ a: { total: 11 }, "#all": { total } });
  });
});

test("given an event that cannot be read, when its document has gone on, then trying it again says so", async () => {
  const position = await write("a", "Unreadable");
  await write("a", "Counted", { by: 1 });
  const fold = await openFold();
  await projectAll(fold);
  mistake.broken = false;
  expect(await fold.unpark(`#${position}`, "retry", log)).toEqual({ outdated: 1 });
  expect(await documentsIn(model)).toEqual({ a: { total: 1, steps: 1 } });
});

test("given documents of 400 kB, when many are touched at once, then memory holds a bounded part", async () => {
  const text = "x".repeat(400_000);
  for (let n = 0; n < 150; n++) await write(`l${n}`, "Large", { text });
  for (let n = 0; n < 150; n++) await write(`l${n}`, "Counted", { by: n });
  const loads: number[] = [];
  const saves: number[] = [];
  const watched = new Proxy(model, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...input: unknown[]) => Promise<unknown>;
      return async (...input: unknown[]) => {
        const output = await call(...input);
        if (name === "save") saves.push((input[0] as unknown[]).length);
        if (name === "load") loads.push((output as { documents: Map<string, unknown> }).documents.size);
        return output;
      };
    },
  });
  const fold = await openFold(watched);
  await projectAll(fold, 1_000);
  expect(Math.max(...loads)).toBeLessThanOrEqual(22);
  expect(Math.max(...saves)).toBeLessThanOrEqual(11);
  expect(fold.heldCharacters).toBeLessThan(5 * 1024 * 1024);
  const documents = await documentsIn(model);
  for (let n = 0; n < 150; n++) expect(documents[`l${n}`]).toEqual({ total: n, steps: 1, large: text });
});

test("given a new model that was stored on the way, when documents are made and grow, then they count as held", async () => {
  const fold = await Fold.open({ projection: countingProjection(mistake), model, codec, inMemory: true });
  const text = "x".repeat(1_000);
  const applied = async (first: number): Promise<number> => {
    for (let n = first; n < first + 200; n++) await write(`l${n}`, "Large", { text });
    const page = await log.readAll({ after: fold.checkpoint, maxCount: 1_000 });
    await fold.apply(projectable(page.events, codec), page.scannedTo);
    fold.measure();
    return fold.heldCharacters;
  };
  const sizes: number[] = [];
  for (const first of [0, 200]) {
    sizes.push(await applied(first));
    await fold.spill();
    expect(fold.heldCharacters).toBe(0);
  }
  // 200 times the text, some more JSON and an allowance.
  for (const size of sizes) expect(size).toBeGreaterThan(220_000);
  for (const size of sizes) expect(size).toBeLessThan(280_000);
});

test("given documents of which every second is gone at once, then those that stay count all the same", async () => {
  const fold = await Fold.open({ projection: countingProjection(mistake), model, codec, inMemory: true });
  const text = "x".repeat(1_000);
  for (let n = 0; n < 500; n++) {
    await write(`gone${n}`, "Deleted");
    await write(`kept${n}`, "Large", { text });
  }
  const page = await log.readAll({ after: fold.checkpoint, maxCount: 2_000 });
  await fold.apply(projectable(page.events, codec), page.scannedTo);
  fold.measure();
  expect(fold.heldCharacters).toBeGreaterThan(500_000);
  expect(fold.heldCharacters).toBeLessThan(700_000);
});

type Step = { id: string; by: number } | { link: string; to: string } | { delete: string };

const ids = fc.constantFrom("a", "b", "c");
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ id: ids, by: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 2, arbitrary: fc.record({ link: ids, to: fc.constantFrom("#x", "#y") }) },
    { weight: 1, arbitrary: fc.record({ delete: ids }) },
  ),
  { maxLength: 25 },
);

async function writeSteps(list: readonly Step[]): Promise<void> {
  for (const step of list) {
    if ("id" in step) await write(step.id, "Counted", { by: step.by });
    else if ("link" in step) await write(step.link, "Linked", { to: step.to });
    else await write(step.delete, "Deleted");
  }
}

test("however pages are cut, come again and break off, the documents are those of one that never stopped", async () => {
  let round = 0;
  const crashes = fc.array(fc.constantFrom("none", "before", "after"), { minLength: 1, maxLength: 12 });
  const run = fc.asyncProperty(
    steps,
    fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 }),
    crashes,
    fc.boolean(),
    async (list, sizes, faults, restarts) => {
      const before = await log.head();
      await writeSteps(list);
      const spec = { ...countingProjection(mistake), name: `counts-${round++}` };
      const steady = await views.open({ ...spec, name: `${spec.name}-steady` });
      await steady.save([], { checkpoint: before });
      await projectAll(await Fold.open({ projection: spec, model: steady, codec }), 1_000);

      const shaken = await views.open(spec);
      await shaken.save([], { checkpoint: before });
      let saves = 0;
      const faultOf = () => faults[saves % faults.length];
      const model = unreliable(shaken, (call, at) => {
        if (call !== "save") return false;
        const fails = saves < faults.length && faultOf() === at;
        if (at === "after" || fails) saves++;
        return fails;
      });
      let fold = await Fold.open({ projection: spec, model, codec });
      const head = await log.head();
      for (let turn = 0; fold.checkpoint < head || turn < sizes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        // Every other page begins at the start again: an at-least-once delivery.
        const after = turn % 3 === 2 ? before : fold.checkpoint;
        const page = await log.readAll({ after, maxCount: size });
        const applied = projectable(page.events, codec);
        if (page.scannedTo > fold.checkpoint) await fold.project(applied, page.scannedTo).catch(() => {});
        if (restarts && turn % 4 === 3) fold = await Fold.open({ projection: spec, model, codec });
        if (turn > 500) throw new Error("it does not come to an end");
      }
      expect(await documentsIn(shaken)).toEqual(await documentsIn(steady));
    },
  );
  await fc.assert(run, { numRuns: 40 });
}, 60_000);
