import type { DataOf, EvolveContext } from "../../src/engine/decider.ts";
import { deriveId } from "../../src/values/ids.ts";
import type { Refusal } from "../cart/events.ts";
import { type Book, lineOf, type Share, unsentOf } from "./book.ts";
import { bookEvents } from "./book-events.ts";
import type { orderEvents } from "./events.ts";
import {
  type OrderStatus,
  type PaymentStatus,
  paymentStatusOf,
  type ReturnStatus,
  receivedStatusOf,
  statusOf,
} from "./status.ts";
import { nothingUncounted, type Uncounted, uncountedEvents } from "./uncounted.ts";

type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;
export type OrderLine = Data<"OrderPlaced">["lines"][number];
export type OrderTotals = Data<"OrderPlaced">["totals"];

type Demand = readonly (readonly [sku: string, quantity: number])[];

interface Shipment {
  readonly lines: Data<"ShipmentDispatched">["lines"];
  readonly delivered: boolean;
}

export interface Return {
  readonly status: ReturnStatus;
  readonly lines: Data<"ReturnRequested">["lines"];
  /** What version 0.1 has received. */
  readonly received?: Data<"ReturnReceived">["lines"];
}

/** What came back, as inspection found it; of `notRestocked` stock has not known. */
export type Restocked = readonly { sku: string; sellable: number; damaged: number; notRestocked?: number }[];

interface EditState {
  readonly adds: Demand;
  /** Epoch milliseconds. */
  readonly requestedAt: number;
  readonly done?: true;
  readonly refusal?: Refusal;
}

interface ExchangeState {
  readonly advanceBy?: string;
  /** Of what was credited in advance, pieces by line that stay with the customer. */
  readonly staying: ReadonlyMap<number, number>;
  readonly ended?: true;
}

export interface PlacedOrder extends Readonly<Data<"OrderPlaced">> {
  readonly phase: "placed";
  readonly book: Book;
  /** What the book says. */
  readonly status: OrderStatus;
  readonly paymentStatus: PaymentStatus;
  /** Why its checkout was undone, when it was. */
  readonly refusal?: Refusal;
  readonly shipments: ReadonlyMap<string, Shipment>;
  readonly returns: ReadonlyMap<string, Return>;
  /** Payments that were added, oldest first, with what each was for. */
  readonly added: ReadonlyMap<string, number>;
  /** What its payments have told it, by `nameAt`; `unpaid` are refunds that came to nothing. */
  readonly captures: ReadonlySet<string>;
  readonly refunds: ReadonlySet<string>;
  readonly unpaid: ReadonlySet<string>;
  readonly credits: ReadonlyMap<string, Data<"OrderCredited">>;
  /** What is to be on it beside, by edit or exchange. */
  readonly edits: ReadonlyMap<string, EditState>;
  readonly exchanges: ReadonlyMap<string, ExchangeState>;
  /** Of the way it is sent, in minor units, as the order is taxed. */
  readonly shippingPaid: { readonly price: number; readonly tax: number };
  /** Of each, the pieces that stock had promised. */
  readonly cancellations: ReadonlyMap<string, Demand>;
  /** Of each, the pieces that stock has to promise anew. */
  readonly reshipments: ReadonlyMap<string, Demand>;
  /** Of each, what came back of a shipment. */
  readonly backs: ReadonlyMap<string, Restocked>;
  /** Of each, what is to be booked into stock. */
  readonly receipts: ReadonlyMap<string, Restocked>;
  readonly uncounted: Uncounted;
  /** What carriers have taken, by capture. */
  readonly cash: ReadonlyMap<string, number>;
  readonly notes: number;
  /** When the last piece arrived, epoch milliseconds. */
  readonly deliveredAt?: number;
  /** What has still to happen elsewhere because of an event here. */
  readonly openEffects: ReadonlySet<string>;
}

/** Refused: its checkout was undone before it was placed, and it never will be. */
export type Order = { readonly phase: "absent" } | RefusedOrder | PlacedOrder;

export interface RefusedOrder {
  readonly phase: "refused";
  readonly refusal: Refusal;
  /** Refunds of its payment that it has heard of, and those of them that came to nothing. */
  readonly applied: ReadonlySet<string>;
  readonly unpaid: ReadonlySet<string>;
}

