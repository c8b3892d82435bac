import { z } from "zod";
import { decider, type EventOf, event } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";

const run = z.string();

export const importEvents = {
  /** Until the list below was kept, an import was a stream of its own, named after a digest of its file. */
  ImportStarted: event(z.object({ file: z.string(), lines: z.int() })),
  ImportWeekDone: event(z.object({ week: z.int() })),
  ImportFinished: event(z.object({ orders: z.int() })),

  InvoiceRunStarted: event(z.object({ run, file: z.string(), lines: z.int() })),
  /** Each by its number and a digest of its lines, in the week, counted from the epoch, in which it is imported. */
  InvoicesListed: event(
    z.object({ run, week: z.int(), invoices: z.array(z.tuple([z.string(), z.string()])) }),
  ),
  /** Pieces that the invoices take out of stock, which it is opened with before. `at` in epoch milliseconds. */
  OpeningStockListed: event(
    z.object({ run, skus: z.array(z.object({ sku: z.string(), quantity: z.int(), at: z.int() })) }),
  ),
  /** Nothing of a run is done before this; what was listed without it counts for nothing. */
  InvoiceRunListed: event(z.object({ run })),
  OpeningStockReceived: event(z.object({ run })),
  /** Everything of this week, and of those before, is on the log. */
  InvoiceWeekDone: event(z.object({ run, week: z.int() })),
  InvoiceRunFinished: event(z.object({ run })),
};

type ImportEvent = EventOf<typeof importEvents>;

/** The latest run. */
export interface InvoiceList {
  run?: string;
  isListed: boolean;
  isStocked: boolean;
  /** Weeks come in order, so the last one tells where to go on. */
  lastWeek?: number;
  isFinished: boolean;
}

/** There is one list of imported invoices, so that two imports at once meet there. */
export const invoiceListId = "invoices";

const nothingListed: InvoiceList = { isListed: false, isStocked: false, isFinished: false };

/**
 * Which invoices were imported, and how far the run of them is that was begun last. What a run is about to do is here
 * before it does anything.
 */
export const invoiceList = decider({
  category: "import",
  events: importEvents,
  initial: (): InvoiceList => nothingListed,
  evolve: {
    ImportStarted: (state) => state,
    ImportWeekDone: (state, { week }): InvoiceList => ({ ...state, lastWeek: week }),
    ImportFinished: (state): InvoiceList => ({ ...state, isFinished: true }),
    InvoiceRunStarted: (_, { run }): InvoiceList => ({ ...nothingListed, run }),
    InvoicesListed: (state) => state,
    OpeningStockListed: (state) => state,
    InvoiceRunListed: (state): InvoiceList => ({ ...state, isListed: true }),
    OpeningStockReceived: (state): InvoiceList => ({ ...state, isStocked: true }),
    InvoiceWeekDone: (state, { week }): InvoiceList => ({ ...state, lastWeek: week }),
    InvoiceRunFinished: (state): InvoiceList => ({ ...state, isFinished: true }),
  },
  decide: {
    Start: (state, command: { run: string; file: string; lines: number }): ImportEvent[] => {
      if (state.run === command.run && !state.isFinished) return [];
      // Its stock is listed, so whoever comes next receives it first.
      if (state.isListed && !state.isStocked) throw anotherRun();
      return [{ type: "InvoiceRunStarted", data: command }];
    },
    ListInvoices: (
      state,
      command: { run: string; week: number; invoices: [number: string, digest: string][] },
    ): ImportEvent[] => ofRun(state, { type: "InvoicesListed", data: command }),
    ListOpeningStock: (
      state,
      command: { run: string; skus: { sku: string; quantity: number; at: number }[] },
    ): ImportEvent[] => ofRun(state, { type: "OpeningStockListed", data: command }),
    FinishList: (state, command: { run: string }): ImportEvent[] =>
      ofRun(state, { type: "InvoiceRunListed", data: command }, state.isListed),
    FinishStock: (state, command: { run: string }): ImportEvent[] =>
      ofRun(state, { type: "OpeningStockReceived", data: command }, state.isStocked),
    FinishWeek: (state, command: { run: string; week: number }): ImportEvent[] =>
      ofRun(
        state,
        { type: "InvoiceWeekDone", data: command },
        state.lastWeek !== undefined && state.lastWeek >= command.week,
      ),
    Finish: (state, command: { run: string }): ImportEvent[] =>
      ofRun(state, { type: "InvoiceRunFinished", data: command }, state.isFinished),
  },
});

function ofRun(
  state: InvoiceList,
  event: ImportEvent & { data: { run: string } },
  isDone = false,
): ImportEvent[] {
  if (state.run !== event.data.run) throw anotherRun();
  return isDone ? [] : [event];
}

function anotherRun(): Problem {
  return new Problem("illegal_transition", "another import has begun meanwhile");
}
