import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import { newId } from "../../../values/ids.ts";
import {
  type AppendResult,
  type EventMetadata,
  type EventStore,
  type EventToAppend,
  logStart,
  noStream,
  type Page,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  RevisionConflict,
  StoreDamaged,
  StoreUnavailable,
  type SubscribeOptions,
} from "../event-store.ts";

const format = 1;
const logFile = "log.db";
const cacheKiB = 32 * 1024;
/** A reader goes through the log once: it has no use for a large cache. */
const readerCacheKiB = 4 * 1024;
const walPagesMax = 16_384;
const checkpointEveryMs = 500;
const checkpointedWalBytesMin = 8 * 1024 * 1024;
const streamHeadsMax = 100_000;
const streamNamesMax = 100_000;
/** Log rows a filtered read looks at before it answers, so that a rare type cannot hold the thread. */
const scanWindowEvents = 50_000;
/** Of an integer in SQLite, without the sign. */
const maskBits = 63;
const appendsPendingMax = 50_000;
const eventBytesMax = 1024 * 1024;
/** A full check of the file at start takes about a second per 256 MiB; larger logs are `doctor`'s. */
const checkedAtStartBytesMax = 128 * 1024 * 1024;
const guardedPragmas = `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${walPagesMax}`;
const unguardedPragmas =
  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF";
/** How long a reader in another thread waits for news before it looks by itself. */
const pollMs = 200;

interface StreamHead {
  id: number;
  revision: number;
}

interface PendingAppend {
  stream: string;
  expectedRevision: number;
  events: readonly EventToAppend[];
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
}

/** The metadata column: everything but the time, which has its own. */
type StoredMetadata = Omit<EventMetadata, "time"> & { id: string };

/** An event whose JSON is parsed when it is asked for; metadata of log reads is fetched when asked for. */
class StoredEvent implements RecordedEvent {
  readonly position: Position;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly time: number;
  private readonly dataText: string;
  private readonly metadataText: () => string;
  private parsed: unknown;
  private parsedMetadata: StoredMetadata | undefined;

  constructor(
    position: Position,
    stream: string,
    revision: number,
    type: string,
    time: number,
    dataText: string,
    metadataText: () => string,
  ) {
    this.position = position;
    this.stream = stream;
    this.revision = revision;
    this.type = type;
    this.time = time;
    this.dataText = dataText;
    this.metadataText = metadataText;
  }

  get data(): unknown {
    this.parsed ??= JSON.parse(this.dataText);
    return this.parsed;
  }

  private get stored(): StoredMetadata {
    this.parsedMetadata ??= JSON.parse(this.metadataText()) as StoredMetadata;
    return this.parsedMetadata;
  }

  get id(): string {
    return this.stored.id;
  }

  get metadata(): EventMetadata {
    const { id: _, ...metadata } = this.stored;
    return { ...metadata, time: this.time };
  }
}

export interface EmbeddedLogOptions {
  directory: string;
  /** For a thread that only reads what the process's writer writes. The log must exist. */
  readOnly?: boolean;
  /**
   * Appends are several times as fast and a crash ruins the file: for a log that is thrown away unless it is
   * finished. Whoever fills it flushes the closed file.
   */
  unguarded?: boolean;
}

export interface EmbeddedEventStore extends EventStore {
  /** Wakes the subscriptions: another thread has appended. */
  notify(): void;
  /** Reads the whole file. @returns what is wrong with it; empty when nothing is */
  check(): string[];
}

/** Where the log of a data folder is, whether there is one yet or not. */
export function logFileIn(directory: string): string {
  return join(directory, logFile);
}

/**
 * Opens the log of a data folder: one SQLite file, write-ahead logging, flushed to disk before an append
 * is answered. Appends made in one turn of the event loop share one transaction and one flush.
 *
 * @throws StoreDamaged when the file is not a log of this format or is malformed
 */
