import { basename } from "node:path";
import { prepareLog } from "../../runtime/prepare-log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { isoTime } from "../../values/clock.ts";
import { matchCancellations } from "./cancellations.ts";
import type { DateOrder } from "./dates.ts";
import { compareWithEarlier } from "./earlier.ts";
import { judgeInvoices } from "./judge.ts";
import type { Field } from "./layout.ts";
import { compareWithList, type Listed, ListWriter, type OpeningStock, planRun, type Run } from "./list.ts";
import { lookThrough } from "./look.ts";
import { type Counts, Plan } from "./plan.ts";
import { rejectsOf, writeRejects } from "./rejects.ts";
import { InvoiceRun, receiveOpenings } from "./run.ts";
import { type Staging, weekMs } from "./staging.ts";

/** One line in so many may be rejected, and no more. */
const linesPerReject = 10;

export interface ImportOptions {
  /** CSV, gzipped or not. */
  file: string;
  /** Of the file, where it is neither UTF-8 nor UTF-16: a label of the Encoding Standard. */
  encoding?: string | undefined;
  dates?: DateOrder | undefined;
  /** The columns of another shop's order lines; those of the data set when left out. */
  columns?: ReadonlyMap<Field, string> | undefined;
  /** Imports what can be read, however many lines cannot. */
  allowRejects?: boolean | undefined;
  /** Where rejected lines go, with their reasons; beside the file's name in the working folder by default. */
  rejectsFile?: string | undefined;
  progress?: (done: number, total: number, what: string) => void;
}

export interface ImportSummary {
  file: string;
  /** Each is used, set aside, rejected, or of an invoice that had been imported before. */
  lines: number;
  used: Counts & { total: number };
  alreadyImported: { invoices: number; lines: number };
  setAside: { total: number; byKind: Record<string, number> };
  rejected: { total: number; byReason: Record<string, number>; file: string };
  /** What this import has made. */
  orders: number;
  units: number;
  gross: { amount: number; currency: string };
  /** The import had been started before and went on. */
  resumed?: boolean;
  /** Why nothing was written. */
  refused?: string;
  events: number;
  seconds: number;
  eventsPerSecond: number;
}

type Progress = (done: number, total: number, what: string) => void;

/**
 * Replays the orders of a file as commands, each at the time of its invoice: products and stock as needed, every
 * sale a cart that is checked out, paid and shipped, cancellations as returns and refunds, write-offs as adjustments.
 *
 * The whole file is looked through before anything is written. An invoice is known by its number and its lines, so
 * what was imported is not imported again, from whatever file; an import that was stopped goes on.
 *
 * @throws UnreadableFile, WrongColumns, ImportRefused
 */
export async function importOnlineRetail(runtime: Runtime, options: ImportOptions): Promise<ImportSummary> {
  const { file, progress = () => {} } = options;
  const started = performance.now();
  const before = await runtime.events.head();
  progress(0, 1, "looking through the file");
  const { STORE_TIME_ZONE: timeZone, STORE_CURRENCY: currency } = runtime.config;
  const { staging, orderTitle } = await lookThrough({
    ...options,
    folder: runtime.folder.path,
    timeZone,
    currency,
  });
  try {
    judgeInvoices(staging, orderTitle);
    const listed = await compareWithList(runtime, staging, orderTitle);
    await compareWithEarlier(runtime, staging, orderTitle);
    matchCancellations(staging);
    const rejectsFile = options.rejectsFile ?? `${basename(file)}.rejects.csv`;
    await writeRejects(rejectsFile, staging);
    const refused = refusal(staging, options.allowRejects);
    const run = refused === undefined ? planRun(staging, listed) : undefined;
    const plan = new Plan(staging, options.columns === undefined);
    if (run) await runThrough(runtime, { file: basename(file), staging, plan, run, listed, progress });
    const seconds = (performance.now() - started) / 1000;
    const events = (await runtime.events.countBetween(before, await runtime.events.head())) ?? 0;
    return {
      file: basename(file),
      ...countsOf(staging, plan, currency),
      rejected: { ...rejectsOf(staging), file: rejectsFile },
      ...(run?.isListed && { resumed: true }),
      ...(refused !== undefined && { refused }),
      events,
      seconds: Math.round(seconds * 10) / 10,
      eventsPerSecond: Math.round(events / seconds),
    };
  } finally {
    staging.close();
  }
}

function countsOf(staging: Staging, plan: Plan, currency: string) {
  const { used, orders, units, gross } = plan.totals();
  const byKind = staging.setAsideByKind();
  return {
    lines: staging.lines,
    used: { ...used, total: used.sales + used.returns + used.stockChanges },
    alreadyImported: plan.alreadyImported(),
    setAside: { total: Object.values(byKind).reduce((sum, count) => sum + count, 0), byKind },
    orders,
    units,
    gross: { amount: gross, currency },
  };
}

/** @returns why nothing of the file is imported, for people */
function refusal(staging: Staging, allowRejects = false): string | undefined {
  const { lines } = staging;
  const rejected = staging.count("SELECT COUNT(*) FROM rejects");
  if (lines === 0) return "the file holds no lines";
  if (rejected === lines) return "every line is rejected";
  if (allowRejects || rejected * linesPerReject < lines) return undefined;
  return `${rejected} of ${lines} lines are rejected, a tenth or more`;
}

interface RunOptions {
  file: string;
  staging: Staging;
  plan: Plan;
  run: Run;
  listed: Listed;
  progress: Progress;
}

async function runThrough(runtime: Runtime, options: RunOptions): Promise<void> {
  const { file, staging, plan, run, progress } = options;
  const { latest, openings } = options.listed;
  await prepareLog(runtime);
  const commands = new InvoiceRun(runtime, run.id, plan);
  await commands.findSkus();
  // Of the run that was stopped last, whether or not it is this one.
  if (latest.run !== undefined && latest.isListed && !latest.isStocked)
    await openStock(runtime, latest.run, openings);
  const list = new ListWriter(runtime, run.id);
  if (!run.isListed) {
    const needed = commands.openings();
    await list.list(file, staging, needed);
    await openStock(runtime, run.id, needed);
  }
  const total = plan.ordersUpTo(Number.MAX_SAFE_INTEGER);
  let done = plan.ordersUpTo(run.lastWeek ?? Number.MIN_SAFE_INTEGER);
  for (const week of plan.weeks()) {
    if (run.lastWeek !== undefined && week <= run.lastWeek) {
      commands.skip(week);
      continue;
    }
    const from = isoTime(week * weekMs).slice(0, 10);
    await commands.week(week, () => progress(++done, total, from));
    await list.finishWeek(week);
  }
  await list.finish();
  staging.put("unmatched", commands.refusedReturns);
  progress(total, total, "projecting");
  await runtime.models.caughtUp();
}

async function openStock(runtime: Runtime, run: string, openings: readonly OpeningStock[]): Promise<void> {
  await receiveOpenings(runtime, run, openings);
  await new ListWriter(runtime, run).finishStock();
}
