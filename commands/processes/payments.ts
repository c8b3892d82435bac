import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import { isOver, openOf, total } from "../order/book.ts";
import { order } from "../order/order.ts";
import { type PlacedOrder, paymentsOf } from "../order/state.ts";
import { type Initiate, payment } from "../payment/payment.ts";
import { heldOf, type InitiatedPayment, manualGateway, type Payment, uncaptured } from "../payment/state.ts";
import { askAuthorization } from "./gateway-calls.ts";
import { type Process, type ProcessContext, processOf } from "./process.ts";
import { GatewaySilent, settlePayment, unlessSilent } from "./settle-payment.ts";
import type { Shop } from "./shop.ts";

export type Authorization =
  /** `reference` is what the gateway has just answered, and is not on the log yet. */
  | { status: "authorized"; reference: string | undefined; singleCapture?: true }
  /** The customer or the gateway has still to act. */
  | { status: "pending"; actionUrl: string | undefined };

/**
 * Asks the gateway to authorize, unless the log knows its answer already. What it declines, or wants the
 * customer to do, is recorded here; a yes is left to the caller, who may have to write more at once.
 * @param state the payment as it is known
 * @throws Problem payment_declined
 */
export async function authorize(
  process: Process,
  paymentId: string,
  initiate: Initiate,
  state: Payment,
): Promise<Authorization> {
  if (initiate.gateway === manualGateway) return { status: "authorized", reference: undefined };
  if (state.phase !== "absent" && state.givingBack !== undefined)
    throw new Problem("payment_declined", state.givingBack);
  switch (state.phase) {
    case "authorized":
    case "captured":
      return { status: "authorized", reference: undefined };
    case "failed":
      throw new Problem("payment_declined", state.failure ?? "the payment failed");
    case "voided":
      throw new Problem("payment_declined", "the payment was voided");
    case "action_required":
      return { status: "pending", actionUrl: state.actionUrl };
    case "absent":
    case "initiated":
      return ask(process, paymentId, initiate);
  }
}

async function ask(process: Process, paymentId: string, initiate: Initiate): Promise<Authorization> {
  const { amount, currency, token } = initiate;
  const request = { idempotencyKey: paymentId, paymentId, amount, currency, token };
  const result = await askAuthorization(process.shop, request);
  switch (result?.status) {
    case undefined:
      await process.once([paymentId, "initiate"], payment, paymentId, "Initiate", initiate);
      return { status: "pending", actionUrl: undefined };
    case "authorized":
      return result;
    case "declined": {
      const { reason } = result;
      await process.again(payment, paymentId, "Fail", { reason, initiate });
      throw new Problem("payment_declined", reason);
    }
    case "action_required": {
      const { actionUrl } = result;
      await process.again(payment, paymentId, "RequireAction", { actionUrl, initiate });
      return { status: "pending", actionUrl };
    }
  }
}

const nothingLeft = "nothing is left to be paid";

/** A capture that staff ask for. */
export interface Capture {
  /** Of its command: a retry is the same capture. */
  movementId: string;
  /** Minor units; what its order has still to pay, when it is left out. */
  amount?: number | undefined;
}

/**
 * Captures what an order has still to pay, or a part of it; a transfer or cash that has come in is booked. The order
 * hears of it. A gateway that refuses leaves the payment authorized, with CaptureFailed on record; one that does not
 * answer leaves the capture open. Both are tried again by the payment's task.
 * @throws Problem illegal_transition when there is nothing to capture, or less of what a gateway holds
 */
export async function capturePayment(
  shop: Shop,
  paymentId: string,
  { movementId, amount }: Capture,
  context: ProcessContext,
): Promise<void> {
  const process = processOf(shop, paymentId, context);
  const state = await initiatedPayment(shop, paymentId);
  const isByHand = state.gateway === manualGateway;
  const open = await openBalance(shop, state.orderId);
  const asked =
    amount ?? (isByHand ? (open ?? state.amount) : Math.min(open ?? uncaptured(state), uncaptured(state)));
  if (asked === 0) throw illegalTransition(nothingLeft);
  const most = mostToCapture(state, open);
  if (asked > most) throw illegalTransition(`${most} minor units have still to be paid, not ${asked}`);
  if (isByHand) {
    const booked = { captureId: movementId, amount: asked, after: state.captured };
    await process.decide(payment, paymentId, "Book", booked);
  } else {
    const part = asked < uncaptured(state) && { amount: asked };
    await process.decide(payment, paymentId, "RequestCapture", { movementId, ...part });
  }
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
}

/**
 * What comes when its order is over goes back, and what comes by a transfer though it is paid otherwise by now, or
 * less is due: no more of it than was once asked for.
 */
function mostToCapture(state: InitiatedPayment, open: number | undefined): number {
  if (open === undefined) return state.gateway === manualGateway ? state.amount : uncaptured(state);
  return state.method === "bank_transfer" ? Math.max(open, uncaptured(state)) : open;
}

