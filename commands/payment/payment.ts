import { z } from "zod";
import { decider, type EventOf, event } from "../../src/engine/decider.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import { paymentMethods } from "../cart/cart.ts";
import { refundCauses } from "../order/events.ts";

const refundsMax = 1_000;
const minorUnits = z.int().min(0);

export const paymentEvents = {
  /** The intent, before the gateway is asked. Amounts are minor units of `currency`. */
  PaymentInitiated: event(
    z.object({
      orderId: z.string(),
      amount: minorUnits,
      currency: z.string(),
      method: z.enum(paymentMethods),
      gateway: z.string(),
      token: z.string().optional(),
    }),
  ),
  PaymentActionRequired: event(z.object({ actionUrl: z.string() })),
  PaymentAuthorized: event(z.object({ amount: minorUnits, reference: z.string() })),
  PaymentCaptured: event(z.object({ amount: minorUnits })),
  CaptureFailed: event(z.object({ reason: z.string() })),
  PaymentVoided: event(z.object({ reason: z.string() })),
  PaymentFailed: event(z.object({ reason: z.string() })),
  RefundRequested: event(
    z.object({
      refundId: z.string(),
      orderId: z.string(),
      amount: z.int().min(1),
      reason: z.string(),
      cause: z.enum(refundCauses),
    }),
  ),
  RefundSucceeded: event(z.object({ refundId: z.string(), amount: z.int().min(1), reference: z.string() })),
  RefundFailed: event(
    z.object({ refundId: z.string(), orderId: z.string(), amount: z.int().min(1), reason: z.string() }),
  ),
  /** Money was authorized for an order that is not going to happen; it goes back. */
  PaymentOrphaned: event(z.object({ reason: z.string(), reference: z.string() })),
};

type PaymentEvent = EventOf<typeof paymentEvents>;

/** The gateway of methods that nobody authorizes: a transfer is booked by staff, cash by the carrier. */
export const manualGateway = "manual";

interface Refund {
  amount: number;
  reason: string;
  cause: (typeof refundCauses)[number];
  status: "pending" | "succeeded" | "failed";
}

export interface InitiatedPayment {
  phase: "initiated" | "action_required" | "authorized" | "captured" | "voided" | "failed";
  orderId: string;
  amount: number;
  currency: string;
  method: (typeof paymentMethods)[number];
  gateway: string;
  token?: string | undefined;
  actionUrl?: string;
  reference?: string;
  failure?: string;
  captured: number;
  /** Money that is back, and money that is on its way back. */
  refunded: number;
  refundPending: number;
  refunds: Map<string, Refund>;
  /** Authorized after it had ended: the authorization has still to be given back. */
  orphaned: boolean;
}

export type Payment = { phase: "absent" } | InitiatedPayment;

