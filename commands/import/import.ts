import { z } from "zod";
import { decider, event } from "../../src/engine/decider.ts";

export const importEvents = {
  ImportStarted: event(z.object({ file: z.string(), lines: z.int() })),
  /** Everything of this day (of the store) is on the log. */
  ImportDayDone: event(z.object({ day: z.string() })),
  ImportFinished: event(z.object({ orders: z.int() })),
};

export interface ImportState {
  startedAt?: number;
  /** Days come in order, so the last one tells where to go on. */
  lastDay?: string;
  finished: boolean;
}

/** How far an import is; the stream is named after a digest of what is imported. */
export const importer = decider({
  category: "import",
  events: importEvents,
  initial: (): ImportState => ({ finished: false }),
  evolve: {
    ImportStarted: (state, _, { time }) => ({ ...state, startedAt: time }),
    ImportDayDone: (state, { day }) => ({ ...state, lastDay: day }),
    ImportFinished: (state) => ({ ...state, finished: true }),
  },
  decide: {
    Start: (state, command: { file: string; lines: number }) =>
      state.startedAt === undefined ? [{ type: "ImportStarted", data: command }] : [],
    FinishDay: (state, { day }: { day: string }) =>
      state.lastDay !== undefined && state.lastDay >= day ? [] : [{ type: "ImportDayDone", data: { day } }],
    Finish: (state, { orders }: { orders: number }) =>
      state.finished ? [] : [{ type: "ImportFinished", data: { orders } }],
  },
});
