import { setTimeout as sleep } from "node:timers/promises";
import {
  type AppendResult,
  appendBytesMax,
  type EventMetadata,
  type EventStore,
  type EventToAppend,
  logStart,
  OutcomeUnknown,
  type Position,
  RevisionConflict,
  StoreUnavailable,
} from "../stores/event-store/event-store.ts";
import { Refused } from "./session.ts";

/** Appends under way at once on a server, unless a command is told otherwise. */
export const inFlightOnServer = 128;
/** The embedded log makes what is appended in one turn durable together. */
export const inFlightEmbedded = 2_000;
const appendEventsMax = 1_000;
/** Of data and metadata in appends that are not answered yet. */
const inFlightBytesMax = 16 * 1024 * 1024;
/** How long an append that fails is sent again before the whole is given up. */
const againMsMax = 120_000;
const againPauseMs = 100;
const againPauseMsMax = 2_000;

/** An event as it stands on another log. */
export interface CopiedEvent {
  stream: string;
  revision: number;
  id: string;
  type: string;
  /** JSON. */
  data: string;
  metadata: EventMetadata;
  /** On the other log. */
  position: Position;
}

/** Consecutive events of one stream: they go out in one append. */
interface Run {
  stream: string;
  expectedRevision: number;
  events: EventToAppend[];
  bytes: number;
  /** Of its last event, on the other log. */
  position: Position;
}

type Outcome = { result: AppendResult } | { error: unknown };

interface InFlight {
  run: Run;
  outcome: Promise<Outcome>;
}

/**
 * Appends events in their order over all streams, consecutive ones of one stream together, to a log that nobody else
 * writes. Several appends are under way at once; the positions that come back prove that they have landed in the
 * order they were sent.
 */
export class OrderedAppends {
  private readonly to: EventStore;
  private readonly inFlightMax: number;
  private readonly inFlight: InFlight[] = [];
  private bytes = 0;
  private run: Run | undefined;
  private lastInTarget: Position = logStart;
  events = 0;
  count = 0;
  /** On the other log, of the last event known to be in this one. */
  position: Position = logStart;

  /** @param inFlightMax appends that may be unanswered at once */
  constructor(to: EventStore, inFlightMax: number) {
    this.to = to;
    this.inFlightMax = inFlightMax;
  }

  /** @throws Refused when somebody else writes the log, or when appends have landed in another order */
  async add({ stream, revision, id, type, data, metadata, position }: CopiedEvent): Promise<void> {
    // The time first, as the engine writes it: the embedded log does not keep its place.
    const { time, ...others } = metadata;
    const event = { id, type, data, metadata: { time, ...others } };
    const bytes = Buffer.byteLength(data) + Buffer.byteLength(JSON.stringify(event.metadata));
    const { run } = this;
    if (
      run?.stream === stream &&
      run.bytes + bytes <= appendBytesMax &&
      run.events.length < appendEventsMax
    ) {
      run.events.push(event);
      run.bytes += bytes;
      run.position = position;
      return;
    }
    this.run = { stream, expectedRevision: revision - 1, events: [event], bytes, position };
    if (run) await this.send(run);
  }

  /** Once this has answered, everything that was added has been appended. */
  async settleAll(): Promise<void> {
    const { run } = this;
    this.run = undefined;
    if (run) await this.send(run);
    while (this.inFlight.length > 0) await this.settleOldest();
  }

  private async send(run: Run): Promise<void> {
    while (
      this.inFlight.length >= this.inFlightMax ||
      (this.inFlight.length > 0 && this.bytes + run.bytes > inFlightBytesMax)
    )
      await this.settleOldest();
    this.inFlight.push({ run, outcome: this.append(run) });
    this.bytes += run.bytes;
  }

  private async settleOldest(): Promise<void> {
    const oldest = this.inFlight.shift();
    if (!oldest) return;
    const { run } = oldest;
    let outcome = await oldest.outcome;
    if ("error" in outcome) {
      // What was sent behind it may have landed or not: nothing is sent before that is known.
      await Promise.all(this.inFlight.map((each) => each.outcome));
      outcome = { result: await this.again(run, outcome.error) };
    }
    const { position } = outcome.result;
    if (position <= this.lastInTarget)
      throw new Refused(
        `the target has taken appends in another order than they were sent, at ${run.stream}: its log is of no use. ` +
          "Empty it, and copy again with --in-flight 1",
      );
    this.lastInTarget = position;
    this.position = run.position;
    this.bytes -= run.bytes;
    this.events += run.events.length;
    this.count++;
  }

  /** The identical append settles an unknown one; one that was refused for what failed before it lands now. */
  private async again(run: Run, first: unknown): Promise<AppendResult> {
    const until = performance.now() + againMsMax;
    let error = first;
    for (let tries = 0; ; tries++) {
      const mayPass =
        error instanceof StoreUnavailable ||
        error instanceof OutcomeUnknown ||
        (error instanceof RevisionConflict && tries === 0 && error.actual < error.expected);
      if (!mayPass) throw refusalOf(run, error);
      if (performance.now() > until) throw error;
      if (!(error instanceof RevisionConflict))
        await sleep(Math.min(againPauseMs * 2 ** tries, againPauseMsMax) * (0.5 + Math.random() / 2));
      const outcome = await this.append(run);
      if ("result" in outcome) return outcome.result;
      error = outcome.error;
    }
  }

  private append({ stream, expectedRevision, events }: Run): Promise<Outcome> {
    return this.to.append(stream, expectedRevision, events).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
  }
}

function refusalOf({ stream, expectedRevision }: Run, error: unknown): unknown {
  if (error instanceof RevisionConflict)
    return new Refused(`somebody else writes the target: ${error.message}`, { cause: error });
  if (error instanceof RangeError)
    return new Refused(`revision ${expectedRevision + 1} of ${stream} cannot be copied: ${error.message}`, {
      cause: error,
    });
  return error;
}
