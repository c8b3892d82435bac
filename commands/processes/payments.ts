import { setTimeout as sleep } from "node:timers/promises";
import {
  type AuthorizationResult,
  GatewayOutcomeUnknown,
  type MoneyResult,
  type PaymentRequest,
} from "../../src/gateways/gateway.ts";
import { Problem } from "../../src/values/problem.ts";
import { order, type RefundCause } from "../order/order.ts";
import { type InitiatedPayment, manualGateway, payment, refundable } from "../payment/payment.ts";
import { type ProcessContext, type Shop, stepContext } from "./shop.ts";

const gatewayTriesMax = 4;
const gatewayPauseMs = 100;

export type Authorization =
  | { status: "authorized" }
  /** The customer or the gateway has still to act. */
  | { status: "pending"; actionUrl: string | undefined };

/** A copy of what gateway calls need, taken while nothing else changes the payment. */
type Known = Pick<
  InitiatedPayment,
  "phase" | "gateway" | "amount" | "currency" | "token" | "actionUrl" | "reference" | "failure" | "orphaned"
> & { orderId: string; captured: number };

async function known(shop: Shop, paymentId: string): Promise<Known | undefined> {
  return shop.engine.read(payment, paymentId, (state) =>
    state.phase === "absent" ? undefined : { ...state },
  );
}

/**
 * Asks the gateway to authorize an initiated payment and records its answer.
 * @throws Problem payment_declined
 */
export function authorizePayment(
  shop: Shop,
  paymentId: string,
  context: ProcessContext,
): Promise<Authorization> {
  return shop.exclusive(`payment:${paymentId}`, async () => {
    const state = await known(shop, paymentId);
    if (!state) throw new Error(`payment ${paymentId} was not initiated`);
    if (state.gateway === manualGateway) return { status: "authorized" };
    switch (state.phase) {
      case "authorized":
      case "captured":
        return { status: "authorized" };
      case "failed":
        throw new Problem("payment_declined", state.failure ?? "the payment failed");
      case "voided":
        throw new Problem("payment_declined", "the payment was voided");
      case "action_required":
        return { status: "pending", actionUrl: state.actionUrl };
      case "initiated":
        return recordAuthorization(shop, paymentId, await askGateway(shop, paymentId, state), context);
    }
  });
}

async function recordAuthorization(
  shop: Shop,
  paymentId: string,
  result: AuthorizationResult | undefined,
  context: ProcessContext,
): Promise<Authorization> {
  const step = (name: string) => stepContext(context, paymentId, name);
  switch (result?.status) {
    case undefined:
      return { status: "pending", actionUrl: undefined };
    case "authorized": {
      const { reference } = result;
      await shop.engine.execute(payment, paymentId, "Authorize", { reference }, step("authorize"));
      return { status: "authorized" };
    }
    case "declined": {
      const { reason } = result;
      await shop.engine.execute(payment, paymentId, "Fail", { reason }, step("decline"));
      throw new Problem("payment_declined", reason);
    }
    case "action_required": {
      const { actionUrl } = result;
      await shop.engine.execute(payment, paymentId, "RequireAction", { actionUrl }, step("action"));
      return { status: "pending", actionUrl };
    }
  }
}

/** An unknown outcome is asked for, never assumed. @returns undefined when it stays unknown for now */
async function askGateway(
  shop: Shop,
  paymentId: string,
  { amount, currency, token }: Known,
): Promise<AuthorizationResult | undefined> {
  const request: PaymentRequest = { idempotencyKey: paymentId, paymentId, amount, currency, token };
  for (let attempt = 0; attempt < gatewayTriesMax; attempt++) {
    if (attempt > 0) await sleep(gatewayPauseMs * 2 ** attempt * (0.5 + Math.random()));
    try {
      const earlier = attempt > 0 ? await bounded(shop, shop.gateway.lookup(paymentId)) : undefined;
      return earlier ?? (await bounded(shop, shop.gateway.authorize(request)));
    } catch (error) {
      if (!(error instanceof GatewayOutcomeUnknown)) throw error;
    }
  }
  return undefined;
}

