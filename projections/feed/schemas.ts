import { z } from "zod";
import { paymentMethods } from "../../commands/cart/events.ts";
import { deliveryOutcomes, refundCauses, returnReasons } from "../../commands/order/events.ts";

/** What each topic tells. They are a promise to others: a field may be added, none may change or go away. */

const money = z.strictObject({ amount: z.int(), currency: z.string() });
const order = { orderId: z.string() };
const payment = { paymentId: z.string() };
const pieces = { sku: z.string(), quantity: z.int() };
/** Lines of version 0.1 go by their SKU alone. */
const line = z.strictObject({ lineId: z.int().optional(), ...pieces });

export const orderPlaced = z.strictObject({
  ...order,
  number: z.string(),
  cartId: z.string(),
  customerId: z.string().optional(),
  ...payment,
  paymentMethod: z.enum(paymentMethods),
  shippingMethod: z.string(),
  lines: z.array(
    z.strictObject({
      lineId: z.int(),
      ...pieces,
      productId: z.string(),
      name: z.string(),
      unitPrice: money,
      total: money,
    }),
  ),
  totals: z.strictObject({ subtotal: money, discount: money, shipping: money, tax: money, total: money }),
  /** Of a transfer: cancelled, if nothing has come in by then. */
  payBy: z.string().optional(),
});
/** `gross` is what its goods are sold for: after discounts, without shipping. */
export const orderConfirmed = z.strictObject({ ...order, units: z.int(), gross: money });
export const orderPaid = z.strictObject({ ...order, ...payment, amount: money });
export const orderEdited = z.strictObject({ ...order, editId: z.string() });
export const orderShipped = z.strictObject({
  ...order,
  shipmentId: z.string(),
  lines: z.array(line),
  carrier: z.string().optional(),
  trackingNumber: z.string().optional(),
  /** Nothing is left to be shipped after it. */
  complete: z.boolean(),
});
/** All that was under way of the shipment where it names no lines. */
export const orderDelivered = z.strictObject({
  ...order,
  shipmentId: z.string(),
  lines: z.array(line).optional(),
  complete: z.boolean(),
});
export const deliveryFailed = z.strictObject({
  ...order,
  shipmentId: z.string(),
  outcome: z.enum(deliveryOutcomes),
  lines: z.array(line),
});
export const linesCancelled = z.strictObject({
  ...order,
  lines: z.array(line),
  /** No piece is left that was not cancelled. */
  complete: z.boolean(),
});
export const orderCancelled = z.strictObject(order);
export const orderRefunded = z.strictObject({
  ...order,
  ...payment,
  refundId: z.string(),
  amount: money,
  cause: z.enum(refundCauses),
  /** All that was paid is back. */
  full: z.boolean(),
});

const itsReturn = { ...order, returnId: z.string() };
export const returnRequested = z.strictObject({
  ...itsReturn,
  lines: z.array(line.extend({ reason: z.enum(returnReasons).optional() })),
});
export const returnChanged = z.strictObject(itsReturn);
export const returnReceived = z.strictObject({
  ...itsReturn,
  lines: z.array(
    z.strictObject({
      lineId: z.int().optional(),
      sku: z.string(),
      sellable: z.int(),
      damaged: z.int(),
      rejected: z.int(),
      /** Still to be inspected: `return.inspected` tells what they are. */
      inspecting: z.int(),
    }),
  ),
});

export const paymentMoved = z.strictObject({ ...payment, amount: money });
export const paymentEnded = z.strictObject(payment);
const dispute = { ...payment, ...order, disputeId: z.string(), amount: money };
export const paymentDisputed = z.strictObject(dispute);
export const disputeEnded = z.strictObject({ ...dispute, won: z.boolean() });
export const refundFailed = z.strictObject({ ...payment, ...order, refundId: z.string(), amount: money });

const product = { productId: z.string() };
export const productCreated = z.strictObject({ ...product, slug: z.string(), skus: z.array(z.string()) });
export const productChanged = z.strictObject({
  ...product,
  /** What of it has changed: `price`, `variants`, or a field of the product. */
  changes: z.array(z.string()),
  /** Of one variant. */
  sku: z.string().optional(),
  price: money.optional(),
});
export const productStatusChanged = z.strictObject(product);

const sku = { sku: z.string() };
export const stockLow = z.strictObject({ ...sku, available: z.int(), threshold: z.int() });
/** By how much: pieces in the house, and pieces that can still be promised. */
export const stockChanged = z.strictObject({
  ...sku,
  change: z.strictObject({ onHand: z.int(), available: z.int() }),
});
