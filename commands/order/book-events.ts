import type { DataOf } from "../../src/engine/decider.ts";
import { allocate } from "../../src/values/money.ts";
import {
  allOf,
  type Book,
  type Bucket,
  type Credit,
  checked,
  credited,
  fill,
  isOver,
  leftOf,
  lineOf,
  moved,
  netOf,
  partOf,
  type Share,
} from "./book.ts";
import type { orderEvents } from "./events.ts";

type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;

/** All that is left when an order is cancelled goes back by this refund, or by one that its payment names. */
const cancellation = "cancellation";

/** What each event of an order does to its books. Events that are not here do nothing to them. */
export const bookEvents = {
  OrderPlaced: (_: undefined, { lines, totals, tax }: Data<"OrderPlaced">): Book =>
    checked({
      taxIncluded: tax.included,
      free: totals.total === 0,
      lines: lines.map(({ sku, quantity, subtotal, discount, tax }) => ({
        sku,
        ordered: quantity,
        pieces: { toShip: quantity },
        goods: subtotal - discount,
        tax,
        uncredited: quantity,
      })),
      shipping: totals.shipping,
      shippingTax: totals.tax - lines.reduce((sum, { tax }) => sum + tax, 0),
      due: totals.total,
      captured: 0,
      refunded: 0,
      payouts: [],
      confirmed: false,
      started: false,
      paymentFailed: false,
      emptiedBy: null,
      parcels: [],
      returns: [],
    }),
  OrderConfirmed: (book: Book): Book => ({ ...book, confirmed: true }),
  OrderPaid: (book: Book, { amount }: Data<"OrderPaid">): Book =>
    checked({ ...book, captured: book.captured + amount, paymentFailed: false }),
  OrderPaymentFailed: (book: Book): Book => ({ ...book, paymentFailed: true }),
  ProcessingStarted: (book: Book): Book => ({ ...book, started: true }),
  ShipmentDispatched: (book: Book, { shipmentId, lines }: Data<"ShipmentDispatched">): Book => {
    const pieces = sharesOf(book, lines, "toShip");
    const sent = moved(book, pieces, "toShip", "inTransit");
    return checked({ ...sent, parcels: [...book.parcels, [shipmentId, pieces]] });
  },
  ShipmentDelivered: (book: Book, { shipmentId }: Data<"ShipmentDelivered">): Book => {
    const [pieces, parcels] = taken(book.parcels, shipmentId);
    return checked({ ...moved(book, pieces, "inTransit", "kept"), parcels });
  },
  ReturnRequested: (book: Book, { returnId, lines }: Data<"ReturnRequested">): Book => {
    const pieces = sharesOf(book, lines, "kept");
    return checked({
      ...moved(book, pieces, "kept", "announced"),
      returns: [...book.returns, [returnId, pieces]],
    });
  },
  ReturnRejected: (book: Book, { returnId }: Data<"ReturnRejected">): Book => {
    const [pieces, returns] = taken(book.returns, returnId);
    return checked({ ...moved(book, pieces, "announced", "kept"), returns });
  },
  ReturnReceived: (book: Book, { returnId, lines }: Data<"ReturnReceived">): Book => {
    const [pieces, returns] = taken(book.returns, returnId);
    const sellable = sellableOf(book, pieces, lines);
    const rest = pieces.map(
      ([lineId, quantity], index): Share => [lineId, quantity - (sellable[index]?.[1] ?? 0)],
    );
    const back = moved(moved(book, sellable, "announced", "sellable"), rest, "announced", "damaged");
    return checked({ ...back, returns });
  },
  /** Nothing of it has been sent. What it still asks for is not asked for any more, and goes back. */
  OrderCancelled: (book: Book, _: Data<"OrderCancelled">): Book => {
    const pieces = allOf(book, "toShip");
    const ended = moved(credited(book, everythingLeft(book), 1), pieces, "toShip", "cancelled");
    const payouts = withPayout(ended.payouts, cancellation, netOf(ended) - ended.due);
    return checked({ ...ended, payouts, emptiedBy: "cancellation" });
  },
  /**
   * What nobody had been promised is goodwill, as far as the customer has not paid too much anyway. Money that goes
   * back had come in, whoever was told of it.
   */
  OrderRefunded: (book: Book, { refundId, amount, releases }: Data<"OrderRefunded">): Book => {
    const [payout, payouts] = withoutPayout(book.payouts, refundId, amount);
    const refunded = book.refunded + amount;
    const paid = { ...book, payouts, refunded, captured: Math.max(book.captured, refunded) };
    const goodwill = Math.max(0, amount - payout - Math.max(0, netOf(book) - book.due));
    const kept = credited(paid, spread(paid, Math.min(goodwill, book.due)), 1);
    if (!releases) return checked(kept);
    const freed = moved(kept, allOf(kept, "toShip"), "toShip", "cancelled");
    return checked({ ...freed, ...(isOver(freed) && { emptiedBy: "refund" as const }) });
  },
};

