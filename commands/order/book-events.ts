import type { DataOf } from "../../src/engine/decider.ts";
import {
  allOf,
  type Book,
  type BookLine,
  type Bucket,
  cancellation,
  cashFor,
  checked,
  count,
  credited,
  type Entries,
  isOver,
  leftOf,
  less,
  lineOf,
  moved,
  named,
  netOf,
  type Parcel,
  payoutOf,
  plus,
  priceOf,
  type Share,
  spread,
  unsentOf,
} from "./book.ts";
import type { orderEvents } from "./events.ts";

type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;

/** What each event of an order does to its books. Events that are not here do nothing to them. */
export const bookEvents = {
  OrderPlaced: (_: undefined, { lines, totals, tax, paymentMethod }: Data<"OrderPlaced">): Book =>
    checked({
      taxIncluded: tax.included,
      onDelivery: paymentMethod === "cod",
      free: totals.total === 0,
      lines: lines.map(bookLine),
      shipping: totals.shipping,
      shippingTax: totals.tax - lines.reduce((sum, { tax }) => sum + tax, 0),
      fees: 0,
      due: totals.total,
      captured: 0,
      refunded: 0,
      payouts: [],
      confirmed: false,
      started: false,
      paymentFailed: false,
      emptiedBy: null,
      parcels: [],
      collected: [],
      strays: [],
      returns: [],
      inspections: [],
    }),
  OrderConfirmed: (book: Book): Book => ({ ...book, confirmed: true }),
  OrderPaid: (book: Book, { amount, captureId }: Data<"OrderPaid">): Book => {
    const collected = book.collected.filter(([id]) => id !== captureId);
    return checked({ ...book, captured: book.captured + amount, collected, paymentFailed: false });
  },
  OrderPaymentFailed: (book: Book): Book => ({ ...book, paymentFailed: true }),
  ProcessingStarted: (book: Book): Book => ({ ...book, started: true }),
  /** Version 0.1 did not say what is to be collected. */
  ShipmentDispatched: (book: Book, data: Data<"ShipmentDispatched">): Book => {
    const { shipmentId, lines, cashDue } = data;
    const pieces = sharesOf(book, lines, "toShip");
    const cash = cashDue ?? cashFor(book, pieces);
    const sent = moved(book, pieces, "toShip", "inTransit");
    return checked({ ...sent, parcels: [...book.parcels, { shipmentId, pieces, cash }] });
  },
  ShipmentDelivered: (book: Book, { shipmentId, lines, cash }: Data<"ShipmentDelivered">): Book => {
    const parcel = parcelOf(book, shipmentId);
    const pieces = lines ? namedShares(lines) : parcel.pieces;
    const parcels = withoutPieces(book, parcel, pieces, cash?.amount ?? 0);
    const collected: Book["collected"] = cash
      ? [...book.collected, [cash.captureId, cash.amount]]
      : book.collected;
    return checked({ ...moved(book, pieces, "inTransit", "kept"), parcels, collected });
  },
  /** Not checked: pieces that were credited while they were under way are cancelled next. */
  DeliveryFailed: (book: Book, { shipmentId, lines }: Data<"DeliveryFailed">): Book => {
    const pieces = namedShares(lines);
    const parcels = withoutPieces(book, parcelOf(book, shipmentId), pieces, priceOf(book, pieces));
    const [before, others] = taken(book.strays, shipmentId);
    const strays: Entries = [...others, [shipmentId, plus(before, pieces)]];
    return { ...moved(book, pieces, "inTransit", "failed"), parcels, strays };
  },
  ShipmentReturned: (book: Book, { shipmentId, lines }: Data<"ShipmentReturned">): Book => {
    const back = lines.map(({ lineId, sellable, damaged }): Share => [lineId, sellable + damaged]);
    const [before, others] = taken(book.strays, shipmentId);
    const left = less(before, back);
    return { ...book, strays: left.length > 0 ? [...others, [shipmentId, left]] : others };
  },
  ReshipmentAgreed: (book: Book, { lines }: Data<"ReshipmentAgreed">): Book =>
    checked(moved(book, namedShares(lines), "failed", "toShip")),
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
  ReturnWithdrawn: (book: Book, { returnId }: Data<"ReturnWithdrawn">): Book => {
    const [pieces, returns] = taken(book.returns, returnId);
    return checked({ ...moved(book, pieces, "announced", "kept"), returns });
  },
  ReturnReceived: (book: Book, { returnId, lines }: Data<"ReturnReceived">): Book => {
    const [awaited, others] = taken(book.returns, returnId);
    const found = lines.flatMap((line) =>
      line.lineId === undefined ? bySku(book, awaited, line) : [{ ...line, lineId: line.lineId }],
    );
    const here = found.map(({ lineId, inspecting = 0 }): Share => [lineId, inspecting]);
    const back = moved(inspected(book, found, "announced"), here, "announced", "inspecting");
    const left = less(awaited, found.map(piecesOf));
    const [before, elsewhere] = taken(book.inspections, returnId);
    const open = plus(before, here).filter(([, quantity]) => quantity > 0);
    return checked({
      ...back,
      returns: withEntry(others, returnId, left),
      inspections: withEntry(elsewhere, returnId, open),
    });
  },
  ReturnInspected: (book: Book, { returnId, lines }: Data<"ReturnInspected">): Book => {
    const [before, others] = taken(book.inspections, returnId);
    const inspections = withEntry(others, returnId, less(before, lines.map(piecesOf)));
    return checked({ ...inspected(book, lines, "inspecting"), inspections });
  },
  ReturnClosed: (book: Book, { returnId, lines }: Data<"ReturnClosed">): Book => {
    const [, returns] = taken(book.returns, returnId);
    return checked({ ...moved(book, namedShares(lines), "announced", "kept"), returns });
  },
  LinesCancelled: (book: Book, { lines, cause }: Data<"LinesCancelled">): Book => {
    const { failed, toShip } = unsentOf(book, namedShares(lines));
    const gone = moved(moved(book, failed, "failed", "cancelled"), toShip, "toShip", "cancelled");
    return checked({ ...gone, emptiedBy: isOver(gone) ? cause : null });
  },
  OrderEdited: (book: Book, { lines, shipping, shippingTax }: Data<"OrderEdited">): Book => {
    const more = lines.reduce((sum, { total }) => sum + total, 0);
    const due = book.due + more + shipping + (book.taxIncluded ? 0 : shippingTax);
    return checked({
      ...book,
      free: book.free && due === 0,
      lines: [...book.lines, ...lines.map(bookLine)],
      shipping: book.shipping + shipping,
      shippingTax: book.shippingTax + shippingTax,
      due,
    });
  },
  OrderCredited: (book: Book, credit: Data<"OrderCredited">): Book => {
    const payouts = withPayout(book.payouts, credit.creditId, credit.payout);
    return checked({ ...credited(book, credit, 1), payouts });
  },
  CreditWithdrawn: (book: Book, credit: Data<"CreditWithdrawn">): Book => {
    const payout = payoutOf(book, credit.creditId);
    const others = book.payouts.filter((each) => each !== payout);
    const left = payout && credit.part !== undefined ? payout[1] - credit.part : 0;
    const payouts = payout ? withPayout(others, payout[0], left) : others;
    return checked({ ...credited(book, credit, -1), payouts });
  },
  /**
   * Of a confirmed order, all that this says has been cancelled and credited before, except by version 0.1, which
   * credits all of it. Where nothing is due any more, all that was taken goes back.
   */
  OrderCancelled: (book: Book, _: Data<"OrderCancelled">): Book => {
    const ended = isOver(book) ? book : abandoned(book);
    const back = ended.due === 0 ? netOf(ended) : 0;
    const payouts = withPayout(ended.payouts, cancellation, back);
    return checked({ ...ended, payouts, emptiedBy: "cancellation" });
  },
  /**
   * What nobody had been promised is goodwill, as far as the customer has not paid too much anyway. Money that goes
   * back had come in, whoever was told of it.
   */
  OrderRefunded: (book: Book, { refundId, amount, cause, releases }: Data<"OrderRefunded">): Book => {
    const [payout, left] = withoutPayout(book, refundId, amount);
    const refunded = book.refunded + amount;
    const captured = Math.max(book.captured, refunded);
    const paid = { ...book, payouts: atMost(left, captured - refunded), refunded, captured };
    const unpromised = Math.max(0, amount - payout - Math.max(0, netOf(book) - book.due));
    // What a bank has taken is asked for as before.
    const goodwill = cause === "dispute" ? 0 : unpromised;
    const kept = credited(paid, spread(paid, Math.min(goodwill, book.due)), 1);
    if (!releases) return checked(kept);
    const freed = moved(kept, allOf(kept, "toShip"), "toShip", "cancelled");
    return checked({ ...freed, ...(isOver(freed) && { emptiedBy: "refund" as const }) });
  },
};

