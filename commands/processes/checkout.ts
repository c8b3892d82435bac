import { hash } from "node:crypto";
import { noStream, type Position } from "../../src/stores/event-store/event-store.ts";
import { dayOf } from "../../src/values/calendar.ts";
import { illegalTransition, Problem, problemOf } from "../../src/values/problem.ts";
import { cart } from "../cart/cart.ts";
import type { PaymentMethod, Refusal } from "../cart/events.ts";
import { type Cart, type CartLine, type CheckoutAttempt, linesOf } from "../cart/state.ts";
import { order } from "../order/order.ts";
import { cancellationEffect, demandOf, type Order, type PlacedOrder, paymentIdOf } from "../order/state.ts";
import { type Initiate, payment } from "../payment/payment.ts";
import { manualGateway } from "../payment/state.ts";
import { priceOrder } from "../pricing.ts";
import { stock } from "../stock/stock.ts";
import { expireSome } from "./expiry.ts";
import { authorize, giveBack, paidStep, settlePayment, unlessSilent } from "./payments.ts";
import { isRefusal, type Process, type ProcessContext, processOf, stepId } from "./process.ts";
import type { Shop, ShopSettings } from "./shop.ts";

/** A payment that waits for the customer may hold its stock for one extension, then the checkout fails. */
const extensionsMax = 1;
/**
 * How long a checkout may meet errors that say nothing about it. Beyond, it is undone, whatever the error: what
 * cannot be done must not hold a cart and its stock.
 */
export const attemptMsMax = 120_000;
/** How often what has run out is ended for one reservation. */
const sweepsMax = 50;
/** Nobody takes up a checkout that is younger: only the call that has started it is at it. */
export const takeUpAfterMs = 30_000;

export type CheckoutResult =
  | { status: "confirmed"; orderId: string }
  | { status: "pending"; orderId: string; actionUrl: string | undefined }
  | { status: "failed"; orderId: string; problem: Problem };

interface Attempt extends CheckoutAttempt {
  cartId: string;
  paymentId: string;
  currency: string;
  lines: CartLine[];
  demand: [sku: string, quantity: number][];
}

/** Names of the checkout's steps on the order's stream, as `once` takes them. */
const placeStep = ["place"] as const;
const confirmStep = ["confirm"] as const;
const placeLargeStep = ["place large"] as const;

/**
 * The order as its checkout first told it: one that had to wait when it was placed, else when it was confirmed and
 * paid. Undefined for an order that is not placed.
 */
export async function orderAsTold(
  { engine, settings }: Shop,
  orderId: string,
): Promise<{ state: PlacedOrder; revision: number; position: Position; waiting: boolean } | undefined> {
  const waited = await engine.find(order, orderId, [stepId(orderId, ...placeStep)], noStream);
  const placing = [stepId(orderId, ...placeLargeStep), stepId(orderId, ...confirmStep)];
  let found = waited ?? (await engine.find(order, orderId, placing, noStream));
  if (found?.state.phase !== "placed") return undefined;
  // Paid by its checkout, that is, and not by a transfer, a carrier or a shipment that came later.
  const paysAtOnce = !waited && isPaidAtOnce(found.state, settings);
  if (paysAtOnce) found = (await engine.find(order, orderId, [paidStep(orderId)], found.revision)) ?? found;
  if (found.state.phase !== "placed") return undefined;
  return { ...found, state: found.state, waiting: waited !== undefined };
}

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
  if (refusal) return undo(process, found, refusal, true);
  if (state.phase === "placed" && state.confirmed) return finish(process, found);
  const asked = { gateway: false };
  try {
    const waiting = await goForward(process, found, { order: state, isFirst }, asked);
    if (waiting) return waiting;
  } catch (error) {
    const late = process.now() >= found.startedAt + attemptMsMax;
    if (!isRefusal(error) && !late) throw error;
    return undo(process, found, refusalFor(error), asked.gateway);
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
  const isOpen = state.confirmed && state.status !== "cancelled" && state.paymentStatus === "pending";
  return isOpen && isPaidAtOnce(state, settings);
}

function refusalFor(error: unknown): Refusal {
  if (isRefusal(error)) return { code: error.code, detail: error.message, extras: { ...error.extras } };
  const detail = error instanceof Error ? error.message : String(error);
  return { code: "unavailable", detail: `the checkout could not be completed: ${detail}`, extras: {} };
}

/** Why an order goes only back: it was refused, or cancelled before it was confirmed. */
function refusalOf(state: Order): Refusal | undefined {
  if (state.phase === "refused") return state.refusal;
  if (state.phase !== "placed" || state.status !== "cancelled" || state.confirmed) return undefined;
  return state.refusal ?? { code: "illegal_transition", detail: "the order was cancelled", extras: {} };
}

