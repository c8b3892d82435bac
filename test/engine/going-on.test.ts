import { describe, expect, test } from "vitest";
import { whyRebuild } from "../../src/engine/read/going-on.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import type { SavedCheckpoint } from "../../src/stores/view-store/view-store.ts";
import { at } from "../support/positions.ts";

const dayMs = 86_400_000;

describe("a model at its checkpoint", () => {
  const events = {
    eventIdAt: async (position: string) => (position <= at(9) ? `event at ${position}` : undefined),
    head: async () => at(9),
  };
  const why = (saved: Omit<SavedCheckpoint, "ageMs"> & { ageMs?: number }) =>
    whyRebuild({ ageMs: 0, ...saved }, events);

  test.each<[string, Omit<SavedCheckpoint, "ageMs"> & { ageMs?: number }]>([
    ["that is new", { position: logStart }],
    ["whose event stands there", { position: at(5), eventId: `event at ${at(5)}` }],
    ["whose event was not kept, but one stands there", { position: at(5) }],
    ["that is old, and at the end of the log", { position: at(9), ageMs: 30 * dayMs }],
    ["that is some days behind", { position: at(5), ageMs: 5 * dayMs }],
  ])("goes on: one %s", async (_, saved) => {
    expect(await why(saved)).toBe(undefined);
  });

  test.each<[string, RegExp, Omit<SavedCheckpoint, "ageMs"> & { ageMs?: number }]>([
    ["where another event stands", /does not hold/, { position: at(5), eventId: "another" }],
    ["beyond the end of the log", /does not hold/, { position: at(12) }],
    ["that has not been written for a week", /7 days ago/, { position: at(5), ageMs: 7 * dayMs }],
  ])("has to be rebuilt: one %s", async (_, reason, saved) => {
    expect(await why(saved)).toMatch(reason);
  });
});