function bookLine({ sku, quantity, subtotal, discount, tax }: OrderLine): BookLine {
  return {
    sku,
    ordered: quantity,
    pieces: { toShip: quantity },
    goods: subtotal - discount,
    tax,
    uncredited: quantity,
  };
}

type OrderLine = Data<"OrderPlaced">["lines"][number];
type Lines = readonly { sku: string; quantity: number; lineId?: number | undefined }[];

/** By SKU, first to last, unless a line is named. */
function sharesOf(book: Book, lines: Lines, from: Bucket): Share[] {
  return named(book, lines, (line) => count(line, from), `taken from ${from}`);
}

function namedShares(lines: readonly { lineId: number; quantity: number }[]): Share[] {
  return lines.map(({ lineId, quantity }) => [lineId, quantity]);
}

function parcelOf({ parcels }: Book, shipmentId: string): Parcel {
  return parcels.find((parcel) => parcel.shipmentId === shipmentId) ?? { shipmentId, pieces: [], cash: 0 };
}

/** @returns the parcels when pieces of one are under way no longer, nor so much cash */
function withoutPieces(
  { parcels }: Book,
  parcel: Parcel,
  pieces: readonly Share[],
  cash: number,
): readonly Parcel[] {
  const left = less(parcel.pieces, pieces);
  const others = parcels.filter((each) => each !== parcel);
  if (left.length === 0) return others;
  return [...others, { ...parcel, pieces: left, cash: Math.max(0, parcel.cash - cash) }];
}

