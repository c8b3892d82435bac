import { cartBytesMax, cartLinesMax, requireTotal } from "../../../commands/cart/cart.ts";
import { lineQuantityMax } from "../../../commands/cart/events.ts";
import { lineBytes } from "../../../commands/cart/state.ts";
import { lineKinds } from "./kinds.ts";
import { digestOf, type StagedLine, type Staging, weekMs } from "./staging.ts";

/** As long as the ids that a cart line holds. */
const someId = "00000000-0000-0000-0000-000000000000";

const spoiled = "belongs to an order of which another line is rejected";

interface Row extends StagedLine {
  invoice: string;
  at: number;
  customer: string;
  email: string;
}

/**
 * Makes invoices of the staged lines: each as a whole, or rejected as a whole. One that the file holds twice, word for
 * word, is one.
 * @param orderTitle the column that an order's number is in
 */
export function judgeInvoices(staging: Staging, orderTitle: string): void {
  const judge = new Judge(staging, orderTitle);
  let lines: Row[] = [];
  const rows = staging.rows<Row>(
    `SELECT invoice, line, run, kind, sku, name, quantity, price, at, customer, email
     FROM lines ORDER BY invoice, id`,
  );
  for (const row of rows) {
    if (lines.length > 0 && lines[0]?.invoice !== row.invoice) {
      judge.invoice(lines);
      lines = [];
    }
    // Two more tell that there are too many.
    if (lines.length <= 2 * cartLinesMax + 1) lines.push(row);
  }
  if (lines.length > 0) judge.invoice(lines);
  judge.dropRepeated();
}

class Judge {
  private readonly staging: Staging;
  private readonly orderTitle: string;
  private readonly insert;
  private readonly firstReject;
  private readonly repeated: { invoice: string; run: number }[] = [];

  constructor(staging: Staging, orderTitle: string) {
    this.staging = staging;
    this.orderTitle = orderTitle;
    this.insert = staging.db.prepare(
      `INSERT INTO invoices (number, first, at, week, customer, email, digest, state, scope)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')`,
    );
    this.firstReject = staging.db.prepare("SELECT MIN(line) AS line FROM rejects WHERE invoice = ?");
  }

  invoice(all: readonly Row[]): void {
    const [first] = all;
    if (!first) return;
    const lines = this.once(all);
    const bad = this.firstReject.get(first.invoice)?.line;
    const reason = typeof bad === "number" ? spoiled : unfit(lines);
    const { invoice, line, at, customer, email } = first;
    this.insert.run(invoice, line, at, Math.floor(at / weekMs), customer, email, digestOf(lines), "new");
    if (reason !== undefined) rejectInvoices(this.staging, this.orderTitle, reason, "i.number = ?", invoice);
  }

  /** The lines of the first of several runs that all say the same. */
  private once(all: readonly Row[]): readonly Row[] {
    const runs = Map.groupBy(all, ({ run }) => run);
    if (runs.size < 2) return all;
    const [first = [], ...others] = runs.values();
    const digest = digestOf(first);
    if (others.some((lines) => lines.length !== first.length || digestOf(lines) !== digest)) return all;
    for (const [again] of others) if (again) this.repeated.push({ invoice: again.invoice, run: again.run });
    return first;
  }

  dropRepeated(): void {
    const { staging, repeated } = this;
    const drop = staging.db.prepare("DELETE FROM lines WHERE invoice = ? AND run = ?");
    for (const { invoice, run } of repeated) {
      const lines = staging.count(
        "SELECT COUNT(DISTINCT line) FROM lines WHERE invoice = ? AND run = ?",
        invoice,
        run,
      );
      staging.put("repeated", lines);
      drop.run(invoice, run);
    }
  }
}

/**
 * Rejects every line, that is not rejected yet, of the invoices that an SQL condition on `i`, an invoice, is true of.
 * @param values of the condition's parameters
 */
export function rejectInvoices(
  staging: Staging,
  field: string,
  reason: string,
  condition: string,
  ...values: string[]
): void {
  const insert = `INSERT OR IGNORE INTO rejects SELECT l.line, l.invoice, ?, l.invoice, ?
    FROM invoices i JOIN lines l ON l.invoice = i.number WHERE ${condition}`;
  staging.db.prepare(insert).run(field, reason, ...values);
  staging.db.prepare(`UPDATE invoices AS i SET state = 'rejected' WHERE ${condition}`).run(...values);
}

/** @returns why these lines cannot be one order */
function unfit(all: readonly Row[]): string | undefined {
  const lines = all.filter(({ kind }) => kind === lineKinds.sale);
  if (lines.length > cartLinesMax) return `is an order of more than ${cartLinesMax} lines`;
  const pieces = new Map<string, number>();
  let bytes = 0;
  let total = 0;
  for (const { sku, name, quantity, price } of lines) {
    const key = `${price}:${sku}`;
    pieces.set(key, (pieces.get(key) ?? 0) + quantity);
    const id = { lineId: key, productId: someId, priceOverridden: true } as const;
    bytes += lineBytes({ sku, name, quantity, unitPrice: price, ...id });
    total += quantity * price;
  }
  if (Math.max(0, ...pieces.values()) > lineQuantityMax)
    return `is an order of more than ${lineQuantityMax} pieces of one SKU at one price`;
  if (bytes > cartBytesMax) return `is an order of more than ${cartBytesMax} bytes of lines`;
  try {
    requireTotal(total, "total");
  } catch {
    return "is an order that is worth more than can be counted";
  }
  return undefined;
}
