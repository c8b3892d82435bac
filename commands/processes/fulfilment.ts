import { deriveId } from "../../src/values/ids.ts";
import { illegalTransition, notFound, Problem, requireRevision } from "../../src/values/problem.ts";
import { cart } from "../cart/cart.ts";
import { ofLines, owed } from "../order/book.ts";
import type { Cancel } from "../order/credits.ts";
import { order } from "../order/order.ts";
import { type Deliver, leavingBy, type Ship } from "../order/parcels.ts";
import { demandOf, type PlacedOrder } from "../order/state.ts";
import { payment } from "../payment/payment.ts";
import { manualGateway } from "../payment/state.ts";
import { missingOf } from "../stock/state.ts";
import { stock } from "../stock/stock.ts";
import { runCheckout } from "./checkout.ts";
import { applyEffects } from "./effects.ts";
import { expireAll } from "./expiry.ts";
import { captureFor, giveBack, heldFor } from "./payments.ts";
import { type Process, type ProcessContext, processOf } from "./process.ts";
import { settlePayment, unlessSilent } from "./settle-payment.ts";
import type { Shop } from "./shop.ts";

/**
 * Ships what is left of an order, or the given part.
 * @throws Problem illegal_transition when the order is not ready; out_of_stock for backordered pieces; payment_declined
 *   when what has to be paid for them cannot be captured
 */
export async function shipOrder(
  shop: Shop,
  orderId: string,
  request: Ship,
  context: ProcessContext,
): Promise<void> {
  const before = await shop.engine.read(order, orderId, (state, revision) => ({ state, revision }));
  if (before.state.phase !== "placed") throw notFound("order", orderId);
  const { book, shipments } = before.state;
  const { shipmentId } = request;
  if (!shipments.has(shipmentId)) {
    const process = processOf(shop, orderId, context);
    const leaving = leavingBy(book, request.lines);
    await requireOnShelf(process, orderId, demandOf(ofLines(book, leaving)));
    const amount = book.onDelivery ? 0 : owed(book, leaving);
    if (amount > 0 && book.confirmed && shop.settings.capture === "shipment") {
      // What is refused must not take money: decided first as if it were paid.
      requireRevision(context.expectedRevision, before.revision);
      order.decide.Ship({ ...before.state, book: { ...book, captured: book.captured + amount } }, request);
      const movementId = `shipment/${shipmentId}`;
      await captureFor(shop, before.state, { movementId, amount }, process.context);
      await processOf(shop, orderId, unconditional(context)).decide(order, orderId, "Ship", request);
    } else await process.decide(order, orderId, "Ship", request);
  }
  await applyEffects(shop, orderId, context);
}

/** @throws Problem not_found */
export async function placedOrder({ engine }: Shop, orderId: string): Promise<PlacedOrder> {
  const state = await engine.read(order, orderId, (state) => state);
  if (state.phase !== "placed") throw notFound("order", orderId);
  return state;
}

function unconditional({ expectedRevision: _, ...context }: ProcessContext): ProcessContext {
  return context;
}

/** Pieces that are promised but not there cannot leave. */
async function requireOnShelf(
  process: Process,
  orderId: string,
  demand: readonly (readonly [sku: string, quantity: number])[],
): Promise<void> {
  for (const [sku, quantity] of demand) {
    const read = () => process.shop.engine.read(stock, sku, (state) => missingOf(state, orderId, quantity));
    let missing = await read();
    if (missing > 0) {
      // What came in may not have been given to all who wait for it yet.
      await expireAll(process, sku);
      missing = await read();
    }
    if (missing > 0)
      throw new Problem("out_of_stock", `${missing} of ${sku} are on backorder`, { sku, missing });
  }
}

/** One shipment arrived, a part of it, or all. The cash that its carrier has taken is booked. */
export async function deliverOrder(
  shop: Shop,
  orderId: string,
  request: Deliver,
  context: ProcessContext,
): Promise<void> {
  await processOf(shop, orderId, context).decide(order, orderId, "Deliver", request);
  await applyEffects(shop, orderId, context);
}

/**
 * What has not been sent will not be.
 * @throws Problem illegal_transition when there is no such piece
 */
export async function cancelOrder(
  shop: Shop,
  orderId: string,
  request: Cancel,
  context: ProcessContext,
): Promise<void> {
  await processOf(shop, orderId, context).decide(order, orderId, "Cancel", request);
  await applyEffects(shop, orderId, context);
  await endCheckout(shop, orderId, context);
}

/** A cart whose checkout was waiting for its payment is open again. What fails here is taken up later. */
async function endCheckout(shop: Shop, orderId: string, context: ProcessContext): Promise<void> {
  const { cartId } = await placedOrder(shop, orderId);
  const waiting = await shop.engine.read(
    cart,
    cartId,
    (state) => state.phase === "locked" && state.checkout.orderId === orderId,
  );
  if (waiting) await runCheckout(shop, cartId, processOf(shop, orderId, context).context).catch(() => {});
}

/**
 * Gives an authorization back, of one that was captured in part the rest, or a transfer up. An order that has no other
 * payment is cancelled with it.
 * @throws Problem illegal_transition when the payment was captured, or has failed
 */
export async function voidPayment(
  shop: Shop,
  paymentId: string,
  reason: string,
  context: ProcessContext,
): Promise<void> {
  const state = await shop.engine.read(payment, paymentId, (state) => state);
  if (state.phase === "absent") throw notFound("payment", paymentId);
  const its = await shop.engine.read(order, state.orderId, (its) => its);
  const process = processOf(shop, paymentId, context);
  // Its order will never be: what could not be given back when that was asked for first goes back now.
  if (its.phase === "refused") {
    await giveBack(process, paymentId, reason);
    return settlePayment(shop, paymentId, context).catch(unlessSilent);
  }
  if (state.phase === "voided") return;
  if (state.phase === "captured") throw illegalTransition("a captured payment is refunded, not voided");
  if (state.phase === "failed") throw illegalTransition("the payment failed: there is nothing to void");
  if (state.phase === "initiated" && state.gateway !== manualGateway)
    throw illegalTransition("the payment is being authorized");
  if (state.captured > 0 && its.phase === "placed") {
    await process.again(payment, paymentId, "RequestRelease", { reason });
    return settlePayment(shop, paymentId, process.context).catch(unlessSilent);
  }
  const isPaidOtherwise =
    its.phase === "placed" && (its.book.captured > 0 || (await heldFor(shop, its, paymentId)) > 0);
  if (state.further || isPaidOtherwise) {
    await process.again(payment, paymentId, "GiveBack", { reason, keeps: true });
    return settlePayment(shop, paymentId, process.context).catch(unlessSilent);
  }
  // An order that cannot be paid any more cannot be fulfilled either.
  const cancelId = deriveId(context.commandId, "cancel");
  await cancelOrder(shop, state.orderId, { cancelId, reason }, context);
}
