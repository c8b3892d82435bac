import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { EventMetadata, Position, RecordedEvent } from "../event-store.ts";
import { formatPosition, type LogPosition } from "./position.ts";
import { MessageReader } from "./wire.ts";

/** How servers count time: 100 nanoseconds since 1970. */
const ticksPerMs = 10_000n;
/** As this shop writes metadata: the time comes first, then the command. */
const ownTime = /^\{"time":(\d{1,16}),"commandId":/;
const ownTimeBytesMax = 40;

/**
 * A record as the server sent it. Its parts are taken out of the message when they are asked for: most readers ask for
 * few of them, and what is never made costs nothing to get rid of.
 */
export class ReceivedEvent implements RecordedEvent {
  stream = "";
  type = "";
  revision = 0;
  /** Where it stands; undefined from servers that do not tell. */
  at: LogPosition | undefined;
  private readonly bytes: Buffer;
  private idStart = 0;
  private idEnd = 0;
  private metadataStart = 0;
  private metadataEnd = 0;
  private dataStart = 0;
  private dataEnd = 0;
  private isJson = false;
  private created = "0";
  private formatted: Position | undefined;
  private parsedData: unknown;
  private parsedMetadata: EventMetadata | undefined;

  private constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** @param message a RecordedEvent of streams.proto, within these bytes */
  static read(message: MessageReader, bytes: Buffer): ReceivedEvent {
    const event = new ReceivedEvent(bytes);
    let commit: bigint | undefined;
    let prepare: bigint | undefined;
    while (message.next()) {
      switch (message.field) {
        case 1:
          event.idStart = message.pass();
          event.idEnd = message.offset;
          break;
        case 2:
          event.stream = streamIn(message.message());
          break;
        case 3:
          event.revision = Number(message.unsigned());
          break;
        case 4:
          prepare = message.unsigned();
          break;
        case 5:
          commit = message.unsigned();
          break;
        case 6:
          event.takeEntry(message.message());
          break;
        case 7:
          event.metadataStart = message.pass();
          event.metadataEnd = message.offset;
          break;
        case 8:
          event.dataStart = message.pass();
          event.dataEnd = message.offset;
          break;
        default:
          message.skip();
      }
    }
    if (commit !== undefined && prepare !== undefined) event.at = { commit, prepare };
    return event;
  }

  /** One of what the server itself says of the event. */
  private takeEntry(entry: MessageReader): void {
    let [key, value] = ["", ""];
    while (entry.next()) {
      const text = entry.text();
      if (entry.field === 1) key = text;
      else value = text;
    }
    if (key === "type") this.type = value;
    if (key === "created") this.created = value;
    if (key === "content-type") this.isJson = value === "application/json";
  }

  get id(): string {
    return uuidIn(new MessageReader(this.bytes, this.idStart, this.idEnd));
  }

  /** Bytes of data and metadata. */
  get size(): number {
    return this.dataEnd - this.dataStart + this.metadataEnd - this.metadataStart;
  }

  /** When the server wrote it, by its own clock: epoch milliseconds. */
  get createdAt(): number {
    return Number(BigInt(this.created) / ticksPerMs);
  }

  get position(): Position {
    if (!this.at) throw new Error(`the server does not tell where ${this.id} stands`);
    this.formatted ??= formatPosition(this.at);
    return this.formatted;
  }

  get data(): unknown {
    this.parsedData ??= this.isJson
      ? parsedOr(this.textOf(this.dataStart, this.dataEnd), (text) => text)
      : this.bytes.subarray(this.dataStart, this.dataEnd);
    return this.parsedData;
  }

  get time(): number {
    const end = Math.min(this.metadataEnd, this.metadataStart + ownTimeBytesMax);
    const [, time] = ownTime.exec(this.bytes.toString("latin1", this.metadataStart, end)) ?? [];
    return time === undefined ? this.metadata.time : Number(time);
  }

  /** What somebody else has appended may have none, or its own. */
  get metadata(): EventMetadata {
    this.parsedMetadata ??= this.ownMetadata ?? this.foreignMetadata;
    return this.parsedMetadata;
  }

  private get ownMetadata(): EventMetadata | undefined {
    const text = this.textOf(this.metadataStart, this.metadataEnd);
    return parsedOr(text, () => undefined, isOwn) as EventMetadata | undefined;
  }

  private get foreignMetadata(): EventMetadata {
    const { id, createdAt: time } = this;
    return { time, commandId: id, correlationId: id, actor: "" };
  }

  private textOf(start: number, end: number): string {
    return this.bytes.toString("utf8", start, end);
  }
}

/** What a read answers: an event, or something that ends it, as the client's own classes have it. */
export function readAnswer(bytes: Buffer): streams.ReadResp {
  // Field 1, a message: nearly all that ever comes is an event, and the generated classes take most of its time.
  if (bytes[0] === 0x0a) return new EventAnswer(bytes) as unknown as streams.ReadResp;
  return streams.ReadResp.deserializeBinary(bytes);
}

/** As much of a ReadResp as the client looks at. */
class EventAnswer {
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  hasEvent(): true {
    return true;
  }

  /** @returns undefined for a link whose event is gone */
  getEvent(): ReceivedEvent | undefined {
    return eventIn(this.bytes, 0, this.bytes.length);
  }
}

/** @returns the event of a ReadResp that stands there in these bytes; undefined when it brings none */
export function eventIn(bytes: Buffer, start: number, end: number): ReceivedEvent | undefined {
  const answer = new MessageReader(bytes, start, end);
  // Whatever else an answer is, is no field 1.
  if (!answer.next() || answer.field !== 1) return undefined;
  const resolved = answer.message();
  while (resolved.next()) {
    if (resolved.field === 1) return ReceivedEvent.read(resolved.message(), bytes);
    resolved.skip();
  }
  return undefined;
}

function isOwn(metadata: unknown): boolean {
  return typeof metadata === "object" && metadata !== null && "commandId" in metadata && "time" in metadata;
}

function parsedOr(
  text: string,
  otherwise: (text: string) => unknown,
  isGood: (parsed: unknown) => boolean = () => true,
): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return isGood(parsed) ? parsed : otherwise(text);
  } catch {
    return otherwise(text);
  }
}

/** The text of an id, or its two halves as numbers. */
function uuidIn(message: MessageReader): string {
  let id = "";
  while (message.next()) {
    if (message.field === 2) id = message.text();
    else if (message.field === 1) id = structuredIn(message.message());
    else message.skip();
  }
  return id;
}

function structuredIn(message: MessageReader): string {
  const halves = [0n, 0n];
  while (message.next()) halves[message.field - 1] = message.unsigned();
  return uuidOf(halves[0] ?? 0n, halves[1] ?? 0n);
}

/** Of the most and the least significant bits, signed or not. */
export function uuidOf(most: bigint, least: bigint): string {
  const hex = [most, least].map((bits) => BigInt.asUintN(64, bits).toString(16).padStart(16, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function streamIn(message: MessageReader): string {
  let stream = "";
  while (message.next()) {
    if (message.field === 3) stream = message.text();
    else message.skip();
  }
  return stream;
}
