import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import type { AnyProjection } from "../../src/engine/projection.ts";
import { Projector } from "../../src/engine/read/projector.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { countingCodec as codec, countingProjection, createScribe } from "../support/counting.ts";
import { temporaryLog, temporaryViews } from "../support/stores.ts";

/** What a save takes on a server, and how often something is written. */
const saveMs = 15;
const writeEveryMs = 3;
const lookAroundMs = 100;

function slow(model: ViewModel): ViewModel {
  const save: ViewModel["save"] = async (...input) => {
    await sleep(saveMs);
    return model.save(...input);
  };
  return new Proxy(model, {
    get: (target, name) => {
      if (name === "save") return save;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A projector that has a page at work nearly all of the time, and a model that no event concerns. */
async function busy() {
  const events = await temporaryLog();
  const views = await temporaryViews(events.logId);
  const write = createScribe(events);
  const counts = countingProjection();
  const { Deleted } = counts.on;
  const quietCounts = { ...counts, name: "quiet", on: { Deleted } } as AnyProjection;
  const one = slow(await views.open(counts));
  const quiet = await views.open(quietCounts);
  let opened = 0;
  const open = async () => {
    opened++;
    return one;
  };
  const projector = await Projector.open({
    ...{ events, codec, lookAroundMs, log: pino({ level: "silent" }) },
    models: [
      { projection: counts, open },
      { projection: quietCounts, open: async () => quiet },
    ],
    onProgress: () => {},
  });
  projector.start();
  let isOver = false;
  let last = "";
  const writing = (async () => {
    for (let n = 0; !isOver; n++) {
      last = await write(`d${n % 50}`, "Counted", { by: 1 });
      await sleep(writeEveryMs);
    }
  })();
  onTestFinished(async () => {
    isOver = true;
    await writing;
    await projector.stop();
  });
  return { quiet, opened: () => opened, last: () => last };
}

test("beside a full log it is looked whether another generation is live", { timeout: 20_000 }, async () => {
  const { opened } = await busy();
  const before = opened();
  await sleep(30 * lookAroundMs);
  expect(opened() - before).toBeGreaterThan(10);
});

test("beside a full log a model that it does not concern shows how far it is", {
  timeout: 20_000,
}, async () => {
  const { quiet, last } = await busy();
  await sleep(500);
  const target = last();
  await expect.poll(async () => (await quiet.checkpoint()) >= target, { timeout: 3_000 }).toBe(true);
});
