import { z } from "zod";
import type { ShopEvents } from "../../commands/events.ts";
import { paymentIdOf } from "../../commands/order/state.ts";
import type { DataOf } from "../../src/engine/decider.ts";
import type { ProjectedEvent } from "../../src/engine/projection.ts";
import type { Money } from "../../src/values/money.ts";
import { availableOf, movementOf, type StockMovementType } from "../stock/availability.ts";
import * as schemas from "./schemas.ts";

/** Amounts of events are minor units of the currency that the shop sells in. */
type MoneyOf = (amount: number) => Money;

/** @returns undefined where others need not hear of it */
type Tell<K extends keyof ShopEvents, Told> = (
  event: Pick<ProjectedEvent<DataOf<ShopEvents, K>>, "id" | "data">,
  money: MoneyOf,
) => Told | undefined;

interface Topic<S extends z.ZodType> {
  summary: string;
  data: S;
  from: { [K in keyof ShopEvents & string]?: Tell<K, z.output<S>> };
}

const topic = <S extends z.ZodType>(
  summary: string,
  data: S,
  from: { [K in keyof ShopEvents & string]?: Tell<K, z.output<S>> },
): Topic<S> => ({ summary, data, from });

type Line = { lineId?: number | undefined; sku: string; quantity: number };
const lineOf = ({ lineId, sku, quantity }: Line) => ({
  ...(lineId !== undefined && { lineId }),
  ...{ sku, quantity },
});
const linesOf = ({ lines }: { lines: readonly Line[] }) => lines.map(lineOf);
const ofReturn = ({ id, data }: { id: string; data: { returnId: string } }) => ({
  orderId: id,
  returnId: data.returnId,
});
const ofDispute = (id: string, data: { disputeId: string; orderId: string }, amount: Money) => ({
  paymentId: id,
  orderId: data.orderId,
  disputeId: data.disputeId,
  amount,
});
const ofProduct = ({ id }: { id: string }) => ({ productId: id });
const changedVariant = (id: string, sku: string) => ({ productId: id, changes: ["variants"], sku });

function moved<K extends StockMovementType>(type: K): Tell<K, z.output<typeof schemas.stockChanged>> {
  const movement = movementOf(type);
  return ({ id, data }) => {
    const counts = movement(data);
    const change = { onHand: counts.onHand, available: availableOf(counts) };
    return change.onHand === 0 && change.available === 0 ? undefined : { sku: id, change };
  };
}

function received({
  id,
  data,
}: Pick<ProjectedEvent<DataOf<ShopEvents, "ReturnReceived">>, "id" | "data">): z.output<
  typeof schemas.returnReceived
> {
  return {
    orderId: id,
    returnId: data.returnId,
    lines: data.lines.map(({ lineId, sku, sellable, damaged, rejected = 0, inspecting = 0 }) => ({
      ...(lineId !== undefined && { lineId }),
      ...{ sku, sellable, damaged, rejected, inspecting },
    })),
  };
}

function placed(
  { id, data }: Pick<ProjectedEvent<DataOf<ShopEvents, "OrderPlaced">>, "id" | "data">,
  money: MoneyOf,
): z.output<typeof schemas.orderPlaced> {
  const { number, cartId, customerId, paymentId, paymentMethod, shippingMethod, lines, totals, payBy } = data;
  return {
    orderId: id,
    ...{ number, cartId, paymentId, paymentMethod, shippingMethod },
    ...(customerId !== undefined && { customerId }),
    lines: lines.map(({ sku, quantity, productId, name, unitPrice, total }, index) => ({
      lineId: index + 1,
      ...{ sku, quantity, productId, name },
      unitPrice: money(unitPrice),
      total: money(total),
    })),
    totals: {
      subtotal: money(totals.subtotal),
      discount: money(totals.discount),
      shipping: money(totals.shipping),
      tax: money(totals.tax),
      total: money(totals.total),
    },
    ...(payBy !== undefined && { payBy }),
  };
}

/**
 * What others are told, by topic: made of one event of the log and nothing else, so that it is the same whenever it is
 * sent, and of no event more than one. Nobody's name or address is in it, and nothing that staff writes for staff.
 */
