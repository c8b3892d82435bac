import { expect, test, vi } from "vitest";
import { noStream } from "../../../src/stores/event-store/event-store.ts";
import { ServerClock } from "../../../src/stores/event-store/eventstoredb/clock.ts";
import { event, open, startDouble, until } from "./support.ts";

test("the server's clock is compared with ours, whichever is ahead, and again once it is set", async () => {
  const double = await startDouble();
  const told: number[] = [];
  double.log.clockAheadMs = 5_000;
  const log = await open({ url: double.url, observeClock: (seconds) => told.push(seconds) });
  let streams = 0;
  const append = async () => {
    await log.append(`s-${streams++}`, noStream, [event()]);
    await vi.waitFor(() => expect(double.openReads.size).toBe(0));
  };
  const appendedUntil = async (isSo: () => boolean) => {
    for (let tries = 0; !isSo() && tries < 50; tries++) await append();
    expect(told).toSatisfy(isSo);
  };
  await appendedUntil(() => told.length > 0);
  expect(told.at(-1)).toBeCloseTo(5, 0);
  double.log.clockAheadMs = -5_000;
  await appendedUntil(() => (told.at(-1) ?? 0) < -4);
  expect(told.at(-1)).toBeCloseTo(-5, 0);
  double.log.clockAheadMs = 0;
  await appendedUntil(() => told.at(-1) === 0);
});

test("an append that had landed long before it was answered says nothing of the clocks", async () => {
  const told: number[] = [];
  const created = [Date.now() - 20_000, Date.now()];
  const reader = { createdAt: async () => created.shift() ?? Number.NaN };
  const clock = new ServerClock(reader, (seconds) => told.push(seconds));
  clock.answered("s-1", 0, Date.now());
  await until(() => created.length === 1);
  clock.answered("s-2", 0, Date.now() - 1_000);
  await until(() => told.length === 1);
  expect(told).toEqual([0]);
});

test("a clock that agrees is looked at once in half a minute", async () => {
  const createdAt = vi.fn(async () => Date.now());
  const clock = new ServerClock({ createdAt }, () => {});
  for (let n = 0; n < 100; n++) clock.answered(`s-${n}`, 0, Date.now());
  expect(createdAt).toHaveBeenCalledTimes(1);
});
