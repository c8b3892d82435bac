import { type DataOf, decider, type EventOf } from "../../src/engine/decider.ts";
import { illegalTransition, Problem } from "../../src/values/problem.ts";
import { paymentEvents } from "./events.ts";
import {
  evolvePayment,
  type InitiatedPayment,
  initialPayment,
  manualGateway,
  type Payment,
  refundable,
  refundOf,
} from "./state.ts";

const refundsMax = 1_000;

type PaymentEvent = EventOf<typeof paymentEvents>;
export type Initiate = DataOf<typeof paymentEvents, "PaymentInitiated">;

interface RequestRefund {
  refundId: string;
  amount?: number;
  reason: string;
  cause: DataOf<typeof paymentEvents, "RefundRequested">["cause"];
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
      begun(state, initiate, ({ phase }) =>
        phase === "initiated" ? [{ type: "PaymentActionRequired", data: { actionUrl } }] : [],
      ),

    /** The gateway says yes. After a void it is too late: the money is orphaned and has to go back. */
    Authorize: (state: Payment, { reference, initiate }: MayBeFirst & { reference: string }) =>
      begun(state, initiate, (payment): PaymentEvent[] => {
        switch (payment.phase) {
          case "initiated":
          case "action_required":
          case "failed":
            return [{ type: "PaymentAuthorized", data: { amount: payment.amount, reference } }];
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
            return [];
        }
      }),

    /** A failure that arrives late takes nothing away. */
    Fail: (state: Payment, { reason, initiate }: MayBeFirst & { reason: string }) =>
      begun(state, initiate, ({ phase }) =>
        phase === "initiated" || phase === "action_required"
          ? [{ type: "PaymentFailed", data: { reason } }]
          : [],
      ),

    /** Books what nobody authorizes; else what the gateway is to be asked for stands on the log first. */
    RequestCapture: (state: Payment): PaymentEvent[] => {
      const payment = existing(state);
      const { phase, gateway, amount, orderId, capturing, captures, givingBack } = payment;
      const rest = amount - payment.captured;
      if (phase === "captured" && gateway === manualGateway && rest > 0)
        return [{ type: "PaymentCaptured", data: { amount: rest, orderId, captureId: "rest" } }];
      if (phase === "captured" || capturing !== undefined) return [];
      if (givingBack !== undefined) throw illegalTransition("the payment is being given back");
      if (phase === "initiated" && gateway === manualGateway)
        return [{ type: "PaymentCaptured", data: { amount, orderId } }];
      if (phase !== "authorized") throw illegalTransition(`a payment that is ${phase} cannot be captured`);
      return [{ type: "CaptureRequested", data: { movementId: captureId(captures) } }];
    },

    /** Cash has come in, a part of all that is to come. */
    Book: (state: Payment, command: { captureId: string; amount: number }): PaymentEvent[] => {
      const { captureId, amount } = command;
      const { booked, captured, orderId, gateway, phase, amount: all } = existing(state);
      if (booked.has(captureId)) return [];
      if (gateway !== manualGateway || (phase !== "initiated" && phase !== "captured"))
        throw illegalTransition(`a payment that is ${phase} at ${gateway} takes no cash`);
      if (amount > all - captured)
        throw illegalTransition(`${all - captured} minor units are still to be paid, not ${amount}`);
      return [{ type: "PaymentCaptured", data: { amount, orderId, captureId } }];
    },

    /** The gateway has captured. What it has captured of a payment that is over goes back at once. */
    Capture: (state: Payment): PaymentEvent[] => {
      const { phase, amount, orderId, orphaned } = existing(state);
      if (phase === "captured") return [];
      if (orphaned) {
        const data = { amount, orderId };
        const captured = existing(evolvePayment.PaymentCaptured(state, data));
        return [{ type: "PaymentCaptured", data }, restRefunded(captured, "captured after it was over")];
      }
      if (phase !== "authorized") throw illegalTransition(`a payment that is ${phase} cannot be captured`);
      return [{ type: "PaymentCaptured", data: { amount, orderId } }];
    },

    MarkTold: (state: Payment): PaymentEvent[] =>
      existing(state).told ? [] : [{ type: "OrderTold", data: {} }],

    FailCapture: (
      state: Payment,
      { movementId, reason }: { movementId: string; reason: string },
    ): PaymentEvent[] => {
      const { phase, capturing } = existing(state);
      if (phase !== "authorized" || capturing !== movementId) return [];
      return [{ type: "CaptureFailed", data: { reason } }];
    },

    /**
     * All that was authorized or captured is to go back, also what only turns out to have been. Nothing to do
     * for what never came about.
     */
    GiveBack: (state: Payment, { reason, initiate }: MayBeFirst & { reason: string }) =>
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
            return givingBack === undefined ? [{ type: "VoidRequested", data: { reason } }] : [];
          case "captured":
            return refundable(payment) > 0 ? [restRefunded(payment, reason)] : [];
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
      const { phase, orphaned, ...payment } = existing(state);
      if (phase === "voided" && !orphaned) return [];
      if (phase === "captured") throw illegalTransition("a captured payment is refunded, not voided");
      if (payment.reference !== reference)
        throw new Problem("too_much_contention", "the payment was authorized in this moment; try again");
      return [{ type: "PaymentVoided", data: { reason } }];
    },

    /** Never more than was captured, what is on its way back included. All that is left without an amount. */
    RequestRefund: (state: Payment, command: RequestRefund): PaymentEvent[] => {
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

    SucceedRefund: (
      state: Payment,
      { refundId, reference }: { refundId: string; reference: string },
    ): PaymentEvent[] => {
      const refund = refundOf(existing(state), refundId);
      // The money is back, whatever was thought before.
      if (refund.status === "succeeded") return [];
      return [{ type: "RefundSucceeded", data: { refundId, amount: refund.amount, reference } }];
    },

    FailRefund: (
      state: Payment,
      { refundId, reason }: { refundId: string; reason: string },
    ): PaymentEvent[] => {
      const payment = existing(state);
      const { status, amount } = refundOf(payment, refundId);
      if (status !== "pending") return [];
      return [{ type: "RefundFailed", data: { refundId, orderId: payment.orderId, amount, reason } }];
    },
  },

  weigh: (state: Payment) => (state.phase === "absent" ? 0 : 800 + state.refunds.size * 200),
});

/** The first capture has the name that version 0.1 gave it, so that one which it asked for is not made twice. */
function captureId(before: number): string {
  return before === 0 ? "capture" : `capture/${before + 1}`;
}

const cancellationRefund = "cancellation";

function restRefunded(payment: InitiatedPayment, reason: string): PaymentEvent {
  const taken = payment.refunds.has(cancellationRefund);
  const refundId = taken ? `${cancellationRefund}/${payment.refunds.size}` : cancellationRefund;
  const { orderId } = payment;
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