/** What a capture was asked for again that was refused or not answered; nothing once nothing is to be paid. */
export async function captureRest(shop: Shop, paymentId: string, context: ProcessContext): Promise<void> {
  const process = processOf(shop, paymentId, context);
  const state = await initiatedPayment(shop, paymentId);
  const open = await openBalance(shop, state.orderId);
  const amount = Math.min(uncaptured(state), open ?? 0);
  if (open === 0) await process.again(payment, paymentId, "RequestRelease", { reason: nothingLeft });
  if (amount > 0 && state.gateway === manualGateway)
    await process.again(payment, paymentId, "Book", { captureId: "rest", amount, after: state.captured });
  if (amount > 0 && state.gateway !== manualGateway)
    await process.again(payment, paymentId, "RequestCapture", { amount });
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
}

/**
 * Captures what has to be paid before pieces may leave, from payments that were authorized, oldest first.
 * @param movementId of the shipment that waits for it: another try has another
 * @throws Problem payment_declined when the gateway refuses; unavailable when it does not answer
 */
export async function captureFor(
  shop: Shop,
  order: PlacedOrder,
  { movementId, amount }: { movementId: string; amount: number },
  context: ProcessContext,
): Promise<void> {
  let missing = amount;
  for (const paymentId of paymentsOf(order)) {
    const process = processOf(shop, paymentId, context);
    // What was captured beside this one: the order may not have heard of it yet. A refund may be on its way.
    const capturedOf = (state: Payment) => (state.phase === "absent" ? 0 : state.captured);
    const known = await shop.engine.read(payment, paymentId, capturedOf);
    await settlePayment(shop, paymentId, context).catch(unlessSilent);
    const before = await shop.engine.read(payment, paymentId, (state) => state);
    missing = Math.max(0, missing - (capturedOf(before) - known));
    if (missing === 0 || before.phase !== "authorized") continue;
    const part = before.singleCapture ? uncaptured(before) : Math.min(missing, uncaptured(before));
    const asked = { movementId, amount: part, once: true as const };
    await process.again(payment, paymentId, "RequestCapture", asked);
    await settlePayment(shop, paymentId, context).catch(unlessSilent);
    const after = await initiatedPayment(shop, paymentId);
    if (after.capturing) throw new GatewaySilent();
    if (after.captured === before.captured)
      throw new Problem("payment_declined", after.failure ?? "the gateway did not capture the payment");
    missing = Math.max(0, missing - (after.captured - before.captured));
  }
}

/** What an order has still to pay; undefined for one that is not there, or is over. */
export function openBalance({ engine }: Shop, orderId: string): Promise<number | undefined> {
  return engine.read(order, orderId, (state) =>
    state.phase === "placed" && !isOver(state.book) ? openOf(state.book) : undefined,
  );
}

/** Once nothing is left to leave or to be paid, what was authorized and not captured is the customer's again. */
export async function releaseRest(process: Process, order: PlacedOrder): Promise<void> {
  const { book } = order;
  if (!book.confirmed || total(book, "toShip", "failed") > 0) return;
  if (openOf(book) > 0 && !isOver(book)) return;
  await releaseThose(process, order, nothingLeft, (state) => heldOf(state) > 0);
}

/** What gateways hold by some of an order's payments is the customer's again. */
export async function releaseThose(
  { shop, again, context }: Process,
  order: PlacedOrder,
  reason: string,
  isOne: (state: InitiatedPayment) => boolean,
): Promise<void> {
  for (const [paymentId, state] of await paymentsIn(shop, order)) {
    if (!isOne(state)) continue;
    await again(payment, paymentId, "RequestRelease", { reason });
    await settlePayment(shop, paymentId, context).catch(unlessSilent);
  }
}

/** What the payments of an order are by now, oldest first; without those that no gateway was ever asked for. */
export async function paymentsIn(
  { engine }: Shop,
  order: PlacedOrder,
): Promise<[paymentId: string, state: InitiatedPayment][]> {
  const known: [string, InitiatedPayment][] = [];
  for (const id of paymentsOf(order)) {
    const state = await engine.read(payment, id, (state) => state);
    if (state.phase !== "absent") known.push([id, state]);
  }
  return known;
}

/** What gateways hold of an order's money and have not moved, in minor units; without one of its payments. */
export async function heldFor(shop: Shop, placed: PlacedOrder, except?: string): Promise<number> {
  const others = (await paymentsIn(shop, placed)).filter(([id]) => id !== except);
  return others.reduce((sum, [, state]) => sum + (state.releasing === undefined ? heldOf(state) : 0), 0);
}

/** @throws Problem not_found */
async function initiatedPayment({ engine }: Shop, paymentId: string): Promise<InitiatedPayment> {
  const state = await engine.read(payment, paymentId, (state) => state);
  if (state.phase === "absent") throw notFound("payment", paymentId);
  return state;
}

/** Cash that a carrier has taken. */
export async function bookCash(
  process: Process,
  paymentId: string,
  captureId: string,
  amount: number,
): Promise<void> {
  await process.once(["book", captureId], payment, paymentId, "Book", { captureId, amount });
  await settlePayment(process.shop, paymentId, process.context);
}

/** All that the payment has taken, or will turn out to have taken, is to go back; the log says so first. */
export async function giveBack(
  process: Process,
  paymentId: string,
  reason: string,
  initiate?: Initiate,
): Promise<void> {
  const command = { reason, ...(initiate && { initiate }) };
  await process.again(payment, paymentId, "GiveBack", command);
}