export function openEmbeddedEventStore(options: EmbeddedLogOptions): EmbeddedEventStore {
  const file = logFileIn(options.directory);
  let db: DatabaseSync | undefined;
  try {
    if (!options.readOnly && !existsSync(file)) createLog(options.directory, file);
    db = new DatabaseSync(file, { readOnly: options.readOnly ?? false, timeout: 5_000 });
    db.exec(
      `PRAGMA cache_size = -${options.readOnly ? readerCacheKiB : cacheKiB}; PRAGMA temp_store = MEMORY`,
    );
    // Nothing is written before this is known to be a log: whatever else it is, it stays as it is.
    const logId = readLogId(db, file);
    if (!options.readOnly) {
      checkFile(db, file);
      db.exec(options.unguarded ? unguardedPragmas : guardedPragmas);
    }
    return new EmbeddedLog(db, file, logId);
  } catch (error) {
    db?.close();
    if (error instanceof StoreDamaged) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreDamaged(`the event log ${file} cannot be opened: ${reason}. Restore it from a backup`, {
      cause: error,
    });
  }
}

export interface LogCheckpointer {
  /** Moves what the write-ahead log holds into the file, if it is worth it; the writer goes on meanwhile. */
  run(): void;
  close(): void;
}

/**
 * For a thread beside the writer: what it moves into the file, the writer does not have to. The writer's own
 * automatic checkpoint stays as the backstop, and then finds little to do.
 */
export function openLogCheckpointer(directory: string): LogCheckpointer {
  const file = logFileIn(directory);
  const db = new DatabaseSync(file, { timeout: 0 });
  let lastRunAt = 0;
  return {
    run() {
      const now = Date.now();
      if (now - lastRunAt < checkpointEveryMs) return;
      lastRunAt = now;
      const { size } = statSync(`${file}-wal`, { throwIfNoEntry: false }) ?? { size: 0 };
      if (size >= checkpointedWalBytesMin) db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    },
    close: () => db.close(),
  };
}

