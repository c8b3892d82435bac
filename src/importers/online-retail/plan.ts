import { slugify } from "../../../commands/product/slug.ts";
import { isMerchandise, lineKinds } from "./kinds.ts";
import type { Staging } from "./staging.ts";

export interface SaleLine {
  /** As its streams are named. */
  sku: string;
  name: string;
  quantity: number;
  /** Minor units. */
  unitPrice: number;
}

export interface Sale {
  invoice: string;
  at: number;
  customer: string;
  email: string;
  lines: SaleLine[];
}

export interface StockChange {
  invoice: string;
  /** Among those of its invoice and SKU. */
  ordinal: number;
  sku: string;
  delta: number;
  reason: string;
  at: number;
}

/** Goods of one order that one cancellation invoice takes back. */
export interface Reversal {
  invoice: string;
  /** The order that they were bought with, and where its ids come from. */
  orderInvoice: string;
  orderScope: string;
  at: number;
  lines: { sku: string; quantity: number }[];
  /** Minor units, as the cancellation has it. */
  amount: number;
}

/** A SKU that the run meets. */
export interface MetSku {
  /** As it is known by. */
  folded: string;
  /** As the file has it first; once it was looked for, as its streams are named. */
  sku: string;
  /** Merchandise, as far as the file tells. */
  isStocked: boolean;
  /** Pieces that the run takes out of stock. */
  opening: number;
  /** Left out when it is never sold. */
  product?: { name: string; slug: string; price: number };
  /** The week and time of its first line; left out for what only goes back. */
  week?: number;
  at: number;
}

/** The newest name and price that a week has sold a SKU at. */
export interface Relisting {
  folded: string;
  name: string;
  price: number;
  at: number;
}

export interface Counts {
  sales: number;
  returns: number;
  stockChanges: number;
}

interface Listing {
  name: string;
  price: number;
}

/**
 * What a run is to do, week by week: asked from what is staged, so that what is held is a week's SKUs and the
 * invoices under way.
 */
export class Plan {
  private readonly staging: Staging;
  private readonly isDataSet: boolean;
  /** By what it is known by. There are as many as the shop has SKUs, however many lines the file has. */
  readonly skus = new Map<string, MetSku>();

  constructor(staging: Staging, isDataSet: boolean) {
    this.staging = staging;
    this.isDataSet = isDataSet;
    this.number();
    this.meetSkus();
  }

  weeks(): number[] {
    const weeks = this.staging.rows<{ week: number }>(
      "SELECT DISTINCT week FROM invoices WHERE todo ORDER BY week",
    );
    return Array.from(weeks, ({ week }) => week);
  }

  skusOf(week: number): MetSku[] {
    return [...this.skus.values()].filter((met) => met.week === week);
  }

  *sales(week: number): Generator<Sale> {
    const rows = this.staging.rows<SaleLine & Omit<Sale, "lines">>(
      `SELECT i.number AS invoice, i.at, i.customer, i.email, l.sku, l.name, l.quantity, l.price AS unitPrice
       FROM invoices i JOIN lines l ON l.invoice = i.number
       WHERE i.todo AND i.week = ? AND l.kind = ${lineKinds.sale} ORDER BY i.seq, l.id`,
      week,
    );
    let sale: Sale | undefined;
    for (const { invoice, at, customer, email, sku, name, quantity, unitPrice } of rows) {
      if (sale?.invoice !== invoice) {
        if (sale) yield sale;
        sale = { invoice, at, customer, email, lines: [] };
      }
      sale.lines.push({ sku: this.spelled(sku), name, quantity, unitPrice });
    }
    if (sale) yield sale;
  }

  *stockChanges(week: number): Generator<StockChange> {
    const rows = this.staging.rows<Omit<StockChange, "reason"> & { said: string }>(
      `SELECT i.number AS invoice, i.at, l.sku, -l.quantity AS delta, l.name AS said,
         ROW_NUMBER() OVER (PARTITION BY i.number, l.sku ORDER BY l.quantity, l.id) AS ordinal
       FROM invoices i JOIN lines l ON l.invoice = i.number
       WHERE i.todo AND i.week = ? AND l.kind = ${lineKinds.writeOff} ORDER BY i.seq, l.id`,
      week,
    );
    for (const { said, ...change } of rows) {
      const reason = `write-off ${change.invoice}${said === "" ? "" : `: ${said}`}`;
      yield { ...change, sku: this.spelled(change.sku), reason };
    }
  }

  /** Those of one order together, for they change one stream. */
  *reversals(week: number): Generator<Reversal[]> {
    const rows = this.staging.rows<{
      number: string;
      ordered: string;
      scope: string;
      at: number;
      sku: string;
      quantity: number;
      price: number;
    }>(
      `SELECT r.number, r.ordered, o.scope, r.at, r.sku, r.quantity, r.price
       FROM reversals r JOIN invoices i ON i.number = r.number JOIN invoices o ON o.number = r.ordered
       WHERE i.todo AND r.week = ? ORDER BY r.ordered, i.seq, r.line`,
      week,
    );
    let ofOrder: Reversal[] = [];
    for (const { number, ordered, scope, at, sku, quantity, price } of rows) {
      if (ofOrder.length > 0 && ofOrder[0]?.orderInvoice !== ordered) {
        yield ofOrder;
        ofOrder = [];
      }
      let reversal = ofOrder.at(-1);
      if (reversal?.invoice !== number) {
        reversal = { invoice: number, orderInvoice: ordered, orderScope: scope, at, lines: [], amount: 0 };
        ofOrder.push(reversal);
      }
      reversal.lines.push({ sku: this.spelled(sku), quantity });
      reversal.amount += quantity * price;
    }
    if (ofOrder.length > 0) yield ofOrder;
  }

