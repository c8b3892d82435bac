import {
  type AppendResult,
  type EventToAppend,
  OutcomeUnknown,
  RevisionConflict,
  StoreUnavailable,
} from "../event-store.ts";
import { type AppendBatch, BatchBuilder, conflicting, type Outcomes, perOutcome } from "./append-batch.ts";
import { formatPosition } from "./position.ts";

const appendsPendingMax = 50_000;
const eventBytesMax = 1024 * 1024;

/** Makes batches durable, in the order that they come in. */
export interface Committer {
  /**
   * @returns the outcomes, now or later
   * @throws OutcomeUnknown when it may be written; anything else says that nothing of the batch is
   */
  commit(batch: AppendBatch): Outcomes | Promise<Outcomes>;
  close(): Promise<void>;
}

interface PendingAppend {
  stream: string;
  expectedRevision: number;
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
}

/** Appends made in one turn of the event loop are one batch: one transaction, and one flush for all of it. */
export class LogWriter {
  private readonly committer: Committer;
  private readonly onAppended: () => void;
  private pending: PendingAppend[] = [];
  private builder = new BatchBuilder();
  /** Of batches that are being committed. */
  private underWay = 0;
  private readonly committing = new Set<Promise<void>>();

  constructor(committer: Committer, onAppended: () => void) {
    this.committer = committer;
    this.onAppended = onAppended;
  }

  append(stream: string, expectedRevision: number, events: readonly EventToAppend[]): Promise<AppendResult> {
    const tooLarge = events.find(({ data }) => isLonger(data, eventBytesMax));
    if (tooLarge) throw new RangeError(`a ${tooLarge.type} event is larger than ${eventBytesMax} bytes`);
    if (this.pending.length + this.underWay >= appendsPendingMax)
      throw new StoreUnavailable(`${appendsPendingMax} appends are waiting`);
    return new Promise((resolve, reject) => {
      this.builder.add(stream, expectedRevision, events);
      this.pending.push({ stream, expectedRevision, resolve, reject });
      if (this.pending.length === 1) setImmediate(() => this.flush());
    });
  }

  private flush(): void {
    const appends = this.pending;
    if (appends.length === 0) return;
    const { batch } = this.builder;
    this.pending = [];
    this.builder = new BatchBuilder();
    try {
      const outcomes = this.committer.commit(batch);
      if (outcomes instanceof Promise) this.await(appends, outcomes);
      else this.settle(appends, outcomes);
    } catch (error) {
      fail(appends, error);
    }
  }

  private await(appends: readonly PendingAppend[], outcomes: Promise<Outcomes>): void {
    this.underWay += appends.length;
    const done = outcomes
      .then(
        (known) => this.settle(appends, known),
        (error) => fail(appends, error),
      )
      .finally(() => {
        this.underWay -= appends.length;
        this.committing.delete(done);
      });
    this.committing.add(done);
  }

  private settle(appends: readonly PendingAppend[], outcomes: Outcomes): void {
    let hasWritten = false;
    for (const [index, { stream, expectedRevision, resolve, reject }] of appends.entries()) {
      const at = index * perOutcome;
      const revision = outcomes[at + 1] as number;
      if (outcomes[at] === conflicting) {
        reject(new RevisionConflict(stream, expectedRevision, revision));
      } else {
        hasWritten = true;
        resolve({ revision, position: formatPosition(outcomes[at + 2] as number) });
      }
    }
    if (hasWritten) this.onAppended();
  }

  /** Writes what is pending and waits for what is under way. */
  async close(): Promise<void> {
    this.flush();
    await Promise.all(this.committing);
    await this.committer.close();
  }
}

function fail(appends: readonly PendingAppend[], error: unknown): void {
  const failure =
    error instanceof OutcomeUnknown
      ? error
      : new StoreUnavailable(`the event log could not be written: ${String(error)}`, { cause: error });
  for (const append of appends) append.reject(failure);
}

function isLonger(text: string, bytesMax: number): boolean {
  return text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax;
}
