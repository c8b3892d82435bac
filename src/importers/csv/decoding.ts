import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { type Readable, Transform, type TransformCallback } from "node:stream";
import { createGunzip } from "node:zlib";

/** A line is held as a whole while it is looked at. */
export const lineBytesMax = 1024 * 1024;
const sniffedBytes = 4;

/** A file that cannot be what it is to be. The message says why, and where. */
export class UnreadableFile extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnreadableFile";
  }
}

/** Whether `--encoding` may name it: a label of the Encoding Standard (https://encoding.spec.whatwg.org/#names). */
export function isEncoding(label: string): boolean {
  try {
    new TextDecoder(label);
    return true;
  } catch {
    return false;
  }
}

/** Where bytes are read from: a file, gzipped or not, or what opens them anew each time they are read. */
export type Source = string | (() => Readable);

/**
 * The streams that make UTF-8 of a source, to be piped one into the other. What encoding it is in, its
 * first bytes tell (a byte order mark, or the zeros of UTF-16); without any it is `encoding`, UTF-8 when left out.
 * Bytes that are not of it end the reading with an UnreadableFile that names the line.
 */
export async function decodingOf(
  from: Source,
  encoding: string | undefined,
): Promise<[Readable, ...Transform[]]> {
  return [...(await bytesOf(from)), new Decoding(encoding)];
}

/** The streams that give a source's bytes as they are, to be piped one into the other. */
export async function bytesOf(from: Source): Promise<[Readable, ...Transform[]]> {
  if (typeof from !== "string") return [from()];
  const source = createReadStream(from, { highWaterMark: 256 * 1024 });
  return (await isGzipped(from)) ? [source, createGunzip()] : [source];
}

async function isGzipped(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await handle.close();
  }
}

interface Found {
  label: string;
  /** Bytes of the byte order mark, which is no text. */
  markBytes: number;
}

/** Byte order marks, and the zeros that a header of Latin letters has in UTF-16. */
function sniffed(head: Buffer): Found | undefined {
  if (head.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]))) return { label: "utf-8", markBytes: 3 };
  const [first, second] = head;
  if (first === 0xff && second === 0xfe) return { label: "utf-16le", markBytes: 2 };
  if (first === 0xfe && second === 0xff) return { label: "utf-16be", markBytes: 2 };
  if (head.length >= 2 && first !== 0 && second === 0) return { label: "utf-16le", markBytes: 0 };
  if (head.length >= 2 && first === 0 && second !== 0) return { label: "utf-16be", markBytes: 0 };
  return undefined;
}

/** Decodes whole lines, so that one that cannot be is known by its number. */
class Decoding extends Transform {
  private readonly named: string | undefined;
  private decoder: TextDecoder | undefined;
  private pending: Buffer = Buffer.alloc(0);
  private line = 1;

  constructor(named: string | undefined) {
    super();
    this.named = named;
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    try {
      if (this.decoder || this.pending.length >= sniffedBytes) this.decodeLines();
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    try {
      this.decodeLines();
      if (this.pending.length > 0) this.decode(this.pending);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  private get encoding(): string {
    return this.decoder?.encoding ?? "utf-8";
  }

  private decodeLines(): void {
    this.decoder ??= this.sniff();
    const end = afterLastLine(this.pending, this.encoding);
    if (end > 0) this.decode(this.pending.subarray(0, end));
    this.pending = this.pending.subarray(end);
    if (this.pending.length > lineBytesMax)
      throw new UnreadableFile(`line ${this.line} is longer than ${lineBytesMax} bytes`);
  }

  private sniff(): TextDecoder {
    const { label, markBytes } = sniffed(this.pending) ?? { label: this.named ?? "utf-8", markBytes: 0 };
    this.pending = this.pending.subarray(markBytes);
    return new TextDecoder(label, { fatal: true, ignoreBOM: true });
  }

  private decode(lines: Buffer): void {
    if (this.encoding === "utf-8") {
      if (!isUtf8(lines)) throw this.invalid(lines);
      this.push(lines);
    } else {
      const text = this.decoded(lines);
      if (text === undefined) throw this.invalid(lines);
      this.push(text);
    }
    this.line += countLines(lines, this.encoding);
  }

  private decoded(bytes: Buffer): string | undefined {
    try {
      return this.decoder?.decode(bytes);
    } catch {
      return undefined;
    }
  }

  private invalid(lines: Buffer): UnreadableFile {
    let { line } = this;
    for (let at = 0; at < lines.length; line++) {
      const end = afterNextLine(lines, at, this.encoding);
      if (this.decoded(lines.subarray(at, end)) === undefined) break;
      at = end;
    }
    const hint = this.named === undefined ? "; name the encoding it is in, such as windows-1252" : "";
    return new UnreadableFile(`line ${line} holds bytes that are not ${this.encoding}${hint}`);
  }
}

const lineFeed: Readonly<Record<string, Buffer>> = {
  "utf-16le": Buffer.from([0x0a, 0x00]),
  "utf-16be": Buffer.from([0x00, 0x0a]),
};
const lineFeedByte = Buffer.from([0x0a]);

/** In no encoding but UTF-16 can a line feed be a part of another character. */
function lineFeedOf(encoding: string): Buffer {
  return lineFeed[encoding] ?? lineFeedByte;
}

function afterLastLine(bytes: Buffer, encoding: string): number {
  const feed = lineFeedOf(encoding);
  let at = bytes.lastIndexOf(feed);
  while (at > 0 && at % feed.length !== 0) at = bytes.lastIndexOf(feed, at - 1);
  return at < 0 || at % feed.length !== 0 ? 0 : at + feed.length;
}

/** The end of the text when there is no further line feed. */
function afterNextLine(bytes: Buffer, from: number, encoding: string): number {
  const feed = lineFeedOf(encoding);
  let at = bytes.indexOf(feed, from);
  while (at >= 0 && at % feed.length !== 0) at = bytes.indexOf(feed, at + 1);
  return at < 0 ? bytes.length : at + feed.length;
}

function countLines(bytes: Buffer, encoding: string): number {
  let count = 0;
  for (let at = 0; at < bytes.length; count++) at = afterNextLine(bytes, at, encoding);
  return count;
}
