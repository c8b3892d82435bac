import { createHash } from "node:crypto";
import type { ShopEvents } from "../../../commands/events.ts";
import { type InvoiceList, invoiceList, invoiceListId } from "../../../commands/import/import.ts";
import { isRefusal } from "../../../commands/processes/process.ts";
import { type CommandsOf, type DataOf, streamName } from "../../engine/decider.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { newId } from "../../values/ids.ts";
import { ImportRefused } from "../refused.ts";
import { rejectInvoices } from "./judge.ts";
import type { Staging } from "./staging.ts";

const pageEvents = 100;
const invoicesPerEventMax = 500;
const skusPerEventMax = 500;
const runCharacters = 32;
export const changedReason = "was imported with other lines";

type Data<K extends keyof ShopEvents> = DataOf<ShopEvents, K>;

export interface OpeningStock {
  sku: string;
  quantity: number;
  /** Epoch milliseconds. */
  at: number;
}

/** What the log has of earlier imports. */
export interface Listed {
  latest: InvoiceList;
  /** What the latest run opens stock with, while it has not. */
  openings: OpeningStock[];
}

/** Puts what the log lists beside what the file has: the state of each invoice is `known`, `begun` or still `new`. */
export async function compareWithList(
  { events, codec }: Runtime,
  staging: Staging,
  orderTitle: string,
): Promise<Listed> {
  const reading = new ListReading(staging);
  const stream = streamName(invoiceList.category, invoiceListId);
  for (let from = 0; ; ) {
    const { events: page, isEnd } = await events.readStream(stream, { from, maxCount: pageEvents });
    for (const event of page) reading.take(event.type, codec.decode(event));
    from += page.length;
    if (isEnd) break;
  }
  const { latest, openings } = reading;
  rejectInvoices(
    staging,
    orderTitle,
    changedReason,
    "i.state = 'new' AND EXISTS (SELECT 1 FROM known k WHERE k.number = i.number AND k.digest <> i.digest)",
  );
  staging.db.exec(
    `UPDATE invoices SET state = iif(k.done, 'known', 'begun')
     FROM known k WHERE k.number = invoices.number AND state = 'new'`,
  );
  return { latest, openings: latest.isListed && !latest.isStocked ? openings : [] };
}

class ListReading {
  latest: InvoiceList = invoiceList.initial();
  openings: OpeningStock[] = [];
  private readonly staging: Staging;
  private readonly insert;

  constructor(staging: Staging) {
    this.staging = staging;
    this.insert = staging.db.prepare("INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?)");
  }

  take(type: string, data: unknown): void {
    const evolve = invoiceList.evolve as unknown as Record<
      string,
      (state: InvoiceList, data: unknown) => InvoiceList
    >;
    const next = evolve[type]?.(this.latest, data);
    if (next) this.latest = next;
    const { staging } = this;
    if (type === "InvoiceRunStarted") {
      this.abandon();
    } else if (type === "InvoicesListed") {
      const { run, week, invoices } = data as Data<"InvoicesListed">;
      for (const [number, digest] of invoices) this.insert.run(number, digest, run, week);
    } else if (type === "OpeningStockListed") {
      this.openings.push(...(data as Data<"OpeningStockListed">).skus);
    } else if (type === "InvoiceRunListed") {
      staging.db.exec("INSERT OR REPLACE INTO known SELECT *, 0 FROM listed; DELETE FROM listed");
    } else if (type === "InvoiceWeekDone") {
      const { run, week } = data as Data<"InvoiceWeekDone">;
      staging.db.prepare("UPDATE known SET done = 1 WHERE run = ? AND week <= ?").run(run, week);
    }
  }

  /** What was listed and never begun is as if it had not been. */
  private abandon(): void {
    this.openings = [];
    this.staging.db.exec("DELETE FROM listed");
  }
}

export interface Run {
  /** Names the run, by what it imports. */
  id: string;
  /** The last week that is done, counted from the epoch. */
  lastWeek?: number;
  isListed: boolean;
  isStocked: boolean;
}

