import type streams from "@eventstore/db-client/generated/streams_pb.js";
import {
  logStart,
  type Page,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  StoreDamaged,
  StoreUnavailable,
  type StreamPage,
  streamPageBytesMax,
} from "../event-store.ts";
import type { Connection } from "./connection.ts";
import { isDiscoveryFailure, isInvalidPosition, isNotFound, isPassing, readFailure } from "./errors.ts";
import { Gate } from "./gate.ts";
import { PageBuilder, scanWindowEvents } from "./page.ts";
import { isTold, type LogPosition, parsePosition } from "./position.ts";
import type { ReceivedEvent } from "./received.ts";
import { identityStream, recordedOf } from "./recorded.ts";
import { allRequest, type Place, streamRequest } from "./requests.ts";

/** Of the 100 calls that a connection carries; subscriptions and appends have the others. */
const readsAtOnceMax = 64;
const triesMax = 4;
const retryPauseMs = 50;
/** Decisions rest on it. */
const fromLeader = { requiresLeader: true };
/** A follower will do for what catches up. */
const fromAnybody = { requiresLeader: false };

/** @returns false to read no further */
type Visit = (event: ReceivedEvent) => boolean;

/** Reads pages that are bounded in events and in bytes; every read ends its call. */
export class LogReader {
  private readonly connection: Connection;
  private readonly timeoutMs: number;
  private readonly onRetry: (operation: string) => void;
  private readonly gate = new Gate(readsAtOnceMax);
  /** The newest event that `head` has found: it need not look further back again. */
  private newest: Position = logStart;

  /**
   * @param timeoutMs a read that brings nothing for so long is given up
   * @param onRetry told before a read that failed in passing is made again
   */
  constructor(connection: Connection, timeoutMs: number, onRetry: (operation: string) => void = () => {}) {
    this.connection = connection;
    this.timeoutMs = timeoutMs;
    this.onRetry = onRetry;
  }

  /** @throws StoreDamaged when events are hidden: a state without them would be wrong */
  readStream(stream: string, options: ReadStreamOptions): Promise<StreamPage> {
    const { from, backwards = false, maxCount, bytesMax = streamPageBytesMax } = options;
    return this.repeatedly("readStream", stream, async () => {
      const events: RecordedEvent[] = [];
      let bytes = 0;
      let hasMore = false;
      // One more tells whether there is more.
      const request = streamRequest(stream, { from, backwards, maxCount: maxCount + 1 });
      try {
        await this.scan(request, fromLeader, (received) => {
          const event = recordedOf(received);
          if (!event) return true;
          if (!backwards && events.length === 0 && event.revision !== (from ?? 0))
            throw new StoreDamaged(
              `${stream} begins at revision ${event.revision}, not at ${from ?? 0}: earlier events are hidden ` +
                "by $maxCount, $maxAge, $tb or a delete, which this shop does not use",
            );
          bytes += event.size;
          hasMore = events.length === maxCount || (bytes > bytesMax && events.length > 0);
          if (!hasMore) events.push(event);
          return !hasMore || events.length === maxCount;
        });
        return { events, isEnd: !hasMore };
      } catch (error) {
        if (isNotFound(error)) return { events: [], isEnd: true };
        throw error;
      }
    });
  }

  async readAll(options: ReadAllOptions): Promise<Page> {
    const { after, upTo } = options;
    if (upTo !== undefined && upTo <= after) return { events: [], scannedTo: after, scannedEvents: 0 };
    return this.repeatedly("readAll", "the log", async () => {
      const page = new PageBuilder(options);
      // Reads are inclusive: the event at `after` comes again.
      let maxCount = options.types ? scanWindowEvents : Math.min(options.maxCount + 1, scanWindowEvents);
      for (let from: LogPosition | undefined = parsePosition(after); ; ) {
        let seen = 0;
        let last = from;
        const request = allRequest(from ?? "start", { maxCount });
        const isAll = await this.scan(request, fromAnybody, (received) => {
          seen++;
          last = received.at ?? last;
          // A call that has brought all that it will ends by itself.
          return page.take(received) || seen === maxCount;
        });
        // A stretch of nothing but the server's own events is gone through, however long it is.
        if (!isAll || seen < maxCount || page.scannedEvents > 0) return page.page();
        from = last;
        maxCount = nextChunk(maxCount);
      }
    });
  }

