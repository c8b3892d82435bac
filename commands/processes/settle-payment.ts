import type { AuthorizationResult, MoneyResult } from "../../src/gateways/gateway.ts";
import { noStream } from "../../src/stores/event-store/event-store.ts";
import { Problem } from "../../src/values/problem.ts";
import { isEnded } from "../order/book.ts";
import { order } from "../order/order.ts";
import { nameAt, type PlacedOrder, paymentsOf, type RefusedOrder } from "../order/state.ts";
import { payment } from "../payment/payment.ts";
import {
  heldOf,
  type InitiatedPayment,
  isRefused,
  isUnderWay,
  manualGateway,
  type Payment,
  type Refund,
  refundable,
  uncaptured,
} from "../payment/state.ts";
import { lookUp, moveMoney } from "./gateway-calls.ts";
import { type Process, type ProcessContext, processOf, stepId } from "./process.ts";
import type { Shop } from "./shop.ts";

/** What was not answered is done again later, by the task of the payment. */
export class GatewaySilent extends Problem {
  /** It has answered, and the rest takes its time: nothing has failed. */
  readonly waits: boolean;

  constructor(detail = "the payment gateway does not answer", waits = false) {
    super("unavailable", detail);
    this.waits = waits;
  }
}

/**
 * Does what the payment's stream says is open: a capture, a void, refunds, and telling the order of it. Every
 * movement has an id of its own for the gateway, so doing it again, or twice at once, moves no money twice.
 * @throws Problem unavailable when the gateway does not answer: it stays open
 */
export async function settlePayment(shop: Shop, paymentId: string, context: ProcessContext): Promise<void> {
  const process = processOf(shop, paymentId, context);
  const waiting = new Set<string>();
  for (let before = noStream; ; ) {
    const found = (state: Payment, revision: number) => ({ state, revision });
    const { state, revision } = await shop.engine.read(payment, paymentId, found, context.asOf);
    if (state.phase === "absent") return;
    if (revision === before && waiting.size === 0)
      throw new Error(`payment ${paymentId} has something open that does not end`);
    before = revision;
    if (await settleNext(process, paymentId, state, waiting)) continue;
    if (!(await tellOrder(process, paymentId))) break;
  }
  if (waiting.size > 0) throw new GatewaySilent(`${waiting.size} refunds are on their way`, true);
}

export function unlessSilent(error: unknown): void {
  if (!(error instanceof GatewaySilent)) throw error;
}

/**
 * @param waiting refunds that the gateway says are on their way; one more is noted here
 * @returns false when nothing is open any more but those
 */
async function settleNext(
  process: Process,
  paymentId: string,
  state: InitiatedPayment,
  waiting: Set<string>,
): Promise<boolean> {
  if (state.capturing !== undefined && state.phase === "authorized") {
    await settleCapture(process, paymentId, state, state.capturing);
    return true;
  }
  // Of what was captured, all may be on its way back by refunds that were asked for before.
  const goesBack = state.phase !== "captured" || refundable(state) > 0;
  if ((state.givingBack !== undefined && goesBack) || state.orphaned) {
    await settleVoid(process, paymentId, state, state.givingBack ?? "authorized too late");
    return true;
  }
  if (state.releasing !== undefined) {
    await settleRelease(process, paymentId, state, state.releasing);
    return true;
  }
  for (const [refundId, refund] of state.refunds) {
    if (refund.status !== "pending" || waiting.has(refundId)) continue;
    const answered = await settleRefund(process, paymentId, state, refundId, refund);
    if (!answered) waiting.add(refundId);
    return true;
  }
  if (state.stray === undefined) return false;
  await settleStray(process, paymentId, state, state.stray);
  return true;
}

