import { z } from "zod";
import { event } from "../../src/engine/decider.ts";

const count = z.int().min(0);
const reject = z.object({
  row: z.int(),
  product: z.string(),
  field: z.string(),
  value: z.string(),
  reason: z.string(),
});
const leftOut = z.object({ field: z.string(), reason: z.string(), rows: count, firstRow: z.int() });
/** What a dry run would do. */
const planned = z.object({
  row: z.int(),
  product: z.string(),
  outcome: z.enum(["created", "changed"]),
  steps: z.array(z.string()),
});

export type ImportReject = z.output<typeof reject>;
export type PlannedImport = z.output<typeof planned>;

/** Parts of a file that was handed in, in their order: base64 of its bytes, which are gzipped. */
export const importFileEvents = {
  ImportFilePartReceived: event(z.object({ part: count, bytes: z.string() })),
};

export const productImportEvents = {
  /** The file is on the stream `importfile-` of the same id, in so many parts. */
  ProductImportRequested: event(
    z.object({
      kind: z.enum(["csv", "json"]),
      bytes: count,
      parts: count,
      encoding: z.string().optional(),
      isDry: z.boolean(),
      isPublishing: z.boolean(),
    }),
  ),
  /** What is in the file, before anything is done about it. */
  ProductImportLookedThrough: event(
    z.object({ format: z.string(), rows: count, products: count, leftOut: z.array(leftOut) }),
  ),
  /** So many of its products are done, in the order of the file; the counts are of those since the event before. */
  ProductImportReached: event(
    z.object({
      done: count,
      created: count,
      changed: count,
      unchanged: count,
      rejected: count,
      rejects: z.array(reject),
      planned: z.array(planned),
    }),
  ),
  ProductImportFinished: event(z.object({})),
  ProductImportCancelled: event(z.object({})),
  /** The file cannot be read. */
  ProductImportFailed: event(z.object({ reason: z.string() })),
};
