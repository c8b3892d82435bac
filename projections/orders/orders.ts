import type { ShopEvents } from "../../commands/events.ts";
import type { Book } from "../../commands/order/book.ts";
import { bookEvents } from "../../commands/order/book-events.ts";
import { withMore } from "../../commands/order/state.ts";
import { paymentStatusOf, receivedStatusOf, statusOf } from "../../commands/order/status.ts";
import { uncountedEvents } from "../../commands/order/uncounted.ts";
import { type Handler, type ProjectedEvent, projectionOf } from "../../src/engine/projection.ts";
import { toDecimal } from "../../src/values/money.ts";
import { foldSku } from "../../src/values/sku.ts";
import { wordsOf } from "../catalog/search/analyzer.ts";
import { known, knownIn, onExisting, streamKey } from "../handlers.ts";
import type {
  Data,
  OrderDoc,
  OrderLineRow,
  OrderReturnDoc,
  OrderShipmentDoc,
  OrderSummary,
  PlacedData,
  TimelineRow,
  TimelineType,
} from "./documents.ts";

/** What the timeline says of an event. What staff, a gateway or the shop's books say of it is for staff. */
type Said = string | { customer: string | null; staff: string };

/**
 * An event in an order's life.
 * @param change returns what the timeline says, if anything
 * @param book what the event does to the order's books
 */
function step<D>(
  type: TimelineType,
  change: (order: OrderDoc, data: D, time: number) => Said | undefined,
  book?: (book: Book, data: D) => Book,
): Handler<OrderDoc, D> {
  return onStream((order, { data, time }: ProjectedEvent<D>) => {
    if (book) Object.assign(order, booked(book(order.book, data)));
    const said = change(order, data, time);
    if (said !== undefined) order.timeline.push(rowOf(time, type, said));
    order.updatedAt = time;
  });
}

/** An event of an order's own stream. */
function onStream<D>(change: (order: OrderDoc, event: ProjectedEvent<D>) => void): Handler<OrderDoc, D> {
  return onExisting((order, event) => {
    order.revision = event.revision;
    change(order, event);
  });
}

/** An event that readers are told nothing of. */
const quiet = onStream<unknown>(() => {});

/** An event of one of an order's payments. */
function ofPayment<D extends { orderId: string }>(
  type: TimelineType,
  say: (order: OrderDoc, data: D) => Said,
): Handler<OrderDoc, D> {
  return {
    keys: ({ data }) => data.orderId,
    change: (doc, event) => {
      const order = known(doc, event);
      order.timeline.push(rowOf(event.time, type, say(order, event.data)));
      order.updatedAt = event.time;
      return order;
    },
  };
}

function rowOf(at: number, type: TimelineType, said: Said): TimelineRow {
  return typeof said === "string" ? [at, type, said] : [at, type, said.customer, said.staff];
}

/** In the same words, but that staff reads why, too. */
function because(customer: string, reason: string | undefined): Said {
  return reason === undefined ? customer : { customer, staff: `${customer}: ${reason}` };
}

function booked(book: Book): Pick<OrderDoc, "book" | "status" | "paymentStatus"> {
  return { book, status: statusOf(book), paymentStatus: paymentStatusOf(book) };
}

/**
 * The history of orders. The document is the whole order, which `getOrder` shows; readers of the model see
 * the summary, so that lists need not walk through lines.
 */
