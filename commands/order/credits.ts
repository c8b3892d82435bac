import type { DataOf, EventOf } from "../../src/engine/decider.ts";
import { illegalTransition } from "../../src/values/problem.ts";
import { refundShare } from "../pricing.ts";
import {
  allOf,
  amountOf,
  type Book,
  type BookLine,
  type Credit,
  count,
  creditable,
  credited,
  creditOf,
  isOver,
  leftOf,
  lineOf,
  named,
  netOf,
  ofLines,
  overpaidOf,
  payoutOf,
  type Share,
  shippingPart,
  spread,
} from "./book.ts";
import { bookEvents } from "./book-events.ts";
import type { orderEvents } from "./events.ts";
import { advanceOf, nameAt, nameOf, type PlacedOrder } from "./state.ts";

type OrderEvent = EventOf<typeof orderEvents>;
type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;

const creditsMax = 1_000;

export interface NamedLine {
  lineId?: number | undefined;
  sku?: string | undefined;
  quantity: number;
}

export interface Cancel {
  cancelId: string;
  reason: string;
  /** All that has not been sent when there are none. */
  lines?: readonly NamedLine[] | undefined;
  /** The shop keeps the money. */
  credit?: "none" | undefined;
  /** As its customer may: all of it, while nothing has left. */
  whole?: true;
}

export interface Refund {
  refundId: string;
  reason: string;
  cause: Data<"OrderCredited">["cause"];
  lines?: readonly NamedLine[] | undefined;
  /** Minor units, tax and all; true for all that is left of it. */
  shipping?: true | number | undefined;
  /** Minor units, as goodwill. */
  amount?: number | undefined;
  /** Only pieces that have left, also where others have not. */
  of?: "delivered" | undefined;
}

const unsent = (line: BookLine) => count(line, "failed", "toShip");

/** Pieces that have not been sent will not be, and are not asked for any more. */
export function cancel(order: PlacedOrder, command: Cancel): OrderEvent[] {
  const { cancelId, reason, lines, credit, whole } = command;
  const { book, currency, shipments } = order;
  if (order.status === "cancelled" || order.cancellations.has(cancelId)) return [];
  if (whole && shipments.size > 0) throw illegalTransition("parts of the order have been shipped");
  if (!book.confirmed) {
    if (lines || credit) throw illegalTransition("an order that is not confirmed is cancelled as a whole");
    return [{ type: "OrderCancelled", data: { reason, currency, goods: 0 } }];
  }
  if (credit && book.captured === 0) throw illegalTransition("nothing was paid that could be kept");
  const shares = lines ? named(book, lines, unsent, "cancelled") : allOf(book, "failed", "toShip");
  if (shares.length === 0) throw illegalTransition("nothing is left that could be cancelled");
  const id = { creditId: cancelId, cause: "cancellation" as const, reason };
  const cancelled = linesCancelled(order, { ...id, cause: "cancellation" }, shares);
  const after = bookEvents.LinesCancelled(book, cancelled.data);
  const ended: OrderEvent[] = isOver(after)
    ? [{ type: "OrderCancelled", data: { reason, currency, goods: 0 } }]
    : [];
  if (credit) return [cancelled, ...ended];
  const parts = shares.map((share) => ({ share, kept: false }));
  return [cancelled, creditedBy(order, after, id, { lines: creditOf(book, parts), ...noShipping }), ...ended];
}

/**
 * Money is given back: for lines, for shipping, as goodwill, or all that is left. Pieces that have not been sent
 * are cancelled with it.
 */
export function refund(order: PlacedOrder, command: Refund): OrderEvent[] {
  const { refundId, reason, cause, lines, shipping, amount, of } = command;
  const { book, currency } = order;
  if (order.credits.has(refundId) || order.refunds.has(refundId)) return [];
  if (order.credits.size >= creditsMax) throw illegalTransition(`an order has at most ${creditsMax} refunds`);
  if (!book.confirmed) throw illegalTransition("an order that is not confirmed is cancelled, not refunded");
  const left = leftOf(book);
  const all = left.lines.reduce((sum, each) => sum + each, left.shipping);
  if (amount !== undefined && amount > all)
    throw illegalTransition(`at most ${all} ${currency} minor units can be refunded, not ${amount}`);
  const id = { creditId: refundId, cause, reason };
  if (amount !== undefined && amount < all) return [creditedBy(order, book, id, spread(book, amount))];
  if (typeof shipping === "number" && shipping > left.shipping)
    throw illegalTransition(
      `at most ${left.shipping} minor units of shipping can be refunded, not ${shipping}`,
    );
  const everything = !lines && shipping === undefined;
  if (everything && all === 0 && netOf(book) <= book.due)
    throw illegalTransition("nothing is left to refund");
  const ofShipping = everything || shipping === true ? left.shipping : (shipping ?? 0);
  if (!everything && !lines && ofShipping === 0) throw illegalTransition("no shipping is left to refund");
  const shares = everything ? uncreditedOf(book) : namedFor(book, lines ?? [], of);
  const parts = shares.flatMap((share) => split(book, share, of));
  const leaving = parts.filter(({ kept }) => !kept).map(({ share }) => share);
  const credit = { lines: creditOf(book, parts), ...shippingPart(book, ofShipping) };
  if (leaving.length === 0) return [creditedBy(order, book, id, credit)];
  const cancelled = linesCancelled(order, { ...id, cause: "refund" }, leaving);
  const after = bookEvents.LinesCancelled(book, cancelled.data);
  return [cancelled, creditedBy(order, after, id, credit)];
}

