import { z } from "zod";
import { decider, event } from "../../src/engine/decider.ts";

export const importEvents = {
  ImportStarted: event(z.object({ file: z.string(), lines: z.int() })),
  /** Everything of this week, counted from the epoch, is on the log. */
  ImportWeekDone: event(z.object({ week: z.int() })),
  ImportFinished: event(z.object({ orders: z.int() })),
};

export interface ImportState {
  startedAt?: number;
  /** Weeks come in order, so the last one tells where to go on. */
  lastWeek?: number;
  finished: boolean;
}

/** How far an import is; the stream is named after a digest of what is imported. */
export const importer = decider({
  category: "import",
  events: importEvents,
  initial: (): ImportState => ({ finished: false }),
  evolve: {
    ImportStarted: (state, _, { time }) => ({ ...state, startedAt: time }),
    ImportWeekDone: (state, { week }) => ({ ...state, lastWeek: week }),
    ImportFinished: (state) => ({ ...state, finished: true }),
  },
  decide: {
    Start: (state, command: { file: string; lines: number }) =>
      state.startedAt === undefined ? [{ type: "ImportStarted", data: command }] : [],
    FinishWeek: (state, { week }: { week: number }) =>
      state.lastWeek !== undefined && state.lastWeek >= week
        ? []
        : [{ type: "ImportWeekDone", data: { week } }],
    Finish: (state, { orders }: { orders: number }) =>
      state.finished ? [] : [{ type: "ImportFinished", data: { orders } }],
  },
});