/** By SKU, first to last, unless a line is named. */
function sharesOf(book: Book, lines: readonly { sku: string; quantity: number }[], from: Bucket): Share[] {
  return lines.flatMap(({ sku, quantity }) => fill(book, sku, from, quantity));
}

type Entries = Book["parcels"];

/** @returns the pieces of an entry, and the others */
function taken(entries: Entries, id: string): [pieces: readonly Share[], others: Entries] {
  const found = entries.find(([each]) => each === id);
  return [found?.[1] ?? [], entries.filter((entry) => entry !== found)];
}

/** What inspection found to be sellable, of the lines of a SKU first to last. */
function sellableOf(book: Book, pieces: readonly Share[], found: Data<"ReturnReceived">["lines"]): Share[] {
  const left = new Map(found.map(({ sku, sellable }) => [sku, sellable]));
  return pieces.map(([lineId, quantity]) => {
    const { sku } = lineOf(book, lineId);
    const some = Math.min(quantity, left.get(sku) ?? 0);
    left.set(sku, (left.get(sku) ?? 0) - some);
    return [lineId, some];
  });
}

function withPayout(payouts: Book["payouts"], refundId: string, amount: number): Book["payouts"] {
  return amount > 0 ? [...payouts, [refundId, amount]] : payouts;
}

/** @returns how much of a refund was on its way back, and what is still */
function withoutPayout(
  payouts: Book["payouts"],
  refundId: string,
  amount: number,
): [payout: number, payouts: Book["payouts"]] {
  const its = payouts.find(([id]) => id === refundId) ?? payouts.find(([id]) => id === cancellation);
  if (!its) return [0, payouts];
  const payout = Math.min(its[1], amount);
  return [
    payout,
    withPayout(
      payouts.filter((each) => each !== its),
      its[0],
      its[1] - payout,
    ),
  ];
}

function everythingLeft({ lines, shipping, shippingTax }: Book): Credit {
  return {
    lines: lines.map(({ goods, tax, uncredited }, index) => ({
      lineId: index + 1,
      quantity: uncredited,
      goods,
      tax,
    })),
    shipping,
    shippingTax,
  };
}

/** Goodwill: an amount over what lines have left, tax inside, and then of shipping. Pieces stay. */
function spread(book: Book, amount: number): Credit {
  const { lines, shipping } = leftOf(book);
  const ofLines = Math.min(
    amount,
    lines.reduce((sum, left) => sum + left, 0),
  );
  const ofShipping = Math.min(amount - ofLines, shipping);
  const parts = allocate(ofLines, lines);
  const part = partOf(book, ofShipping, { goods: book.shipping, tax: book.shippingTax });
  const all = book.lines.map((line, index) => ({
    lineId: index + 1,
    quantity: 0,
    ...partOf(book, parts[index] ?? 0, line),
  }));
  return {
    lines: all.filter(({ goods, tax }) => goods > 0 || tax > 0),
    shipping: part.goods,
    shippingTax: part.tax,
  };
}
