import { type DataOf, decider, type EventOf } from "../../src/engine/decider.ts";
import { illegalTransition, Problem } from "../../src/values/problem.ts";
import { cancellationRefund } from "../order/book.ts";
import { paymentEvents } from "./events.ts";
import {
  approveRefund,
  type Dispute,
  dispute,
  endDispute,
  failRefund,
  type RequestRefund,
  rejectRefund,
  requestRefund,
  succeedRefund,
} from "./refunds.ts";
import {
  evolvePayment,
  type InitiatedPayment,
  initialPayment,
  manualGateway,
  type Payment,
  refundable,
  uncaptured,
} from "./state.ts";

type PaymentEvent = EventOf<typeof paymentEvents>;
export type Initiate = DataOf<typeof paymentEvents, "PaymentInitiated">;

interface GiveBack {
  reason: string;
  keeps?: boolean;
}

interface Authorized {
  reference: string;
  singleCapture?: true | undefined;
  /** It is to be captured at once, or so much of it. */
  capture?: { amount?: number | undefined } | undefined;
}

interface RequestCapture {
  amount?: number | undefined;
  movementId?: string;
  /** Refused, it is not asked for again by itself. */
  once?: true;
}

/** What a command takes that may be the first of its payment: it is initiated in the same append. */
interface MayBeFirst {
  initiate?: Initiate;
}

