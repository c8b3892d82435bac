import { cart } from "../cart/cart.ts";
import { order } from "../order/order.ts";
import { payment } from "../payment/payment.ts";
import { product } from "../product/product.ts";
import { runCheckout } from "./checkout.ts";
import { finishMerge } from "./customer-carts.ts";
import { applyEffects } from "./effects.ts";
import { expireAll } from "./expiry.ts";
import { pursue } from "./further-payment.ts";
import { captureRest, heldFor } from "./payments.ts";
import { type Process, type ProcessContext, processOf } from "./process.ts";
import { settlePayment } from "./settle-payment.ts";
import type { Shop } from "./shop.ts";
import { handleWebhook } from "./webhooks.ts";

/**
 * What is done about a task, by its kind; when it is due, the read models of tasks and reservations say
 * (projections/tasks/tasks.ts, projections/stock/reservations.ts). Each is idempotent, so a task that is stale does nothing. A
 * checkout gives up by its own deadline, a webhook when its payment never comes; the others have to be done.
 */
export const processes = {
  /** A checkout that a crash or a gateway left open is finished, or undone. */
  checkout: async (shop: Shop, cartId: string, context: ProcessContext): Promise<void> => {
    await runCheckout(shop, cartId, context);
  },
  /** Movements of money that were asked for, or refused and worth another try. */
  payment: resumePayment,
  /** What does not come, a transfer or goods, is not waited for any longer; then what an order owes elsewhere. */
  order: async (shop: Shop, orderId: string, context: ProcessContext): Promise<void> => {
    const process = processOf(shop, orderId, context);
    await lapse(process, orderId);
    await process.again(order, orderId, "EndAdvances", {});
    await applyEffects(shop, orderId, context);
  },
  webhook: handleWebhook,
  /** A cart that nobody has touched runs out; one that was handed over goes into its customer's. */
  cart: async (shop: Shop, cartId: string, context: ProcessContext): Promise<void> => {
    const into = await shop.engine.read(cart, cartId, (state) =>
      state.phase === "closed" && state.reason === "merged" ? state.into : undefined,
    );
    if (into !== undefined) return finishMerge(shop, cartId, into, context);
    await processOf(shop, cartId, context).again(cart, cartId, "Expire", { cartId });
  },
  /** A draft is published whose time has come. */
  publication: async (shop: Shop, productId: string, context: ProcessContext): Promise<void> => {
    await processOf(shop, productId, context).again(product, productId, "PublishDue", {});
  },
  /** A file of products that was handed in. */
  import: (shop: Shop, importId: string): Promise<void> => shop.imports.run(importId),
  /** Reservations of a SKU that have run out end, and backorders get what is free. */
  stock: (shop: Shop, sku: string, context: ProcessContext): Promise<void> =>
    expireAll(processOf(shop, sku, context), sku),
} as const;

export type ProcessKind = keyof typeof processes;

/** A transfer that does not come is not waited for any longer, unless a gateway holds the money. */
async function lapse(process: Process, orderId: string): Promise<void> {
  const { shop } = process;
  const state = await shop.engine.read(order, orderId, (state) => state);
  if (state.phase !== "placed" || state.payBy === undefined) return;
  const isHeld = (await heldFor(shop, state)) > 0;
  await process.again(order, orderId, isHeld ? "StopWaiting" : "Lapse", {});
}

async function resumePayment(shop: Shop, paymentId: string, context: ProcessContext): Promise<void> {
  const state = await shop.engine.read(payment, paymentId, (state) => state);
  if (state.phase === "absent") return;
  const { phase, recapture, givingBack, releasing } = state;
  if (state.further && phase === "initiated") await pursue(processOf(shop, paymentId, context), paymentId);
  if (phase === "authorized" && recapture && givingBack === undefined && releasing === undefined)
    await captureRest(shop, paymentId, context);
  await settlePayment(shop, paymentId, context);
}
