import type { Position } from "../event-store/event-store.ts";

/**
 * The view store port: read models as documents, each with the position it was last changed at.
 * A model has generations, so that a rebuild fills a new one beside the live one and then takes its name.
 */

export type ColumnType = "number" | "text";
export type ColumnValue = number | string | null;

/** What a model needs from its store. Documents are opaque JSON; only columns and lists can be queried. */
export interface ModelSpec {
  /** Lower case letters, digits and dashes. */
  name: string;
  /** Grows when documents take another shape; a store that holds a lower one must be rebuilt. */
  version: number;
  /** A setting that its documents depend on (a time zone): one built for another must be rebuilt. */
  builtFor?: string;
  /** Single values beside the document, for filters, sorting and sums. */
  columns: Readonly<Record<string, ColumnType>>;
  /** Fields with several text values each (an order's SKUs), for the filter `has`. */
  lists?: readonly string[];
  /** Other processes keep something of the documents, and ask for what has changed: an index is there for it. */
  followed?: boolean;
  /** Column names, each list one index, in order. */
  indexes: readonly (readonly string[])[];
}

export interface StoredDocument {
  key: string;
  position: Position;
  /** The projection's own state. */
  json: string;
}

export interface Loaded {
  /** Those that exist, by key. */
  documents: Map<string, StoredDocument>;
  /** Where documents were deleted, by key. */
  deleted: Map<string, Position>;
  /** How many of the keys, in their order, were looked up. */
  lookedUp: number;
}

export interface DocumentChange {
  key: string;
  position: Position;
  /** Nothing was stored of it, not even that it was deleted, when it was loaded: it is an insert. */
  isNew?: boolean;
  /**
   * Changed because another document led to it: it is stored before those that are not, so that after a crash what
   * leads still leads to it.
   */
  follower?: boolean;
  /** JSON text of the document; undefined deletes it. */
  json: string | undefined;
  /** JSON text for readers where it differs from the document; else left out. */
  presented?: string;
  columns: Readonly<Record<string, ColumnValue>>;
  lists?: Readonly<Record<string, readonly string[]>>;
}

/** All conditions of a filter hold at once. A null column matches none but `eq: null`. */
export interface Condition {
  column: string;
  eq?: ColumnValue;
  in?: readonly (string | number)[];
  gte?: number | string;
  gt?: number | string;
  lte?: number | string;
  lt?: number | string;
  /** Of a text column; of a list: that it holds one that begins so. */
  begins?: string;
  /** For a list: it holds this value. */
  has?: string;
}

export interface FindQuery {
  where?: readonly Condition[];
  /** Ties are broken by key, ascending. Without it: by key. */
  sort?: readonly { column: string; descending?: boolean }[];
  limit: number;
  /** `next` of the page before, unchanged. @throws InvalidCursor when it does not fit this query */
  after?: readonly ColumnValue[];
}

export interface Found {
  key: string;
  /** JSON text as readers see it: `presented`, else the document. */
  json: string;
}

export interface FindResult {
  items: Found[];
  /** Where the next page starts; null on the last one. */
  next: readonly ColumnValue[] | null;
}

export interface SumQuery {
  where?: readonly Condition[];
  groupBy: string;
  /** Number columns to add up per group. */
  sums: readonly string[];
  /** One of `sums`, largest first (ties by group), or the group itself, ascending. */
  sortBy: string;
  limit: number;
}

export interface SumRow {
  group: ColumnValue;
  sums: Record<string, number>;
}

/** A document whose event could not be applied. What follows for its key waits behind it. */
export interface ParkedDocument {
  key: string;
  /** Position of the event that failed. */
  position: Position;
  /** A position before it: from here its events are read again. */
  readAfter: Position;
  eventType: string;
  reason: string;
  /** How many later events of this key wait, the failed one not counted. */
  waiting: number;
}

/** A document is parked, or waits with more events, or is parked no longer. */
export interface ParkedChange {
  key: string;
  /** How far the model had come: it lands unless what is stored of this key is as of a later position. */
  asOf: Position;
  /** Left out when it is parked no longer. */
  document?: ParkedDocument;
}

export interface SaveOptions {
  /** Everything up to here is in the documents once the save is done. */
  checkpoint: Position;
  /** Of the event at the checkpoint, where it is known. */
  eventId?: string | undefined;
  parked?: readonly ParkedChange[];
}

/** A checkpoint as it was saved. */
export interface SavedCheckpoint {
  position: Position;
  eventId?: string;
  /** Since it was saved, by the store's clock; 0 where what was deleted is remembered for as long as it takes. */
  ageMs: number;
}