/**
 * It is not given back, by a gateway or by staff's word. Pieces that the customer will not have stay credited, and
 * their money owed.
 */
export function withdraw(
  order: PlacedOrder,
  { refundId, reason, amount, paymentId, rejected, late = 0 }: WithdrawCredit,
): OrderEvent[] {
  const name = nameAt(refundId, paymentId);
  if (order.refunds.has(name) || order.unpaid.has(name)) return [];
  const { book, currency } = order;
  const payout = payoutOf(book, refundId);
  const its = paymentId !== undefined && { paymentId };
  const why = { creditId: refundId, currency, reason, ...its, ...(rejected && { rejected }) };
  if (!payout && late > 0) {
    const paid = { amount: Math.min(amount, late), captureId: `late/${refundId}`, ...its };
    return [
      { type: "CreditWithdrawn", data: { ...why, lines: [], ...noShipping, amount: 0 } },
      { type: "OrderPaid", data: paid },
    ];
  }
  if (!payout) return [{ type: "EffectsApplied", data: { of: `refund/${name}` } }];
  const credit = order.credits.get(refundId);
  // A part that does not go back is owed: for which pieces it was cannot be told.
  if (amount < (credit?.payout ?? payout[1])) {
    const part = Math.min(amount, payout[1]);
    return [{ type: "CreditWithdrawn", data: { ...why, lines: [], ...noShipping, amount: 0, part } }];
  }
  // What an exchange gives in advance is for pieces that are on their way back: only the money is owed.
  const isAdvance = [...order.exchanges.keys()].some((returnId) => advanceOf(returnId) === refundId);
  if (isAdvance) {
    const [, part] = payout;
    return [{ type: "CreditWithdrawn", data: { ...why, lines: [], ...noShipping, amount: 0, part } }];
  }
  const lines = (credit?.lines ?? []).flatMap((line) => askedAgain(book, line));
  const { shipping, shippingTax } = credit && !isOver(book) ? credit : noShipping;
  const asked = { lines, shipping, shippingTax };
  return [{ type: "CreditWithdrawn", data: { ...why, ...asked, amount: amountOf(book, asked) } }];
}

type CreditedLine = Data<"OrderCredited">["lines"][number];

/**
 * What can be asked for again of a credited line: goodwill while there are pieces that it could be for, and pieces that
 * the customer still has.
 */
function askedAgain(book: Book, line: CreditedLine): CreditedLine[] {
  const { lineId, quantity, kept } = line;
  if (quantity === 0) return lineOf(book, lineId).uncredited > 0 ? [line] : [];
  const units = kept ? Math.min(quantity, creditedHere(lineOf(book, lineId))) : 0;
  return units > 0 ? [partOfLine(line, 0, units)] : [];
}

/** Pieces that were credited, and are neither cancelled nor back. */
function creditedHere(line: BookLine): number {
  const here = line.ordered - count(line, "cancelled", "inspecting", "sellable", "damaged");
  return Math.max(0, here - line.uncredited);
}

/** So many pieces of a credited line, after others of it. */
function partOfLine(line: CreditedLine, before: number, units: number): CreditedLine {
  const share = (total: number) => refundShare({ total, quantity: line.quantity, refunded: before, units });
  return { ...line, quantity: units, goods: share(line.goods), tax: share(line.tax) };
}

export interface RetryRefund {
  refundId: string;
  /** The one that was refused. */
  failed: string;
  manual?: true | undefined;
}

