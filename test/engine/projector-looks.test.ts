import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { Projector } from "../../src/engine/read/projector.ts";
import { countingCodec as codec, countingProjection, createScribe } from "../support/counting.ts";
import { temporaryLog, temporaryViews } from "../support/stores.ts";

const log = pino({ level: "silent" });

async function busy() {
  const events = await temporaryLog();
  const views = await temporaryViews(events.logId);
  const write = createScribe(events);
  const specOf = (name: string) => ({ ...countingProjection(), name });
  const one = await views.open(specOf("one"));
  // As MongoDB with w: majority does: a save takes a while.
  const slowOne = new Proxy(one, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...input: unknown[]) => Promise<unknown>;
      return name === "save"
        ? async (...input: unknown[]) => {
            await sleep(15);
            return call(...input);
          }
        : call;
    },
  });
  const quietSpec = { ...specOf("quiet"), on: { Deleted: specOf("quiet").on.Deleted } };
  // biome-ignore lint/suspicious/noExplicitAny: a test
  const quiet = await views.open(quietSpec as any);
  let opened = 0;
  const projector = await Projector.open({
    ...{ events, codec, log, lookAroundMs: 100 },
    models: [
      {
        projection: specOf("one"),
        open: async () => {
          opened++;
          return slowOne;
        },
      },
      // biome-ignore lint/suspicious/noExplicitAny: a test
      { projection: quietSpec as any, open: async () => quiet },
    ],
    onProgress: () => {},
  });
  projector.start();
  let writing = true;
  let last = "";
  const writer = (async () => {
    for (let n = 0; writing; n++) {
      last = await write(`d${n % 50}`, "Counted", { by: 1 });
      await sleep(3);
    }
  })();
  onTestFinished(async () => {
    writing = false;
    await writer;
    await projector.stop();
  });
  return { quiet, projector, opened: () => opened, last: () => last };
}

test("a shop with 300 events a second still looks whether another generation is live, ten times a second", async () => {
  const { opened } = await busy();
  const before = opened();
  await sleep(6_000);
  expect(opened() - before).toBeGreaterThan(10);
}, 20_000);

test("a shop with 300 events a second shows how far a model is that they do not concern", async () => {
  const { quiet, projector, last } = await busy();
  await sleep(1_000);
  const target = last();
  await sleep(5_000);
  const reached = projector.progress().find(({ name }) => name === "quiet")?.position;
  expect((await quiet.checkpoint()) >= target).toBe(true);
}, 20_000);
