import type { EventMetadata, Position, RecordedEvent } from "../event-store.ts";
import { formatPosition } from "./position.ts";

/** The metadata column: everything but the time, which has its own. */
export type StoredMetadata = Omit<EventMetadata, "time"> & { id: string };

/** An event whose JSON is parsed when it is asked for, and whose metadata is fetched then where it is not there. */
export class StoredEvent implements RecordedEvent {
  readonly position: Position;
  private readonly ordinal: number;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly time: number;
  readonly dataText: string;
  private readonly metadataText: string | ((ordinal: number) => string);
  private parsed: unknown;
  private parsedMetadata: StoredMetadata | undefined;

  constructor(
    ordinal: number,
    stream: string,
    revision: number,
    type: string,
    time: number,
    dataText: string,
    metadataText: string | ((ordinal: number) => string),
  ) {
    this.position = formatPosition(ordinal);
    this.ordinal = ordinal;
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
    const { metadataText: text } = this;
    this.parsedMetadata ??= JSON.parse(
      typeof text === "string" ? text : text(this.ordinal),
    ) as StoredMetadata;
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
