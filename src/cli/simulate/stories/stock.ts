import { card, fulfil, type Story } from "../story.ts";

const lowMax = 20;
const full = 60;

/** What staff does in the store room, each day. */
export const stockRoom: readonly Story[] = [
  {
    name: "stock received",
    weight: 0,
    async *play(visit) {
      yield 0.01;
      for (const sku of visit.shop.skus) {
        const { available } = await visit.staffGet(`/v1/stock/${sku}`);
        if (available >= lowMax) continue;
        const body = { quantity: full - available, reference: `delivery note ${visit.dice.upTo(9_999)}` };
        await visit.staff(`/v1/stock/${sku}/receipts`, body);
      }
    },
  },
  {
    name: "count that is short, an order at risk",
    weight: 0,
    async *play(visit) {
      // Others would be told that it is out of stock.
      const sku = visit.shop.countedSku;
      await visit.open();
      await visit.add(sku, 3);
      const { body: order } = await visit.checkOut(card);
      yield 0.02;
      const { committed, damaged, quarantine } = await visit.staffGet(`/v1/stock/${sku}`);
      // A piece less than was promised.
      const counted = Math.max(0, committed - 1) + damaged + quarantine;
      await visit.staff(`/v1/stock/${sku}/counts`, { counted, reason: "stocktaking" });
      yield 0.3;
      await visit.staff(`/v1/stock/${sku}/receipts`, { quantity: full, reference: "ordered again" });
      yield* fulfil(visit, order);
    },
  },
  {
    name: "breakage, put aside and written off",
    weight: 0,
    async *play(visit) {
      const moves = `/v1/stock/${visit.dice.pick(visit.shop.skus)}/moves`;
      const move = (from: string, to: string, quantity: number, reason: string) =>
        visit.staff(moves, { from, to, quantity, reason });
      await move("sellable", "damaged", 2, "fell off the shelf");
      await move("sellable", "quarantine", 2, "a wet box");
      yield 0.3;
      await move("quarantine", "sellable", 1, "dry again");
      await move("damaged", "out", 2, "written off");
    },
  },
  {
    name: "stock corrected",
    weight: 0,
    async *play(visit) {
      yield 0.01;
      const sku = visit.dice.pick(visit.shop.skus);
      const delta = visit.dice.pick([-1, 1, 2]);
      await visit.staff(`/v1/stock/${sku}/adjustments`, { delta, reason: "found while tidying up" });
    },
  },
];
