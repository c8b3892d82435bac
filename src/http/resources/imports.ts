import { z } from "zod";
import type { ProductImport } from "../../../commands/productimport/state.ts";
import { isoTime } from "../../values/clock.ts";
import { pageOf } from "./lists.ts";

const count = z.int().min(0);

/** How far an import is. `state` is `running` once the file was looked through. */
export const importSummary = z
  .strictObject({
    id: z.string(),
    state: z.enum(["waiting", "running", "finished", "cancelled", "failed"]),
    /** Why it has failed. */
    reason: z.string().optional(),
    dryRun: z.boolean(),
    publish: z.boolean(),
    /** Of the file, as it came. */
    bytes: count,
    /** Whose columns the file has: the shop's `own`, `shopify`'s or `woocommerce`'s. */
    format: z.string().optional(),
    rows: count.optional(),
    products: count.optional(),
    /** Of the products; each is created, changed, unchanged or rejected, or would be by a dry run. */
    done: count,
    created: count,
    changed: count,
    unchanged: count,
    rejected: count,
    requestedAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: "ImportSummary" });

export const importDetails = importSummary
  .extend({
    /** The first of what was not imported; all of it is in the import's rejects. */
    rejects: z.array(
      z.strictObject({
        row: z.int(),
        product: z.string(),
        field: z.string(),
        value: z.string(),
        reason: z.string(),
      }),
    ),
    /** What the catalog has no place for, by field: of how many rows, and the first of them. */
    leftOut: z.array(
      z.strictObject({ field: z.string(), reason: z.string(), rows: count, firstRow: z.int() }),
    ),
    /** The first of what a dry run would do, in words. */
    planned: z.array(
      z.strictObject({
        row: z.int(),
        product: z.string(),
        outcome: z.enum(["created", "changed"]),
        steps: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: "Import" });

export const importList = pageOf(importSummary).meta({ id: "ImportList" });

export function summaryView(id: string, job: ProductImport): z.output<typeof importSummary> {
  const { state, reason, request, table, done, created, changed, unchanged, rejected } = job;
  return {
    id,
    state,
    ...(reason !== undefined && { reason }),
    dryRun: request.isDry,
    publish: request.isPublishing,
    bytes: request.bytes,
    ...(table && { format: table.format, rows: table.rows, products: table.products }),
    done,
    created,
    changed,
    unchanged,
    rejected,
    requestedAt: isoTime(job.requestedAt),
    updatedAt: isoTime(job.updatedAt),
  };
}

export function importView(id: string, job: ProductImport): z.output<typeof importDetails> {
  return {
    ...summaryView(id, job),
    rejects: [...job.rejects],
    leftOut: job.table?.leftOut ?? [],
    planned: [...job.planned],
  };
}