/** What is owed since a refund was refused is to go back by another one. */
export function retryRefund(order: PlacedOrder, { refundId, failed, manual }: RetryRefund): OrderEvent[] {
  const { book, currency, credits, unpaid } = order;
  if (credits.has(refundId)) return [];
  if (credits.size >= creditsMax) throw illegalTransition(`an order has at most ${creditsMax} refunds`);
  if (![...unpaid].some((name) => nameOf(name).id === failed))
    throw illegalTransition("the refund was not refused");
  const payout = overpaidOf(book);
  if (payout === 0) throw illegalTransition("nothing is owed: what it was for is asked for again");
  const { cause = "goodwill" as const, reason = "refunded once more" } = credits.get(failed) ?? {};
  const id = { creditId: refundId, cause, reason };
  const data = { ...id, currency, lines: [], ...noShipping, amount: 0, payout, ...(manual && { manual }) };
  return [{ type: "OrderCredited", data }];
}

export interface WithdrawCredit {
  refundId: string;
  reason: string;
  /** What does not go back, in minor units. */
  amount: number;
  /** One that was added. */
  paymentId?: string;
  /** By staff. */
  rejected?: true;
  /** Of what has come in after the order's end, and was to go back by itself: it is the order's by now. */
  late?: number;
}

/** What was credited in advance for pieces that stay with the customer is asked for again. */
export function advanceWithdrawn(
  order: PlacedOrder,
  returnId: string,
  staying: readonly Share[],
): OrderEvent[] {
  const creditId = advanceOf(returnId);
  const credit = order.credits.get(creditId);
  const before = order.exchanges.get(returnId)?.staying;
  if (!credit || !before) return [];
  const lines = staying.flatMap(([lineId, pieces]) => {
    const its = credit.lines.find((line) => line.lineId === lineId);
    if (!its) return [];
    const gone = before.get(lineId) ?? 0;
    const units = Math.min(pieces, its.quantity - gone);
    return units > 0 ? [partOfLine(its, gone, units)] : [];
  });
  if (lines.length === 0) return [];
  const asked = { lines, ...noShipping };
  const { currency, book } = order;
  const data = { creditId, currency, reason: "not back in time", ...asked, amount: amountOf(book, asked) };
  return [{ type: "CreditWithdrawn", data: { ...data, part: 0 } }];
}

export const noShipping = { shipping: 0, shippingTax: 0 };

interface CreditId {
  creditId: string;
  cause: Data<"OrderCredited">["cause"];
  reason: string;
}

/** @param shares of what has not arrived: to be sent, or come to nothing */
export function linesCancelled(
  { book }: PlacedOrder,
  { creditId, cause, reason }: Omit<CreditId, "cause"> & { cause: "cancellation" | "refund" },
  shares: readonly Share[],
) {
  const lines = ofLines(book, shares);
  const pieces = shares.reduce((sum, [, quantity]) => sum + quantity, 0);
  const live = book.lines.reduce((sum, line) => sum + line.ordered - count(line, "cancelled"), 0);
  const data = { cancelId: creditId, cause, reason, lines, complete: pieces === live };
  return { type: "LinesCancelled" as const, data };
}

/** @param book after its pieces have moved: with the last of them goes the shipping */
export function creditedBy(
  { currency }: PlacedOrder,
  book: Book,
  { creditId, cause, reason }: CreditId,
  asked: Credit,
): OrderEvent {
  const over = isOver(book);
  const credit = over ? { ...asked, shipping: book.shipping, shippingTax: book.shippingTax } : asked;
  const after = credited(book, credit, 1);
  // Of an order that is cancelled as a whole, all that its payment has goes back.
  const goesBack = over && cause === "cancellation" && after.due === 0;
  const payout = goesBack ? 0 : overpaidOf(after);
  const lines = credit.lines.map((line) => ({ ...line }));
  const data = {
    creditId,
    currency,
    cause,
    reason,
    ...credit,
    lines,
    amount: amountOf(book, credit),
    payout,
  };
  return { type: "OrderCredited", data };
}

function uncreditedOf(book: Book): Share[] {
  return book.lines.flatMap(({ uncredited }, index): Share[] =>
    uncredited === 0 ? [] : [[index + 1, uncredited]],
  );
}

function namedFor(book: Book, lines: readonly NamedLine[], of: Refund["of"]): Share[] {
  const left = (line: BookLine) => (of ? creditable(line) : line.uncredited);
  return named(book, lines, left, "refunded");
}

/** Of pieces to be refunded, those that have not been sent come first. */
function split(book: Book, [lineId, quantity]: Share, of: Refund["of"]): { share: Share; kept: boolean }[] {
  const going = of ? 0 : Math.min(quantity, unsent(lineOf(book, lineId)));
  const parts = [
    { share: [lineId, going] as const, kept: false },
    { share: [lineId, quantity - going] as const, kept: true },
  ];
  return parts.filter(({ share }) => share[1] > 0);
}
