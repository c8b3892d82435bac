import type { EventMetadata, Position, RecordedEvent } from "../../stores/event-store/event-store.ts";
import type { Codec } from "../codec.ts";
import { streamId } from "../decider.ts";
import type { ProjectedEvent } from "../projection.ts";

/** A recorded event for all folds together: its data is decoded once, by the first that looks at it. */
export class DecodedEvent implements ProjectedEvent {
  readonly position: Position;
  readonly stream: string;
  readonly id: string;
  readonly revision: number;
  readonly type: string;
  readonly time: number;
  private readonly recorded: RecordedEvent;
  private readonly codec: Pick<Codec, "decode">;
  private decoded: unknown;

  constructor(recorded: RecordedEvent, codec: Pick<Codec, "decode">) {
    this.position = recorded.position;
    this.stream = recorded.stream;
    this.id = streamId(recorded.stream);
    this.revision = recorded.revision;
    this.type = recorded.type;
    this.time = recorded.time;
    this.recorded = recorded;
    this.codec = codec;
  }

  /** The event's own; `id` is its stream's. */
  get eventId(): string {
    return this.recorded.id;
  }

  get metadata(): EventMetadata {
    return this.recorded.metadata;
  }

  /** @throws UndecodableEvent */
  get data(): unknown {
    this.decoded ??= this.codec.decode(this.recorded);
    return this.decoded;
  }
}
