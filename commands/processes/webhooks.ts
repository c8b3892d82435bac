import type { WebhookEvent } from "../../src/gateways/gateway.ts";
import { Problem } from "../../src/values/problem.ts";
import { cart } from "../cart/cart.ts";
import { order } from "../order/order.ts";
import { payment } from "../payment/payment.ts";
import { type ReceivedWebhook, webhook, webhookId } from "../webhook/webhook.ts";
import { runCheckout } from "./checkout.ts";
import { pursue } from "./further-payment.ts";
import { giveBack } from "./payments.ts";
import { isRefusal, type Process, type ProcessContext, processOf } from "./process.ts";
import { settlePayment, unlessSilent } from "./settle-payment.ts";
import type { Shop } from "./shop.ts";

/** How long a webhook waits for a payment that the log does not know yet. */
const waitsForPaymentMs = 60 * 60_000;

/**
 * Keeps what a gateway tells; from then on it is done, now or by its task.
 * @returns the id of its stream
 */
export async function keepWebhook(shop: Shop, event: WebhookEvent, context: ProcessContext): Promise<string> {
  const gateway = shop.gateway.name;
  const id = webhookId(gateway, event.id);
  const { paymentId, outcome } = event;
  await processOf(shop, id, context).again(webhook, id, "Receive", { gateway, paymentId, outcome });
  return id;
}

/**
 * Does what a kept webhook is about: books it on the payment, and takes the checkout on from there.
 * @throws Problem unavailable while the log does not know the payment: it waits
 */
export async function handleWebhook(shop: Shop, id: string, context: ProcessContext): Promise<void> {
  const state = await shop.engine.read(webhook, id, (state) => state);
  if (state.phase !== "received") return;
  const process = processOf(shop, id, context);
  const known = await shop.engine.read(payment, state.paymentId, (state) => state);
  if (known.phase === "absent") {
    if (process.now() < state.receivedAt + waitsForPaymentMs)
      throw new Problem("unavailable", `payment ${state.paymentId} is not on the log yet`);
    await process.again(webhook, id, "Finish", { how: "given_up" });
    return;
  }
  if (known.gateway !== state.gateway) {
    // Cash and transfers are not a gateway's to tell of.
    await process.again(webhook, id, "Finish", { how: "given_up" });
    return;
  }
  try {
    await book(process, state);
  } catch (error) {
    // What it is about may be told later than its end. Money that the books do not take is for staff to look at.
    const waits = isOfMoney(state) || process.now() < state.receivedAt + waitsForPaymentMs;
    if (!isRefusal(error) || waits) throw error;
    await process.again(webhook, id, "Finish", { how: "given_up" });
    return;
  }
  await goOn(process, known.orderId, state);
  await process.again(webhook, id, "Finish", { how: "done" });
}

/** Whether it tells of money that has moved: what an authorization comes to, a later answer says as well. */
function isOfMoney({ outcome: { status } }: ReceivedWebhook): boolean {
  return status !== "authorized" && status !== "failed";
}

async function book(process: Process, { paymentId, outcome }: ReceivedWebhook): Promise<void> {
  switch (outcome.status) {
    case "authorized": {
      const { reference } = outcome;
      await process.once(["authorize", paymentId], payment, paymentId, "Authorize", { reference });
      return;
    }
    case "failed": {
      const { reason } = outcome;
      await process.once(["fail", paymentId], payment, paymentId, "Fail", { reason });
      return;
    }
    case "refund_succeeded": {
      const { refundId, reference } = outcome;
      await process.again(payment, paymentId, "SucceedRefund", { refundId, reference });
      return;
    }
    case "refund_failed": {
      const { refundId, reason } = outcome;
      await process.again(payment, paymentId, "FailRefund", { refundId, reason });
      return;
    }
    case "dispute_opened": {
      const { disputeId, amount, reason } = outcome;
      await process.again(payment, paymentId, "Dispute", { disputeId, amount, reason });
      return;
    }
    case "dispute_ended": {
      const { disputeId, won } = outcome;
      await process.again(payment, paymentId, "EndDispute", { disputeId, won });
    }
  }
}

async function goOn(
  process: Process,
  orderId: string,
  { paymentId, outcome }: ReceivedWebhook,
): Promise<void> {
  const { shop, context } = process;
  const state = await shop.engine.read(order, orderId, (state) => state);
  const over = state.phase === "refused" || (state.phase === "placed" && state.status === "cancelled");
  const isKept = state.phase === "placed" && state.book.confirmed && state.book.due > 0;
  const isNew = await shop.engine.read(payment, paymentId, ({ phase }) => phase !== "captured");
  if (over && outcome.status === "authorized" && isNew && !isKept)
    await giveBack(process, paymentId, "authorized too late");
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
  if (state.phase !== "placed") return;
  if (state.added.has(paymentId)) await pursue(process, paymentId);
  const locked = await shop.engine.read(
    cart,
    state.cartId,
    (cart) => cart.phase === "locked" && cart.checkout.orderId === orderId,
  );
  if (locked) await runCheckout(shop, state.cartId, context);
}
