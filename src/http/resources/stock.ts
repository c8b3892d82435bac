import { z } from "zod";
import type { StockView } from "../../../projections/stock/stock.ts";

const availableToldMax = 100;

export const stockStatus = z.enum(["in_stock", "low_stock", "out_of_stock"]);

/** Pieces as others than staff are told them; null where they are not tracked. */
export const availableTold = z
  .int()
  .nullable()
  .transform((available) => (available === null ? null : Math.min(Math.max(0, available), availableToldMax)));

const guestStock = z.object({ sku: z.string(), available: availableTold, status: stockStatus });

/** What shoppers are told of a SKU. */
export function guestStockOf({ sku, available, track, status }: StockView): z.output<typeof guestStock> {
  return guestStock.parse({ sku, available: track ? available : null, status });
}