/** @returns the pieces of an entry, and the others */
function taken(entries: Entries, id: string): [pieces: readonly Share[], others: Entries] {
  const found = entries.find(([each]) => each === id);
  return [found?.[1] ?? [], entries.filter((entry) => entry !== found)];
}

function withEntry(others: Entries, id: string, pieces: readonly Share[]): Entries {
  return pieces.length > 0 ? [...others, [id, pieces]] : others;
}

interface Found {
  lineId: number;
  sellable: number;
  damaged: number;
  rejected?: number | undefined;
  inspecting?: number | undefined;
}

function piecesOf({ lineId, sellable, damaged, rejected = 0, inspecting = 0 }: Found): Share {
  return [lineId, sellable + damaged + rejected + inspecting];
}

function inspected(book: Book, found: readonly Found[], from: "announced" | "inspecting"): Book {
  const of = (finding: "sellable" | "damaged" | "rejected") =>
    found.map((line): Share => [line.lineId, line[finding] ?? 0]);
  const back = moved(moved(book, of("sellable"), from, "sellable"), of("damaged"), from, "damaged");
  return moved(back, of("rejected"), from, "kept");
}

/** All of a SKU, as version 0.1 found it: of its lines the first are sellable. */
function bySku(
  book: Book,
  awaited: readonly Share[],
  { sku, sellable }: { sku: string; sellable: number },
): Found[] {
  let left = sellable;
  return awaited
    .filter(([lineId]) => lineOf(book, lineId).sku === sku)
    .map(([lineId, quantity]) => {
      const some = Math.min(quantity, left);
      left -= some;
      return { lineId, sellable: some, damaged: quantity - some };
    });
}

function withPayout(payouts: Book["payouts"], refundId: string, amount: number): Book["payouts"] {
  return amount > 0 ? [...payouts, [refundId, amount]] : payouts;
}

/** @returns how much of a refund was on its way back, and what is still */
function withoutPayout(
  book: Book,
  refundId: string,
  amount: number,
): [payout: number, payouts: Book["payouts"]] {
  const { payouts } = book;
  // What 0.1 had on its way when it was cancelled is part of all that goes back.
  const its = payoutOf(book, refundId) ?? payoutOf(book, cancellation);
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

/** Of what was promised, what there is: 0.1 may have had refunds on their way that are in no book. */
function atMost(payouts: Book["payouts"], most: number): Book["payouts"] {
  let left = most;
  return payouts.flatMap(([id, amount]): Book["payouts"] => {
    const some = Math.min(amount, left);
    left -= some;
    return some > 0 ? [[id, some]] : [];
  });
}

function abandoned(book: Book): Book {
  const { lines, shipping } = leftOf(book);
  const all = lines.reduce((sum, amount) => sum + amount, shipping);
  return moved(credited(book, spread(book, all), 1), allOf(book, "toShip"), "toShip", "cancelled");
}
