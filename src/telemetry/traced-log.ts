import type { Span } from "@opentelemetry/api";
import type {
  AppendResult,
  EventStore,
  EventToAppend,
  Page,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  StreamPage,
  SubscribeOptions,
} from "../stores/event-store/event-store.ts";
import { endSpan, startSpan } from "./tracing.ts";

/** An append holds the commands of many requests: so many of them see it in their trace. */
const tracesPerAppendMax = 32;

/** The same log; each append is a span in the trace of every request whose events it holds. */
export function tracedLog(log: EventStore): EventStore {
  return new TracedLog(log);
}

class TracedLog implements EventStore {
  readonly logId: string;
  readonly soleWriter: boolean;
  private readonly log: EventStore;

  constructor(log: EventStore) {
    this.logId = log.logId;
    this.soleWriter = log.soleWriter;
    this.log = log;
  }

  async append(
    stream: string,
    expectedRevision: number,
    events: readonly EventToAppend[],
  ): Promise<AppendResult> {
    const spans = spansOf(stream, expectedRevision, events);
    try {
      const appended = await this.log.append(stream, expectedRevision, events);
      for (const span of spans) {
        span.setAttribute("cartwright.stream.revision", appended.revision);
        endSpan(span);
      }
      return appended;
    } catch (error) {
      for (const span of spans) endSpan(span, error);
      throw error;
    }
  }

  readStream(stream: string, options: ReadStreamOptions): Promise<StreamPage> {
    return this.log.readStream(stream, options);
  }

  readAll(options: ReadAllOptions): Promise<Page> {
    return this.log.readAll(options);
  }

  subscribe(options: SubscribeOptions): AsyncIterable<Page> {
    return this.log.subscribe(options);
  }

  head(): Promise<Position> {
    return this.log.head();
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
}

function spansOf(stream: string, expectedRevision: number, events: readonly EventToAppend[]): Span[] {
  const correlations = new Map<string, string>();
  for (const { metadata } of events) {
    if (correlations.size === tracesPerAppendMax) break;
    if (metadata.traceparent) correlations.set(metadata.traceparent, metadata.correlationId);
  }
  const category = stream.slice(0, stream.indexOf("-"));
  return Array.from(correlations, ([parent, correlationId]) =>
    startSpan({
      name: `append ${category}`,
      parent,
      attributes: {
        "cartwright.stream.category": category,
        "cartwright.stream.expected_revision": expectedRevision,
        "cartwright.events": events.length,
        "cartwright.correlation_id": correlationId,
      },
    }),
  );
}
