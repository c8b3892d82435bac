/** Epoch milliseconds, UTC. Everything that needs the time is given one. */
export type Clock = () => number;

export const systemClock: Clock = Date.now;

export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/**
 * How far another clock is ahead of this process's, in milliseconds, at least; below 0 it is behind. What it told lies
 * between asking and being answered where both agree, however long that took: 0 then.
 * @param askedAt by our clock @param told by the other, which tells whole steps of `stepMs`
 */
export function clockDifference(askedAt: number, told: number, stepMs = 0): number {
  return Math.max(0, told - Date.now()) - Math.max(0, askedAt - (told + stepMs));
}
