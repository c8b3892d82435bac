import { hash } from "node:crypto";
import { dayOf } from "../../src/values/calendar.ts";
import { deriveBase32, deriveId } from "../../src/values/ids.ts";
import { Problem, type ProblemCode, problems } from "../../src/values/problem.ts";
import { type Cart, type CartLine, type CheckoutAttempt, cart, linesOf } from "../cart/cart.ts";
import { claim, claimId } from "../claim/claim.ts";
import { cancellationEffect, demandOf, order } from "../order/order.ts";
import { manualGateway, payment } from "../payment/payment.ts";
import { priceOrder } from "../pricing.ts";
import { stock } from "../stock/stock.ts";
import { authorizePayment, capturePayment, voidOrRefund } from "./payments.ts";
import { type ProcessContext, type Shop, stepContext } from "./shop.ts";

const orderNumberTriesMax = 20;
const orderNumberCharacters = 6;
/** A payment that waits for the customer may hold its stock for one extension, then the checkout fails. */
const extensionsMax = 1;

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

export function orderIdOf(cartId: string, attempt: number): string {
  return deriveId("order", cartId, attempt);
}

export function paymentIdOf(orderId: string): string {
  return deriveId("payment", orderId);
}

/**
 * Takes a cart that has started its checkout to its end: reserve, place, authorize, commit, confirm,
 * capture, convert; or undoes it. Every step is a command with an id derived from the order, so running it
 * again, after a crash or beside itself, repeats nothing. The order's stream decides: once it is confirmed
 * there is only forward, once it is cancelled only back.
 *
 * @throws StoreUnavailable or another error that says nothing about the outcome; the checkout is resumed
 */
export function runCheckout(shop: Shop, cartId: string, context: ProcessContext): Promise<CheckoutResult> {
  return shop.exclusive(`checkout:${cartId}`, () => advance(shop, cartId, context));
}

async function advance(shop: Shop, cartId: string, context: ProcessContext): Promise<CheckoutResult> {
  const found = await shop.engine.read(cart, cartId, (state) => attemptOf(state, cartId));
  if ("status" in found) return found;
  const { orderId } = found;
  try {
    const placed = await shop.engine.read(order, orderId, (state) =>
      state.phase === "absent" ? undefined : { confirmed: state.confirmed, status: state.status },
    );
    if (!placed?.confirmed) {
      if (placed?.status === "cancelled") throw await whyCancelled(shop, found.paymentId);
      const waiting = await goForward(shop, found, context);
      if (waiting) return waiting;
    }
  } catch (error) {
    if (!(error instanceof Problem) || !isRefusal(error)) throw error;
    await undo(shop, found, error, context);
    return { status: "failed", orderId, problem: error };
  }
  await finish(shop, found, context);
  return { status: "confirmed", orderId };
}

/** A checkout that was broken off while it was undone ends with the reason that it was undone for. */
async function whyCancelled(shop: Shop, paymentId: string): Promise<Problem> {
  const declined = await shop.engine.read(payment, paymentId, (state) =>
    state.phase === "failed" ? (state.failure ?? "the payment failed") : undefined,
  );
  return declined === undefined
    ? new Problem("illegal_transition", "the order was cancelled")
    : new Problem("payment_declined", declined);
}

function attemptOf(state: Cart, cartId: string): Attempt | CheckoutResult {
  switch (state.phase) {
    case "locked": {
      const { orderId } = state.checkout;
      const prices = state.checkout.request.quote.unitPrices;
      const lines = linesOf(state).map((line, index) => ({
        ...line,
        unitPrice: prices[index] ?? line.unitPrice,
      }));
      return {
        ...state.checkout,
        cartId,
        paymentId: paymentIdOf(orderId),
        currency: state.currency,
        lines,
        demand: demandOf(lines),
      };
    }
    case "converted":
      return { status: "confirmed", orderId: state.orderId };
    case "open":
    case "closed":
      if (state.failure) {
        const { orderId, code, detail, extras } = state.failure;
        return { status: "failed", orderId, problem: new Problem(knownCode(code), detail, extras) };
      }
      throw new Problem("illegal_transition", "the cart has not started a checkout");
    case "absent":
      throw new Problem("not_found", "there is no such cart");
  }
}

