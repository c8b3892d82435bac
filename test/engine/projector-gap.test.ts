import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { type ModelProgress, Projector } from "../../src/engine/read/projector.ts";
import type { EventStore } from "../../src/stores/event-store/event-store.ts";
import {
  countingCodec as codec,
  countingProjection,
  createScribe,
  documentsIn,
  unreliable,
} from "../support/counting.ts";
import { temporaryLog, temporaryViews } from "../support/stores.ts";

const log = pino({ level: "silent" });

/**
 * Model "two" has failed and catches up. The read that says "nothing new" was answered before E was appended, and its
 * answer is late. E's page passes (two is skipped: it fails), F's page begins; "one" is being stored while the late
 * answer arrives: two is well again, in the middle of F's page, takes F, and stands behind it. E is never applied.
 */
test("a model that is well again in the middle of a page misses nothing", async () => {
  const events = await temporaryLog();
  const views = await temporaryViews(events.logId);
  const write = createScribe(events);
  const specOf = (name: string) => ({ ...countingProjection(), name });
  const one = await views.open(specOf("one"));
  const two = await views.open(specOf("two"));
  let away = true;
  let holdAnswer: Promise<void> | undefined;
  let answered = () => {};
  let asked = 0;
  const slowReads: EventStore = Object.assign(Object.create(events) as EventStore, {
    subscribe: events.subscribe.bind(events),
    readAll: async (options: Parameters<EventStore["readAll"]>[0]) => {
      const page = await events.readAll(options);
      if (page.scannedTo <= options.after) {
        asked++;
        await holdAnswer;
      }
      return page;
    },
  });
  let pageOf: (() => Promise<void>) | undefined;
  const slowOne = new Proxy(one, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...input: unknown[]) => Promise<unknown>;
      if (name !== "save") return call;
      return async (...input: unknown[]) => {
        await pageOf?.();
        return call(...input);
      };
    },
  });
  let progress: readonly ModelProgress[] = [];
  const at = (name: string) => progress.find((each) => each.name === name);
  const projector = await Projector.open({
    ...{ events: slowReads, codec, log },
    models: [
      { projection: specOf("one"), open: async () => slowOne },
      { projection: specOf("two"), open: async () => unreliable(two, () => away) },
    ],
    onProgress: (each) => {
      progress = each;
    },
  });
  projector.start();
  onTestFinished(() => projector.stop());
  await write("a", "Counted", { by: 1 });
  await expect.poll(() => at("two")?.failure?.failures ?? 0).toBeGreaterThan(0);
  const held = new Promise<void>((resolve) => {
    answered = resolve;
  });
  holdAnswer = held;
  away = false;
  await expect.poll(() => asked, { timeout: 5_000 }).toBe(1);
  const e = await write("e", "Counted", { by: 10 });
  await expect.poll(() => (at("one")?.position ?? "") >= e).toBe(true);
  // F's page: while "one" is stored, the answer comes.
  pageOf = async () => {
    pageOf = undefined;
    answered();
    await sleep(50);
  };
  const f = await write("f", "Counted", { by: 100 });
  await expect.poll(() => (at("one")?.position ?? "") >= f && (at("two")?.position ?? "") >= f).toBe(true);
  await sleep(1_000);
  expect(at("two")?.failure).toBeUndefined();
  expect(await documentsIn(two)).toEqual(await documentsIn(one));
});
