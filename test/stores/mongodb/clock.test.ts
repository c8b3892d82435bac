import { EventEmitter } from "node:events";
import type { MongoClient } from "mongodb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchClock } from "../../../src/stores/view-store/mongodb/clock.ts";

const now = Date.UTC(2026, 0, 1);

beforeEach(() => void vi.useFakeTimers({ now }));
afterEach(() => void vi.useRealTimers());

test("the primary's clock is compared with ours, whichever is ahead; no other member's is", () => {
  const client = new EventEmitter();
  const told: number[] = [];
  watchClock(client as unknown as MongoClient, (secondsAhead) => told.push(secondsAhead));
  const heard = (reply: object) => client.emit("serverHeartbeatSucceeded", { reply });
  heard({ isWritablePrimary: true, localTime: new Date(now + 5_000) });
  heard({ isWritablePrimary: true, localTime: new Date(now - 250) });
  heard({ isWritablePrimary: false, secondary: true, localTime: new Date(now + 60_000) });
  heard({ isWritablePrimary: true });
  expect(told).toEqual([5, -0.25]);
});
