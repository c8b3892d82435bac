import type { ShopEvents } from "../commands/events.ts";
import type { refundCauses } from "../commands/order/events.ts";
import { isUnderWay, type RefundStatus } from "../commands/payment/state.ts";
import { type ProjectedEvent, projectionOf } from "../src/engine/projection.ts";
import type { ViewModel } from "../src/stores/view-store/view-store.ts";
import type { Money } from "../src/values/money.ts";
import { knownIn, onExisting, streamKey } from "./handlers.ts";

/** More than an order has: its own, and those that guests and staff may add. */
const paymentsOfOrderMax = 250;

export const paymentPhases = [
  "initiated",
  "action_required",
  "authorized",
  "partially_captured",
  "captured",
  "voided",
  "failed",
] as const;
export type PaymentPhase = (typeof paymentPhases)[number];

type RefundCause = (typeof refundCauses)[number];

interface RefundDoc {
  id: string;
  amount: number;
  cause: RefundCause;
  reason: string;
  status: RefundStatus;
  /** Epoch milliseconds. */
  requestedAt: number;
  failure?: string;
}

type DisputeDoc = { id: string; amount: number; reason: string; status: "open" | "won" | "lost"; at: number };

/** Amounts are minor units. */
interface PaymentDoc {
  orderId: string;
  amount: number;
  currency: string;
  method: string;
  gateway: string;
  status: PaymentPhase;
  /** What its gateway holds or has moved; by hand, what has come in. */
  authorized: number;
  captured: number;
  refunded: number;
  refundPending: number;
  refunds: RefundDoc[];
  disputes?: DisputeDoc[];
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
  status: RefundStatus;
  failure?: string;
  requestedAt: string;
}

export interface DisputeView extends Omit<DisputeDoc, "amount" | "at"> {
  amount: Money;
  at: string;
}

export interface PaymentView {
  id: string;
  orderId: string;
  amount: Money;
  method: string;
  gateway: string;
  status: PaymentPhase;
  /** What its gateway holds or has moved; by hand, what has come in. */
  authorized: Money;
  captured: Money;
  /** Money that is back, and money that is on its way back. */
  refunded: Money;
  refundPending: Money;
  refunds: RefundView[];
  disputes?: DisputeView[];
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
  version: 3,
  columns: { orderId: "text" },
  lists: ["refund"],
  indexes: [["orderId"]],
  columnsOf: ({ orderId }) => ({ orderId }),
  listsOf: ({ refunds }) => ({ refund: refunds.map(({ id }) => id) }),
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
        authorized: 0,
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
    PaymentAuthorized: moves((payment, { amount }) => {
      payment.status = "authorized";
      payment.authorized = amount;
      delete payment.failure;
    }),
    PaymentCaptured: moves((payment, { amount }) => {
      payment.captured += amount;
      delete payment.failure;
      payment.authorized = Math.max(payment.authorized, payment.captured);
      payment.status = payment.captured < payment.amount ? "partially_captured" : "captured";
      delete payment.orphaned;
    }),
    AuthorizationReleased: moves((payment, { reference }) => {
      if (reference === undefined) {
        payment.status = "captured";
        payment.authorized = payment.captured;
      } else delete payment.orphaned;
    }),
    CaptureFailed: moves((payment, { reason }) => {
      payment.failure = reason;
    }),
    PaymentVoided: moves((payment) => {
      payment.status = "voided";
      payment.authorized = payment.captured;
      delete payment.orphaned;
    }),
    PaymentFailed: moves((payment, { reason }) => {
      payment.status = "failed";
      payment.failure = reason;
    }),
    PaymentOrphaned: moves((payment) => {
      payment.orphaned = true;
    }),
    RefundRequested: moves((payment, { refundId, amount, cause, reason, held }, time) => {
      const status = held ? "awaiting_approval" : "pending";
      payment.refunds.push({ id: refundId, amount, cause, reason, status, requestedAt: time });
      payment.refundPending += amount;
    }),
    RefundApproved: moves((payment, { refundId }) => {
      knownIn(payment.refunds, "id", refundId).status = "pending";
    }),
    RefundRejected: moves((payment, { refundId, reason }) => {
      const refund = endRefund(payment, refundId);
      refund.status = "rejected";
      refund.failure = reason;
    }),
    ChargebackReceived: moves((payment, { disputeId, amount, reason }, time) => {
      payment.disputes ??= [];
      payment.disputes.push({ id: disputeId, amount, reason, status: "open", at: time });
    }),
    ChargebackWon: moves((payment, { disputeId }) => {
      knownIn(payment.disputes ?? [], "id", disputeId).status = "won";
    }),
    ChargebackLost: moves((payment, { disputeId }) => {
      knownIn(payment.disputes ?? [], "id", disputeId).status = "lost";
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
  if (isUnderWay(refund)) payment.refundPending -= refund.amount;
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
    authorized: money(doc.authorized),
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
    ...(doc.disputes && {
      disputes: doc.disputes.map(({ amount, at, ...dispute }) => ({
        ...dispute,
        amount: money(amount),
        at: new Date(at).toISOString(),
      })),
    }),
    ...(status === "action_required" && actionUrl !== undefined && { actionUrl }),
    ...(failure !== undefined && { failure }),
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

/** What payments have that could go back, in minor units: not what banks have taken back. */
export function hadIn(payments: readonly PaymentView[]): number {
  const had = payments.map((payment) => {
    const { captured, refunded, refundPending } = payment;
    const left = captured.amount - refunded.amount - refundPending.amount - heldIn([payment]).disputed;
    return Math.max(0, left);
  });
  return had.reduce((sum, amount) => sum + amount, 0);
}

/** The payments that give money back by a refund. */
export async function paymentsOfRefund(model: ViewModel, refundId: string): Promise<PaymentView[]> {
  const { items } = await model.find({
    where: [{ column: "refund", has: refundId }],
    limit: paymentsOfOrderMax,
  });
  return items.map(({ json }) => JSON.parse(json) as PaymentView);
}

/** What gateways hold or have moved for the shop, and what banks have taken back, in minor units. */
export function heldIn(payments: readonly PaymentView[]): { authorized: number; disputed: number } {
  const authorized = payments.map((payment) => payment.authorized.amount);
  const disputed = payments.flatMap(({ disputes = [] }) =>
    disputes.map(({ amount, status }) => (status === "won" ? 0 : amount.amount)),
  );
  const sum = (amounts: number[]) => amounts.reduce((total, amount) => total + amount, 0);
  return { authorized: sum(authorized), disputed: sum(disputed) };
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