async function settleCapture(
  process: Process,
  paymentId: string,
  state: InitiatedPayment,
  { movementId, amount }: { movementId: string; amount: number },
): Promise<void> {
  const result = await captureAtGateway(process.shop, paymentId, { ...state, amount }, movementId);
  if (!result || result.status === "pending") throw new GatewaySilent();
  if (result.status === "done")
    await process.once(["captured", movementId], payment, paymentId, "Capture", { movementId });
  else await process.again(payment, paymentId, "FailCapture", { movementId, reason: result.reason });
}

function captureAtGateway(
  shop: Shop,
  paymentId: string,
  { amount, currency, reference = "" }: InitiatedPayment,
  movementId: string,
): Promise<MoneyResult | undefined> {
  const request = { idempotencyKey: `${paymentId}/${movementId}`, reference, amount, currency };
  return moveMoney(shop, () => shop.gateway.capture(request));
}

/** Capturing with the key of the capture that may have been moves nothing then, and tells. */
async function isCaptured(shop: Shop, paymentId: string, state: InitiatedPayment): Promise<boolean> {
  if (state.phase !== "authorized") return false;
  const captured = await captureAtGateway(shop, paymentId, state, "capture");
  if (!captured || captured.status === "pending") throw new GatewaySilent();
  return captured.status === "done";
}

/** What is left of an authorization. One that the gateway does not give back any more is none. */
async function settleRelease(
  process: Process,
  paymentId: string,
  state: InitiatedPayment,
  reason: string,
): Promise<void> {
  const { currency, reference = "" } = state;
  const request = { idempotencyKey: `${paymentId}/void/${reference}`, reference, currency };
  const amount = heldOf(state);
  if (amount > 0) {
    const released = await moveMoney(process.shop, () => process.shop.gateway.void({ ...request, amount }));
    if (!released || released.status === "pending") throw new GatewaySilent();
    // By itself, and more than was asked for: it goes back once the order has heard of it.
    if (released.status === "refused" && released.isCaptured)
      await process.again(payment, paymentId, "Capture", {});
  }
  await process.again(payment, paymentId, "Release", { reason });
}

/** A second authorization is given back; one that the gateway has captured by itself, by a refund of its own. */
async function settleStray(
  process: Process,
  paymentId: string,
  { amount, currency }: InitiatedPayment,
  reference: string,
): Promise<void> {
  const request = { idempotencyKey: `${paymentId}/void/${reference}`, reference, amount, currency };
  const voided = await moveMoney(process.shop, () => process.shop.gateway.void(request));
  if (!voided || voided.status === "pending") throw new GatewaySilent();
  if (voided.status === "refused" && voided.isCaptured) {
    const back = { ...request, idempotencyKey: `${paymentId}/refund/${reference}` };
    const refunded = await moveMoney(process.shop, () => process.shop.gateway.refund(back));
    if (refunded?.status !== "done")
      throw new GatewaySilent(`the second authorization ${reference} was captured: see that it goes back`);
  }
  const given = { reason: "authorized twice", reference };
  await process.again(payment, paymentId, "ReleaseStray", given);
}

async function settleVoid(
  process: Process,
  paymentId: string,
  state: InitiatedPayment,
  reason: string,
): Promise<void> {
  const { shop } = process;
  const { phase, orphaned, captured, currency, reference } = state;
  const amount = uncaptured(state);
  if (phase === "captured") {
    await process.again(payment, paymentId, "GiveBack", { reason });
    return;
  }
  if (phase === "initiated") return settleUnanswered(process, paymentId, state, reason);
  if (reference !== undefined && (phase === "authorized" || orphaned)) {
    const request = { idempotencyKey: `${paymentId}/void/${reference}`, reference, amount, currency };
    const voided = await moveMoney(shop, () => shop.gateway.void(request));
    if (!voided || voided.status === "pending") throw new GatewaySilent();
    // Of what was captured in part, whether the rest is, too, is not asked for: that would capture it.
    const refused = voided.status === "refused";
    if (refused && (voided.isCaptured || (captured === 0 && (await isCaptured(shop, paymentId, state))))) {
      await process.again(payment, paymentId, "Capture", {});
      return;
    }
  }
  await recordVoid(process, paymentId, { reason, reference });
}

