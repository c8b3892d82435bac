import { type DataOf, decider, type EventOf } from "../../src/engine/decider.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import { orderEvents } from "./events.ts";

type OrderEvent = EventOf<typeof orderEvents>;
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

const notesMax = 1_000;
const shipmentsMax = 1_000;
const returnsMax = 1_000;

/** Pieces of one SKU over all lines of the order. */
interface Pieces {
  ordered: number;
  shipped: number;
  delivered: number;
  /** Asked to come back or come back already. */
  returning: number;
}

interface Shipment {
  lines: Data<"ShipmentDispatched">["lines"];
  delivered: boolean;
}

interface Return {
  status: "requested" | "approved" | "rejected" | "received";
  lines: Data<"ReturnRequested">["lines"];
  /** As inspection found it. */
  received?: Data<"ReturnReceived">["lines"];
}

export interface PlacedOrder extends Data<"OrderPlaced"> {
  phase: "placed";
  status: OrderStatus;
  paymentStatus: PaymentStatus;
  confirmed: boolean;
  pieces: Map<string, Pieces>;
  shipments: Map<string, Shipment>;
  returns: Map<string, Return>;
  refunds: Set<string>;
  refunded: number;
  goodsRefunded: number;
  notes: number;
  /** What has still to happen elsewhere because of an event here. */
  openEffects: Set<string>;
}

export type Order = { phase: "absent" } | PlacedOrder;

/** Names of effects in `openEffects`; shipments and returns go by their ids. */
export const cancellationEffect = "cancellation";
export const deliveryEffect = "delivery";
export const refundEffect = "refund";

const legal: Record<OrderStatus, readonly OrderStatus[]> = {
  pending: ["confirmed", "paid", "cancelled"],
  confirmed: ["paid", "processing", "cancelled"],
  paid: ["processing", "cancelled", "refunded"],
  processing: ["shipped", "cancelled"],
  shipped: ["delivered", "refunded"],
  delivered: ["refunded"],
  cancelled: [],
  refunded: [],
};

