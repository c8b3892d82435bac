import { allocate, scale } from "../../src/values/money.ts";
import { illegalTransition, notFound } from "../../src/values/problem.ts";
import { refundShare } from "../pricing.ts";

/** Where a piece is. Every piece that was ordered lies in exactly one of them. */
export const buckets = [
  "cancelled",
  "toShip",
  "inTransit",
  "failed",
  "kept",
  "announced",
  "inspecting",
  "sellable",
  "damaged",
] as const;
export type Bucket = (typeof buckets)[number];

/** Pieces of a line, by the line's id. */
export type Share = readonly [lineId: number, quantity: number];

/** Minor units. Where prices include tax, goods hold it: tax then says how much of them it is. */
interface Worth {
  readonly goods: number;
  readonly tax: number;
}

/** A line's id is its place in the order, from 1. Amounts are what is left of what was asked for it. */
export interface BookLine extends Worth {
  readonly sku: string;
  readonly ordered: number;
  /** A bucket without pieces is left out. */
  readonly pieces: Readonly<Partial<Record<Bucket, number>>>;
  readonly uncredited: number;
}

export interface Parcel {
  readonly shipmentId: string;
  readonly pieces: readonly Share[];
  readonly cash: number;
}

/** Pieces, by the shipment or the return that they are of. */
export type Entries = readonly (readonly [id: string, pieces: readonly Share[]])[];

/**
 * An order by piece and by money, in minor units. Plain values: the write model folds it, and the read model keeps
 * it in its document.
 */
export interface Book {
  readonly taxIncluded: boolean;
  /** It is paid in cash, parcel by parcel. */
  readonly onDelivery: boolean;
  /** It was placed for nothing. */
  readonly free: boolean;
  readonly lines: readonly BookLine[];
  /** What is left of it; the tax is beside it or in it, as with goods. */
  readonly shipping: number;
  readonly shippingTax: number;
  /** What the shop keeps of what it credited. */
  readonly fees: number;
  /** What the customer owes for all of it. */
  readonly due: number;
  readonly captured: number;
  readonly refunded: number;
  /** On its way back, by refund. */
  readonly payouts: readonly (readonly [refundId: string, amount: number])[];
  readonly confirmed: boolean;
  readonly started: boolean;
  /** The last attempt to pay. */
  readonly paymentFailed: boolean;
  /** What has left nothing to send. */
  readonly emptiedBy: "cancellation" | "refund" | null;
  /** Parcels under way, with the cash that their carriers collect. */
  readonly parcels: readonly Parcel[];
  /** Cash that carriers have taken and its payment has not told of, by capture. */
  readonly collected: readonly (readonly [captureId: string, amount: number])[];
  /** What has come to nothing of shipments, and has not come back into stock. */
  readonly strays: Entries;
  /** What was announced to come back, and what of it is here and not inspected. */
  readonly returns: Entries;
  readonly inspections: Entries;
}

interface AskedLine {
  readonly lineId?: number | undefined;
  readonly sku?: string | undefined;
  readonly quantity: number;
}

/** A part of an order's money that is not asked for any more, or is asked for again. */
export interface Credit {
  readonly lines: readonly (Worth & {
    readonly lineId: number;
    readonly quantity: number;
    readonly kept?: true | undefined;
  })[];
  readonly shipping: number;
  readonly shippingTax: number;
  /** What is kept of it. */
  readonly fee?: number | undefined;
}

export function lineOf(book: Book, lineId: number): BookLine {
  const line = book.lines[lineId - 1];
  if (!line) throw new Error(`there is no line ${lineId}`);
  return line;
}

/** Shares as events name them. */
export function ofLines(book: Book, shares: readonly Share[]) {
  return shares.map(([lineId, quantity]) => ({ lineId, sku: lineOf(book, lineId).sku, quantity }));
}

export function count(line: BookLine, ...of: readonly Bucket[]): number {
  return of.reduce((sum, bucket) => sum + (line.pieces[bucket] ?? 0), 0);
}

/** Pieces that are asked for and have left: what comes back of them, or is refunded, is credited. */
export function creditable(line: BookLine): number {
  return line.uncredited - count(line, "toShip", "failed");
}

/** Pieces over all lines. */
export function total(book: Book, ...of: readonly Bucket[]): number {
  return book.lines.reduce((sum, line) => sum + count(line, ...of), 0);
}

