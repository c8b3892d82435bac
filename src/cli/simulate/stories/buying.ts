import { arrive, buy, card, firstPayment, fulfil, type Story, ship, token, tryToShip } from "../story.ts";
import type { Payment } from "../visit.ts";

const transfer: Payment = { method: "bank_transfer" };
const declined = token("declined");

/** Carts, and how they are paid. */
export const buying: readonly Story[] = [
  {
    name: "paid by card and delivered",
    weight: 26,
    async *play(visit) {
      const method = visit.dice.pick(["credit_card", "debit_card", "paypal"] as const);
      const order = await buy(visit, { method, token: "tok_ok" }, { lines: visit.dice.upTo(4) });
      yield* fulfil(visit, order);
    },
  },
  {
    name: "cart left to run out",
    weight: 14,
    async *play(visit) {
      await visit.fill();
      yield 0.02;
      for (const sku of visit.pickSkus(1)) await visit.add(sku, 1);
    },
  },
  {
    name: "cart abandoned",
    weight: 3,
    async *play(visit) {
      await visit.fill();
      yield 0.02;
      await visit.abandon();
    },
  },
  {
    name: "more wanted than there is",
    weight: 2,
    async *play(visit) {
      const [sku = ""] = visit.pickSkus(1);
      const { available } = await visit.staffGet(`/v1/stock/${sku}`);
      yield 0.01;
      await visit.open();
      await visit.add(sku, Math.max(1, available) + 50);
      await visit.checkOut(card, { allowed: [409] });
    },
  },
  {
    name: "card declined",
    weight: 4,
    async *play(visit) {
      await visit.fill();
      yield 0.01;
      await visit.checkOut(declined, { allowed: [402] });
    },
  },
  {
    name: "card declined, another one taken",
    weight: 3,
    async *play(visit) {
      await visit.fill();
      await visit.checkOut(declined, { allowed: [402] });
      yield 0.01;
      yield* fulfil(visit, (await visit.checkOut(card)).body);
    },
  },
  {
    name: "connection to the gateway broken off",
    weight: 2,
    async *play(visit) {
      yield* fulfil(visit, await buy(visit, token("error_once")));
    },
  },
  {
    name: "customer acts at the bank, told late and twice",
    weight: 4,
    async *play(visit) {
      const order = await buy(visit, token("action"));
      const done = { type: "payment.authorized", paymentId: firstPayment(order) };
      yield 0.001;
      await visit.webhook(done, 2);
      yield* fulfil(visit, order);
    },
  },
  {
    name: "customer fails at the bank",
    weight: 2,
    async *play(visit) {
      const paymentId = firstPayment(await buy(visit, token("action")));
      yield 0.001;
      await visit.webhook({ type: "payment.failed", paymentId, reason: "the code was wrong" });
    },
  },
  {
    name: "customer acts at the bank when it is too late",
    weight: 2,
    async *play(visit) {
      const paymentId = firstPayment(await buy(visit, token("action")));
      yield 0.8;
      await visit.webhook({ type: "payment.authorized", paymentId });
    },
  },
  {
    name: "transfer that comes in",
    weight: 5,
    async *play(visit) {
      const order = await buy(visit, transfer);
      yield 0.3 + visit.dice.next();
      await visit.staff(`/v1/payments/${firstPayment(order)}/capture`);
      yield* fulfil(visit, order);
    },
  },
  {
    name: "transfer in two parts",
    weight: 2,
    async *play(visit) {
      const order = await buy(visit, transfer);
      const { amount, currency } = order.totals.total;
      const capture = `/v1/payments/${firstPayment(order)}/capture`;
      yield 0.5;
      await visit.staff(capture, { amount: { amount: Math.ceil(amount / 3), currency } });
      yield 0.5;
      await visit.staff(capture);
      yield* fulfil(visit, order);
    },
  },
  {
    name: "transfer that never comes",
    weight: 3,
    async *play(visit) {
      await visit.fill();
      yield 0.01;
      await visit.checkOut(transfer);
    },
  },
  {
    name: "transfer that comes when its order is over",
    weight: 1,
    async *play(visit) {
      const order = await buy(visit, transfer);
      yield 2.6;
      await visit.staff(`/v1/payments/${firstPayment(order)}/capture`);
    },
  },
  {
    name: "transfer not made, paid by card after one was declined",
    weight: 2,
    async *play(visit) {
      const order = await buy(visit, transfer);
      yield 0.4;
      await visit.guest(`/v1/orders/${order.id}/payments`, declined, [402]);
      await visit.guest(`/v1/orders/${order.id}/payments`, card);
      yield* fulfil(visit, order);
    },
  },
  {
    name: "first capture refused",
    weight: 1,
    async *play(visit) {
      yield* fulfil(visit, await buy(visit, token("capture_refused_once")));
    },
  },
  {
    name: "capture refused, order cancelled",
    weight: 1,
    async *play(visit) {
      const { id } = await buy(visit, token(visit.dice.pick(["capture_refused", "expired"])));
      yield 0.2;
      await tryToShip(visit, id, undefined, [402, 409]);
      await visit.staff(`/v1/orders/${id}/cancel`, { reason: "the bank does not pay" });
    },
  },
  {
    name: "draft by staff for a customer",
    weight: 2,
    async *play(visit) {
      await visit.openDraft();
      for (const sku of visit.pickSkus(2)) await visit.add(sku, 2);
      yield 0.5;
      const { body: order } = await visit.checkOut(transfer);
      yield 0.5;
      await visit.staff(`/v1/payments/${firstPayment(order)}/capture`);
      const text = "Thank you for your call: your order is on its way.";
      await visit.staff(`/v1/orders/${order.id}/notes`, { text, visibility: "customer" });
      const shipmentId = yield* ship(visit, order);
      yield* arrive(visit, order, shipmentId);
    },
  },
];
