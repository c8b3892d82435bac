import type { Telemetry } from "../telemetry/telemetry.ts";

/** A process whose clock is further from a store's than this starts no timers (DISTRIBUTED.md, 11). */
const clockDifferenceMsMax = 2_000;
/** Where clocks are several, what is due is due so much later: nobody's clock is further ahead of the others. */
export const timerAllowanceMs = 5_000;

export interface ClockTrouble {
  /** The store on a server. */
  store: string;
  reason: string;
}

/** @param aheadMs how far a server's clock is ahead of ours @returns what is wrong with that; undefined when nothing is */
export function clockTrouble(aheadMs: number): string | undefined {
  if (Math.abs(aheadMs) <= clockDifferenceMsMax) return undefined;
  const seconds = (Math.abs(aheadMs) / 1_000).toFixed(1);
  return `its clock is ${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} ours: set both by NTP`;
}

/** Servers whose clocks are too far from this process's, as they were compared last. */
export function clockTroubles(telemetry: Pick<Telemetry, "clocks">): ClockTrouble[] {
  return telemetry.clocks().flatMap(({ store, secondsAhead }) => {
    const reason = clockTrouble(secondsAhead * 1_000);
    return reason === undefined ? [] : [{ store, reason }];
  });
}
