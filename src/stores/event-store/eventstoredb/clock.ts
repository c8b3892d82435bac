import { clockDifference } from "../../../values/clock.ts";

/** How often the head of an answer is looked at. */
const lookEveryMs = 1_000;
/** The server tells whole seconds. */
const dateStepMs = 1_000;

/**
 * Compares this process's clock with the server's, by the date in the head of its answers: where the clocks agree, it
 * lies between asking and being answered.
 */
export class ServerClock {
  private readonly observe: (secondsAhead: number) => void;
  private nextLookAt = 0;
  private aheadMs: number | undefined;

  /** @param observe told seconds that the server's clock is ahead of ours, at least; below 0 it is behind */
  constructor(observe: (secondsAhead: number) => void) {
    this.observe = observe;
  }

  /** @param date as HTTP has it (RFC 9110, 5.6.7) @param askedAt epoch milliseconds */
  answered(date: string | undefined, askedAt: number): void {
    if (date === undefined || performance.now() < this.nextLookAt) return;
    this.nextLookAt = performance.now() + lookEveryMs;
    const told = Date.parse(date);
    if (Number.isNaN(told)) return;
    this.aheadMs = clockDifference(askedAt, told, dateStepMs);
    this.observe(this.aheadMs / 1_000);
  }

  /** As it was seen last; undefined before the first answer, and behind a proxy that takes the date away. */
  get lastAheadMs(): number | undefined {
    return this.aheadMs;
  }
}
