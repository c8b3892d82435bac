import { expect, test } from "vitest";
import { ServerClock } from "../../../src/stores/event-store/eventstoredb/clock.ts";
import { open, startDouble } from "./support.ts";

const told: number[] = [];
const http = (ms: number) => new Date(ms).toUTCString();

function askedJustNow(date: (now: number) => string | undefined, tookMs = 0): number | undefined {
  told.length = 0;
  const now = Date.now();
  new ServerClock((seconds) => told.push(seconds)).answered(date(now), now - tookMs);
  return told[0];
}

test.each([5, -5, 3_600])("a server's clock that is %i s ahead is told of", async (seconds) => {
  const double = await startDouble();
  double.log.clockAheadMs = seconds * 1_000;
  const seen: number[] = [];
  const log = await open({ url: double.url, observeClock: (ahead) => seen.push(ahead) });
  // Dates are whole seconds: the difference is at least what is told, and at most one more.
  expect(Math.abs(seconds)).toBeGreaterThanOrEqual(Math.abs(seen[0] ?? Number.NaN));
  expect(Math.abs(seconds - (seen[0] ?? 0))).toBeLessThanOrEqual(1.1);
  const { clockMs = Number.NaN } = await log.inspect();
  expect(Math.abs(seconds - clockMs / 1_000)).toBeLessThanOrEqual(1.1);
});

test("clocks that agree do, however long an answer takes", () => {
  for (const tookMs of [0, 20_000]) {
    expect(askedJustNow(http, tookMs)).toBe(0);
    expect(askedJustNow((now) => http(now - tookMs), tookMs)).toBe(0);
  }
});

test("a head without a date, or with nonsense for one, says nothing", () => {
  expect(askedJustNow(() => undefined)).toBe(undefined);
  expect(askedJustNow(() => "yesterday")).toBe(undefined);
});