/** @returns a result when the checkout has to wait for its payment; nothing when the order is confirmed */
async function goForward(
  shop: Shop,
  attempt: Attempt,
  context: ProcessContext,
): Promise<CheckoutResult | undefined> {
  const { orderId, paymentId, request } = attempt;
  await reserveAll(shop, attempt, context);
  const [number] = await Promise.all([
    claimNumber(shop, attempt, context),
    shop.engine.execute(
      payment,
      paymentId,
      "Initiate",
      {
        orderId,
        amount: request.quote.total,
        currency: attempt.currency,
        method: request.payment.method,
        gateway: needsGateway(attempt) ? shop.gateway.name : manualGateway,
        ...(request.payment.token !== undefined && { token: request.payment.token }),
      },
      stepContext(context, orderId, "initiate"),
    ),
  ]);
  await place(shop, attempt, number, context);
  const authorization = await authorizePayment(shop, paymentId, context);
  if (authorization.status === "pending") {
    await keepWaiting(shop, attempt, context);
    return { status: "pending", orderId, actionUrl: authorization.actionUrl };
  }
  await Promise.all(
    attempt.demand.map(([sku, quantity]) =>
      shop.engine.execute(
        stock,
        sku,
        "Commit",
        { sku, reservationId: orderId, quantity },
        stepContext(context, orderId, "commit", sku, context.clock()),
      ),
    ),
  );
  const { email, customerId } = request;
  const identity = customerId ?? email?.toLowerCase();
  const buyer = identity === undefined ? {} : { buyer: hash("sha256", identity, "hex").slice(0, 32) };
  await shop.engine.execute(order, orderId, "Confirm", buyer, stepContext(context, orderId, "confirm"));
  return undefined;
}

function needsGateway({ request }: Attempt): boolean {
  const { method } = request.payment;
  return method !== "cod" && method !== "bank_transfer" && request.quote.total > 0;
}

/**
 * All SKUs at once, in one turn and in sorted order: the queues of the streams then serve two checkouts in
 * the same order everywhere, so that of two that want the same last pieces one gets all of them.
 */
async function reserveAll(shop: Shop, attempt: Attempt, context: ProcessContext): Promise<void> {
  const { orderId, demand } = attempt;
  const holdMs = shop.settings.reservationMs;
  const results = await Promise.allSettled(
    demand.map(([sku, quantity]) =>
      shop.engine.execute(
        stock,
        sku,
        "Reserve",
        { sku, reservationId: orderId, quantity, holdMs },
        stepContext(context, orderId, "reserve", sku, context.clock()),
      ),
    ),
  );
  const refused = results.find((result) => result.status === "rejected");
  if (refused) throw refused.reason;
}

async function claimNumber(shop: Shop, attempt: Attempt, context: ProcessContext): Promise<string> {
  const { orderId, startedAt } = attempt;
  const day = dayOf(startedAt, shop.settings.timeZone).replaceAll("-", "");
  for (let index = 0; index < orderNumberTriesMax; index++) {
    const random = deriveBase32(`${orderId}/${index}`, orderNumberCharacters);
    const number = `${shop.settings.orderNumberPrefix}-${day}-${random}`;
    try {
      await shop.engine.execute(
        claim,
        claimId("orderNumber", number),
        "Claim",
        { holder: orderId },
        stepContext(context, orderId, "number", index),
      );
      return number;
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "already_exists") throw error;
    }
  }
  throw new Problem("too_much_contention", "no order number is free; try again");
}

