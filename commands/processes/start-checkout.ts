import type { CommandContext } from "../../src/engine/write/engine.ts";
import type { Money } from "../../src/values/money.ts";
import { Problem } from "../../src/values/problem.ts";
import type { Address } from "../address.ts";
import { cart, type PaymentMethod } from "../cart/cart.ts";
import { quoteCart } from "../cart/quote.ts";
import { orderIdOf } from "./checkout.ts";
import type { ShippingMethod, Shop } from "./shop.ts";

const quoteTriesMax = 5;

export interface CheckoutBody {
  email?: string | undefined;
  customerId?: string | undefined;
  shippingAddress?: Address | undefined;
  billingAddress?: Address | undefined;
  shippingMethod: ShippingMethod;
  payment: { method: PaymentMethod; token?: string | undefined };
  acceptedTotal?: Money | undefined;
}

/**
 * Freezes a quote and locks the cart. From here the checkout is `runCheckout`'s, whatever happens.
 * A command that has started its checkout before starts nothing.
 *
 * @throws Problem price_changed with the new totals, and what the cart refuses
 */
export async function startCheckout(
  shop: Shop,
  cartId: string,
  body: CheckoutBody,
  context: CommandContext,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const already = await shop.engine.read(
      cart,
      cartId,
      ({ phase }) => phase === "locked" || phase === "converted",
    );
    const quoted = already ? undefined : await quoteCart(shop, cartId, body.shippingMethod);
    if (quoted) requireAccepted(quoted.quote.total, quoted.currency, body.acceptedTotal);
    const { acceptedTotal: _, ...request } = body;
    const quote = quoted?.quote ?? { unitPrices: [], shipping: 0, tax: shop.settings.tax, total: 0 };
    try {
      await shop.engine.execute(
        cart,
        cartId,
        "StartCheckout",
        {
          cartId,
          request: { ...request, quote },
          orderIdOf: (attempt) => orderIdOf(cartId, attempt),
        },
        quoted ? { ...context, expectedRevision: context.expectedRevision ?? quoted.revision } : context,
      );
      return;
    } catch (error) {
      // The cart changed while it was priced: price it again, unless the client insists on a revision.
      const moved = error instanceof Problem && error.code === "revision_mismatch";
      if (!moved || context.expectedRevision !== undefined || attempt >= quoteTriesMax) throw error;
    }
  }
}

function requireAccepted(total: number, currency: string, accepted: Money | undefined): void {
  if (!accepted || (accepted.amount === total && accepted.currency === currency)) return;
  throw new Problem("price_changed", `the total is ${total} ${currency} minor units now`, {
    total: { amount: total, currency },
    acceptedTotal: accepted,
  });
}