/** Whether anything was authorized is asked for until the gateway can no longer change its mind. */
async function settleUnanswered(
  process: Process,
  paymentId: string,
  { initiatedAt }: InitiatedPayment,
  reason: string,
): Promise<void> {
  const { shop } = process;
  const result: AuthorizationResult | null | undefined = await lookUp(shop, paymentId);
  if (result?.status === "authorized") {
    await process.again(payment, paymentId, "Authorize", { reference: result.reference });
    return;
  }
  const final = process.now() >= initiatedAt + shop.gateway.finalMs;
  if (result === undefined || (result === null && !final)) throw new GatewaySilent();
  await recordVoid(process, paymentId, { reason, reference: undefined });
}

/** Where it was authorized in this moment, there is something to void: the payment is looked at again. */
async function recordVoid(
  process: Process,
  paymentId: string,
  voided: { reason: string; reference: string | undefined },
): Promise<void> {
  try {
    await process.again(payment, paymentId, "Void", voided);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "too_much_contention") throw error;
    const isSame = ({ reference }: InitiatedPayment) => reference === voided.reference;
    const now = await process.shop.engine.read(payment, paymentId, (state) => state);
    // Many write this payment at once, which says nothing of it.
    if (now.phase === "absent" || isSame(now)) throw error;
  }
}

/** @returns false while the gateway says that it is on its way */
async function settleRefund(
  process: Process,
  paymentId: string,
  { gateway, reference = "", currency }: InitiatedPayment,
  refundId: string,
  { amount, manual: byHand }: Refund,
): Promise<boolean> {
  const { shop } = process;
  const request = { idempotencyKey: `${paymentId}/refund/${refundId}`, reference, amount, currency };
  const manual: MoneyResult = { status: "done", reference: `manual/${refundId}` };
  const result =
    gateway === manualGateway || byHand ? manual : await moveMoney(shop, () => shop.gateway.refund(request));
  if (!result) throw new GatewaySilent();
  if (result.status === "pending") return false;
  if (result.status === "refused")
    await process.again(payment, paymentId, "FailRefund", { refundId, reason: result.reason });
  else await process.again(payment, paymentId, "SucceedRefund", { refundId, reference: result.reference });
  return true;
}

/** The command that tells an order that a payment was captured, by one of several captures or at once. */
export function paidStep(paymentId: string, captureId = ""): string {
  return stepId(paymentId, ...paidNames(captureId));
}

const paidNames = (captureId: string) => (captureId === "" ? ["paid"] : ["paid", captureId]);

/** The command that books what the gateway has captured. */
export function capturedStep(paymentId: string, movementId: string): string {
  return stepId(paymentId, "captured", movementId);
}

/** The commands that tell an order what has become of a refund. */
export function refundSteps(order: PlacedOrder, ...refundIds: readonly string[]): string[] {
  return paymentsOf(order).flatMap((paymentId) =>
    refundIds.flatMap((refundId) => [
      stepId(paymentId, "refunded", refundId),
      stepId(paymentId, "withdrawn", refundId),
    ]),
  );
}

/** Before the names of refunds that no order has promised: of money that came in after its end. */
export const latePrefix = "late-";

/** What a payment has captured, and its order, which is over, has never heard of. */
function unheardOf({ booked }: InitiatedPayment, order: PlacedOrder, paymentId: string | undefined): number {
  const unheard = [...booked].filter(([captureId]) => !order.captures.has(nameAt(captureId, paymentId)));
  return unheard.reduce((sum, [, amount]) => sum + amount, 0);
}

