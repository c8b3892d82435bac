import { z } from "zod";
import { event } from "../../src/engine/decider.ts";
import { addressSchema } from "../address.ts";
import { taxSettingsSchema } from "../pricing.ts";

export const lineQuantityMax = 1_000_000;

const quantity = z.int().min(1).max(lineQuantityMax);
const minorUnits = z.int().min(0);

/** What a line needs to know of its product, as it was when the line was added. */
export const cartItemSchema = z.object({
  sku: z.string(),
  productId: z.string(),
  name: z.string(),
  category: z.string().optional(),
  quantity,
  unitPrice: minorUnits,
  /** The price was set by staff for this line; a checkout keeps it. */
  priceOverridden: z.literal(true).optional(),
});
export type CartItem = z.output<typeof cartItemSchema>;

export const paymentMethods = ["credit_card", "debit_card", "paypal", "bank_transfer", "cod"] as const;
export type PaymentMethod = (typeof paymentMethods)[number];

/** The frozen price of a checkout. Order lines are computed from it and the cart, which is locked. */
export const quoteSchema = z.object({
  unitPrices: z.array(minorUnits),
  shipping: minorUnits,
  tax: taxSettingsSchema,
  total: minorUnits,
});

/** What a cart keeps for its checkout. */
const detailsSchema = z.object({
  email: z.string().optional(),
  shippingAddress: addressSchema.optional(),
  billingAddress: addressSchema.optional(),
  shippingMethod: z.string().optional(),
});
export type CartDetails = z.output<typeof detailsSchema>;

const checkoutRequestSchema = z.object({
  email: z.string().optional(),
  customerId: z.string().optional(),
  shippingAddress: addressSchema.optional(),
  billingAddress: addressSchema.optional(),
  shippingMethod: z.string(),
  payment: z.object({ method: z.enum(paymentMethods), token: z.string().optional() }),
  quote: quoteSchema,
});
export type CheckoutRequest = z.output<typeof checkoutRequestSchema>;

/** Why a checkout was undone: a problem as the client was told it. */
export const refusalSchema = z.object({
  code: z.string(),
  detail: z.string(),
  extras: z.record(z.string(), z.unknown()),
});
export type Refusal = z.output<typeof refusalSchema>;

/** Slides with every change of the items. A draft has none: it never expires. */
const expiresAt = z.string().optional();

export const cartEvents = {
  /** A draft is opened by staff. */
  CartOpened: event(
    z.object({
      currency: z.string(),
      expiresAt,
      draft: z.literal(true).optional(),
      customerId: z.string().optional(),
    }),
  ),
  /** A guest's cart is a customer's from here on: nobody else's token opens it. */
  CartAssigned: event(z.object({ customerId: z.string() })),
  /** Its lines go into another cart, whose CartMerged names this one. */
  CartHandedOver: event(z.object({ to: z.string() })),
  /** The lines that were taken follow, as added; `left` is what of them had no room. */
  CartMerged: event(
    z.object({
      from: z.string(),
      left: z.array(z.object({ lineId: z.string(), sku: z.string(), quantity })),
    }),
  ),
  /** `first`: of a cart that was empty and not new, for the funnel; of a new one it is the second event. */
  ItemAdded: event(
    cartItemSchema.extend({ lineId: z.string(), first: z.literal(true).optional(), expiresAt }),
  ),
  QuantityChanged: event(z.object({ lineId: z.string(), quantity, expiresAt })),
  ItemRemoved: event(z.object({ lineId: z.string(), expiresAt })),
  /** What the cart keeps from now on: all of it. */
  DetailsChanged: event(detailsSchema.extend({ expiresAt })),
  /**
   * The intent of a checkout: everything that anybody is asked for in its name is here before it is asked.
   * Version 0.1 claimed the number later, and derived the payment's id.
   */
  CheckoutStarted: event(
    checkoutRequestSchema.extend({
      attempt: z.int(),
      orderId: z.string(),
      number: z.string().optional(),
      paymentId: z.string().optional(),
    }),
  ),
  CheckoutFailed: event(refusalSchema.extend({ attempt: z.int(), orderId: z.string() })),
  CartConverted: event(z.object({ orderId: z.string() })),
  CartAbandoned: event(z.object({})),
  CartExpired: event(z.object({})),
};
