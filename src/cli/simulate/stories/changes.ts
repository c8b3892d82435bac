import { arrive, buy, firstPayment, fulfil, type Story, ship, some, token } from "../story.ts";

/** What is changed of an order before all of it has left. */
export const changes: readonly Story[] = [
  {
    name: "cancelled by the customer",
    weight: 3,
    async *play(visit) {
      const { id } = await buy(visit);
      yield 0.05;
      await visit.guest(`/v1/orders/${id}/cancel`, { reason: "ordered by mistake" });
    },
  },
  {
    name: "a piece cancelled",
    weight: 3,
    async *play(visit) {
      const order = await buy(visit);
      yield 0.05;
      await visit.staff(`/v1/orders/${order.id}/cancel`, { lines: some(1), reason: "one too many" });
      yield* fulfil(visit, order);
    },
  },
  {
    name: "the rest cancelled after a parcel has left",
    weight: 2,
    async *play(visit) {
      const order = await buy(visit);
      const shipmentId = yield* ship(visit, order, some(1));
      await visit.staff(`/v1/orders/${order.id}/cancel`, { reason: "the rest is not wanted any more" });
      yield* arrive(visit, order, shipmentId);
    },
  },
  {
    name: "cancelled, money kept",
    weight: 1,
    async *play(visit) {
      const order = await buy(visit, { method: "bank_transfer" });
      yield 0.3;
      await visit.staff(`/v1/payments/${firstPayment(order)}/capture`);
      await visit.staff(`/v1/orders/${order.id}/cancel`, { credit: "none", reason: "made to measure" });
    },
  },
  {
    name: "cancelled when the gateway has captured by itself",
    weight: 1,
    async *play(visit) {
      const { id } = await buy(visit, token("captured"));
      yield 0.1;
      await visit.staff(`/v1/orders/${id}/cancel`, { reason: "cannot be made" });
    },
  },
];
