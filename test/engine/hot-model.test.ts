import { describe, expect, test } from "vitest";
import { projectionOf } from "../../src/engine/projection.ts";
import { HotModel, type HotModelOptions } from "../../src/engine/read/hot-model.ts";
import {
  logStart,
  type RecordedEvent,
  StoreUnavailable,
  type StreamPage,
} from "../../src/stores/event-store/event-store.ts";
import { createEmbeddedHotStore } from "../../src/stores/hot-store/embedded/hot.ts";
import type { HotStore } from "../../src/stores/hot-store/hot-store.ts";
import { refusing } from "../support/hot-stores.ts";
import { at } from "../support/positions.ts";

const counts = projectionOf<Record<string, never>>()<number>({
  name: "counts",
  version: 1,
  columns: {},
  indexes: [],
  columnsOf: () => ({}),
  on: {},
});
counts.on = { Counted: { keys: ({ id }) => id, change: (count = 0) => count + 1 } } as typeof counts.on;

/** One log, one hot store and a clock; `reads` says how often the log was asked. */
function world({ soleWriter = false, isShared = true } = {}) {
  const clock = { now: 1_000_000 };
  const stored: RecordedEvent[] = [];
  const state = { away: false, reads: 0, beforeAnswer: async () => {} };
  const embedded = createEmbeddedHotStore(() => clock.now);
  const hot: HotStore = refusing({ ...embedded, isShared }, () => state.away);

  const append = (id: string): RecordedEvent => {
    const [stream, position] = [`count-${id}`, at(stored.length + 1)];
    const revision = stored.filter((event) => event.stream === stream).length;
    const metadata = { time: 0, commandId: "", correlationId: "", actor: "" };
    const event = { position, stream, revision, id: position, type: "Counted", time: 0, data: {}, metadata };
    stored.push(event);
    return event;
  };
  const readStream = async (stream: string): Promise<StreamPage> => {
    state.reads++;
    const events = stored.filter((event) => event.stream === stream).reverse();
    await state.beforeAnswer();
    return { events, isEnd: true };
  };
  const view: HotModelOptions["view"] = async () => ({
    load: async () => ({ documents: new Map(), deleted: new Map(), lookedUp: 1 }),
  });
  /** As one process has it. */
  const open = () =>
    new HotModel({
      ...{ projection: counts, category: "count", hot, view },
      events: { readStream, soleWriter },
      codec: { decode: ({ data }) => data },
    });
  const head = () => stored.at(-1)?.position ?? logStart;
  const read = async (model: HotModel, asked = logStart) =>
    Number((await model.get("a", { asked, now: head(), stored: logStart })).json);
  return { clock, state, hot, append, open, read, head };
}

describe("hot documents that several processes keep", () => {
  test("are shared among them", async () => {
    const { append, open, read, state } = world();
    append("a");
    expect(await read(open())).toBe(1);
    expect(await read(open())).toBe(1);
    expect(state.reads).toBe(1);
  });

  test("are read anew when they are a second old", async () => {
    const { append, open, read, clock } = world();
    const [one, other] = [open(), open()];
    append("a");
    await read(one);
    // Nobody here has heard of it.
    append("a");
    clock.now += 999;
    expect(await read(other)).toBe(1);
    clock.now += 1;
    expect(await read(other)).toBe(2);
  });

  test("are read anew when more is asked for than they are made of", async () => {
    const { append, open, read } = world();
    const [one, other] = [open(), open()];
    append("a");
    await read(one);
    const { position } = append("a");
    expect(await read(other)).toBe(1);
    expect(await read(other, position)).toBe(2);
    expect(await read(one, position)).toBe(2);
  });

  test("say what they are made of, and no more", async () => {
    const { append, open, head } = world();
    const first = append("a");
    await open().get("a", { asked: logStart, now: head(), stored: logStart });
    append("other");
    const again = await open().get("a", { asked: logStart, now: head(), stored: logStart });
    expect(again).toEqual({ json: "1", asOf: first.position });
  });

  test("are not put back by who has read them before the event", async () => {
    const { append, open, read, state } = world();
    const [slow, quick] = [open(), open()];
    append("a");
    state.beforeAnswer = async () => {
      state.beforeAnswer = async () => {};
      await quick.invalidate("a", append("a").position);
    };
    expect(await read(slow)).toBe(1);
    expect(await read(quick)).toBe(2);
    expect(await read(slow)).toBe(2);
  });

  test("are not dropped by an event that is in them already", async () => {
    const { append, open, read, state } = world();
    const [late, other] = [open(), open()];
    const event = append("a");
    await read(other);
    await late.invalidate("a", event.position);
    await read(late);
    expect(state.reads).toBe(1);
  });

  test("are read from the log while the store is away", async () => {
    const { append, open, read, state } = world();
    const model = open();
    append("a");
    state.away = true;
    expect(await read(model)).toBe(1);
    await model.invalidate("a", append("a").position);
    expect(await read(model)).toBe(2);
  });
});

test("while the log is away a document is as of what is stored, for who asks for no more", async () => {
  const logAway = async () => {
    throw new StoreUnavailable("the log is away");
  };
  const model = new HotModel({
    ...{ projection: counts, category: "count", hot: createEmbeddedHotStore() },
    view: async () => ({
      load: async (keys) => ({
        documents: new Map(keys.map((key) => [key, { key, position: at(3), json: "3" }])),
        ...{ deleted: new Map(), lookedUp: keys.length },
      }),
    }),
    events: { readStream: logAway, soleWriter: false },
    codec: { decode: ({ data }) => data },
  });
  const read = (asked: string) => model.get("a", { asked, now: at(9), stored: at(5) });
  expect(await read(logStart)).toEqual({ json: "3", asOf: at(5) });
  expect(await read(at(5))).toEqual({ json: "3", asOf: at(5) });
  await expect(read(at(6))).rejects.toThrow(StoreUnavailable);
  // What this process has written itself is not there yet.
  await model.invalidate("a", at(4));
  await expect(read(logStart)).rejects.toThrow(StoreUnavailable);
});

describe("hot documents of who is alone", () => {
  const alone = { soleWriter: true, isShared: false };

  test("are kept until an event takes their place, and are as of now", async () => {
    const { append, open, head, clock, state } = world(alone);
    const model = open();
    append("a");
    const read = () => model.get("a", { asked: logStart, now: head(), stored: logStart });
    await read();
    clock.now += 30 * 60_000;
    append("other");
    expect(await read()).toEqual({ json: "1", asOf: head() });
    expect(state.reads).toBe(1);
    await model.invalidate("a", append("a").position);
    expect(await read()).toEqual({ json: "2", asOf: head() });
  });

  test("are not served old when the store was away as they changed", async () => {
    const { append, open, read, state } = world(alone);
    const model = open();
    append("a");
    await read(model);
    state.away = true;
    await model.invalidate("a", append("a").position);
    state.away = false;
    expect(await read(model)).toBe(2);
    expect(await read(model)).toBe(2);
    expect(state.reads).toBe(2);
  });

  test("are not alone on a store that others write, nor on a log that others write", async () => {
    for (const place of [{ soleWriter: true }, { isShared: false }]) {
      const { append, open, read, clock } = world(place);
      const model = open();
      append("a");
      await read(model);
      append("a");
      clock.now += 1_000;
      expect([place, await read(model)]).toEqual([place, 2]);
    }
  });
});
