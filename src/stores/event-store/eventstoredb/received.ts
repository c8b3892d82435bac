import streams from "@eventstore/db-client/generated/streams_pb.js";
import type { EventMetadata, Position, RecordedEvent } from "../event-store.ts";
import { formatPosition, type LogPosition } from "./position.ts";
import { MessageReader } from "./wire.ts";

/** How servers count time: 100 nanoseconds since 1970. */
const ticksPerMs = 10_000n;
/** As this shop writes metadata: the time comes first, then the command. */
const ownTime = /^\{"time":(\d{1,16}),"commandId":/;
const ownTimeBytesMax = 40;

/** A record as the server sent it. What is JSON is parsed when it is asked for: most readers ask for little of it. */
export class ReceivedEvent implements RecordedEvent {
  id = "";
  stream = "";
  type = "";
  revision = 0;
  /** Where it stands; undefined from servers that do not tell. */
  at: LogPosition | undefined;
  private isJson = false;
  private created = "0";
  private dataBytes: Buffer = empty;
  private metadataBytes: Buffer = empty;
  private formatted: Position | undefined;
  private parsedData: unknown;
  private parsedMetadata: EventMetadata | undefined;

  /** @param message a RecordedEvent of streams.proto */
  static read(message: MessageReader): ReceivedEvent {
    const event = new ReceivedEvent();
    let commit: bigint | undefined;
    let prepare: bigint | undefined;
    while (message.next()) {
      switch (message.field) {
        case 1:
          event.id = uuidIn(message.message());
          break;
        case 2:
          event.stream = bytesIn(message.message()).toString();
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
          event.metadataBytes = message.bytes();
          break;
        case 8:
          event.dataBytes = message.bytes();
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
      const text = entry.bytes().toString();
      if (entry.field === 1) key = text;
      else value = text;
    }
    if (key === "type") this.type = value;
    if (key === "created") this.created = value;
    if (key === "content-type") this.isJson = value === "application/json";
  }

  /** Bytes of data and metadata. */
  get size(): number {
    return this.dataBytes.length + this.metadataBytes.length;
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
    this.parsedData ??= this.isJson ? parsedOr(this.dataBytes, (text) => text) : this.dataBytes;
    return this.parsedData;
  }

  get time(): number {
    const [, time] = ownTime.exec(this.metadataBytes.toString("latin1", 0, ownTimeBytesMax)) ?? [];
    return time === undefined ? this.metadata.time : Number(time);
  }

  /** What somebody else has appended may have none, or its own. */
  get metadata(): EventMetadata {
    this.parsedMetadata ??= parsedOr(this.metadataBytes, () => undefined, isOwn) as EventMetadata | undefined;
    const { id, createdAt: time } = this;
    this.parsedMetadata ??= { time, commandId: id, correlationId: id, actor: "" };
    return this.parsedMetadata;
  }
}

const empty = Buffer.alloc(0);

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
    const answer = new MessageReader(this.bytes);
    answer.next();
    const resolved = answer.message();
    while (resolved.next()) {
      if (resolved.field === 1) return ReceivedEvent.read(resolved.message());
      resolved.skip();
    }
    return undefined;
  }
}

function isOwn(metadata: unknown): boolean {
  return typeof metadata === "object" && metadata !== null && "commandId" in metadata && "time" in metadata;
}

function parsedOr(
  bytes: Buffer,
  otherwise: (text: string) => unknown,
  isGood: (parsed: unknown) => boolean = () => true,
): unknown {
  const text = bytes.toString();
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
    if (message.field === 2) id = message.bytes().toString();
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

function bytesIn(message: MessageReader): Buffer {
  let bytes: Buffer = empty;
  while (message.next()) {
    if (message.field === 3) bytes = message.bytes();
    else message.skip();
  }
  return bytes;
}
