import type { DataOf, EventOf } from "../../src/engine/decider.ts";
import { illegalTransition } from "../../src/values/problem.ts";
import type { paymentEvents } from "./events.ts";
import { disputed, type InitiatedPayment, refundable, refundOf } from "./state.ts";

type PaymentEvent = EventOf<typeof paymentEvents>;
type Data<K extends keyof typeof paymentEvents> = DataOf<typeof paymentEvents, K>;

const refundsMax = 1_000;
const disputesMax = 100;

export interface RequestRefund {
  refundId: string;
  /** All that is left without one. */
  amount?: number;
  reason: string;
  cause: Data<"RefundRequested">["cause"];
  /** It waits for somebody's approval. */
  held?: true | undefined;
  /** Staff give it back themselves: no gateway is asked. */
  manual?: true | undefined;
}

/** Never more than was captured, what is on its way back or disputed included. */
export function requestRefund(payment: InitiatedPayment, command: RequestRefund): PaymentEvent[] {
  const { refundId, reason, cause, held, manual } = command;
  if (payment.refunds.has(refundId)) return [];
  if (payment.refunds.size >= refundsMax)
    throw illegalTransition(`a payment has at most ${refundsMax} refunds`);
  const left = refundable(payment);
  const amount = command.amount ?? left;
  if (amount > left || amount === 0)
    throw illegalTransition(`${left} ${payment.currency} minor units can be refunded, not ${amount}`);
  const how = { ...(held && { held }), ...(manual && { manual }) };
  const data = { refundId, orderId: payment.orderId, amount, reason, cause, ...how };
  return [{ type: "RefundRequested", data }];
}

export function approveRefund(payment: InitiatedPayment, { refundId }: { refundId: string }): PaymentEvent[] {
  const { status, amount } = refundOf(payment, refundId);
  if (status === "rejected") throw illegalTransition("the refund was rejected");
  const { captured, refunded, refundPending } = payment;
  const missing = refunded + refundPending + disputed(payment) - captured;
  if (status === "awaiting_approval" && missing > 0)
    throw illegalTransition(
      `the payment has ${Math.max(0, amount - missing)} minor units of it: banks took the rest`,
    );
  return status === "awaiting_approval" ? [{ type: "RefundApproved", data: { refundId } }] : [];
}

export function rejectRefund(
  payment: InitiatedPayment,
  { refundId, reason }: { refundId: string; reason: string },
): PaymentEvent[] {
  const { status, amount } = refundOf(payment, refundId);
  if (status === "rejected") return [];
  if (status !== "awaiting_approval") throw illegalTransition(`the refund is ${status}`);
  return [{ type: "RefundRejected", data: { refundId, orderId: payment.orderId, amount, reason } }];
}

/** The money is back, whatever was thought before. */
export function succeedRefund(
  payment: InitiatedPayment,
  { refundId, reference }: { refundId: string; reference: string },
): PaymentEvent[] {
  const { status, amount } = refundOf(payment, refundId);
  if (status === "succeeded") return [];
  return [{ type: "RefundSucceeded", data: { refundId, amount, reference } }];
}

export function failRefund(
  payment: InitiatedPayment,
  { refundId, reason }: { refundId: string; reason: string },
): PaymentEvent[] {
  const { status, amount } = refundOf(payment, refundId);
  if (status !== "pending") return [];
  return [{ type: "RefundFailed", data: { refundId, orderId: payment.orderId, amount, reason } }];
}

export interface Dispute {
  disputeId: string;
  amount: number;
  reason: string;
}

/** The customer has asked their bank for the money: what is disputed cannot be refunded besides. */
export function dispute(payment: InitiatedPayment, command: Dispute): PaymentEvent[] {
  if (payment.disputes.has(command.disputeId)) return [];
  if (payment.disputes.size >= disputesMax)
    throw illegalTransition(`a payment has at most ${disputesMax} disputes`);
  const most = payment.captured - disputed(payment);
  // Gateways tell what has happened: more than was captured cannot have been.
  if (command.amount > most)
    throw illegalTransition(`${most} minor units can be disputed, not ${command.amount}`);
  return [{ type: "ChargebackReceived", data: { ...command, orderId: payment.orderId } }];
}

export function endDispute(
  payment: InitiatedPayment,
  { disputeId, won }: { disputeId: string; won: boolean },
): PaymentEvent[] {
  const known = payment.disputes.get(disputeId);
  // Told out of order: what has ended had begun.
  if (!known) throw illegalTransition("there is no such dispute yet");
  if (known.status !== "open") return [];
  const data = { disputeId, orderId: payment.orderId, amount: known.amount };
  return [{ type: won ? "ChargebackWon" : "ChargebackLost", data }];
}