/**
 * Names of effects in `openEffects`; shipments and returns go by their ids; `cancel/`, `credit/`, `cash/`, `back/`,
 * `receipt/` and `reship/` stand before theirs.
 */
export const transferEffect = "transfer";
export const cancellationEffect = "cancellation";
export const deliveryEffect = "delivery";
export const refundEffect = "refund";

export const initialOrder = (): Order => ({ phase: "absent" });

/** The id of an order's payment: whoever knows the one knows the other. */
export function paymentIdOf(orderId: string): string {
  return deriveId("payment", orderId);
}

/** Payments of an order, oldest first. */
export function paymentsOf({ paymentId, added }: PlacedOrder): string[] {
  return [paymentId, ...added.keys()];
}

/** A capture or refund as its order knows it: those of payments that were added go by these as well. */
export function nameAt(id: string, paymentId: string | undefined): string {
  return paymentId === undefined ? id : `${id}#${paymentId}`;
}

/** In place of a payment: what none of them has. */
export const noPayment = "none";

/** What `nameAt` was given. */
export function nameOf(name: string): { id: string; paymentId: string | undefined } {
  const at = name.indexOf("#");
  return at < 0
    ? { id: name, paymentId: undefined }
    : { id: name.slice(0, at), paymentId: name.slice(at + 1) };
}