/**
 * What is to be imported: what the list does not have as done. The run that was begun last goes on where the file
 * still has all of it and no more; in another file, what it has begun is a part of a new run.
 * @returns undefined when there is nothing new
 */
export function planRun(staging: Staging, { latest }: Listed): Run | undefined {
  const { run = "", isListed, isStocked, lastWeek, isFinished } = latest;
  const ofRun =
    "FROM invoices i JOIN known k USING (number) WHERE i.state IN ('begun', 'known') AND k.run = ?";
  const goesOn =
    isListed &&
    !isFinished &&
    staging.count("SELECT COUNT(*) FROM invoices WHERE state = 'new'") === 0 &&
    staging.count("SELECT COUNT(*) FROM invoices WHERE state = 'begun'") ===
      staging.count(`SELECT COUNT(*) ${ofRun} AND k.done = 0`, run) &&
    staging.count(`SELECT COUNT(*) ${ofRun}`, run) ===
      staging.count("SELECT COUNT(*) FROM known WHERE run = ?", run);
  if (goesOn) {
    staging.db.prepare(`UPDATE invoices SET todo = 1 WHERE number IN (SELECT i.number ${ofRun})`).run(run);
    return { id: run, isListed, isStocked, ...(lastWeek !== undefined && { lastWeek }) };
  }
  staging.db.exec("UPDATE invoices SET todo = 1 WHERE state IN ('new', 'begun')");
  const names = createHash("sha256");
  const todo = staging.rows<{ number: string; digest: string }>(
    "SELECT number, digest FROM invoices WHERE todo ORDER BY number",
  );
  let count = 0;
  for (const { number, digest } of todo) {
    names.update(JSON.stringify([number, digest]));
    count++;
  }
  if (count === 0) return undefined;
  return { id: names.digest("hex").slice(0, runCharacters), isListed: false, isStocked: false };
}

/** The commands on the list, all for one run. Each throws ImportRefused when another run has begun meanwhile. */
export class ListWriter {
  private readonly runtime: Runtime;
  private readonly run: string;

  constructor(runtime: Runtime, run: string) {
    this.runtime = runtime;
    this.run = run;
  }

  /** Nothing of the run is done before all that it is going to do stands on the list. */
  async list(file: string, staging: Staging, openings: readonly OpeningStock[]): Promise<void> {
    const { run } = this;
    await this.execute("Start", { run, file, lines: staging.lines });
    let invoices: [number: string, digest: string][] = [];
    let week: number | undefined;
    const flush = async () => {
      if (week !== undefined && invoices.length > 0)
        await this.execute("ListInvoices", { run, week, invoices });
      invoices = [];
    };
    const todo = staging.rows<{ number: string; digest: string; week: number }>(
      "SELECT number, digest, week FROM invoices WHERE todo ORDER BY week",
    );
    for (const invoice of todo) {
      if (invoice.week !== week || invoices.length >= invoicesPerEventMax) await flush();
      week = invoice.week;
      invoices.push([invoice.number, invoice.digest]);
    }
    await flush();
    for (let from = 0; from < openings.length; from += skusPerEventMax)
      await this.execute("ListOpeningStock", { run, skus: openings.slice(from, from + skusPerEventMax) });
    await this.execute("FinishList", { run });
  }

  async finishStock(): Promise<void> {
    await this.execute("FinishStock", { run: this.run });
  }

  async finishWeek(week: number): Promise<void> {
    await this.execute("FinishWeek", { run: this.run, week });
  }

  async finish(): Promise<void> {
    await this.execute("Finish", { run: this.run });
  }

  private async execute<N extends keyof CommandsOf<typeof invoiceList> & string>(
    name: N,
    command: CommandsOf<typeof invoiceList>[N],
  ): Promise<void> {
    const { engine, clock } = this.runtime;
    const correlationId = `import-${this.run}`;
    const context = { commandId: newId(), now: clock(), actor: "system:import", correlationId };
    try {
      await engine.execute(invoiceList, invoiceListId, name, command, context);
    } catch (error) {
      throw isRefusal(error) ? new ImportRefused(error.message) : error;
    }
  }
}
