import { LRUCache } from "lru-cache";
import { atMost } from "../../../values/at-most.ts";
import {
  type Page,
  type Position,
  pageBytesMax,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  type StreamPage,
  streamPageBytesMax,
  type WithMetadata,
} from "../event-store.ts";
import { formatPosition, parsePosition } from "./position.ts";
import { type LogRow, maskBits, type Statements } from "./statements.ts";
import { StoredEvent, type StoredMetadata } from "./stored-event.ts";

const streamNamesMax = 100_000;
/** Log rows a filtered read looks at before it answers, so that a rare type cannot hold the thread. */
const scanWindowEvents = 50_000;
/** Rows fetched at once; with what a row may hold, so much is read beyond a page's bound in bytes. */
const chunkRows = 1_000;

/** A row whose data is there. */
type WholeRow = [
  position: number,
  stream: number,
  revision: number,
  type: number,
  time: number,
  data: string,
  metadata: string | null,
];

/** Fetches the rows behind one that was taken, at most so many. */
type Fetch = (last: LogRow | undefined, count: number) => LogRow[];

/** Reads pages that are bounded in events and in bytes. */
export class LogReader {
  private readonly statements: Statements;
  private readonly streamNames = new LRUCache<number, string>(atMost(streamNamesMax));
  private readonly typeNames = new Map<number, string>();

  constructor(statements: Statements) {
    this.statements = statements;
  }

  /** The position of the newest event as this log counts, -1 on an empty one. */
  head(): number {
    const row = this.statements.head.get() as unknown as [number | null];
    return row[0] ?? -1;
  }

  eventIdAt(position: Position): string | undefined {
    const row = this.statements.metadata.get(parsePosition(position)) as unknown as [string] | undefined;
    return row && (JSON.parse(row[0]) as StoredMetadata).id;
  }

  readStream(stream: string, options: ReadStreamOptions): StreamPage {
    const { backwards = false, maxCount, bytesMax = streamPageBytesMax } = options;
    const head = this.statements.streamHead.get(stream) as unknown as [number, number | null] | undefined;
    if (!head) return { events: [], isEnd: true };
    const [id, newest] = head;
    const start = options.from ?? (backwards ? Number.MAX_SAFE_INTEGER : 0);
    const statement = backwards ? this.statements.rangeBackwards : this.statements.range;
    const fetch: Fetch = (last, count) => {
      const from = last === undefined ? start : last[2] + (backwards ? -1 : 1);
      return statement.all(id, from, count) as unknown as LogRow[];
    };
    const { rows } = this.take(fetch, maxCount, bytesMax);
    const last = rows.at(-1)?.[2];
    const isEnd = last === undefined || (backwards ? last === 0 : last >= (newest ?? -1));
    return { events: rows.map((row) => this.eventOf(row, stream)), isEnd };
  }

  readAll(options: ReadAllOptions): Page {
    const { types, maxCount, bytesMax = pageBytesMax, withMetadata = [] } = options;
    const after = parsePosition(options.after);
    const upTo = options.upTo === undefined ? Number.MAX_SAFE_INTEGER : parsePosition(options.upTo);
    // Taken once, before the events: another thread's writer may append while they are read.
    const end = types === undefined ? upTo : Math.min(upTo, this.windowEnd(after));
    const fetch =
      types === undefined
        ? this.unfiltered(withMetadata, after, end)
        : this.filtered(types, withMetadata, after, end);
    const { rows, isExhausted } = this.take(fetch, maxCount, bytesMax);
    const last = rows.at(-1)?.[0] ?? after;
    const scannedTo = types !== undefined && isExhausted ? Math.max(after, end) : last;
    return {
      events: rows.map((row) => this.eventOf(row, this.streamNameOf(row[1]))),
      scannedTo: scannedTo === after ? options.after : formatPosition(scannedTo),
      scannedEvents: scannedTo - after,
    };
  }

