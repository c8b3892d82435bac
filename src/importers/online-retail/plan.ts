import { cartLinesMax } from "../../../commands/cart/cart.ts";
import { lineQuantityMax } from "../../../commands/cart/events.ts";
import { skuSchema } from "../../../commands/product/fields.ts";
import { slugify } from "../../../commands/product/slug.ts";
import { instantOf } from "../../values/calendar.ts";
import { parseMoney } from "../../values/money.ts";
import { foldSku, spelledSku } from "../../values/sku.ts";

/** One line of the file, by the columns of the Online Retail data set. */
export interface InvoiceLine {
  /** Line number in the file, the header being 1. */
  line: number;
  invoice: string;
  code: string;
  description: string;
  quantity: string;
  /** Local time of the store, ISO 8601 without an offset. */
  date: string;
  unitPrice: string;
  customer: string;
  country: string;
}

export interface SaleLine {
  line: number;
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
  lines: SaleLine[];
}

export interface StockChange {
  line: number;
  sku: string;
  delta: number;
  reason: string;
  at: number;
}

/** Goods of one order that one cancellation invoice takes back. */
export interface Reversal {
  invoice: string;
  /** The invoice of the order that they were bought with. */
  orderInvoice: string;
  at: number;
  lines: { line: number; sku: string; quantity: number }[];
  /** Minor units, as the cancellation has it. */
  amount: number;
}

export interface NewSku {
  sku: string;
  tracked: boolean;
  /** Pieces that the file takes out of stock: what it opens with. */
  opening: number;
  /** Left out when it is never sold. */
  product?: { name: string; slug: string; price: number };
  at: number;
}

/** The newest name and price that a week has sold a SKU at. */
export interface Relisting {
  sku: string;
  name: string;
  price: number;
  at: number;
}

/** What is imported together: long enough that there is much to do at once. */
export interface PlannedWeek {
  /** Counted from the epoch; weeks come in order. */
  week: number;
  skus: NewSku[];
  sales: Sale[];
  stockChanges: StockChange[];
  reversals: Reversal[];
  relistings: Relisting[];
}

export interface Reject {
  line: number;
  reason: string;
}

export interface ImportPlan {
  weeks: PlannedWeek[];
  rejects: Reject[];
  lines: number;
  used: { sales: number; returns: number; stockChanges: number };
  orders: number;
  units: number;
  /** Minor units. */
  gross: number;
}

export const weekMs = 7 * 86_400_000;

export const rejectReasons = {
  unreadable: "a field cannot be read",
  badDebt: "an adjustment of bad debt, not of goods",
  free: "goods in at no price: neither a sale nor a write-off",
  nothing: "the quantity is 0",
  negativePrice: "the price is below 0",
  unmatched: "a cancellation without an earlier order of this customer for this many of this SKU",
  guestCancellation: "a cancellation without a customer",
  tooLong: `an invoice of more than ${cartLinesMax} lines`,
  notStocked: "a write-off of what is not stocked",
} as const;

/**
 * Merchandise is numbered, with five digits and perhaps a letter, or with a maker's prefix. Everything else
 * (POST, BANK CHARGES, M, gift_0001_20) is charged for, but not kept on a shelf.
 */
export function isStocked(sku: string): boolean {
  return /^(\d{5}|DCGS|SP\d)/i.test(sku);
}

/** What an order has still to give back, while the plan is made. */
interface OpenOrder {
  invoice: string;
  at: number;
  left: Map<string, number>;
}

/**
 * Decides for every line of the file what it becomes, from the file alone: doing it again gives the same
 * plan, so an import that was stopped goes on with it.
 *
 * A sale line is one whose invoice begins with neither C nor A, with quantity and unit price above 0.
 */
export function createPlanner(settings: PlannerSettings): Planner {
  return new Planner(settings);
}

interface PlannerSettings {
  timeZone: string;
  currency: string;
}

interface Cancellation {
  at: number;
  customer: string;
  invoice: string;
  line: SaleLine;
}

class Planner {
  private readonly settings: PlannerSettings;
  private readonly rejects: Reject[] = [];
  private readonly sales = new Map<string, Sale>();
  private readonly cancellations: Cancellation[] = [];
  private readonly writeOffs: StockChange[] = [];
  private readonly names = new Map<string, string>();
  private readonly spellings = new Map<string, string>();
  private lines = 0;

  constructor(settings: PlannerSettings) {
    this.settings = settings;
  }

  add(row: InvoiceLine): void {
    this.lines++;
    const reason = this.takeLine(row);
    if (reason !== undefined) this.reject(row.line, reason);
  }

