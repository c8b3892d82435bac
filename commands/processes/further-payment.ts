import { illegalTransition, Problem } from "../../src/values/problem.ts";
import type { PaymentMethod } from "../cart/events.ts";
import { isOver, openOf, total } from "../order/book.ts";
import { order } from "../order/order.ts";
import { payment } from "../payment/payment.ts";
import { isRefused, manualGateway, uncaptured } from "../payment/state.ts";
import { isByGateway } from "./checkout-attempt.ts";
import { placedOrder } from "./fulfilment.ts";
import { authorize, giveBack, heldFor, releaseThose } from "./payments.ts";
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
    const open = openOf(placed.book);
    // More may be open again than is left of the payment: a bank has taken back what was captured.
    const isDue = open >= uncaptured(state);
    // What is captured at once is asked for with it: of what is only held, nobody would know that it should be.
    const capture = atOnce && open > 0 ? { amount: isDue ? undefined : open } : undefined;
    if (authorization) await recordAuthorization(process, paymentId, { ...authorization, capture });
    if (authorization && !isDue && (atOnce || open === 0)) await releaseLeft(process, paymentId);
  }
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
}

async function recordAuthorization(
  process: Process,
  paymentId: string,
  { reference, singleCapture, capture }: Authorized,
): Promise<void> {
  if (reference !== undefined)
    await process.again(payment, paymentId, "Authorize", { reference, singleCapture, capture });
  else if (capture) await process.again(payment, paymentId, "RequestCapture", capture);
}

/** Less was open by then than it was made for: the rest is the customer's. */
async function releaseLeft(process: Process, paymentId: string): Promise<void> {
  await settlePayment(process.shop, paymentId, process.context).catch(unlessSilent);
  await process.again(payment, paymentId, "RequestRelease", { reason: "it was paid otherwise" });
}

interface Authorized {
  /** Undefined where the log knows of it. */
  reference: string | undefined;
  singleCapture?: true;
  /** All of it without an amount. */
  capture: { amount: number | undefined } | undefined;
}

/** The payment's stream says so. */
function unlessDeclined(error: unknown): undefined {
  if (!(error instanceof Problem) || error.code !== "payment_declined") throw error;
}
