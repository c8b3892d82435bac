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
} from "./event-store.ts";

/** Told of every call once it has ended. @param shape what was asked, without any value of it; made when it is called */
export type ObserveLogCall = (
  operation: "append" | "readStream" | "readAll" | "head",
  seconds: number,
  outcome: "ok" | "conflict" | "unavailable" | "unknown" | "failed",
  shape: () => string,
) => void;

/** The same log, with its calls observed. A subscription waits for others, so how long it takes says nothing. */
export function observedLog(log: EventStore, observe: ObserveLogCall): EventStore {
  return new ObservedLog(log, observe);
}

class ObservedLog implements EventStore {
  readonly logId: string;
  readonly soleWriter: boolean;
  private readonly log: EventStore;
  private readonly observe: ObserveLogCall;

  constructor(log: EventStore, observe: ObserveLogCall) {
    this.logId = log.logId;
    this.soleWriter = log.soleWriter;
    this.log = log;
    this.observe = observe;
  }

  append(stream: string, expectedRevision: number, events: readonly EventToAppend[]): Promise<AppendResult> {
    return this.observed(
      "append",
      () => this.log.append(stream, expectedRevision, events),
      () => `category ${categoryOf(stream)}, events ${events.length}`,
    );
  }

  readStream(stream: string, options: ReadStreamOptions): Promise<StreamPage> {
    return this.observed(
      "readStream",
      () => this.log.readStream(stream, options),
      () =>
        `category ${categoryOf(stream)}, limit ${options.maxCount}${options.backwards ? ", backwards" : ""}`,
    );
  }

  readAll(options: ReadAllOptions): Promise<Page> {
    return this.observed(
      "readAll",
      () => this.log.readAll(options),
      () => `types ${options.types?.length ?? "all"}, limit ${options.maxCount}`,
    );
  }

  head(): Promise<Position> {
    return this.observed(
      "head",
      () => this.log.head(),
      () => "",
    );
  }

  subscribe(options: SubscribeOptions): AsyncIterable<Page> {
    return this.log.subscribe(options);
  }

  eventIdAt(position: Position): Promise<string | undefined> {
    return this.log.eventIdAt(position);
  }

  progressOf(position: Position, target: Position): number {
    return this.log.progressOf(position, target);
  }

  countBetween(after: Position, upTo: Position): Promise<number | undefined> {
    return this.log.countBetween(after, upTo);
  }

  close(): Promise<void> {
    return this.log.close();
  }

  private async observed<T>(
    operation: Parameters<ObserveLogCall>[0],
    call: () => Promise<T>,
    shape: () => string,
  ): Promise<T> {
    const start = performance.now();
    let outcome: Parameters<ObserveLogCall>[2] = "ok";
    try {
      return await call();
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    } finally {
      this.observe(operation, (performance.now() - start) / 1_000, outcome, shape);
    }
  }
}

function outcomeOf(error: unknown): Parameters<ObserveLogCall>[2] {
  if (error instanceof RevisionConflict) return "conflict";
  if (error instanceof OutcomeUnknown) return "unknown";
  return error instanceof StoreUnavailable ? "unavailable" : "failed";
}

/** Of a stream, all but whose it is. */
function categoryOf(stream: string): string {
  return stream.slice(0, stream.indexOf("-"));
}
