import type { EventToAppend } from "../event-store.ts";
import type { StoredMetadata } from "./stored-event.ts";

/*
 * Appends and their outcomes as they cross to the thread that writes: flat, for of nested objects each costs more to
 * copy than what it holds.
 */

/** Of each append: stream, expected revision, how many events; then of each event its id, type, time, data, metadata. */
export type AppendBatch = (string | number)[];
export const headerLength = 3;
export const perEvent = 5;

/** Of each append three: `written`, its revision and the position of its last event; or `conflicting`, the revision. */
export type Outcomes = number[];
export const written = 0;
export const conflicting = 1;
export const perOutcome = 3;

/** Gathers appends of one turn. */
export class BatchBuilder {
  readonly batch: AppendBatch = [];
  private lastMetadata: EventToAppend["metadata"] | undefined;
  private lastMetadataText = "";

  add(stream: string, expectedRevision: number, events: readonly EventToAppend[]): void {
    this.batch.push(stream, expectedRevision, events.length);
    for (const event of events)
      this.batch.push(event.id, event.type, event.metadata.time, event.data, this.metadataText(event));
  }

  /** `StoredMetadata` as text. Events of one command share theirs, which is then made once. */
  private metadataText({ id, metadata }: EventToAppend): string {
    if (metadata !== this.lastMetadata) {
      const { time: _, ...stored }: Omit<StoredMetadata, "id"> & { time: number } = metadata;
      this.lastMetadata = metadata;
      this.lastMetadataText = JSON.stringify(stored).slice(1);
    }
    return `{"id":${JSON.stringify(id)},${this.lastMetadataText}`;
  }
}