export const ordersProjection = projectionOf<ShopEvents>()<OrderDoc>({
  name: "orders",
  version: 6,
  columns: {
    number: "text",
    status: "text",
    paymentStatus: "text",
    email: "text",
    customerId: "text",
    placedAt: "number",
  },
  lists: ["sku", "name", "refund"],
  indexes: [
    ["placedAt"],
    ["status", "placedAt"],
    ["paymentStatus", "placedAt"],
    ["status", "paymentStatus", "placedAt"],
    ["email", "placedAt"],
    ["customerId", "placedAt"],
    ["number"],
  ],
  columnsOf: ({ number, status, paymentStatus, email, customerId, placedAt }) => ({
    number: number.toLowerCase(),
    status,
    paymentStatus,
    email: email?.toLowerCase() ?? null,
    customerId: customerId ?? null,
    placedAt,
  }),
  listsOf: ({ lines, unpaid = [], shippingAddress }) => ({
    sku: lines.map(([sku]) => foldSku(sku)),
    name: wordsOf(shippingAddress?.fullName ?? ""),
    refund: unpaid,
  }),
  present: (doc, id) => summaryOf(id, doc),
  on: {
    OrderPlaced: { keys: streamKey, change: (_, event) => newOrder(event) },
    OrderConfirmed: step("confirmed", () => "Order confirmed", bookEvents.OrderConfirmed),
    OrderPaid: step("paid", (order, { amount }) => `${text(order, amount)} paid`, bookEvents.OrderPaid),
    OrderPaymentFailed: step(
      "payment_failed",
      (_, { reason }) => because("Payment failed", reason),
      bookEvents.OrderPaymentFailed,
    ),
    ProcessingStarted: step("processing", () => "Being prepared", bookEvents.ProcessingStarted),
    ShipmentDispatched: step("shipped", dispatch, bookEvents.ShipmentDispatched),
    ShipmentDelivered: step("delivered", deliver, bookEvents.ShipmentDelivered),
    DeliveryFailed: step("delivery_failed", fail, bookEvents.DeliveryFailed),
    ShipmentReturned: step(
      "shipment_returned",
      (order, { lines }) => {
        takeBack(order, lines);
        return cameBack("of a shipment came back", lines);
      },
      bookEvents.ShipmentReturned,
    ),
    ReshipmentAgreed: step(
      "reshipment",
      (_, { lines }) => `${piecesOf(lines)} will be sent once more`,
      bookEvents.ReshipmentAgreed,
    ),
    ReturnRequested: step("return_requested", announce, bookEvents.ReturnRequested),
    ReturnApproved: step("return_approved", (order, { returnId }) => {
      knownIn(order.returns, "id", returnId).status = "approved";
      return "Return approved";
    }),
    ReturnRejected: step(
      "return_rejected",
      (order, { returnId, reason }) => {
        const rejected = knownIn(order.returns, "id", returnId);
        rejected.status = "rejected";
        rejected.rejection = reason;
        return { customer: "Return not accepted", staff: `Return rejected: ${reason}` };
      },
      bookEvents.ReturnRejected,
    ),
    ReturnReceived: step(
      "return_received",
      (order, { returnId, lines }) => {
        receive(order, returnId, lines);
        return cameBack("of a return received", lines);
      },
      bookEvents.ReturnReceived,
    ),
    ReturnInspected: step(
      "return_inspected",
      (order, { returnId, lines }) => {
        receive(order, returnId, lines);
        return cameBack("of a return inspected", lines);
      },
      bookEvents.ReturnInspected,
    ),
    ReturnWithdrawn: step(
      "return_withdrawn",
      (order, { returnId }) => {
        knownIn(order.returns, "id", returnId).status = "withdrawn";
        return "Return withdrawn";
      },
      bookEvents.ReturnWithdrawn,
    ),
    ReturnClosed: step(
      "return_closed",
      (order, { returnId, lines }) => {
        receive(order, returnId, []);
        return `Return closed without ${piecesOf(lines)}`;
      },
      bookEvents.ReturnClosed,
    ),
    LinesCancelled: step(
      "items_cancelled",
      // That all of it was cancelled has an event of its own.
      (_, { lines, cause, complete, reason }) =>
        complete && cause === "cancellation" ? undefined : because(`${piecesOf(lines)} cancelled`, reason),
      bookEvents.LinesCancelled,
    ),
    OrderEdited: step("edited", edit, bookEvents.OrderEdited),
    AddressChanged: step("address_changed", (order, { shippingAddress }) => {
      order.shippingAddress = shippingAddress;
      return "Delivery address changed";
    }),
    ExchangeAgreed: step("exchange_agreed", () => "Exchange agreed"),
    OrderCredited: step("credited", credit, bookEvents.OrderCredited),
    CreditWithdrawn: step(
      "refund_failed",
      (order, { creditId, reason, amount, part, rejected }) => {
        if (part !== 0) order.unpaid = [...new Set(order.unpaid).add(creditId)];
        if (part === 0) return because(`${text(order, amount)} are due again`, reason);
        if (rejected) return { customer: "Refund not approved", staff: `Refund rejected: ${reason}` };
        return { customer: "Refund delayed", staff: `The money could not be given back: ${reason}` };
      },
      bookEvents.CreditWithdrawn,
    ),
    ChargebackReceived: ofPayment("disputed", (order, { amount, reason }) =>
      because(`${text(order, amount)} disputed at the bank`, reason),
    ),
    ChargebackWon: ofPayment("dispute_ended", (order, { amount }) => `Dispute of ${text(order, amount)} won`),
    ChargebackLost: ofPayment(
      "dispute_ended",
      (order, { amount }) => `Dispute of ${text(order, amount)} lost`,
    ),
    OrderCancelled: step(
      "cancelled",
      (_, { reason }) => because("Cancelled", reason),
      bookEvents.OrderCancelled,
    ),
    OrderRefunded: step(
      "refunded",
      (order, { refundId, amount, cause }, time) => {
        order.refunds.push({ id: refundId, amount, cause, at: time });
        return cause === "dispute"
          ? `${text(order, amount)} taken back by the customer's bank`
          : `${text(order, amount)} refunded`;
      },
      bookEvents.OrderRefunded,
    ),
    PaymentAdded: quiet,
    EditRequested: quiet,
    EditRefused: quiet,
    EffectsApplied: onStream((order, { data }) => {
      if (data.uncounted) order.uncounted = uncountedEvents.EffectsApplied(order.uncounted, data);
    }),
    NoteAdded: step("note", (_, { text, visibility }) =>
      visibility === "customer" ? text : { customer: null, staff: text },
    ),
  },
});