export const order = decider({
  category: "order",
  events: orderEvents,
  initial: (): Order => ({ phase: "absent" }),

  evolve: {
    OrderPlaced: (_, data): Order => ({
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
    OrderConfirmed: (state) => {
      const order = placed(state);
      return change(order, { status: order.status === "paid" ? "paid" : "confirmed", confirmed: true });
    },
    OrderPaid: (state) => {
      const order = placed(state);
      const status = order.status === "pending" || order.status === "confirmed" ? "paid" : order.status;
      return change(order, { status, paymentStatus: "paid" });
    },
    OrderPaymentFailed: (state) => change(state, { paymentStatus: "failed" }),
    ProcessingStarted: (state) => change(state, { status: "processing" }),
    ShipmentDispatched: (state, { shipmentId, lines, complete }) => {
      const order = placed(state);
      for (const { sku, quantity } of lines) piecesIn(order, sku).shipped += quantity;
      order.shipments.set(shipmentId, { lines, delivered: false });
      order.openEffects.add(shipmentId);
      if (complete) order.status = "shipped";
      return order;
    },
    ShipmentDelivered: (state, { shipmentId, complete, cashDue }) => {
      const order = placed(state);
      const shipment = order.shipments.get(shipmentId);
      if (shipment) shipment.delivered = true;
      for (const { sku, quantity } of shipment?.lines ?? []) piecesIn(order, sku).delivered += quantity;
      if (complete && order.status === "shipped") order.status = "delivered";
      if (cashDue) order.openEffects.add(deliveryEffect);
      return order;
    },
    ReturnRequested: (state, { returnId, lines }) => {
      const order = placed(state);
      for (const { sku, quantity } of lines) piecesIn(order, sku).returning += quantity;
      order.returns.set(returnId, { status: "requested", lines });
      return order;
    },
    ReturnApproved: (state, { returnId }) => withReturn(state, returnId, "approved"),
    ReturnRejected: (state, { returnId }) => {
      const order = withReturn(state, returnId, "rejected");
      for (const { sku, quantity } of order.returns.get(returnId)?.lines ?? [])
        piecesIn(order, sku).returning -= quantity;
      return order;
    },
    ReturnReceived: (state, { returnId, lines }) => {
      const order = withReturn(state, returnId, "received");
      returnOf(order, returnId).received = lines;
      order.openEffects.add(returnId);
      return order;
    },
    OrderCancelled: (state) => {
      const order = placed(state);
      order.openEffects.add(cancellationEffect);
      return change(order, { status: "cancelled" });
    },
    OrderRefunded: (state, { refundId, amount, goods, full, releases }) => {
      const order = placed(state);
      if (releases) order.openEffects.add(refundEffect);
      order.refunds.add(refundId);
      const toRefunded = full && legal[order.status].includes("refunded");
      return change(order, {
        refunded: order.refunded + amount,
        goodsRefunded: order.goodsRefunded + goods,
        paymentStatus: full ? "refunded" : "partially_refunded",
        ...(toRefunded && { status: "refunded" }),
      });
    },
    NoteAdded: (state) => {
      const order = placed(state);
      order.notes++;
      return order;
    },
    EffectsApplied: (state, { of }) => {
      const order = placed(state);
      order.openEffects.delete(of);
      return order;
    },
  },

  decide: {
    Place: (state, command: Data<"OrderPlaced">) => {
      if (state.phase !== "absent") return [];
      const { lines, totals } = command;
      // Conserved again in the projector: what the lines say is what the order says.
      const sum = lines.reduce((running, line) => running + line.subtotal, 0);
      if (sum !== totals.subtotal) throw new Error(`lines sum to ${sum}, the order to ${totals.subtotal}`);
      return [{ type: "OrderPlaced", data: command }];
    },

    Confirm: (state, { buyer }: { buyer?: string }) => {
      const order = existing(state);
      if (order.confirmed && order.status !== "cancelled") return [];
      // A transfer may be booked while the checkout is still under way.
      if (order.status !== "paid") requireLegal(order, "confirmed");
      const lines = order.lines.map(({ sku, productId, name, category, quantity, subtotal, discount }) => ({
        sku,
        productId,
        name,
        ...(category !== undefined && { category }),
        quantity,
        revenue: subtotal - discount,
      }));
      return [
        {
          type: "OrderConfirmed",
          data: {
            currency: order.currency,
            lines,
            units: lines.reduce((sum, line) => sum + line.quantity, 0),
            gross: goodsOf(order),
            ...(buyer !== undefined && { buyer }),
          },
        },
      ];
    },

    /** The whole amount is captured. A late failure never takes it away. */
    MarkPaid: (state, { amount }: { amount: number }) => {
      const order = existing(state);
      if (order.paymentStatus !== "pending" && order.paymentStatus !== "failed") return [];
      if (order.status === "cancelled") return [];
      return [{ type: "OrderPaid", data: { amount } }];
    },

    MarkPaymentFailed: (state, { reason }: { reason: string }) => {
      const order = existing(state);
      if (order.paymentStatus !== "pending") return [];
      return [{ type: "OrderPaymentFailed", data: { reason } }];
    },

    StartProcessing: (state) => {
      const order = existing(state);
      return order.status === "processing" ? [] : startProcessing(order);
    },

    Ship: (state, command: Ship) => {
      const order = existing(state);
      const { shipmentId, carrier, trackingNumber } = command;
      if (order.shipments.has(shipmentId)) return [];
      requireAtMost(order.shipments.size, shipmentsMax, "shipments");
      if (order.paymentStatus === "refunded") throw illegalTransition("the order has been refunded in full");
      const started = order.status === "processing" ? [] : startProcessing(order);
      const lines = command.lines ? summed(command.lines) : unshipped(order);
      if (lines.length === 0) throw illegalTransition("nothing is left to ship");
      for (const { sku, quantity } of lines)
        requirePieces(order, sku, quantity, "shipped", ({ ordered, shipped }) => ordered - shipped);
      const going = new Map(lines.map(({ sku, quantity }) => [sku, quantity]));
      const complete = [...order.pieces].every(
        ([sku, { ordered, shipped }]) => shipped + (going.get(sku) ?? 0) >= ordered,
      );
      const data = {
        shipmentId,
        lines,
        complete,
        ...(carrier !== undefined && { carrier }),
        ...(trackingNumber !== undefined && { trackingNumber }),
      };
      return [...started, { type: "ShipmentDispatched", data }];
    },

    /** One shipment, or all that are under way. */
    Deliver: (state, { shipmentId }: { shipmentId?: string }) => {
      const order = existing(state);
      if (shipmentId !== undefined && !order.shipments.has(shipmentId))
        throw notFound("shipment", shipmentId);
      const wanted = [...order.shipments].filter(([id]) => shipmentId === undefined || id === shipmentId);
      if (wanted.length === 0) throw illegalTransition("nothing has been shipped yet");
      const arriving = wanted.filter(([, { delivered }]) => !delivered).map(([id]) => id);
      const underWay = [...order.shipments].filter(([, { delivered }]) => !delivered).length;
      const isLast = (index: number) =>
        order.status === "shipped" && underWay === arriving.length && index === arriving.length - 1;
      return arriving.map((id, index) => ({
        type: "ShipmentDelivered",
        data: {
          shipmentId: id,
          complete: isLast(index),
          ...(isLast(index) && order.paymentMethod === "cod" && { cashDue: true as const }),
        },
      }));
    },

    RequestReturn: (state, { returnId, lines, reason }: RequestReturn) => {
      const order = existing(state);
      if (order.returns.has(returnId)) return [];
      requireAtMost(order.returns.size, returnsMax, "returns");
      const wanted = summed(lines);
      for (const { sku, quantity } of wanted)
        requirePieces(order, sku, quantity, "returned", ({ delivered, returning }) => delivered - returning);
      const data = { returnId, lines: wanted, ...(reason !== undefined && { reason }) };
      return [{ type: "ReturnRequested", data }];
    },

    ApproveReturn: (state, { returnId }: { returnId: string }) => {
      const { status } = returnOf(existing(state), returnId);
      if (status === "approved" || status === "received") return [];
      if (status === "rejected") throw illegalTransition("the return was rejected");
      return [{ type: "ReturnApproved", data: { returnId } }];
    },

    RejectReturn: (state, { returnId, reason }: { returnId: string; reason: string }) => {
      const { status } = returnOf(existing(state), returnId);
      if (status === "rejected") return [];
      if (status !== "requested") throw illegalTransition(`the return is ${status}`);
      return [{ type: "ReturnRejected", data: { returnId, reason } }];
    },

    /** What came back, as inspection found it: every piece is sellable or damaged. */
    ReceiveReturn: (state, { returnId, lines }: Data<"ReturnReceived">) => {
      const { status, lines: asked } = returnOf(existing(state), returnId);
      if (status === "received") return [];
      if (status !== "approved") throw illegalTransition(`the return is ${status}, not approved`);
      for (const { sku, quantity } of asked) {
        const found = lines.find((line) => line.sku === sku);
        if (!found || found.sellable + found.damaged !== quantity)
          throw new Problem("validation_failed", `${quantity} of ${sku} were to come back`, {
            errors: [{ path: "lines", message: `sellable and damaged of ${sku} must sum to ${quantity}` }],
          });
      }
      const unasked = lines.find((line) => !asked.some(({ sku }) => sku === line.sku));
      if (unasked) throw notFound("SKU in this return", unasked.sku);
      if (lines.length > asked.length)
        throw new Problem("validation_failed", "each SKU of the return has one line", {
          errors: [{ path: "lines", message: "one line for each SKU" }],
        });
      return [{ type: "ReturnReceived", data: { returnId, lines } }];
    },

    /** `onlyPending`: a checkout that gives up must not cancel an order that was confirmed beside it. */
    Cancel: (state, { reason, onlyPending }: { reason: string; onlyPending?: boolean }) => {
      const order = existing(state);
      if (order.status === "cancelled") return [];
      if (onlyPending && order.confirmed)
        throw new Problem("too_much_contention", "the order was confirmed meanwhile");
      requireLegal(order, "cancelled");
      if (order.shipments.size > 0) throw illegalTransition("parts of the order have been shipped");
      const goods = order.confirmed ? goodsOf(order) - order.goodsRefunded : 0;
      return [{ type: "OrderCancelled", data: { reason, currency: order.currency, goods } }];
    },

    /** The payment has given money back. Goods are refunded before shipping, unless a cancellation was it. */
    MarkRefunded: (state, command: { refundId: string; amount: number; cause: RefundCause }) => {
      const order = existing(state);
      const { refundId, amount, cause } = command;
      if (order.refunds.has(refundId)) return [];
      const goods = order.status === "cancelled" ? 0 : Math.min(amount, goodsOf(order) - order.goodsRefunded);
      const full = order.refunded + amount >= order.totals.total;
      const releases = full && order.status !== "cancelled" && unshipped(order).length > 0;
      const refunded = { refundId, currency: order.currency, amount, goods, cause, full };
      return [{ type: "OrderRefunded", data: { ...refunded, ...(releases && { releases }) } }];
    },

    AddNote: (state, { text }: { text: string }) => {
      requireAtMost(existing(state).notes, notesMax, "notes");
      return [{ type: "NoteAdded", data: { text } }];
    },

    MarkEffectsApplied: (state, { of }: { of: string }) =>
      existing(state).openEffects.has(of) ? [{ type: "EffectsApplied", data: { of } }] : [],
  },

  weigh: (state) => (state.phase === "absent" ? 0 : 2_000 + state.lines.length * 1_500),
});

interface Ship {
  shipmentId: string;
  /** All that is left when there are none. */
  lines?: readonly { sku: string; quantity: number }[];
  carrier?: string;
  trackingNumber?: string;
}

interface RequestReturn {
  returnId: string;
  lines: readonly { sku: string; quantity: number }[];
  reason?: string;
}

export type RefundCause = Data<"OrderRefunded">["cause"];

/** What the customer pays for the goods: after discounts, without shipping, tax as the prices have it. */
function goodsOf({ totals }: PlacedOrder): number {
  return totals.subtotal - totals.discount;
}

/** Ordered pieces by SKU, in ascending order of SKU: one demand, however many lines it stands on. */
export function demandOf(lines: readonly { sku: string; quantity: number }[]): [string, number][] {
  const demand = new Map<string, number>();
  for (const { sku, quantity } of lines) demand.set(sku, (demand.get(sku) ?? 0) + quantity);
  return [...demand].sort(([a], [b]) => (a < b ? -1 : 1));
}

function summed(lines: readonly { sku: string; quantity: number }[]) {
  return demandOf(lines).map(([sku, quantity]) => ({ sku, quantity }));
}

function piecesOf(lines: readonly OrderLine[]): Map<string, Pieces> {
  const none = { shipped: 0, delivered: 0, returning: 0 };
  return new Map(demandOf(lines).map(([sku, ordered]) => [sku, { ordered, ...none }]));
}

function unshipped(order: PlacedOrder) {
  return [...order.pieces]
    .map(([sku, { ordered, shipped }]) => ({ sku, quantity: ordered - shipped }))
    .filter(({ quantity }) => quantity > 0);
}

function startProcessing(order: PlacedOrder): OrderEvent[] {
  requireLegal(order, "processing");
  // Cash on delivery is paid when it arrives; everything else before it leaves.
  if (order.paymentMethod !== "cod" && order.paymentStatus !== "paid" && order.totals.total > 0)
    throw illegalTransition("the order is not paid");
  return [{ type: "ProcessingStarted", data: {} }];
}

function requireLegal(order: PlacedOrder, next: OrderStatus): void {
  if (!legal[order.status].includes(next))
    throw illegalTransition(`an order that is ${order.status} cannot become ${next}`);
}

function requirePieces(
  order: PlacedOrder,
  sku: string,
  quantity: number,
  verb: string,
  left: (pieces: Pieces) => number,
): void {
  const pieces = order.pieces.get(sku);
  if (!pieces) throw notFound("SKU in this order", sku);
  const most = left(pieces);
  if (quantity > most) throw illegalTransition(`at most ${most} of ${sku} can be ${verb}, not ${quantity}`);
}

function requireAtMost(count: number, max: number, what: string): void {
  if (count >= max) throw illegalTransition(`an order has at most ${max} ${what}`);
}

function returnOf(order: PlacedOrder, returnId: string): Return {
  const found = order.returns.get(returnId);
  if (!found) throw notFound("return", returnId);
  return found;
}

function withReturn(state: Order, returnId: string, status: Return["status"]): PlacedOrder {
  const order = placed(state);
  returnOf(order, returnId).status = status;
  return order;
}

function piecesIn(order: PlacedOrder, sku: string): Pieces {
  const pieces = order.pieces.get(sku);
  if (!pieces) throw new Error(`${sku} is not in the order`);
  return pieces;
}

/** @throws Problem not_found */
function existing(state: Order): PlacedOrder {
  if (state.phase === "absent") throw new Problem("not_found", "there is no such order");
  return state;
}

function change(state: Order, changes: Partial<PlacedOrder>): PlacedOrder {
  return Object.assign(placed(state), changes);
}

function placed(state: Order): PlacedOrder {
  if (state.phase === "absent") throw new Error("the order was never placed");
  return state;
}