async function bounded<T>(shop: Shop, call: Promise<T>): Promise<T> {
  const { gatewayTimeoutMs } = shop.settings;
  const over = new AbortController();
  const timeout = sleep(gatewayTimeoutMs, undefined, { signal: over.signal }).then(() => {
    throw new GatewayOutcomeUnknown(`no answer within ${gatewayTimeoutMs} ms`);
  });
  timeout.catch(() => {});
  try {
    return await Promise.race([call, timeout]);
  } finally {
    over.abort();
  }
}

/** Money moves once per key, so asking again until there is an answer is safe. */
async function moveMoney(shop: Shop, call: () => Promise<MoneyResult>): Promise<MoneyResult | undefined> {
  for (let attempt = 0; attempt < gatewayTriesMax; attempt++) {
    if (attempt > 0) await sleep(gatewayPauseMs * 2 ** attempt * (0.5 + Math.random()));
    try {
      return await bounded(shop, call());
    } catch (error) {
      if (!(error instanceof GatewayOutcomeUnknown)) throw error;
    }
  }
  return undefined;
}

/**
 * Captures all that was authorized, or books a transfer or cash that came in, and marks the order paid.
 * A gateway that refuses or does not answer leaves the payment authorized, with CaptureFailed on record.
 * @returns whether the money is captured
 * @throws Problem illegal_transition when there is nothing to capture
 */
export function capturePayment(shop: Shop, paymentId: string, context: ProcessContext): Promise<boolean> {
  return shop.exclusive(`payment:${paymentId}`, async () => {
    const state = await known(shop, paymentId);
    if (!state) throw new Problem("not_found", "there is no such payment");
    if (state.phase === "authorized") {
      const result = await captureAtGateway(shop, paymentId, state);
      if (result?.status !== "done") {
        const reason = result?.reason ?? "the gateway did not answer";
        const step = stepContext(context, paymentId, "capture failed", context.clock());
        await shop.engine.execute(payment, paymentId, "FailCapture", { reason }, step);
        return false;
      }
    }
    const { amount, orderId } = state;
    await shop.engine.execute(payment, paymentId, "Capture", {}, stepContext(context, paymentId, "capture"));
    await shop.engine.execute(order, orderId, "MarkPaid", { amount }, stepContext(context, orderId, "paid"));
    return true;
  });
}

function captureAtGateway(
  shop: Shop,
  paymentId: string,
  { amount, currency, reference = "" }: Known,
): Promise<MoneyResult | undefined> {
  const request = { idempotencyKey: `${paymentId}/capture`, reference, amount, currency };
  return moveMoney(shop, () => shop.gateway.capture(request));
}

/** Gives back what was authorized or captured, whichever it is; nothing when there is nothing. */
export function voidOrRefund(
  shop: Shop,
  paymentId: string,
  reason: string,
  context: ProcessContext,
): Promise<void> {
  return shop.exclusive(`payment:${paymentId}`, async () => {
    const state = await knownToGateway(shop, paymentId, context);
    if (!state) return;
    if (state.phase !== "captured" && (await voidAuthorization(shop, paymentId, state, reason, context)))
      return;
    const left = await shop.engine.read(payment, paymentId, (state) =>
      state.phase === "absent" ? 0 : refundable(state),
    );
    const refund = { refundId: "cancellation", reason, cause: "cancellation" as const };
    if (left > 0) await requestRefund(shop, paymentId, refund, context);
    await settleRefunds(shop, paymentId, context);
  });
}

/** What is known, and what a process that died may have asked the gateway without recording its answer. */
async function knownToGateway(
  shop: Shop,
  paymentId: string,
  context: ProcessContext,
): Promise<Known | undefined> {
  const state = await known(shop, paymentId);
  if (state?.phase !== "initiated" || state.gateway === manualGateway) return state;
  const result = await bounded(shop, shop.gateway.lookup(paymentId)).catch((error: unknown) => {
    if (!(error instanceof GatewayOutcomeUnknown)) throw error;
    throw new Problem("unavailable", "the payment gateway does not answer");
  });
  if (result?.status !== "authorized") return state;
  const { reference } = result;
  const step = stepContext(context, paymentId, "authorize");
  await shop.engine.execute(payment, paymentId, "Authorize", { reference }, step);
  return known(shop, paymentId);
}

