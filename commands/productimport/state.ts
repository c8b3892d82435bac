import type { DataOf, EvolveContext } from "../../src/engine/decider.ts";
import type { ImportReject, PlannedImport, productImportEvents } from "./events.ts";

type Data<K extends keyof typeof productImportEvents> = DataOf<typeof productImportEvents, K>;

/** What is shown of an import at once; the stream has all of them. */
const rejectsShownMax = 20;
const plannedShownMax = 100;

/** An import of products that was handed in. Times are epoch milliseconds. */
export interface ProductImport {
  readonly state: "waiting" | "running" | "finished" | "cancelled" | "failed";
  readonly request: Data<"ProductImportRequested">;
  readonly table?: Data<"ProductImportLookedThrough">;
  /** Products of the table, in its order. */
  readonly done: number;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly rejects: readonly ImportReject[];
  readonly planned: readonly PlannedImport[];
  readonly reason?: string;
  readonly requestedAt: number;
  readonly updatedAt: number;
}

const ended =
  (state: ProductImport["state"]) =>
  (job: ProductImport, _: unknown, { time }: EvolveContext): ProductImport => ({
    ...job,
    state,
    updatedAt: time,
  });

/** How each event changes an import, for the write side and the read model alike. */
export const importJobEvents = {
  ProductImportRequested: (
    _: unknown,
    request: Data<"ProductImportRequested">,
    { time }: EvolveContext,
  ): ProductImport => ({
    state: "waiting",
    request,
    done: 0,
    created: 0,
    changed: 0,
    unchanged: 0,
    rejected: 0,
    rejects: [],
    planned: [],
    requestedAt: time,
    updatedAt: time,
  }),
  ProductImportLookedThrough: (
    job: ProductImport,
    table: Data<"ProductImportLookedThrough">,
    { time }: EvolveContext,
  ): ProductImport => ({ ...job, state: "running", table, updatedAt: time }),
  ProductImportReached: (
    job: ProductImport,
    data: Data<"ProductImportReached">,
    { time }: EvolveContext,
  ): ProductImport => ({
    ...job,
    done: data.done,
    created: job.created + data.created,
    changed: job.changed + data.changed,
    unchanged: job.unchanged + data.unchanged,
    rejected: job.rejected + data.rejected,
    rejects: [...job.rejects, ...data.rejects].slice(0, rejectsShownMax),
    planned: [...job.planned, ...data.planned].slice(0, plannedShownMax),
    updatedAt: time,
  }),
  ProductImportFinished: ended("finished"),
  ProductImportCancelled: ended("cancelled"),
  ProductImportFailed: (
    job: ProductImport,
    { reason }: Data<"ProductImportFailed">,
    { time }: EvolveContext,
  ): ProductImport => ({ ...job, state: "failed", reason, updatedAt: time }),
};
