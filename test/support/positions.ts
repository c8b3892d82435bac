import type { Position } from "../../src/stores/event-store/event-store.ts";

/** A position as stores that are told positions may see it; of two, the larger number is the later. */
export function at(ordinal: number): Position {
  return String(ordinal).padStart(16, "0");
}

export function byPosition(a: Position, b: Position): number {
  return a < b ? -1 : Number(a > b);
}
