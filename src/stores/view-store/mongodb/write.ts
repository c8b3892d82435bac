import { randomInt } from "node:crypto";
import type { Collection } from "mongodb";
import { columnValues } from "../spec.ts";
import type { DocumentChange, ModelSpec, ParkedChange, SaveOptions } from "../view-store.ts";
import type { MongoConnection } from "./connection.ts";
import { duplicateKey, hasCode } from "./errors.ts";
import { type Guard, type GuardedWrite, writeGuarded } from "./guarded-write.ts";
import { checkpointEvent, type MongoCheckpoint, type MongoDocument, type MongoParked } from "./layout.ts";

/** Of a stored document besides its JSON texts, for the bound of a bulk. */
const overheadBytes = 512;
const saveNumbers = 2 ** 31 - 1;
const checkpointAttemptsMax = 3;

export interface PlannedSave {
  followers: GuardedWrite<MongoDocument>[];
  others: GuardedWrite<MongoDocument>[];
  /** Changes that another change of the same save has overtaken. */
  overtaken: Set<string>;
}

/**
 * What a save writes: of several changes of one key the one that has come farthest.
 * @throws TypeError when a change does not fit the spec; nothing is written then
 */
export function planSave(spec: ModelSpec, changes: readonly DocumentChange[]): PlannedSave {
  const by = randomInt(saveNumbers);
  const overtaken = new Set<string>();
  const latest = new Map<string, DocumentChange>();
  for (const change of changes) {
    const before = latest.get(change.key);
    if (before === undefined) latest.set(change.key, change);
    else if (before.position >= change.position) overtaken.add(change.key);
    else latest.set(change.key, { ...change, isNew: before.isNew === true });
  }
  // Each is checked, the overtaken too: what does not fit is a mistake wherever it stands.
  const columns = new Map(changes.map((change) => [change, columnValues(spec, change)]));
  const followers: GuardedWrite<MongoDocument>[] = [];
  const others: GuardedWrite<MongoDocument>[] = [];
  for (const change of latest.values()) {
    const values = columns.get(change) ?? columnValues(spec, change);
    const write = {
      document: documentOf(spec, change, values, by),
      over: { position: { $lt: change.position } },
      isNew: change.isNew === true,
      bytes: bytesOf(change),
    };
    (change.follower === true ? followers : others).push(write);
  }
  return { followers, others, overtaken };
}

function documentOf(
  spec: ModelSpec,
  change: DocumentChange,
  values: readonly (number | string | null)[],
  by: number,
): MongoDocument {
  const { key: _id, position, json, presented } = change;
  if (json === undefined) return { _id, position, by, gone: true, goneAt: new Date() };
  const names = Object.keys(spec.columns);
  const lists = Object.entries(change.lists ?? {});
  return {
    ...{ _id, position, by, gone: false },
    c: Object.fromEntries(names.map((name, at) => [name, values[at] ?? null])),
    ...(lists.length > 0 && { l: Object.fromEntries(lists.map(([name, of]) => [name, [...new Set(of)]])) }),
    json,
    ...(presented !== undefined && { shown: presented }),
  };
}

function bytesOf({ json = "", presented = "" }: DocumentChange): number {
  return Buffer.byteLength(json) + Buffer.byteLength(presented) + overheadBytes;
}

const documentGuard: Guard<MongoDocument> = {
  projection: { position: 1, by: 1 },
  judge(written, stored) {
    if (stored.position < written.position) return "behind";
    const isOwn = stored.position === written.position && stored.by === written.by;
    return isOwn ? "landed" : "overtaken";
  },
};

export function writeDocuments(
  connection: MongoConnection,
  collection: Collection<MongoDocument>,
  writes: readonly GuardedWrite<MongoDocument>[],
): Promise<string[]> {
  return writeGuarded(connection, { collection, guard: documentGuard, operation: "save" }, writes);
}

const parkedGuard: Guard<MongoParked> = {
  projection: { asOf: 1 },
  judge(written, stored) {
    if (stored.asOf < written.asOf) return "behind";
    return stored.asOf === written.asOf ? "landed" : "overtaken";
  },
};

/** Of several for one key the last one wins that is not as of an earlier position. */
export async function writeParked(
  connection: MongoConnection,
  collection: Collection<MongoParked>,
  generation: string,
  parked: readonly ParkedChange[],
): Promise<void> {
  const latest = new Map<string, ParkedChange>();
  for (const change of parked) {
    const before = latest.get(change.key);
    if (before === undefined || before.asOf <= change.asOf) latest.set(change.key, change);
  }
  const writes = [...latest.values()].map(({ key, asOf, document }): GuardedWrite<MongoParked> => {
    const state = document ? { gone: false, document } : { gone: true, goneAt: new Date() };
    return {
      document: { _id: `${generation}/${key}`, generation, asOf, ...state },
      over: { asOf: { $lte: asOf } },
      isNew: false,
      bytes: overheadBytes + Buffer.byteLength(document?.reason ?? ""),
    };
  });
  await writeGuarded(connection, { collection, guard: parkedGuard, operation: "park" }, writes);
}

/** It never goes back: of two writers, the one that is behind does not undo what the other has said. */
export async function moveCheckpoint(
  { run }: MongoConnection,
  collection: Collection<MongoCheckpoint>,
  generation: string,
  { checkpoint: position, eventId }: Pick<SaveOptions, "checkpoint" | "eventId">,
): Promise<void> {
  const move = {
    $max: { position, event: checkpointEvent(position, eventId) },
    $currentDate: { savedAt: true as const },
  };
  for (let attempt = 1; ; attempt++) {
    try {
      await run("checkpoint", () => collection.updateOne({ _id: generation }, move, { upsert: true }));
      return;
    } catch (error) {
      // Two upserts of one new key can meet; a filter by the key alone matches the second time.
      if (attempt === checkpointAttemptsMax || !hasCode(error, duplicateKey)) throw error;
    }
  }
}
