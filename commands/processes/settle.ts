import { illegalTransition, notFound } from "../../src/values/problem.ts";
import { order } from "../order/order.ts";
import { payment } from "../payment/payment.ts";
import { webhook } from "../webhook/webhook.ts";
import { type Process, type ProcessContext, processOf } from "./process.ts";
import type { Shop } from "./shop.ts";
import type { ProcessKind } from "./tasks.ts";
import { abandonCheckout } from "./undo-checkout.ts";

/** What an operator found out elsewhere: at the gateway's own site, or on the shelf. */
export type SettledAs = "done" | "failed";

/**
 * Ends a task by hand that cannot be done: nobody else is asked, the log takes the operator's word for it.
 *
 * - checkout: undone as far as that goes; the cart opens. What could not be undone is named.
 * - payment: what is open counts as done, or as failed (the void of a payment: that nothing was authorized).
 * - order: its open effects count as applied.
 * - webhook: given up.
 *
 * @returns what has still to be looked after, in words
 * @throws Problem not_found; illegal_transition for what only time can end
 */
export async function settleTask(
  shop: Shop,
  kind: ProcessKind,
  id: string,
  as: SettledAs,
  reason: string,
  context: ProcessContext,
): Promise<string[]> {
  const process = processOf(shop, id, context);
  switch (kind) {
    case "checkout":
      return abandonCheckout(shop, id, reason, context);
    case "payment":
      return settleByHand(process, id, as, reason);
    case "order":
      return settleEffects(process, id);
    case "webhook": {
      const { changed } = await process.again(webhook, id, "Finish", { how: "given_up" });
      if (!changed) throw notFound("open webhook", id);
      return [];
    }
    case "cart":
    case "stock":
      throw illegalTransition("this runs out by itself: there is nothing to settle");
    case "import":
      throw illegalTransition("an import is ended by cancelling it");
    case "publication":
      throw illegalTransition("a publication is put off or called off by changing its product");
  }
}

async function settleByHand(process: Process, id: string, as: SettledAs, reason: string): Promise<string[]> {
  const { engine } = process.shop;
  const state = await engine.read(payment, id, (state) => state);
  if (state.phase === "absent") throw notFound("payment", id);
  const done = as === "done";
  if (state.further && state.phase === "initiated" && !done)
    await process.again(payment, id, "Fail", { reason });
  if (state.recapture && state.phase === "authorized") await settleRecapture(process, id, done, reason);
  if (state.capturing !== undefined) {
    const { movementId } = state.capturing;
    if (done) await process.once(["captured", movementId], payment, id, "Capture", { movementId });
    else await process.again(payment, id, "FailCapture", { movementId, reason });
  }
  // What was captured just now is refunded, not voided.
  const now = await engine.read(payment, id, (state) => state);
  if (now.phase === "absent") throw notFound("payment", id);
  if (now.stray !== undefined)
    await process.again(payment, id, "ReleaseStray", { reason, reference: now.stray });
  if (now.releasing !== undefined) await process.again(payment, id, "Release", { reason });
  if (now.orphaned || (now.givingBack !== undefined && now.phase !== "captured"))
    await process.again(payment, id, "Void", { reason, reference: now.reference });
  for (const [refundId, { status }] of now.refunds) {
    if (status !== "pending") continue;
    if (done) await process.again(payment, id, "SucceedRefund", { refundId, reference: "by hand" });
    else await process.again(payment, id, "FailRefund", { refundId, reason });
  }
  return [];
}

/** A capture that was refused, and would be tried again: it has been made elsewhere, or is not to be. */
async function settleRecapture(process: Process, id: string, done: boolean, reason: string): Promise<void> {
  const movementId = `by-hand/${process.context.commandId}`;
  await process.again(payment, id, "RequestCapture", { movementId, once: true });
  if (done) await process.once(["captured", movementId], payment, id, "Capture", { movementId });
  else await process.again(payment, id, "FailCapture", { movementId, reason });
}

async function settleEffects(process: Process, orderId: string): Promise<string[]> {
  const state = await process.shop.engine.read(order, orderId, (state) => state);
  if (state.phase !== "placed") throw notFound("order", orderId);
  const open = [...state.openEffects];
  for (const of of open) await process.again(order, orderId, "MarkEffectsApplied", { of });
  return open.map((of) => `effect ${of} of order ${orderId} was not applied to stock and payment`);
}