/** Pieces of a SKU over all its lines; undefined when the order has no such SKU. */
export function countOf(book: Book, sku: string, ...of: readonly Bucket[]): number | undefined {
  const lines = book.lines.filter((line) => line.sku === sku);
  return lines.length === 0 ? undefined : lines.reduce((sum, line) => sum + count(line, ...of), 0);
}

/** SKUs in ascending order, each once. */
export function skusOf(book: Book): string[] {
  return [...new Set(book.lines.map(({ sku }) => sku))].sort();
}

/** Whether a piece is left that was not cancelled. */
export function isOver(book: Book): boolean {
  return book.lines.every((line) => count(line, "cancelled") === line.ordered);
}

/** Nothing of it will be sent, and no money is kept for it: what still comes in goes back. */
export function isEnded(book: Book): boolean {
  return isOver(book) && book.due === 0;
}

/** All pieces of some buckets. */
export function allOf(book: Book, ...of: readonly Bucket[]): Share[] {
  return book.lines.flatMap((line, index): Share[] => {
    const quantity = count(line, ...of);
    return quantity === 0 ? [] : [[index + 1, quantity]];
  });
}

/**
 * The lines that a request names, by their ids or by SKU, which fills its lines first to last.
 * @param left how many pieces of a line can be had
 * @throws Problem not_found; illegal_transition, with the most that is possible
 */
export function named(
  book: Book,
  asked: readonly AskedLine[],
  left: (line: BookLine, lineId: number) => number,
  verb: string,
): Share[] {
  const taken = new Map<number, number>();
  const all = book.lines.map((line, index) => ({ id: index + 1, line }));
  // An order may have two thousand lines, and a request may name each of them.
  const bySku = Map.groupBy(all, ({ line }) => line.sku);
  for (const { lineId, sku = "", quantity } of asked) {
    const its = (lineId === undefined ? bySku.get(sku) : all.slice(lineId - 1, lineId)) ?? [];
    if (its.length === 0)
      throw lineId === undefined ? notFound("SKU in this order", sku) : notFound("line", String(lineId));
    let wanted = quantity;
    for (const { id, line } of its) {
      const before = taken.get(id) ?? 0;
      const some = Math.max(0, Math.min(wanted, left(line, id) - before));
      if (some > 0) taken.set(id, before + some);
      wanted -= some;
    }
    const what = lineId === undefined ? sku : `line ${lineId}`;
    if (wanted > 0)
      throw illegalTransition(`at most ${quantity - wanted} of ${what} can be ${verb}, not ${quantity}`);
  }
  return [...taken].sort(([a], [b]) => a - b);
}

/** Of pieces that are cancelled, those that had come to nothing, then those that had still to be sent. */
export function unsentOf(book: Book, shares: readonly Share[]): Record<"failed" | "toShip", Share[]> {
  const split = shares.map(([lineId, quantity]) => {
    const failed = Math.min(quantity, count(lineOf(book, lineId), "failed"));
    return { lineId, failed, toShip: quantity - failed };
  });
  const of = (bucket: "failed" | "toShip") =>
    split.filter((each) => each[bucket] > 0).map((each): Share => [each.lineId, each[bucket]]);
  return { failed: of("failed"), toShip: of("toShip") };
}

/** @throws Error when a bucket would fall below 0 */
export function moved(book: Book, shares: readonly Share[], from: Bucket, to: Bucket): Book {
  const lines = book.lines.slice();
  for (const [lineId, quantity] of shares) {
    if (quantity === 0) continue;
    const line = lineOf({ ...book, lines }, lineId);
    const left = count(line, from) - quantity;
    if (left < 0) throw new Error(`line ${lineId}: ${quantity} pieces are not ${from}`);
    const { [from]: _, ...others } = line.pieces;
    const pieces = { ...others, ...(left > 0 && { [from]: left }), [to]: count(line, to) + quantity };
    lines[lineId - 1] = { ...line, pieces };
  }
  return { ...book, lines };
}

/** What the shop holds of the customer's money, less what is on its way back. */
export function netOf({ captured, refunded, payouts }: Book): number {
  return captured - refunded - pendingOf(payouts);
}

/** What the customer has paid beyond what is due, and which is not on its way back. */
export function overpaidOf(book: Book): number {
  return Math.max(0, netOf(book) - book.due);
}

/** What the customer has still to pay, beside the cash that carriers have taken. */
export function openOf(book: Book): number {
  return Math.max(0, book.due - netOf(book) - collectedOf(book));
}

export function pendingOf(payouts: Book["payouts"]): number {
  return payouts.reduce((sum, [, amount]) => sum + amount, 0);
}

