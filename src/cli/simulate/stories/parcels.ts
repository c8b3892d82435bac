import type { Acts } from "../story.ts";
import { arrive, buy, card, linesFrom, type Story, ship, some, token } from "../story.ts";
import type { Payment, Told, Visit } from "../visit.ts";

const cash: Payment = { method: "cod" };

/** What becomes of parcels. */
export const parcels: readonly Story[] = [
  {
    name: "two parcels",
    weight: 5,
    async *play(visit) {
      const order = await buy(visit, visit.dice.pick([card, card, token("single_capture")]), { lines: 3 });
      yield* inTwo(visit, order);
    },
  },
  {
    name: "paid in cash",
    weight: 5,
    async *play(visit) {
      const order = await buy(visit, cash);
      yield* arrive(visit, order, yield* ship(visit, order));
    },
  },
  {
    name: "paid in cash, in two parcels",
    weight: 2,
    async *play(visit) {
      yield* inTwo(visit, await buy(visit, cash, { lines: 3 }));
    },
  },
  {
    name: "cash parcel refused at the door",
    weight: 3,
    async *play(visit) {
      yield* refusedWhole(visit, await buy(visit, cash));
    },
  },
  {
    name: "paid parcel refused at the door",
    weight: 2,
    async *play(visit) {
      yield* refusedWhole(visit, await buy(visit));
    },
  },
  {
    name: "a piece refused at the door",
    weight: 2,
    async *play(visit) {
      const order = await buy(visit, visit.dice.pick([cash, card]), { lines: 2 });
      const shipmentId = yield* ship(visit, order);
      const of = `/v1/orders/${order.id}/shipments/${shipmentId}`;
      yield 0.5;
      await visit.staff(`${of}/failures`, { outcome: "refused", lines: some(1) });
      await visit.staff(`/v1/orders/${order.id}/deliveries`, { shipmentId });
      yield 0.4;
      await visit.staff(`${of}/returns`, { lines: [{ lineId: 1, sellable: 1 }] });
      await visit.staff(`/v1/orders/${order.id}/cancel`, { reason: "refused at the door" });
    },
  },
  {
    name: "undeliverable, back and sent once more",
    weight: 2,
    async *play(visit) {
      const order = await buy(visit);
      yield* comesToNothing(visit, order, "undeliverable");
      yield* sentAgain(visit, order);
    },
  },
  {
    name: "lost and sent once more",
    weight: 2,
    async *play(visit) {
      const order = await buy(visit);
      const shipmentId = yield* ship(visit, order);
      yield 0.7;
      await visit.staff(`/v1/orders/${order.id}/shipments/${shipmentId}/failures`, { outcome: "lost" });
      yield* sentAgain(visit, order);
    },
  },
];

async function* inTwo(visit: Visit, order: Told): Acts {
  const first = yield* ship(visit, order, linesFrom(order).slice(0, 1));
  const second = yield* ship(visit, order, linesFrom(order, 1));
  yield* arrive(visit, order, first);
  yield* arrive(visit, order, second);
}

async function* refusedWhole(visit: Visit, order: Told): Acts {
  yield* comesToNothing(visit, order, "refused");
  await visit.staff(`/v1/orders/${order.id}/cancel`, { reason: "refused at the door" });
}

/** A parcel comes back, a piece of it damaged. */
async function* comesToNothing(visit: Visit, order: Told, outcome: "refused" | "undeliverable"): Acts {
  const of = `/v1/orders/${order.id}/shipments/${yield* ship(visit, order)}`;
  yield 0.5;
  await visit.staff(`${of}/failures`, { outcome });
  yield 0.5;
  const lines = order.lines.map(({ lineId, quantity }, index) => {
    const damaged = index === 0 && visit.dice.chance(0.5) ? 1 : 0;
    return { lineId, sellable: quantity - damaged, damaged };
  });
  await visit.staff(`${of}/returns`, { lines });
}

async function* sentAgain(visit: Visit, order: Told): Acts {
  await visit.staff(`/v1/orders/${order.id}/reshipments`, { lines: linesFrom(order) });
  yield* arrive(visit, order, yield* ship(visit, order));
}
