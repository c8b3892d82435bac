import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type EventStore,
  logStart,
  noStream,
  type Position,
  type RecordedEvent,
} from "../../stores/event-store/event-store.ts";
import { Problem } from "../../values/problem.ts";
import { type Codec, UndecodableEvent } from "../codec.ts";
import type { Decider, EventMap } from "../decider.ts";

const readPageEvents = 1_000;
/** Commands whose outcome a stream remembers: those of the last minutes, and no more than this. */
const rememberedCommandsMax = 1_000;
const rememberedMs = 5 * 60_000;

// biome-ignore lint/suspicious/noExplicitAny: a stream holds the state of one decider, whatever its types
export type AnyDecider = Decider<any, EventMap>;

/** Where a command's last event landed. */
export interface Remembered {
  revision: number;
  position: Position;
  /** Epoch milliseconds of its events. */
  time: number;
}

/** A stream as far as it is stored. States are never changed, so whoever was given one may keep it. */
export interface StoredStream {
  state: unknown;
  revision: number;
  position: Position;
  /** Epoch milliseconds of the last event; 0 before the first. */
  time: number;
  lastEventId: string;
  /** The latest commands, oldest first: every command with an event from `rememberedFrom` on is here. */
  commands: Map<string, Remembered>;
  rememberedFrom: number;
  snapshotRevision: number;
  /** The stream was like this at some time from then on, by the monotonic clock. */
  confirmedAt: number;
}

/** Of a stream that nobody has looked at. */
export const neverConfirmed = Number.NEGATIVE_INFINITY;

export function emptyStream(decider: AnyDecider): StoredStream {
  return {
    state: decider.initial(),
    revision: noStream,
    position: logStart,
    time: 0,
    lastEventId: "",
    commands: new Map(),
    rememberedFrom: 0,
    snapshotRevision: noStream,
    confirmedAt: neverConfirmed,
  };
}

/** @throws Problem unavailable for an event that this program does not know: nothing may overlook it */
export function evolved(
  decider: AnyDecider,
  state: unknown,
  type: string,
  data: unknown,
  time: number,
): unknown {
  const step = decider.evolve[type];
  if (!step)
    throw new Problem("unavailable", `this version does not know the event ${type} of ${decider.category}`);
  return step(state, data, { time });
}

export function remember(stream: StoredStream, commandId: string, outcome: Remembered): void {
  const { commands } = stream;
  commands.delete(commandId);
  commands.set(commandId, outcome);
  for (const [id, { revision, time }] of commands) {
    if (commands.size <= rememberedCommandsMax && time >= stream.time - rememberedMs) return;
    commands.delete(id);
    stream.rememberedFrom = Math.max(stream.rememberedFrom, revision + 1);
  }
}

/** Where the last of these commands' events behind a revision stands, as far as the stream remembers. */
export function lastRemembered(
  { commands }: StoredStream,
  commandIds: ReadonlySet<string>,
  since: number,
): Remembered | undefined {
  const known = Array.from(commandIds, (id) => commands.get(id)).filter((each) => each !== undefined);
  return known
    .filter(({ revision }) => revision > since)
    .sort((a, b) => a.revision - b.revision)
    .at(-1);
}

/** Reads streams of one log into states. */
export class StreamReader {
  private readonly events: EventStore;
  private readonly codec: Codec;

  constructor(events: EventStore, codec: Codec) {
    this.events = events;
    this.codec = codec;
  }

  /**
   * Folds what the stream has beyond what is stored of it.
   * @param upTo the last revision to fold; all there is when left out
   * @returns how many events were new
   */
  async catchUp(
    decider: AnyDecider,
    name: string,
    stored: StoredStream,
    upTo = Number.MAX_SAFE_INTEGER,
  ): Promise<number> {
    const before = stored.revision;
    for (;;) {
      const from = stored.revision + 1;
      const maxCount = Math.min(readPageEvents, upTo - stored.revision);
      const askedAt = performance.now();
      if (maxCount <= 0) return stored.revision - before;
      const { events, isEnd } = await this.events.readStream(name, { from, maxCount });
      for (const event of events) this.fold(decider, stored, event);
      if (isEnd) stored.confirmedAt = askedAt;
      if (isEnd || stored.revision >= upTo) return stored.revision - before;
      // A long stream must not hold up what else this thread has to do.
      await nextTurn();
    }
  }

  private fold(decider: AnyDecider, stored: StoredStream, event: RecordedEvent): void {
    const { revision, position, time, metadata, type } = event;
    stored.state = evolved(decider, stored.state, type, this.decode(event), time);
    stored.revision = revision;
    stored.position = position;
    stored.time = Math.max(stored.time, time);
    stored.lastEventId = event.id;
    remember(stored, metadata.commandId, { revision, position, time });
  }

  private decode(event: RecordedEvent): unknown {
    try {
      return this.codec.decode(event);
    } catch (error) {
      if (!(error instanceof UndecodableEvent)) throw error;
      throw new Problem("unavailable", `this version cannot read ${event.stream}: ${error.message}`);
    }
  }

  /** Whether the event at this revision has this id. */
  async isAt(name: string, revision: number, id: string): Promise<boolean> {
    const [event] = (await this.events.readStream(name, { from: revision, maxCount: 1 })).events;
    return event?.revision === revision && event.id === id;
  }

  /** The state right after this revision, which must be there. */
  async stateAt(decider: AnyDecider, name: string, revision: number): Promise<unknown> {
    const stream = emptyStream(decider);
    await this.catchUp(decider, name, stream, revision);
    return stream.state;
  }

  /**
   * Looks for what commands have done, from one revision to another, both included.
   * @returns where the last of their events stands
   */
  async find(
    name: string,
    commandIds: ReadonlySet<string>,
    from: number,
    upTo: number,
  ): Promise<Remembered | undefined> {
    let found: Remembered | undefined;
    for (let next = Math.max(0, from); next <= upTo; ) {
      const maxCount = Math.min(readPageEvents, upTo - next + 1);
      const { events, isEnd } = await this.events.readStream(name, { from: next, maxCount });
      for (const { revision, position, time, metadata } of events)
        if (commandIds.has(metadata.commandId)) found = { revision, position, time };
      if (isEnd) break;
      next += events.length;
      await nextTurn();
    }
    return found;
  }
}
