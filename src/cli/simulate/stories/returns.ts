import { type Acts, fulfil, type Piece, type Story } from "../story.ts";
import type { Told, Visit } from "../visit.ts";

const reasons = ["changed_mind", "wrong_size", "not_as_described", "damaged", "wrong_item", "late"] as const;

/** What comes back from customers. */
export const returns: readonly Story[] = [
  {
    name: "return in parts, a piece damaged, the rest not sent",
    weight: 2,
    async *play(visit) {
      const { of } = yield* announced(visit, 4);
      yield 0.4;
      await visit.staff(`${of}/receive`, { lines: [{ lineId: 1, quantity: 2 }] });
      yield 0.2;
      await visit.staff(`${of}/inspect`, { lines: [{ lineId: 1, sellable: 1, damaged: 1 }] });
      await visit.staff(`${of}/receive`, { lines: [{ lineId: 1, sellable: 1 }] });
      yield 0.3;
      await visit.staff(`${of}/close`);
    },
  },
  {
    name: "return less a fee",
    weight: 2,
    async *play(visit) {
      const { order, of } = yield* announced(visit, 1);
      yield 0.5;
      const [line] = order.lines;
      if (!line) throw new Error("an order has lines");
      const fee = { ...line.unitPrice, amount: Math.floor(line.unitPrice.amount / 10) };
      await visit.staff(`${of}/receive`, { lines: [{ lineId: 1, sellable: 1 }], fee });
    },
  },
  {
    name: "return of which a piece is sent back to the customer",
    weight: 1,
    async *play(visit) {
      const { of } = yield* announced(visit, 2);
      yield 0.5;
      await visit.staff(`${of}/receive`, { lines: [{ lineId: 1, sellable: 1, rejected: 1 }] });
    },
  },
  {
    name: "return without money",
    weight: 1,
    async *play(visit) {
      const { of } = yield* announced(visit, 1);
      yield 0.5;
      await visit.staff(`${of}/receive`, { lines: [{ lineId: 1, damaged: 1 }], refund: "none" });
    },
  },
  {
    name: "return rejected",
    weight: 1,
    async *play(visit) {
      const { of } = yield* asked(visit, 1);
      yield 0.1;
      // Where announced returns are approved at once, there is nothing left to reject.
      await visit.staff(`${of}/reject`, { reason: "it was made to measure" }, [200, 409]);
    },
  },
  {
    name: "return withdrawn",
    weight: 1,
    async *play(visit) {
      const { of } = yield* announced(visit, 1);
      yield 0.3;
      await visit.guest(`${of}/withdraw`);
    },
  },
  {
    name: "return over the counter",
    weight: 3,
    async *play(visit) {
      const { id } = yield* delivered(visit, 2);
      const lines = [{ lineId: 1, quantity: 2, reason: visit.dice.pick(reasons), sellable: 1 }];
      await visit.staff(`/v1/orders/${id}/returns`, { lines });
    },
  },
];

/** An order of some pieces of one thing, and of another one, that has arrived. */
async function* delivered(visit: Visit, pieces: number): Acts<Told> {
  const [first = "", second = ""] = visit.pickSkus(2);
  await visit.open();
  await visit.add(first, pieces);
  await visit.add(second, 1);
  const { body: order } = await visit.checkOut({ method: "paypal", token: "tok_ok" });
  yield* fulfil(visit, order);
  yield 0.3 + visit.dice.next() * 0.5;
  return order;
}

/** Asked for by its customer. @returns where it is spoken to */
async function* asked(visit: Visit, pieces: number): Acts<{ order: Told; of: string }> {
  const order = yield* delivered(visit, pieces);
  const piece: Piece & { reason: string } = {
    lineId: 1,
    quantity: pieces,
    reason: visit.dice.pick(reasons),
  };
  const { body } = await visit.guest(`/v1/orders/${order.id}/returns`, { lines: [piece] });
  return { order, of: `/v1/orders/${order.id}/returns/${body.returnId}` };
}

async function* announced(visit: Visit, pieces: number): Acts<{ order: Told; of: string }> {
  const told = yield* asked(visit, pieces);
  yield 0.1;
  await visit.staff(`${told.of}/approve`);
  return told;
}