  finish(): ImportPlan {
    this.rejectTooLong();
    const { lines, rejects, writeOffs } = this;
    const inOrder = [...this.sales.values()].sort((a, b) => a.at - b.at);
    const reversals = matchCancellations(inOrder, this.cancellations, (line, reason) =>
      this.reject(line, reason),
    );
    const weeks = weeksOf(inOrder, writeOffs, reversals);
    const sold = inOrder.flatMap((sale) => sale.lines);
    return {
      weeks,
      rejects: rejects.sort((a, b) => a.line - b.line),
      lines,
      used: {
        sales: sold.length,
        returns: reversals.reduce((sum, reversal) => sum + reversal.lines.length, 0),
        stockChanges: writeOffs.length,
      },
      orders: inOrder.length,
      units: sold.reduce((sum, { quantity }) => sum + quantity, 0),
      gross: sold.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0),
    };
  }

  private reject(line: number, reason: string): void {
    this.rejects.push({ line, reason });
  }

  private rejectTooLong(): void {
    for (const [invoice, sale] of this.sales) {
      if (sale.lines.length <= cartLinesMax) continue;
      for (const { line } of sale.lines) this.reject(line, rejectReasons.tooLong);
      this.sales.delete(invoice);
    }
  }

  /** One string per distinct text: half a million lines repeat a few thousand. */
  private shared(text: string): string {
    const known = this.names.get(text);
    if (known !== undefined) return known;
    this.names.set(text, text);
    return text;
  }

  /** Codes that differ in case alone are one SKU, written as the file has it first. */
  private spelled(code: string): string {
    const folded = foldSku(code);
    const known = this.spellings.get(folded);
    if (known !== undefined) return known;
    this.spellings.set(folded, spelledSku(code));
    return spelledSku(code);
  }

  /** @returns why the line cannot be used; undefined when it was taken */
  private takeLine(row: InvoiceLine): string | undefined {
    const read = this.readLine(row);
    if (!read) return rejectReasons.unreadable;
    const { at, priced, negativePrice, ...rest } = read;
    const item: SaleLine = { ...rest, sku: this.spelled(rest.sku), name: this.shared(rest.name) };
    const kind = row.invoice.charAt(0).toUpperCase();
    if (kind === "A") return rejectReasons.badDebt;
    if (item.quantity === 0) return rejectReasons.nothing;
    if (negativePrice) return rejectReasons.negativePrice;
    if (kind === "C") return this.takeCancellation(row, item, at);
    if (item.quantity < 0) return this.takeWriteOff(row, item, at);
    if (!priced) return rejectReasons.free;
    const sale = this.sales.get(row.invoice);
    if (sale) sale.lines.push(item);
    else
      this.sales.set(row.invoice, {
        invoice: row.invoice,
        at,
        customer: this.shared(row.customer),
        lines: [item],
      });
    return undefined;
  }

  private readLine({ line, code, description, quantity, date, unitPrice }: InvoiceLine) {
    if (!skuSchema.safeParse(code).success || !/^-?\d{1,9}$/.test(quantity)) return undefined;
    try {
      const count = Number(quantity);
      if (Math.abs(count) > lineQuantityMax) return undefined;
      const { amount } = parseMoney(unitPrice, this.settings.currency);
      const at = instantOf(date, this.settings.timeZone);
      // A price below half a penny is a price all the same.
      const priced = !unitPrice.startsWith("-") && /[1-9]/.test(unitPrice);
      const negativePrice = unitPrice.startsWith("-") && /[1-9]/.test(unitPrice);
      return {
        line,
        sku: code,
        name: nameOf(description, code),
        quantity: count,
        unitPrice: amount,
        at,
        priced,
        negativePrice,
      };
    } catch {
      return undefined;
    }
  }

  private takeCancellation(
    { invoice, customer }: InvoiceLine,
    line: SaleLine,
    at: number,
  ): string | undefined {
    if (customer === "") return rejectReasons.guestCancellation;
    if (line.quantity > 0) return rejectReasons.unmatched;
    this.cancellations.push({ at, customer, invoice, line: { ...line, quantity: -line.quantity } });
    return undefined;
  }

  private takeWriteOff(
    { invoice, description }: InvoiceLine,
    { line, sku, quantity }: SaleLine,
    at: number,
  ): string | undefined {
    if (!isStocked(sku)) return rejectReasons.notStocked;
    const said = description.trim();
    const reason = said === "" ? `write-off ${invoice}` : `write-off ${invoice}: ${said}`;
    this.writeOffs.push({ line, sku, delta: quantity, reason: reason.slice(0, 500), at });
    return undefined;
  }
}