/** What an order that is over never heard of goes back, if it does not anyhow. @returns whether there is any */
async function refundLate(
  process: Process,
  paymentId: string,
  state: InitiatedPayment,
  over: PlacedOrder | RefusedOrder,
): Promise<boolean> {
  // What a gateway has refused to give back is staff's to see to.
  const failed = [...state.refunds.values()].filter(
    ({ status }) => status === "failed" || status === "rejected",
  );
  const refused = failed.reduce((sum, { amount }) => sum + amount, 0);
  let left = state.givingBack === undefined ? Math.max(0, refundable(state) - refused) : 0;
  const before = left;
  for (const [index, [captureId, captured]] of [...state.booked].entries()) {
    const its = over.phase === "placed" && over.paymentId !== paymentId ? paymentId : undefined;
    const isHeard = over.phase === "placed" && over.captures.has(nameAt(captureId, its));
    const refundId = `${latePrefix}${state.orderId}-${index + 1}`;
    const amount = isHeard || state.refunds.has(refundId) ? 0 : Math.min(captured, left);
    if (amount === 0) continue;
    left -= amount;
    const refund = { refundId, amount, reason: "paid after its order had ended" };
    await process.again(payment, paymentId, "RequestRefund", { ...refund, cause: "cancellation" });
  }
  return left < before;
}

/** What an order calls the money of a dispute that was lost: it has gone back. */
const disputePrefix = "dispute-";

/**
 * The order's books follow the payment's.
 * @returns whether something has to be settled for it: money that came in after its order had ended
 */
async function tellOrder(process: Process, paymentId: string): Promise<boolean> {
  const { asOf } = process.context;
  const state = await process.shop.engine.read(payment, paymentId, (state) => state, asOf);
  if (state.phase === "absent") return false;
  const { orderId, booked, told, refunds, disputes } = state;
  const known = await process.shop.engine.read(order, orderId, (order) => order, asOf);
  // Not placed yet: whoever places it tells it.
  if (known.phase === "absent") return false;
  // A payment that was added goes by its name there.
  const its = known.phase === "placed" && known.paymentId !== paymentId ? { paymentId } : {};
  const over = known.phase === "refused" || isEnded(known.book);
  if (booked.size > told && over) {
    const isLate = await refundLate(process, paymentId, state, known);
    await process.again(payment, paymentId, "MarkTold", {});
    if (isLate) return true;
  }
  for (const [captureId, amount] of over ? [] : booked) {
    if (known.phase === "placed" && known.captures.has(nameAt(captureId, its.paymentId))) continue;
    const paid = { amount, ...(captureId !== "" && { captureId }), ...its };
    await process.once(paidNames(captureId), order, orderId, "MarkPaid", paid);
  }
  const late = over && known.phase === "placed" ? unheardOf(state, known, its.paymentId) : 0;
  const { phase, failure: refusal } = state;
  if (refusal !== undefined && (phase === "failed" || isRefused(state)))
    await process.again(order, orderId, "FailPayment", { reason: refusal });
  for (const [refundId, { status, amount, cause, failure = "" }] of refunds) {
    if (isUnderWay({ status })) continue;
    const name = nameAt(refundId, its.paymentId);
    if (known.phase === "placed" && known.refunds.has(name)) continue;
    if (status !== "succeeded") {
      if (known.phase === "placed" && known.unpaid.has(name)) continue;
      const by = status === "rejected" && { rejected: true as const };
      const withdrawn = { refundId, amount, reason: failure, ...its, ...by, late };
      await process.once(["withdrawn", refundId], order, orderId, "WithdrawCredit", withdrawn);
      continue;
    }
    const refunded = { refundId, amount, cause, ...its };
    await process.once(["refunded", refundId], order, orderId, "MarkRefunded", refunded);
  }
  for (const [disputeId, { status, amount }] of disputes) {
    const refundId = `${disputePrefix}${disputeId}`;
    if (status !== "lost") continue;
    if (known.phase === "placed" && known.refunds.has(nameAt(refundId, its.paymentId))) continue;
    const taken = { refundId, amount, cause: "dispute" as const, ...its };
    await process.once(["refunded", refundId], order, orderId, "MarkRefunded", taken);
  }
  return false;
}
