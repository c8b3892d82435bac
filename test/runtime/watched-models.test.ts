import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { ModelProgress } from "../../src/engine/read/projector.ts";
import { WatchedModels } from "../../src/runtime/watched-models.ts";
import type { EventStore, Position } from "../../src/stores/event-store/event-store.ts";
import { createEmbeddedNews } from "../../src/stores/hot-store/embedded/news.ts";
import type { News } from "../../src/stores/hot-store/news.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { countingCodec as codec, countingProjection, createScribe } from "../support/counting.ts";
import { temporaryLog, temporaryViews } from "../support/stores.ts";

/** Longer than it takes until the checkpoints are looked at again. */
const lookedMs = 1_300;

const projection = countingProjection();
const { name } = projection;
let events: EventStore;
let model: ViewModel;
let news: News;
let known: ModelProgress[];
let positions: Position[];

beforeEach(async () => {
  events = await temporaryLog();
  const views = await temporaryViews(events.logId);
  model = await views.open(projection);
  news = createEmbeddedNews();
  const write = createScribe(events);
  known = [];
  positions = [];
  for (let n = 0; n < 3; n++) positions.push(await write("a", "Counted", { by: 1 }));
  const watched = new WatchedModels({
    ...{ projections: [projection], events, codec, news, log: pino({ level: "silent" }) },
    model: async () => model,
    openToWrite: async () => views,
    told: { progress: (all) => known.push(...all), stored: () => {}, died: () => {} },
  });
  await watched.start();
  onTestFinished(() => watched.stop());
});

const say = (told: Partial<ModelProgress>) =>
  news.publish(
    JSON.stringify([{ name, generation: model.generation, lastEventTime: 1, parked: 0, ...told }]),
  );
const isKnown = (what: Partial<ModelProgress>) =>
  expect.poll(() => known.at(-1), { timeout: 2 * lookedMs }).toMatchObject(what);

test("what was heard of a generation stays, though its checkpoint is stored later", async () => {
  const [stored = "", heard = ""] = positions;
  await model.save([], { checkpoint: stored });
  say({ position: heard });
  await isKnown({ position: heard });
  known.length = 0;
  await sleep(lookedMs);
  expect(new Set(known.map(({ position }) => position))).toEqual(new Set([heard]));
});

test("what is stored is seen, though nobody tells of it", async () => {
  const [, , stored = ""] = positions;
  await model.save([], { checkpoint: stored });
  await isKnown({ position: stored });
});

test("a model that fails is told as failing, though it stands where it was stored, behind what was heard", async () => {
  const [stored = "", heard = ""] = positions;
  say({ position: heard, lastEventTime: 2 });
  await isKnown({ position: heard });
  const failure = { message: "the view store is away", failures: 1, since: 1 };
  say({ position: stored, failure });
  await isKnown({ position: heard, lastEventTime: 2, failure });
  say({ position: heard });
  await expect.poll(() => known.at(-1)?.failure).toBeUndefined();
});

test("another generation is as far as it says itself, not as far as the one before", async () => {
  const [behind = "", , heard = ""] = positions;
  say({ position: heard });
  await isKnown({ position: heard });
  const other = Object.assign(Object.create(model) as ViewModel, {
    generation: model.generation + 1,
    checkpoint: async () => behind,
    parked: async () => [],
  });
  model = other;
  await isKnown({ position: behind, generation: other.generation });
});

test("a checkpoint that is seen comes with what is parked up to there, though nobody tells of it", async () => {
  const [heard = "", broken = ""] = positions;
  await model.save([], { checkpoint: heard });
  say({ position: heard });
  await isKnown({ position: heard, lastEventTime: 1, parked: 0 });
  const document = {
    key: "a",
    position: broken,
    eventType: "Counted",
    readAfter: heard,
    reason: "r",
    waiting: 0,
  };
  await model.save([], { checkpoint: broken, parked: [{ key: "a", asOf: broken, document }] });
  await isKnown({ position: broken, parked: 1 });
});
