import type { DatabaseSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import {
  type AppendResult,
  type EventMetadata,
  type EventToAppend,
  noStream,
  RevisionConflict,
  StoreUnavailable,
} from "../event-store.ts";
import { formatPosition } from "./position.ts";
import type { Statements } from "./statements.ts";
import type { StoredMetadata } from "./stored-event.ts";

const streamHeadsMax = 100_000;
const appendsPendingMax = 50_000;
const eventBytesMax = 1024 * 1024;

interface StreamHead {
  id: number;
  revision: number;
}

interface PendingAppend {
  stream: string;
  expectedRevision: number;
  events: readonly EventToAppend[];
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
}

/** Appends made in one turn of the event loop share one transaction and one flush. */
export class LogWriter {
  private readonly db: DatabaseSync;
  private readonly statements: Statements;
  private readonly onAppended: () => void;
  private readonly heads = new LRUCache<string, StreamHead>({ max: streamHeadsMax });
  private readonly typeIds = new Map<string, number>();
  private pending: PendingAppend[] = [];
  private flushScheduled = false;
  private lastPosition: number;
  private lastMetadata: EventMetadata | undefined;
  private lastMetadataText = "";

  constructor(db: DatabaseSync, statements: Statements, head: number, onAppended: () => void) {
    this.db = db;
    this.statements = statements;
    this.lastPosition = head;
    this.onAppended = onAppended;
  }

  append(stream: string, expectedRevision: number, events: readonly EventToAppend[]): Promise<AppendResult> {
    const tooLarge = events.find(({ data }) => isLonger(data, eventBytesMax));
    if (tooLarge) throw new RangeError(`a ${tooLarge.type} event is larger than ${eventBytesMax} bytes`);
    if (this.pending.length >= appendsPendingMax)
      throw new StoreUnavailable(`${appendsPendingMax} appends are waiting`);
    return new Promise((resolve, reject) => {
      this.pending.push({ stream, expectedRevision, events, resolve, reject });
      if (this.flushScheduled) return;
      this.flushScheduled = true;
      setImmediate(() => this.flush());
    });
  }

  /** One transaction for all that is waiting. A conflict refuses its append, not the others. */
  flush(): void {
    this.flushScheduled = false;
    const appends = this.pending;
    this.pending = [];
    if (appends.length === 0) return;
    const settle: (() => void)[] = [];
    const firstNew = this.lastPosition;
    try {
      this.db.exec("BEGIN IMMEDIATE");
      for (const append of appends) {
        const outcome = this.write(append);
        settle.push(
          outcome instanceof RevisionConflict ? () => append.reject(outcome) : () => append.resolve(outcome),
        );
      }
      this.db.exec("COMMIT");
    } catch (error) {
      this.lastPosition = firstNew;
      this.giveUp(appends, error);
      return;
    }
    for (const done of settle) done();
    if (this.lastPosition > firstNew) this.onAppended();
  }

  /** What was cached in this transaction never happened. */
  private giveUp(appends: readonly PendingAppend[], error: unknown): void {
    this.heads.clear();
    this.typeIds.clear();
    if (this.db.isTransaction) this.db.exec("ROLLBACK");
    const failure = new StoreUnavailable(`the event log could not be written: ${String(error)}`, {
      cause: error,
    });
    for (const append of appends) append.reject(failure);
  }

  private write(append: PendingAppend): AppendResult | RevisionConflict {
    const { stream, expectedRevision, events } = append;
    const head = this.headOf(stream);
    const actual = head?.revision ?? noStream;
    if (actual !== expectedRevision) {
      return (
        this.repeated(head, expectedRevision, events) ??
        new RevisionConflict(stream, expectedRevision, actual)
      );
    }
    const id = head?.id ?? this.createStream(stream);
    let revision = actual;
    for (const event of events) {
      this.statements.insert.run(
        ++this.lastPosition,
        id,
        ++revision,
        this.typeIdOf(event.type),
        event.metadata.time,
        event.data,
        this.metadataText(event),
      );
    }
    this.heads.set(stream, { id, revision });
    return { revision, position: formatPosition(this.lastPosition) };
  }

  /** `StoredMetadata` as text. Events of one command share theirs, which is then made once. */
  private metadataText({ id, metadata }: EventToAppend): string {
    if (metadata !== this.lastMetadata) {
      const { time: _, ...stored } = metadata;
      this.lastMetadata = metadata;
      this.lastMetadataText = JSON.stringify(stored).slice(1);
    }
    return `{"id":${JSON.stringify(id)},${this.lastMetadataText}`;
  }

  /** The same events at the same place: an append that had an unknown outcome and is sent again. */
  private repeated(
    head: StreamHead | undefined,
    expectedRevision: number,
    events: readonly EventToAppend[],
  ): AppendResult | undefined {
    if (!head || head.revision < expectedRevision + events.length) return undefined;
    const rows = this.statements.identities.all(head.id, expectedRevision + 1, events.length) as unknown as [
      position: number,
      metadata: string,
    ][];
    const same = events.every((event, index) => {
      const metadata = rows[index]?.[1];
      return metadata !== undefined && (JSON.parse(metadata) as StoredMetadata).id === event.id;
    });
    if (!same) return undefined;
    return {
      revision: expectedRevision + events.length,
      position: formatPosition(Number(rows.at(-1)?.[0])),
    };
  }

  private headOf(stream: string): StreamHead | undefined {
    const cached = this.heads.get(stream);
    if (cached) return cached;
    const row = this.statements.streamHead.get(stream) as unknown as [number, number | null] | undefined;
    if (!row) return undefined;
    const head = { id: row[0], revision: row[1] ?? noStream };
    this.heads.set(stream, head);
    return head;
  }

  private createStream(name: string): number {
    return Number(this.statements.insertStream.run(name).lastInsertRowid);
  }

  private typeIdOf(name: string): number {
    const known = this.typeIds.get(name);
    if (known !== undefined) return known;
    const row = this.statements.typeByName.get(name) as unknown as [number] | undefined;
    const id = row ? row[0] : Number(this.statements.insertType.run(name).lastInsertRowid);
    this.typeIds.set(name, id);
    return id;
  }
}

function isLonger(text: string, bytesMax: number): boolean {
  return text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax;
}
