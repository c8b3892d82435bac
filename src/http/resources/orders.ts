import { z } from "zod";
import { deliveryOutcomes, refundCauses, returnReasons } from "../../../commands/order/events.ts";
import { orderStatuses, paymentStatuses, returnStatuses } from "../../../commands/order/status.ts";
import { taxSettingsSchema } from "../../../commands/pricing.ts";
import { timelineTypes } from "../../../projections/orders/documents.ts";
import { address } from "./addresses.ts";
import { pageOf } from "./lists.ts";
import { money, totals } from "./money.ts";
import { guestPayment, payment } from "./payments.ts";
import { shownAs, textView, viewOf } from "./view.ts";

const pieces = z.array(
  z.strictObject({
    /** Where a line was named. */
    lineId: z.int().optional(),
    sku: z.string(),
    quantity: z.int(),
  }),
);
const inspected = z.array(
  z.strictObject({
    lineId: z.int().optional(),
    sku: z.string(),
    sellable: z.int(),
    damaged: z.int(),
    /** Sent back to the customer. */
    rejected: z.int().optional(),
    inspecting: z.int().optional(),
  }),
);
const announced = z.array(
  z.strictObject({
    lineId: z.int().optional(),
    sku: z.string(),
    quantity: z.int(),
    reason: z.enum(returnReasons).optional(),
  }),
);
/**
 * Where the pieces of a line are; `returned` are those that came back. Of those that have still to be sent, queries
 * tell what is `allocated` and what is `backordered`.
 */
const quantities = z
  .strictObject({
    ordered: z.int(),
    cancelled: z.int(),
    toShip: z.int(),
    allocated: z.int().optional(),
    backordered: z.int().optional(),
    inTransit: z.int(),
    failed: z.int(),
    kept: z.int(),
    announced: z.int(),
    returned: z.int(),
    inspecting: z.int(),
    sellable: z.int(),
    damaged: z.int(),
  })
  .meta({ id: "Quantities" });
const guestQuantities = quantities
  .omit({ inspecting: true, sellable: true, damaged: true })
  .meta({ id: "GuestQuantities" });

const line = z
  .strictObject({
    lineId: z.int(),
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
    quantities,
    /** Staff has set the price. */
    priceOverridden: z.literal(true).optional(),
  })
  .meta({ id: "OrderLine" });
const guestLine = line
  .omit({ priceOverridden: true })
  .extend({ quantities: guestQuantities })
  .meta({ id: "GuestOrderLine" });

/** What an order has come to: `balance` has still to be paid, or, below 0, to be given back. */
const orderMoney = z
  .strictObject({ due: money, captured: money, refunded: money, pending: money, balance: money })
  .meta({ id: "OrderMoney" });
/** `authorized` is what gateways hold or have moved, `disputed` what customers' banks have taken back. */
const orderMoneyDetail = orderMoney
  .extend({ authorized: money, disputed: money })
  .meta({ id: "OrderMoneyDetail" });

const paymentStatus = z.enum(paymentStatuses);
const returnStatus = z.enum(returnStatuses);

/** What lists, queries and commands tell alike. */
const identity = {
  id: z.string(),
  number: z.string(),
  status: z.enum(orderStatuses),
  paymentStatus,
};
const shared = {
  ...identity,
  cartId: z.string(),
  paymentMethod: z.string(),
  shippingMethod: z.string(),
  lines: z.array(line),
  totals,
  money: orderMoney,
  refunded: money,
};
const guestShared = {
  id: true,
  number: true,
  status: true,
  paymentStatus: true,
  cartId: true,
  paymentMethod: true,
  shippingMethod: true,
  totals: true,
  money: true,
  refunded: true,
} as const;

const entry = z
  .strictObject({
    at: z.string(),
    type: z.enum(timelineTypes),
    text: z.string().describe("In full, with the reasons that staff and gateways have given"),
    customerText: z.string().optional().describe("What the customer reads of it; left out, nothing"),
  })
  .meta({ id: "TimelineEntry" });
const guestEntry = z
  .strictObject({ at: z.string(), type: z.enum(timelineTypes), text: z.string() })
  .meta({ id: "GuestTimelineEntry" });
/** What has no text for customers is not shown to them. */
const guestTimeline = shownAs(
  z.array(guestEntry),
  (entries) =>
    entries.flatMap(({ at, type, customerText: text }) =>
      type === undefined || text === undefined ? [] : [{ at, type, text }],
    ),
  z.array(entry),
);

