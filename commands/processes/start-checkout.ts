import { anyTime } from "../../src/engine/write/engine.ts";
import { dayOf } from "../../src/values/calendar.ts";
import { deriveId } from "../../src/values/ids.ts";
import type { Money } from "../../src/values/money.ts";
import { Problem } from "../../src/values/problem.ts";
import type { Address } from "../address.ts";
import { cart } from "../cart/cart.ts";
import type { PaymentMethod } from "../cart/events.ts";
import { type QuotedCart, quoteCart, quoteHashOf, quoteShown } from "../cart/quote.ts";
import { paymentIdOf } from "../order/state.ts";
import { isRefusal, type ProcessContext, processOf } from "./process.ts";
import type { ShippingMethod, Shop } from "./shop.ts";

const quoteTriesMax = 5;

/** What is left out is what the cart keeps. */
export interface CheckoutBody {
  email?: string | undefined;
  customerId?: string | undefined;
  shippingAddress?: Address | undefined;
  billingAddress?: Address | undefined;
  shippingMethod?: ShippingMethod | undefined;
  payment: { method: PaymentMethod; token?: string | undefined };
  /** What the customer has agreed to: all of a quote, or what it comes to. */
  quoteHash?: string | undefined;
  acceptedTotal?: Money | undefined;
}

export function orderIdOf(cartId: string, attempt: number): string {
  return deriveId("order", cartId, attempt);
}

/** What the n-th checkout of a cart is called, with a number for its order. */
export function attemptsOf(cartId: string, number: string) {
  return (attempt: number) => {
    const orderId = orderIdOf(cartId, attempt);
    return { orderId, paymentId: paymentIdOf(orderId), number };
  };
}

/**
 * Freezes a quote and locks the cart. From here the checkout is `runCheckout`'s, whatever happens.
 * A command that has started its checkout before starts nothing.
 *
 * @throws Problem price_changed with the new quote; validation_failed for what neither names; what the cart refuses
 */
export async function startCheckout(
  shop: Shop,
  cartId: string,
  body: CheckoutBody,
  context: ProcessContext,
): Promise<void> {
  const { acceptedTotal, quoteHash, ...given } = body;
  for (let attempt = 1; ; attempt++) {
    // At first the cart as this process knows it will do: its checkout starts on just that, or not at all.
    const asOf = attempt === 1 ? anyTime : context.asOf;
    try {
      const quoted = await quoteCart(shop, cartId, body.shippingMethod, asOf);
      requireAccepted(shop, quoted, { acceptedTotal, quoteHash });
      const request = withKept(given, quoted);
      const number = await shop.numbers.next(dayOf(context.clock(), shop.settings.timeZone));
      const { expectedRevision = quoted.revision } = context;
      const process = processOf(shop, cartId, { ...context, expectedRevision });
      const command = { cartId, request: { ...request, quote: quoted.quote } };
      await process.decide(cart, cartId, "StartCheckout", {
        ...command,
        attemptOf: attemptsOf(cartId, number),
      });
      return;
    } catch (error) {
      if (attempt === 1 && isRefusal(error)) continue;
      // The cart changed while it was priced: price it again, unless the client insists on a revision.
      const moved = error instanceof Problem && error.code === "revision_mismatch";
      if (!moved || context.expectedRevision !== undefined || attempt >= quoteTriesMax) throw error;
    }
  }
}

type Given = Omit<CheckoutBody, "quoteHash" | "acceptedTotal">;

/** @throws Problem validation_failed naming what a checkout needs and neither says */
function withKept(given: Given, { details, shippingMethod }: QuotedCart): Given & { shippingMethod: string } {
  const { email, shippingAddress, billingAddress } = details;
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given;
  const request = {
    ...(email !== undefined && { email }),
    ...(shippingAddress && { shippingAddress }),
    ...(billingAddress && { billingAddress }),
    ...said,
    shippingMethod,
  };
  const missing = (["email", "shippingAddress"] as const).filter((name) => request[name] === undefined);
  if (missing.length > 0)
    throw new Problem("validation_failed", `${missing.join(", ")}: neither said nor kept with the cart`, {
      errors: missing.map((path) => ({ path, message: "needed, here or with the cart" })),
    });
  return request;
}

function requireAccepted(
  shop: Shop,
  quoted: QuotedCart,
  { acceptedTotal, quoteHash }: Pick<CheckoutBody, "acceptedTotal" | "quoteHash">,
): void {
  const { currency } = quoted;
  const { total } = quoted.quote;
  if (shop.settings.checkoutNeedsQuote && acceptedTotal === undefined && quoteHash === undefined)
    throw new Problem("validation_failed", "quoteHash: what the customer has agreed to is needed", {
      errors: [{ path: "quoteHash", message: "needed, or acceptedTotal: ask for a quote" }],
    });
  const isTotal = !acceptedTotal || (acceptedTotal.amount === total && acceptedTotal.currency === currency);
  if (isTotal && (quoteHash === undefined || quoteHash === quoteHashOf(quoted))) return;
  throw new Problem("price_changed", `the total is ${total} ${currency} minor units now`, {
    total: { amount: total, currency },
    ...(acceptedTotal && { acceptedTotal }),
    quote: quoteShown(shop, quoted),
  });
}
