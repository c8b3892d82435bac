import { EventEmitter } from "node:events";
import type { MongoClient } from "mongodb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchClock } from "../../../src/stores/view-store/mongodb/clock.ts";

const now = Date.UTC(2026, 0, 1);
const told: number[] = [];
let answer: () => Promise<object>;
let client: EventEmitter;

beforeEach(() => {
  vi.useFakeTimers({ now });
  told.length = 0;
  client = Object.assign(new EventEmitter(), { db: () => ({ command: () => answer() }) });
  watchClock(client as unknown as MongoClient, (secondsAhead) => told.push(secondsAhead));
});
afterEach(() => void vi.useRealTimers());

async function beat(reply: object): Promise<void> {
  client.emit("serverHeartbeatSucceeded", { reply });
  await vi.advanceTimersByTimeAsync(0);
}

test("the primary's clock is compared with ours, whichever is ahead; no other member's is", async () => {
  const localTimes = [now + 5_000, now - 250, now];
  answer = async () => ({ localTime: new Date(localTimes.shift() ?? Number.NaN) });
  for (const _ of [1, 2, 3]) await beat({ isWritablePrimary: true });
  await beat({ isWritablePrimary: false, secondary: true });
  expect(told).toEqual([5, -0.25, 0]);
});

test("clocks that agree do, however long ago a heartbeat was and however long an answer takes", async () => {
  answer = async () => {
    const localTime = new Date();
    vi.setSystemTime(now + 30_000);
    return { localTime };
  };
  await beat({ isWritablePrimary: true, localTime: new Date(now - 60_000) });
  expect(told).toEqual([0]);
});

test("an answer without a time, or none, says nothing", async () => {
  answer = async () => ({});
  await beat({ isWritablePrimary: true });
  answer = () => Promise.reject(new Error("closed"));
  await beat({ isWritablePrimary: true });
  expect(told).toEqual([]);
});
