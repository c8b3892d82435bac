import type { ShopEvents } from "../commands/events.ts";
import type { refundCauses } from "../commands/order/events.ts";
import { type ProjectedEvent, projectionOf } from "../src/engine/projection.ts";
import type { ViewModel } from "../src/stores/view-store/view-store.ts";
import type { Money } from "../src/values/money.ts";
import { knownIn, onExisting, streamKey } from "./handlers.ts";

/** More than an order has: a checkout makes one payment. */
const paymentsOfOrderMax = 100;

export type PaymentPhase = "initiated" | "action_required" | "authorized" | "captured" | "voided" | "failed";

type RefundCause = (typeof refundCauses)[number];

interface RefundDoc {
  id: string;
  amount: number;
  cause: RefundCause;
  reason: string;
  status: "pending" | "succeeded" | "failed";
  /** Epoch milliseconds. */
  requestedAt: number;
  failure?: string;
}

/** Amounts are minor units. */
interface PaymentDoc {
  orderId: string;
  amount: number;
  currency: string;
  method: string;
  gateway: string;
  status: PaymentPhase;
  captured: number;
  refunded: number;
  refundPending: number;
  refunds: RefundDoc[];
  createdAt: number;
  updatedAt: number;
  actionUrl?: string;
  failure?: string;
  /** Authorized after it had ended: the authorization has still to be given back. */
  orphaned?: true;
}

export interface RefundView {
  id: string;
  amount: Money;
  cause: RefundCause;
  reason: string;
  status: "pending" | "succeeded" | "failed";
  failure?: string;
  requestedAt: string;
}

export interface PaymentView {
  id: string;
  orderId: string;
  amount: Money;
  method: string;
  gateway: string;
  status: PaymentPhase;
  captured: Money;
  /** Money that is back, and money that is on its way back. */
  refunded: Money;
  refundPending: Money;
  refunds: RefundView[];
  /** Where the customer goes on, while the status is `action_required`. */
  actionUrl?: string;
  failure?: string;
  orphaned?: true;
  createdAt: string;
  updatedAt: string;
}

const moves = <Data>(change: (payment: PaymentDoc, data: Data, time: number) => void) =>
  onExisting((payment: PaymentDoc, { data, time }: ProjectedEvent<Data>) => {
    change(payment, data, time);
    payment.updatedAt = time;
  });

/** What a payment has come to. Tokens of a gateway are not kept. */
export const paymentsProjection = projectionOf<ShopEvents>()<PaymentDoc>({
  name: "payments",
  version: 1,
  columns: { orderId: "text" },
  indexes: [["orderId"]],
  columnsOf: ({ orderId }) => ({ orderId }),
  present: (doc, id) => viewOf(id, doc),
  on: {
    PaymentInitiated: {
      keys: streamKey,
      change: (_, { data, time }) => ({
        orderId: data.orderId,
        amount: data.amount,
        currency: data.currency,
        method: data.method,
        gateway: data.gateway,
        status: "initiated",
        captured: 0,
        refunded: 0,
        refundPending: 0,
        refunds: [],
        createdAt: time,
        updatedAt: time,
      }),
    },
    PaymentActionRequired: moves((payment, { actionUrl }) => {
      payment.status = "action_required";
      payment.actionUrl = actionUrl;
    }),
    PaymentAuthorized: moves((payment) => {
      payment.status = "authorized";
    }),
    PaymentCaptured: moves((payment, { amount }) => {
      payment.status = "captured";
      payment.captured += amount;
      delete payment.orphaned;
    }),
    CaptureFailed: moves((payment, { reason }) => {
      payment.failure = reason;
    }),
    PaymentVoided: moves((payment) => {
      payment.status = "voided";
      delete payment.orphaned;
    }),
    PaymentFailed: moves((payment, { reason }) => {
      payment.status = "failed";
      payment.failure = reason;
    }),
    PaymentOrphaned: moves((payment) => {
      payment.orphaned = true;
    }),
    RefundRequested: moves((payment, { refundId, amount, cause, reason }, time) => {
      payment.refunds.push({ id: refundId, amount, cause, reason, status: "pending", requestedAt: time });
      payment.refundPending += amount;
    }),
    RefundSucceeded: moves((payment, { refundId, amount }) => {
      endRefund(payment, refundId).status = "succeeded";
      payment.refunded += amount;
    }),
    RefundFailed: moves((payment, { refundId, reason }) => {
      const refund = endRefund(payment, refundId);
      refund.status = "failed";
      refund.failure = reason;
    }),
  },
});

/** A refund that was thought to have failed can succeed after all. */
function endRefund(payment: PaymentDoc, refundId: string): RefundDoc {
  const refund = knownIn(payment.refunds, "id", refundId);
  if (refund.status === "pending") payment.refundPending -= refund.amount;
  delete refund.failure;
  return refund;
}

function viewOf(id: string, doc: PaymentDoc): PaymentView {
  const { orderId, currency, method, gateway, status, actionUrl, failure, orphaned } = doc;
  const money = (amount: number): Money => ({ amount, currency });
  return {
    id,
    orderId,
    amount: money(doc.amount),
    method,
    gateway,
    status,
    captured: money(doc.captured),
    refunded: money(doc.refunded),
    refundPending: money(doc.refundPending),
    refunds: doc.refunds.map(({ id, amount, cause, reason, status, requestedAt, failure }) => ({
      id,
      amount: money(amount),
      cause,
      reason,
      status,
      ...(failure !== undefined && { failure }),
      requestedAt: new Date(requestedAt).toISOString(),
    })),
    ...(status === "action_required" && actionUrl !== undefined && { actionUrl }),
    ...(status !== "captured" && failure !== undefined && { failure }),
    ...(orphaned && { orphaned }),
    createdAt: new Date(doc.createdAt).toISOString(),
    updatedAt: new Date(doc.updatedAt).toISOString(),
  };
}

/** @returns undefined when there is no such payment */
export async function getPayment(model: ViewModel, id: string): Promise<PaymentView | undefined> {
  const found = await model.get(id);
  return found && (JSON.parse(found.json) as PaymentView);
}

/** The payments of an order, oldest first. */
export async function paymentsOfOrder(model: ViewModel, orderId: string): Promise<PaymentView[]> {
  const { items } = await model.find({
    where: [{ column: "orderId", eq: orderId }],
    limit: paymentsOfOrderMax,
  });
  const payments = items.map(({ json }) => JSON.parse(json) as PaymentView);
  return payments.sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
}
