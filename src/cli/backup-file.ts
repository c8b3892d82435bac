import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { z } from "zod";
import {
  type EventMetadata,
  type EventStore,
  logStart,
  type Position,
  type RecordedEvent,
} from "../stores/event-store/event-store.ts";
import { flush } from "./flush.ts";

/**
 * A backup is the log as text, whatever store it came from: gzipped JSON, a document a line. First a header,
 * then every event in the order of the log, last a trailer with their count and the SHA-256 over their lines
 * (each with its line feed). A file that was cut off has no trailer, one that was changed another hash.
 */
const formatName = "cartwright-backup";
const formatVersion = 1;

const pageEvents = 2_000;
/** So much is made ahead while the compressor, which has a thread of its own, works. */
const aheadBytesMax = 8 * 1024 * 1024;
/** Of what goes through zlib at once: with small ones it would wait for this thread after each. */
const chunkBytes = 1024 * 1024;
/** An event holds 1 MiB of data at most. */
const lineBytesMax = 8 * 1024 * 1024;
/** Level 6 takes half as long again for a file that is 7 % smaller. */
const gzipLevel = 3;
const lineFeed = 0x0a;
/** No event's line begins like this, and no line holds a line feed. */
const trailerStart = '{"trailer":';

export interface BackupHeader {
  /** The log that was backed up, where its newest event stood, and when (ISO 8601). */
  logId: string;
  head: Position;
  createdAt: string;
}

export interface BackupEvent {
  /** A number in files of version 0.1; nothing rests on it. */
  position: Position | number;
  stream: string;
  revision: number;
  id: string;
  type: string;
  data: unknown;
  metadata: EventMetadata;
}

export interface BackupContents {
  header: BackupHeader;
  events: number;
}

/** The file is no backup, one of a newer format, cut off or damaged. */
export class UnreadableBackup extends Error {
  constructor(file: string, reason: string, options?: ErrorOptions) {
    super(`${file} cannot be restored: ${reason}`, options);
    this.name = "UnreadableBackup";
  }
}

/**
 * Writes a whole log to a file that appears under its name once it is complete and on disk.
 * @param onPage how far it is: events written and the position of the last
 * @returns events and bytes written
 */