/** What is on its way back by a refund; that of a cancelled order goes by names that its payment gives. */
export function payoutOf(
  { payouts }: Book,
  refundId: string,
): readonly [refundId: string, amount: number] | undefined {
  const isCancellation = /^cancellation($|[-/])/.test(refundId);
  return (
    payouts.find(([id]) => id === refundId) ?? payouts.find(([id]) => isCancellation && id === cancellation)
  );
}

/** What of an order's payments goes back when it is cancelled; `cancellationRefund` is what they call it. */
export const cancellation = "cancellation";

/** All that is left when an order is cancelled goes back by this refund, or by one that is named after it. */
export function cancellationRefund(orderId: string): string {
  return `${cancellation}-${orderId}`;
}

/** What some pieces are worth, tax and all; those that are credited already, nothing. */
export function priceOf(book: Book, shares: readonly Share[]): number {
  return shares.reduce((sum, [lineId, quantity]) => {
    const line = lineOf(book, lineId);
    return sum + paidFor(book, worthOf(line, Math.min(quantity, line.uncredited)));
  }, 0);
}

/** What the carrier of a parcel has to collect, beside what others are collecting or have collected. */
export function cashFor(book: Book, leaving: readonly Share[]): number {
  if (!book.onDelivery) return 0;
  const underWay = book.parcels.reduce((sum, { cash }) => sum + cash, 0);
  return Math.max(0, owed(book, leaving) - underWay - collectedOf(book));
}

export function collectedOf({ collected }: Book): number {
  return collected.reduce((sum, [, amount]) => sum + amount, 0);
}

/** @returns shares without some of them; none falls below 0 */
export function less(shares: readonly Share[], some: readonly Share[]): Share[] {
  const gone = new Map(some);
  return shares
    .map(([lineId, quantity]): Share => [lineId, quantity - (gone.get(lineId) ?? 0)])
    .filter(([, quantity]) => quantity > 0);
}

/** @returns shares with some more */
export function plus(shares: readonly Share[], more: readonly Share[]): Share[] {
  const sums = new Map(shares);
  for (const [lineId, quantity] of more) sums.set(lineId, (sums.get(lineId) ?? 0) + quantity);
  return [...sums];
}

/** What a customer pays for goods and their tax. */
function paidFor({ taxIncluded }: Book, { goods, tax }: Worth): number {
  return taxIncluded ? goods : goods + tax;
}

export function amountOf(book: Book, { lines, shipping, shippingTax, fee = 0 }: Credit): number {
  const goods = lines.reduce((sum, line) => sum + paidFor(book, line), 0);
  return goods + paidFor(book, { goods: shipping, tax: shippingTax }) - fee;
}

/** What is left of a line, or of shipping, to be paid or to be credited. */
export function leftOf(book: Book): { lines: number[]; shipping: number } {
  return {
    lines: book.lines.map((line) => paidFor(book, line)),
    shipping: paidFor(book, { goods: book.shipping, tax: book.shippingTax }),
  };
}

/**
 * The most that can be refunded: of each line so many pieces with what is left of them, and shipping; `total` is all
 * of it, `payout` what would go back to the customer for it now. Nothing of an order that is not confirmed.
 */
export function refundableIn(book: Book) {
  const none = { quantity: 0, goods: 0, tax: 0, total: 0 };
  if (!book.confirmed)
    return { lines: book.lines.map(() => none), shipping: 0, shippingTax: 0, total: 0, payout: 0 };
  const left = leftOf(book);
  const lines = book.lines.map(({ uncredited, goods, tax }, index) => {
    return { quantity: uncredited, goods, tax, total: left.lines[index] ?? 0 };
  });
  const total = left.lines.reduce((sum, each) => sum + each, left.shipping);
  const payout = Math.max(0, netOf(book) - (book.due - total));
  return { lines, shipping: left.shipping, shippingTax: book.shippingTax, total, payout };
}

/**
 * What has still to be paid before some pieces may leave: all that is due, less what stays behind and what is paid.
 * The shipping fee thus travels with the first parcel. Below 0 where more is paid than that.
 */
export function owed(book: Book, leaving: readonly Share[]): number {
  const going = new Map(leaving);
  const behind = book.lines.reduce((sum, line, index) => {
    const staying = count(line, "toShip", "failed") - (going.get(index + 1) ?? 0);
    return sum + paidFor(book, worthOf(line, staying));
  }, 0);
  return book.due - behind - netOf(book);
}

