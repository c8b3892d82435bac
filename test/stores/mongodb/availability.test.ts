import { EventEmitter } from "node:events";
import type { MongoClient } from "mongodb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Availability } from "../../../src/stores/view-store/mongodb/availability.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function seen(...types: string[]) {
  const servers = new Map(types.map((type, n) => [`host-${n}`, { type }]));
  return { newDescription: { servers } };
}

test("calls wait for a server that is away for a moment, and give up where all are for longer", () => {
  const client = new EventEmitter();
  const availability = new Availability(client as unknown as MongoClient);
  const sees = (...types: string[]) => client.emit("topologyDescriptionChanged", seen(...types));
  const hopeless = () => [availability.isHopeless(), availability.isHopeless()];
  expect(hopeless()).toEqual([false, false]);
  sees("Unknown", "Unknown");
  vi.advanceTimersByTime(900);
  expect(hopeless()).toEqual([false, false]);
  vi.advanceTimersByTime(200);
  // One call a second has the driver look for a server.
  expect(hopeless()).toEqual([false, true]);
  vi.advanceTimersByTime(900);
  expect(hopeless()).toEqual([true, true]);
  vi.advanceTimersByTime(200);
  expect(hopeless()).toEqual([false, true]);
  // A set without a primary elects one: that is worth waiting for.
  sees("Unknown", "RSSecondary");
  expect(hopeless()).toEqual([false, false]);
  sees("Unknown", "Unknown");
  expect(hopeless()).toEqual([false, false]);
});
