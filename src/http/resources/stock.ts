import { z } from "zod";
import { stockConditions } from "../../../commands/stock/events.ts";
import { stockMovementKinds, stockReferenceTypes } from "../../../projections/stock/ledger.ts";
import { pageOf } from "./lists.ts";
import { shownAs, textView, viewOf } from "./view.ts";

const availableToldMax = 100;

export const stockStatus = z.enum(["in_stock", "low_stock", "out_of_stock"]);

/** Pieces as others than staff are told them, up to a hundred; null where they are not tracked. */
export const availableTold = shownAs(z.int().min(0).max(availableToldMax).nullable(), (available) =>
  available === null ? null : Math.min(Math.max(0, available), availableToldMax),
);

/** The stock of one SKU. */
const stock = z
  .strictObject({
    sku: z.string(),
    /** Pieces in the house, those that cannot be sold included. */
    onHand: z.int(),
    /** Held for checkouts that are under way. */
    reserved: z.int(),
    /** Promised to orders. */
    committed: z.int(),
    damaged: z.int(),
    /** Put aside until it is known what they are. */
    quarantine: z.int(),
    /** Below 0 by what is on backorder. Says nothing when the SKU is not tracked. */
    available: z.int(),
    status: stockStatus,
    track: z.boolean(),
    backorders: z.boolean(),
    lowStockThreshold: z.int(),
  })
  .meta({ id: "Stock" });

const changedStock = stock
  .extend({
    /** Orders whose pieces went on backorder by it, and how many. */
    atRisk: z.array(z.strictObject({ orderId: z.string(), quantity: z.int() })),
  })
  .meta({ id: "ChangedStock" });

const guestStock = stock
  .pick({ sku: true, status: true })
  .extend({ available: availableTold })
  .meta({ id: "GuestStock" });

const movement = z
  .strictObject({
    revision: z.int(),
    at: z.string(),
    type: z.enum([
      "received",
      "adjusted",
      "reserved",
      "committed",
      "released",
      "uncommitted",
      "expired",
      "shipped",
      "returned",
      "regraded",
      "backordered",
      "backorder_filled",
      "counted",
      "written_off",
    ]),
    /** Pieces; below 0 only where an adjustment or a count takes some away. */
    quantity: z.int(),
    /** These of what changes how many pieces are in the house: how many there were, and are. */
    kind: z.enum(stockMovementKinds).optional(),
    previous: z.int().optional(),
    new: z.int().optional(),
    reference: z.string().optional(),
    referenceType: z.enum(stockReferenceTypes).optional(),
    reason: z.string().optional(),
    /** Of the returned pieces. */
    damaged: z.int().optional(),
    quarantine: z.int().optional(),
    /** Came back besides, but was not counted when it left, and is not now. */
    notRestocked: z.int().optional(),
    from: z.enum(stockConditions).optional(),
    to: z.enum(stockConditions).optional(),
  })
  .meta({ id: "StockMovement" });

export const stockAnswer = stock;
export const changedStockAnswer = changedStock;
export const stockDetailAnswer = z.union([stock, guestStock]);
export const stockListAnswer = pageOf(stock).meta({ id: "StockList" });
export const ledgerAnswer = pageOf(movement).meta({ id: "StockLedger" });

export const staffStockOf = viewOf(stock);
export const changedStockOf = viewOf(changedStock);
export const staffStockText = textView(stock);
export const movementOf = viewOf(movement);

const guestView = viewOf(guestStock);

/** What shoppers are told of a SKU. */
export function guestStockOf({
  sku,
  available,
  track,
  status,
}: Pick<z.output<typeof stock>, "sku" | "available" | "track" | "status">): z.output<typeof guestStock> {
  return guestView({ sku, available: track ? available : null, status });
}