export const payment = decider({
  category: "payment",
  events: paymentEvents,
  initial: (): Payment => ({ phase: "absent" }),

  evolve: {
    PaymentInitiated: (_, data): Payment => ({
      ...data,
      phase: "initiated",
      captured: 0,
      refunded: 0,
      refundPending: 0,
      refunds: new Map(),
      orphaned: false,
    }),
    PaymentActionRequired: (state, { actionUrl }) => change(state, { phase: "action_required", actionUrl }),
    PaymentAuthorized: (state, { reference }) => change(state, { phase: "authorized", reference }),
    PaymentCaptured: (state, { amount }) => change(state, { phase: "captured", captured: amount }),
    CaptureFailed: (state, { reason }) => change(state, { failure: reason }),
    PaymentVoided: (state) => change(state, { phase: "voided", orphaned: false }),
    PaymentFailed: (state, { reason }) => change(state, { phase: "failed", failure: reason }),
    RefundRequested: (state, { refundId, amount, reason, cause }) => {
      const payment = initiated(state);
      payment.refunds.set(refundId, { amount, reason, cause, status: "pending" });
      return change(payment, { refundPending: payment.refundPending + amount });
    },
    RefundSucceeded: (state, { refundId, amount }) => {
      const payment = endRefund(state, refundId, "succeeded");
      return change(payment, { refunded: payment.refunded + amount });
    },
    RefundFailed: (state, { refundId }) => endRefund(state, refundId, "failed"),
    PaymentOrphaned: (state, { reference }) => change(state, { orphaned: true, reference }),
  },

  decide: {
    Initiate: (state, command: Initiate) =>
      state.phase === "absent" ? [{ type: "PaymentInitiated", data: command }] : [],

    RequireAction: (state, { actionUrl }: { actionUrl: string }) =>
      existing(state).phase === "initiated" ? [{ type: "PaymentActionRequired", data: { actionUrl } }] : [],

    /** The gateway says yes. After a void it is too late: the money is orphaned and has to go back. */
    Authorize: (state, { reference }: { reference: string }) => {
      const payment = existing(state);
      switch (payment.phase) {
        case "initiated":
        case "action_required":
        case "failed":
          return [{ type: "PaymentAuthorized", data: { amount: payment.amount, reference } }];
        case "voided":
          if (payment.orphaned || payment.reference === reference) return [];
          return [{ type: "PaymentOrphaned", data: { reason: "authorized after it was voided", reference } }];
        case "authorized":
        case "captured":
          return [];
      }
    },

    /** A failure that arrives late takes nothing away. */
    Fail: (state, { reason }: { reason: string }) => {
      const { phase } = existing(state);
      if (phase !== "initiated" && phase !== "action_required") return [];
      return [{ type: "PaymentFailed", data: { reason } }];
    },

    Capture: (state) => {
      const payment = existing(state);
      if (payment.phase === "captured") return [];
      const payable =
        payment.phase === "authorized" ||
        (payment.phase === "initiated" && payment.gateway === manualGateway);
      if (!payable) throw illegalTransition(`a payment that is ${payment.phase} cannot be captured`);
      return [{ type: "PaymentCaptured", data: { amount: payment.amount } }];
    },

    FailCapture: (state, { reason }: { reason: string }) =>
      existing(state).phase === "authorized" ? [{ type: "CaptureFailed", data: { reason } }] : [],

    Void: (state, { reason }: { reason: string }) => {
      const payment = existing(state);
      if (payment.phase === "voided" && payment.orphaned)
        return [{ type: "PaymentVoided", data: { reason } }];
      // A failed one too: should it be authorized after all, that is too late.
      if (payment.phase === "voided") return [];
      if (payment.phase === "captured") throw illegalTransition("a captured payment is refunded, not voided");
      return [{ type: "PaymentVoided", data: { reason } }];
    },

    /** Never more than was captured, what is on its way back included. All that is left without an amount. */
    RequestRefund: (state, command: RequestRefund) => {
      const payment = existing(state);
      const { refundId, reason, cause } = command;
      if (payment.refunds.has(refundId)) return [];
      if (payment.refunds.size >= refundsMax)
        throw illegalTransition(`a payment has at most ${refundsMax} refunds`);
      const left = refundable(payment);
      const amount = command.amount ?? left;
      if (amount > left || amount === 0)
        throw illegalTransition(`${left} ${payment.currency} minor units can be refunded, not ${amount}`);
      const data = { refundId, orderId: payment.orderId, amount, reason, cause };
      return [{ type: "RefundRequested", data }];
    },

    SucceedRefund: (state, { refundId, reference }: { refundId: string; reference: string }) => {
      const refund = refundOf(existing(state), refundId);
      // The money is back, whatever was thought before.
      if (refund.status === "succeeded") return [];
      return [{ type: "RefundSucceeded", data: { refundId, amount: refund.amount, reference } }];
    },

    FailRefund: (state, { refundId, reason }: { refundId: string; reason: string }) => {
      const payment = existing(state);
      const { status, amount } = refundOf(payment, refundId);
      if (status !== "pending") return [];
      return [{ type: "RefundFailed", data: { refundId, orderId: payment.orderId, amount, reason } }];
    },
  },

  weigh: (state) => (state.phase === "absent" ? 0 : 800 + state.refunds.size * 200),
});

type Initiate = Extract<PaymentEvent, { type: "PaymentInitiated" }>["data"];

interface RequestRefund {
  refundId: string;
  amount?: number;
  reason: string;
  cause: (typeof refundCauses)[number];
}

export function refundable({ captured, refunded, refundPending }: InitiatedPayment): number {
  return captured - refunded - refundPending;
}

function endRefund(state: Payment, refundId: string, status: "succeeded" | "failed"): InitiatedPayment {
  const payment = initiated(state);
  const refund = refundOf(payment, refundId);
  if (refund.status === "pending") payment.refundPending -= refund.amount;
  refund.status = status;
  return payment;
}

function refundOf(payment: InitiatedPayment, refundId: string): Refund {
  const refund = payment.refunds.get(refundId);
  if (!refund) throw notFound("refund", refundId);
  return refund;
}

function change(state: Payment, changes: Partial<InitiatedPayment>): InitiatedPayment {
  return Object.assign(initiated(state), changes);
}

function initiated(state: Payment): InitiatedPayment {
  if (state.phase === "absent") throw new Error("the payment was never initiated");
  return state;
}

/** @throws Problem not_found */
function existing(state: Payment): InitiatedPayment {
  if (state.phase === "absent") throw new Problem("not_found", "there is no such payment");
  return state;
}
