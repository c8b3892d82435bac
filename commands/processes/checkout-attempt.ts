import { Problem, problemOf } from "../../src/values/problem.ts";
import type { PaymentMethod } from "../cart/events.ts";
import { type Cart, type CartLine, type CheckoutAttempt, linesOf } from "../cart/state.ts";
import { demandOf, type PlacedOrder, paymentIdOf } from "../order/state.ts";
import type { Initiate } from "../payment/payment.ts";
import { manualGateway } from "../payment/state.ts";
import type { Shop, ShopSettings } from "./shop.ts";

export type CheckoutResult =
  | { status: "confirmed"; orderId: string }
  | { status: "pending"; orderId: string; actionUrl: string | undefined }
  | { status: "failed"; orderId: string; problem: Problem };

/** A checkout under way, as its cart's stream has it. */
export interface Attempt extends CheckoutAttempt {
  cartId: string;
  paymentId: string;
  currency: string;
  lines: CartLine[];
  demand: [sku: string, quantity: number][];
}

/** @returns the attempt that is under way, or how the last one has ended */
export function attemptOf(state: Cart, cartId: string): Attempt | CheckoutResult {
  switch (state.phase) {
    case "locked": {
      const { orderId, paymentId = paymentIdOf(orderId), request } = state.checkout;
      const lines = linesOf(state).map((line, index) => ({
        ...line,
        unitPrice: request.quote.unitPrices[index] ?? line.unitPrice,
      }));
      const { currency } = state;
      return { ...state.checkout, cartId, paymentId, currency, lines, demand: demandOf(lines) };
    }
    case "converted":
      return { status: "confirmed", orderId: state.orderId };
    case "open":
    case "closed":
      if (state.failure)
        return { status: "failed", orderId: state.failure.orderId, problem: problemOf(state.failure) };
      throw new Problem("illegal_transition", "the cart has not started a checkout");
    case "absent":
      throw new Problem("not_found", "there is no such cart");
  }
}

export function initiationOf({ gateway }: Shop, attempt: Attempt): Initiate {
  const { orderId, request, currency } = attempt;
  const { method, token } = request.payment;
  return {
    orderId,
    amount: request.quote.total,
    currency,
    method,
    gateway: needsGateway(attempt) ? gateway.name : manualGateway,
    ...(token !== undefined && { token }),
  };
}

export function needsGateway({ request }: Attempt): boolean {
  return isByGateway(request.payment.method) && request.quote.total > 0;
}

export function isByGateway(method: PaymentMethod): boolean {
  return method !== "cod" && method !== "bank_transfer";
}

/** Whether a checkout captures the payment of an order, or has nothing to capture. */
export function isPaidAtOnce(
  { paymentMethod, totals }: Pick<PlacedOrder, "paymentMethod" | "totals">,
  { capture }: ShopSettings,
): boolean {
  return totals.total === 0 || (isByGateway(paymentMethod) && capture === "checkout");
}
