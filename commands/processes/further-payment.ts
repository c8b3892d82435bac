import { isoTime } from "../../src/values/clock.ts";
import { illegalTransition, Problem } from "../../src/values/problem.ts";
import type { PaymentMethod } from "../cart/events.ts";
import { isOver, openOf } from "../order/book.ts";
import { order } from "../order/order.ts";
import { type PlacedOrder, paymentsOf } from "../order/state.ts";
import { payment } from "../payment/payment.ts";
import { heldOf, manualGateway } from "../payment/state.ts";
import { isByGateway } from "./checkout-attempt.ts";
import { placedOrder } from "./fulfilment.ts";
import { authorize, endPayment } from "./payments.ts";
import { isRefusal, type Process, type ProcessContext, processOf } from "./process.ts";
import { settlePayment, unlessSilent } from "./settle-payment.ts";
import type { Shop } from "./shop.ts";

export interface FurtherPayment {
  paymentId: string;
  method: PaymentMethod;
  token?: string | undefined;
}

/**
 * Pays what is still open of an order: beside what was captured, and what gateways hold for it.
 * What the gateway says of it is on the payment's stream.
 * @throws Problem illegal_transition when nothing is open
 */
export async function addPayment(
  shop: Shop,
  orderId: string,
  { paymentId, method, token }: FurtherPayment,
  context: ProcessContext,
): Promise<void> {
  const placed = await placedOrder(shop, orderId);
  const process = processOf(shop, orderId, context);
  if (!placed.added.has(paymentId)) {
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
    const { transferMs } = shop.settings;
    const waits = method === "bank_transfer" && transferMs > 0;
    const added = {
      paymentId,
      method,
      amount: begun.amount,
      ...(waits && { payBy: isoTime(process.now() + transferMs) }),
    };
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
    await endPayment(process, paymentId, placed, "the order was cancelled");
  } else {
    const authorization = await authorize(process, paymentId, state, state).catch(unlessDeclined);
    if (authorization?.status !== "authorized") return;
    const { reference, singleCapture } = authorization;
    if (reference !== undefined)
      await process.again(payment, paymentId, "Authorize", { reference, singleCapture });
    if (shop.settings.capture === "checkout") await process.again(payment, paymentId, "RequestCapture", {});
  }
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
}

/** The payment's stream says so. */
function unlessDeclined(error: unknown): undefined {
  if (!(error instanceof Problem) || error.code !== "payment_declined") throw error;
}

async function heldFor({ engine }: Shop, placed: PlacedOrder): Promise<number> {
  const held = paymentsOf(placed).map((id) =>
    engine.read(payment, id, (state) => (state.phase === "absent" ? 0 : heldOf(state))),
  );
  return (await Promise.all(held)).reduce((sum, amount) => sum + amount, 0);
}