/** @returns false when it was captured instead, by a process that died before it could record that */
async function voidAuthorization(
  shop: Shop,
  paymentId: string,
  state: Known,
  reason: string,
  context: ProcessContext,
): Promise<boolean> {
  const { phase, orphaned, amount, currency, reference } = state;
  if (reference !== undefined && (phase === "authorized" || orphaned)) {
    const request = { idempotencyKey: `${paymentId}/void/${reference}`, reference, amount, currency };
    const voided = await moveMoney(shop, () => shop.gateway.void(request));
    const refused = voided?.status === "refused" && phase === "authorized";
    // Capturing with the key of the capture that may have been moves nothing then, and tells.
    const answer = refused ? await captureAtGateway(shop, paymentId, state) : voided;
    // Unanswered: it stays open and is done again later.
    if (!answer) throw new Problem("unavailable", "the payment gateway does not answer");
    if (refused && answer.status === "done") {
      await shop.engine.execute(
        payment,
        paymentId,
        "Capture",
        {},
        stepContext(context, paymentId, "capture"),
      );
      return false;
    }
  }
  const step = stepContext(context, paymentId, "void", orphaned ? "orphan" : "");
  await shop.engine.execute(payment, paymentId, "Void", { reason }, step);
  return true;
}

export interface RefundRequest {
  refundId: string;
  amount?: number;
  reason: string;
  cause: RefundCause;
}

async function requestRefund(
  shop: Shop,
  paymentId: string,
  request: RefundRequest,
  context: ProcessContext,
): Promise<void> {
  const step = stepContext(context, paymentId, "refund", request.refundId);
  await shop.engine.execute(payment, paymentId, "RequestRefund", request, step);
}

/**
 * Refunds a payment in part or, without an amount, all that is left.
 * @throws Problem illegal_transition when that is more than can be refunded
 */
export function refundPayment(
  shop: Shop,
  paymentId: string,
  request: RefundRequest,
  context: ProcessContext,
): Promise<void> {
  return shop.exclusive(`payment:${paymentId}`, async () => {
    await requestRefund(shop, paymentId, request, context);
    await settleRefunds(shop, paymentId, context);
  });
}

/** Finishes what was begun and not finished: refunds, and giving back what was authorized too late. */
export function resumeRefunds(shop: Shop, paymentId: string, context: ProcessContext): Promise<void> {
  return shop.exclusive(`payment:${paymentId}`, async () => {
    await settleRefunds(shop, paymentId, context);
    const state = await known(shop, paymentId);
    if (state?.orphaned) await voidAuthorization(shop, paymentId, state, "authorized too late", context);
  });
}

async function settleRefunds(shop: Shop, paymentId: string, context: ProcessContext): Promise<void> {
  const state = await shop.engine.read(payment, paymentId, (state) =>
    state.phase === "absent"
      ? undefined
      : { ...state, refunds: [...state.refunds].map(([refundId, refund]) => ({ refundId, ...refund })) },
  );
  if (!state) return;
  const { orderId, currency, reference = "" } = state;
  for (const { refundId, amount, cause, status } of state.refunds) {
    const step = (name: string) => stepContext(context, paymentId, name, refundId);
    if (status === "pending") {
      const request = { idempotencyKey: `${paymentId}/refund/${refundId}`, reference, amount, currency };
      const manual: MoneyResult = { status: "done", reference: `manual/${refundId}` };
      const result =
        state.gateway === manualGateway ? manual : await moveMoney(shop, () => shop.gateway.refund(request));
      if (!result) throw new Problem("unavailable", "the payment gateway does not answer");
      if (result.status === "refused") {
        const { reason } = result;
        await shop.engine.execute(payment, paymentId, "FailRefund", { refundId, reason }, step("refuse"));
        continue;
      }
      const succeeded = { refundId, reference: result.reference };
      await shop.engine.execute(payment, paymentId, "SucceedRefund", succeeded, step("refunded"));
    }
    if (status !== "failed")
      await shop.engine.execute(order, orderId, "MarkRefunded", { refundId, amount, cause }, step("mark"));
  }
}