/** What is imported together, in order; a SKU is listed in the first week that meets it. */
function weeksOf(
  sales: readonly Sale[],
  writeOffs: readonly StockChange[],
  reversals: readonly Reversal[],
): PlannedWeek[] {
  const weeks = new Map<number, PlannedWeek>();
  const weekAt = (at: number): PlannedWeek => {
    const week = Math.floor(at / weekMs);
    const known = weeks.get(week);
    if (known) return known;
    const planned = { week, skus: [], sales: [], stockChanges: [], reversals: [], relistings: [] };
    weeks.set(week, planned);
    return planned;
  };
  for (const sale of sales) weekAt(sale.at).sales.push(sale);
  for (const change of writeOffs) weekAt(change.at).stockChanges.push(change);
  for (const reversal of reversals) weekAt(reversal.at).reversals.push(reversal);
  const sorted = [...weeks.values()].sort((a, b) => a.week - b.week);
  listSkus(sorted);
  return sorted;
}

/** A product needs a name of three characters at least. */
function nameOf(description: string, code: string): string {
  const name = description.trim().replace(/\s+/g, " ").slice(0, 255);
  return name.length >= 3 ? name : `Item ${code}`;
}

/** Each cancelled line goes to the customer's latest order before it that has enough of the SKU left. */
function matchCancellations(
  sales: readonly Sale[],
  cancellations: readonly { at: number; customer: string; invoice: string; line: SaleLine }[],
  reject: (line: number, reason: string) => void,
): Reversal[] {
  const byCustomer = new Map<string, OpenOrder[]>();
  for (const { customer, invoice, at, lines } of sales) {
    if (customer === "") continue;
    const left = new Map<string, number>();
    for (const { sku, quantity } of lines) left.set(sku, (left.get(sku) ?? 0) + quantity);
    const orders = byCustomer.get(customer);
    if (orders) orders.push({ invoice, at, left });
    else byCustomer.set(customer, [{ invoice, at, left }]);
  }
  const reversals = new Map<string, Reversal>();
  for (const { at, customer, invoice, line } of [...cancellations].sort((a, b) => a.at - b.at)) {
    const { sku, quantity, unitPrice } = line;
    const order = byCustomer
      .get(customer)
      ?.findLast((candidate) => candidate.at <= at && (candidate.left.get(sku) ?? 0) >= quantity);
    if (!order) {
      reject(line.line, rejectReasons.unmatched);
      continue;
    }
    order.left.set(sku, (order.left.get(sku) ?? 0) - quantity);
    const key = `${invoice}/${order.invoice}`;
    const reversal = reversals.get(key) ?? { invoice, orderInvoice: order.invoice, at, lines: [], amount: 0 };
    reversal.lines.push({ line: line.line, sku, quantity });
    reversal.amount += quantity * unitPrice;
    reversals.set(key, reversal);
  }
  return [...reversals.values()];
}

/** In the week a SKU is first met, and what its name and price become as the weeks go by. */
function listSkus(weeks: readonly PlannedWeek[]): void {
  const bySku = new Map<string, NewSku>();
  const current = new Map<string, { name: string; price: number }>();
  const slugs = new Set<string>();
  const meet = (planned: PlannedWeek, sku: string, at: number): NewSku => {
    const known = bySku.get(sku);
    if (known) return known;
    const met: NewSku = { sku, tracked: isStocked(sku), opening: 0, at };
    bySku.set(sku, met);
    planned.skus.push(met);
    return met;
  };
  for (const planned of weeks) {
    const latest = new Map<string, { line: SaleLine; at: number }>();
    for (const { at, lines } of planned.sales) {
      for (const line of lines) {
        const met = meet(planned, line.sku, at);
        met.opening += line.quantity;
        if (!met.product) {
          met.product = {
            name: line.name,
            price: line.unitPrice,
            slug: freeSlug(slugs, line.name, line.sku),
          };
          current.set(line.sku, { name: line.name, price: line.unitPrice });
        }
        const newest = latest.get(line.sku);
        if (!newest || newest.line.line < line.line) latest.set(line.sku, { line, at });
      }
    }
    for (const { sku, delta, at } of planned.stockChanges) meet(planned, sku, at).opening -= delta;
    for (const [sku, { line, at }] of latest) {
      const listed = current.get(sku);
      if (listed?.name === line.name && listed.price === line.unitPrice) continue;
      current.set(sku, { name: line.name, price: line.unitPrice });
      planned.relistings.push({ sku, name: line.name, price: line.unitPrice, at });
    }
  }
}

function freeSlug(taken: Set<string>, name: string, sku: string): string {
  const base = slugify(`${name.slice(0, 50)} ${sku}`);
  let slug = base;
  for (let number = 2; taken.has(slug); number++) slug = `${base.slice(0, 70)}-${number}`;
  taken.add(slug);
  return slug;
}
