import type { stockEvents } from "../../commands/stock/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";

/** What the write model counts of a SKU, or by how much an event changes it. */
export interface StockCounts {
  /** Pieces in the house, damaged ones included. */
  onHand: number;
  damaged: number;
  reserved: number;
  committed: number;
}

export type StockPolicy = DataOf<typeof stockEvents, "StockPolicySet">;

export type StockStatus = "in_stock" | "low_stock" | "out_of_stock";

export type StockEventType = keyof typeof stockEvents;
export type StockEventData<K extends StockEventType> = DataOf<typeof stockEvents, K>;

/** As the write model has it before anything is said about a SKU. */
export const initialPolicy: Readonly<StockPolicy> = { track: true, backorders: false, lowStockThreshold: 0 };

/** By how much each event changes the counts. Events that are not here change none. */
export const stockMovements = {
  StockReceived: ({ quantity }: StockEventData<"StockReceived">) => moved(quantity, 0, 0, 0),
  StockAdjusted: ({ delta }: StockEventData<"StockAdjusted">) => moved(delta, 0, 0, 0),
  StockReserved: ({ quantity }: StockEventData<"StockReserved">) => moved(0, 0, quantity, 0),
  ReservationCommitted: ({ quantity }: StockEventData<"ReservationCommitted">) =>
    moved(0, 0, -quantity, quantity),
  ReservationReleased: ({ quantity, committed }: StockEventData<"ReservationReleased">) =>
    committed ? moved(0, 0, 0, -quantity) : moved(0, 0, -quantity, 0),
  ClaimShrunk: ({ quantity }: StockEventData<"ClaimShrunk">) => moved(0, 0, 0, -quantity),
  ClaimGrown: ({ quantity }: StockEventData<"ClaimGrown">) => moved(0, 0, 0, quantity),
  ReservationExpired: ({ quantity }: StockEventData<"ReservationExpired">) => moved(0, 0, -quantity, 0),
  StockShipped: ({ quantity }: StockEventData<"StockShipped">) => moved(-quantity, 0, 0, -quantity),
  StockReturned: ({ sellable, damaged }: StockEventData<"StockReturned">) =>
    moved(sellable + damaged, damaged, 0, 0),
  StockMarkedDamaged: ({ quantity }: StockEventData<"StockMarkedDamaged">) => moved(0, quantity, 0, 0),
};

export type StockMovementType = keyof typeof stockMovements;

/** `stockMovements[type]`, with the data that fits the type. */
export function movementOf<K extends StockMovementType>(type: K): (data: StockEventData<K>) => StockCounts {
  const movements: { [T in StockMovementType]: (data: StockEventData<T>) => StockCounts } = stockMovements;
  return movements[type];
}

function moved(onHand: number, damaged: number, reserved: number, committed: number): StockCounts {
  return { onHand, damaged, reserved, committed };
}

/** What can still be promised; below 0 by what is on backorder. */
export function availableOf({ onHand, damaged, reserved, committed }: StockCounts): number {
  return onHand - damaged - committed - reserved;
}

/** A SKU that is not tracked is always in stock. Backorders do not put pieces on the shelf. */
export function stockStatusOf(available: number, { track, lowStockThreshold }: StockPolicy): StockStatus {
  if (!track) return "in_stock";
  if (available <= 0) return "out_of_stock";
  return available <= lowStockThreshold ? "low_stock" : "in_stock";
}
