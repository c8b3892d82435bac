import { describe, expect, test } from "vitest";
import { OrderedAppends } from "../../src/cli/ordered-appends.ts";
import {
  type EventStore,
  logStart,
  OutcomeUnknown,
  StoreUnavailable,
} from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { temporaryLog, withAppend } from "../support/stores.ts";

const metadata = { time: 1, commandId: "c", correlationId: "r", actor: "test" };

/** Events of two streams by turns, three in a row of each. */
const events = Array.from({ length: 30 }, (_, index) => {
  const run = Math.floor(index / 3);
  return {
    stream: `thing-${run % 2}`,
    revision: 3 * Math.floor(run / 2) + (index % 3),
    id: newId(),
    type: "Noted",
    data: `{"n":${index}}`,
    metadata,
    position: String(index).padStart(3, "0"),
  };
});

async function send(store: EventStore): Promise<OrderedAppends> {
  const appends = new OrderedAppends(store, 8);
  for (const event of events) await appends.add(event);
  await appends.settleAll();
  return appends;
}

async function dataOn(log: EventStore): Promise<unknown[]> {
  const page = await log.readAll({ after: logStart, maxCount: 100 });
  return page.events.map(({ data }) => data);
}

const whole = events.map((_, n) => ({ n }));

/** The log with something in the way of its nth append, told of those that follow. */
function failingAt(log: EventStore, nth: number, fail: (append: () => Promise<unknown>) => Promise<never>) {
  let calls = 0;
  return withAppend(log, (append) => async (...call) => {
    if (++calls === nth) return fail(() => append(...call));
    return append(...call);
  });
}

describe("appends in the order of another log", () => {
  test("put consecutive events of a stream into one append, and keep the order over streams", async () => {
    const log = await temporaryLog();
    const appends = await send(log);
    expect(appends).toMatchObject({ events: 30, count: 10, position: "029" });
    expect(await dataOn(log)).toEqual(whole);
  });

  test("send an append again whose answer was lost, and it is there once", async () => {
    const log = await temporaryLog();
    const store = failingAt(log, 4, async (append) => {
      await append();
      throw new OutcomeUnknown("lost");
    });
    expect(await send(store)).toMatchObject({ events: 30, count: 10 });
    expect(await dataOn(log)).toEqual(whole);
  });

  test("go on where a server was away for a while", async () => {
    const log = await temporaryLog();
    let calls = 0;
    const store = withAppend(log, (append) => async (...call) => {
      calls++;
      if (calls > 4 && calls < 12) throw new StoreUnavailable("away");
      return append(...call);
    });
    expect(await send(store)).toMatchObject({ events: 30, count: 10 });
    expect(await dataOn(log)).toEqual(whole);
  });

  test("end where a server has taken a later one and not an earlier one", async () => {
    const log = await temporaryLog();
    const store = failingAt(log, 9, async () => {
      throw new StoreUnavailable("busy for this one");
    });
    await expect(send(store)).rejects.toThrow(/another order than they were sent.*--in-flight 1/);
  });

  test("one at a time, come through a server that is busy now and then", async () => {
    const log = await temporaryLog();
    const store = failingAt(log, 9, async () => {
      throw new StoreUnavailable("busy for this one");
    });
    const appends = new OrderedAppends(store, 1);
    for (const event of events) await appends.add(event);
    await appends.settleAll();
    expect(await dataOn(log)).toEqual(whole);
  });

  test("end where somebody else writes the log", async () => {
    const log = await temporaryLog();
    await log.append("thing-1", -1, [{ id: newId(), type: "Noted", data: "{}", metadata }]);
    await expect(send(log)).rejects.toThrow("somebody else writes the target");
  });
});
