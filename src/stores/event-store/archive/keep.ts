import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type EventStore, type Position, type RecordedEvent, StoreUnavailable } from "../event-store.ts";
import { ArchiveFile } from "./file.ts";
import { BlockBuilder, fileHead } from "./format.ts";

const pageEvents = 5_000;
/** What is gathered is written, even if it is not yet a block's worth, after so long. */
const flushMsMax = 60_000;

export interface Archived {
  /** In the file, and those among them that are new. */
  events: number;
  added: number;
  bytes: number;
}

export interface KeepOptions {
  file: string;
  log: EventStore;
  /** Goes on with what comes until this aborts; left out, it ends with the log as it is met. */
  follow?: AbortSignal;
  /** How far it is, now and then. */
  onProgress?: (events: number, position: Position) => void;
}

/**
 * Keeps an archive beside a log: made where there is none, cut behind its last whole block, held against the log, and
 * continued. One process at a time keeps it; any may read it meanwhile.
 * @throws StoreDamaged when the file is another log's or no archive; StoreUnavailable when another process keeps it
 */
export async function keepArchive(options: KeepOptions): Promise<Archived> {
  const { file, log } = options;
  const lock = takeLock(`${file}.lock`);
  try {
    if (!existsSync(file)) createArchive(file, log.logId);
    const archive = new ArchiveFile(file);
    archive.close();
    const before = archive.events;
    const { end, position } = archive;
    const writer = new ArchiveWriter(file, end);
    try {
      await requireOf(file, log);
      await fill(writer, { ...options, position, before });
      return { events: before + writer.events, added: writer.events, bytes: writer.end };
    } finally {
      writer.close();
    }
  } finally {
    lock.close();
  }
}

async function requireOf(file: string, log: EventStore): Promise<void> {
  const archive = new ArchiveFile(file);
  try {
    await archive.requireOf(log);
  } finally {
    archive.close();
  }
}

async function fill(
  writer: ArchiveWriter,
  { log, follow, onProgress, position, before }: KeepOptions & { position: Position; before: number },
): Promise<void> {
  let after = position;
  for (;;) {
    const page = await log.readAll({ after, maxCount: pageEvents, withMetadata: true });
    if (page.scannedTo <= after) break;
    after = page.scannedTo;
    writer.add(page.events);
    onProgress?.(before + writer.events, after);
    if (follow?.aborted) break;
  }
  writer.flush();
  if (!follow) return;
  const failed = new AbortController();
  // Small blocks are slow to find one's way in: what comes is gathered. Who reads has the log for the rest.
  const flushing = setInterval(() => {
    try {
      writer.flush();
    } catch (error) {
      failed.abort(error);
    }
  }, flushMsMax);
  try {
    const signal = AbortSignal.any([follow, failed.signal]);
    for await (const page of log.subscribe({ after, batchEventsMax: pageEvents, signal })) {
      writer.add(page.events);
      onProgress?.(before + writer.events, page.scannedTo);
    }
    failed.signal.throwIfAborted();
    writer.flush();
  } finally {
    clearInterval(flushing);
  }
}

/** It appears under its name once its head is there. */
function createArchive(file: string, logId: string): void {
  const unfinished = `${file}.new`;
  writeFileSync(unfinished, fileHead(logId), { flush: true });
  renameSync(unfinished, file);
}

class ArchiveWriter {
  private readonly file: number;
  private readonly block = new BlockBuilder();
  end: number;
  events = 0;

  /** @param end of the last whole block; what is behind it is cut off */
  constructor(path: string, end: number) {
    this.file = openSync(path, "r+");
    this.end = end;
    ftruncateSync(this.file, end);
  }

  add(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      this.block.add(event);
      this.events++;
      if (this.block.isFull) this.write();
    }
  }

  /** Writes what was gathered, and has it on the disk. */
  flush(): void {
    if (this.block.events > 0) this.write();
    fdatasyncSync(this.file);
  }

  private write(): void {
    const block = this.block.take();
    for (let written = 0; written < block.length; )
      written += writeSync(this.file, block, written, block.length - written, this.end + written);
    this.end += block.length;
  }

  close(): void {
    closeSync(this.file);
  }
}

/** SQLite's on a file of its own: the system lets go of it when the process ends, however it ends. */
function takeLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw new StoreUnavailable(`the archive is kept by another process (${path}): ${String(error)}`, {
      cause: error,
    });
  }
}