export const topics = {
  "order.placed": topic("A checkout has made an order", schemas.orderPlaced, { OrderPlaced: placed }),
  "order.confirmed": topic("An order is certain: it is paid, or may be paid later", schemas.orderConfirmed, {
    OrderConfirmed: ({ id, data: { units, gross } }, money) => ({ orderId: id, units, gross: money(gross) }),
  }),
  "order.paid": topic("Money has come in for an order, all of it or a part", schemas.orderPaid, {
    OrderPaid: ({ id, data }, money) => ({
      orderId: id,
      paymentId: data.paymentId ?? paymentIdOf(id),
      amount: money(data.amount),
    }),
  }),
  "order.edited": topic("Lines, shipping or the address have changed", schemas.orderEdited, {
    OrderEdited: ({ id, data: { editId } }) => ({ orderId: id, editId }),
    AddressChanged: ({ id, data: { editId } }) => ({ orderId: id, editId }),
  }),
  "order.shipped": topic("A parcel has left", schemas.orderShipped, {
    ShipmentDispatched: ({ id, data }) => ({
      orderId: id,
      shipmentId: data.shipmentId,
      lines: linesOf(data),
      ...(data.carrier !== undefined && { carrier: data.carrier }),
      ...(data.trackingNumber !== undefined && { trackingNumber: data.trackingNumber }),
      complete: data.complete,
    }),
  }),
  "order.delivered": topic("A parcel, or a part of it, has arrived", schemas.orderDelivered, {
    ShipmentDelivered: ({ id, data: { shipmentId, complete, lines } }) => ({
      orderId: id,
      shipmentId,
      ...(lines && { lines: linesOf({ lines }) }),
      complete,
    }),
  }),
  "order.delivery_failed": topic("Pieces of a parcel do not arrive", schemas.deliveryFailed, {
    DeliveryFailed: ({ id, data }) => ({
      orderId: id,
      shipmentId: data.shipmentId,
      outcome: data.outcome,
      lines: linesOf(data),
    }),
  }),
  "order.lines_cancelled": topic("Pieces of an order will not be sent", schemas.linesCancelled, {
    LinesCancelled: ({ id, data }) => ({ orderId: id, lines: linesOf(data), complete: data.complete }),
  }),
  "order.cancelled": topic("An order is cancelled as a whole", schemas.orderCancelled, {
    OrderCancelled: ({ id }) => ({ orderId: id }),
  }),
  "order.refunded": topic("Money has gone back to the customer", schemas.orderRefunded, {
    OrderRefunded: ({ id, data }, money) => ({
      orderId: id,
      paymentId: data.paymentId ?? paymentIdOf(id),
      refundId: data.refundId,
      amount: money(data.amount),
      cause: data.cause,
      full: data.full,
    }),
  }),
  "return.requested": topic("A return was announced", schemas.returnRequested, {
    ReturnRequested: ({ id, data: { returnId, lines } }) => ({
      orderId: id,
      returnId,
      lines: lines.map(({ reason, ...line }) => ({
        ...lineOf(line),
        ...(reason !== undefined && { reason }),
      })),
    }),
  }),
  "return.approved": topic("A return may be sent", schemas.returnChanged, { ReturnApproved: ofReturn }),
  "return.rejected": topic("A return is not taken", schemas.returnChanged, { ReturnRejected: ofReturn }),
  "return.received": topic("What was returned has come in", schemas.returnReceived, {
    ReturnReceived: received,
  }),
  "return.inspected": topic("What had come in uninspected was inspected", schemas.returnReceived, {
    ReturnInspected: received,
  }),
  "return.withdrawn": topic("An announced return does not come", schemas.returnChanged, {
    ReturnWithdrawn: ofReturn,
  }),
  "return.closed": topic("The rest of a return is not waited for", schemas.returnChanged, {
    ReturnClosed: ofReturn,
  }),
  "payment.authorized": topic("A payment was authorized", schemas.paymentMoved, {
    PaymentAuthorized: ({ id, data }, money) => ({ paymentId: id, amount: money(data.amount) }),
  }),
  "payment.captured": topic("Money of a payment was captured", schemas.paymentMoved, {
    PaymentCaptured: ({ id, data }, money) => ({ paymentId: id, amount: money(data.amount) }),
  }),
  "payment.failed": topic("A payment came to nothing", schemas.paymentEnded, {
    PaymentFailed: ({ id }) => ({ paymentId: id }),
  }),
  "payment.voided": topic("A payment was given back before it was captured", schemas.paymentEnded, {
    PaymentVoided: ({ id }) => ({ paymentId: id }),
  }),
  "payment.disputed": topic("A customer's bank has taken money back", schemas.paymentDisputed, {
    ChargebackReceived: ({ id, data }, money) => ofDispute(id, data, money(data.amount)),
  }),
  "payment.dispute_ended": topic("A dispute was won or lost", schemas.disputeEnded, {
    ChargebackWon: ({ id, data }, money) => ({ ...ofDispute(id, data, money(data.amount)), won: true }),
    ChargebackLost: ({ id, data }, money) => ({ ...ofDispute(id, data, money(data.amount)), won: false }),
  }),
  "refund.failed": topic("A gateway did not give money back", schemas.refundFailed, {
    RefundFailed: ({ id, data: { orderId, refundId, amount } }, money) => ({
      paymentId: id,
      ...{ orderId, refundId },
      amount: money(amount),
    }),
  }),
  "product.created": topic("A product was created, as a draft", schemas.productCreated, {
    ProductCreated: ({ id, data: { slug, variants } }) => ({
      productId: id,
      slug,
      skus: variants.map(({ sku }) => sku),
    }),
  }),
  "product.changed": topic(
    "What describes a product, its variants or a price have changed",
    schemas.productChanged,
    {
      ProductDescribed: ({ id, data }) => ({ productId: id, changes: Object.keys(data) }),
      PriceChanged: ({ id, data: { sku, price } }) => ({ productId: id, changes: ["price"], sku, price }),
      VariantAdded: ({ id, data: { variant } }) => changedVariant(id, variant.sku),
      VariantChanged: ({ id, data: { sku } }) => changedVariant(id, sku),
      VariantRetired: ({ id, data: { sku } }) => changedVariant(id, sku),
    },
  ),
  "product.published": topic("A product can be bought", schemas.productStatusChanged, {
    ProductPublished: ofProduct,
  }),
  "product.archived": topic("A product cannot be bought any more", schemas.productStatusChanged, {
    ProductArchived: ofProduct,
  }),
  "stock.low": topic("What can still be promised of a SKU is at its threshold", schemas.stockLow, {
    LowStockReached: ({ id, data: { available, threshold } }) => ({ sku: id, available, threshold }),
  }),
  "stock.changed": topic("More or fewer pieces are there, or can be promised", schemas.stockChanged, {
    StockReceived: moved("StockReceived"),
    StockAdjusted: moved("StockAdjusted"),
    StockCounted: moved("StockCounted"),
    StockReserved: moved("StockReserved"),
    ReservationReleased: moved("ReservationReleased"),
    ClaimShrunk: moved("ClaimShrunk"),
    ClaimGrown: moved("ClaimGrown"),
    ReservationExpired: moved("ReservationExpired"),
    StockShipped: moved("StockShipped"),
    StockReturned: moved("StockReturned"),
    StockRegraded: moved("StockRegraded"),
    StockMarkedDamaged: moved("StockMarkedDamaged"),
    StockWrittenOff: moved("StockWrittenOff"),
  }),
};