export async function writeBackup(
  events: EventStore,
  file: string,
  onPage: (count: number, position: Position) => void,
): Promise<{ events: number; bytes: number }> {
  const unfinished = `${file}.tmp`;
  let count = 0;
  async function* lines(): AsyncGenerator<Buffer> {
    const header: BackupHeader = {
      logId: events.logId,
      createdAt: new Date().toISOString(),
      head: await events.head(),
    };
    yield Buffer.from(`${JSON.stringify({ format: `${formatName}/${formatVersion}`, ...header })}\n`);
    const sha256 = createHash("sha256");
    let after = logStart;
    for (;;) {
      const page = await events.readAll({ after, maxCount: pageEvents, withMetadata: true });
      if (page.scannedTo <= after) break;
      after = page.scannedTo;
      const block = Buffer.from(page.events.map(lineOf).join(""));
      sha256.update(block);
      count += page.events.length;
      yield block;
      onPage(count, after);
    }
    const trailer = { events: count, sha256: sha256.digest("hex") };
    yield Buffer.from(`${trailerStart}${JSON.stringify(trailer)}}\n`);
  }
  try {
    await pipeline(
      lines,
      new PassThrough({ highWaterMark: aheadBytesMax }),
      createGzip({ level: gzipLevel, chunkSize: chunkBytes }),
      createWriteStream(unfinished, { flush: true }),
    );
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  await flush(dirname(file));
  return { events: count, bytes: (await stat(file)).size };
}

function lineOf({ position, stream, revision, id, type, data, metadata }: RecordedEvent): string {
  const event: BackupEvent = { position, stream, revision, id, type, data, metadata };
  return `${JSON.stringify(event)}\n`;
}

/**
 * Reads a backup to its end, and checks all of it: header, count and hash.
 *
 * @param onLines whole lines of events, in order; they are only known to be right when this has answered
 * @param onProgress how much of the file is read, from 0 to 1
 * @throws UnreadableBackup
 */
export async function readBackup(
  file: string,
  onLines: (lines: Buffer) => Promise<void> | void,
  onProgress: (fraction: number) => void,
): Promise<BackupContents> {
  const reader = new LineReader(file);
  const { size } = await stat(file);
  const zipped = createReadStream(file);
  try {
    await pipeline(zipped, createGunzip({ chunkSize: chunkBytes }), async (unzipped: Readable) => {
      for await (const chunk of unzipped) {
        const lines = reader.push(chunk as Buffer);
        if (lines.length > 0) await onLines(lines);
        onProgress(zipped.bytesRead / size);
      }
    });
  } catch (error) {
    // zlib's own: not gzipped, cut off, or not what was written.
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
      throw new UnreadableBackup(file, `it is cut off or damaged (${error.message})`, { cause: error });
    throw error;
  }
  return reader.end();
}

/** The events of whole lines, as `readBackup` hands them over. */
export function eventsOf(lines: Buffer): BackupEvent[] {
  // One document for all is parsed faster than a document each.
  const text = lines.toString("utf8", 0, lines.length - 1).replaceAll("\n", ",");
  return JSON.parse(`[${text}]`) as BackupEvent[];
}

const headerSchema = z.object({
  format: z.string(),
  logId: z.string(),
  createdAt: z.string(),
  // A number in files of version 0.1.
  head: z.union([z.string(), z.number()]).transform(String),
});
const trailerSchema = z.object({ trailer: z.object({ events: z.int(), sha256: z.string() }) });

/** Takes a backup apart and keeps count and hash of the events' lines. */
class LineReader {
  private readonly file: string;
  private readonly sha256 = createHash("sha256");
  private header: BackupHeader | undefined;
  private events = 0;
  private trailer: string | undefined;
  /** The beginning of a line whose end is still to come. */
  private rest: Buffer[] = [];
  private restBytes = 0;

  constructor(file: string) {
    this.file = file;
  }

  /** @returns the lines of events that have become whole; empty when there are none */
  push(chunk: Buffer): Buffer {
    const end = chunk.lastIndexOf(lineFeed) + 1;
    if (end === 0) {
      this.keep(chunk);
      return Buffer.alloc(0);
    }
    const whole = Buffer.concat([...this.rest, chunk.subarray(0, end)]);
    this.rest = [];
    this.restBytes = 0;
    this.keep(chunk.subarray(end));
    return this.takeEvents(whole);
  }

  private keep(part: Buffer): void {
    this.rest.push(part);
    this.restBytes += part.length;
    if (this.restBytes > lineBytesMax) throw this.unreadable("it is no backup, or damaged");
  }

  private takeEvents(whole: Buffer): Buffer {
    if (this.trailer !== undefined) throw this.unreadable("something follows its end");
    let lines = whole;
    if (!this.header) {
      const end = lines.indexOf(lineFeed);
      this.header = this.readHeader(lines.toString("utf8", 0, end));
      lines = lines.subarray(end + 1);
    }
    const end = trailerOf(lines);
    if (end >= 0) {
      this.trailer = lines.toString("utf8", end);
      lines = lines.subarray(0, end);
    }
    this.sha256.update(lines);
    for (let at = lines.indexOf(lineFeed); at >= 0; at = lines.indexOf(lineFeed, at + 1)) this.events++;
    return lines;
  }

  private readHeader(line: string): BackupHeader {
    const header = headerSchema.safeParse(parsed(line));
    const [name, version] = header.data?.format.split("/") ?? [];
    if (!header.success || name !== formatName) throw this.unreadable("it is not a backup of Cartwright");
    if (version !== String(formatVersion))
      throw this.unreadable(
        `it has format ${version}, this program knows ${formatVersion}: use a newer Cartwright`,
      );
    return header.data;
  }

  /** @throws UnreadableBackup */
  end(): BackupContents {
    if (!this.header) throw this.unreadable("it is not a backup of Cartwright");
    const last = trailerSchema.safeParse(parsed(this.trailer ?? ""));
    if (!last.success || this.restBytes > 0) throw this.unreadable("its end is missing");
    const { events, sha256 } = last.data.trailer;
    if (events !== this.events)
      throw this.unreadable(`it holds ${this.events} events and should hold ${events}`);
    if (sha256 !== this.sha256.digest("hex"))
      throw this.unreadable("its events are not those that were backed up");
    return { header: this.header, events };
  }

  private unreadable(reason: string): UnreadableBackup {
    return new UnreadableBackup(this.file, reason);
  }
}

/** Where the trailer begins in whole lines, -1 when it is not there. */
function trailerOf(lines: Buffer): number {
  if (lines.subarray(0, trailerStart.length).toString("latin1") === trailerStart) return 0;
  const at = lines.indexOf(`\n${trailerStart}`);
  return at < 0 ? -1 : at + 1;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