/** Ordered pieces by SKU, in ascending order of SKU: one demand, however many lines it stands on. */
export function demandOf(lines: readonly { sku: string; quantity: number }[]): [string, number][] {
  const demand = new Map<string, number>();
  for (const { sku, quantity } of lines) demand.set(sku, (demand.get(sku) ?? 0) + quantity);
  return [...demand].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The credit of what an exchange gives in advance, and its effect. */
export function advanceOf(returnId: string): string {
  return `advance-${returnId}`;
}

function shippingTaxOf({ totals, lines }: Data<"OrderPlaced">): number {
  return totals.tax - lines.reduce((sum, { tax }) => sum + tax, 0);
}

/** An order's totals with lines and shipping that were added to it. */
export function withMore(
  totals: OrderTotals,
  lines: readonly OrderLine[],
  shipping: { shipping: number; tax: number; included: boolean },
): OrderTotals {
  const sum = (of: "subtotal" | "discount" | "tax" | "total") =>
    lines.reduce((running, line) => running + line[of], 0);
  const shippingTotal = shipping.shipping + (shipping.included ? 0 : shipping.tax);
  return {
    subtotal: totals.subtotal + sum("subtotal"),
    discount: totals.discount + sum("discount"),
    shipping: totals.shipping + shipping.shipping,
    tax: totals.tax + sum("tax") + shipping.tax,
    total: totals.total + sum("total") + shippingTotal,
  };
}

/** What the customer pays for the goods: after discounts, without shipping, tax as the prices have it. */
export function goodsOf({ totals }: Pick<PlacedOrder, "totals">): number {
  return totals.subtotal - totals.discount;
}

export const evolveOrder = {
  OrderRefused: (_: Order, refusal: Data<"OrderRefused">): Order => ({
    phase: "refused",
    refusal,
    applied: new Set(),
    unpaid: new Set(),
  }),
  OrderPlaced: (_: Order, data: Data<"OrderPlaced">): Order => ({
    ...data,
    phase: "placed",
    ...booked(bookEvents.OrderPlaced(undefined, data)),
    shipments: new Map(),
    returns: new Map(),
    added: new Map(),
    edits: new Map(),
    exchanges: new Map(),
    shippingPaid: { price: data.totals.shipping, tax: shippingTaxOf(data) },
    captures: new Set(),
    refunds: new Set(),
    unpaid: new Set(),
    credits: new Map(),
    cancellations: new Map(),
    reshipments: new Map(),
    backs: new Map(),
    receipts: new Map(),
    uncounted: nothingUncounted,
    cash: new Map(),
    notes: 0,
    openEffects: new Set(),
  }),
  OrderConfirmed: (state: Order, _: Data<"OrderConfirmed">): Order =>
    withBook(placed(state), bookEvents.OrderConfirmed),
  PaymentAdded: (state: Order, { paymentId, amount }: Data<"PaymentAdded">): Order => {
    const order = placed(state);
    return { ...order, added: new Map(order.added).set(paymentId, amount) };
  },
  OrderPaid: (state: Order, data: Data<"OrderPaid">): Order => ({
    ...withBook(placed(state), (book) => bookEvents.OrderPaid(book, data)),
    captures: new Set(placed(state).captures).add(nameAt(data.captureId ?? "", data.paymentId)),
  }),
  OrderPaymentFailed: (state: Order, _: Data<"OrderPaymentFailed">): Order =>
    withBook(placed(state), bookEvents.OrderPaymentFailed),
  ProcessingStarted: (state: Order, _: Data<"ProcessingStarted">): Order =>
    withBook(placed(state), bookEvents.ProcessingStarted),
  ShipmentDispatched: (state: Order, data: Data<"ShipmentDispatched">): Order => {
    const { shipmentId, lines } = data;
    const order = withBook(placed(state), (book) => bookEvents.ShipmentDispatched(book, data));
    const shipments = new Map(order.shipments).set(shipmentId, { lines, delivered: false });
    return { ...order, shipments, openEffects: opened(order, shipmentId) };
  },
  ShipmentDelivered: (
    state: Order,
    data: Data<"ShipmentDelivered">,
    { time: deliveredAt }: EvolveContext,
  ): Order => {
    const { shipmentId, cash, cashDue } = data;
    const order = withBook(placed(state), (book) => bookEvents.ShipmentDelivered(book, data));
    const { lines } = order.shipments.get(shipmentId) ?? { lines: [] };
    const delivered = !order.book.parcels.some((parcel) => parcel.shipmentId === shipmentId);
    return {
      ...order,
      deliveredAt,
      shipments: new Map(order.shipments).set(shipmentId, { lines, delivered }),
      ...(cashDue && { openEffects: opened(order, deliveryEffect) }),
      ...(cash && {
        cash: new Map(order.cash).set(cash.captureId, cash.amount),
        openEffects: opened(order, `cash/${cash.captureId}`),
      }),
    };
  },
  DeliveryFailed: (state: Order, data: Data<"DeliveryFailed">): Order =>
    withBook(placed(state), (book) => bookEvents.DeliveryFailed(book, data)),
  ShipmentReturned: (state: Order, data: Data<"ShipmentReturned">): Order => {
    const { backId } = data;
    const order = withBook(placed(state), (book) => bookEvents.ShipmentReturned(book, data));
    const back = uncountedEvents.ShipmentReturned(order.uncounted, data);
    return {
      ...order,
      uncounted: back.uncounted,
      backs: new Map(order.backs).set(backId, back.lines),
      openEffects: opened(order, `back/${backId}`),
    };
  },
  ReshipmentAgreed: (state: Order, data: Data<"ReshipmentAgreed">): Order => {
    const { reshipmentId, lines } = data;
    const order = withBook(placed(state), (book) => bookEvents.ReshipmentAgreed(book, data));
    return {
      ...order,
      reshipments: new Map(order.reshipments).set(reshipmentId, demandOf(lines)),
      openEffects: opened(order, `reship/${reshipmentId}`),
    };
  },
  ReturnRequested: (state: Order, data: Data<"ReturnRequested">): Order => {
    const { returnId, lines } = data;
    const order = withBook(placed(state), (book) => bookEvents.ReturnRequested(book, data));
    return { ...order, returns: new Map(order.returns).set(returnId, { status: "requested", lines }) };
  },
  ReturnApproved: (state: Order, { returnId }: Data<"ReturnApproved">): Order =>
    withReturn(placed(state), returnId, { status: "approved" }),
  ReturnRejected: (state: Order, data: Data<"ReturnRejected">): Order => {
    const order = withReturn(placed(state), data.returnId, { status: "rejected" });
    return withBook(order, (book) => bookEvents.ReturnRejected(book, data));
  },
  ReturnReceived: (state: Order, data: Data<"ReturnReceived">): Order => {
    const { returnId, receiptId, lines } = data;
    const order = withBook(placed(state), (book) => bookEvents.ReturnReceived(book, data));
    const back = withReceipt(order, returnId, receiptId, lines);
    if (receiptId !== undefined) return back;
    return withReturn({ ...back, openEffects: opened(back, returnId) }, returnId, { received: lines });
  },
  ReturnInspected: (state: Order, data: Data<"ReturnInspected">): Order => {
    const { returnId, receiptId, lines } = data;
    const order = withBook(placed(state), (book) => bookEvents.ReturnInspected(book, data));
    return withReceipt(order, returnId, receiptId, lines);
  },
  ReturnWithdrawn: (state: Order, data: Data<"ReturnWithdrawn">): Order => {
    const order = withReturn(placed(state), data.returnId, { status: "withdrawn" });
    return withBook(order, (book) => bookEvents.ReturnWithdrawn(book, data));
  },
  ReturnClosed: (state: Order, data: Data<"ReturnClosed">): Order => {
    const order = withBook(placed(state), (book) => bookEvents.ReturnClosed(book, data));
    return withReceipt(order, data.returnId, undefined, []);
  },
  LinesCancelled: (state: Order, data: Data<"LinesCancelled">): Order => {
    const before = placed(state);
    const { cancelId, cause, lines, complete } = data;
    const shares = lines.map(({ lineId, quantity }): Share => [lineId, quantity]);
    const promised = unsentOf(before.book, shares).toShip.map(([lineId, quantity]) => ({
      sku: lineOf(before.book, lineId).sku,
      quantity,
    }));
    const order = withBook(before, (book) => bookEvents.LinesCancelled(book, data));
    const cancellations = new Map(order.cancellations).set(cancelId, demandOf(promised));
    if (!complete) return { ...order, cancellations, openEffects: opened(order, `cancel/${cancelId}`) };
    // A cancellation of all of it has an event of its own.
    if (cause === "cancellation") return { ...order, cancellations };
    return { ...order, cancellations, openEffects: opened(order, refundEffect) };
  },
  EditRequested: (
    state: Order,
    { editId, adds }: Data<"EditRequested">,
    { time: requestedAt }: EvolveContext,
  ): Order => {
    const order = placed(state);
    const edits = new Map(order.edits).set(editId, { adds: demandOf(adds), requestedAt });
    return { ...order, edits, openEffects: opened(order, `edit/${editId}`) };
  },
  EditRefused: (state: Order, { editId, refusal }: Data<"EditRefused">): Order => {
    const order = withEdit(placed(state), editId, { refusal });
    return { ...order, openEffects: opened(order, `unclaim/${editId}`) };
  },
  OrderEdited: (state: Order, data: Data<"OrderEdited">): Order => {
    const { editId, lines, shipping, shippingTax, method } = data;
    const order = withBook(placed(state), (book) => bookEvents.OrderEdited(book, data));
    const { totals, shippingMethod, shippingPaid } = order;
    return {
      ...withEdit(order, editId, { done: true }),
      lines: [...order.lines, ...lines],
      totals: withMore(totals, lines, { shipping, tax: shippingTax, included: order.tax.included }),
      shippingMethod: method?.method ?? shippingMethod,
      shippingPaid: method ?? shippingPaid,
    };
  },
  AddressChanged: (state: Order, { editId, shippingAddress }: Data<"AddressChanged">): Order => ({
    ...withEdit(placed(state), editId, { done: true }),
    shippingAddress,
  }),
  ExchangeAgreed: (state: Order, { returnId, advanceBy }: Data<"ExchangeAgreed">): Order => {
    const order = placed(state);
    const agreed = { staying: new Map(), ...(advanceBy !== undefined && { advanceBy }) };
    return { ...order, exchanges: new Map(order.exchanges).set(returnId, agreed) };
  },
  OrderCredited: (state: Order, data: Data<"OrderCredited">): Order => {
    const { creditId, payout } = data;
    const order = withBook(placed(state), (book) => bookEvents.OrderCredited(book, data));
    const credits = new Map(order.credits).set(creditId, data);
    return { ...order, credits, ...(payout > 0 && { openEffects: opened(order, `credit/${creditId}`) }) };
  },
  CreditWithdrawn: (state: Order, data: Data<"CreditWithdrawn">): Order => {
    const order = withBook(placed(state), (book) => bookEvents.CreditWithdrawn(book, data));
    const exchanged = [...order.exchanges].find(([returnId]) => advanceOf(returnId) === data.creditId);
    if (exchanged && data.lines.length > 0) return withStaying(order, exchanged[0], data.lines);
    return { ...order, unpaid: new Set(order.unpaid).add(nameAt(data.creditId, data.paymentId)) };
  },
  OrderCancelled: (state: Order, data: Data<"OrderCancelled">): Order => {
    const order = withBook(placed(state), (book) => bookEvents.OrderCancelled(book, data));
    const { refusal } = data;
    return { ...order, openEffects: opened(order, cancellationEffect), ...(refusal && { refusal }) };
  },
  OrderRefunded: (state: Order, data: Data<"OrderRefunded">): Order => {
    const { refundId, releases, paymentId } = data;
    const order = withBook(placed(state), (book) => bookEvents.OrderRefunded(book, data));
    return {
      ...order,
      refunds: new Set(order.refunds).add(nameAt(refundId, paymentId)),
      ...(releases && { openEffects: opened(order, refundEffect) }),
    };
  },
  NoteAdded: (state: Order, _: Data<"NoteAdded">): Order => {
    const order = placed(state);
    return { ...order, notes: order.notes + 1 };
  },
  EffectsApplied: (state: Order, data: Data<"EffectsApplied">): Order => {
    const { of } = data;
    if (state.phase === "refused") {
      const unpaid = new Set(state.unpaid);
      if (data.unpaid) unpaid.add(of);
      else unpaid.delete(of);
      return { ...state, applied: new Set(state.applied).add(of), unpaid };
    }
    const order = placed(state);
    if (of.startsWith("refund/"))
      return { ...order, unpaid: new Set(order.unpaid).add(of.slice("refund/".length)) };
    if (of === transferEffect) {
      const { payBy: _, ...others } = order;
      return others;
    }
    const advance = [...order.exchanges].find(([returnId]) => advanceOf(returnId) === of);
    if (advance) {
      const [returnId, exchange] = advance;
      return { ...order, exchanges: new Map(order.exchanges).set(returnId, { ...exchange, ended: true }) };
    }
    const openEffects = new Set(order.openEffects);
    openEffects.delete(of);
    return { ...order, openEffects, uncounted: uncountedEvents.EffectsApplied(order.uncounted, data) };
  },
};

function booked(book: Book): Pick<PlacedOrder, "book" | "status" | "paymentStatus"> {
  return { book, status: statusOf(book), paymentStatus: paymentStatusOf(book) };
}

function withBook(order: PlacedOrder, change: (book: Book) => Book): PlacedOrder {
  return { ...order, ...booked(change(order.book)) };
}

/** Its effect is done with; an edit that asked stock for nothing was not known before. */
function withEdit(order: PlacedOrder, editId: string, end: Pick<EditState, "done" | "refusal">): PlacedOrder {
  const openEffects = new Set(order.openEffects);
  openEffects.delete(`edit/${editId}`);
  const known = order.edits.get(editId) ?? { adds: [], requestedAt: 0 };
  return { ...order, edits: new Map(order.edits).set(editId, { ...known, ...end }), openEffects };
}

function withStaying(
  order: PlacedOrder,
  returnId: string,
  lines: Data<"CreditWithdrawn">["lines"],
): PlacedOrder {
  const exchange = order.exchanges.get(returnId);
  if (!exchange) throw new Error(`there is no exchange ${returnId}`);
  const staying = new Map(exchange.staying);
  for (const { lineId, quantity } of lines) staying.set(lineId, (staying.get(lineId) ?? 0) + quantity);
  return { ...order, exchanges: new Map(order.exchanges).set(returnId, { ...exchange, staying }) };
}

function opened({ openEffects }: PlacedOrder, of: string): ReadonlySet<string> {
  return new Set(openEffects).add(of);
}

/** @param receiptId undefined where nothing is to be booked by it */
function withReceipt(
  order: PlacedOrder,
  returnId: string,
  receiptId: string | undefined,
  lines: readonly { sku: string; sellable: number; damaged: number }[],
): PlacedOrder {
  const known = withReturn(order, returnId, { status: receivedStatusOf(order.book, returnId) });
  if (receiptId === undefined) return known;
  const back = uncountedEvents.ReturnReceived(order.uncounted, { lines });
  return {
    ...known,
    uncounted: back.uncounted,
    receipts: new Map(order.receipts).set(receiptId, back.lines),
    openEffects: opened(order, `receipt/${receiptId}`),
  };
}

function withReturn(order: PlacedOrder, returnId: string, changes: Partial<Return>): PlacedOrder {
  const found = order.returns.get(returnId);
  if (!found) throw new Error(`there is no return ${returnId}`);
  return { ...order, returns: new Map(order.returns).set(returnId, { ...found, ...changes }) };
}

function placed(state: Order): PlacedOrder {
  if (state.phase !== "placed") throw new Error("the order was never placed");
  return state;
}
