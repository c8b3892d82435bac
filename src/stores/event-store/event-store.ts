/**
 * The event store port: append-only streams with optimistic concurrency, and one order over all of them.
 * It holds what EventStoreDB and the embedded log can both do, and nothing that only one of them can.
 */

/**
 * Where an event stands in the log: opaque text of one width, which grows along the log and is compared as
 * text. It is never computed with, and the positions of two logs have nothing to do with each other.
 */
export type Position = string;

/** Before the first event of the log, and so before every position. */
export const logStart: Position = "";

/** The one that comes first in the log. */
export function earliest(first: Position, ...others: readonly Position[]): Position {
  return others.reduce((earlier, position) => (position < earlier ? position : earlier), first);
}

/** The one that comes last in the log. */
export function latest(first: Position, ...others: readonly Position[]): Position {
  return others.reduce((later, position) => (position > later ? position : later), first);
}

/** The revision of a stream that does not exist yet; the first event of a stream has revision 0. */
export const noStream = -1;

export interface EventMetadata {
  /** Epoch milliseconds, the `now` that the command was decided with. */
  time: number;
  commandId: string;
  correlationId: string;
  actor: string;
  causationId?: string;
  ip?: string;
  userAgent?: string;
  /** Of a command that was traced, as W3C's Trace Context has it. */
  traceparent?: string;
  /** Absent means 1. */
  schemaVersion?: number;
}

export interface EventToAppend {
  /** UUID. Derived from the command, so the same decision sent twice has the same ids. */
  id: string;
  type: string;
  /** JSON text: serialised before it is handed over, so a payload that cannot be is refused at once. */
  data: string;
  metadata: EventMetadata;
}

export interface RecordedEvent {
  position: Position;
  stream: string;
  /** Position within the stream, from 0 and without gaps. */
  revision: number;
  id: string;
  type: string;
  /** Epoch milliseconds, as in the metadata. */
  time: number;
  data: unknown;
  /** The data's JSON, where the store has it as text: who passes it on need not parse it. */
  readonly dataText?: string;
  metadata: EventMetadata;
}

/** UTF-8 bytes of data and metadata in one append: EventStoreDB takes 1 MiB, its own fields included. */
export const appendBytesMax = 1000 * 1024;

/** Of data and metadata in one page of the log; an event that is larger comes alone. */
export const pageBytesMax = 8 * 1024 * 1024;
/** As above, of a page of one stream. */
export const streamPageBytesMax = 4 * 1024 * 1024;

export interface AppendResult {
  /** Revision and position of the last event appended. */
  revision: number;
  position: Position;
}

export interface ReadStreamOptions {
  /** First revision to return, inclusive. Backwards reads start at the end when it is left out. */
  from?: number;
  backwards?: boolean;
  maxCount: number;
  /** `streamPageBytesMax` when left out. */
  bytesMax?: number;
}

export interface StreamPage {
  events: RecordedEvent[];
  /** The stream has nothing further in this direction; a page may be short without being the last. */
  isEnd: boolean;
}

/**
 * The types of events whose metadata will be asked for, or `true` for all: a store that fetches it when it is asked for
 * may fetch it at once.
 */
export type WithMetadata = true | readonly string[];

export interface ReadAllOptions {
  /** Events behind this position, exclusive. */
  after: Position;
  /** The last position that may be looked at, inclusive; the end of the log when left out. */
  upTo?: Position;
  /** Only these event types; the filter runs in the store. */
  types?: readonly string[];
  maxCount: number;
  /** `pageBytesMax` when left out. */
  bytesMax?: number;
  withMetadata?: WithMetadata;
}

export interface Page {
  events: RecordedEvent[];
  /**
   * How far the store has looked: at least the last event's position, further when the types filter
   * skipped what followed. Continue from here. Equal to `after` when there is nothing new.
   */
  scannedTo: Position;
  /** How many events of the log were looked at for this page, those that the types filter skipped included. */
  scannedEvents: number;
}

export interface SubscribeOptions {
  after: Position;
  /** At most this many events in one batch. */
  batchEventsMax: number;
  /** `pageBytesMax` when left out. */
  batchBytesMax?: number;
  withMetadata?: WithMetadata;
  signal: AbortSignal;
}

export interface EventStore {
  /** Names this log for ever. A checkpoint taken on another log must be refused. */
  readonly logId: string;
  /**
   * Nobody else appends to this log while it is open: what this process has seen of a stream is the stream.
   * Where it is false, only a successful append, or a read of the stream's tail, proves a state.
   */
  readonly soleWriter: boolean;

  /**
   * Appends all events or none, durable before it answers. An append is written, not written, or its outcome
   * is unknown; sending the very same append again (same ids, same revision) settles an unknown one.
   *
   * @param expectedRevision the stream's revision that the decision was made on; `noStream` for a new one
   * @param events at most `appendBytesMax` UTF-8 bytes of data and metadata together
   * @returns where the last event landed; for a repeated append (same ids, same revision) where it had landed
   * @throws RevisionConflict when the stream is elsewhere: not written
   * @throws StoreUnavailable when it is not written
   * @throws OutcomeUnknown when it may have been written
   */
  append(stream: string, expectedRevision: number, events: readonly EventToAppend[]): Promise<AppendResult>;

  /**
   * Decisions rest on this, so a store with several nodes asks its leader.
   * @returns the events in order; none when the stream does not exist or ends before `from`
   */
  readStream(stream: string, options: ReadStreamOptions): Promise<StreamPage>;

  readAll(options: ReadAllOptions): Promise<Page>;

  /**
   * Catches up from `after`, then follows the log, batch by batch, until the signal aborts. It is to
   * everything: who has no use for an event goes past it.
   */
  subscribe(options: SubscribeOptions): AsyncIterable<Page>;

  /** Position of the newest event, `logStart` on an empty log. */
  head(): Promise<Position>;

  /**
   * The id of the event at exactly this position, undefined when there is none: what was made of a log up to a
   * position fits it only if that event is still there (DISTRIBUTED.md, 19).
   */
  eventIdAt(position: Position): Promise<string | undefined>;

  /** @returns how far a position is on the way from the log's start to another one, from 0 to 1 */
  progressOf(position: Position, target: Position): number;

  /**
   * @returns how many events stand behind `after`, up to `upTo` inclusive; undefined where the log cannot
   * count them without reading them
   */
  countBetween(after: Position, upTo: Position): Promise<number | undefined>;

  close(): Promise<void>;
}

export class RevisionConflict extends Error {
  readonly stream: string;
  readonly expected: number;
  readonly actual: number;
  constructor(stream: string, expected: number, actual: number) {
    super(`stream ${stream} is at revision ${actual}, not at ${expected}`);
    this.name = "RevisionConflict";
    this.stream = stream;
    this.expected = expected;
    this.actual = actual;
  }
}

/** An append was sent and not answered: it may have been written. The identical append again tells. */
export class OutcomeUnknown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OutcomeUnknown";
  }
}

/** The store is away or cannot write: nothing of the call is stored, and it can be repeated. */
export class StoreUnavailable extends Error {
  /** Which one it is, where a server is away: answers name it. */
  store: "events" | "views" | "vault" | undefined;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreUnavailable";
  }

  /** @returns itself, with the store's name */
  of(store: "events" | "views" | "vault"): this {
    this.store = store;
    return this;
  }
}

/** A store's files are damaged, of a newer format, of another log, or in use. An operator has to act. */
export class StoreDamaged extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreDamaged";
  }
}
