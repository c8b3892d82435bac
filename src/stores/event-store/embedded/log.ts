import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import {
  type AppendResult,
  type EventStore,
  type EventToAppend,
  type Page,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  StoreDamaged,
  StoreUnavailable,
  type StreamPage,
  type SubscribeOptions,
} from "../event-store.ts";
import { BatchWriter } from "./batch-writer.ts";
import {
  checkFile,
  checkLog,
  createLog,
  guardedPragmas,
  logFileIn,
  readLogId,
  writerCacheKiB,
} from "./format.ts";
import { formatPosition } from "./position.ts";
import { LogReader } from "./reader.ts";
import { prepareStatements } from "./statements.ts";
import { type Committer, LogWriter } from "./writer.ts";
import { WritingThread } from "./writing-thread.ts";

/** A reader goes through the log once, or reads what another connection writes: it has no use for a large cache. */
const readerCacheKiB = 4 * 1024;
const unguardedPragmas =
  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF";
/** How long a reader in another thread waits for news before it looks by itself. */
const pollMs = 200;

export interface EmbeddedLogOptions {
  directory: string;
  /** For a thread that only reads what the process's writer writes. The log must exist. */
  readOnly?: boolean;
  /** A thread of its own writes and waits for the disk: for a server. */
  threaded?: boolean;
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
  /** Whether an event of this type has ever been written. */
  knowsType(type: string): boolean;
}

/**
 * Opens the log of a data folder: one SQLite file, write-ahead logging, flushed to disk before an append
 * is answered. Appends made in one turn of the event loop share one transaction and one flush, and more where a
 * thread writes.
 *
 * @throws StoreDamaged when the file is not a log of this format or is malformed
 */
export function openEmbeddedEventStore(options: EmbeddedLogOptions): EmbeddedEventStore {
  const file = logFileIn(options.directory);
  let db: DatabaseSync | undefined;
  try {
    if (!options.readOnly && !existsSync(file)) createLog(options.directory, file);
    db = new DatabaseSync(file, { readOnly: options.readOnly ?? false, timeout: 5_000 });
    const isWritten = !options.readOnly && !options.threaded;
    db.exec(
      `PRAGMA cache_size = -${isWritten ? writerCacheKiB : readerCacheKiB}; PRAGMA temp_store = MEMORY`,
    );
    // Nothing is written before this is known to be a log: whatever else it is, it stays as it is.
    const logId = readLogId(db, file);
    if (!options.readOnly) {
      checkFile(db, file);
      db.exec(options.unguarded ? unguardedPragmas : guardedPragmas);
    }
    return new EmbeddedLog(db, file, logId, options.threaded ?? false);
  } catch (error) {
    db?.close();
    if (error instanceof StoreDamaged) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreDamaged(`the event log ${file} cannot be opened: ${reason}. Restore it from a backup`, {
      cause: error,
    });
  }
}

class EmbeddedLog implements EmbeddedEventStore {
  readonly logId: string;
  readonly soleWriter = true;
  private readonly db: DatabaseSync;
  private readonly file: string;
  private readonly reader: LogReader;
  private readonly writer: LogWriter;
  private readonly waiting = new Set<() => void>();
  private closed = false;

  constructor(db: DatabaseSync, file: string, logId: string, threaded: boolean) {
    this.db = db;
    this.file = file;
    this.logId = logId;
    const statements = prepareStatements(db);
    this.reader = new LogReader(statements);
    const committer = threaded ? new WritingThread(file) : writeHere(new BatchWriter(db, statements));
    this.writer = new LogWriter(committer, () => this.notify());
  }

  async append(
    stream: string,
    expectedRevision: number,
    events: readonly EventToAppend[],
  ): Promise<AppendResult> {
    if (events.length === 0) throw new Error("an append needs at least one event");
    if (this.closed) throw new StoreUnavailable("the event log is closed");
    return this.writer.append(stream, expectedRevision, events);
  }

  async readStream(stream: string, options: ReadStreamOptions): Promise<StreamPage> {
    return this.reader.readStream(stream, options);
  }

  async readAll(options: ReadAllOptions): Promise<Page> {
    return this.reader.readAll(options);
  }

  async *subscribe(options: SubscribeOptions): AsyncIterable<Page> {
    const { after, batchEventsMax, batchBytesMax, withMetadata = [], signal } = options;
    const which = {
      maxCount: batchEventsMax,
      withMetadata,
      ...(batchBytesMax !== undefined && { bytesMax: batchBytesMax }),
    };
    let position = after;
    while (!signal.aborted && !this.closed) {
      const page = this.reader.readAll({ after: position, ...which });
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

  async head(): Promise<Position> {
    return formatPosition(this.reader.head());
  }

  async eventIdAt(position: Position): Promise<string | undefined> {
    return this.reader.eventIdAt(position);
  }

  progressOf(position: Position, target: Position): number {
    return this.reader.progressOf(position, target);
  }

  async countBetween(after: Position, upTo: Position): Promise<number | undefined> {
    return this.reader.countBetween(after, upTo);
  }

  knowsType(type: string): boolean {
    return this.reader.knowsType(type);
  }

  check(): string[] {
    return checkLog(this.db, this.file);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.writer.close();
    this.notify();
    this.db.close();
  }
}

function writeHere(writer: BatchWriter): Committer {
  return {
    commit: (batch) => writer.write([batch])[0] ?? [],
    close: async () => {},
  };
}
