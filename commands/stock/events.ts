import { z } from "zod";
import { event } from "../../src/engine/decider.ts";

/** Pieces of one SKU. Beyond this a number is a mistake, not a delivery. */
export const stockQuantityMax = 1_000_000_000;

const quantity = z.int().min(1).max(stockQuantityMax);
const count = z.int().min(0).max(stockQuantityMax);
const id = z.string().min(1).max(200);

/** What pieces in the house are in: only sellable ones are promised. */
export const stockConditions = ["sellable", "damaged", "quarantine"] as const;
export type StockCondition = (typeof stockConditions)[number];
const condition = z.enum(stockConditions);
const regraded = z.object({ from: condition, to: condition, quantity, reason: z.string() });

export const stockEvents = {
  /** `movementId` names a movement that may be booked again by mistake and must count once. */
  StockReceived: event(z.object({ quantity, reference: z.string().optional(), movementId: id.optional() })),
  StockAdjusted: event(z.object({ delta: z.int(), reason: z.string(), movementId: id.optional() })),
  /** So many pieces are in the house, in whatever condition: `delta` more than were known of. */
  StockCounted: event(z.object({ counted: count, delta: z.int(), reason: z.string().optional() })),
  StockRegraded: event(regraded),
  /** They are not in the house any more. */
  StockWrittenOff: event(z.object({ from: condition, quantity, reason: z.string() })),
  /** Fewer pieces are there than were promised: of these claims so many went on backorder for it. */
  StockShort: event(z.object({ claims: z.array(z.object({ reservationId: id, quantity })).min(1) })),
  StockReserved: event(z.object({ reservationId: id, quantity, expiresAt: z.string() })),
  ReservationExtended: event(z.object({ reservationId: id, expiresAt: z.string() })),
  ReservationCommitted: event(z.object({ reservationId: id, quantity })),
  /**
   * `committed` tells whether the pieces were promised for good or only held. A quantity of 0 released nothing:
   * it says that the reservation has ended before it was made, so that a late attempt cannot make it.
   */
  ReservationReleased: event(
    z.object({ reservationId: id, quantity: count, committed: z.boolean(), reason: z.string() }),
  ),
  /** A part of what was promised for good is not wanted any more: what is on backorder of it first. */
  ClaimShrunk: event(z.object({ reservationId: id, cancelId: id, quantity, backordered: count })),
  /** More is promised for good, whether it is there or not. */
  ClaimGrown: event(z.object({ reservationId: id, claimId: id, quantity, backordered: count })),
  ReservationExpired: event(z.object({ reservationId: id, quantity })),
  StockShipped: event(z.object({ reservationId: id, shipmentId: id, quantity })),
  /** `notRestocked` pieces came back beside these that had not been counted when they left, and are not now. */
  StockReturned: event(
    z.object({
      returnId: id,
      sellable: count,
      damaged: count,
      quarantine: count,
      notRestocked: quantity.optional(),
    }),
    (data) => ({ ...(data as object), quarantine: 0 }),
  ),
  /** As version 0.1 wrote it; read as the regrading that it was. */
  StockMarkedDamaged: event(regraded, (data) => ({ ...(data as object), from: "sellable", to: "damaged" })),
  BackorderQueued: event(z.object({ reservationId: id, quantity })),
  BackorderFilled: event(z.object({ reservationId: id, quantity })),
  StockPolicySet: event(z.object({ track: z.boolean(), backorders: z.boolean(), lowStockThreshold: count })),
  LowStockReached: event(z.object({ available: z.int(), threshold: count })),
};