/** A log appears under its name once it is whole: a crash before leaves nothing that looks like a damaged one. */
function createLog(directory: string, file: string): void {
  const unfinished = `${file}.${newId()}.new`;
  const db = new DatabaseSync(unfinished);
  createSchema(db);
  db.close();
  try {
    // Unlike a rename, a link never replaces a log that another process has made meanwhile.
    linkSync(unfinished, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
  }
  rmSync(unfinished);
  const folder = openSync(directory, "r");
  fsyncSync(folder);
  closeSync(folder);
}

function createSchema(db: DatabaseSync): void {
  db.exec(`
    BEGIN;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE events (
      position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, revision INTEGER NOT NULL, type INTEGER NOT NULL,
      time INTEGER NOT NULL, data TEXT NOT NULL, metadata TEXT NOT NULL) STRICT;
    CREATE UNIQUE INDEX events_by_stream ON events (stream, revision);
    INSERT INTO meta VALUES ('format', '${format}'), ('logId', '${newId()}');
    COMMIT`);
}

function readLogId(db: DatabaseSync, file: string): string {
  const stored = readMeta(db, "format");
  if (stored === undefined) throw new StoreDamaged(`${file} is not an event log of Cartwright`);
  if (Number(stored) > format)
    throw new StoreDamaged(
      `${file} has format ${stored}, this program knows up to ${format}: use a newer Cartwright`,
    );
  const logId = readMeta(db, "logId");
  if (logId === undefined) throw new StoreDamaged(`${file} has lost its log id: restore it from a backup`);
  return logId;
}

function readMeta(db: DatabaseSync, key: string): string | undefined {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get();
  const row = exists && db.prepare("SELECT value FROM meta WHERE key = ?").get(key);
  return row ? String(row.value) : undefined;
}

function checkFile(db: DatabaseSync, file: string): void {
  const bytes = statSync(file).size;
  const problems = bytes <= checkedAtStartBytesMax ? quickCheck(db, 1) : [];
  if (problems.length > 0)
    throw new StoreDamaged(`the event log ${file} is damaged (${problems[0]}): restore it from a backup`);
}

function quickCheck(db: DatabaseSync, problemsMax: number): string[] {
  const rows = db.prepare(`PRAGMA quick_check(${problemsMax})`).all();
  const problems = rows.map((row) => String(row.quick_check));
  return problems[0] === "ok" ? [] : problems;
}

class EmbeddedLog implements EmbeddedEventStore {
  readonly logId: string;
  readonly soleWriter = true;
  private readonly db: DatabaseSync;
  private readonly file: string;
  private readonly statements: ReturnType<typeof prepareStatements>;
  private readonly heads = new LRUCache<string, StreamHead>({ max: streamHeadsMax });
  private readonly streamNames = new LRUCache<number, string>({ max: streamNamesMax });
  private readonly typeIds = new Map<string, number>();
  private readonly typeNames = new Map<number, string>();
  private pending: PendingAppend[] = [];
  private flushScheduled = false;
  private lastPosition: Position;
  private waiting = new Set<() => void>();
  private closed = false;
  private lastMetadata: EventMetadata | undefined;
  private lastMetadataText = "";

  constructor(db: DatabaseSync, file: string, logId: string) {
    this.db = db;
    this.file = file;
    this.logId = logId;
    this.statements = prepareStatements(db);
    this.lastPosition = this.readHead();
  }

  async append(
    stream: string,
    expectedRevision: number,
    events: readonly EventToAppend[],
  ): Promise<AppendResult> {
    if (events.length === 0) throw new Error("an append needs at least one event");
    const tooLarge = events.find(({ data }) => isLonger(data, eventBytesMax));
    if (tooLarge) throw new RangeError(`a ${tooLarge.type} event is larger than ${eventBytesMax} bytes`);
    if (this.closed) throw new StoreUnavailable("the event log is closed");
    if (this.pending.length >= appendsPendingMax)
      throw new StoreUnavailable(`${appendsPendingMax} appends are waiting`);
    return new Promise((resolve, reject) => {
      this.pending.push({ stream, expectedRevision, events, resolve, reject });
      if (this.flushScheduled) return;
      this.flushScheduled = true;
      setImmediate(() => this.flush());
    });
  }

  /** One transaction for all that is waiting. A conflict refuses its append, not the others. */
  private flush(): void {
    this.flushScheduled = false;
    const appends = this.pending;
    this.pending = [];
    if (appends.length === 0) return;
    const settle: (() => void)[] = [];
    const firstNew = this.lastPosition;
    try {
      this.db.exec("BEGIN IMMEDIATE");
      for (const append of appends) {
        const outcome = this.write(append);
        settle.push(
          outcome instanceof RevisionConflict ? () => append.reject(outcome) : () => append.resolve(outcome),
        );
      }
      this.db.exec("COMMIT");
    } catch (error) {
      // What was cached in this transaction never happened.
      this.heads.clear();
      this.typeIds.clear();
      this.typeNames.clear();
      this.lastPosition = firstNew;
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      const failure = new StoreUnavailable(`the event log could not be written: ${String(error)}`, {
        cause: error,
      });
      for (const append of appends) append.reject(failure);
      return;
    }
    for (const done of settle) done();
    if (this.lastPosition > firstNew) this.notify();
  }

  private write(append: PendingAppend): AppendResult | RevisionConflict {
    const { stream, expectedRevision, events } = append;
    const head = this.headOf(stream);
    const actual = head?.revision ?? noStream;
    if (actual !== expectedRevision) {
      return (
        this.repeated(head, expectedRevision, events) ??
        new RevisionConflict(stream, expectedRevision, actual)
      );
    }
    const id = head?.id ?? this.createStream(stream);
    let revision = actual;
    for (const event of events) {
      this.statements.insert.run(
        ++this.lastPosition,
        id,
        ++revision,
        this.typeIdOf(event.type),
        event.metadata.time,
        event.data,
        this.metadataText(event),
      );
    }
    this.heads.set(stream, { id, revision });
    return { revision, position: this.lastPosition };
  }

  /** `StoredMetadata` as text. Events of one command share theirs, which is then made once. */
  private metadataText({ id, metadata }: EventToAppend): string {
    if (metadata !== this.lastMetadata) {
      const { time: _, ...stored } = metadata;
      this.lastMetadata = metadata;
      this.lastMetadataText = JSON.stringify(stored).slice(1);
    }
    return `{"id":${JSON.stringify(id)},${this.lastMetadataText}`;
  }

  /** The same events at the same place: an append that had an unknown outcome and is sent again. */
  private repeated(
    head: StreamHead | undefined,
    expectedRevision: number,
    events: readonly EventToAppend[],
  ): AppendResult | undefined {
    if (!head || head.revision < expectedRevision + events.length) return undefined;
    const rows = this.statements.range.all(
      head.id,
      expectedRevision + 1,
      events.length,
    ) as unknown as StreamRow[];
    const same = events.every((event, index) => {
      const metadata = rows[index]?.[6];
      return metadata !== undefined && (JSON.parse(metadata) as StoredMetadata).id === event.id;
    });
    if (!same) return undefined;
    return { revision: expectedRevision + events.length, position: Number(rows.at(-1)?.[0]) };
  }

  private headOf(stream: string): StreamHead | undefined {
    const cached = this.heads.get(stream);
    if (cached) return cached;
    const row = this.statements.streamHead.get(stream) as unknown as [number, number | null] | undefined;
    if (!row) return undefined;
    const head = { id: row[0], revision: row[1] ?? noStream };
    this.heads.set(stream, head);
    return head;
  }

  private createStream(name: string): number {
    return Number(this.statements.insertStream.run(name).lastInsertRowid);
  }

  private typeIdOf(name: string): number {
    const known = this.typeIds.get(name);
    if (known !== undefined) return known;
    const row = this.statements.typeByName.get(name) as unknown as [number] | undefined;
    const id = row ? row[0] : Number(this.statements.insertType.run(name).lastInsertRowid);
    this.typeIds.set(name, id);
    return id;
  }

  async readStream(stream: string, options: ReadStreamOptions): Promise<RecordedEvent[]> {
    const head = this.headOf(stream);
    if (!head) return [];
    const from = options.from ?? (options.backwards ? Number.MAX_SAFE_INTEGER : 0);
    const statement = options.backwards ? this.statements.rangeBackwards : this.statements.range;
    const rows = statement.all(head.id, from, options.maxCount) as unknown as StreamRow[];
    return rows.map(
      ([position, , revision, type, time, data, metadata]) =>
        new StoredEvent(position, stream, revision, this.typeNameOf(type), time, data, () => metadata),
    );
  }

  async readAll({ after, types, maxCount, withMetadata = false }: ReadAllOptions): Promise<Page> {
    // Taken once, before the events: another thread's writer may append while they are read.
    const end = types === undefined ? after : this.windowEnd(after);
    const rows = types
      ? this.readFiltered(after, end, types, maxCount)
      : this.readUnfiltered(after, maxCount, withMetadata);
    const events = rows.map(
      ([position, stream, revision, type, time, data, metadata]) =>
        new StoredEvent(
          position,
          this.streamNameOf(stream),
          revision,
          this.typeNameOf(type),
          time,
          data,
          () => metadata ?? this.metadataAt(position),
        ),
    );
    const last = rows.at(-1)?.[0] ?? after;
    const exhausted = types !== undefined && rows.length < maxCount;
    return { events, scannedTo: exhausted ? end : last };
  }

  private readUnfiltered(after: Position, maxCount: number, withMetadata: boolean): LogRow[] {
    const statement = withMetadata ? this.statements.allWithMetadata : this.statements.all;
    return statement.all(after, maxCount) as unknown as LogRow[];
  }

  private readFiltered(after: Position, end: Position, types: readonly string[], maxCount: number): LogRow[] {
    const ids = types.flatMap((name) => this.knownTypeId(name) ?? []);
    const { filtered, filteredByList } = this.statements;
    // Ids are given in the order types first occur, so they are small: testing a bit is the fastest filter.
    const rows = ids.every((id) => id < 2 * maskBits)
      ? filtered.all(after, end, maskOf(ids, 0), maskOf(ids, maskBits), maxCount)
      : filteredByList.all(after, end, JSON.stringify(ids), maxCount);
    return rows as unknown as LogRow[];
  }

  private windowEnd(after: Position): Position {
    return Math.max(after, Math.min(after + scanWindowEvents, this.readHead()));
  }

  private knownTypeId(name: string): number | undefined {
    const row = this.statements.typeByName.get(name) as unknown as [number] | undefined;
    return row?.[0];
  }

  private metadataAt(position: Position): string {
    const row = this.statements.metadata.get(position) as unknown as [string];
    return row[0];
  }

  private streamNameOf(id: number): string {
    const cached = this.streamNames.get(id);
    if (cached !== undefined) return cached;
    const row = this.statements.streamName.get(id) as unknown as [string];
    this.streamNames.set(id, row[0]);
    return row[0];
  }

  private typeNameOf(id: number): string {
    const cached = this.typeNames.get(id);
    if (cached !== undefined) return cached;
    const row = this.statements.typeName.get(id) as unknown as [string];
    this.typeNames.set(id, row[0]);
    return row[0];
  }

  async *subscribe({ after, types, batchEventsMax, signal }: SubscribeOptions): AsyncIterable<Page> {
    let position = after;
    while (!signal.aborted && !this.closed) {
      const page = await this.readAll({ after: position, maxCount: batchEventsMax, ...(types && { types }) });
      if (page.scannedTo > position) {
        position = page.scannedTo;
        yield page;
      } else {
        await this.changed(signal);
      }
    }
  }

  /** Until there may be news, or the subscription ends. */
  private changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, pollMs);
      signal.addEventListener("abort", wake);
      this.waiting.add(wake);
      if (signal.aborted) wake();
    });
  }

  notify(): void {
    for (const wake of this.waiting) wake();
  }

  private readHead(): Position {
    const row = this.statements.head.get() as unknown as [number | null];
    return row[0] ?? logStart;
  }

  async head(): Promise<Position> {
    return this.readHead();
  }

  check(): string[] {
    const gaps = this.db
      .prepare(
        `SELECT s.name AS name FROM events e JOIN streams s ON s.id = e.stream
         GROUP BY e.stream HAVING count(*) <> max(e.revision) + 1 LIMIT 100`,
      )
      .all()
      .map((row) => `stream ${row.name} has missing revisions`);
    return [...quickCheck(this.db, 100).map((problem) => `${this.file}: ${problem}`), ...gaps];
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    this.notify();
    this.db.close();
  }
}

