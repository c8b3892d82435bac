import { z } from "zod";
import { moneyAnswer as money } from "../schemas.ts";

/**
 * What the customer of an order is told of it. Parsing strips what is not named here: what staff writes for staff,
 * and every field that is new, reaches no guest until it is named.
 */

const lines = z.array(z.object({ sku: z.string(), quantity: z.int() }));
const address = z.object({
  fullName: z.string(),
  addressLine1: z.string(),
  addressLine2: z.string().optional(),
  city: z.string(),
  state: z.string().optional(),
  postalCode: z.string(),
  country: z.string(),
  phone: z.string().optional(),
});
const totals = z.object({ subtotal: money, discount: money, shipping: money, tax: money, total: money });
const orderLine = z.object({
  sku: z.string(),
  productId: z.string(),
  name: z.string(),
  category: z.string().optional(),
  quantity: z.int(),
  unitPrice: money,
  subtotal: money,
  discount: money,
  tax: money,
  total: money,
});

/** What queries and commands tell alike. */
const common = {
  id: z.string(),
  number: z.string(),
  status: z.string(),
  paymentStatus: z.string(),
  cartId: z.string(),
  paymentMethod: z.string(),
  shippingMethod: z.string(),
  lines: z.array(orderLine),
  totals,
  refunded: money,
};

const guestTimelineTexts: ReadonlyMap<string, string> = new Map([
  ["placed", "Order placed"],
  ["confirmed", "Order confirmed"],
  ["paid", "Paid"],
  ["payment_failed", "Payment failed"],
  ["processing", "Being prepared"],
  ["shipped", "Shipped"],
  ["delivered", "Delivered"],
  ["return_requested", "Return registered"],
  ["return_approved", "Return approved"],
  ["return_rejected", "Return not accepted"],
  ["return_received", "Return received"],
  ["cancelled", "Cancelled"],
  ["refunded", "Money refunded"],
]);

/** Entries have a text of their own for customers; what has none, such as a note, is not shown. */
const guestTimeline = z.array(z.object({ at: z.string(), type: z.string() })).transform((entries) =>
  entries.flatMap(({ at, type }) => {
    const text = guestTimelineTexts.get(type);
    return text === undefined ? [] : [{ at, type, text }];
  }),
);

const guestOrder = z.object({
  ...common,
  currency: z.string(),
  email: z.string().optional(),
  itemCount: z.int(),
  lineCount: z.int(),
  shippingAddress: address.optional(),
  billingAddress: address.optional(),
  payments: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      method: z.string(),
      amount: money,
      captured: money,
      refunded: money,
      actionUrl: z.string().optional(),
      createdAt: z.string(),
      updatedAt: z.string(),
    }),
  ),
  shipments: z.array(
    z.object({
      id: z.string(),
      lines,
      carrier: z.string().optional(),
      trackingNumber: z.string().optional(),
      dispatchedAt: z.string(),
      deliveredAt: z.string().optional(),
    }),
  ),
  returns: z.array(z.object({ id: z.string(), status: z.string(), lines, requestedAt: z.string() })),
  refunds: z.array(z.object({ id: z.string(), amount: money, at: z.string() })),
  timeline: guestTimeline,
  placedAt: z.string(),
  updatedAt: z.string(),
});

const guestOrderAnswer = z.object({
  ...common,
  payments: z.array(z.object({ id: z.string() })),
  shipments: z.array(z.object({ id: z.string(), lines, delivered: z.boolean() })),
  returns: z.array(z.object({ id: z.string(), status: z.string(), lines })),
  nextAction: z.object({ url: z.string().nullable() }).optional(),
});

/** @param order as staff sees it */
export function guestOrderOf(order: object): z.output<typeof guestOrder> {
  return guestOrder.parse(order);
}

/** @param answer of a command on an order, as staff gets it */
export function guestOrderAnswerOf(answer: object): z.output<typeof guestOrderAnswer> {
  return guestOrderAnswer.parse(answer);
}
