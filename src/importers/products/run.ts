import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { prepareLog } from "../../runtime/prepare-log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { newId } from "../../values/ids.ts";
import { inParallel } from "../../values/in-parallel.ts";
import { type Applied, applyProduct } from "./apply.ts";
import { lookThrough } from "./file.ts";
import type { LeftOut, Reject } from "./records.ts";
import { rejectLine, rejectsHeader } from "./rejects.ts";

/** Products under way at once: enough that their steps share commits. */
const concurrentMax = 64;
/** One product in so many may be rejected, and no more. */
const productsPerReject = 10;

export interface ProductImportOptions {
  /** CSV, JSON or JSON lines, gzipped or not. */
  file: string;
  /** Of CSV that is neither UTF-8 nor UTF-16: a label of the Encoding Standard. */
  encoding?: string | undefined;
  isDry?: boolean | undefined;
  isPublishing?: boolean | undefined;
  /** It is no failure when a tenth of the products or more is rejected. */
  allowRejects?: boolean | undefined;
  /** Where rejected rows go; beside the file's name in the working folder by default. */
  rejectsFile?: string | undefined;
  progress?: (done: number, total: number) => void;
  /** Told of each product that is created or changed, or would be. */
  onApplied?: (applied: Applied) => void;
}

export interface ProductImportSummary {
  file: string;
  format: string;
  dryRun: boolean;
  rows: number;
  products: number;
  created: number;
  changed: number;
  unchanged: number;
  rejected: { products: number; rows: number; file?: string };
  leftOut: LeftOut[];
  /** Too much was rejected for the import to have gone well. */
  failed: boolean;
  events: number | undefined;
  seconds: number;
}

/**
 * Imports products from a file, each by itself: one that cannot be read is rejected as a whole. An import that was stopped is
 * begun again: what it has done is found done.
 * @throws UnreadableFile
 */
export async function importProducts(
  runtime: Runtime,
  options: ProductImportOptions,
): Promise<ProductImportSummary> {
  const { file, encoding, isDry = false, isPublishing = false, allowRejects, progress = () => {} } = options;
  const started = performance.now();
  const { engine, clock, events, config } = runtime;
  const before = await events.head();
  const table = await lookThrough({ file, encoding }, { currency: config.STORE_CURRENCY, now: clock() });
  if (!isDry) await prepareLog(runtime);
  const apply = { engine, clock, importId: newId(), isPublishing, isDry };
  const counts = { created: 0, changed: 0, unchanged: 0, rejected: 0 };
  const rejects: Reject[] = [];
  let done = 0;
  await inParallel(Array(table.products).keys(), concurrentMax, async (index) => {
    const applied = await applyProduct(table.read(index), apply);
    counts[applied.outcome]++;
    rejects.push(...applied.rejects);
    if (applied.steps.length > 0) options.onApplied?.(applied);
    progress(++done, table.products);
  });
  const rejectsFile =
    options.rejectsFile ?? (rejects.length > 0 ? `${basename(file)}.rejects.csv` : undefined);
  if (rejectsFile !== undefined) await writeRejects(rejectsFile, rejects);
  const { rejected, ...imported } = counts;
  const rows = new Set(rejects.map(({ row }) => row)).size;
  return {
    file,
    format: table.format,
    dryRun: isDry,
    rows: table.rows,
    products: table.products,
    ...imported,
    rejected: { products: rejected, rows, ...(rejectsFile !== undefined && { file: rejectsFile }) },
    leftOut: table.leftOut,
    failed: !allowRejects && rejected > 0 && rejected * productsPerReject >= table.products,
    events: await events.countBetween(before, await events.head()),
    seconds: (performance.now() - started) / 1_000,
  };
}

async function writeRejects(file: string, rejects: readonly Reject[]): Promise<void> {
  const lines = [rejectsHeader, ...rejects.toSorted((a, b) => a.row - b.row).map(rejectLine)];
  await pipeline(Readable.from(lines), createWriteStream(`${file}.tmp`, { flush: true }));
  await rename(`${file}.tmp`, file);
}
