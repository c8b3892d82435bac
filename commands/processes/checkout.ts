import { Problem } from "../../src/values/problem.ts";
import { cart } from "../cart/cart.ts";
import { order } from "../order/order.ts";
import type { Order, PlacedOrder } from "../order/state.ts";
import { type Initiate, payment } from "../payment/payment.ts";
import { manualGateway } from "../payment/state.ts";
import { stock } from "../stock/stock.ts";
import {
  type Attempt,
  attemptOf,
  type CheckoutResult,
  initiationOf,
  isPaidAtOnce,
  needsGateway,
} from "./checkout-attempt.ts";
import { withRoom } from "./expiry.ts";
import { authorize } from "./payments.ts";
import { place } from "./place-order.ts";
import { isRefusal, type Process, type ProcessContext, processOf } from "./process.ts";
import { settlePayment, unlessSilent } from "./settle-payment.ts";
import type { Shop, ShopSettings } from "./shop.ts";
import { refusalFor, refusalOf, undo } from "./undo-checkout.ts";

/** A payment that waits for the customer may hold its stock for one extension, then the checkout fails. */
const extensionsMax = 1;
/**
 * How long a checkout may meet errors that say nothing about it. Beyond, it is undone, whatever the error: what
 * cannot be done must not hold a cart and its stock.
 */
export const attemptMsMax = 120_000;

/**
 * Takes a cart that has started its checkout to its end: reserve, authorize, commit, place, capture, convert; or
 * undoes it. Every step repeats harmlessly, so it may run again after a crash, or twice at once. The order's
 * stream decides: once it is confirmed there is only forward, once it is refused or cancelled only back.
 *
 * @param isFirst nobody is likely to have been at it: what is new with it is not looked for before it is written
 * @throws an error that says nothing about the outcome: the checkout's task takes it up, and undoes it when
 *   `attemptMsMax` is over
 */
export async function runCheckout(
  shop: Shop,
  cartId: string,
  context: ProcessContext,
  { isFirst = false }: { isFirst?: boolean } = {},
): Promise<CheckoutResult> {
  const found = await shop.engine.read(cart, cartId, (state) => attemptOf(state, cartId), context.asOf);
  if ("status" in found) return found;
  const process = processOf(shop, found.orderId, context);
  const state = isFirst
    ? order.initial()
    : await shop.engine.read(order, found.orderId, (state) => state, context.asOf);
  const refusal = refusalOf(state);
  if (refusal) return (await undo(process, found, refusal, true)) ?? finish(process, found);
  if (state.phase === "placed" && state.book.confirmed) return finish(process, found);
  const asked = { gateway: false };
  try {
    const waiting = await goForward(process, found, { order: state, isFirst }, asked);
    if (waiting) return waiting;
  } catch (error) {
    const late = process.now() >= found.startedAt + attemptMsMax;
    if (!isRefusal(error) && !late) throw error;
    const undone = await undo(process, found, refusalFor(error), asked.gateway);
    if (undone) return undone;
  }
  return finish(process, found);
}

/**
 * Takes the payment of a checkout that has ended to its end, where a crash between the two has left it to its task:
 * what the checkout is answered again is then what it would have been answered first.
 */
export async function settleCheckout(shop: Shop, orderId: string, context: ProcessContext): Promise<void> {
  const paymentId = await shop.engine.read(order, orderId, (state) =>
    state.phase === "placed" && isUnpaid(state, shop.settings) ? state.paymentId : undefined,
  );
  if (paymentId !== undefined) await settlePayment(shop, paymentId, context).catch(unlessSilent);
}

function isUnpaid(state: PlacedOrder, settings: ShopSettings): boolean {
  const isOpen = state.book.confirmed && state.status !== "cancelled" && state.paymentStatus === "pending";
  return isOpen && isPaidAtOnce(state, settings);
}

