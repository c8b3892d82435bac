import { z } from "zod";
import { refundCauses } from "../../../commands/order/events.ts";
import { refundStatuses } from "../../../commands/payment/state.ts";
import { paymentPhases } from "../../../projections/payments.ts";
import { money } from "./money.ts";
import { textView, viewOf } from "./view.ts";

const refund = z.strictObject({
  id: z.string(),
  amount: money,
  cause: z.enum(refundCauses),
  reason: z.string(),
  status: z.enum(refundStatuses),
  failure: z.string().optional(),
  requestedAt: z.string().optional(),
});

const dispute = z.strictObject({
  id: z.string(),
  amount: money,
  reason: z.string(),
  status: z.enum(["open", "won", "lost"]),
  at: z.string(),
});

export const payment = z
  .strictObject({
    id: z.string(),
    orderId: z.string(),
    status: z.enum(paymentPhases),
    method: z.string(),
    gateway: z.string(),
    amount: money,
    /** What its gateway holds or has moved; by hand, what has come in. */
    authorized: money.optional(),
    captured: money,
    /** Money that is back, and money that is on its way back. */
    refunded: money,
    refundPending: money.optional(),
    /** Of what was captured, what can still be given back. */
    refundable: money.optional(),
    refunds: z.array(refund).optional(),
    /** A customer has asked their bank for the money. */
    disputes: z.array(dispute).optional(),
    /** Where the customer goes on, while the status is `action_required`. */
    actionUrl: z.string().optional(),
    failure: z.string().optional(),
    /** Authorized after it had ended: the authorization has still to be given back. */
    orphaned: z.literal(true).optional(),
    createdAt: z.string().optional(),
    updatedAt: z.string().optional(),
  })
  .meta({ id: "Payment" });

/** As its order shows it to the customer. */
export const guestPayment = payment
  .pick({
    id: true,
    status: true,
    method: true,
    amount: true,
    captured: true,
    refunded: true,
    actionUrl: true,
    createdAt: true,
    updatedAt: true,
  })
  .meta({ id: "GuestPayment" });

export const paymentAnswer = payment;
export const sandboxEventAnswer = z.strictObject({ id: z.string() }).meta({ id: "SandboxEventSent" });
export const webhookAnswer = z.strictObject({ received: z.literal(true) }).meta({ id: "WebhookTaken" });

export const staffPaymentOf = viewOf(payment);
export const staffPaymentText = textView(payment);
