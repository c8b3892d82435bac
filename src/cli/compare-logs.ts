import { logStateStream } from "../../commands/log/log-state.ts";
import {
  type EventStore,
  logStart,
  type Position,
  type RecordedEvent,
} from "../stores/event-store/event-store.ts";
import { Refused } from "./session.ts";

const pageEvents = 2_000;

/** Two logs that should hold the same events do not. */
export class LogsDiffer extends Refused {
  constructor(message: string) {
    super(message);
    this.name = "LogsDiffer";
  }
}

/** An event's data as JSON. What JSON.stringify has written, it writes again after it was parsed. */
export function dataTextOf({ dataText, data }: RecordedEvent): string {
  return dataText ?? JSON.stringify(data);
}

/**
 * Compares two logs event by event in their order: stream, revision, id, type, data and metadata. Positions are each
 * log's own, and so is the stream that says whose turn it is to write it.
 */
export class LogComparison {
  private readonly source: LogCursor;
  private readonly target: LogCursor;
  /** Events that were found alike. */
  compared = 0;

  constructor(source: EventStore, target: EventStore) {
    this.source = new LogCursor(source);
    this.target = new LogCursor(target);
  }

  /** Where the source has been found in the target up to, to be copied from there. */
  get sourcePosition(): Position {
    return this.source.position;
  }

  /**
   * Goes on to the end of the target.
   * @param onPage called now and then with where the source is
   * @throws LogsDiffer, also when the target holds more than the source
   */
  async run(onPage: (position: Position) => void): Promise<void> {
    for (;;) {
      const there = this.target.next() ?? (await this.target.fetchNext());
      if (!there) return;
      const here = this.source.next() ?? (await this.source.fetchNext());
      if (!here)
        throw new LogsDiffer(
          `the target holds events that the source does not: after ${this.compared} that both hold comes ${named(there)}`,
        );
      const difference = differenceOf(here, there);
      if (difference !== undefined)
        throw new LogsDiffer(
          `the target holds other events: event ${this.compared + 1} is ${named(here)} in the source and ` +
            `${named(there)} in the target (its ${difference} differs)`,
        );
      if (++this.compared % pageEvents === 0) onPage(this.source.position);
    }
  }

  /** @returns whether the source holds nothing further either */
  async isWhole(): Promise<boolean> {
    return (await this.source.peek()) === undefined;
  }
}

function named({ type, revision, stream }: RecordedEvent): string {
  return `${type} at revision ${revision} of ${stream}`;
}

/** @returns what differs, undefined when nothing does */
function differenceOf(here: RecordedEvent, there: RecordedEvent): string | undefined {
  if (here.stream !== there.stream) return "stream";
  if (here.revision !== there.revision) return "revision";
  if (here.type !== there.type) return "type";
  if (here.id !== there.id) return "id";
  if (dataTextOf(here) !== dataTextOf(there)) return "data";
  return metadataText(here) === metadataText(there) ? undefined : "metadata";
}

/** The embedded log has the time in a column of its own, and so does not keep its place among the others. */
function metadataText({ metadata: { time, ...others } }: RecordedEvent): string {
  return JSON.stringify({ time, ...others });
}

/** Goes through a log once, event by event. */
class LogCursor {
  private readonly log: EventStore;
  private scannedTo: Position = logStart;
  private page: RecordedEvent[] = [];
  private index = 0;
  /** Of the last event that was given out. */
  position: Position = logStart;

  constructor(log: EventStore) {
    this.log = log;
  }

  /** @returns undefined where more has to be fetched */
  next(): RecordedEvent | undefined {
    const event = this.page[this.index];
    if (!event) return undefined;
    this.index++;
    this.position = event.position;
    return event;
  }

  /** @returns undefined at the end of the log */
  async fetchNext(): Promise<RecordedEvent | undefined> {
    await this.peek();
    return this.next();
  }

  async peek(): Promise<RecordedEvent | undefined> {
    while (this.index === this.page.length) {
      const page = await this.log.readAll({
        after: this.scannedTo,
        maxCount: pageEvents,
        withMetadata: true,
      });
      if (page.scannedTo <= this.scannedTo) return undefined;
      this.scannedTo = page.scannedTo;
      this.page = page.events.filter(({ stream }) => stream !== logStateStream);
      this.index = 0;
    }
    return this.page[this.index];
  }
}
