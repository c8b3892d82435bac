import { z } from "zod";
import { event } from "../../src/engine/decider.ts";
import { paymentMethods } from "../cart/events.ts";
import { refundCauses } from "../order/events.ts";

const minorUnits = z.int().min(0);
const further = z.literal(true).optional();
const refundEnd = z.object({
  refundId: z.string(),
  orderId: z.string(),
  amount: z.int().min(1),
  reason: z.string(),
});
const dispute = z.object({ disputeId: z.string(), orderId: z.string(), amount: z.int().min(1) });

/**
 * Every movement of money is intended before the gateway is asked: CaptureRequested, VoidRequested and
 * RefundRequested stand on the log first, and are what is still to do until their answer stands there too.
 */
export const paymentEvents = {
  /** Amounts are minor units of `currency`. */
  PaymentInitiated: event(
    z.object({
      orderId: z.string(),
      amount: minorUnits,
      currency: z.string(),
      method: z.enum(paymentMethods),
      gateway: z.string(),
      token: z.string().optional(),
      /** Not by a checkout, but added to an order that is confirmed. */
      further,
    }),
  ),
  PaymentActionRequired: event(z.object({ actionUrl: z.string(), further })),
  /** `singleCapture`: what a capture leaves of it cannot be captured later. */
  PaymentAuthorized: event(
    z.object({
      amount: minorUnits,
      reference: z.string(),
      singleCapture: z.literal(true).optional(),
      further,
    }),
  ),
  /** All that is left without an amount. */
  CaptureRequested: event(
    z.object({
      movementId: z.string(),
      amount: z.int().min(1).optional(),
      /** Somebody waits for it: refused, it is not asked for again by itself. */
      once: z.literal(true).optional(),
    }),
  ),
  /** `orderId` is that of the order which has to hear of it; version 0.1 left it out. */
  PaymentCaptured: event(
    z.object({
      amount: minorUnits,
      orderId: z.string().optional(),
      /** Of one of several captures: shipment by shipment, or cash that came parcel by parcel. */
      captureId: z.string().optional(),
    }),
  ),
  /** The order of a captured payment is over, and has nothing to book. */
  OrderTold: event(z.object({})),
  CaptureFailed: event(z.object({ reason: z.string(), once: z.literal(true).optional() })),
  /**
   * All that was, or will yet turn out to be, authorized or captured is to go back. `rest`: what was captured stays.
   */
  VoidRequested: event(z.object({ reason: z.string(), rest: z.literal(true).optional() })),
  /** What was authorized and not captured is the customer's again; a second authorization goes by its `reference`. */
  AuthorizationReleased: event(
    z.object({ amount: minorUnits, reason: z.string(), reference: z.string().optional() }),
  ),
  PaymentVoided: event(z.object({ reason: z.string() })),
  PaymentFailed: event(z.object({ reason: z.string() })),
  RefundRequested: event(
    z.object({
      refundId: z.string(),
      orderId: z.string(),
      amount: z.int().min(1),
      reason: z.string(),
      cause: z.enum(refundCauses),
      /** It waits for RefundApproved. */
      held: z.literal(true).optional(),
      /** Staff give it back themselves. */
      manual: z.literal(true).optional(),
    }),
  ),
  RefundApproved: event(z.object({ refundId: z.string() })),
  RefundRejected: event(refundEnd),
  RefundSucceeded: event(z.object({ refundId: z.string(), amount: z.int().min(1), reference: z.string() })),
  RefundFailed: event(refundEnd),
  /** The customer's bank has taken money back; it stays away unless the dispute is won. */
  ChargebackReceived: event(dispute.extend({ reason: z.string() })),
  ChargebackWon: event(dispute),
  ChargebackLost: event(dispute),
  /** Money was authorized for an order that is not going to happen, or twice; it goes back. */
  PaymentOrphaned: event(
    z.object({
      reason: z.string(),
      reference: z.string(),
      /** Beside one that stays. */
      second: z.literal(true).optional(),
    }),
  ),
};
