import { z } from "zod";
import { shippingMethods } from "../../../commands/processes/shop.ts";
import { address } from "./addresses.ts";
import { pageOf } from "./lists.ts";
import { money, totals } from "./money.ts";
import { guestDetail } from "./problems.ts";
import { shownAs, textView, viewOf } from "./view.ts";

const cartItem = z
  .strictObject({
    lineId: z.string(),
    sku: z.string(),
    productId: z.string(),
    name: z.string(),
    quantity: z.int(),
    unitPrice: money.describe("As of now, unless the cart is being checked out"),
    lineTotal: money,
    /** Staff has set the price. */
    priceOverridden: z.literal(true).optional(),
    priceChanged: z
      .strictObject({ was: money, now: money })
      .optional()
      .describe("Since it was added, or its quantity changed"),
    notForSale: z.literal(true).optional().describe("It has to be removed before a checkout"),
  })
  .meta({ id: "CartItem" });

const failure = z.strictObject({ code: z.string(), detail: z.string() });

const cart = z
  .strictObject({
    id: z.string(),
    status: z.enum(["open", "checking_out", "converted", "abandoned", "expired", "merged"]),
    currency: z.string(),
    /** In the order they were added. */
    items: z.array(cartItem),
    /** Pieces over all items. */
    itemCount: z.int(),
    /** What it would cost now, sent by its method. */
    totals,
    subtotal: money.optional(),
    /** The order that the cart is becoming or has become. */
    orderId: z.string().optional(),
    /** Why the last checkout failed. */
    failure: failure.optional(),
    email: z.string().optional(),
    shippingAddress: address.optional(),
    billingAddress: address.optional(),
    shippingMethod: z.enum(shippingMethods),
    createdAt: z.string().optional(),
    updatedAt: z.string().optional(),
    draft: z.literal(true).optional().describe("Opened by staff for a customer: it never expires"),
    expiresAt: z.string().optional(),
    /** Given once, to who has opened it. */
    cartToken: z.string().optional(),
  })
  .meta({ id: "Cart" });

const guestCart = cart
  .pick({
    id: true,
    status: true,
    currency: true,
    itemCount: true,
    totals: true,
    subtotal: true,
    orderId: true,
    email: true,
    shippingAddress: true,
    billingAddress: true,
    shippingMethod: true,
    createdAt: true,
    updatedAt: true,
    expiresAt: true,
    cartToken: true,
  })
  .extend({
    items: z.array(
      cartItem.pick({
        lineId: true,
        sku: true,
        productId: true,
        name: true,
        quantity: true,
        unitPrice: true,
        lineTotal: true,
        priceOverridden: true,
        priceChanged: true,
        notForSale: true,
      }),
    ),
    // What was refused is told in the words for its code: what an operator wrote, or an error said, may be its detail.
    failure: shownAs(z.strictObject({ code: z.string(), detail: z.string() }), ({ code, detail }) => ({
      code,
      detail: guestDetail({ code, detail, extras: {} }),
    })).optional(),
  })
  .meta({ id: "GuestCart" });

/** A draft as lists show it. */
const draft = cart
  .omit({ items: true, totals: true, cartToken: true, shippingMethod: true })
  .meta({ id: "Draft" });

export const draftListAnswer = pageOf(draft).meta({ id: "DraftList" });
export const cartAnswer = z.union([cart, guestCart]);

export const staffCartOf = viewOf(cart);
export const draftText = textView(draft);
export const guestCartOf = viewOf(guestCart);