  private unfiltered(withMetadata: WithMetadata, after: number, end: number): Fetch {
    // To tell types apart would cost more than what is left out saves.
    const withAll = withMetadata === true || withMetadata.length > 0;
    const statement = withAll ? this.statements.allWithMetadata : this.statements.all;
    return (last, count) => statement.all(last?.[0] ?? after, end, count) as unknown as LogRow[];
  }

  private filtered(types: readonly string[], withMetadata: WithMetadata, after: number, end: number): Fetch {
    const ids = this.knownTypeIds(types);
    const described = withMetadata === true ? ids : this.knownTypeIds(withMetadata);
    const { filtered, filteredByList } = this.statements;
    // Ids are given in the order types first occur, so they are small: testing a bit is the fastest filter.
    const areSmall = [...ids, ...described].every((id) => id < 2 * maskBits);
    const statement = areSmall ? filtered : filteredByList;
    const filterOf = areSmall ? masksOf : (ids: readonly number[]) => [JSON.stringify(ids)];
    const [columns, filter] = [filterOf(described), filterOf(ids)];
    return (last, count) =>
      statement.all(...columns, last?.[0] ?? after, end, ...filter, count) as unknown as LogRow[];
  }

  /**
   * Rows up to the bounds, and always one. Long data is fetched only for what is within them.
   * JSON text is counted in characters, of which it has as many as bytes, or fewer.
   * @returns also whether there was nothing further to fetch
   */
  private take(fetch: Fetch, countMax: number, bytesMax: number): { rows: WholeRow[]; isExhausted: boolean } {
    const rows: WholeRow[] = [];
    let bytes = 0;
    let last: LogRow | undefined;
    while (rows.length < countMax) {
      const count = Math.min(chunkRows, countMax - rows.length);
      const chunk = fetch(last, count);
      for (const row of chunk) {
        const data = row[5];
        bytes += (typeof data === "number" ? data : data.length) + (row[6]?.length ?? 0);
        if (bytes > bytesMax && rows.length > 0) return { rows, isExhausted: false };
        if (typeof data === "number") row[5] = this.dataAt(row[0]);
        rows.push(row as WholeRow);
        last = row;
      }
      if (chunk.length < count) return { rows, isExhausted: true };
    }
    return { rows, isExhausted: false };
  }

  private eventOf(row: WholeRow, stream: string): RecordedEvent {
    const [position, , revision, type, time, data, metadata] = row;
    const metadataText = metadata ?? this.metadataAt;
    return new StoredEvent(position, stream, revision, this.typeNameOf(type), time, data, metadataText);
  }

  private windowEnd(after: number): number {
    return Math.max(after, Math.min(after + scanWindowEvents, this.head()));
  }

  /** @returns 0 to 1 */
  progressOf(position: Position, target: Position): number {
    const all = parsePosition(target) + 1;
    return all === 0 ? 1 : Math.min(1, (parsePosition(position) + 1) / all);
  }

  /** This log leaves no gap between its positions. */
  countBetween(after: Position, upTo: Position): number {
    return Math.max(0, Math.min(parsePosition(upTo), this.head()) - parsePosition(after));
  }

  knowsType(name: string): boolean {
    return this.knownTypeId(name) !== undefined;
  }

  private knownTypeIds(names: readonly string[]): number[] {
    return names.flatMap((name) => this.knownTypeId(name) ?? []);
  }

  private knownTypeId(name: string): number | undefined {
    const row = this.statements.typeByName.get(name) as unknown as [number] | undefined;
    return row?.[0];
  }

  private dataAt(position: number): string {
    const row = this.statements.data.get(position) as unknown as [string];
    return row[0];
  }

  private readonly metadataAt = (position: number): string => {
    const row = this.statements.metadata.get(position) as unknown as [string];
    return row[0];
  };

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
}

/** All ids, in two masks. */
function masksOf(ids: readonly number[]): bigint[] {
  return [maskOf(ids, 0), maskOf(ids, maskBits)];
}

/** The bits of those ids that are among the `maskBits` from `first` on. */
function maskOf(ids: readonly number[], first: number): bigint {
  let mask = 0n;
  for (const id of ids) if (id >= first && id < first + maskBits) mask |= 1n << BigInt(id - first);
  return mask;
}
