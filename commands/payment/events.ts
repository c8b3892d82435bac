import { z } from "zod";
import { event } from "../../src/engine/decider.ts";
import { paymentMethods } from "../cart/events.ts";
import { refundCauses } from "../order/events.ts";

const minorUnits = z.int().min(0);

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
    }),
  ),
  PaymentActionRequired: event(z.object({ actionUrl: z.string() })),
  PaymentAuthorized: event(z.object({ amount: minorUnits, reference: z.string() })),
  CaptureRequested: event(z.object({ movementId: z.string() })),
  /** `orderId` is that of the order which has to hear of it; version 0.1 left it out. */
  PaymentCaptured: event(
    z.object({
      amount: minorUnits,
      orderId: z.string().optional(),
      /** Of one of several captures: cash that came parcel by parcel. */
      captureId: z.string().optional(),
    }),
  ),
  /** The order of a captured payment is over, and has nothing to book. */
  OrderTold: event(z.object({})),
  CaptureFailed: event(z.object({ reason: z.string() })),
  /** All that was, or will yet turn out to be, authorized or captured is to go back. */
  VoidRequested: event(z.object({ reason: z.string() })),
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
