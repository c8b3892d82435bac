import pino from "pino";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { compareGenerations, GenerationComparison } from "../../src/engine/read/compare.ts";
import { Fold, projectable } from "../../src/engine/read/fold.ts";
import { Projector } from "../../src/engine/read/projector.ts";
import {
  buildGenerations,
  catchUp,
  type RebuildProgress,
  RebuildStopped,
} from "../../src/engine/read/rebuild.ts";
import type { EventStore, Position } from "../../src/stores/event-store/event-store.ts";
import type { ViewModel, ViewStore } from "../../src/stores/view-store/view-store.ts";
import {
  countingCodec as codec,
  countingProjection,
  createScribe,
  documentsIn,
  type Mistake,
} from "../support/counting.ts";
import { temporaryLog, temporaryViews } from "../support/stores.ts";

const allInMemory = 1024 * 1024 * 1024;
let events: EventStore;
let views: ViewStore;
let mistake: Mistake;
let write: ReturnType<typeof createScribe>;
let told: RebuildProgress[];

beforeEach(async () => {
  events = await temporaryLog();
  views = await temporaryViews(events.logId);
  mistake = { broken: true };
  write = createScribe(events);
  told = [];
});

const projection = () => countingProjection(mistake);

async function build(heldCharactersMax = allInMemory) {
  const onProgress = (progress: RebuildProgress) => void told.push(progress);
  const options = { projections: [projection()], events, views, codec, heldCharactersMax, onProgress };
  const [built] = await buildGenerations(options);
  if (!built) throw new Error("nothing was built");
  return built;
}

/** The live generation, projected up to the end of the log. */
async function live(): Promise<ViewModel> {
  const model = await views.open(projection());
  const fold = await Fold.open({ projection: projection(), model, codec });
  const page = await events.readAll({ after: fold.checkpoint, maxCount: 100_000, bytesMax: allInMemory });
  await fold.project(projectable(page.events, codec), page.scannedTo);
  await fold.flushAll();
  return model;
}

async function writeMany(count: number): Promise<void> {
  await write("k1", "Linked", { to: "#all" });
  for (let n = 0; n < count; n++) await write(`k${n % 50}`, "Counted", { by: n });
  await write("k7", "Deleted");
}

describe("given a log", () => {
  test.each([
    ["all in memory", allInMemory],
    ["documents stored on the way, again and again", 2_000],
  ])("when a model is rebuilt with %s, then it is as the live one, byte for byte", async (_, held) => {
    await writeMany(400);
    const model = await live();
    const built = await build(held);
    expect(await built.model.checkpoint()).toBe(await events.head());
    expect(await compareGenerations(model, built.model)).toEqual({
      documents: 50,
      differing: 0,
      differences: [],
    });
    expect(told.at(-1)).toMatchObject({ progress: 1, events: 402 });
  });

  test("when there is nothing in it, then a rebuild has nothing and is done", async () => {
    const built = await build();
    expect(await built.model.count()).toBe(0);
  });

  test.each([allInMemory, 2_000])(
    "when some of its events cannot be applied, then the rebuild parks the same documents (%i)",
    async (held) => {
      for (let n = 0; n < 12; n++) {
        await write(`k${n}`, "Counted", { by: 1 });
        await write(`k${n}`, "Broken");
        await write(`k${n}`, "Counted", { by: 1 });
        await write("fine", "Counted", { by: 1 });
      }
      const model = await live();
      const built = await build(held);
      expect(await compareGenerations(model, built.model)).toMatchObject({ documents: 13, differing: 0 });
      const seen = (parked: readonly object[]) => parked.map((each) => ({ ...each, readAfter: undefined }));
      expect(await built.model.parked()).toHaveLength(12);
      expect(seen(await built.model.parked())).toEqual(seen(await model.parked()));
      mistake.broken = false;
      expect(await built.fold.unpark("k3", "retry", events)).toEqual({ outdated: 0 });
      expect((await documentsIn(built.model)).k3).toEqual({ total: 2, steps: 3 });
    },
  );

  test("when events come while it is rebuilt, then it catches up exactly as far as it is told, and takes over", async () => {
    await writeMany(100);
    const model = await views.open(projection());
    const projector = await Projector.open({
      events,
      codec,
      models: [{ projection: projection(), open: () => views.open(projection()) }],
      log: pino({ level: "silent" }),
      onProgress: () => {},
    });
    projector.start();
    onTestFinished(() => projector.stop());
    const name = projection().name;
    const built = await build();
    await writeMany(60);
    const position = (await projector.pause(name)) ?? "";
    const beyond = await write("k1", "Counted", { by: 5 });
    await catchUp([built], events, position);
    expect(await built.model.checkpoint()).toBe(position);
    expect(await compareGenerations(model, built.model)).toMatchObject({ differing: 0 });
    await views.promote(built.model);
    await projector.resume(name);
    await expect.poll(() => projector.progress()[0]?.position).toBe(beyond);
    const promoted = await views.open(projection());
    expect(promoted.generation).toBe(built.model.generation);
    await projector.stop();
    expect(await compareGenerations(await live(), (await build()).model)).toMatchObject({ differing: 0 });
  });
});

