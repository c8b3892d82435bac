import { randomFillSync } from "node:crypto";

/** Fetched for many at once: a call for each costs more than all else that is done with them. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

/** Random bytes, far fewer than the pool has, for ids and nonces: to be used at once, and for no secret. */
export function pooledRandomBytes(count: number): Uint8Array {
  if (used + count > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = pool.subarray(used, used + count);
  used += count;
  return bytes;
}
