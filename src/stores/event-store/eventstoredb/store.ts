import { setTimeout as sleep } from "node:timers/promises";
import {
  type AppendResult,
  type EventStore,
  type EventToAppend,
  OutcomeUnknown,
  type Page,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  RevisionConflict,
  StoreUnavailable,
  type StreamPage,
  type SubscribeOptions,
} from "../event-store.ts";
import { Appender } from "./append.ts";
import { BatchAppends } from "./batch-append.ts";
import { ServerClock } from "./clock.ts";
import { Connection } from "./connection.ts";
import { readLogId } from "./identity.ts";
import { progressOf } from "./position.ts";
import { LogReader } from "./read.ts";
import { subscribe } from "./subscribe.ts";

/** How long `openEventStoreDb` waits for a server that is away. */
const openMsMax = 30_000;
const openPauseMs = 500;
const connectMsMax = 3_000;
/** The server gives up on a write after 2 s, a cluster that has lost its leader after 5 s. */
const appendTimeoutMs = 7_000;
const readTimeoutMs = 10_000;
const clockLookMs = 10_000;

export type Operation = "append" | "readStream" | "readAll" | "head" | "subscribe";
export type OperationOutcome = "ok" | "conflict" | "unavailable" | "unknown" | "failed";

export interface EventStoreDbOptions {
  /** `esdb://` or `esdb+discover://`, with credentials, TLS and nodes. */
  url: string;
  /** Told of every call, and of every interruption of a subscription (which has taken no time). */
  observe?: (operation: Operation, seconds: number, outcome: OperationOutcome) => void;
  /** Told before a read that failed in passing is made again. */
  observeRetry?: (operation: string) => void;
  /** Told how many seconds the server's clock is ahead of ours, at the start and every ten seconds. */
  observeClock?: (secondsAhead: number) => void;
  /** Milliseconds, for tests: see the limits above. */
  limits?: { openMs?: number; connectMs?: number; appendMs?: number; readMs?: number };
}

export interface EventStoreDb extends EventStore {
  /**
   * The server's version, and how many milliseconds its clock is ahead of ours, where that can be told.
   * @throws StoreUnavailable
   */
  inspect(): Promise<{ version: string; clockMs: number | undefined }>;
}

/**
 * Opens a log on EventStoreDB 24.2 or later, one node or a cluster. Its identity is written at the first time.
 *
 * @throws StoreUnavailable when the server does not answer within half a minute
 * @throws StoreDamaged when it is too old
 */
export async function openEventStoreDb(options: EventStoreDbOptions): Promise<EventStoreDb> {
  const { url, limits = {} } = options;
  const until = performance.now() + (limits.openMs ?? openMsMax);
  const clock = new ServerClock(options.observeClock ?? (() => {}));
  const connection = new Connection(url, limits.connectMs ?? connectMsMax, clock);
  try {
    await requireVersion(connection, until);
    const reader = new LogReader(connection, limits.readMs ?? readTimeoutMs, options.observeRetry);
    const batches = new BatchAppends(connection, limits.appendMs ?? appendTimeoutMs);
    const appender = new Appender(batches, (stream, revision) => reader.positionAt(stream, revision));
    const logId = await readLogId(reader, appender, until);
    return new EventStoreDbLog(logId, { connection, reader, batches, appender }, options);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function requireVersion(connection: Connection, until: number): Promise<void> {
  for (;;) {
    try {
      await connection.requireVersion();
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || performance.now() >= until) throw error;
      await sleep(openPauseMs);
    }
  }
}

interface Parts {
  connection: Connection;
  reader: LogReader;
  batches: BatchAppends;
  appender: Appender;
}

class EventStoreDbLog implements EventStoreDb {
  readonly logId: string;
  readonly soleWriter = false;
  private readonly parts: Parts;
  private readonly observe: NonNullable<EventStoreDbOptions["observe"]>;
  private readonly closing = new AbortController();

  constructor(
    logId: string,
    parts: Parts,
    { observe = () => {}, observeClock }: Pick<EventStoreDbOptions, "observe" | "observeClock">,
  ) {
    this.logId = logId;
    this.parts = parts;
    this.observe = observe;
    if (!observeClock) return;
    // A process that asks for nothing else has a clock, too.
    const look = () => void parts.reader.identity().catch(() => {});
    const timer = setInterval(look, clockLookMs).unref();
    this.closing.signal.addEventListener("abort", () => clearInterval(timer));
  }

  append(stream: string, expectedRevision: number, events: readonly EventToAppend[]): Promise<AppendResult> {
    return this.observed("append", async () => {
      // The server would call it a success at revision 0.
      if (events.length === 0) throw new Error("an append needs at least one event");
      return this.parts.appender.append(stream, expectedRevision, events);
    });
  }

  readStream(stream: string, options: ReadStreamOptions): Promise<StreamPage> {
    return this.observed("readStream", () => this.parts.reader.readStream(stream, options));
  }

  readAll(options: ReadAllOptions): Promise<Page> {
    return this.observed("readAll", () => this.parts.reader.readAll(options));
  }

  subscribe(options: SubscribeOptions): AsyncIterable<Page> {
    const { connection, reader } = this.parts;
    const closing = this.closing.signal;
    const onInterrupted = () => this.observe("subscribe", 0, "unavailable");
    return subscribe({ connection, reader, closing, onInterrupted }, options);
  }

  head(): Promise<Position> {
    return this.observed("head", () => this.parts.reader.head());
  }

  eventIdAt(position: Position): Promise<string | undefined> {
    return this.parts.reader.eventIdAt(position);
  }

  async inspect(): Promise<{ version: string; clockMs: number | undefined }> {
    const { connection, reader } = this.parts;
    await reader.identity();
    return { version: await connection.version(), clockMs: connection.clock.lastAheadMs };
  }

  progressOf(position: Position, target: Position): number {
    return progressOf(position, target);
  }

  /** The log has no count of its events, and positions are not one. */
  async countBetween(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    await this.parts.batches.close();
    await this.parts.connection.close();
  }

  private async observed<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    let outcome: OperationOutcome = "ok";
    try {
      if (this.closing.signal.aborted) throw new StoreUnavailable("the event store is closed");
      return await work();
    } catch (error) {
      outcome = outcomeOf(error);
      throw error instanceof StoreUnavailable ? error.of("events") : error;
    } finally {
      this.observe(operation, (performance.now() - start) / 1_000, outcome);
    }
  }
}

function outcomeOf(error: unknown): OperationOutcome {
  if (error instanceof RevisionConflict) return "conflict";
  if (error instanceof OutcomeUnknown) return "unknown";
  return error instanceof StoreUnavailable ? "unavailable" : "failed";
}