  /** The newest event of the shop: the server's own are behind nobody. */
  head(): Promise<Position> {
    return this.repeatedly("head", "the log's head", async () => {
      let found: Position | undefined;
      // The first look mostly finds it; a read that is left costs the server more than one that ends.
      for (let from: Place = "end", maxCount = 1; ; maxCount = nextChunk(maxCount)) {
        let seen = 0;
        const request = allRequest(from, { backwards: true, maxCount });
        await this.scan(request, fromLeader, (received) => {
          seen++;
          from = received.at ?? from;
          found = recordedOf(received)?.position ?? this.known(received);
          return found === undefined;
        });
        if (found !== undefined || seen < maxCount) break;
      }
      if (found !== undefined && found > this.newest) this.newest = found;
      return found ?? logStart;
    });
  }

  /** Whether a look back has come to what was the head before. */
  private known(event: ReceivedEvent): Position | undefined {
    if (this.newest === logStart || !isTold(event.at)) return undefined;
    return event.position <= this.newest ? this.newest : undefined;
  }

  /** @returns the id of the event at exactly this position, undefined when there is none */
  eventIdAt(position: Position): Promise<string | undefined> {
    return this.repeatedly("eventIdAt", "the log", async () => {
      let id: string | undefined;
      try {
        await this.from(position, (event) => {
          if (isTold(event.at) && event.position === position) id = event.id;
        });
      } catch (error) {
        if (!isInvalidPosition(error)) throw error;
      }
      return id;
    });
  }

  /** @throws StoreDamaged for a position beyond the log's end, where a subscription would wait for ever */
  requireWithin(position: Position): Promise<void> {
    return this.repeatedly("requireWithin", "the log", async () => {
      let isWithin = false;
      await this.from(position, () => {
        isWithin = true;
      });
      if (!isWithin)
        throw new StoreDamaged(
          `position ${position} is beyond the end of the log: it was taken on another log, or this one was restored`,
        );
    });
  }

  /** The first record at or behind a position. */
  private async from(position: Position, visit: (event: ReceivedEvent) => void): Promise<void> {
    const request = allRequest(parsePosition(position) ?? "start", { maxCount: 1 });
    await this.scan(request, fromLeader, (event) => {
      visit(event);
      return true;
    });
  }

  async positionAt(stream: string, revision: number): Promise<LogPosition> {
    const { events } = await this.readStream(stream, { from: revision, maxCount: 1 });
    const position = events[0] && parsePosition(events[0].position);
    if (!position) throw new StoreUnavailable(`${stream} does not show revision ${revision} yet`);
    return position;
  }

  /** The data of the first event of the log's own stream. */
  identity(): Promise<unknown> {
    return this.repeatedly("identity", identityStream, async () => {
      let data: unknown;
      try {
        await this.scan(streamRequest(identityStream, { maxCount: 1 }), fromLeader, (event) => {
          data = event.data;
          return true;
        });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return data;
    });
  }

  /** Reads change nothing: what fails in passing is tried again, by then at the leader or another node. */
  private async repeatedly<T>(operation: string, what: string, read: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.gate.pass(read);
      } catch (error) {
        if (!isPassing(error) || tries === triesMax) throw readFailure(error, what);
      }
      this.onRetry(operation);
      await new Promise((resolve) => setTimeout(resolve, retryPauseMs * tries * (0.5 + Math.random())));
    }
  }

  /** @returns whether the read came to its end, rather than being left */
  private async scan(
    request: streams.ReadReq,
    from: { requiresLeader: boolean },
    visit: Visit,
  ): Promise<boolean> {
    const { client } = this.connection;
    const askedAt = performance.now();
    const stream = this.connection.read(client, request, from);
    const late = setTimeout(() => {
      stream.destroy(new StoreUnavailable(`nothing was read for ${this.timeoutMs} ms`));
      this.connection.suspect(client, askedAt);
    }, this.timeoutMs);
    // The client emits errors when the loop no longer listens, too.
    stream.on("error", () => {});
    let endsByItself = false;
    try {
      for await (const event of stream) {
        late.refresh();
        this.connection.heard();
        if (!visit(event)) return false;
      }
      this.connection.requireCurrent(client);
      this.connection.heard();
      return true;
    } catch (error) {
      if (isDiscoveryFailure(error)) this.connection.replace(client);
      // The server says so and has ended: to cancel it, too, is a reset, and of many a second servers end a connection.
      endsByItself = isNotFound(error);
      throw error;
    } finally {
      clearTimeout(late);
      // A loop that is left does not end the call, and a connection carries 100 of them.
      if (!stream.readableEnded && !endsByItself) stream.cancel().catch(() => {});
    }
  }
}

function nextChunk(events: number): number {
  return Math.min(8 * events, scanWindowEvents);
}
