import { arrive, buy, firstPayment, fulfil, payRest, type Story, ship, some, token } from "../story.ts";

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
    name: "edited: a piece swapped for another, sent by another way",
    weight: 3,
    async *play(visit) {
      const order = await buy(visit);
      yield 0.05;
      const add = visit.pickSkus(1).map((sku) => ({ sku, quantity: 1 }));
      const edit = { add, remove: some(1), shippingMethod: "express" };
      const { status, body } = await visit.staff(`/v1/orders/${order.id}/edits`, edit, [201, 409]);
      if (status === 201) await payRest(visit, body);
      yield* fulfil(visit, order);
    },
  },
  {
    name: "edited: another address",
    weight: 1,
    async *play(visit) {
      const order = await buy(visit);
      yield 0.05;
      const shippingAddress = {
        fullName: "A Neighbour",
        addressLine1: "2 High Street",
        city: "London",
        postalCode: "N1 1AB",
        country: "GB",
      };
      await visit.staff(`/v1/orders/${order.id}/edits`, { shippingAddress });
      yield* fulfil(visit, order);
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