function attemptOf(state: Cart, cartId: string): Attempt | CheckoutResult {
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
    recordAuthorization(own, paymentId, initiate, authorization.reference),
    ...attempt.demand.map(([sku, quantity]) =>
      withRoom(process, sku, () =>
        process.again(stock, sku, "Commit", { sku, reservationId: orderId, quantity }),
      ),
    ),
  ]);
  await place(own, attempt, true);
  return undefined;
}

function initiationOf({ gateway }: Shop, attempt: Attempt): Initiate {
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

function needsGateway({ request }: Attempt): boolean {
  return isByGateway(request.payment.method) && request.quote.total > 0;
}

function isByGateway(method: PaymentMethod): boolean {
  return method !== "cod" && method !== "bank_transfer";
}

/** Whether a checkout captures the payment of an order, or has nothing to capture. */
export function isPaidAtOnce(
  { paymentMethod, totals }: Pick<PlacedOrder, "paymentMethod" | "totals">,
  { capture }: ShopSettings,
): boolean {
  return totals.total === 0 || (isByGateway(paymentMethod) && capture === "checkout");
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

/** What a SKU is out of may be held by reservations that have run out, more than one append can end. */
async function withRoom<T>(process: Process, sku: string, reserve: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await reserve();
    } catch (error) {
      const out = error instanceof Problem && error.code === "out_of_stock" && tries < sweepsMax;
      if (!out || !(await expireSome(process, sku))) throw error;
    }
  }
}

async function recordAuthorization(
  process: Process,
  paymentId: string,
  initiate: Initiate,
  reference: string | undefined,
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
    { reference, initiate },
    (state) => state.phase,
  );
  if (phase === "voided") throw new Problem("payment_declined", "the payment was given back meanwhile");
}

async function place(process: Process, attempt: Attempt, confirm: boolean): Promise<void> {
  const { orderId, request } = attempt;
  const data = orderOf(attempt, attempt.number ?? (await numberFor(process, attempt)));
  const identity = request.customerId ?? request.email?.toLowerCase();
  const buyer = identity === undefined ? {} : { buyer: hash("sha256", identity, "hex").slice(0, 32) };
  try {
    const command = { ...data, ...(confirm && { confirm: buyer }) };
    await process.once(confirm ? confirmStep : placeStep, order, orderId, "Place", command);
  } catch (error) {
    // A very large order takes one append to be placed, and another to be confirmed.
    const large = error instanceof Problem && error.code === "payload_too_large";
    if (!large || !confirm) throw error;
    await process.once(placeLargeStep, order, orderId, "Place", data);
    await process.once(confirmStep, order, orderId, "Confirm", buyer);
  }
}

/** A checkout that version 0.1 began has no number yet. */
function numberFor({ shop }: Process, { startedAt }: Attempt): Promise<string> {
  return shop.numbers.next(dayOf(startedAt, shop.settings.timeZone));
}

function orderOf({ paymentId, cartId, currency, request, lines }: Attempt, number: string) {
  const { quote, payment: paid, shippingMethod, email, customerId, ...addresses } = request;
  const priced = priceOrder(lines, quote.shipping, quote.tax);
  if (priced.totals.total !== quote.total)
    throw new Problem("price_changed", `quoted ${quote.total}, priced ${priced.totals.total} minor units`);
  const orderLines = lines.map(({ lineId: _, ...line }, index) => {
    const amounts = priced.lines[index];
    if (!amounts) throw new Error("a line was not priced");
    return { ...line, ...amounts };
  });
  return {
    number,
    cartId,
    paymentId,
    paymentMethod: paid.method,
    currency,
    lines: orderLines,
    totals: priced.totals,
    tax: quote.tax,
    shippingMethod,
    ...(email !== undefined && { email }),
    ...(customerId !== undefined && { customerId }),
    ...addresses,
  };
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

/**
 * Backwards. The order's stream first, even if there is none yet, for it decides: whoever wakes up later cannot
 * complete what is undone here. The cart last, for it ends the checkout. No gateway is waited for: what the
 * payment may have taken goes back by its own task.
 */
async function undo(
  process: Process,
  attempt: Attempt,
  refusal: Refusal,
  gatewayAsked: boolean,
): Promise<CheckoutResult> {
  const { orderId, cartId, demand } = attempt;
  const placed = await refuse(process, orderId, refusal);
  if (placed.phase === "placed" && placed.confirmed) return finish(process, attempt);
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
  if (placed?.phase === "placed" && placed.confirmed)
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