function newOrder({ data, time, revision }: ProjectedEvent<PlacedData>): OrderDoc {
  const { email, customerId, shippingAddress, billingAddress } = data;
  return {
    revision,
    number: data.number,
    ...booked(bookEvents.OrderPlaced(undefined, data)),
    paymentMethod: data.paymentMethod,
    paymentId: data.paymentId,
    cartId: data.cartId,
    currency: data.currency,
    ...(email !== undefined && { email }),
    ...(customerId !== undefined && { customerId }),
    lines: data.lines.map(lineRow),
    totals: data.totals,
    tax: data.tax,
    shippingMethod: data.shippingMethod,
    ...(shippingAddress && { shippingAddress }),
    ...(billingAddress && { billingAddress }),
    shipments: [],
    returns: [],
    refunds: [],
    timeline: [[time, "placed", "Order placed"]],
    placedAt: time,
    updatedAt: time,
  };
}

function lineRow(line: PlacedData["lines"][number]): OrderLineRow {
  const { sku, productId, name, category = "", quantity, unitPrice, subtotal, discount, tax, total } = line;
  return [sku, productId, name, category, quantity, unitPrice, subtotal, discount, tax, total];
}

function edit(order: OrderDoc, data: Data<"OrderEdited">): string {
  const { lines, shipping, shippingTax, method } = data;
  order.lines.push(...lines.map(lineRow));
  order.totals = withMore(order.totals, lines, {
    shipping,
    tax: shippingTax,
    included: order.tax.included,
  });
  if (method) order.shippingMethod = method.method;
  const added = lines.length > 0 ? [`${piecesOf(lines)} added`] : [];
  const sent = method ? [`to be sent by ${method.method}`] : [];
  return `Order changed: ${[...added, ...sent].join(", ")}`;
}

function dispatch(order: OrderDoc, data: Data<"ShipmentDispatched">, time: number): string {
  const { shipmentId, lines, carrier, trackingNumber } = data;
  const shipment: OrderShipmentDoc = { id: shipmentId, lines, dispatchedAt: time };
  if (carrier !== undefined) shipment.carrier = carrier;
  if (trackingNumber !== undefined) shipment.trackingNumber = trackingNumber;
  order.shipments.push(shipment);
  const by = [carrier, trackingNumber].filter((part) => part !== undefined).join(" ");
  return `${piecesOf(lines)} shipped${by === "" ? "" : ` with ${by}`}`;
}

function deliver(order: OrderDoc, { shipmentId, complete }: Data<"ShipmentDelivered">, time: number): string {
  const isUnderWay = order.book.parcels.some((parcel) => parcel.shipmentId === shipmentId);
  if (!isUnderWay) knownIn(order.shipments, "id", shipmentId).deliveredAt = time;
  return complete ? "Delivered" : "Part of it delivered";
}

