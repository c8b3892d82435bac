import { Problem } from "../../src/values/problem.ts";
import { expiredIds } from "../stock/state.ts";
import { stock } from "../stock/stock.ts";
import type { Process } from "./process.ts";

/** Appends of one look at a SKU: one with more to end goes on in its next turn. */
const appendsMax = 50;
/** How often what has run out is ended for one reservation. */
const sweepsMax = 50;

/** Ends some reservations that have run out. @returns whether there were any */
async function expireSome(process: Process, sku: string): Promise<boolean> {
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

/** What a SKU is out of may be held by reservations that have run out, more than one append can end. */
export async function withRoom<T>(process: Process, sku: string, reserve: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await reserve();
    } catch (error) {
      const out = error instanceof Problem && error.code === "out_of_stock" && tries < sweepsMax;
      if (!out || !(await expireSome(process, sku))) throw error;
    }
  }
}
