import { illegalTransition, notFound } from "../../src/values/problem.ts";
import { netOf, payoutOf } from "../order/book.ts";
import type { Refund, RetryRefund } from "../order/credits.ts";
import { order } from "../order/order.ts";
import { payment } from "../payment/payment.ts";
import { refundable } from "../payment/state.ts";
import { applyEffects } from "./effects.ts";
import { placedOrder } from "./fulfilment.ts";
import { paymentsIn } from "./payments.ts";
import { type ProcessContext, processOf } from "./process.ts";
import { settlePayment, unlessSilent } from "./settle-payment.ts";
import type { Shop } from "./shop.ts";

/**
 * Gives money of an order back: the order says what for, then its payments' streams how much, then the gateway is
 * asked. What the gateway has not answered, or what waits for its approval, stays open.
 * @throws Problem illegal_transition when it is more than is left
 */
export async function refundOrder(
  shop: Shop,
  orderId: string,
  request: Refund,
  context: ProcessContext,
): Promise<void> {
  const process = processOf(shop, orderId, context);
  await requireHad(shop, orderId, request);
  await process.decide(order, orderId, "Refund", request);
  await applyEffects(shop, orderId, process.context);
}

/** @throws Problem illegal_transition for what customers' banks have taken back, or goes back otherwise */
async function requireHad(shop: Shop, orderId: string, request: Refund): Promise<void> {
  const placed = await placedOrder(shop, orderId);
  const credit = order.decide.Refund(placed, request).find(({ type }) => type === "OrderCredited");
  const payout = credit?.type === "OrderCredited" ? credit.data.payout : 0;
  const most = (await paymentsIn(shop, placed)).reduce((sum, [, state]) => sum + refundable(state), 0);
  if (payout > most)
    throw illegalTransition(`the payments have ${most} minor units that could go back, not ${payout}`);
}

/**
 * What is owed since a refund was refused goes back by another one.
 * @throws Problem illegal_transition when it was not refused, or nothing is owed
 */
export async function refundOrderAgain(
  shop: Shop,
  orderId: string,
  request: RetryRefund,
  context: ProcessContext,
): Promise<void> {
  const process = processOf(shop, orderId, context);
  await process.decide(order, orderId, "RetryRefund", request);
  await applyEffects(shop, orderId, process.context);
}

/**
 * A refund that waits is approved, or rejected: then what it was for is asked for again.
 * @throws Problem not_found; illegal_transition when it does not wait
 */
export async function judgeRefund(
  shop: Shop,
  orderId: string,
  { refundId, rejection }: { refundId: string; rejection: string | undefined },
  context: ProcessContext,
): Promise<void> {
  const process = processOf(shop, orderId, context);
  const placed = await placedOrder(shop, orderId);
  const { due } = placed.book;
  const isOwed = payoutOf(placed.book, refundId) === undefined || netOf(placed.book) >= due;
  if (rejection === undefined && !isOwed)
    throw illegalTransition(`${due - netOf(placed.book)} minor units have to be paid by now: reject it`);
  const its = (await paymentsIn(shop, placed)).filter(([, { refunds }]) => refunds.has(refundId));
  if (its.length === 0) throw notFound("refund", refundId);
  // Of several payments, some may have been judged before: by who was killed in between.
  const waiting = its.filter(([, { refunds }]) => refunds.get(refundId)?.status === "awaiting_approval");
  for (const [paymentId] of waiting.length > 0 ? waiting : its) {
    if (rejection === undefined) await process.again(payment, paymentId, "ApproveRefund", { refundId });
    else await process.again(payment, paymentId, "RejectRefund", { refundId, reason: rejection });
  }
  for (const [paymentId] of its) await settlePayment(shop, paymentId, process.context).catch(unlessSilent);
}
