import { lineKinds } from "./kinds.ts";
import { type Staging, weekMs } from "./staging.ts";

interface Cancelled {
  number: string;
  line: number;
  customer: string;
  sku: string;
  quantity: number;
  price: number;
  at: number;
}

/**
 * Each cancelled line goes to the customer's latest order before it that has enough of the SKU left; one without such
 * an order is set aside.
 */
export function matchCancellations(staging: Staging): void {
  const { db } = staging;
  db.exec(`
    CREATE TABLE wanted AS
      SELECT DISTINCT i.customer, l.sku FROM lines l JOIN invoices i ON i.number = l.invoice
      WHERE l.kind = ${lineKinds.cancellation};
    CREATE INDEX wanted_by_customer ON wanted (customer, sku);
    CREATE TABLE sold AS
      SELECT i.customer, l.sku, i.at, i.first, i.number, SUM(l.quantity) AS remaining
      FROM invoices i JOIN lines l ON l.invoice = i.number
      WHERE i.state <> 'rejected' AND l.kind = ${lineKinds.sale}
        AND EXISTS (SELECT 1 FROM wanted w WHERE w.customer = i.customer AND w.sku = l.sku)
      GROUP BY i.number, l.sku;
    CREATE INDEX sold_by_customer ON sold (customer, sku, at, first);
  `);
  const find = db.prepare(
    `SELECT rowid AS id, number FROM sold WHERE customer = ? AND sku = ? AND at <= ? AND remaining >= ?
     ORDER BY at DESC, first DESC LIMIT 1`,
  );
  const take = db.prepare("UPDATE sold SET remaining = remaining - ? WHERE rowid = ?");
  const insert = db.prepare("INSERT INTO reversals VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  const cancelled = staging.rows<Cancelled>(
    `SELECT i.number, l.line, i.customer, l.sku, l.quantity, l.price, i.at
     FROM lines l JOIN invoices i ON i.number = l.invoice
     WHERE l.kind = ${lineKinds.cancellation} AND i.state <> 'rejected' ORDER BY i.at, l.id`,
  );
  for (const { number, line, customer, sku, quantity, price, at } of cancelled) {
    const sale = find.get(customer, sku, at, quantity);
    if (sale) {
      take.run(quantity, sale.id ?? null);
      insert.run(number, sale.number ?? null, line, sku, quantity, price, at, Math.floor(at / weekMs));
    } else {
      staging.put("unmatched");
    }
  }
  // Nothing comes of a cancellation without any sale, so it is not listed as imported either.
  db.exec(`
    UPDATE invoices SET state = 'aside' WHERE state IN ('new', 'begun')
      AND NOT EXISTS (SELECT 1 FROM lines WHERE invoice = number AND kind <> ${lineKinds.cancellation})
      AND number NOT IN (SELECT number FROM reversals)
  `);
}