/** What so many uncredited pieces of a line are worth: the last take the remainder. */
function worthOf({ goods, tax, uncredited }: BookLine, units: number): Worth {
  if (uncredited === 0) return { goods: 0, tax: 0 };
  const share = (left: number) => refundShare({ total: left, quantity: uncredited, refunded: 0, units });
  return { goods: share(goods), tax: share(tax) };
}

/** An amount of what is left, with the tax that is in it. */
function partOf(book: Book, amount: number, left: Worth): Worth {
  const whole = paidFor(book, left);
  if (whole === 0) return { goods: 0, tax: 0 };
  const tax = scale(left.tax, amount, whole, "half_up");
  return { goods: book.taxIncluded ? amount : amount - tax, tax };
}

/** All that is left of some pieces of lines, in the order they are given. */
export function creditOf(book: Book, parts: readonly { share: Share; kept: boolean }[]): Credit["lines"] {
  let rest = book;
  return parts.map(({ share: [lineId, quantity], kept }) => {
    const line = { lineId, quantity, ...worthOf(lineOf(rest, lineId), quantity) };
    rest = credited(rest, { lines: [line], shipping: 0, shippingTax: 0 }, 1);
    return { ...line, ...(kept && { kept }) };
  });
}

/** Goodwill: an amount over what lines have left, tax inside, and then of shipping. Pieces stay. */
export function spread(book: Book, amount: number): Credit {
  const { lines, shipping } = leftOf(book);
  const ofGoods = Math.min(
    amount,
    lines.reduce((sum, left) => sum + left, 0),
  );
  const parts = allocate(ofGoods, lines);
  const ofShipping = Math.min(amount - ofGoods, shipping);
  const all = book.lines.map((line, index) => {
    const part = partOf(book, parts[index] ?? 0, line);
    return { lineId: index + 1, quantity: 0, ...part };
  });
  return { lines: all.filter(({ goods, tax }) => goods > 0 || tax > 0), ...shippingPart(book, ofShipping) };
}

/** An amount of what is left of shipping, tax inside. */
export function shippingPart(book: Book, amount: number): Pick<Credit, "shipping" | "shippingTax"> {
  const { goods, tax } = partOf(book, amount, { goods: book.shipping, tax: book.shippingTax });
  return { shipping: goods, shippingTax: tax };
}

/** @param sign 1 takes it off what is asked for, -1 asks for it again */
export function credited(book: Book, credit: Credit, sign: 1 | -1): Book {
  const lines = book.lines.slice();
  for (const { lineId, quantity, goods, tax } of credit.lines) {
    const line = lineOf({ ...book, lines }, lineId);
    lines[lineId - 1] = {
      ...line,
      goods: line.goods - sign * goods,
      tax: line.tax - sign * tax,
      uncredited: line.uncredited - sign * quantity,
    };
  }
  return {
    ...book,
    lines,
    shipping: book.shipping - sign * credit.shipping,
    shippingTax: book.shippingTax - sign * credit.shippingTax,
    fees: book.fees + sign * (credit.fee ?? 0),
    due: book.due - sign * amountOf(book, credit),
  };
}

/**
 * The two equations of an order, asserted after every event: each piece is in one bucket, and what is due is what
 * is left of lines and shipping, and fees.
 * @throws Error that names what is wrong
 */
export function checked(book: Book): Book {
  for (const [index, line] of book.lines.entries()) {
    const { ordered, goods, tax, uncredited } = line;
    const where = `line ${index + 1}`;
    const held = count(line, ...buckets);
    if (held !== ordered) throw new Error(`${where}: ${held} pieces, ${ordered} ordered`);
    if (goods < 0 || tax < 0 || uncredited < 0 || uncredited > ordered)
      throw new Error(`${where}: ${goods} of goods, ${tax} of tax, ${uncredited} pieces left`);
    if (uncredited === 0 && (goods > 0 || tax > 0)) throw new Error(`${where}: money left without pieces`);
    if (uncredited < count(line, "toShip", "failed")) throw new Error(`${where}: credited pieces may leave`);
  }
  const { lines, shipping } = leftOf(book);
  const left = lines.reduce((sum, amount) => sum + amount, shipping + book.fees);
  if (book.due !== left || book.shipping < 0 || book.shippingTax < 0)
    throw new Error(`${book.due} is due, ${left} is left of lines and shipping`);
  if (book.refunded + pendingOf(book.payouts) > book.captured)
    throw new Error(`${book.refunded} refunded and more under way, ${book.captured} captured`);
  return book;
}
