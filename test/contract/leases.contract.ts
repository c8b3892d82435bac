import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { holdLease, isHeld, type Lease, type Leases } from "../../src/stores/view-store/leases/leases.ts";

export interface LeasesBackend {
  name: string;
  /** Leases of several processes over one empty place. */
  create(processes: number): Promise<Leases[]>;
}

const ttlMs = 60_000;
const shortMs = 500;
/** Renewed often enough on a machine that is busy. */
const taskMs = 2_000;

export function leasesContract(backend: LeasesBackend): void {
  describe(`leases contract: ${backend.name}`, () => {
    let one: Leases;
    let other: Leases;
    beforeEach(async () => {
      [one, other] = (await backend.create(2)) as [Leases, Leases];
    });
    const taken = async (leases: Leases, ms = ttlMs): Promise<Lease> => {
      const lease = await leases.acquire("rebuild", ms);
      if (lease === undefined) throw new Error("somebody else has the lease");
      return lease;
    };

    test("who has a lease has it alone, in its own process too, and under its name only", async () => {
      await taken(one);
      expect(await other.acquire("rebuild", ttlMs)).toBeUndefined();
      expect(await one.acquire("rebuild", ttlMs)).toBeUndefined();
      expect(await other.acquire("project", ttlMs)).toBeDefined();
    });

    test("of many who ask at once one gets it", async () => {
      const processes = await backend.create(5);
      const outcomes = await Promise.all(processes.map((leases) => leases.acquire("rebuild", ttlMs)));
      expect(outcomes.filter((lease) => lease !== undefined).length).toBe(1);
    });

    test("a lease is held for its time, counted from before it was asked for, and then free", async () => {
      const before = performance.now();
      const lease = await taken(one, shortMs);
      expect(lease.heldUntil).toBeGreaterThanOrEqual(before + shortMs);
      expect(lease.heldUntil).toBeLessThan(performance.now() + shortMs);
      expect(isHeld(lease)).toBe(true);
      expect(isHeld(lease, lease.heldUntil)).toBe(false);
      await sleep(shortMs + 20);
      expect(isHeld(lease)).toBe(false);
      expect((await taken(other)).epoch).toBe(lease.epoch + 1);
    });

    test("a lease that is renewed is held for longer, in the same epoch", async () => {
      const lease = await taken(one, shortMs);
      const renewed = await one.renew(lease, ttlMs);
      expect(renewed?.epoch).toBe(lease.epoch);
      expect(renewed?.heldUntil).toBeGreaterThan(lease.heldUntil);
      await sleep(shortMs + 20);
      expect(await other.acquire("rebuild", ttlMs)).toBeUndefined();
    });

    test("a lease that has run out is renewed for as long as nobody else has taken it", async () => {
      const lease = await taken(one, shortMs);
      await sleep(shortMs + 20);
      expect(await one.renew(lease, shortMs)).toBeDefined();
      await sleep(shortMs + 20);
      await taken(other);
      expect(await one.renew(lease, ttlMs)).toBeUndefined();
    });

    test("a lease that is released is free at once, in a new epoch, and only its holder can release it", async () => {
      const lease = await taken(one);
      await other.release({ ...lease, holder: "somebody" });
      expect(await other.acquire("rebuild", ttlMs)).toBeUndefined();
      await one.release(lease);
      const next = await taken(other);
      expect(next.epoch).toBe(lease.epoch + 1);
      await one.release(lease);
      expect(await one.acquire("rebuild", ttlMs)).toBeUndefined();
      expect(await one.renew(lease, ttlMs)).toBeUndefined();
    });

    describe("a task that needs a lease", () => {
      test("is done by one process at a time, and by another when the first stops", async () => {
        const stops = [new AbortController(), new AbortController()];
        let doing = 0;
        let doingMax = 0;
        const done: number[] = [];
        const held = [one, other].map((leases, index) =>
          holdLease(
            leases,
            { name: "task", ttlMs: taskMs, signal: stops[index]?.signal as AbortSignal },
            async (_, signal) => {
              doingMax = Math.max(doingMax, ++doing);
              done.push(index);
              await sleep(60_000, undefined, { signal }).catch(() => {});
              doing--;
            },
          ),
        );
        await expect.poll(() => done.length, { timeout: 5_000 }).toBe(1);
        // Longer than its time: it is renewed.
        await sleep(taskMs * 1.5);
        expect(done.length).toBe(1);
        const first = done[0] ?? 0;
        stops[first]?.abort();
        await expect.poll(() => done, { timeout: 5_000 }).toEqual([first, 1 - first]);
        stops[1 - first]?.abort();
        await Promise.all(held);
        expect(doingMax).toBe(1);
      });

      test("is told to end before anybody else may have the lease, when it cannot be renewed", async () => {
        const stop = new AbortController();
        let heldUntil = 0;
        let endedAt = 0;
        const cut: Leases = { ...one, renew: () => Promise.reject(new Error("the store is away")) };
        const errors: unknown[] = [];
        const options = {
          name: "task",
          ttlMs: shortMs,
          signal: stop.signal,
          onError: (e: unknown) => errors.push(e),
        };
        await holdLease(cut, options, async (lease, signal) => {
          heldUntil = lease.heldUntil;
          await sleep(60_000, undefined, { signal }).catch(() => {});
          endedAt = performance.now();
          stop.abort();
        });
        expect(errors.length).toBeGreaterThan(0);
        expect(endedAt).toBeLessThan(heldUntil + 50);
        expect(endedAt).toBeGreaterThan(heldUntil - 50);
      });
    });
  });
}
