/** Epoch milliseconds, UTC. Everything that needs the time is given one. */
export type Clock = () => number;

export const systemClock: Clock = Date.now;

export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
