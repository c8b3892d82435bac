import type { DataOf } from "../../src/engine/decider.ts";
import { deriveId } from "../../src/values/ids.ts";
import { scale } from "../../src/values/money.ts";
import type { Refusal } from "../cart/events.ts";
import type { orderEvents } from "./events.ts";

type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;
export type OrderLine = Data<"OrderPlaced">["lines"][number];
export type OrderTotals = Data<"OrderPlaced">["totals"];

export const orderStatuses = [
  "pending",
  "confirmed",
  "paid",
  "processing",
  "shipped",
  "delivered",
  "cancelled",
  "refunded",
] as const;
export type OrderStatus = (typeof orderStatuses)[number];
export type PaymentStatus = "pending" | "paid" | "failed" | "refunded" | "partially_refunded";

/** Pieces of one SKU over all lines of the order. */
export interface Pieces {
  readonly ordered: number;
  readonly shipped: number;
  readonly delivered: number;
  /** Asked to come back or come back already. */
  readonly returning: number;
}

interface Shipment {
  readonly lines: Data<"ShipmentDispatched">["lines"];
  readonly delivered: boolean;
}

export interface Return {
  readonly status: "requested" | "approved" | "rejected" | "received";
  readonly lines: Data<"ReturnRequested">["lines"];
  /** As inspection found it. */
  readonly received?: Data<"ReturnReceived">["lines"];
}

export interface PlacedOrder extends Readonly<Data<"OrderPlaced">> {
  readonly phase: "placed";
  readonly status: OrderStatus;
  readonly paymentStatus: PaymentStatus;
  readonly confirmed: boolean;
  /** Why its checkout was undone, when it was. */
  readonly refusal?: Refusal;
  readonly pieces: ReadonlyMap<string, Pieces>;
  readonly shipments: ReadonlyMap<string, Shipment>;
  readonly returns: ReadonlyMap<string, Return>;
  readonly refunds: ReadonlySet<string>;
  readonly refunded: number;
  readonly goodsRefunded: number;
  readonly notes: number;
  /** What has still to happen elsewhere because of an event here. */
  readonly openEffects: ReadonlySet<string>;
}

/** Refused: its checkout was undone before it was placed, and it never will be. */
export type Order = { readonly phase: "absent" } | RefusedOrder | PlacedOrder;

export interface RefusedOrder {
  readonly phase: "refused";
  readonly refusal: Refusal;
  /** Refunds of its payment that it has heard of. */
  readonly applied: ReadonlySet<string>;
}

/** Names of effects in `openEffects`; shipments and returns go by their ids. */
export const cancellationEffect = "cancellation";
export const deliveryEffect = "delivery";
export const refundEffect = "refund";

export const legalTransitions: Record<OrderStatus, readonly OrderStatus[]> = {
  pending: ["confirmed", "paid", "cancelled"],
  confirmed: ["paid", "processing", "cancelled"],
  paid: ["processing", "cancelled", "refunded"],
  processing: ["shipped", "cancelled"],
  shipped: ["delivered", "refunded"],
  delivered: ["refunded"],
  cancelled: [],
  refunded: [],
};

export const initialOrder = (): Order => ({ phase: "absent" });

/** The id of an order's payment: whoever knows the one knows the other. */
export function paymentIdOf(orderId: string): string {
  return deriveId("payment", orderId);
}

