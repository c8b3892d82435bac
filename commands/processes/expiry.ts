import { expiredIds } from "../stock/state.ts";
import { stock } from "../stock/stock.ts";
import type { Process } from "./process.ts";

/** Appends of one look at a SKU: one with more to end goes on in its next turn. */
const appendsMax = 50;

/** Ends some reservations that have run out. @returns whether there were any */
export async function expireSome(process: Process, sku: string): Promise<boolean> {
  const now = process.now();
  const some = await process.shop.engine.read(stock, sku, (state) => expiredIds(state, now, 1).length > 0);
  return some && (await process.again(stock, sku, "Expire", { reservationId: "" })).changed;
}

/** Ends what has run out and gives free pieces to backorders, until nothing is left to do or it was enough. */
export async function expireAll(process: Process, sku: string): Promise<void> {
  for (let appends = 0; appends < appendsMax; appends++) {
    const { changed } = await process.again(stock, sku, "Expire", { reservationId: "" });
    if (!changed) return;
  }
}
