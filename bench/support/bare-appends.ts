import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import {
  type EventStore,
  type EventToAppend,
  noStream,
  type Position,
} from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { withFolder } from "./resources.ts";

const pageEvents = 1_000;
const warmUpAppends = 500;

export interface Append {
  stream: string;
  events: EventToAppend[];
}

/** A stored event, to be appended again elsewhere. */
export interface CopiedEvent {
  stream: string;
  event: EventToAppend;
}

/** @returns the events behind a position, in order, as they can be appended to another log */
export async function copyEvents(
  log: Pick<EventStore, "readAll">,
  { after, upTo, max }: { after: Position; upTo: Position; max: number },
): Promise<CopiedEvent[]> {
  const copies: CopiedEvent[] = [];
  for (let from = after; from < upTo && copies.length < max; ) {
    const maxCount = Math.min(pageEvents, max - copies.length);
    const page = await log.readAll({ after: from, upTo, maxCount });
    if (page.scannedTo <= from) break;
    for (const { stream, type, data, metadata } of page.events)
      copies.push({ stream, event: { id: newId(), type, data: JSON.stringify(data), metadata } });
    from = page.scannedTo;
  }
  return copies;
}

/** The appends as they were made: what stands in the log in one piece and in one stream went in together. */
export function appendsOf(copies: readonly CopiedEvent[]): Append[] {
  const appends: Append[] = [];
  for (const { stream, event } of copies) {
    const last = appends.at(-1);
    if (last?.stream === stream) last.events.push(event);
    else appends.push({ stream, events: [event] });
  }
  return appends;
}

/** So many events in each append, each append to a stream of its own. */
export function appendsOfSize(copies: readonly CopiedEvent[], events: number): Append[] {
  return Array.from({ length: Math.floor(copies.length / events) }, (_, index) => ({
    stream: `bench-${index}`,
    events: copies.slice(index * events, (index + 1) * events).map(({ event }) => event),
  }));
}

/**
 * What the event store does when nothing is decided, checked or projected: appends alone, to a log of its
 * own.
 * @param atOnce so many appends are under way, and share a commit
 * @returns events per second
 */
export function bareAppends(appends: readonly Append[], atOnce: number): Promise<number> {
  return withFolder(async (directory) => {
    const store = openEmbeddedEventStore({ directory });
    try {
      const [sample] = appends;
      if (!sample) throw new Error("there is nothing to append");
      const warmUp = Array.from({ length: warmUpAppends }, (_, index) => ({
        stream: `warm-${index}`,
        events: sample.events.map((event) => ({ ...event, id: newId() })),
      }));
      await appendAll(store, warmUp, atOnce);
      const started = performance.now();
      const events = await appendAll(store, appends, atOnce);
      return events / ((performance.now() - started) / 1000);
    } finally {
      await store.close();
    }
  });
}

async function appendAll(store: EventStore, appends: readonly Append[], atOnce: number): Promise<number> {
  const revisions = new Map<string, number>();
  let count = 0;
  for (let at = 0; at < appends.length; at += atOnce) {
    const commit: Promise<unknown>[] = [];
    for (const { stream, events } of appends.slice(at, at + atOnce)) {
      const revision = revisions.get(stream) ?? noStream;
      commit.push(store.append(stream, revision, events));
      revisions.set(stream, revision + events.length);
      count += events.length;
    }
    await Promise.all(commit);
  }
  return count;
}