/** @returns a result when the checkout has to wait for its payment; nothing when the order is confirmed */
async function goForward(
  process: Process,
  attempt: Attempt,
  known: { order: Order; isFirst: boolean },
  asked: { gateway: boolean },
): Promise<CheckoutResult | undefined> {
  const { orderId, paymentId } = attempt;
  const { shop, context } = process;
  /** For the streams of the order and its payment. */
  const own = processOf(shop, orderId, { ...context, isFirst: known.isFirst });
  const initiate = initiationOf(process.shop, attempt);
  await reserveAll(process, attempt);
  asked.gateway = initiate.gateway !== manualGateway;
  const paid = known.isFirst
    ? payment.initial()
    : await shop.engine.read(payment, paymentId, (state) => state);
  const authorization = await authorize(own, paymentId, initiate, paid);
  if (authorization.status === "pending") {
    if (known.order.phase === "absent") await place(own, attempt, false);
    await keepWaiting(process, attempt);
    return { status: "pending", orderId, actionUrl: authorization.actionUrl };
  }
  await Promise.all([
    recordAuthorization(own, paymentId, initiate, authorization),
    ...attempt.demand.map(([sku, quantity]) =>
      withRoom(process, sku, () =>
        process.again(stock, sku, "Commit", { sku, reservationId: orderId, quantity }),
      ),
    ),
  ]);
  await place(own, attempt, true);
  return undefined;
}

/**
 * All SKUs at once, in one turn and in sorted order: the queues of the streams then serve two checkouts of one
 * process in the same order everywhere, so that of two that want the same last pieces one gets all of them.
 */
async function reserveAll(process: Process, { orderId, demand }: Attempt): Promise<void> {
  const holdMs = process.shop.settings.reservationMs;
  const results = await Promise.allSettled(
    demand.map(([sku, quantity]) =>
      withRoom(process, sku, () =>
        process.again(stock, sku, "Reserve", { sku, reservationId: orderId, quantity, holdMs }),
      ),
    ),
  );
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const refused = errors.find(isRefusal) ?? errors[0];
  if (refused !== undefined) throw refused;
}

async function recordAuthorization(
  process: Process,
  paymentId: string,
  initiate: Initiate,
  { reference, singleCapture }: { reference: string | undefined; singleCapture?: true },
): Promise<void> {
  if (initiate.gateway === manualGateway) {
    await process.once([paymentId, "initiate"], payment, paymentId, "Initiate", initiate);
    return;
  }
  if (reference === undefined) return;
  const { result: phase } = await process.again(
    payment,
    paymentId,
    "Authorize",
    { reference, singleCapture, initiate },
    (state) => state.phase,
  );
  if (phase === "voided") throw new Problem("payment_declined", "the payment was given back meanwhile");
}

/** Extends the reservations once while the customer acts; later gives up. */
async function keepWaiting(process: Process, { orderId, startedAt, demand }: Attempt): Promise<void> {
  const holdMs = process.shop.settings.reservationMs;
  const now = process.now();
  const waitsUntil = startedAt + holdMs * (1 + extensionsMax);
  if (now >= waitsUntil) throw new Problem("payment_declined", "the payment was not completed in time");
  if (now < startedAt + holdMs / 2) return;
  await Promise.all(
    demand.map(([sku]) =>
      process.again(stock, sku, "Extend", { reservationId: orderId, holdMs: waitsUntil - now }),
    ),
  );
}

async function finish(process: Process, attempt: Attempt): Promise<CheckoutResult> {
  const { shop } = process;
  const { orderId, cartId, paymentId, request } = attempt;
  const capturesNow = shop.settings.capture === "checkout" && needsGateway(attempt);
  // Cancelled since it was confirmed: there is nothing to capture, and the cart has become an order all the same.
  const isCancelled = (state: Order) => state.phase === "placed" && state.status === "cancelled";
  const cancelled = await shop.engine.read(order, orderId, isCancelled, process.context.asOf);
  const captures = !cancelled && (request.quote.total === 0 || capturesNow);
  // On the log before the cart's checkout ends: from then on the capture is the payment's own task.
  if (captures) await requestCapture(process, paymentId);
  await Promise.all([
    captures ? settlePayment(shop, paymentId, process.context).catch(unlessSilent) : undefined,
    process.once(["convert"], cart, cartId, "Convert", { orderId }),
  ]);
  return { status: "confirmed", orderId };
}

/** An order that is cancelled in this moment gives its payment back: there is nothing to capture then. */
async function requestCapture(process: Process, paymentId: string): Promise<void> {
  try {
    await process.again(payment, paymentId, "RequestCapture", {});
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "illegal_transition") throw error;
  }
}
