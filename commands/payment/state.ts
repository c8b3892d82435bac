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
  readonly status: RefundStatus;
  /** Why the gateway, or staff, has refused it. */
  readonly failure?: string;
  readonly manual?: true;
}

export const refundStatuses = ["awaiting_approval", "pending", "succeeded", "failed", "rejected"] as const;
export type RefundStatus = (typeof refundStatuses)[number];

interface Capturing {
  readonly movementId: string;
  readonly amount: number;
  readonly once?: true;
}

export interface InitiatedPayment extends Readonly<Data<"PaymentInitiated">> {
  readonly phase: "initiated" | "action_required" | "authorized" | "captured" | "voided" | "failed";
  /** Epoch milliseconds. */
  readonly initiatedAt: number;
  readonly actionUrl?: string;
  readonly reference?: string;
  readonly singleCapture?: true;
  /** A second authorization, which has still to be given back. */
  readonly stray?: string;
  readonly failure?: string;
  /** Of `amount`; more of it may still be captured while the phase is `authorized`. */
  readonly captured: number;
  /** What was captured, by capture; "" is the one without a name. */
  readonly booked: ReadonlyMap<string, number>;
  /** Of so many captures its order, which is over, knows. */
  readonly told: number;
  /** The capture that the gateway is being asked for; captures that it refused have ids of their own. */
  readonly capturing?: Capturing;
  readonly captures: number;
  /** A capture was refused that is worth another try. */
  readonly recapture?: true;
  /** Why all has to go back, until it has. */
  readonly givingBack?: string;
  /** Why what was not captured has to go back, until it has. */
  readonly releasing?: string;
  /** Money that is back, and money that is on its way back. */
  readonly refunded: number;
  readonly refundPending: number;
  readonly refunds: ReadonlyMap<string, Refund>;
  readonly disputes: ReadonlyMap<
    string,
    { readonly amount: number; readonly status: "open" | "won" | "lost" }
  >;
  /** Authorized after it had ended: the authorization has still to be given back. */
  readonly orphaned: boolean;
}

export type Payment = { readonly phase: "absent" } | InitiatedPayment;

export const initialPayment = (): Payment => ({ phase: "absent" });

export function refundable(payment: InitiatedPayment): number {
  const { captured, refunded, refundPending } = payment;
  return Math.max(0, captured - refunded - refundPending - disputed(payment));
}

/** What customers' banks have taken back, and have not returned. */
export function disputed({ disputes }: InitiatedPayment): number {
  return [...disputes.values()].reduce((sum, { amount, status }) => sum + (status === "won" ? 0 : amount), 0);
}

/** What may still be captured of what was authorized, or is still to come of a transfer or in cash. */
export function uncaptured({ amount, captured }: InitiatedPayment): number {
  return Math.max(0, amount - captured);
}

/** The gateway has refused to capture it, and is not being asked again. */
export function isRefused({ phase, failure, capturing }: InitiatedPayment): boolean {
  return phase === "authorized" && failure !== undefined && capturing === undefined;
}

/** What its gateway holds for the shop, and has not moved. */
export function heldOf(payment: InitiatedPayment): number {
  return payment.phase === "authorized" ? uncaptured(payment) : 0;
}

