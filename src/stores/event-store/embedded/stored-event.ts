import type { EventMetadata, Position, RecordedEvent } from "../event-store.ts";
import { formatPosition } from "./position.ts";

/** The metadata column: everything but the time, which has its own. */
export type StoredMetadata = Omit<EventMetadata, "time"> & { id: string };

/** An event whose JSON is parsed when it is asked for; metadata of log reads is fetched when asked for. */
export class StoredEvent implements RecordedEvent {
  readonly position: Position;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly time: number;
  readonly dataText: string;
  private readonly metadataText: () => string;
  private parsed: unknown;
  private parsedMetadata: StoredMetadata | undefined;

  constructor(
    ordinal: number,
    stream: string,
    revision: number,
    type: string,
    time: number,
    dataText: string,
    metadataText: () => string,
  ) {
    this.position = formatPosition(ordinal);
    this.stream = stream;
    this.revision = revision;
    this.type = type;
    this.time = time;
    this.dataText = dataText;
    this.metadataText = metadataText;
  }

  get data(): unknown {
    this.parsed ??= JSON.parse(this.dataText);
    return this.parsed;
  }

  private get stored(): StoredMetadata {
    this.parsedMetadata ??= JSON.parse(this.metadataText()) as StoredMetadata;
    return this.parsedMetadata;
  }

  get id(): string {
    return this.stored.id;
  }

  get metadata(): EventMetadata {
    const { id: _, ...metadata } = this.stored;
    return { ...metadata, time: this.time };
  }
}
