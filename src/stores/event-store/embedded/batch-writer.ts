import type { DatabaseSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import { atMost } from "../../../values/at-most.ts";
import { noStream } from "../event-store.ts";
import {
  type AppendBatch,
  conflicting,
  headerLength,
  type Outcomes,
  perEvent,
  written,
} from "./append-batch.ts";
import type { Statements } from "./statements.ts";
import type { StoredMetadata } from "./stored-event.ts";

const streamHeadsMax = 100_000;

interface StreamHead {
  id: number;
  revision: number;
}

/** Writes appends to the file, those of a batch in one transaction and with one flush. */
export class BatchWriter {
  private readonly db: DatabaseSync;
  private readonly statements: Statements;
  private readonly heads = new LRUCache<string, StreamHead>(atMost(streamHeadsMax));
  private readonly typeIds = new Map<string, number>();
  private lastPosition: number;

  constructor(db: DatabaseSync, statements: Statements) {
    this.db = db;
    this.statements = statements;
    this.lastPosition = (statements.head.get() as unknown as [number | null])[0] ?? -1;
  }

  /**
   * A conflict refuses its append, not the others.
   * @throws what SQLite says: then nothing of the batches is written
   */
  write(batches: readonly AppendBatch[]): Outcomes[] {
    const firstNew = this.lastPosition;
    try {
      this.db.exec("BEGIN IMMEDIATE");
      const outcomes = batches.map((batch) => this.writeBatch(batch));
      this.db.exec("COMMIT");
      return outcomes;
    } catch (error) {
      // What was cached in this transaction never happened.
      this.lastPosition = firstNew;
      this.heads.clear();
      this.typeIds.clear();
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw error;
    }
  }

  private writeBatch(batch: AppendBatch): Outcomes {
    const outcomes: Outcomes = [];
    for (let at = 0; at < batch.length; ) {
      const count = batch[at + 2] as number;
      this.append(batch, at, count, outcomes);
      at += headerLength + count * perEvent;
    }
    return outcomes;
  }

  private append(batch: AppendBatch, at: number, count: number, outcomes: Outcomes): void {
    const stream = batch[at] as string;
    const expectedRevision = batch[at + 1] as number;
    const head = this.headOf(stream);
    const actual = head?.revision ?? noStream;
    const first = at + headerLength;
    if (actual !== expectedRevision) {
      const position = this.repeated(head, expectedRevision, batch, first, count);
      if (position === undefined) outcomes.push(conflicting, actual, 0);
      else outcomes.push(written, expectedRevision + count, position);
      return;
    }
    const id = head?.id ?? this.createStream(stream);
    let revision = actual;
    for (let event = first; event < first + count * perEvent; event += perEvent) {
      const [, type, time, data, metadata] = batch.slice(event, event + perEvent);
      this.statements.insert.run(
        ++this.lastPosition,
        id,
        ++revision,
        this.typeIdOf(type as string),
        time as number,
        data as string,
        metadata as string,
      );
    }
    this.heads.set(stream, { id, revision });
    outcomes.push(written, revision, this.lastPosition);
  }

  /**
   * The same events at the same place: an append that had an unknown outcome and is sent again.
   * @returns the position of its last event
   */
  private repeated(
    head: StreamHead | undefined,
    expectedRevision: number,
    batch: AppendBatch,
    first: number,
    count: number,
  ): number | undefined {
    if (!head || head.revision < expectedRevision + count) return undefined;
    const rows = this.statements.identities.all(head.id, expectedRevision + 1, count) as unknown as [
      position: number,
      metadata: string,
    ][];
    const same = rows.every(
      ([, metadata], index) =>
        (JSON.parse(metadata) as StoredMetadata).id === batch[first + index * perEvent],
    );
    return same ? rows.at(-1)?.[0] : undefined;
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
