import { z } from "zod";
import { decider, event } from "../../src/engine/decider.ts";

/** What figures on the log mean, and what processes on it have to agree on. */
const keptSchema = z.strictObject({
  currency: z.string(),
  /** Of the settings that may change, but never between two processes that run at once; by name. */
  shared: z.record(z.string(), z.string()),
  /** Version 0.1 has kept answers to keys on this log. */
  storedAnswers: z.boolean(),
});

export type KeptSettings = z.output<typeof keptSchema>;

export const settingsEvents = { SettingsKept: event(keptSchema) };

/** The settings that a shop goes by, in one stream of its log. */
export const settings = decider({
  category: "settings",
  events: settingsEvents,
  initial: (): { kept?: KeptSettings } => ({}),
  evolve: { SettingsKept: (_, kept) => ({ kept }) },
  decide: {
    Keep: ({ kept }: { kept?: KeptSettings }, next: KeptSettings) =>
      JSON.stringify(kept) === JSON.stringify(next) ? [] : [{ type: "SettingsKept" as const, data: next }],
  },
});
