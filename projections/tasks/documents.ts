import { paymentIdOf } from "../../commands/order/state.ts";

/**
 * What is still to be done, by when: checkouts under way, effects of orders and what they wait for, movements of money,
 * webhooks, carts that will run out, drafts to be published; and what staff has to see to: money that is owed, refunds
 * that wait for their approval, captures that are refused for good. Reservations have a model of their own
 * (stock/reservations.ts). The durable timers: what the log says is open is here, and what is done is gone.
 */
export type Task =
  | { kind: "cart"; dueAt: number }
  /** A draft's cart is never due. */
  | { kind: "checkout"; dueAt: number; cartDueAt?: number }
  /** Effects by name; and what has to be here, and by when: a transfer, goods that were credited in advance. */
  | { kind: "order"; dueAt: number; open: string[]; awaited?: Record<string, number> }
  /**
   * What is open of a payment, by name, and when each is due; or its gateway has refused each capture, since then, and
   * nothing tries another by itself: that is staff's. `refusal` is its last one.
   */
  | {
      kind: "payment" | "capture";
      dueAt: number;
      open: Record<string, number>;
      captureTries: number;
      refusal?: string;
    }
  | { kind: "webhook"; dueAt: number }
  /** A draft that is to be published. */
  | { kind: "publication"; dueAt: number }
  /** A file that was handed in. */
  | { kind: "import"; dueAt: number }
  /**
   * An order's, since then: its customer is owed so much that nothing gives back by itself. `refundId` is the refund
   * that came to nothing, if it was one. An order that was never placed has no books to tell what it owes.
   */
  | ({ kind: "refund"; dueAt: number; neverPlaced?: true } & About)
  /** A refund's, since then: staff approves or rejects it. `parts` is how much of it waits, by payment. */
  | ({ kind: "approval"; dueAt: number; parts: Record<string, number> } & About);

/** What staff has to know: minor units. */
interface About {
  orderId: string;
  amount: number;
  /** Where its order was never placed, so that nothing else leads to it. */
  paymentId?: string;
  refundId?: string;
  reason?: string;
}

/** What is done by itself. */
export const taskKinds = [
  "checkout",
  "payment",
  "order",
  "webhook",
  "cart",
  "publication",
  "import",
] as const;
/** What is for staff to see to. */
export const staffTaskKinds = ["refund", "approval", "capture"] as const;
export type TaskKind = (typeof taskKinds)[number] | (typeof staffTaskKinds)[number];

/** A process that is under way is left alone for this long, then taken up again. */
export const takeUpAfterMs = 30_000;

export const keyOf =
  (kind: TaskKind) =>
  ({ id }: { id: string }): string =>
    `${kind}/${id}`;
export const cartKey = keyOf("cart");
export const orderKey = keyOf("order");
export const paymentKey = keyOf("payment");
export const refundKey = keyOf("refund");
export const approvalKey = ({ data: { refundId } }: { data: { refundId: string } }) =>
  keyOf("approval")({ id: refundId });
/** The payment of an order's own event: the one it was placed with, or one that was added. */
export const itsPaymentKey = ({ id, data }: { id: string; data: { paymentId?: string | undefined } }) =>
  paymentKey({ id: data.paymentId ?? paymentIdOf(id) });
export const firstPaymentKey = ({ id }: { id: string }) => paymentKey({ id: paymentIdOf(id) });

export type PaymentTask = Extract<Task, { kind: "payment" | "capture" }>;

export function isOfPayment(doc: Task | undefined): doc is PaymentTask {
  return doc?.kind === "payment" || doc?.kind === "capture";
}