export type TopicName = keyof typeof topics;
export const topicNames = Object.keys(topics) as [TopicName, ...TopicName[]];

/** An event of the shop as others are told it: the id is the same however often it is sent. */
export interface PublicEvent {
  id: string;
  type: TopicName;
  timestamp: string;
  data: unknown;
}

/** A topic's events, strictly: what it does not name is not in them. */
export const publicEventSchemas = topicNames.map((name) =>
  z
    .strictObject({
      id: z.string(),
      type: z.literal(name),
      timestamp: z.string(),
      data: topics[name].data as z.ZodType,
    })
    .meta({ id: eventSchemaName(name) }),
);

/** `OrderPlacedEvent` of `order.placed`. */
export function eventSchemaName(topic: TopicName): string {
  return `${topic.replaceAll(/(?:^|[._])(\w)/g, (_, letter: string) => letter.toUpperCase())}Event`;
}

interface Told {
  topic: TopicName;
  tell: Tell<keyof ShopEvents, unknown>;
}

const toldBy = new Map<string, Told>(
  topicNames.flatMap((name) =>
    Object.entries(topics[name].from).map(([type, tell]) => [type, { topic: name, tell } as Told] as const),
  ),
);

/** The types of the events that topics are made of. */
export function typesOf(names: readonly TopicName[]): string[] {
  return names.flatMap((name) => Object.keys(topics[name].from));
}

/** @returns undefined for an event that others are not told of */
export function publicEventOf(
  event: Pick<ProjectedEvent, "id" | "type" | "time" | "data">,
  eventId: string,
  currency: string,
): PublicEvent | undefined {
  const told = toldBy.get(event.type);
  const data = told?.tell(event as never, (amount) => ({ amount, currency }));
  if (!told || data === undefined) return undefined;
  return { id: eventId, type: told.topic, timestamp: new Date(event.time).toISOString(), data };
}
