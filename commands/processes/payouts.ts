import type { DataOf } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";
import { cancellation, cancellationRefund, payoutOf } from "../order/book.ts";
import type { orderEvents } from "../order/events.ts";
import { order } from "../order/order.ts";
import { nameAt, noPayment, type PlacedOrder, paymentsOf } from "../order/state.ts";
import { payment } from "../payment/payment.ts";
import { refundable } from "../payment/state.ts";
import { giveBack } from "./payments.ts";
import type { Process } from "./process.ts";
import { latePrefix, settlePayment, unlessSilent } from "./settle-payment.ts";

type OrderCredited = DataOf<typeof orderEvents, "OrderCredited">;

/**
 * What a credit promised goes back by the newest payment first, as far as they have it: refunds that 0.1 asked for are
 * not in the book.
 */
export async function payOut(
  process: Process,
  orderId: string,
  state: PlacedOrder,
  { creditId: refundId, reason, cause, payout, manual }: OrderCredited,
): Promise<void> {
  const { shop } = process;
  // What is paid back of what was paid too much needs nobody's approval.
  const from = shop.settings.refundApprovalFrom;
  const held = from > 0 && payout >= from && !refundId.startsWith("excess-");
  // All that there was has been asked for: what has come back since is for another refund.
  if (isTold(state, nameAt(refundId, noPayment))) return settleAll(process, state);
  // What was asked for before a crash counts: it is part of all that was promised.
  let left = payout;
  for (const paymentId of paymentsOf(state).reverse()) {
    if (left === 0) break;
    const { asked, had } = await shop.engine.read(payment, paymentId, (state) =>
      state.phase === "absent"
        ? { asked: 0, had: 0 }
        : { asked: state.refunds.get(refundId)?.amount ?? 0, had: refundable(state) },
    );
    const amount = asked > 0 ? asked : Math.min(left, had);
    left -= Math.min(left, amount);
    if (amount === 0 || asked > 0) continue;
    const how = { ...(held && { held: true as const }), ...(manual && { manual }) };
    const refund = { refundId, amount, reason, cause, ...how };
    await process.once(["pay out", refundId, paymentId], payment, paymentId, "RequestRefund", refund);
  }
  if (left > 0) await owe(process, orderId, refundId, left);
  await settleAll(process, state);
}

/** Of what an order that is over promised to give back, what its payments do not have is owed. */
export async function withdrawMissing(process: Process, orderId: string): Promise<void> {
  const { engine } = process.shop;
  const state = await engine.read(order, orderId, (state) => state);
  const promised = state.phase === "placed" && payoutOf(state.book, cancellation);
  if (!promised) return;
  let left = promised[1];
  for (const paymentId of paymentsOf(state)) {
    const its = paymentId === state.paymentId ? undefined : paymentId;
    left -= await engine.read(payment, paymentId, (paid) => {
      if (paid.phase === "absent") return 0;
      const goingBack = [...paid.refunds].filter(
        ([id]) => !state.credits.has(id) && !id.startsWith(latePrefix) && !isTold(state, nameAt(id, its)),
      );
      const rest = paid.givingBack === undefined ? 0 : refundable(paid);
      return goingBack.reduce((sum, [, { amount }]) => sum + amount, rest);
    });
  }
  if (left > 0) await owe(process, orderId, cancellationRefund(orderId), left);
}

function isTold({ refunds, unpaid }: PlacedOrder, name: string): boolean {
  return refunds.has(name) || unpaid.has(name);
}

/** Banks may have taken it back, or 0.1 have asked for it elsewhere. */
async function owe(process: Process, orderId: string, refundId: string, amount: number): Promise<void> {
  const missing = { refundId, amount, reason: "the payments have no more", paymentId: noPayment };
  await process.again(order, orderId, "WithdrawCredit", missing);
}

export async function giveAllBack(process: Process, order: PlacedOrder, reason: string): Promise<void> {
  for (const paymentId of paymentsOf(order)) await giveBack(process, paymentId, reason).catch(unlessUnknown);
}

/** What has to happen is on the payments' streams: a gateway that is silent holds up nothing here. */
export async function settleAll({ shop, context }: Process, order: PlacedOrder): Promise<void> {
  for (const paymentId of paymentsOf(order))
    await settlePayment(shop, paymentId, context).catch(unlessSilent);
}

/** Nothing was ever asked of a gateway for this order. */
function unlessUnknown(error: unknown): void {
  if (!(error instanceof Problem) || error.code !== "not_found") throw error;
}