  *relistings(week: number): Generator<Relisting> {
    yield* this.staging.rows<Relisting>(
      `SELECT l.sku AS folded, l.name, l.price, i.at, MAX(l.id) AS newest
       FROM invoices i JOIN lines l ON l.invoice = i.number
       WHERE i.todo AND i.week = ? AND l.kind = ${lineKinds.sale} GROUP BY l.sku`,
      week,
    );
  }

  /** Sales of the run in weeks up to this one. */
  ordersUpTo(week: number): number {
    return this.staging.count(
      `SELECT COUNT(*) FROM invoices i WHERE i.todo AND i.week <= ?
         AND EXISTS (SELECT 1 FROM lines l WHERE l.invoice = i.number AND l.kind = ${lineKinds.sale})`,
      week,
    );
  }

  alreadyImported(): { invoices: number; lines: number } {
    const { staging } = this;
    const known = "i.state = 'known' AND NOT i.todo";
    const lines = staging.count(
      `SELECT COUNT(DISTINCT l.line) FROM lines l JOIN invoices i ON i.number = l.invoice
       WHERE ${known} AND l.kind <> ${lineKinds.cancellation}`,
    );
    const returned = `FROM reversals r JOIN invoices i ON i.number = r.number WHERE ${known}`;
    return {
      invoices: staging.count(`SELECT COUNT(*) FROM invoices i WHERE ${known}`),
      lines: lines + staging.count(`SELECT COUNT(*) ${returned}`),
    };
  }

  /** Of the run: lines, and what its sales come to. */
  totals(): { used: Counts; orders: number; units: number; gross: number } {
    const { staging } = this;
    const of = "FROM lines l JOIN invoices i ON i.number = l.invoice WHERE i.todo";
    const sold = `${of} AND l.kind = ${lineKinds.sale}`;
    return {
      used: {
        sales: staging.count(`SELECT COUNT(DISTINCT l.line) ${sold}`),
        returns: staging.count(
          "SELECT COUNT(*) FROM reversals r JOIN invoices i ON i.number = r.number WHERE i.todo",
        ),
        stockChanges: staging.count(`SELECT COUNT(*) ${of} AND l.kind = ${lineKinds.writeOff}`),
      },
      orders: staging.count(`SELECT COUNT(DISTINCT i.number) ${sold}`),
      units: staging.count(`SELECT SUM(l.quantity) ${sold}`),
      gross: staging.count(`SELECT SUM(l.quantity * l.price) ${sold}`),
    };
  }

  private spelled(folded: string): string {
    return this.skus.get(folded)?.sku ?? folded;
  }

  /** Invoices in the order of their times, and of the file where those are the same. */
  private number(): void {
    this.staging.db.exec(`
      UPDATE invoices SET seq = ranked.seq FROM (
        SELECT number, ROW_NUMBER() OVER (ORDER BY at, first) AS seq FROM invoices WHERE todo
      ) AS ranked WHERE ranked.number = invoices.number;
      CREATE INDEX invoices_of_week ON invoices (week, seq) WHERE todo;
    `);
  }

  /** What an earlier run has begun, it has opened stock for. */
  private meetSkus(): void {
    const firsts = (kind: number) =>
      this.staging.rows<{ folded: string; sku: string; opening: number; week: number; at: number } & Listing>(
        `SELECT l.sku AS folded, l.code AS sku, l.name, l.price, i.at, i.week,
           MIN((i.seq << 32) | l.id) AS first, SUM(iif(i.state = 'begun', 0, l.quantity)) AS opening
         FROM lines l JOIN invoices i ON i.number = l.invoice WHERE i.todo AND l.kind = ? GROUP BY l.sku`,
        kind,
      );
    const slugs = new Set<string>();
    for (const { name, price, folded, sku, opening, week, at } of firsts(lineKinds.sale)) {
      const product = { name, slug: freeSlug(slugs, name, sku), price };
      this.meet({ folded, sku, opening, product, week, at });
    }
    for (const { folded, sku, opening, week, at } of firsts(lineKinds.writeOff)) {
      const met = this.skus.get(folded);
      if (!met) {
        this.meet({ folded, sku, opening, week, at });
        continue;
      }
      met.opening += opening;
      if (week < (met.week ?? week)) Object.assign(met, { week, at });
    }
    const returned = this.staging.rows<{ folded: string }>(
      "SELECT DISTINCT r.sku AS folded FROM reversals r JOIN invoices i ON i.number = r.number WHERE i.todo",
    );
    for (const { folded } of returned)
      if (!this.skus.has(folded)) this.meet({ folded, sku: folded, opening: 0, at: 0 });
  }

  private meet(met: Omit<MetSku, "isStocked">): void {
    this.skus.set(met.folded, { ...met, isStocked: !this.isDataSet || isMerchandise(met.sku) });
  }
}

function freeSlug(taken: Set<string>, name: string, sku: string): string {
  const base = slugify(`${name.slice(0, 50)} ${sku}`);
  let slug = base;
  for (let number = 2; taken.has(slug); number++) slug = `${base.slice(0, 70)}-${number}`;
  taken.add(slug);
  return slug;
}
