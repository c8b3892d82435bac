import { setTimeout as sleep } from "node:timers/promises";

/**
 * The leases port: the right to a task that one process at a time should do, for a bounded time at a time. It saves
 * work and is no lock: what must not be done twice is guarded where it is done, by position or by epoch.
 */

/** Held until `heldUntil` unless it is renewed. */
export interface Lease {
  name: string;
  /** Grows each time that the lease is taken, so that what an earlier holder sends late can be told. */
  epoch: number;
  /** Who took it; of this one taking alone. */
  holder: string;
  /**
   * By this process's monotonic clock, counted from before it asked: the store, which counts from when it was asked,
   * gives the lease to nobody else before.
   */
  heldUntil: number;
}

export interface Leases {
  /** @returns undefined when somebody else has it */
  acquire(name: string, ttlMs: number): Promise<Lease | undefined>;
  /** @returns undefined when it is lost: somebody else has taken it since */
  renew(lease: Lease, ttlMs: number): Promise<Lease | undefined>;
  /** Lets others have it at once. Nothing happens to a lease that is lost. */
  release(lease: Lease): Promise<void>;
}

/** Of who keeps the read models up to date. Another process does so long after this one has died. */
export const projectorLease = { name: "projector", ttlMs: 6_000 };

export function isHeld(lease: Lease, now = performance.now()): boolean {
  return now < lease.heldUntil;
}

export interface HoldOptions {
  name: string;
  ttlMs: number;
  signal: AbortSignal;
  /** Whether this process is fit for the task: who is not leaves the lease to others, and gives up one that it has. */
  isFit?: () => boolean;
  /** Told of what the store throws; the lease is asked for again. */
  onError?: (error: unknown) => void;
}

/** So often within its time it is renewed, or asked for by who does not have it. */
const turnsPerTtl = 3;

/**
 * Does the task whenever the lease is this process's own, until the signal aborts.
 * @param task gets a signal that aborts when the lease may be lost, and should end soon then
 */
export async function holdLease(
  leases: Leases,
  options: HoldOptions,
  task: (lease: Lease, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { name, ttlMs, signal, isFit = () => true, onError } = options;
  while (!signal.aborted) {
    const lease = isFit() ? await leases.acquire(name, ttlMs).catch((error) => onError?.(error)) : undefined;
    if (lease !== undefined) await doWhileHeld(leases, options, lease, task);
    await sleep(ttlMs / turnsPerTtl, undefined, { signal }).catch(() => {});
  }
}

async function doWhileHeld(
  leases: Leases,
  { ttlMs, signal, isFit = () => true, onError }: HoldOptions,
  taken: Lease,
  task: (lease: Lease, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const lost = new AbortController();
  const ended = new AbortController();
  let lease = taken;
  const how = { ttlMs, lost, ended: ended.signal, isFit, onError };
  const renewing = keep(leases, how, taken, (renewed) => {
    lease = renewed;
  });
  try {
    await task(taken, AbortSignal.any([signal, lost.signal]));
  } catch (error) {
    onError?.(error);
  } finally {
    ended.abort();
    await renewing;
    await leases.release(lease).catch((error) => onError?.(error));
  }
}

async function keep(
  leases: Leases,
  how: {
    ttlMs: number;
    lost: AbortController;
    ended: AbortSignal;
    isFit: () => boolean;
    onError: ((error: unknown) => void) | undefined;
  },
  taken: Lease,
  onRenewed: (lease: Lease) => void,
): Promise<void> {
  const { ttlMs, lost, ended, isFit, onError } = how;
  let lease = taken;
  // A renewal that hangs must not keep the task going beyond the lease.
  let timer = setTimeout(() => lost.abort(), lease.heldUntil - performance.now());
  while (!ended.aborted && !lost.signal.aborted) {
    await sleep(ttlMs / turnsPerTtl, undefined, { signal: ended }).catch(() => {});
    if (ended.aborted || lost.signal.aborted) break;
    try {
      const renewed = isFit() ? await leases.renew(lease, ttlMs) : undefined;
      if (renewed === undefined) lost.abort();
      else {
        lease = renewed;
        onRenewed(renewed);
        clearTimeout(timer);
        timer = setTimeout(() => lost.abort(), lease.heldUntil - performance.now());
      }
    } catch (error) {
      onError?.(error);
    }
  }
  clearTimeout(timer);
}