const shipment = z.strictObject({
  id: z.string(),
  lines: pieces,
  carrier: z.string().optional(),
  trackingNumber: z.string().optional(),
  dispatchedAt: z.string(),
  deliveredAt: z.string().optional(),
  failures: z
    .array(z.strictObject({ outcome: z.enum(deliveryOutcomes), lines: pieces, at: z.string() }))
    .optional(),
});
const returned = z.strictObject({
  id: z.string(),
  status: returnStatus,
  lines: announced,
  reason: z.string().optional(),
  rejection: z.string().optional(),
  /** As inspection found it. */
  received: inspected.optional(),
  requestedAt: z.string(),
});
/** What came back and was not restocked: it had not been counted when it left. */
const notRestocked = z.array(z.strictObject({ sku: z.string(), quantity: z.int() })).optional();
const refund = z.strictObject({ id: z.string(), amount: money, cause: z.enum(refundCauses), at: z.string() });

const order = z
  .strictObject({
    ...shared,
    money: orderMoneyDetail,
    paymentId: z.string(),
    currency: z.string(),
    email: z.string().optional(),
    customerId: z.string().optional(),
    itemCount: z.int(),
    lineCount: z.int(),
    /** How it was taxed. */
    tax: taxSettingsSchema,
    shippingAddress: address.optional(),
    billingAddress: address.optional(),
    payments: z.array(payment),
    shipments: z.array(shipment),
    returns: z.array(returned),
    refunds: z.array(refund),
    notRestocked,
    /** Oldest first. */
    timeline: z.array(entry),
    placedAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: "OrderDetail" });

const guestOrder = order
  .pick({
    ...guestShared,
    currency: true,
    email: true,
    itemCount: true,
    lineCount: true,
    shippingAddress: true,
    billingAddress: true,
    placedAt: true,
    updatedAt: true,
  })
  .extend({
    lines: z.array(guestLine),
    payments: z.array(guestPayment),
    shipments: z.array(
      shipment.pick({
        id: true,
        lines: true,
        carrier: true,
        trackingNumber: true,
        dispatchedAt: true,
        deliveredAt: true,
        failures: true,
      }),
    ),
    returns: z.array(returned.pick({ id: true, status: true, lines: true, requestedAt: true })),
    refunds: z.array(refund.pick({ id: true, amount: true, at: true })),
    timeline: guestTimeline,
  })
  .meta({ id: "GuestOrderDetail" });

/** An order as lists show it. */
const summary = z
  .strictObject({
    ...identity,
    email: z.string().optional(),
    customerId: z.string().optional(),
    total: money,
    itemCount: z.int(),
    lineCount: z.int(),
    placedAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: "OrderSummary" });

const refundable = z
  .strictObject({
    id: z.string(),
    number: z.string(),
    lines: z.array(
      z.strictObject({
        lineId: z.int(),
        sku: z.string(),
        name: z.string(),
        quantity: z.int().describe("Pieces that can still be refunded"),
        goods: money.describe("What is left of them; where prices include tax, it is in it"),
        tax: money,
        total: money.describe("What the customer pays for them"),
      }),
    ),
    shipping: money.describe("What is left of it, tax and all"),
    shippingTax: money,
    total: money.describe("The most that can be refunded"),
    payout: money.describe("What of that would go back to the customer: no more than was paid"),
  })
  .meta({ id: "Refundable" });

/** An order right after a command. */
const changed = z
  .strictObject({
    ...shared,
    payments: z.array(z.strictObject({ id: z.string() })),
    shipments: z.array(z.strictObject({ id: z.string(), lines: pieces, delivered: z.boolean() })),
    returns: z.array(z.strictObject({ id: z.string(), status: returnStatus, lines: announced })),
    notRestocked,
    /** What the customer has still to do for the payment; null where the gateway has not said yet. */
    nextAction: z.strictObject({ url: z.string().nullable() }).optional(),
    shipmentId: z.string().optional(),
    returnId: z.string().optional(),
    refundId: z.string().optional(),
    paymentId: z.string().optional(),
    editId: z.string().optional(),
  })
  .meta({ id: "Order" });

const guestChanged = changed
  .pick({
    ...guestShared,
    payments: true,
    shipments: true,
    returns: true,
    nextAction: true,
    returnId: true,
    paymentId: true,
  })
  .extend({ lines: z.array(guestLine) })
  .meta({ id: "GuestOrder" });

export const orderAnswer = z.union([changed, guestChanged]);
export const orderDetailAnswer = z.union([order, guestOrder]);
export const refundableAnswer = refundable;
export const orderListAnswer = pageOf(summary).meta({ id: "OrderList" });

export const guestOrderAnswer = guestOrder;
export const staffOrderOf = viewOf(order);
export const guestOrderOf = viewOf(guestOrder);
export const staffRefundableOf = viewOf(refundable);
export const orderSummaryText = textView(summary);
/** As its customer's list shows it. */
const guestSummary = summary.omit({ email: true, customerId: true }).meta({ id: "GuestOrderSummary" });
export const guestOrderListAnswer = pageOf(guestSummary).meta({ id: "GuestOrderList" });
export const guestOrderSummaryText = textView(guestSummary);
/** Of the answer of a command on an order. */
export const staffOrderAnswerOf = viewOf(changed);
export const guestOrderAnswerOf = viewOf(guestChanged);