export type Overtaken = readonly string[];

/** One generation of one model. */
export interface ViewModel {
  readonly spec: ModelSpec;
  readonly generation: number;

  /** Where to go on reading the log; `logStart` when the model is new. */
  checkpoint(): Promise<Position>;
  /** The same, with what tells whether the model can go on from there. */
  savedCheckpoint(): Promise<SavedCheckpoint>;
  /**
   * At most 10,000 keys a call.
   * @param bytesMax of JSON: keys are looked up in their order, at least one, until there is more than this
   */
  load(keys: readonly string[], bytesMax?: number): Promise<Loaded>;
  /**
   * Writes each change only over a lower position: followers, then the others, then what is parked, then the
   * checkpoint. A crash in between leaves some of it; applying the same events again repairs it. What is
   * deleted leaves its position behind for as long as somebody may be behind it, so that a change that comes late
   * does not bring it back.
   * @returns keys that were stored at this position or a higher one already: what was loaded of them is out of date
   */
  save(changes: readonly DocumentChange[], options: SaveOptions): Promise<Overtaken>;
  parked(): Promise<ParkedDocument[]>;

  get(key: string): Promise<Found | undefined>;
  getMany(keys: readonly string[]): Promise<Map<string, Found>>;
  find(query: FindQuery): Promise<FindResult>;
  sum(query: SumQuery): Promise<SumRow[]>;
  count(): Promise<number>;
  /**
   * Documents by ascending key, for comparing two generations and for export.
   * @param bytesMax of JSON: a page ends before it has more than this, and holds at least one document
   * @returns fewer than `limit` without being the last page; an empty one is behind the end
   */
  scan(afterKey: string | undefined, limit: number, bytesMax?: number): Promise<StoredDocument[]>;
  /**
   * Keys of documents that stand at a later position than this, deleted ones included, by ascending position. Whoever
   * asks with the checkpoint that it read before it asked last misses nothing.
   * @returns fewer than `limit` are all
   */
  changedSince(position: Position, limit: number): Promise<string[]>;
}

const scanDocuments = 2_000;
const scanBytesMax = 8 * 1024 * 1024;

/** All documents of a generation by ascending key, a bounded page of them in memory. */
export async function* documentsOf(model: ViewModel): AsyncGenerator<StoredDocument> {
  let after: string | undefined;
  for (;;) {
    const page = await model.scan(after, scanDocuments, scanBytesMax);
    yield* page;
    const last = page.at(-1);
    if (!last) return;
    after = last.key;
  }
}

export interface GenerationInfo {
  name: string;
  generation: number;
  version: number;
  live: boolean;
}

export interface ViewStore {
  /**
   * The live generation of a model, created empty when there is none.
   * @throws ModelOutdated when the live one has another spec version: it must be rebuilt
   */
  open(spec: ModelSpec): Promise<ViewModel>;
  /**
   * A new empty generation beside the live one, for filling fast: what it holds before `promote` may be
   * lost by a crash, and a half filled one is dropped by the next call.
   */
  createGeneration(spec: ModelSpec): Promise<ViewModel>;
  /**
   * Builds the indexes of a filled generation and makes it as durable as a live one, which takes time; it can
   * still be saved to.
   */
  seal(model: ViewModel): Promise<void>;
  /**
   * Makes a generation the live one, durably and at once, and keeps the one before for `rollback`. One that is
   * not sealed is sealed before.
   */
  promote(model: ViewModel): Promise<void>;
  /**
   * The generation that was live before, to be brought up to date ahead of a `rollback`.
   * @returns undefined when there is none
   * @throws ModelOutdated when it is of another version
   */
  previous(spec: ModelSpec): Promise<ViewModel | undefined>;
  /** The generation before is live again. @returns false when there is none */
  rollback(name: string): Promise<boolean>;
  /** Drops a generation that is not live. */
  drop(model: ViewModel): Promise<void>;
  generations(): Promise<GenerationInfo[]>;
  /** Forgets what is cached about which generation is live: another thread or process changed it. */
  refresh(): void;
  close(): Promise<void>;
}

/** The stored model was written by another version of its projection. */
export class ModelOutdated extends Error {
  readonly model: string;
  constructor(name: string, stored: number, wanted: number) {
    super(`read model ${name} is stored in version ${stored}, this program writes version ${wanted}`);
    this.name = "ModelOutdated";
    this.model = name;
  }
}

/** The `after` of a query is not one that this store gave out for it: the caller's mistake, not a fault. */
export class InvalidCursor extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "InvalidCursor";
  }
}
