import type { WebhookEvent } from "../../src/gateways/gateway.ts";
import { Problem } from "../../src/values/problem.ts";
import { cart } from "../cart/cart.ts";
import { order } from "../order/order.ts";
import { payment } from "../payment/payment.ts";
import { type ReceivedWebhook, webhook, webhookId } from "../webhook/webhook.ts";
import { runCheckout } from "./checkout.ts";
import { giveBack, settlePayment, unlessSilent } from "./payments.ts";
import { type Process, type ProcessContext, processOf } from "./process.ts";
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
  await book(process, state);
  await goOn(process, known.orderId, state.paymentId);
  await process.again(webhook, id, "Finish", { how: "done" });
}

async function book(process: Process, { paymentId, outcome }: ReceivedWebhook): Promise<void> {
  if (outcome.status === "authorized") {
    const { reference } = outcome;
    await process.once(["authorize", paymentId], payment, paymentId, "Authorize", { reference });
  } else {
    const { reason } = outcome;
    await process.once(["fail", paymentId], payment, paymentId, "Fail", { reason });
  }
}

async function goOn(process: Process, orderId: string, paymentId: string): Promise<void> {
  const { shop, context } = process;
  const state = await shop.engine.read(order, orderId, (state) => state);
  const over = state.phase === "refused" || (state.phase === "placed" && state.status === "cancelled");
  if (over) await giveBack(process, paymentId, "authorized too late");
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
  if (state.phase !== "placed") return;
  const locked = await shop.engine.read(
    cart,
    state.cartId,
    (cart) => cart.phase === "locked" && cart.checkout.orderId === orderId,
  );
  if (locked) await runCheckout(shop, state.cartId, context);
}