/** Ordered pieces by SKU, in ascending order of SKU: one demand, however many lines it stands on. */
export function demandOf(lines: readonly { sku: string; quantity: number }[]): [string, number][] {
  const demand = new Map<string, number>();
  for (const { sku, quantity } of lines) demand.set(sku, (demand.get(sku) ?? 0) + quantity);
  return [...demand].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What the customer pays for the goods: after discounts, without shipping, tax as the prices have it. */
export function goodsOf({ totals }: Pick<PlacedOrder, "totals">): number {
  return totals.subtotal - totals.discount;
}

/**
 * How much of a refund is of goods: what the lines cost goes back first, with the tax on them inside, then shipping.
 * The running total is rounded, so that however the money goes back, all of the goods are refunded with all of it.
 */
export function goodsIn(amount: number, order: PlacedOrder): number {
  const paidForLines = order.lines.reduce((sum, { total }) => sum + total, 0);
  if (paidForLines === 0) return 0;
  const refunded = Math.min(order.refunded + amount, paidForLines);
  return Math.max(0, scale(goodsOf(order), refunded, paidForLines, "half_up") - order.goodsRefunded);
}

export const evolveOrder = {
  OrderRefused: (_: Order, refusal: Data<"OrderRefused">): Order => ({
    phase: "refused",
    refusal,
    applied: new Set(),
  }),
  OrderPlaced: (_: Order, data: Data<"OrderPlaced">): Order => ({
    ...data,
    phase: "placed",
    status: "pending",
    paymentStatus: "pending",
    confirmed: false,
    pieces: piecesOf(data.lines),
    shipments: new Map(),
    returns: new Map(),
    refunds: new Set(),
    refunded: 0,
    goodsRefunded: 0,
    notes: 0,
    openEffects: new Set(),
  }),
  OrderConfirmed: (state: Order, _: Data<"OrderConfirmed">): Order => {
    const order = placed(state);
    return { ...order, status: order.status === "paid" ? "paid" : "confirmed", confirmed: true };
  },
  OrderPaid: (state: Order, _: Data<"OrderPaid">): Order => {
    const order = placed(state);
    const status = order.status === "pending" || order.status === "confirmed" ? "paid" : order.status;
    return { ...order, status, paymentStatus: "paid" };
  },
  OrderPaymentFailed: (state: Order, _: Data<"OrderPaymentFailed">): Order => ({
    ...placed(state),
    paymentStatus: "failed",
  }),
  ProcessingStarted: (state: Order, _: Data<"ProcessingStarted">): Order => ({
    ...placed(state),
    status: "processing",
  }),
  ShipmentDispatched: (state: Order, data: Data<"ShipmentDispatched">): Order => {
    const { shipmentId, lines, complete } = data;
    const order = placed(state);
    return {
      ...withPieces(order, lines, (pieces, quantity) => ({ ...pieces, shipped: pieces.shipped + quantity })),
      shipments: new Map(order.shipments).set(shipmentId, { lines, delivered: false }),
      openEffects: new Set(order.openEffects).add(shipmentId),
      ...(complete && { status: "shipped" }),
    };
  },
  ShipmentDelivered: (state: Order, data: Data<"ShipmentDelivered">): Order => {
    const { shipmentId, complete, cashDue } = data;
    const order = placed(state);
    const { lines } = order.shipments.get(shipmentId) ?? { lines: [] };
    const arrived = withPieces(order, lines, (pieces, quantity) => ({
      ...pieces,
      delivered: pieces.delivered + quantity,
    }));
    return {
      ...arrived,
      shipments: new Map(order.shipments).set(shipmentId, { lines, delivered: true }),
      ...(complete && order.status === "shipped" && { status: "delivered" }),
      ...(cashDue && { openEffects: new Set(order.openEffects).add(deliveryEffect) }),
    };
  },
  ReturnRequested: (state: Order, { returnId, lines }: Data<"ReturnRequested">): Order => {
    const order = placed(state);
    return {
      ...withPieces(order, lines, (pieces, quantity) => ({
        ...pieces,
        returning: pieces.returning + quantity,
      })),
      returns: new Map(order.returns).set(returnId, { status: "requested", lines }),
    };
  },
  ReturnApproved: (state: Order, { returnId }: Data<"ReturnApproved">): Order =>
    withReturn(placed(state), returnId, { status: "approved" }),
  ReturnRejected: (state: Order, { returnId }: Data<"ReturnRejected">): Order => {
    const order = withReturn(placed(state), returnId, { status: "rejected" });
    const { lines = [] } = order.returns.get(returnId) ?? {};
    return withPieces(order, lines, (pieces, quantity) => ({
      ...pieces,
      returning: pieces.returning - quantity,
    }));
  },
  ReturnReceived: (state: Order, { returnId, lines }: Data<"ReturnReceived">): Order => {
    const order = withReturn(placed(state), returnId, { status: "received", received: lines });
    return { ...order, openEffects: new Set(order.openEffects).add(returnId) };
  },
  OrderCancelled: (state: Order, { refusal }: Data<"OrderCancelled">): Order => {
    const order = placed(state);
    return {
      ...order,
      status: "cancelled",
      openEffects: new Set(order.openEffects).add(cancellationEffect),
      ...(refusal && { refusal }),
    };
  },
  OrderRefunded: (state: Order, data: Data<"OrderRefunded">): Order => {
    const { refundId, amount, goods, full, releases } = data;
    const order = placed(state);
    const toRefunded = full && legalTransitions[order.status].includes("refunded");
    return {
      ...order,
      refunds: new Set(order.refunds).add(refundId),
      refunded: order.refunded + amount,
      goodsRefunded: order.goodsRefunded + goods,
      paymentStatus: full ? "refunded" : "partially_refunded",
      ...(toRefunded && { status: "refunded" }),
      ...(releases && { openEffects: new Set(order.openEffects).add(refundEffect) }),
    };
  },
  NoteAdded: (state: Order, _: Data<"NoteAdded">): Order => {
    const order = placed(state);
    return { ...order, notes: order.notes + 1 };
  },
  EffectsApplied: (state: Order, { of }: Data<"EffectsApplied">): Order => {
    if (state.phase === "refused") return { ...state, applied: new Set(state.applied).add(of) };
    const order = placed(state);
    const openEffects = new Set(order.openEffects);
    openEffects.delete(of);
    return { ...order, openEffects };
  },
};

function piecesOf(lines: readonly OrderLine[]): Map<string, Pieces> {
  const none = { shipped: 0, delivered: 0, returning: 0 };
  return new Map(demandOf(lines).map(([sku, ordered]) => [sku, { ordered, ...none }]));
}

function withPieces(
  order: PlacedOrder,
  lines: readonly { sku: string; quantity: number }[],
  change: (pieces: Pieces, quantity: number) => Pieces,
): PlacedOrder {
  const changed = new Map(order.pieces);
  for (const { sku, quantity } of lines) {
    const pieces = changed.get(sku);
    if (!pieces) throw new Error(`${sku} is not in the order`);
    changed.set(sku, change(pieces, quantity));
  }
  return { ...order, pieces: changed };
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
