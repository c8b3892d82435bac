import { z } from "zod";
import { decider, event } from "../../src/engine/decider.ts";

export const upgradeEvents = {
  /** What an older version has left on the log is in the shape of this one. */
  UpgradeDone: event(z.strictObject({})),
};

/** Work that is done once on each log; the stream is named after it. */
export const upgrade = decider({
  category: "upgrade",
  events: upgradeEvents,
  initial: () => ({ done: false }),
  evolve: { UpgradeDone: () => ({ done: true }) },
  decide: {
    Finish: ({ done }: { done: boolean }, _: Record<never, never>) =>
      done ? [] : [{ type: "UpgradeDone" as const, data: {} }],
  },
});
