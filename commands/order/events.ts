import { z } from "zod";
import { event } from "../../src/engine/decider.ts";
import { addressSchema } from "../address.ts";
import { cartItemSchema, paymentMethods, refusalSchema } from "../cart/events.ts";
import { taxSettingsSchema } from "../pricing.ts";

const minorUnits = z.int().min(0);
const pieces = z.object({ sku: z.string(), quantity: z.int().min(1) });
const ofLine = pieces.extend({ lineId: z.int().min(1) });

/** Pieces of a line that came back, as inspection found them. */
const inspectedLine = z.object({
  lineId: z.int().min(1),
  sku: z.string(),
  sellable: z.int().min(0),
  damaged: z.int().min(0),
});

const orderLineSchema = cartItemSchema.extend({
  subtotal: minorUnits,
  discount: minorUnits,
  tax: minorUnits,
  total: minorUnits,
});

const orderTotalsSchema = z.object({
  subtotal: minorUnits,
  discount: minorUnits,
  shipping: minorUnits,
  tax: minorUnits,
  total: minorUnits,
});

/** What reports count of a line: `revenue` is after discounts, tax as the price had it. */
const soldLineSchema = z.object({
  sku: z.string(),
  productId: z.string(),
  name: z.string(),
  category: z.string().optional(),
  quantity: z.int().min(1),
  revenue: minorUnits,
});

export const returnReasons = [
  "changed_mind",
  "wrong_size",
  "not_as_described",
  "damaged",
  "wrong_item",
  "late",
  "other",
] as const;

export const deliveryOutcomes = ["refused", "undeliverable", "lost"] as const;

/** `dispute`: the customer's bank has taken it back for good. */
export const refundCauses = ["cancellation", "return", "goodwill", "dispute"] as const;

/** What is taken off a line: so many pieces, and what they cost. None, where it is goodwill. */
const creditedLineSchema = z.object({
  lineId: z.int().min(1),
  quantity: z.int().min(0),
  goods: minorUnits,
  tax: minorUnits,
  /** The pieces stay with the customer. */
  kept: z.literal(true).optional(),
});

/** What the customer has paid too much after it, and is not on its way back: where that is another amount than before. */
const owed = { owed: minorUnits.optional() };

/** What is credited; goods, shipping and their tax as the prices have them, `amount` what the customer pays for it. */
const creditSchema = z.object({
  creditId: z.string(),
  currency: z.string(),
  lines: z.array(creditedLineSchema),
  shipping: minorUnits,
  shippingTax: minorUnits,
  /** What the shop keeps of it; `amount` is less of it. */
  fee: minorUnits.optional(),
  amount: minorUnits,
});

