import {
  type AppendResult,
  appendBytesMax,
  type EventMetadata,
  type EventToAppend,
  StoreDamaged,
} from "../event-store.ts";
import type { AppendRequest, BatchAppends } from "./batch-append.ts";
import { formatPosition, type LogPosition } from "./position.ts";

const encoder = new TextEncoder();

interface UnderWay {
  events: readonly EventToAppend[];
  result: Promise<AppendResult>;
}

/**
 * Appends at an explicit revision, never at "any": that is what lets the server tell a repeated append from a
 * new one, over its restarts too.
 *
 * Each append is sent once. An unknown outcome is settled by who asked for it, with the very same append: the
 * engine does so before the stream's queue moves on, on every backend and within one bound. Doing it here too
 * would multiply its waits.
 */
export class Appender {
  private readonly batches: BatchAppends;
  private readonly positionAt: (stream: string, revision: number) => Promise<LogPosition>;
  private readonly underWay = new Map<string, UnderWay>();

  /** @param positionAt reads where an event stands, for answers that leave it out */
  constructor(batches: BatchAppends, positionAt: (stream: string, revision: number) => Promise<LogPosition>) {
    this.batches = batches;
    this.positionAt = positionAt;
  }

  /**
   * The server drops an append that comes again while it is under way, and lets it time out. Here it waits for
   * the first one's answer.
   */
  async append(
    stream: string,
    expectedRevision: number,
    events: readonly EventToAppend[],
  ): Promise<AppendResult> {
    const key = `${expectedRevision} ${events[0]?.id} ${stream}`;
    const same = this.underWay.get(key);
    if (same && isSame(same.events, events)) return same.result;
    const result = this.send(requestOf(stream, expectedRevision, events));
    const entry = { events, result };
    this.underWay.set(key, entry);
    try {
      return await result;
    } finally {
      if (this.underWay.get(key) === entry) this.underWay.delete(key);
    }
  }

  private async send(request: AppendRequest): Promise<AppendResult> {
    const { revision, position } = await this.batches.send(request);
    if (revision !== request.expectedRevision + request.events.length)
      throw new StoreDamaged(
        `${request.stream} was deleted on the server and has been continued at revision ${revision}. ` +
          "This shop deletes no stream: restore the log from a backup",
      );
    return {
      revision,
      position: formatPosition(position ?? (await this.positionAt(request.stream, revision))),
    };
  }
}

function isSame(first: readonly EventToAppend[], second: readonly EventToAppend[]): boolean {
  return first.length === second.length && first.every(({ id }, index) => id === second[index]?.id);
}

/** @throws RangeError when it is larger than the port allows: the server's refusal would come too late */
function requestOf(
  stream: string,
  expectedRevision: number,
  events: readonly EventToAppend[],
): AppendRequest {
  let bytes = 0;
  let lastMetadata: EventMetadata | undefined;
  let metadataBytes = encoder.encode("");
  const messages = events.map(({ id, type, data, metadata }) => {
    // Events of one command share theirs.
    if (metadata !== lastMetadata) metadataBytes = encoder.encode(JSON.stringify(metadata));
    lastMetadata = metadata;
    const message = { id, type, data: encoder.encode(data), metadata: metadataBytes };
    bytes += message.data.length + metadataBytes.length;
    return message;
  });
  if (bytes > appendBytesMax)
    throw new RangeError(
      `${bytes} bytes of ${events.length} events are larger than an append of ${appendBytesMax} bytes`,
    );
  return { stream, expectedRevision, events: messages, bytes };
}
