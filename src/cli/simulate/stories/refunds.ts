import { type Acts, buy, card, firstPayment, fulfil, type Story, some, token } from "../story.ts";
import type { Payment, Told, Visit } from "../visit.ts";

/** Money that goes back for what was delivered, and what banks take back. */
export const refunds: readonly Story[] = [
  {
    name: "a piece refunded",
    weight: 3,
    async *play(visit) {
      const { id } = yield* delivered(visit);
      await visit.staff(`/v1/orders/${id}/refunds`, { lines: some(1), reason: "a scratch" });
    },
  },
  {
    name: "shipping refunded",
    weight: 2,
    async *play(visit) {
      const { id } = yield* delivered(visit, card, "express");
      const body = { shipping: true, reason: "a day late" };
      // A shop that ships for nothing has nothing to refund.
      await visit.staff(`/v1/orders/${id}/refunds`, body, [201, 202, 409]);
    },
  },
  {
    name: "goodwill",
    weight: 3,
    async *play(visit) {
      const order = yield* delivered(visit);
      await visit.staff(`/v1/orders/${order.id}/refunds`, {
        amount: share(order, 10),
        reason: "a chipped rim",
      });
    },
  },
  {
    name: "refund refused by the bank, paid back by hand",
    weight: 1,
    async *play(visit) {
      const order = await buy(visit, token("refund_refused"));
      yield 0.1;
      // Pieces that will not be sent are owed, whatever the bank says.
      const body = { lines: some(1), reason: "sold out" };
      const refunds = `/v1/orders/${order.id}/refunds`;
      const { status, body: told } = await visit.staff(refunds, body, [201, 202, 402]);
      yield 0.1;
      if (status === 402) await visit.staff(`/v1/refunds/${told.refundId}/retry`, { manual: true });
      yield* fulfil(visit, order);
    },
  },
  {
    name: "refund that takes its time",
    weight: 2,
    async *play(visit) {
      const order = yield* delivered(visit, token("refund_pending"));
      yield* pendingRefund(visit, order, { type: "refund.succeeded" });
    },
  },
  {
    name: "refund that fails after some time",
    weight: 1,
    async *play(visit) {
      const order = yield* delivered(visit, token("refund_pending"));
      yield* pendingRefund(visit, order, { type: "refund.failed", reason: "the account is closed" });
    },
  },
  {
    name: "large refund approved",
    weight: 1,
    async *play(visit) {
      const { id } = yield* largeOrder(visit);
      const { status, body } = await visit.staff(`/v1/orders/${id}/refunds`, { reason: "woodworm" });
      yield 0.3;
      if (status === 202) await visit.staff(`/v1/refunds/${body.refundId}/approve`);
    },
  },
  {
    name: "large refund rejected",
    weight: 1,
    async *play(visit) {
      const { id } = yield* largeOrder(visit);
      const { status, body } = await visit.staff(`/v1/orders/${id}/refunds`, { reason: "the colour" });
      const reason = "the colour is as shown";
      if (status === 202) await visit.staff(`/v1/refunds/${body.refundId}/reject`, { reason });
    },
  },
  {
    name: "dispute won",
    weight: 1,
    play: (visit) => disputed(visit, "dispute.won"),
  },
  {
    name: "dispute lost",
    weight: 1,
    play: (visit) => disputed(visit, "dispute.lost"),
  },
];

async function* delivered(visit: Visit, payment: Payment = card, shippingMethod = "standard"): Acts<Told> {
  const order = await buy(visit, payment, { shippingMethod });
  yield* fulfil(visit, order);
  yield 0.3;
  return order;
}

async function* largeOrder(visit: Visit): Acts<Told> {
  await visit.open();
  await visit.add("W-402", 1);
  const { body: order } = await visit.checkOut(card);
  yield* fulfil(visit, order);
  yield 0.2;
  return order;
}

async function* pendingRefund(
  visit: Visit,
  order: Told,
  event: { type: "refund.succeeded" } | { type: "refund.failed"; reason: string },
): Acts {
  const body = { amount: share(order, 20), reason: "a missing lid" };
  const { body: told } = await visit.staff(`/v1/orders/${order.id}/refunds`, body, [202]);
  // One that waits for its approval is asked for at the gateway when it has it.
  await visit.approveWaiting();
  visit.isPromised = true;
  yield 0.3;
  visit.isPromised = false;
  await visit.webhook({ ...event, paymentId: firstPayment(order), refundId: told.refundId }, 2);
}

async function* disputed(visit: Visit, end: "dispute.won" | "dispute.lost"): Acts {
  const order = yield* delivered(visit);
  const of = { paymentId: firstPayment(order), disputeId: `dp_${order.id}` };
  const { amount } = order.totals.total;
  await visit.webhook({ type: "dispute.opened", ...of, amount, reason: "not recognised" });
  yield 0.8;
  await visit.webhook({ type: end, ...of });
}

const share = ({ totals: { total } }: Told, percent: number) => ({
  amount: Math.max(1, Math.floor((total.amount * percent) / 100)),
  currency: total.currency,
});
