import type { Collection, Db, IndexDescription } from "mongodb";
import type { Position } from "../../event-store/event-store.ts";
import type { ModelSpec, ParkedDocument } from "../view-store.ts";

/**
 * What is where in the database:
 * - `store`: which log the models are of
 * - `models`: one document for each model, which says what its generations are
 * - `checkpoints`: one for each generation
 * - `parked`: one for each key and generation
 * - `leases`
 * - `<model>.g<n>`: the documents of a generation
 */
export const collections = {
  store: "store",
  models: "models",
  checkpoints: "checkpoints",
  parked: "parked",
  leases: "leases",
} as const;

/** Of what is deleted or parked no longer; a projector that is further behind has to rebuild. */
const tombstoneSeconds = 7 * 24 * 3600;

/**
 * A document that is there, or was: `gone` is in every filter of a reader and is what indexes are partial by.
 * What customers name is inside of the JSON text, never the name of a field.
 */
export interface MongoDocument {
  /** The key. */
  _id: string;
  position: Position;
  /** A number of the save that wrote it, so that it knows its own write from another's at the same position. */
  by: number;
  gone: boolean;
  /** When it was deleted. */
  goneAt?: Date;
  /** Columns and lists by name. */
  c?: Record<string, number | string | null>;
  l?: Record<string, readonly string[]>;
  json?: string;
  /** What readers see where it differs. */
  shown?: string;
}

export interface MongoParked {
  /** Generation and key. */
  _id: string;
  generation: string;
  asOf: Position;
  gone: boolean;
  goneAt?: Date;
  document?: ParkedDocument;
}

export interface MongoCheckpoint {
  /** The generation. */
  _id: string;
  position: Position;
  /** `checkpointEvent`: it grows with the position. */
  event?: string;
  /** When it was saved, by the server's clock; not kept by older releases. */
  savedAt?: Date;
}

/** A position and the id of the event that stands there, where it is known. */
export function checkpointEvent(position: Position, eventId = ""): string {
  return `${position} ${eventId}`;
}

/** Which no name of a model holds. */
export function collectionName(model: string, generation: number): string {
  return `${model}.g${generation}`;
}

export function columnPath(column: string): string {
  return `c.${column}`;
}

export function listPath(list: string): string {
  return `l.${list}`;
}

const alive = { partialFilterExpression: { gone: false } };
const expiring = { expireAfterSeconds: tombstoneSeconds, partialFilterExpression: { gone: true } };

/**
 * An index for each that the spec names, each beginning with the filter that every read has, so that it also
 * covers sums, and ending in the key, so that a page begins in it where the one before ended.
 */
export function indexesOf(spec: ModelSpec): IndexDescription[] {
  const keyed = (paths: readonly string[]) =>
    Object.fromEntries([["gone", 1], ...paths.map((path) => [path, 1]), ["_id", 1]]);
  return [
    { name: "by_key", key: keyed([]), ...alive },
    ...spec.indexes.map((columns, at) => ({
      name: `columns_${at}`,
      key: keyed(columns.map(columnPath)),
      ...alive,
    })),
    ...(spec.lists ?? []).map((list) => ({ name: `list_${list}`, key: keyed([listPath(list)]), ...alive })),
    ...(spec.followed ? [{ name: "changes", key: { position: 1, _id: 1 } }] : []),
    { name: "expiry", key: { goneAt: 1 }, ...expiring },
  ];
}

export function documentsIn(database: Db, model: string, generation: number): Collection<MongoDocument> {
  return database.collection<MongoDocument>(collectionName(model, generation));
}

export const parkedIndexes: IndexDescription[] = [
  {
    name: "by_generation",
    key: { generation: 1, gone: 1, "document.position": 1, "document.key": 1 },
  },
  { name: "expiry", key: { goneAt: 1 }, ...expiring },
];
