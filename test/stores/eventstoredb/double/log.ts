import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { v4 } from "uuid";

/** Every so many appends the server writes an event of its own. */
const appendsPerSystemEvent = 7;
/** What a record takes beside its texts; positions are byte offsets. */
const recordOverheadBytes = 61;

/** The revision of a stream that does not exist. */
export const nowhere = -1;

export type Expected = number | "any" | "exists";

export interface Proposed {
  id: string;
  type: string;
  isJson: boolean;
  data: Buffer;
  metadata: Buffer;
}

export interface DoubleRecord extends Proposed {
  position: bigint;
  stream: string;
  revision: number;
  /** Epoch milliseconds. */
  created: number;
}

export type Written =
  | { kind: "written"; revision: number; position: bigint; isRepeated: boolean }
  | { kind: "conflict"; actual: number }
  | { kind: "deleted" };

interface DoubleStream {
  records: DoubleRecord[];
  /** Revisions before it are hidden, as by $tb, $maxCount or a soft delete. */
  visibleFrom: number;
  isTombstoned: boolean;
}

/**
 * The log of the double: in memory, and in a journal when it has a folder. It decides about an append as
 * IndexWriter.CheckCommit of EventStoreDB does: by event ids alone, whatever the bodies.
 */
export class DoubleLog {
  readonly records: DoubleRecord[] = [];
  /** How far the server's clock is ahead of everybody else's. */
  clockAheadMs = 0;
  private readonly streams = new Map<string, DoubleStream>();
  /** Where an id stands, for appends that expect any revision. The server keeps it in memory only. */
  private readonly placeOfId = new Map<string, { stream: string; revision: number }>();
  private readonly journal: number | undefined;
  private end = 0n;
  private appends = 0;

  constructor(folder?: string) {
    this.journal = folder === undefined ? undefined : this.replay(folder);
    if (this.records.length === 0) this.writeSystemEvent("$settings", "$UpdateSettings");
  }

  stream(name: string): DoubleStream | undefined {
    return this.streams.get(name);
  }

  revisionOf(name: string): number {
    return (this.streams.get(name)?.records.length ?? 0) - 1;
  }

  append(name: string, expected: Expected, events: readonly Proposed[]): Written {
    const stream = this.streams.get(name);
    if (stream?.isTombstoned) return { kind: "deleted" };
    const actual = this.revisionOf(name);
    const decided =
      typeof expected === "number" ? this.atRevision(name, expected, events) : this.known(name, events);
    if (decided) return decided;
    if (events.length === 0) return { kind: "written", revision: 0, position: this.end, isRepeated: false };
    if (expected === "exists" && actual === nowhere) return { kind: "conflict", actual };
    // A soft-deleted stream comes back with its next event, at the revision where it had ended.
    if (stream && stream.visibleFrom > actual) stream.visibleFrom = actual + 1;
    const last = this.write(name, actual + 1, events);
    if (++this.appends % appendsPerSystemEvent === 0)
      this.writeSystemEvent("$stats-127.0.0.1", "$statsCollected");
    return { kind: "written", revision: last.revision, position: last.position, isRepeated: false };
  }

  /** @returns undefined when the events are to be written */
  private atRevision(name: string, expected: number, events: readonly Proposed[]): Written | undefined {
    const stream = this.streams.get(name);
    const actual = this.revisionOf(name);
    const isSoftDeleted = stream !== undefined && stream.visibleFrom > actual;
    if (expected > actual) return { kind: "conflict", actual };
    if (expected === actual) return undefined;
    for (const [index, event] of events.entries()) {
      if (stream?.records[expected + 1 + index]?.id === event.id) continue;
      if (index === 0 && expected === nowhere && isSoftDeleted) return undefined;
      return { kind: "conflict", actual };
    }
    const last = stream?.records[expected + events.length];
    if (events.length === 0 || !last) return { kind: "conflict", actual };
    return { kind: "written", revision: last.revision, position: last.position, isRepeated: true };
  }

  private known(name: string, events: readonly Proposed[]): Written | undefined {
    const places = events.map(({ id }) => this.placeOfId.get(id));
    if (places.length === 0 || places[0]?.stream !== name) return undefined;
    const last = places.at(-1);
    if (last === undefined || places.some((place) => place?.stream !== name))
      return { kind: "conflict", actual: this.revisionOf(name) };
    const record = this.streams.get(name)?.records[last.revision] as DoubleRecord;
    return { kind: "written", revision: record.revision, position: record.position, isRepeated: true };
  }

  delete(name: string): void {
    const stream = this.streams.get(name);
    if (stream) stream.visibleFrom = Number.MAX_SAFE_INTEGER;
  }

  tombstone(name: string): void {
    this.streamNamed(name).isTombstoned = true;
  }

  /** As $tb does. */
  hideBefore(name: string, revision: number): void {
    this.streamNamed(name).visibleFrom = revision;
  }

  /** What a restart loses. */
  forgetIds(): void {
    this.placeOfId.clear();
  }

  writeSystemEvent(stream: string, type: string): void {
    const event = { id: v4(), type, isJson: true, data: Buffer.from("{}"), metadata: Buffer.alloc(0) };
    this.write(stream, this.revisionOf(stream) + 1, [event]);
  }

  /** @returns the last record; the journal has all of them or none */
  private write(stream: string, first: number, events: readonly Proposed[]): DoubleRecord {
    const created = Date.now() + this.clockAheadMs;
    const records = events.map((event, index) => {
      const record = { ...event, position: this.end, stream, revision: first + index, created };
      this.keep(record);
      return record;
    });
    // All of it or an error: one write alone may take a part where the disk is about to be full.
    if (this.journal !== undefined) appendFileSync(this.journal, `${records.map(journalText).join("\t")}\n`);
    return records.at(-1) as DoubleRecord;
  }

  private keep(record: DoubleRecord): void {
    this.records.push(record);
    this.streamNamed(record.stream).records.push(record);
    this.placeOfId.set(record.id, record);
    const { stream, type, data, metadata } = record;
    this.end =
      record.position +
      BigInt(recordOverheadBytes + stream.length + type.length + data.length + metadata.length);
  }

  private streamNamed(name: string): DoubleStream {
    let stream = this.streams.get(name);
    if (!stream) {
      stream = { records: [], visibleFrom: 0, isTombstoned: false };
      this.streams.set(name, stream);
    }
    return stream;
  }

  /** What was written survives a killed process; a line that was cut off by it is no event. */
  private replay(folder: string): number {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "double.jsonl");
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole !== text) truncateSync(file, Buffer.byteLength(whole));
    for (const line of whole.split("\n").slice(0, -1))
      for (const record of line.split("\t")) this.keep(recordOf(record));
    this.forgetIds();
    return openSync(file, "a");
  }

  close(): void {
    if (this.journal === undefined) return;
    fsyncSync(this.journal);
    closeSync(this.journal);
  }

  /** The first record at or behind a position. */
  indexOf(position: bigint): number {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.records[middle] as DoubleRecord).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function journalText({ position, data, metadata, ...rest }: DoubleRecord): string {
  const texts = {
    position: String(position),
    data: data.toString("base64"),
    metadata: metadata.toString("base64"),
  };
  return JSON.stringify({ ...rest, ...texts });
}

function recordOf(text: string): DoubleRecord {
  const stored = JSON.parse(text);
  return {
    ...stored,
    position: BigInt(stored.position),
    data: Buffer.from(stored.data, "base64"),
    metadata: Buffer.from(stored.metadata, "base64"),
  };
}
