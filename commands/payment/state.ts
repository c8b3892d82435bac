import type { DataOf, EvolveContext } from "../../src/engine/decider.ts";
import { notFound } from "../../src/values/problem.ts";
import type { paymentEvents } from "./events.ts";

type Data<K extends keyof typeof paymentEvents> = DataOf<typeof paymentEvents, K>;

/** The gateway of methods that nobody authorizes: a transfer is booked by staff, cash by the carrier. */
export const manualGateway = "manual";

export interface Refund {
  readonly amount: number;
  readonly reason: string;
  readonly cause: Data<"RefundRequested">["cause"];
  readonly status: "pending" | "succeeded" | "failed";
  /** Why the gateway has refused it. */
  readonly failure?: string;
}

export interface InitiatedPayment extends Readonly<Data<"PaymentInitiated">> {
  readonly phase: "initiated" | "action_required" | "authorized" | "captured" | "voided" | "failed";
  /** Epoch milliseconds. */
  readonly initiatedAt: number;
  readonly actionUrl?: string;
  readonly reference?: string;
  readonly failure?: string;
  readonly captured: number;
  /** What was captured, by capture; "" is the one without a name. */
  readonly booked: ReadonlyMap<string, number>;
  /** Its order, which is over, knows of the capture. */
  readonly told?: true;
  /** The capture that the gateway is being asked for; captures that it refused have ids of their own. */
  readonly capturing?: string;
  readonly captures: number;
  /** Why all has to go back, until it has. */
  readonly givingBack?: string;
  /** Money that is back, and money that is on its way back. */
  readonly refunded: number;
  readonly refundPending: number;
  readonly refunds: ReadonlyMap<string, Refund>;
  /** Authorized after it had ended: the authorization has still to be given back. */
  readonly orphaned: boolean;
}

export type Payment = { readonly phase: "absent" } | InitiatedPayment;

export const initialPayment = (): Payment => ({ phase: "absent" });

export function refundable({ captured, refunded, refundPending }: InitiatedPayment): number {
  return captured - refunded - refundPending;
}

export const evolvePayment = {
  PaymentInitiated: (_: Payment, data: Data<"PaymentInitiated">, { time }: EvolveContext): Payment => ({
    ...data,
    phase: "initiated",
    initiatedAt: time,
    captured: 0,
    booked: new Map(),
    captures: 0,
    refunded: 0,
    refundPending: 0,
    refunds: new Map(),
    orphaned: false,
  }),
  PaymentActionRequired: (state: Payment, { actionUrl }: Data<"PaymentActionRequired">): Payment => ({
    ...initiated(state),
    phase: "action_required",
    actionUrl,
  }),
  PaymentAuthorized: (state: Payment, { reference }: Data<"PaymentAuthorized">): Payment => {
    // Why it had failed before is no reason any more.
    const { failure: _, ...payment } = initiated(state);
    return { ...payment, phase: "authorized", reference };
  },
  CaptureRequested: (state: Payment, { movementId }: Data<"CaptureRequested">): Payment => {
    const payment = initiated(state);
    return { ...payment, capturing: movementId, captures: payment.captures + 1 };
  },
  PaymentCaptured: (state: Payment, { amount, captureId = "" }: Data<"PaymentCaptured">): Payment => {
    const { capturing: _, ...payment } = initiated(state);
    const booked = new Map(payment.booked).set(captureId, amount);
    return { ...payment, phase: "captured", captured: payment.captured + amount, booked, orphaned: false };
  },
  OrderTold: (state: Payment): Payment => ({ ...initiated(state), told: true }),
  CaptureFailed: (state: Payment, { reason }: Data<"CaptureFailed">): Payment => {
    const { capturing: _, ...payment } = initiated(state);
    return { ...payment, failure: reason };
  },
  VoidRequested: (state: Payment, { reason }: Data<"VoidRequested">): Payment => ({
    ...initiated(state),
    givingBack: reason,
  }),
  PaymentVoided: (state: Payment, _: Data<"PaymentVoided">): Payment => {
    const { givingBack: __, capturing: ___, ...payment } = initiated(state);
    return { ...payment, phase: "voided", orphaned: false };
  },
  PaymentFailed: (state: Payment, { reason }: Data<"PaymentFailed">): Payment => {
    const { givingBack: _, ...payment } = initiated(state);
    return { ...payment, phase: "failed", failure: reason };
  },
  RefundRequested: (
    state: Payment,
    { refundId, amount, reason, cause }: Data<"RefundRequested">,
  ): Payment => {
    const { givingBack, ...payment } = initiated(state);
    return {
      ...payment,
      // What was to go back goes back by this refund.
      ...(givingBack !== undefined && cause !== "cancellation" && { givingBack }),
      refunds: new Map(payment.refunds).set(refundId, { amount, reason, cause, status: "pending" }),
      refundPending: payment.refundPending + amount,
    };
  },
  RefundSucceeded: (state: Payment, { refundId, amount }: Data<"RefundSucceeded">): Payment => {
    const payment = endRefund(state, refundId, { status: "succeeded" });
    return { ...payment, refunded: payment.refunded + amount };
  },
  RefundFailed: (state: Payment, { refundId, reason: failure }: Data<"RefundFailed">): Payment =>
    endRefund(state, refundId, { status: "failed", failure }),
  PaymentOrphaned: (state: Payment, { reference }: Data<"PaymentOrphaned">): Payment => ({
    ...initiated(state),
    orphaned: true,
    reference,
  }),
};

function endRefund(
  state: Payment,
  refundId: string,
  end: { status: "succeeded" } | { status: "failed"; failure: string },
): InitiatedPayment {
  const payment = initiated(state);
  const refund = refundOf(payment, refundId);
  return {
    ...payment,
    refundPending: payment.refundPending - (refund.status === "pending" ? refund.amount : 0),
    refunds: new Map(payment.refunds).set(refundId, { ...refund, ...end }),
  };
}

/** @throws Problem not_found */
export function refundOf(payment: InitiatedPayment, refundId: string): Refund {
  const refund = payment.refunds.get(refundId);
  if (!refund) throw notFound("refund", refundId);
  return refund;
}

function initiated(state: Payment): InitiatedPayment {
  if (state.phase === "absent") throw new Error("the payment was never initiated");
  return state;
}