interface Found {
  sellable: number;
  damaged: number;
  rejected?: number | undefined;
  inspecting?: number | undefined;
}

function piecesFound({ sellable, damaged, rejected = 0, inspecting = 0 }: Found) {
  return { quantity: sellable + damaged + rejected + inspecting };
}

/** What was rejected stays the customer's; the rest of what was found is for staff. */
function cameBack(what: string, lines: readonly Found[]): Said {
  const findings = ["sellable", "damaged", "rejected", "inspecting"] as const;
  const counts = findings.map((finding) => [finding, sum(lines, finding)] as const);
  const found = counts.filter(([, count]) => count > 0).map(([finding, count]) => `${count} ${finding}`);
  const rejected = sum(lines, "rejected");
  const notAccepted = rejected > 0 ? `, ${rejected} not accepted` : "";
  return because(`${piecesOf(lines.map(piecesFound))} ${what}${notAccepted}`, found.join(", "));
}

function sum<K extends string>(lines: readonly Partial<Record<K, number | undefined>>[], of: K): number {
  return lines.reduce((total, line) => total + (line[of] ?? 0), 0);
}

/** One that changes nothing but what goes back is of money that came in too much. */
function credit(order: OrderDoc, { amount, payout, reason }: Data<"OrderCredited">): Said | undefined {
  if (amount > 0 && payout === 0 && order.book.captured === 0)
    return because(`${text(order, amount)} need not be paid any more`, reason);
  if (amount > 0) return because(`${text(order, amount)} credited`, reason);
  return payout > 0 ? because(`${text(order, payout)} will be paid back`, reason) : undefined;
}

const outcomeTexts = {
  refused: "refused at the door",
  undeliverable: "could not be delivered",
  lost: "lost on the way",
};

function fail(order: OrderDoc, data: Data<"DeliveryFailed">, time: number): string {
  const { shipmentId, outcome, lines } = data;
  const shipment = knownIn(order.shipments, "id", shipmentId);
  shipment.failures ??= [];
  shipment.failures.push({ outcome, lines, at: time });
  return `${piecesOf(lines)} ${outcomeTexts[outcome]}`;
}

/** @param lines as inspection found them, or as they came */
function receive(order: OrderDoc, returnId: string, lines: NonNullable<OrderReturnDoc["received"]>): void {
  const its = knownIn(order.returns, "id", returnId);
  its.status = receivedStatusOf(order.book, returnId);
  if (lines.length > 0) its.received = [...(its.received ?? []), ...lines];
  takeBack(order, lines);
}

function takeBack(
  order: OrderDoc,
  lines: readonly { sku: string; sellable: number; damaged: number }[],
): void {
  if (order.uncounted) order.uncounted = uncountedEvents.ReturnReceived(order.uncounted, { lines }).uncounted;
}

function announce(order: OrderDoc, data: Data<"ReturnRequested">, time: number): Said {
  const { returnId, lines, reason } = data;
  const request: OrderReturnDoc = { id: returnId, status: "requested", lines, requestedAt: time };
  if (reason !== undefined) request.reason = reason;
  order.returns.push(request);
  return because(`Return of ${piecesOf(lines)} requested`, reason);
}

function piecesOf(lines: readonly { quantity: number }[]): string {
  const count = sum(lines, "quantity");
  return count === 1 ? "1 piece" : `${count} pieces`;
}

function text({ currency }: OrderDoc, amount: number): string {
  return `${toDecimal({ amount, currency })} ${currency}`;
}

function summaryOf(id: string, doc: OrderDoc): OrderSummary {
  const { number, status, paymentStatus, email, customerId, currency, totals, lines } = doc;
  return {
    id,
    number,
    status,
    paymentStatus,
    ...(email !== undefined && { email }),
    ...(customerId !== undefined && { customerId }),
    total: { amount: totals.total, currency },
    itemCount: lines.reduce((sum, line) => sum + line[4], 0),
    lineCount: lines.length,
    placedAt: new Date(doc.placedAt).toISOString(),
    updatedAt: new Date(doc.updatedAt).toISOString(),
  };
}
