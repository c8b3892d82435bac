import type { Logger } from "pino";
import type { Place } from "../../commands/subscription/events.ts";
import { type PublicEvent, publicEventOf, type TopicName, typesOf } from "../../projections/feed/topics.ts";
import type { Codec } from "../engine/codec.ts";
import { streamId } from "../engine/decider.ts";
import type { EventStore, Position, RecordedEvent } from "../stores/event-store/event-store.ts";

/** How often the log's end is looked at while somebody waits for what comes. */
const lookMs = 250;
/** After an append of this process, which may be one of many. */
const lookAfterAppendMs = 20;
const pageBytesMax = 1024 * 1024;

/** What others are told, and where it stands on the log. */
export interface FeedEvent {
  position: Position;
  /** Epoch milliseconds. */
  time: number;
  place: Place;
  /** Left out where the event tells others nothing. */
  told?: PublicEvent;
}

export interface FeedPage {
  events: FeedEvent[];
  /** Continue from here. Equal to `after` when there is nothing new. */
  scannedTo: Position;
  scannedEvents: number;
}

export interface FeedQuery {
  after: Position;
  topics: readonly TopicName[];
  /** The last position that is looked at, inclusive. */
  upTo?: Position;
  limit: number;
}

interface Waiter {
  after: Position;
  wake: () => void;
}

/**
 * The log as others may read it, page by page. Those who are at its end ask for the same page at the same time: it is
 * read once. Nobody is sent anything here, so nothing piles up for who is slow.
 */
export class Feed {
  private readonly events: EventStore;
  private readonly codec: Codec;
  private readonly currency: string;
  private readonly log: Logger;
  private readonly reading = new Map<string, Promise<FeedPage>>();
  private readonly waiters = new Set<Waiter>();
  private look: { at: number; timer: NodeJS.Timeout } | undefined;

  constructor(options: { events: EventStore; codec: Codec; currency: string; log: Logger }) {
    this.events = options.events;
    this.codec = options.codec;
    this.currency = options.currency;
    this.log = options.log;
  }

  /** A page may be empty without being the last. @throws StoreUnavailable */
  read(query: FeedQuery): Promise<FeedPage> {
    const { after, topics, upTo = "", limit } = query;
    const name = [after, upTo, limit, ...topics].join(" ");
    const page = this.reading.get(name) ?? this.pageOf(query).finally(() => this.reading.delete(name));
    this.reading.set(name, page);
    return page;
  }

  /** @throws Error when there is no such event */
  async at({ stream, revision }: Place): Promise<FeedEvent> {
    const { events } = await this.events.readStream(stream, { from: revision, maxCount: 1 });
    const [event] = events;
    if (!event) throw new Error(`there is no event ${revision} of ${stream}`);
    return this.shown(event);
  }

  /** The first event behind a position, of whatever type. */
  async firstBehind(after: Position): Promise<Place | undefined> {
    const { events } = await this.events.readAll({ after, maxCount: 1 });
    return events[0] && placeOf(events[0]);
  }

  /** Until the log goes on behind a position, at most so long. */
  wait(after: Position, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = { after, wake: () => end() };
      const timer = setTimeout(waiter.wake, timeoutMs);
      const end = () => {
        clearTimeout(timer);
        this.waiters.delete(waiter);
        signal.removeEventListener("abort", end);
        resolve();
      };
      signal.addEventListener("abort", end, { once: true });
      this.waiters.add(waiter);
      this.lookIn(lookMs);
    });
  }

  /** The log has grown. */
  appended(): void {
    if (this.waiters.size > 0) this.lookIn(lookAfterAppendMs);
  }

  private lookIn(ms: number): void {
    const at = performance.now() + ms;
    if (this.look && this.look.at <= at) return;
    clearTimeout(this.look?.timer);
    const timer = setTimeout(() => {
      this.look = undefined;
      void this.wakeWhoIsBehind();
    }, ms);
    this.look = { at, timer: timer.unref() };
  }

  private async wakeWhoIsBehind(): Promise<void> {
    try {
      const head = await this.events.head();
      for (const waiter of this.waiters) if (waiter.after < head) waiter.wake();
    } catch (error) {
      this.log.debug({ err: error }, "the log's end cannot be seen");
    }
    if (this.waiters.size > 0) this.lookIn(lookMs);
  }

  private async pageOf({ after, topics, upTo, limit }: FeedQuery): Promise<FeedPage> {
    const { events, scannedTo, scannedEvents } = await this.events.readAll({
      after,
      types: typesOf(topics),
      maxCount: limit,
      bytesMax: pageBytesMax,
      withMetadata: true,
      ...(upTo && { upTo }),
    });
    return { events: events.map((event) => this.shown(event)), scannedTo, scannedEvents };
  }

  private shown(event: RecordedEvent): FeedEvent {
    const { position, stream, type, time } = event;
    const place = placeOf(event);
    try {
      const data = this.codec.decode(event);
      const told = publicEventOf({ id: streamId(stream), type, time, data }, event.id, this.currency);
      return { position, time, place, ...(told && { told }) };
    } catch (error) {
      // Nobody can make anything of it; what comes behind it must not wait for ever.
      this.log.warn({ err: error, ...place }, "an event cannot be told to others, and is left out");
      return { position, time, place };
    }
  }
}

function placeOf({ stream, revision }: RecordedEvent): Place {
  return { stream, revision };
}
