import { randomUUID } from "node:crypto";
import type { Collection, Document } from "mongodb";
import type { Lease, Leases } from "../leases/leases.ts";
import type { MongoConnection } from "./connection.ts";
import { duplicateKey, hasCode } from "./errors.ts";
import { collections } from "./layout.ts";

interface MongoLease {
  /** The lease's name. */
  _id: string;
  epoch: number;
  holder: string | null;
  /** Epoch milliseconds of the server, which alone decides: clocks of processes differ. */
  expiresAtMs: number;
}

const acquireAttemptsMax = 3;
const serverNow = { $toLong: "$$NOW" };

/** Leases as documents. The processes' clocks are asked for durations only. */
export function createMongoLeases({ database, run }: MongoConnection): Leases {
  const leases: Collection<MongoLease> = database.collection<MongoLease>(collections.leases);
  const own = ({ name, holder, epoch }: Lease) => ({ _id: name, holder, epoch });
  return {
    async acquire(name, ttlMs) {
      const holder = randomUUID();
      const askedAt = performance.now();
      const found = await run("lease", () => takeOver(leases, name, holder, ttlMs));
      if (found?.holder !== holder) return undefined;
      return { name, epoch: found.epoch, holder, heldUntil: askedAt + ttlMs };
    },
    async renew(lease, ttlMs) {
      const askedAt = performance.now();
      const change = [{ $set: { expiresAtMs: { $add: [serverNow, ttlMs] } } }];
      const { matchedCount } = await run("lease", () => leases.updateOne(own(lease), change));
      return matchedCount === 0 ? undefined : { ...lease, heldUntil: askedAt + ttlMs };
    },
    async release(lease) {
      const change = { $set: { holder: null, expiresAtMs: 0 } };
      await run("lease", () => leases.updateOne(own(lease), change));
    },
  };
}

/** Decided on the server at once. Asked again without an answer, who has it already has it still. */
async function takeOver(
  leases: Collection<MongoLease>,
  name: string,
  holder: string,
  ttlMs: number,
): Promise<MongoLease | null> {
  const isOwn = { $eq: [{ $ifNull: ["$holder", null] }, { $literal: holder }] };
  const isOver = { $lte: [{ $ifNull: ["$expiresAtMs", 0] }, serverNow] };
  const pipeline: Document[] = [
    { $set: { free: { $or: [isOwn, isOver] }, own: isOwn } },
    {
      $set: {
        holder: { $cond: ["$free", { $literal: holder }, "$holder"] },
        epoch: {
          $add: [{ $ifNull: ["$epoch", 0] }, { $cond: [{ $and: ["$free", { $not: ["$own"] }] }, 1, 0] }],
        },
        expiresAtMs: { $cond: ["$free", { $add: [serverNow, ttlMs] }, "$expiresAtMs"] },
      },
    },
    { $unset: ["free", "own"] },
  ];
  for (let attempt = 1; ; attempt++) {
    try {
      return await leases.findOneAndUpdate({ _id: name }, pipeline, {
        upsert: true,
        returnDocument: "after",
      });
    } catch (error) {
      // Two that make the document at once: it is there the second time.
      if (attempt === acquireAttemptsMax || !hasCode(error, duplicateKey)) throw error;
    }
  }
}