describe("given a generation that is compared while the live one goes on", () => {
  const projected = async (fold: Fold) => {
    const page = await events.readAll({ after: fold.checkpoint, maxCount: 100_000, bytesMax: allInMemory });
    await fold.project(projectable(page.events, codec), page.scannedTo);
    await fold.flushAll();
  };

  test("when the live one has changed documents meanwhile, then only what really differs is told", async () => {
    await writeMany(300);
    const model = await live();
    const built = await build();
    const { json = "", position = "" } = (await model.load(["k9"])).documents.get("k9") ?? {};
    const broken = { key: "k9", position: position.replace(/\d$/, "z"), columns: { total: 0 } };
    await model.save([{ ...broken, json: json.replace('"steps":6', '"steps":7') }], {
      checkpoint: await model.checkpoint(),
    });
    const going = await Fold.open({ projection: projection(), model, codec });
    await write("k3", "Counted", { by: 1 });
    await write("k5", "Deleted");
    await write("new", "Counted", { by: 1 });
    await projected(going);

    const comparison = new GenerationComparison(model, built.model);
    await comparison.scan(built.fold.checkpoint);
    expect(comparison.undecidedCount).toBe(3);
    await write("k3", "Counted", { by: 1 });
    await projected(going);
    await catchUp([built], events, await events.head());
    await comparison.lookAgain(built.fold.checkpoint);
    expect(comparison.undecidedCount).toBe(0);
    expect(await comparison.end()).toMatchObject({
      documents: 50,
      differing: 1,
      differences: [{ key: "k9" }],
    });
  });

  test("when the live one never stands still, then it is told all the same what differs, and nothing else", async () => {
    await writeMany(300);
    const model = await live();
    const built = await build();
    const spoilt = { key: "spoilt", position: built.fold.checkpoint, columns: { total: 0 } };
    await model.save([{ ...spoilt, json: "{}" }], { checkpoint: await model.checkpoint() });
    const going = await Fold.open({ projection: projection(), model, codec });
    const change = async () => {
      for (const key of ["k3", "k5", "new"]) await write(key, "Counted", { by: 1 });
      await write("k7", "Deleted");
      await projected(going);
    };
    await change();
    const comparison = new GenerationComparison(model, built.model);
    await comparison.scan(built.fold.checkpoint);
    expect(comparison.undecidedCount).toBeGreaterThan(2);
    const takeTo = async (position: Position) => {
      await catchUp([built], events, position);
      await change();
    };
    expect(await comparison.settle(takeTo)).toMatchObject({ differing: 1, differences: [{ key: "spoilt" }] });
  });

  test("when documents are missing in the live one, then each is told", async () => {
    await writeMany(100);
    const model = await views.open(projection());
    const built = await build();
    const comparison = new GenerationComparison(model, built.model);
    await comparison.scan(built.fold.checkpoint);
    expect(await comparison.end()).toMatchObject({ documents: 50, differing: 50 });
  });

  test("when a page is folded, then the next one has been asked for", async () => {
    await writeMany(8);
    const order: string[] = [];
    const paged: EventStore = {
      ...events,
      readAll: (options) => {
        order.push("asked");
        return events.readAll({ ...options, maxCount: 4 });
      },
      head: () => events.head(),
      progressOf: (position, target) => events.progressOf(position, target),
    };
    const onProgress = () => void order.push("folded");
    const options = { projections: [projection()], views, codec, heldCharactersMax: allInMemory, onProgress };
    await buildGenerations({ ...options, events: paged });
    expect(order).toEqual(["asked", "asked", "folded", "asked", "folded", "folded"]);
  });

  test("when it is told to stop, then it stops between two pages", async () => {
    await writeMany(100);
    const options = { projections: [projection()], events, views, codec, heldCharactersMax: allInMemory };
    const building = buildGenerations({ ...options, onProgress: () => {}, signal: AbortSignal.abort() });
    await expect(building).rejects.toThrow(RebuildStopped);
  });
});

describe("given two generations", () => {
  test("when one byte of one document differs, then the comparison names it", async () => {
    await writeMany(300);
    const model = await live();
    const built = await build();
    const { json, position } = (await built.model.load(["k9"])).documents.get("k9") ?? {};
    expect(json).toContain('"steps":6');
    const change = { key: "k9", position: `${position}`.replace(/.$/, "z"), columns: {} };
    await built.model.save([{ ...change, json: json?.replace('"steps":6', '"steps":7') }], {
      checkpoint: await events.head(),
    });
    const { documents, differing, differences } = await compareGenerations(model, built.model);
    expect([documents, differing]).toEqual([50, 1]);
    expect(differences).toEqual([{ key: "k9", live: json, rebuilt: json?.replace(":6", ":7") }]);
  });

  test("when a document is in one only, then the comparison says so", async () => {
    await writeMany(100);
    const model = await live();
    await write("only-here", "Counted", { by: 1 });
    const built = await build();
    const found = await compareGenerations(model, built.model);
    expect(found).toMatchObject({ differing: 1, differences: [{ key: "only-here", live: undefined }] });
  });

  test("when large documents differ, then of each only a part around the difference is shown", async () => {
    const text = "x".repeat(300_000);
    await write("big", "Large", { text: `${text}a${text}` });
    const model = await live();
    await write("big", "Large", { text: `${text}b${text}` });
    const { differences } = await compareGenerations(model, (await build()).model);
    const [difference] = differences;
    expect(difference?.live).toMatch(/^\.\.\.x+ax+\.\.\. \(600\d\d\d characters\)$/);
    expect(difference?.rebuilt).toMatch(/^\.\.\.x+bx+/);
    expect(JSON.stringify(differences).length).toBeLessThan(10_000);
  });
});