async function place(shop: Shop, attempt: Attempt, number: string, context: ProcessContext): Promise<void> {
  const { orderId, paymentId, cartId, currency, request, lines } = attempt;
  const { quote, payment: paid, shippingMethod, email, customerId, ...addresses } = request;
  const priced = priceOrder(lines, quote.shipping, quote.tax);
  if (priced.totals.total !== quote.total)
    throw new Problem("price_changed", `quoted ${quote.total}, priced ${priced.totals.total} minor units`);
  const orderLines = lines.map(({ lineId: _, ...line }, index) => {
    const amounts = priced.lines[index];
    if (!amounts) throw new Error("a line was not priced");
    return { ...line, ...amounts };
  });
  await shop.engine.execute(
    order,
    orderId,
    "Place",
    {
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
    },
    stepContext(context, orderId, "place"),
  );
}

/** Extends the reservations once while the customer acts; later gives up. */
async function keepWaiting(shop: Shop, attempt: Attempt, context: ProcessContext): Promise<void> {
  const { orderId, startedAt, demand } = attempt;
  const holdMs = shop.settings.reservationMs;
  const waitedMs = context.clock() - startedAt;
  if (waitedMs >= holdMs * (1 + extensionsMax))
    throw new Problem("payment_declined", "the payment was not completed in time");
  if (waitedMs < holdMs / 2) return;
  await Promise.all(
    demand.map(([sku]) =>
      shop.engine.execute(
        stock,
        sku,
        "Extend",
        { reservationId: orderId, holdMs: startedAt + holdMs * (1 + extensionsMax) - context.clock() },
        stepContext(context, orderId, "extend", sku),
      ),
    ),
  );
}

async function finish(shop: Shop, attempt: Attempt, context: ProcessContext): Promise<void> {
  const { orderId, cartId, paymentId, request } = attempt;
  const free = request.quote.total === 0;
  const capturesNow = shop.settings.capture === "checkout" && needsGateway(attempt);
  // Cancelled since it was confirmed: there is nothing to capture, and the cart has become an order all the same.
  const cancelled = await shop.engine.read(
    order,
    orderId,
    (state) => state.phase === "placed" && state.status === "cancelled",
  );
  if (!cancelled && (free || capturesNow)) await capturePayment(shop, paymentId, context);
  await shop.engine.execute(cart, cartId, "Convert", { orderId }, stepContext(context, orderId, "convert"));
}

/** Backwards: the order first, for its stream decides; the cart last, for it ends the checkout. */
async function undo(shop: Shop, attempt: Attempt, why: Problem, context: ProcessContext): Promise<void> {
  const { orderId, paymentId, cartId, demand } = attempt;
  const reason = `checkout failed: ${why.code}`;
  const placed = await shop.engine.read(order, orderId, ({ phase }) => phase === "placed");
  if (placed) {
    if (why.code === "payment_declined")
      await shop.engine.execute(
        order,
        orderId,
        "MarkPaymentFailed",
        { reason: why.message },
        stepContext(context, orderId, "payment failed"),
      );
    await shop.engine.execute(
      order,
      orderId,
      "Cancel",
      { reason, onlyPending: true },
      stepContext(context, orderId, "undo"),
    );
  }
  await voidOrRefund(shop, paymentId, reason, context);
  await Promise.all(
    demand.map(([sku]) =>
      shop.engine.execute(
        stock,
        sku,
        "Release",
        { reservationId: orderId, reason },
        stepContext(context, orderId, "release", sku, context.clock()),
      ),
    ),
  );
  if (placed)
    await shop.engine.execute(
      order,
      orderId,
      "MarkEffectsApplied",
      { of: cancellationEffect },
      stepContext(context, orderId, "undone"),
    );
  await shop.engine.execute(
    cart,
    cartId,
    "FailCheckout",
    { orderId, code: why.code, detail: why.message, extras: { ...why.extras } },
    stepContext(context, orderId, "fail"),
  );
}

/** Whether a problem is a decision about this checkout, rather than trouble on the way to one. */
function isRefusal({ code }: Problem): boolean {
  return code !== "too_much_contention" && code !== "unavailable" && code !== "internal_error";
}

function knownCode(code: string): ProblemCode {
  return code in problems ? (code as ProblemCode) : "illegal_transition";
}
