import type { Book, BookLine, Bucket } from "../../commands/order/book.ts";

/** Where the pieces of a line are. */
export interface Quantities extends Record<Bucket, number> {
  ordered: number;
  /** Those that came back. */
  returned: number;
}

export function quantitiesOf({ ordered, pieces }: BookLine): Quantities {
  const none = { cancelled: 0, toShip: 0, inTransit: 0, failed: 0, kept: 0, announced: 0 };
  const { inspecting = 0, sellable = 0, damaged = 0 } = pieces;
  const returned = inspecting + sellable + damaged;
  return { ordered, ...none, ...pieces, returned, inspecting, sellable, damaged };
}

/** Of the pieces that have still to be sent, those that are there for it, and those that it waits for. */
export interface Claims {
  allocated: number;
  backordered: number;
}

/**
 * What stock has promised each line.
 * @param waiting by SKU, whose pieces are missing on its last lines
 */
export function claimsOf({ lines }: Book, waiting: ReadonlyMap<string, number>): Claims[] {
  const left = new Map(waiting);
  const claims = lines.toReversed().map(({ sku, pieces: { toShip = 0 } }) => {
    const missing = left.get(sku) ?? 0;
    const backordered = Math.min(toShip, missing);
    left.set(sku, missing - backordered);
    return { allocated: toShip - backordered, backordered };
  });
  return claims.reverse();
}

/** What an order has come to, in minor units: `balance` has still to be paid, or, below 0, to be given back. */
export function moneyIn({ due, captured, refunded, payouts }: Book) {
  const pending = payouts.reduce((sum, [, amount]) => sum + amount, 0);
  return { due, captured, refunded, pending, balance: due - (captured - refunded - pending) };
}
