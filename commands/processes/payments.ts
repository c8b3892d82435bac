import type { AuthorizationResult, MoneyResult } from "../../src/gateways/gateway.ts";
import { noStream } from "../../src/stores/event-store/event-store.ts";
import { Problem } from "../../src/values/problem.ts";
import { isOver } from "../order/book.ts";
import { order } from "../order/order.ts";
import { paymentIdOf } from "../order/state.ts";
import { type Initiate, payment } from "../payment/payment.ts";
import {
  type InitiatedPayment,
  manualGateway,
  type Payment,
  type Refund,
  refundable,
} from "../payment/state.ts";
import { askAuthorization, lookUp, moveMoney } from "./gateway-calls.ts";
import { type Process, type ProcessContext, processOf, stepId } from "./process.ts";
import type { Shop } from "./shop.ts";

export type Authorization =
  /** `reference` is what the gateway has just answered, and is not on the log yet. */
  | { status: "authorized"; reference: string | undefined }
  /** The customer or the gateway has still to act. */
  | { status: "pending"; actionUrl: string | undefined };

/** What was not answered is done again later, by the task of the payment. */
export class GatewaySilent extends Problem {
  constructor() {
    super("unavailable", "the payment gateway does not answer");
  }
}

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

/**
 * Captures all that was authorized, or books a transfer or cash that came in, and marks the order paid.
 * A gateway that refuses leaves the payment authorized, with CaptureFailed on record; one that does not answer
 * leaves the capture open. Both are tried again by the payment's task.
 * @returns whether the money is captured
 * @throws Problem illegal_transition when there is nothing to capture
 */
export async function capturePayment(
  shop: Shop,
  paymentId: string,
  context: ProcessContext,
  request: "decide" | "again" = "again",
): Promise<boolean> {
  const process = processOf(shop, paymentId, context);
  await process[request](payment, paymentId, "RequestCapture", {});
  await settlePayment(shop, paymentId, context).catch(unlessSilent);
  return shop.engine.read(payment, paymentId, ({ phase }) => phase === "captured", context.asOf);
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

/**
 * Does what the payment's stream says is open: a capture, a void, refunds, and telling the order of it. Every
 * movement has an id of its own for the gateway, so doing it again, or twice at once, moves no money twice.
 * @throws Problem unavailable when the gateway does not answer: it stays open
 */
export async function settlePayment(shop: Shop, paymentId: string, context: ProcessContext): Promise<void> {
  const process = processOf(shop, paymentId, context);
  for (let before = noStream; ; ) {
    const found = (state: Payment, revision: number) => ({ state, revision });
    const { state, revision } = await shop.engine.read(payment, paymentId, found, context.asOf);
    if (state.phase === "absent") return;
    if (revision === before) throw new Error(`payment ${paymentId} has something open that does not end`);
    before = revision;
    if (!(await settleNext(process, paymentId, state))) break;
  }
  await tellOrder(process, paymentId);
}

export function unlessSilent(error: unknown): void {
  if (!(error instanceof GatewaySilent)) throw error;
}

/** @returns false when nothing is open any more */
async function settleNext(process: Process, paymentId: string, state: InitiatedPayment): Promise<boolean> {
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
  for (const [refundId, refund] of state.refunds) {
    if (refund.status !== "pending") continue;
    await settleRefund(process, paymentId, state, refundId, refund);
    return true;
  }
  return false;
}

async function settleCapture(
  process: Process,
  paymentId: string,
  state: InitiatedPayment,
  movementId: string,
): Promise<void> {
  const result = await captureAtGateway(process.shop, paymentId, state, movementId);
  if (!result) throw new GatewaySilent();
  if (result.status === "done")
    await process.once(["captured", movementId], payment, paymentId, "Capture", {});
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
  if (!captured) throw new GatewaySilent();
  return captured.status === "done";
}

async function settleVoid(
  process: Process,
  paymentId: string,
  state: InitiatedPayment,
  reason: string,
): Promise<void> {
  const { shop } = process;
  const { phase, orphaned, amount, currency, reference } = state;
  if (phase === "captured") {
    await process.again(payment, paymentId, "GiveBack", { reason });
    return;
  }
  if (phase === "initiated") return settleUnanswered(process, paymentId, state, reason);
  if (reference !== undefined && (phase === "authorized" || orphaned)) {
    const request = { idempotencyKey: `${paymentId}/void/${reference}`, reference, amount, currency };
    const voided = await moveMoney(shop, () => shop.gateway.void(request));
    if (!voided) throw new GatewaySilent();
    if (voided.status === "refused" && (voided.isCaptured || (await isCaptured(shop, paymentId, state)))) {
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

async function settleRefund(
  process: Process,
  paymentId: string,
  { gateway, reference = "", currency }: InitiatedPayment,
  refundId: string,
  { amount }: Refund,
): Promise<void> {
  const { shop } = process;
  const request = { idempotencyKey: `${paymentId}/refund/${refundId}`, reference, amount, currency };
  const manual: MoneyResult = { status: "done", reference: `manual/${refundId}` };
  const result =
    gateway === manualGateway ? manual : await moveMoney(shop, () => shop.gateway.refund(request));
  if (!result) throw new GatewaySilent();
  if (result.status === "refused")
    await process.again(payment, paymentId, "FailRefund", { refundId, reason: result.reason });
  else await process.again(payment, paymentId, "SucceedRefund", { refundId, reference: result.reference });
}

/** The command that tells an order that its payment was captured, by one of several captures or at once. */
export function paidStep(orderId: string, captureId = ""): string {
  return stepId(paymentIdOf(orderId), ...paidNames(captureId));
}

const paidNames = (captureId: string) => (captureId === "" ? ["paid"] : ["paid", captureId]);

/** The command that books what the gateway has captured. */
export function capturedStep(paymentId: string, movementId: string): string {
  return stepId(paymentId, "captured", movementId);
}

/** The command that tells an order of a refund. */
export function refundedStep(paymentId: string, refundId: string): string {
  return stepId(paymentId, "refunded", refundId);
}

/** The order's books follow the payment's. */
async function tellOrder(process: Process, paymentId: string): Promise<void> {
  const { asOf } = process.context;
  const state = await process.shop.engine.read(payment, paymentId, (state) => state, asOf);
  if (state.phase === "absent") return;
  const { orderId, booked, phase, refunds } = state;
  const known = await process.shop.engine.read(order, orderId, (order) => order, asOf);
  // Not placed yet: whoever places it tells it.
  if (known.phase === "absent") return;
  const over = known.phase === "refused" || isOver(known.book);
  if (phase === "captured" && over) await process.once(["told"], payment, paymentId, "MarkTold", {});
  for (const [captureId, amount] of over ? [] : booked) {
    if (known.phase === "placed" && known.captures.has(captureId)) continue;
    const paid = { amount, ...(captureId !== "" && { captureId }) };
    await process.once(paidNames(captureId), order, orderId, "MarkPaid", paid);
  }
  for (const [refundId, { status, amount, cause, failure = "" }] of refunds) {
    if (status === "pending") continue;
    if (known.phase === "placed" && known.refunds.has(refundId)) continue;
    if (status === "failed") {
      if (known.phase === "placed" && known.unpaid.has(refundId)) continue;
      await process.again(order, orderId, "WithdrawCredit", { refundId, reason: failure });
      continue;
    }
    const told = { refundId, amount, cause };
    await process.once(["refunded", refundId], order, orderId, "MarkRefunded", told);
  }
}