export const payment = decider({
  category: "payment",
  events: paymentEvents,
  initial: initialPayment,
  evolve: evolvePayment,

  decide: {
    Initiate: (state: Payment, command: Initiate): PaymentEvent[] =>
      state.phase === "absent" ? [{ type: "PaymentInitiated", data: command }] : [],

    RequireAction: (state: Payment, { actionUrl, initiate }: MayBeFirst & { actionUrl: string }) =>
      begun(state, initiate, ({ phase, further }) =>
        phase === "initiated"
          ? [{ type: "PaymentActionRequired", data: { actionUrl, ...(further && { further }) } }]
          : [],
      ),

    /** The gateway says yes. After a void it is too late: the money is orphaned and has to go back. */
    Authorize: (state: Payment, { reference, singleCapture, capture, initiate }: MayBeFirst & Authorized) =>
      begun(state, initiate, (payment): PaymentEvent[] => {
        switch (payment.phase) {
          case "initiated":
          case "action_required":
          case "failed": {
            const { amount, further } = payment;
            const marks = { ...(singleCapture && { singleCapture }), ...(further && { further }) };
            const authorized = { amount, reference, ...marks };
            const part = capture?.amount !== undefined && { amount: capture.amount };
            const asked = { movementId: captureId(payment.captures), ...part };
            return [
              { type: "PaymentAuthorized", data: authorized },
              ...(capture ? [{ type: "CaptureRequested" as const, data: asked }] : []),
            ];
          }
          case "voided":
            if (payment.reference === reference) return [];
            // Each goes back by itself: this one is heard once the other has.
            if (payment.orphaned)
              throw new Problem("unavailable", "another late authorization is being given back");
            return [
              { type: "PaymentOrphaned", data: { reason: "authorized after it was voided", reference } },
            ];
          case "authorized":
          case "captured":
            if (payment.reference === reference || payment.reference === undefined) return [];
            if (payment.stray === reference) return [];
            if (payment.stray !== undefined)
              throw new Problem("unavailable", "another second authorization is being given back");
            return [
              { type: "PaymentOrphaned", data: { reason: "authorized twice", reference, second: true } },
            ];
        }
      }),

    /** The gateway has given a second authorization back. */
    ReleaseStray: (state: Payment, { reason, reference }: { reason: string; reference: string }) => {
      const { stray, amount } = existing(state);
      if (stray !== reference) return [];
      return [{ type: "AuthorizationReleased" as const, data: { amount, reason, reference } }];
    },

    /** A failure that arrives late takes nothing away. */
    Fail: (state: Payment, { reason, initiate }: MayBeFirst & { reason: string }) =>
      begun(state, initiate, ({ phase }) =>
        phase === "initiated" || phase === "action_required"
          ? [{ type: "PaymentFailed", data: { reason } }]
          : [],
      ),

    /**
     * What the gateway is to be asked for stands on the log first; all that is left without an amount. Nothing to do
     * where it was asked for, or all was captured, before.
     */
    RequestCapture: (state: Payment, command: RequestCapture): PaymentEvent[] => {
      const payment = existing(state);
      const { phase, gateway, orderId, capturing, givingBack, releasing } = payment;
      const { amount, movementId = captureId(payment.captures), once } = command;
      if (payment.booked.has(movementId) || (phase === "captured" && amount === undefined)) return [];
      if (capturing !== undefined) return [];
      if (givingBack !== undefined || releasing !== undefined)
        throw illegalTransition("the payment is being given back");
      const rest = uncaptured(payment);
      // Free of charge: nobody has to be asked.
      if (phase === "initiated" && gateway === manualGateway && payment.amount === 0)
        return [{ type: "PaymentCaptured", data: { amount: 0, orderId } }];
      if (phase !== "authorized") throw illegalTransition(`a payment that is ${phase} cannot be captured`);
      if (amount !== undefined && amount > rest)
        throw illegalTransition(`${rest} minor units can be captured, not ${amount}`);
      const part = amount !== undefined && amount < rest && { amount };
      return [{ type: "CaptureRequested", data: { movementId, ...part, ...(once && { once }) } }];
    },

    /**
     * Cash or a transfer has come in, a part of all that is to come or all of it. What comes when its order has ended
     * goes back once the order is told of it.
     * @throws Problem too_much_contention when others have booked since `after` was seen to be captured
     */
    Book: (
      state: Payment,
      command: { captureId: string; amount: number; after?: number },
    ): PaymentEvent[] => {
      const { captureId, amount, after } = command;
      const payment = existing(state);
      const { booked, captured, orderId, gateway } = payment;
      if (booked.has(captureId)) return [];
      if (gateway !== manualGateway) throw illegalTransition(`a payment at ${gateway} is not booked by hand`);
      if (after !== undefined && after !== captured)
        throw new Problem("too_much_contention", "the payment was booked by others in this moment");
      return [{ type: "PaymentCaptured", data: { amount, orderId, captureId } }];
    },

    /**
     * The gateway has captured. What it has captured of a payment that is over goes back at once.
     * @param command.movementId the capture that it was asked for; without one, it has captured by itself
     */
    Capture: (state: Payment, { movementId }: { movementId?: string }): PaymentEvent[] => {
      const payment = existing(state);
      const { phase, amount, orderId, orphaned, capturing, singleCapture } = payment;
      if (phase === "captured") return [];
      if (orphaned) {
        const data = { amount, orderId };
        const captured = existing(evolvePayment.PaymentCaptured(state, data));
        return [{ type: "PaymentCaptured", data }, restRefunded(captured, "captured after it was over")];
      }
      if (phase !== "authorized") throw illegalTransition(`a payment that is ${phase} cannot be captured`);
      // Told late: it was booked before, and another capture may be open.
      if (movementId !== undefined && capturing?.movementId !== movementId) return [];
      const rest = uncaptured(payment);
      const taken = capturing?.amount ?? rest;
      const whole = taken === amount;
      const captureId = capturing?.movementId ?? "rest";
      const data = { amount: taken, orderId, ...(!whole && { captureId }) };
      const captured: PaymentEvent = { type: "PaymentCaptured", data };
      if (!singleCapture || taken === rest) return [captured];
      const left = { amount: rest - taken, reason: "an authorization is captured once" };
      return [captured, { type: "AuthorizationReleased", data: left }];
    },

    MarkTold: (state: Payment): PaymentEvent[] => {
      const { told, booked } = existing(state);
      return told === booked.size ? [] : [{ type: "OrderTold", data: {} }];
    },

    FailCapture: (
      state: Payment,
      { movementId, reason }: { movementId: string; reason: string },
    ): PaymentEvent[] => {
      const { phase, capturing } = existing(state);
      if (phase !== "authorized" || !capturing || capturing.movementId !== movementId) return [];
      return [{ type: "CaptureFailed", data: { reason, ...(capturing.once && { once: true as const }) } }];
    },

    /** What is not captured will not be: nothing is left to be paid for. What was captured stays. */
    RequestRelease: (state: Payment, { reason }: { reason: string }): PaymentEvent[] => {
      if (state.phase !== "authorized" || state.givingBack !== undefined || state.releasing !== undefined)
        return [];
      return [{ type: "VoidRequested", data: { reason, rest: true } }];
    },

    /** The gateway holds nothing more of it. */
    Release: (state: Payment, { reason }: { reason: string }): PaymentEvent[] => {
      const payment = existing(state);
      if (payment.releasing === undefined) return [];
      if (payment.captured === 0) return [{ type: "PaymentVoided", data: { reason } }];
      return [{ type: "AuthorizationReleased", data: { amount: uncaptured(payment), reason } }];
    },

    /**
     * All that was authorized or captured is to go back, also what only turns out to have been. Nothing to do
     * for what never came about.
     * @param command.keeps what was captured stays
     */
    GiveBack: (state: Payment, { reason, initiate, keeps = false }: MayBeFirst & GiveBack) =>
      begun(state, initiate, (payment): PaymentEvent[] => {
        const { phase, gateway, givingBack } = payment;
        switch (phase) {
          case "voided":
            return [];
          case "failed":
          case "action_required":
            // Should it be authorized after all, that is too late.
            return [{ type: "PaymentVoided", data: { reason } }];
          case "initiated":
            if (gateway === manualGateway) return [{ type: "PaymentVoided", data: { reason } }];
            return givingBack === undefined ? [{ type: "VoidRequested", data: { reason } }] : [];
          case "authorized":
            if (givingBack !== undefined || (keeps && payment.releasing !== undefined)) return [];
            return [{ type: "VoidRequested", data: { reason, ...(keeps && { rest: true as const }) } }];
          case "captured":
            return refundable(payment) > 0 && !keeps ? [restRefunded(payment, reason)] : [];
        }
      }),

    /**
     * The gateway has given the authorization with this reference back; without one, there never was any. One that has
     * come about meanwhile is not voided on paper.
     * @throws Problem too_much_contention when the payment has another reference by now
     */
    Void: (
      state: Payment,
      { reason, reference }: { reason: string; reference: string | undefined },
    ): PaymentEvent[] => {
      const payment = existing(state);
      const { phase, orphaned, captured } = payment;
      if (phase === "voided" && !orphaned) return [];
      if (phase === "captured") throw illegalTransition("a captured payment is refunded, not voided");
      if (payment.reference !== reference)
        throw new Problem("too_much_contention", "the payment was authorized in this moment; try again");
      if (captured === 0) return [{ type: "PaymentVoided", data: { reason } }];
      const released = {
        type: "AuthorizationReleased" as const,
        data: { amount: uncaptured(payment), reason },
      };
      return refundable(payment) > 0 ? [released, restRefunded(payment, reason)] : [released];
    },

    RequestRefund: (state: Payment, command: RequestRefund): PaymentEvent[] =>
      requestRefund(existing(state), command),

    ApproveRefund: (state: Payment, command: { refundId: string }): PaymentEvent[] =>
      approveRefund(existing(state), command),

    RejectRefund: (state: Payment, command: { refundId: string; reason: string }): PaymentEvent[] =>
      rejectRefund(existing(state), command),

    SucceedRefund: (state: Payment, command: { refundId: string; reference: string }): PaymentEvent[] =>
      succeedRefund(existing(state), command),

    FailRefund: (state: Payment, command: { refundId: string; reason: string }): PaymentEvent[] =>
      failRefund(existing(state), command),

    Dispute: (state: Payment, command: Dispute): PaymentEvent[] => dispute(existing(state), command),

    EndDispute: (state: Payment, command: { disputeId: string; won: boolean }): PaymentEvent[] =>
      endDispute(existing(state), command),
  },

  weigh: (state: Payment) => (state.phase === "absent" ? 0 : 800 + state.refunds.size * 200),
});

/** The first capture has the name that version 0.1 gave it, so that one which it asked for is not made twice. */
function captureId(before: number): string {
  return before === 0 ? "capture" : `capture/${before + 1}`;
}

function restRefunded(payment: InitiatedPayment, reason: string): PaymentEvent {
  const { orderId, refunds } = payment;
  const first = cancellationRefund(orderId);
  const refundId = refunds.has(first) ? `${first}-${refunds.size}` : first;
  const data = { refundId, orderId, amount: refundable(payment), reason, cause: "cancellation" as const };
  return { type: "RefundRequested", data };
}

/** Decides on a payment that may have to be initiated first. */
function begun(
  state: Payment,
  initiate: Initiate | undefined,
  decide: (payment: InitiatedPayment) => PaymentEvent[],
): PaymentEvent[] {
  if (state.phase !== "absent" || !initiate) return decide(existing(state));
  const first = evolvePayment.PaymentInitiated(state, initiate, { time: 0 });
  return [{ type: "PaymentInitiated", data: initiate }, ...decide(existing(first))];
}

/** @throws Problem not_found */
function existing(state: Payment): InitiatedPayment {
  if (state.phase === "absent") throw new Problem("not_found", "there is no such payment");
  return state;
}
