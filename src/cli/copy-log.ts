import { setTimeout as sleep } from "node:timers/promises";
import { logStateStream } from "../../commands/log/log-state.ts";
import {
  type AppendResult,
  appendBytesMax,
  type EventStore,
  type EventToAppend,
  logStart,
  OutcomeUnknown,
  type Position,
  RevisionConflict,
  StoreUnavailable,
} from "../stores/event-store/event-store.ts";
import { dataTextOf } from "./compare-logs.ts";
import { Refused } from "./session.ts";

const pageEvents = 2_000;
const appendEventsMax = 1_000;
/** Of data and metadata in appends that are not answered yet. */
const inFlightBytesMax = 16 * 1024 * 1024;
/** How long an append that fails is sent again before the copy gives up. */
const againMsMax = 120_000;
const againPauseMs = 100;
const againPauseMsMax = 2_000;

/** Consecutive events of one stream: they go out in one append. */
interface Run {
  stream: string;
  expectedRevision: number;
  events: EventToAppend[];
  bytes: number;
  /** Of its last event, in the source. */
  position: Position;
}

export interface CopyOptions {
  from: EventStore;
  to: EventStore;
  /** The target holds what the source has up to here, inclusive. */
  after: Position;
  /** Appends that may be unanswered at once. */
  inFlightMax: number;
  /** Called as appends are answered: events copied so far, and the source's position of the last. */
  onCopied: (count: number, position: Position) => void;
}

export interface Copied {
  events: number;
  appends: number;
  /** In the source, of the last event looked at. */
  position: Position;
}

/**
 * Appends what the source holds behind a position to the target, in the source's order and at its revisions, to the
 * source's end as it is met. Several appends are under way at once; the positions that come back prove that they
 * landed in the order they were sent.
 *
 * @throws Refused when somebody else writes the target, or when appends have landed in another order
 */
export async function copyLog(options: CopyOptions): Promise<Copied> {
  const { from, onCopied } = options;
  const appends = new OrderedAppends(options);
  let { after } = options;
  for (;;) {
    const page = await from.readAll({ after, maxCount: pageEvents, withMetadata: true });
    if (page.scannedTo <= after) break;
    after = page.scannedTo;
    // A run goes on over the end of a page only as another append: it is as good.
    let run: Run | undefined;
    for (const event of page.events) {
      if (event.stream === logStateStream) continue;
      const { id, type, position, revision, stream } = event;
      const { time, ...others } = event.metadata;
      const copy = { id, type, data: dataTextOf(event), metadata: { time, ...others } };
      const bytes = Buffer.byteLength(copy.data) + Buffer.byteLength(JSON.stringify(copy.metadata));
      const fits =
        run?.stream === stream && run.bytes + bytes <= appendBytesMax && run.events.length < appendEventsMax;
      if (run && fits) {
        run.events.push(copy);
        run.bytes += bytes;
        run.position = position;
        continue;
      }
      if (run) await appends.send(run);
      run = { stream, expectedRevision: revision - 1, events: [copy], bytes, position };
    }
    if (run) await appends.send(run);
    onCopied(appends.events, appends.position);
  }
  await appends.settleAll();
  onCopied(appends.events, after);
  return { events: appends.events, appends: appends.count, position: after };
}

type Outcome = { result: AppendResult } | { error: unknown };

interface InFlight {
  run: Run;
  outcome: Promise<Outcome>;
}

/** Sends appends of different streams without waiting for each, and holds their answers against the order sent. */
class OrderedAppends {
  private readonly options: CopyOptions;
  private readonly inFlight: InFlight[] = [];
  private bytes = 0;
  private lastInTarget: Position = logStart;
  events = 0;
  count = 0;
  /** In the source, of the last event known to be in the target. */
  position: Position;

  constructor(options: CopyOptions) {
    this.options = options;
    this.position = options.after;
  }

  async send(run: Run): Promise<void> {
    while (
      this.inFlight.length >= this.options.inFlightMax ||
      (this.inFlight.length > 0 && this.bytes + run.bytes > inFlightBytesMax)
    )
      await this.settleOldest();
    this.inFlight.push({ run, outcome: this.append(run) });
    this.bytes += run.bytes;
  }

  async settleAll(): Promise<void> {
    while (this.inFlight.length > 0) await this.settleOldest();
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
    return this.options.to.append(stream, expectedRevision, events).then(
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
