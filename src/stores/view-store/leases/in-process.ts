import { randomUUID } from "node:crypto";
import type { Lease, Leases } from "./leases.ts";

interface Held {
  epoch: number;
  holder: string | undefined;
  expiresAt: number;
}

/**
 * Leases among those who share this object, for a process that is alone.
 * @param now a monotonic clock in milliseconds
 */
export function createInProcessLeases(now: () => number = () => performance.now()): Leases {
  const byName = new Map<string, Held>();
  const isOwn = (known: Held | undefined, { holder, epoch }: Lease): known is Held =>
    known?.holder === holder && known.epoch === epoch;
  return {
    async acquire(name, ttlMs) {
      const known = byName.get(name);
      const asked = now();
      if (known?.holder !== undefined && known.expiresAt > asked) return undefined;
      const holder = randomUUID();
      const epoch = (known?.epoch ?? 0) + 1;
      byName.set(name, { epoch, holder, expiresAt: asked + ttlMs });
      return { name, epoch, holder, heldUntil: asked + ttlMs };
    },
    async renew(lease, ttlMs) {
      const known = byName.get(lease.name);
      if (!isOwn(known, lease)) return undefined;
      known.expiresAt = now() + ttlMs;
      return { ...lease, heldUntil: known.expiresAt };
    },
    async release(lease) {
      const known = byName.get(lease.name);
      if (isOwn(known, lease)) known.holder = undefined;
    },
  };
}
