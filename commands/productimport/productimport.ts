import { type DataOf, decider, type EventOf } from "../../src/engine/decider.ts";
import { illegalTransition, notFound } from "../../src/values/problem.ts";
import { importFileEvents, productImportEvents } from "./events.ts";
import { importJobEvents, type ProductImport } from "./state.ts";

type ProductImportEvent = EventOf<typeof productImportEvents>;
type Data<K extends keyof typeof productImportEvents> = DataOf<typeof productImportEvents, K>;

export type ProductImportState = ProductImport | { readonly state: "absent" };

const weighedBytes = 30_000;

/** A file that was handed in: so that any process can read it, its bytes stand on a stream of their own. */
export const importFile = decider({
  category: "importfile",
  events: importFileEvents,
  initial: () => ({ parts: 0 }),
  evolve: { ImportFilePartReceived: (_, { part }) => ({ parts: part + 1 }) },
  decide: {
    /** One that is there already is this command done before. */
    Receive: (
      { parts },
      command: DataOf<typeof importFileEvents, "ImportFilePartReceived">,
    ): EventOf<typeof importFileEvents>[] =>
      command.part < parts ? [] : [{ type: "ImportFilePartReceived", data: command }],
  },
});

const changed =
  <D>(change: (job: ProductImport, data: D, context: { time: number }) => ProductImport) =>
  (state: ProductImportState, data: D, context: { time: number }): ProductImportState =>
    change(found(state), data, context);

/** An import of products as a job: what was asked for, and how far it is. Whoever goes on with it begins there. */
export const productImport = decider({
  category: "productimport",
  events: productImportEvents,
  initial: (): ProductImportState => ({ state: "absent" }),
  evolve: {
    ProductImportRequested: (state, data, context): ProductImportState =>
      importJobEvents.ProductImportRequested(state, data, context),
    ProductImportLookedThrough: changed(importJobEvents.ProductImportLookedThrough),
    ProductImportReached: changed(importJobEvents.ProductImportReached),
    ProductImportFinished: changed(importJobEvents.ProductImportFinished),
    ProductImportCancelled: changed(importJobEvents.ProductImportCancelled),
    ProductImportFailed: changed(importJobEvents.ProductImportFailed),
  },
  decide: {
    /** Its id comes from the command, so one that exists is this command done before. */
    Request: (state: ProductImportState, command: Data<"ProductImportRequested">): ProductImportEvent[] =>
      state.state === "absent" ? [{ type: "ProductImportRequested", data: command }] : [],

    LookThrough: (
      state: ProductImportState,
      command: Data<"ProductImportLookedThrough">,
    ): ProductImportEvent[] =>
      state.state === "waiting" ? [{ type: "ProductImportLookedThrough", data: command }] : [],

    /** By whoever is at it, from where it was: what another process has reached meanwhile stays. */
    Reach: (
      state: ProductImportState,
      { from, ...data }: Data<"ProductImportReached"> & { from: number },
    ): ProductImportEvent[] => {
      if (state.state !== "running" || state.done !== from) return [];
      const isOver = data.done >= (state.table?.products ?? 0);
      const reached: ProductImportEvent[] = data.done > from ? [{ type: "ProductImportReached", data }] : [];
      return isOver ? [...reached, { type: "ProductImportFinished", data: {} }] : reached;
    },

    Fail: (state: ProductImportState, { reason }: { reason: string }): ProductImportEvent[] =>
      isOpen(state) ? [{ type: "ProductImportFailed", data: { reason } }] : [],

    /** What is done stays done. */
    Cancel: (state: ProductImportState, _: Record<never, never>): ProductImportEvent[] => {
      if (found(state).state === "cancelled") return [];
      if (!isOpen(state)) throw illegalTransition(`the import is ${state.state}`);
      return [{ type: "ProductImportCancelled", data: {} }];
    },
  },
  weigh: () => weighedBytes,
});

/** Whether there is something left to do. */
export function isOpen(state: ProductImportState): state is ProductImport {
  return state.state === "waiting" || state.state === "running";
}

function found(state: ProductImportState): ProductImport {
  if (state.state === "absent") throw notFound("import", "of this id");
  return state;
}
