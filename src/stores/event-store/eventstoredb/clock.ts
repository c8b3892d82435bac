import type { LogReader } from "./read.ts";

/** How often an append of this process is looked at for the time that the server gave it. */
const lookEveryMs = 30_000;
/** A difference of so much is looked at again at once, for an append that was sent twice may have landed long before. */
const doubtfulMs = 1_000;

/**
 * Compares this process's clock with the server's, by the time that the server gave to what this process has
 * appended: it lies between sending and being answered, where the clocks agree.
 */
export class ServerClock {
  private readonly reader: Pick<LogReader, "createdAt">;
  private readonly observe: (secondsAhead: number) => void;
  private nextLookAt = 0;
  private before: number | undefined;

  /** @param observe told seconds that the server's clock is ahead of ours, at least; below 0 it is behind */
  constructor(reader: Pick<LogReader, "createdAt">, observe: (secondsAhead: number) => void) {
    this.reader = reader;
    this.observe = observe;
  }

  /** An append has been answered. @param sentAt epoch milliseconds */
  answered(stream: string, revision: number, sentAt: number): void {
    if (performance.now() < this.nextLookAt) return;
    this.nextLookAt = performance.now() + lookEveryMs;
    const answeredAt = Date.now();
    this.reader.createdAt(stream, revision).then(
      (created) => this.compare(created - Math.min(Math.max(created, sentAt), answeredAt)),
      // Whatever it is that keeps it from being read, others find out.
      () => {},
    );
  }

  private compare(aheadMs: number): void {
    const { before } = this;
    this.before = aheadMs;
    if (Math.abs(aheadMs) > doubtfulMs) {
      this.nextLookAt = 0;
      if (before === undefined) return;
    }
    const least = before === undefined || Math.abs(aheadMs) < Math.abs(before) ? aheadMs : before;
    this.observe(least / 1_000);
  }
}
