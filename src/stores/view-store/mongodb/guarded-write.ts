import type { AnyBulkWriteOperation, Collection, Document } from "mongodb";
import type { MongoConnection } from "./connection.ts";
import { away, duplicatesOf, storeName } from "./errors.ts";

/** Of one bulk, whichever comes first. */
const bulkOperationsMax = 1_000;
const bulkBytesMax = 16 * 1024 * 1024;
/** Of one bulk with what came of it: a key that is there after all, one that is not, one that was deleted again. */
const roundsMax = 8;

interface Keyed extends Document {
  _id: string;
}

/** A document that lands only over what has not come as far. */
export interface GuardedWrite<T> {
  document: T;
  /** What the stored one must be for this one to take its place. */
  over: Document;
  /** Nothing is stored under its key, as far as one knows. */
  isNew: boolean;
  /** An estimate. */
  bytes: number;
}

export interface Guard<T> {
  /** Of the stored document, what `judge` looks at. */
  projection: Document;
  /** What became of a write, by what is stored after it. */
  judge(written: T, stored: T): "landed" | "overtaken" | "behind";
}

/**
 * Writes all of them, in any number of bulks. There is never an upsert with a guard: it would try to insert where
 * the guard does not match, and of two that miss a new key at once one would lose its write. What should not be
 * there is inserted and, if it is there, replaced; what should be there is replaced and, if it is not, inserted.
 * All of it can be sent again.
 * @returns keys whose stored document had come as far or farther
 * @throws StoreUnavailable when a part may not have been written
 */
export async function writeGuarded<T extends { _id: string }>(
  { run }: MongoConnection,
  { collection, guard, operation }: { collection: Collection<T>; guard: Guard<T>; operation: string },
  writes: readonly GuardedWrite<T>[],
): Promise<string[]> {
  const target = collection as unknown as Collection<Keyed>;
  const overtaken: string[] = [];
  for (const part of partsOf(writes)) {
    let left = part;
    for (let round = 1; left.length > 0; round++) {
      if (round > roundsMax) {
        throw away(`${storeName} is not available: others write the same documents`);
      }
      const { duplicates, matched } = await run(operation, () => send(target, left));
      const replaced = left.filter(({ isNew }) => !isNew);
      left = duplicates.map((write) => ({ ...write, isNew: false }));
      if (matched === replaced.length) continue;
      const missed = await run(`${operation}-look-up`, () => lookUp(target, replaced, guard));
      overtaken.push(...missed.overtaken);
      left.push(...missed.again);
    }
  }
  return overtaken;
}

/** In the order of keys, so that no two writers wait for each other in a circle. */
function* partsOf<T extends { _id: string }>(
  writes: readonly GuardedWrite<T>[],
): Generator<GuardedWrite<T>[]> {
  let part: GuardedWrite<T>[] = [];
  let bytes = 0;
  const ordered = [...writes].sort((a, b) => (a.document._id < b.document._id ? -1 : 1));
  for (const write of ordered) {
    if (part.length === bulkOperationsMax || (part.length > 0 && bytes + write.bytes > bulkBytesMax)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(write);
    bytes += write.bytes;
  }
  if (part.length > 0) yield part;
}

async function send<T extends { _id: string }>(
  collection: Collection<Keyed>,
  writes: readonly GuardedWrite<T>[],
): Promise<{ duplicates: GuardedWrite<T>[]; matched: number }> {
  const operations = writes.map(({ document, over, isNew }): AnyBulkWriteOperation<Keyed> => {
    if (isNew) return { insertOne: { document } };
    return { replaceOne: { filter: { _id: document._id, ...over }, replacement: document } };
  });
  try {
    const { matchedCount } = await collection.bulkWrite(operations, { ordered: false });
    return { duplicates: [], matched: matchedCount };
  } catch (error) {
    const duplicates = duplicatesOf(error);
    if (duplicates === undefined) throw error;
    const { matchedCount } = error as { matchedCount: number };
    return { duplicates: duplicates.flatMap((at) => writes[at] ?? []), matched: matchedCount };
  }
}

/** What became of replacements of which some did not match. */
async function lookUp<T extends { _id: string }>(
  collection: Collection<Keyed>,
  replaced: readonly GuardedWrite<T>[],
  { projection, judge }: Guard<T>,
): Promise<{ overtaken: string[]; again: GuardedWrite<T>[] }> {
  const keys = replaced.map(({ document }) => document._id);
  const found = await collection.find({ _id: { $in: keys } }, { projection }).toArray();
  const stored = new Map(found.map((document) => [document._id, document as unknown as T]));
  const overtaken: string[] = [];
  const again: GuardedWrite<T>[] = [];
  for (const write of replaced) {
    const { _id } = write.document;
    const there = stored.get(_id);
    if (there === undefined) again.push({ ...write, isNew: true });
    else {
      const verdict = judge(write.document, there);
      if (verdict === "overtaken") overtaken.push(_id);
      if (verdict === "behind") again.push(write);
    }
  }
  return { overtaken, again };
}
