import { logStart, type Position } from "../event-store.ts";

/** Of an unsigned 64-bit number. */
const digits = 20;
/** What servers answer, and older ones always do, when they have no position to tell: -1 as unsigned. */
const none = 2n ** 64n - 1n;

/** Where a record stands in $all. Byte offsets: they grow, with gaps that prove nothing. */
export interface LogPosition {
  commit: bigint;
  prepare: bigint;
}

/** Commit, then prepare, each of one width, so that text sorts as the log does. */
export function formatPosition({ commit, prepare }: LogPosition): Position {
  const text = padded(commit);
  return text + (prepare === commit ? text : padded(prepare));
}

/** @returns undefined for the start of the log */
export function parsePosition(position: Position): LogPosition | undefined {
  if (position === logStart) return undefined;
  if (!/^\d{40}$/.test(position))
    throw new RangeError(`${JSON.stringify(position)} is not a position of this log`);
  return { commit: BigInt(position.slice(0, digits)), prepare: BigInt(position.slice(digits)) };
}

/** Whether a server has really told a position. */
export function isTold(position: LogPosition | undefined): position is LogPosition {
  return position !== undefined && position.commit !== none && position.prepare !== none;
}

/** How far one is on the way to another, 0 to 1, by bytes of the log. */
export function progressOf(position: Position, target: Position): number {
  const end = parsePosition(target);
  if (!end || end.commit === 0n) return 1;
  return Math.min(1, Number(parsePosition(position)?.commit ?? 0n) / Number(end.commit));
}

function padded(value: bigint): string {
  return String(value).padStart(digits, "0");
}
