import type { StockCondition, stockEvents } from "../../commands/stock/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";

/** What the write model counts of a SKU, or by how much an event changes it. */
export interface StockCounts {
  /** Pieces in the house, those that cannot be sold included. */
  onHand: number;
  damaged: number;
  quarantine: number;
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
  StockReceived: ({ quantity }: StockEventData<"StockReceived">) => moved({ onHand: quantity }),
  StockAdjusted: ({ delta }: StockEventData<"StockAdjusted">) => moved({ onHand: delta }),
  StockCounted: ({ delta }: StockEventData<"StockCounted">) => moved({ onHand: delta }),
  StockReserved: ({ quantity }: StockEventData<"StockReserved">) => moved({ reserved: quantity }),
  ReservationCommitted: ({ quantity }: StockEventData<"ReservationCommitted">) =>
    moved({ reserved: -quantity, committed: quantity }),
  ReservationReleased: ({ quantity, committed }: StockEventData<"ReservationReleased">) =>
    moved(committed ? { committed: -quantity } : { reserved: -quantity }),
  ClaimShrunk: ({ quantity }: StockEventData<"ClaimShrunk">) => moved({ committed: -quantity }),
  ClaimGrown: ({ quantity }: StockEventData<"ClaimGrown">) => moved({ committed: quantity }),
  ReservationExpired: ({ quantity }: StockEventData<"ReservationExpired">) => moved({ reserved: -quantity }),
  StockShipped: ({ quantity }: StockEventData<"StockShipped">) =>
    moved({ onHand: -quantity, committed: -quantity }),
  StockReturned: ({ sellable, damaged, quarantine }: StockEventData<"StockReturned">) =>
    moved({ onHand: sellable + damaged + quarantine, damaged, quarantine }),
  StockRegraded: regraded,
  StockMarkedDamaged: regraded,
  StockWrittenOff: ({ from, quantity }: StockEventData<"StockWrittenOff">) =>
    moved({ onHand: -quantity, ...unsellable(from, -quantity) }),
};

export type StockMovementType = keyof typeof stockMovements;

/** `stockMovements[type]`, with the data that fits the type. */
export function movementOf<K extends StockMovementType>(type: K): (data: StockEventData<K>) => StockCounts {
  const movements: { [T in StockMovementType]: (data: StockEventData<T>) => StockCounts } = stockMovements;
  return movements[type];
}

function regraded({ from, to, quantity }: StockEventData<"StockRegraded">): StockCounts {
  return moved({ ...unsellable(from, -quantity), ...unsellable(to, quantity) });
}

/** What is sellable is what is not damaged or quarantined. */
function unsellable(condition: StockCondition, pieces: number): Partial<StockCounts> {
  return condition === "sellable" ? {} : { [condition]: pieces };
}

function moved(changes: Partial<StockCounts>): StockCounts {
  return { onHand: 0, damaged: 0, quarantine: 0, reserved: 0, committed: 0, ...changes };
}

/** What can still be promised; below 0 by what is on backorder. */
export function availableOf({ onHand, damaged, quarantine, reserved, committed }: StockCounts): number {
  return onHand - damaged - quarantine - committed - reserved;
}

/** A SKU that is not tracked is always in stock. Backorders do not put pieces on the shelf. */
export function stockStatusOf(available: number, { track, lowStockThreshold }: StockPolicy): StockStatus {
  if (!track) return "in_stock";
  if (available <= 0) return "out_of_stock";
  return available <= lowStockThreshold ? "low_stock" : "in_stock";
}