export const orderEvents = {
  /** A checkout was undone before its order was placed: it never will be. */
  OrderRefused: event(refusalSchema),
  /** Amounts are minor units of `currency`; line totals are frozen here. */
  OrderPlaced: event(
    z.object({
      number: z.string(),
      cartId: z.string(),
      paymentId: z.string(),
      paymentMethod: z.enum(paymentMethods),
      currency: z.string(),
      lines: z.array(orderLineSchema),
      totals: orderTotalsSchema,
      tax: taxSettingsSchema,
      shippingMethod: z.string(),
      email: z.string().optional(),
      customerId: z.string().optional(),
      shippingAddress: addressSchema.optional(),
      billingAddress: addressSchema.optional(),
      /** Of a transfer: cancelled, if nothing has come in by then. */
      payBy: z.string().optional(),
    }),
  ),
  /** Carries what reports count, so that none of them has to look back. `buyer` is a pseudonym. */
  OrderConfirmed: event(
    z.object({
      currency: z.string(),
      lines: z.array(soldLineSchema),
      units: z.int(),
      gross: minorUnits,
      buyer: z.string().optional(),
      /** What 0.1 confirmed does not tell these. Discounts are off the gross already; tax is that of all of it. */
      discounts: minorUnits.optional(),
      tax: minorUnits.optional(),
      shipping: minorUnits.optional(),
      /** Whose checkout can only be finished from here; what 0.1 confirmed does not name it. */
      cartId: z.string().optional(),
    }),
  ),
  /** A further payment, for what is still to be paid. */
  PaymentAdded: event(
    z.object({
      paymentId: z.string(),
      method: z.enum(paymentMethods),
      amount: z.int().min(1),
    }),
  ),
  /** `captureId` names one of several captures of a payment; `paymentId` one that was added. */
  OrderPaid: event(
    z.object({
      amount: minorUnits,
      captureId: z.string().optional(),
      paymentId: z.string().optional(),
      /** It had to be here by a time, and is. */
      inTime: z.literal(true).optional(),
      ...owed,
    }),
  ),
  OrderPaymentFailed: event(z.object({ reason: z.string() })),
  ProcessingStarted: event(z.object({})),
  /** A SKU without a line fills its lines first to last. `complete`: nothing is left to ship after it. */
  ShipmentDispatched: event(
    z.object({
      shipmentId: z.string(),
      lines: z.array(pieces.extend({ lineId: z.int().min(1).optional() })),
      /** What the carrier collects, where cash is paid on delivery. */
      cashDue: minorUnits.optional(),
      carrier: z.string().optional(),
      trackingNumber: z.string().optional(),
      complete: z.boolean(),
    }),
  ),
  /** All that was under way of it, or these lines. `cash` is what the carrier has taken, which has to be booked. */
  ShipmentDelivered: event(
    z.object({
      shipmentId: z.string(),
      complete: z.boolean(),
      lines: z.array(ofLine).optional(),
      cash: z.object({ captureId: z.string(), amount: z.int().min(1) }).optional(),
      /** As version 0.1 said that all of it has to be booked. */
      cashDue: z.literal(true).optional(),
    }),
  ),
  DeliveryFailed: event(
    z.object({ shipmentId: z.string(), outcome: z.enum(deliveryOutcomes), lines: z.array(ofLine) }),
  ),
  /** What had come to nothing of a shipment is back on the shelf, as inspection found it. */
  ShipmentReturned: event(
    z.object({
      shipmentId: z.string(),
      backId: z.string(),
      lines: z.array(inspectedLine),
    }),
  ),
  /** What had come to nothing is sent again, from stock that is claimed anew. */
  ReshipmentAgreed: event(z.object({ reshipmentId: z.string(), lines: z.array(ofLine) })),
  /** A SKU without a line fills its lines first to last. */
  ReturnRequested: event(
    z.object({
      returnId: z.string(),
      lines: z.array(
        pieces.extend({ lineId: z.int().min(1).optional(), reason: z.enum(returnReasons).optional() }),
      ),
      reason: z.string().optional(),
    }),
  ),
  ReturnApproved: event(z.object({ returnId: z.string() })),
  ReturnRejected: event(z.object({ returnId: z.string(), reason: z.string() })),
  /** Version 0.1 received a return once, all of it, by SKU. What was rejected stays the customer's. */
  ReturnReceived: event(
    z.object({
      returnId: z.string(),
      receiptId: z.string().optional(),
      lines: z.array(
        inspectedLine.extend({
          lineId: z.int().min(1).optional(),
          rejected: z.int().min(0).optional(),
          inspecting: z.int().min(0).optional(),
        }),
      ),
    }),
  ),
  ReturnInspected: event(
    z.object({
      returnId: z.string(),
      receiptId: z.string(),
      lines: z.array(inspectedLine.extend({ rejected: z.int().min(0) })),
    }),
  ),
  ReturnWithdrawn: event(z.object({ returnId: z.string() })),
  /** What has not come has been kept. */
  ReturnClosed: event(z.object({ returnId: z.string(), lines: z.array(ofLine) })),
  /** `goods` is what it takes from the sales: what 0.1 had not taken from a confirmed order before, else 0. */
  OrderCancelled: event(
    z.object({
      reason: z.string(),
      currency: z.string(),
      goods: minorUnits,
      /** What the checkout was undone for, where that is why. */
      refusal: refusalSchema.optional(),
      ...owed,
    }),
  ),
  /**
   * These will not be sent: of a line first what came to nothing on its way, then what has still to be sent.
   * `complete`: no piece is left that was not cancelled.
   */
  LinesCancelled: event(
    z.object({
      cancelId: z.string(),
      cause: z.enum(["cancellation", "refund"]),
      reason: z.string(),
      lines: z.array(ofLine),
      complete: z.boolean(),
    }),
  ),
  /** More is to be on it than was: stock is asked first. */
  EditRequested: event(z.object({ editId: z.string(), adds: z.array(pieces) })),
  /** Stock has none, or it came to nothing otherwise. */
  EditRefused: event(z.object({ editId: z.string(), refusal: refusalSchema })),
  /**
   * Lines are added, whose ids go on, and what shipping costs more. `method`: how it is sent from now on, and what that
   * costs as the order is taxed. What is taken off has events of its own.
   */
  OrderEdited: event(
    z.object({
      editId: z.string(),
      currency: z.string(),
      lines: z.array(orderLineSchema),
      shipping: minorUnits,
      shippingTax: minorUnits,
      method: z.object({ method: z.string(), price: minorUnits, tax: minorUnits }).optional(),
      ...owed,
    }),
  ),
  AddressChanged: event(z.object({ editId: z.string(), shippingAddress: addressSchema })),
  /** The lines are sent for the return. `advanceBy`: it was credited at once, and has to be here by then. */
  ExchangeAgreed: event(
    z.object({
      returnId: z.string(),
      lineIds: z.array(z.int().min(1)),
      advanceBy: z.string().optional(),
    }),
  ),
  /** Not asked for any more. `payout` is what is to go back to the customer, by a refund of this id. */
  OrderCredited: event(
    creditSchema.extend({
      cause: z.enum(refundCauses),
      reason: z.string(),
      payout: minorUnits,
      /** Staff give it back themselves. */
      manual: z.literal(true).optional(),
    }),
  ),
  /**
   * It is not given back. What it was for is asked for again, unless its pieces are not the customer's.
   * `part`: so much of it, by the payment that was added; the rest goes back by others.
   */
  CreditWithdrawn: event(
    creditSchema.extend({
      reason: z.string(),
      paymentId: z.string().optional(),
      part: minorUnits.optional(),
      /** By staff, whom it had waited for; else by the gateway. */
      rejected: z.literal(true).optional(),
      ...owed,
    }),
  ),
  /** `goods` is what it takes from the sales, if nothing has credited it before: not shipping. */
  OrderRefunded: event(
    z.object({
      refundId: z.string(),
      currency: z.string(),
      amount: minorUnits,
      goods: minorUnits,
      cause: z.enum(refundCauses),
      full: z.boolean(),
      /** One that was added. */
      paymentId: z.string().optional(),
      /** Nothing more is shipped: what had been promised is free again. */
      releases: z.literal(true).optional(),
      ...owed,
    }),
  ),
  /** For staff, unless it says otherwise. */
  NoteAdded: event(z.object({ text: z.string(), visibility: z.literal("customer").optional() })),
  /** What follows from an earlier event in other streams (stock, payment) has been done. */
  EffectsApplied: event(
    z.object({
      of: z.string(),
      /** Pieces of a shipment that stock did not count, for they were sold while it was not tracked. */
      uncounted: z.array(pieces).optional(),
      /** Of an order that was never placed: money that is here, and could not be given back. */
      unpaid: z.object({ amount: minorUnits, reason: z.string() }).optional(),
    }),
  ),
};
