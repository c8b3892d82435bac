import { crc32 } from "node:zlib";
import type { EventMetadata, Position, RecordedEvent } from "../event-store.ts";

/*
 * An archive is a log as a file: a head that names the log, then blocks of events in the log's order. A block is
 * whole or not there: its head tells how long it is, the sum over its bytes, and the position of its last event, so
 * that a reader finds its way without reading the events. Numbers are little-endian.
 *
 *   head    "CWARCH01"  u16 length  JSON {"logId"}
 *   block   u32 mark  u32 bytes  u32 CRC-32 of all that follows  u32 events  u8 length  position (63 bytes)
 *           then `bytes`: u16 types, each u8 length and name; the events
 *   event   u32 bytes that follow  u16 type  u32 revision  f64 time  u8, u16, u8, u32 lengths of position, stream,
 *           id and data; these four and the metadata, to the end
 */
export const magic = Buffer.from("CWARCH01");
export const blockMark = 0x424c4b31;
export const blockHeadBytes = 80;
const positionBytesMax = blockHeadBytes - 17;
const eventHeadBytes = 26;

/** Of one block; an event that is larger has one of its own. */
export const blockEventsMax = 1_000;
export const blockBytesMax = 1024 * 1024;

export function fileHead(logId: string): Buffer {
  const json = Buffer.from(JSON.stringify({ logId }));
  const head = Buffer.alloc(magic.length + 2 + json.length);
  magic.copy(head);
  head.writeUInt16LE(json.length, magic.length);
  json.copy(head, magic.length + 2);
  return head;
}

export interface BlockHead {
  /** Of the block without its head. */
  bytes: number;
  sum: number;
  events: number;
  lastPosition: Position;
}

/** @returns undefined for what is no head of a block */
export function readBlockHead(head: Buffer): BlockHead | undefined {
  if (head.length < blockHeadBytes || head.readUInt32LE(0) !== blockMark) return undefined;
  const length = head.readUInt8(16);
  if (length > positionBytesMax) return undefined;
  return {
    bytes: head.readUInt32LE(4),
    sum: head.readUInt32LE(8),
    events: head.readUInt32LE(12),
    lastPosition: head.toString("latin1", 17, 17 + length),
  };
}

/** Over a block's head behind the sum itself, and all its bytes. */
export function sumOf(head: Buffer, bytes: Buffer): number {
  return crc32(bytes, crc32(head.subarray(12, blockHeadBytes)));
}

/** Gathers events into a block. */
export class BlockBuilder {
  private readonly types = new Map<string, number>();
  private records: Buffer[] = [];
  private bytes = 0;
  private lastPosition: Position = "";

  get events(): number {
    return this.records.length;
  }

  /** @returns whether it is as large as a block is to be */
  get isFull(): boolean {
    return this.events >= blockEventsMax || this.bytes >= blockBytesMax;
  }

  add(event: RecordedEvent): void {
    const { position, stream, revision, id, type, time, metadata } = event;
    const { time: at, ...others } = metadata;
    const texts = [
      Buffer.from(position, "latin1"),
      Buffer.from(stream),
      Buffer.from(id),
      Buffer.from(event.dataText ?? JSON.stringify(event.data)),
      Buffer.from(JSON.stringify({ time: at, ...others })),
    ] as const;
    const head = Buffer.allocUnsafe(eventHeadBytes);
    const known = this.types.get(type) ?? this.types.size;
    this.types.set(type, known);
    head.writeUInt16LE(known, 4);
    head.writeUInt32LE(revision, 6);
    head.writeDoubleLE(time, 10);
    head.writeUInt8(texts[0].length, 18);
    head.writeUInt16LE(texts[1].length, 19);
    head.writeUInt8(texts[2].length, 21);
    head.writeUInt32LE(texts[3].length, 22);
    const record = Buffer.concat([head, ...texts]);
    record.writeUInt32LE(record.length - 4, 0);
    this.records.push(record);
    this.bytes += record.length;
    this.lastPosition = position;
  }

  /** The block, with its head; what is added next begins another one. */
  take(): Buffer {
    const names = Array.from(this.types.keys(), (name) => {
      const text = Buffer.from(name);
      return Buffer.concat([Buffer.from([text.length]), text]);
    });
    const count = Buffer.alloc(2);
    count.writeUInt16LE(names.length);
    const bytes = Buffer.concat([count, ...names, ...this.records]);
    const head = Buffer.alloc(blockHeadBytes);
    head.writeUInt32LE(blockMark, 0);
    head.writeUInt32LE(bytes.length, 4);
    head.writeUInt32LE(this.records.length, 12);
    head.writeUInt8(this.lastPosition.length, 16);
    head.write(this.lastPosition, 17, "latin1");
    head.writeUInt32LE(sumOf(head, bytes), 8);
    this.types.clear();
    this.records = [];
    this.bytes = 0;
    return Buffer.concat([head, bytes]);
  }
}

/** A block's events, one after the other. */
export class BlockReader {
  private readonly bytes: Buffer;
  private readonly types: string[] = [];
  private at = 2;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    for (let left = bytes.readUInt16LE(0); left > 0; left--) {
      const end = this.at + 1 + bytes.readUInt8(this.at);
      this.types.push(bytes.toString("utf8", this.at + 1, end));
      this.at = end;
    }
  }

  /** @returns undefined at the block's end */
  next(): ArchivedEvent | undefined {
    if (this.at >= this.bytes.length) return undefined;
    const event = new ArchivedEvent(this.bytes, this.at, this.types);
    this.at = event.end;
    return event;
  }
}

/** An event in a block: each part is taken out when it is asked for. */
export class ArchivedEvent implements RecordedEvent {
  readonly type: string;
  readonly end: number;
  private readonly bytes: Buffer;
  private readonly start: number;
  private parsed: unknown;

  constructor(bytes: Buffer, start: number, types: readonly string[]) {
    this.bytes = bytes;
    this.start = start;
    this.end = start + 4 + bytes.readUInt32LE(start);
    this.type = types[bytes.readUInt16LE(start + 4)] ?? "";
  }

  get position(): Position {
    const from = this.start + eventHeadBytes;
    return this.bytes.toString("latin1", from, this.streamStart);
  }

  get stream(): string {
    return this.bytes.toString("utf8", this.streamStart, this.idStart);
  }

  get revision(): number {
    return this.bytes.readUInt32LE(this.start + 6);
  }

  get id(): string {
    return this.bytes.toString("utf8", this.idStart, this.dataStart);
  }

  get time(): number {
    return this.bytes.readDoubleLE(this.start + 10);
  }

  get dataText(): string {
    return this.bytes.toString("utf8", this.dataStart, this.metadataStart);
  }

  get data(): unknown {
    this.parsed ??= JSON.parse(this.dataText);
    return this.parsed;
  }

  get metadata(): EventMetadata {
    return JSON.parse(this.bytes.toString("utf8", this.metadataStart, this.end));
  }

  /** Of data and metadata. */
  get size(): number {
    return this.end - this.dataStart;
  }

  private get streamStart(): number {
    return this.start + eventHeadBytes + this.bytes.readUInt8(this.start + 18);
  }

  private get idStart(): number {
    return this.streamStart + this.bytes.readUInt16LE(this.start + 19);
  }

  private get dataStart(): number {
    return this.idStart + this.bytes.readUInt8(this.start + 21);
  }

  private get metadataStart(): number {
    return this.dataStart + this.bytes.readUInt32LE(this.start + 22);
  }
}
