import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import {
  type EventStore,
  logStart,
  type Position,
  type RecordedEvent,
  StoreDamaged,
} from "../event-store.ts";
import { type BlockHead, BlockReader, blockHeadBytes, magic, readBlockHead, sumOf } from "./format.ts";

/** What a block can be at most, of which an event's data and metadata are 8 MiB by far: beyond it is damage. */
const blockBytesReadMax = 64 * 1024 * 1024;

export interface Block extends BlockHead {
  /** Of its head, in the file. */
  offset: number;
}

/** An archive, as it was when it was opened: what is written to it meanwhile is not seen. */
export class ArchiveFile {
  readonly path: string;
  readonly logId: string;
  readonly blocks: readonly Block[];
  /** Where its last whole block ends. */
  readonly end: number;
  private readonly file: number;

  /** @throws StoreDamaged when it is no archive */
  constructor(path: string) {
    this.path = path;
    this.file = openSync(path, "r");
    try {
      const { logId, end } = this.readHead();
      this.logId = logId;
      const blocks = this.scan(end);
      // Only the last can have been cut off; a block before it is summed up when it is read.
      while (blocks.length > 0 && !this.isWhole(blocks.at(-1))) blocks.pop();
      this.blocks = blocks;
      const last = blocks.at(-1);
      this.end = last ? last.offset + blockHeadBytes + last.bytes : end;
    } catch (error) {
      closeSync(this.file);
      throw error;
    }
  }

  /** Of its last event. */
  get position(): Position {
    return this.blocks.at(-1)?.lastPosition ?? logStart;
  }

  get events(): number {
    return this.blocks.reduce((sum, { events }) => sum + events, 0);
  }

  /**
   * Holds it against the log that it is of: an archive of a log that was restored meanwhile, or of another one, would
   * tell what has never been.
   * @throws StoreDamaged
   */
  async requireOf(log: EventStore): Promise<void> {
    if (this.logId !== log.logId)
      throw new StoreDamaged(`the archive ${this.path} is of the log ${this.logId}, not of ${log.logId}`);
    const last = this.lastEvent();
    if (!last) return;
    const { events } = await log.readStream(last.stream, { from: last.revision, maxCount: 1 });
    const [there] = events;
    if (there?.id !== last.id || there.position !== last.position)
      throw new StoreDamaged(
        `the archive ${this.path} ends with an event that is not on the log, which was restored meanwhile: delete it`,
      );
  }

  private lastEvent(): RecordedEvent | undefined {
    const block = this.blocks.at(-1);
    if (!block) return undefined;
    const reader = this.open(block);
    let last: RecordedEvent | undefined;
    for (let event = reader.next(); event; event = reader.next()) last = event;
    return last;
  }

  /** @throws StoreDamaged */
  open(block: Block): BlockReader {
    const bytes = this.bytesOf(block);
    if (!bytes)
      throw new StoreDamaged(`the archive ${this.path} is damaged at byte ${block.offset}: delete it`);
    return new BlockReader(bytes);
  }

  close(): void {
    closeSync(this.file);
  }

  private readHead(): { logId: string; end: number } {
    const start = this.read(0, magic.length + 2);
    if (start.length < magic.length + 2 || !start.subarray(0, magic.length).equals(magic))
      throw new StoreDamaged(`${this.path} is no archive of a log`);
    const end = start.length + start.readUInt16LE(magic.length);
    const { logId } = JSON.parse(this.read(start.length, end - start.length).toString());
    return { logId: String(logId), end };
  }

  private scan(from: number): Block[] {
    const { size } = fstatSync(this.file);
    const blocks: Block[] = [];
    for (let offset = from; ; ) {
      const head = readBlockHead(this.read(offset, blockHeadBytes));
      if (!head || head.bytes > blockBytesReadMax || offset + blockHeadBytes + head.bytes > size)
        return blocks;
      blocks.push({ ...head, offset });
      offset += blockHeadBytes + head.bytes;
    }
  }

  private isWhole(block: Block | undefined): boolean {
    return block !== undefined && this.bytesOf(block) !== undefined;
  }

  /** @returns undefined for a block that is not as it was written */
  private bytesOf({ offset, bytes, sum }: Block): Buffer | undefined {
    const whole = this.read(offset, blockHeadBytes + bytes);
    const body = whole.subarray(blockHeadBytes);
    return body.length === bytes && sumOf(whole, body) === sum ? body : undefined;
  }

  private read(offset: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    let read = 0;
    while (read < length) {
      const count = readSync(this.file, buffer, read, length - read, offset + read);
      if (count === 0) break;
      read += count;
    }
    return buffer.subarray(0, read);
  }
}