function isLonger(text: string, bytesMax: number): boolean {
  return text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax;
}

/** The bits of those ids that are among the `maskBits` from `first` on. */
function maskOf(ids: readonly number[], first: number): bigint {
  let mask = 0n;
  for (const id of ids) if (id >= first && id < first + maskBits) mask |= 1n << BigInt(id - first);
  return mask;
}

type LogRow = [
  position: number,
  stream: number,
  revision: number,
  type: number,
  time: number,
  data: string,
  metadata?: string,
];
type StreamRow = [...Required<LogRow>];

function prepareStatements(db: DatabaseSync) {
  const arrays = (sql: string): StatementSync => {
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  const columns = "position, stream, revision, type, time, data";
  return {
    insert: db.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)"),
    insertStream: db.prepare("INSERT INTO streams (name) VALUES (?)"),
    insertType: db.prepare("INSERT INTO types (name) VALUES (?)"),
    streamHead: arrays(
      "SELECT id, (SELECT max(revision) FROM events WHERE stream = streams.id) FROM streams WHERE name = ?",
    ),
    streamName: arrays("SELECT name FROM streams WHERE id = ?"),
    typeByName: arrays("SELECT id FROM types WHERE name = ?"),
    typeName: arrays("SELECT name FROM types WHERE id = ?"),
    head: arrays("SELECT max(position) FROM events"),
    metadata: arrays("SELECT metadata FROM events WHERE position = ?"),
    range: arrays(
      `SELECT ${columns}, metadata FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?`,
    ),
    rangeBackwards: arrays(
      `SELECT ${columns}, metadata FROM events WHERE stream = ? AND revision <= ? ORDER BY revision DESC LIMIT ?`,
    ),
    all: arrays(`SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ?`),
    allWithMetadata: arrays(
      `SELECT ${columns}, metadata FROM events WHERE position > ? ORDER BY position LIMIT ?`,
    ),
    // The plus sign keeps SQLite on the primary key, in log order.
    filtered: arrays(
      `SELECT ${columns} FROM events WHERE position > ? AND position <= ?
       AND CASE WHEN type < ${maskBits} THEN (? >> type) & 1 ELSE (? >> (type - ${maskBits})) & 1 END
       ORDER BY position LIMIT ?`,
    ),
    filteredByList: arrays(
      `SELECT ${columns} FROM events WHERE position > ? AND position <= ?
       AND +type IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT ?`,
    ),
  };
}