export const evolvePayment = {
  PaymentInitiated: (_: Payment, data: Data<"PaymentInitiated">, { time }: EvolveContext): Payment => ({
    ...data,
    phase: "initiated",
    initiatedAt: time,
    captured: 0,
    booked: new Map(),
    told: 0,
    captures: 0,
    refunded: 0,
    refundPending: 0,
    refunds: new Map(),
    disputes: new Map(),
    orphaned: false,
  }),
  PaymentActionRequired: (state: Payment, { actionUrl }: Data<"PaymentActionRequired">): Payment => ({
    ...initiated(state),
    phase: "action_required",
    actionUrl,
  }),
  PaymentAuthorized: (state: Payment, data: Data<"PaymentAuthorized">): Payment => {
    const { reference, singleCapture } = data;
    // Why it had failed before is no reason any more.
    const { failure: _, ...payment } = initiated(state);
    return { ...payment, phase: "authorized", reference, ...(singleCapture && { singleCapture }) };
  },
  CaptureRequested: (state: Payment, data: Data<"CaptureRequested">): Payment => {
    const { recapture: _, ...payment } = initiated(state);
    const { movementId, amount = uncaptured(payment), once } = data;
    const capturing = { movementId, amount, ...(once && { once }) };
    return { ...payment, capturing, captures: payment.captures + 1 };
  },
  PaymentCaptured: (state: Payment, { amount, captureId = "" }: Data<"PaymentCaptured">): Payment => {
    const { capturing: _, recapture: __, failure: ___, ...payment } = initiated(state);
    const booked = new Map(payment.booked).set(captureId, amount);
    const captured = payment.captured + amount;
    const isPart = payment.phase === "authorized" && captured < payment.amount;
    return {
      ...payment,
      ...(!isPart && { phase: "captured" as const }),
      captured,
      booked,
      orphaned: false,
    };
  },
  OrderTold: (state: Payment): Payment => {
    const payment = initiated(state);
    return { ...payment, told: payment.booked.size };
  },
  CaptureFailed: (state: Payment, { reason, once }: Data<"CaptureFailed">): Payment => {
    const { capturing: _, ...payment } = initiated(state);
    return { ...payment, failure: reason, ...(!once && { recapture: true as const }) };
  },
  VoidRequested: (state: Payment, { reason, rest }: Data<"VoidRequested">): Payment => ({
    ...initiated(state),
    ...(rest ? { releasing: reason } : { givingBack: reason }),
  }),
  AuthorizationReleased: (state: Payment, { reference }: Data<"AuthorizationReleased">): Payment => {
    const { stray: _, ...known } = initiated(state);
    if (reference !== undefined) return known;
    const { givingBack: __, releasing: ___, capturing: ____, ...payment } = initiated(state);
    return { ...payment, phase: "captured" };
  },
  PaymentVoided: (state: Payment, _: Data<"PaymentVoided">): Payment => {
    const { givingBack: __, releasing: ___, capturing: ____, ...payment } = initiated(state);
    return { ...payment, phase: "voided", orphaned: false };
  },
  PaymentFailed: (state: Payment, { reason }: Data<"PaymentFailed">): Payment => {
    const { givingBack: _, ...payment } = initiated(state);
    return { ...payment, phase: "failed", failure: reason };
  },
  RefundRequested: (
    state: Payment,
    { refundId, amount, reason, cause, held, manual }: Data<"RefundRequested">,
  ): Payment => {
    const { givingBack, ...payment } = initiated(state);
    const status: RefundStatus = held ? "awaiting_approval" : "pending";
    const refund = { amount, reason, cause, status, ...(manual && { manual }) };
    return {
      ...payment,
      // What was to go back goes back by this refund.
      ...(givingBack !== undefined && cause !== "cancellation" && { givingBack }),
      refunds: new Map(payment.refunds).set(refundId, refund),
      refundPending: payment.refundPending + amount,
    };
  },
  RefundSucceeded: (state: Payment, { refundId, amount }: Data<"RefundSucceeded">): Payment => {
    const payment = endRefund(state, refundId, { status: "succeeded" });
    return { ...payment, refunded: payment.refunded + amount };
  },
  RefundFailed: (state: Payment, { refundId, reason: failure }: Data<"RefundFailed">): Payment =>
    endRefund(state, refundId, { status: "failed", failure }),
  RefundRejected: (state: Payment, { refundId, reason: failure }: Data<"RefundRejected">): Payment =>
    endRefund(state, refundId, { status: "rejected", failure }),
  RefundApproved: (state: Payment, { refundId }: Data<"RefundApproved">): Payment => {
    const payment = initiated(state);
    const refund = { ...refundOf(payment, refundId), status: "pending" as const };
    return { ...payment, refunds: new Map(payment.refunds).set(refundId, refund) };
  },
  ChargebackReceived: (state: Payment, { disputeId, amount }: Data<"ChargebackReceived">): Payment => {
    const payment = initiated(state);
    const disputes = new Map(payment.disputes).set(disputeId, { amount, status: "open" });
    return { ...payment, disputes };
  },
  ChargebackWon: (state: Payment, data: Data<"ChargebackWon">): Payment => endDispute(state, data, "won"),
  ChargebackLost: (state: Payment, data: Data<"ChargebackLost">): Payment => endDispute(state, data, "lost"),
  PaymentOrphaned: (state: Payment, { reference, second }: Data<"PaymentOrphaned">): Payment => ({
    ...initiated(state),
    ...(second ? { stray: reference } : { orphaned: true, reference }),
  }),
};

function endRefund(
  state: Payment,
  refundId: string,
  end: { status: "succeeded" } | { status: "failed" | "rejected"; failure: string },
): InitiatedPayment {
  const payment = initiated(state);
  const refund = refundOf(payment, refundId);
  return {
    ...payment,
    refundPending: payment.refundPending - (isUnderWay(refund) ? refund.amount : 0),
    refunds: new Map(payment.refunds).set(refundId, { ...refund, ...end }),
  };
}

/** Promised, and neither back nor refused. */
export function isUnderWay({ status }: Pick<Refund, "status">): boolean {
  return status === "pending" || status === "awaiting_approval";
}

function endDispute(
  state: Payment,
  { disputeId, amount }: Data<"ChargebackWon">,
  status: "won" | "lost",
): Payment {
  const payment = initiated(state);
  return { ...payment, disputes: new Map(payment.disputes).set(disputeId, { amount, status }) };
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
