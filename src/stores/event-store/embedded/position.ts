import { logStart, type Position } from "../event-store.ts";

/** This log counts its events from 0; a position is the count as text. */
const digits = 16;

export function formatPosition(ordinal: number): Position {
  return ordinal < 0 ? logStart : String(ordinal).padStart(digits, "0");
}

/** @returns -1 for the start of the log */
export function parsePosition(position: Position): number {
  if (position === logStart) return -1;
  const ordinal = Number(position);
  if (position.length !== digits || !Number.isSafeInteger(ordinal))
    throw new RangeError(`${JSON.stringify(position)} is not a position of this log`);
  return ordinal;
}
