import { illegalTransition, problemOf } from "../../src/values/problem.ts";
import { cart } from "../cart/cart.ts";
import type { Refusal } from "../cart/events.ts";
import { order } from "../order/order.ts";
import { cancellationEffect, type Order } from "../order/state.ts";
import { payment } from "../payment/payment.ts";
import { manualGateway } from "../payment/state.ts";
import { stock } from "../stock/stock.ts";
import { type Attempt, attemptOf, type CheckoutResult, initiationOf } from "./checkout-attempt.ts";
import { giveBack } from "./payments.ts";
import { isRefusal, type Process, type ProcessContext, processOf } from "./process.ts";
import { settlePayment } from "./settle-payment.ts";
import type { Shop } from "./shop.ts";

/** Nobody takes up a checkout that is younger: only the call that has started it is at it. */
const takeUpAfterMs = 30_000;

export function refusalFor(error: unknown): Refusal {
  if (isRefusal(error)) return { code: error.code, detail: error.message, extras: { ...error.extras } };
  const detail = error instanceof Error ? error.message : String(error);
  return { code: "unavailable", detail: `the checkout could not be completed: ${detail}`, extras: {} };
}

/** Why an order goes only back: it was refused, or cancelled before it was confirmed. */
export function refusalOf(state: Order): Refusal | undefined {
  if (state.phase === "refused") return state.refusal;
  if (state.phase !== "placed" || state.status !== "cancelled" || state.book.confirmed) return undefined;
  return state.refusal ?? { code: "illegal_transition", detail: "the order was cancelled", extras: {} };
}

/**
 * Backwards. The order's stream first, even if there is none yet, for it decides: whoever wakes up later cannot
 * complete what is undone here. The cart last, for it ends the checkout. No gateway is waited for: what the
 * payment may have taken goes back by its own task.
 * @returns undefined when somebody else was faster: the order is confirmed, and there is only forward
 */
export async function undo(
  process: Process,
  attempt: Attempt,
  refusal: Refusal,
  gatewayAsked: boolean,
): Promise<CheckoutResult | undefined> {
  const { orderId, cartId, demand } = attempt;
  const placed = await refuse(process, orderId, refusal);
  if (placed.phase === "placed" && placed.book.confirmed) return undefined;
  const final = refusalOf(placed) ?? refusal;
  const reason = `checkout failed: ${final.code}`;
  await Promise.all([
    ...demand.map(([sku]) => process.again(stock, sku, "Release", { reservationId: orderId, reason })),
    returnPayment(process, attempt, reason, gatewayAsked),
  ]);
  if (placed.phase === "placed")
    await process.once(["undone"], order, orderId, "MarkEffectsApplied", { of: cancellationEffect });
  await process.again(cart, cartId, "FailCheckout", { orderId, ...final });
  return { status: "failed", orderId, problem: problemOf(final) };
}

/** @returns the order after it, which is confirmed when somebody else was faster */
async function refuse(process: Process, orderId: string, refusal: Refusal): Promise<Order> {
  const { result } = await process.again(order, orderId, "Refuse", refusal, (state) => state);
  return result;
}

/**
 * Undoes a checkout as far as that goes, and opens its cart whatever fails: an operator has given it up.
 * @returns what could not be undone, in words
 * @throws Problem not_found, illegal_transition when there is none, or its order is confirmed
 */
export async function abandonCheckout(
  shop: Shop,
  cartId: string,
  reason: string,
  context: ProcessContext,
): Promise<string[]> {
  const attempt = await shop.engine.read(cart, cartId, (state) => attemptOf(state, cartId));
  if ("status" in attempt) throw illegalTransition("the cart is not being checked out");
  const { orderId, demand } = attempt;
  const process = processOf(shop, orderId, context);
  const refusal: Refusal = { code: "unavailable", detail: reason, extras: {} };
  const left: string[] = [];
  const tried = (what: string, step: Promise<unknown>) =>
    step.catch((error: unknown) => {
      left.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    });
  const refused = refuse(process, orderId, refusal);
  await tried(`order ${orderId}`, refused);
  const placed = await refused.catch(() => undefined);
  if (placed?.phase === "placed" && placed.book.confirmed)
    throw illegalTransition("the order is confirmed: its checkout can only be finished");
  await Promise.all([
    ...demand.map(([sku]) =>
      tried(
        `stock of ${sku}`,
        process.again(stock, sku, "Release", { reservationId: orderId, reason: `given up: ${reason}` }),
      ),
    ),
    tried("payment", returnPayment(process, attempt, `given up: ${reason}`, true)),
  ]);
  const extras = left.length > 0 ? { notUndone: left } : {};
  await process.again(cart, cartId, "FailCheckout", { orderId, ...refusal, extras });
  return left;
}

async function returnPayment(
  process: Process,
  attempt: Attempt,
  reason: string,
  gatewayAsked: boolean,
): Promise<void> {
  const { shop } = process;
  const { paymentId, startedAt } = attempt;
  const known = await shop.engine.read(payment, paymentId, ({ phase }) => phase !== "absent");
  const initiate = initiationOf(shop, attempt);
  // Somebody else may be at it, and may have asked the gateway: then what it did is looked for.
  const othersMayHave = process.now() >= startedAt + takeUpAfterMs;
  if (!known && (initiate.gateway === manualGateway || !(gatewayAsked || othersMayHave))) return;
  await giveBack(process, paymentId, reason, initiate);
  void settlePayment(shop, paymentId, process.context).catch(() => {});
}
