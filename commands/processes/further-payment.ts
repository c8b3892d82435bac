import { illegalTransition, Problem } from "../../src/values/problem.ts";
import type { PaymentMethod } from "../cart/events.ts";
import { isOver, openOf, total } from "../order/book.ts";
import { order } from "../order/order.ts";
import type { PlacedOrder } from "../order/state.ts";
import { payment } from "../payment/payment.ts";
import { heldOf, isRefused, manualGateway } from "../payment/state.ts";
import { isByGateway } from "./checkout-attempt.ts";
import { placedOrder } from "./fulfilment.ts";
import { authorize, giveBack, paymentsIn, releaseThose } from "./payments.ts";
import { isRefusal, type Process, type ProcessContext, processOf } from "./process.ts";
import { settlePayment, unlessSilent } from "./settle-payment.ts";
import type { Shop } from "./shop.ts";

export interface FurtherPayment {
  paymentId: string;
  method: PaymentMethod;
  token?: string | undefined;
  byStaff: boolean;
}

/**
 * Pays what is still open of an order: beside what was captured, and what gateways hold for it.
 * What the gateway says of it is on the payment's stream.
 * @throws Problem illegal_transition when nothing is open
 */
export async function addPayment(
  shop: Shop,
  orderId: string,
  { paymentId, method, token, byStaff }: FurtherPayment,
  context: ProcessContext,
): Promise<void> {
  const placed = await placedOrder(shop, orderId);
  const process = processOf(shop, orderId, context);
  if (!placed.added.has(paymentId)) {
    if (method === "cod") throw illegalTransition("cash is taken by the carrier of a parcel");
    // What a gateway has refused to capture holds nothing for the order.
    await releaseThose(process, placed, "paid otherwise", isRefused);
    const amount = isOver(placed.book) ? 0 : openOf(placed.book) - (await heldFor(shop, placed));
    if (amount <= 0) throw illegalTransition("nothing is left to be paid");
    const gateway = isByGateway(method) ? shop.gateway.name : manualGateway;
    const { currency } = placed;
    const of = { orderId, amount, currency, method, gateway, further: true as const };
    const initiate = { ...of, ...(token !== undefined && { token }) };
    // First, for the token is nowhere else: an order that knows of a payment can have it made.
    await process.once([paymentId, "initiate"], payment, paymentId, "Initiate", initiate);
    // Asked for again, it may have been begun for more, or have been refused.
    const begun = await shop.engine.read(payment, paymentId, (state) => state);
    if (begun.phase === "absent" || begun.phase === "failed")
      throw illegalTransition("the payment was refused: it takes another one");
    const added = { paymentId, method, amount: begun.amount, byStaff };
    await process.decide(order, orderId, "AddPayment", added).catch(async (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      if (isRefusal(error)) await process.again(payment, paymentId, "Fail", { reason });
      throw error;
    });
  }
  await pursue(process, paymentId);
}

/** Has a payment that was added authorized and, where payments are captured at checkout, captured. */
export async function pursue(process: Process, paymentId: string): Promise<void> {
  const { shop, context } = process;
  const state = await shop.engine.read(payment, paymentId, (state) => state);
  if (state.phase === "absent" || state.gateway === manualGateway) return;
  const placed = await placedOrder(shop, state.orderId);
  if (isOver(placed.book)) {
    // Money that was captured before goes back by the order's refunds, or is kept.
    if (state.captured === 0) await giveBack(process, paymentId, "the order was cancelled");
  } else {
    const authorization = await authorize(process, paymentId, state, state).catch(unlessDeclined);
    if (authorization?.status === "pending") return;
    // Where nothing is left to leave, nothing would wait for it.
    const atOnce = shop.settings.capture === "checkout" || total(placed.book, "toShip", "failed") === 0;
    const isDue = openOf(placed.book) >= state.amount;
    if (authorization)
      await recordAuthorization(process, paymentId, { ...authorization, atOnce: atOnce && isDue });
    if (authorization && !isDue && (atOnce || openOf(placed.book) === 0))
      await captureOpen(process, paymentId, placed);
  }
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
}

async function recordAuthorization(
  process: Process,
  paymentId: string,
  { reference, singleCapture, atOnce }: Authorized,
): Promise<void> {
  if (reference !== undefined)
    await process.again(payment, paymentId, "Authorize", { reference, singleCapture, capture: atOnce });
  else if (atOnce) await process.again(payment, paymentId, "RequestCapture", {});
}

/** Less is open by now than it was made for: that is captured, if anything, and the rest is the customer's. */
async function captureOpen(process: Process, paymentId: string, placed: PlacedOrder): Promise<void> {
  const { shop, context } = process;
  const amount = openOf(placed.book);
  if (amount > 0) await process.again(payment, paymentId, "RequestCapture", { amount });
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
  await process.again(payment, paymentId, "RequestRelease", { reason: "it was paid otherwise" });
}

interface Authorized {
  /** Undefined where the log knows of it. */
  reference: string | undefined;
  singleCapture?: true;
  atOnce: boolean;
}

/** The payment's stream says so. */
function unlessDeclined(error: unknown): undefined {
  if (!(error instanceof Problem) || error.code !== "payment_declined") throw error;
}

/** What gateways hold of an order's money and have not moved, in minor units. */
export async function heldFor(shop: Shop, placed: PlacedOrder): Promise<number> {
  return (await paymentsIn(shop, placed)).reduce(
    (sum, [, state]) => sum + (state.releasing === undefined ? heldOf(state) : 0),
    0,
  );
}
