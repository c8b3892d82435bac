import { BroadcastChannel, threadId } from "node:worker_threads";
import type { Logger } from "pino";
import type { StoreName, StoreObserver } from "../stores/backends.ts";
import type { PoolUse } from "../stores/view-store/mongodb/connection.ts";
import type { MemberLag } from "../stores/view-store/mongodb/replication.ts";
import { type Counted, Measurements } from "./measurements.ts";

/** What a thread has measured is told to the one that answers for all of them so often. */
const reportEveryMs = 1_000;
/** Of slow queries, in each thread: beyond, they are only counted until the minute is over. */
const slowLogsPerMinuteMax = 60;
const minuteMs = 60_000;
/** A thread that was not heard of for so long has ended. */
const silenceMsMax = 5_000;

export interface TelemetryOptions {
  /** What the thread is for. */
  thread: string;
  log: Pick<Logger, "warn">;
  /** A call of the log or the read models that takes longer is logged. */
  slowQueryMs: number;
}

/** What a thread knows of itself besides its counts. */
interface ThreadState {
  thread: string;
  pools: [StoreName, PoolUse][];
  lags: [StoreName, readonly MemberLag[]][];
  isProjecting: boolean;
}

interface Report extends ThreadState {
  id: number;
  counted: Counted;
}

/** Observes the stores of one thread, and tells the main thread; there it holds what all of them have told. */
export class Telemetry implements StoreObserver {
  readonly #options: TelemetryOptions;
  readonly #measurements = new Measurements();
  readonly #pools = new Map<StoreName, PoolUse>();
  readonly #lags = new Map<StoreName, readonly MemberLag[]>();
  readonly #clocks = new Map<StoreName, number>();
  readonly #others = new Map<number, ThreadState & { heardAt: number }>();
  readonly #closing: (() => void)[] = [];
  #projecting = false;
  #slow = { since: 0, logged: 0, left: 0 };

  constructor(options: TelemetryOptions) {
    this.#options = options;
  }

  called(store: StoreName, operation: string, seconds: number, outcome: string): void {
    this.#measurements.called(store, operation, seconds, outcome);
  }

  asked(store: StoreName, operation: string, seconds: number, shape: () => string): void {
    const ms = seconds * 1_000;
    if (ms <= this.#options.slowQueryMs) return;
    if (!this.#maySayThatOneIsSlow()) return;
    const { log, thread } = this.#options;
    log.warn({ store, operation, shape: shape(), ms: Math.round(ms), thread }, "slow query");
  }

  /** When everything is slow, saying so of each call would make it slower. */
  #maySayThatOneIsSlow(): boolean {
    const now = performance.now();
    const { since, left } = this.#slow;
    if (this.#slow.logged === 0 || now - since >= minuteMs) {
      const { log, thread } = this.#options;
      if (left > 0) log.warn({ thread, left }, "more queries were slow than are logged in a minute");
      this.#slow = { since: now, logged: 0, left: 0 };
    }
    if (this.#slow.logged === slowLogsPerMinuteMax) {
      this.#slow.left++;
      return false;
    }
    this.#slow.logged++;
    return true;
  }

  retried(store: StoreName, operation: string): void {
    this.#measurements.retried(store, operation);
  }

  pooled(store: StoreName, use: PoolUse): void {
    this.#pools.set(store, use);
  }

  replicated(store: StoreName, lags: readonly MemberLag[]): void {
    this.#lags.set(store, lags);
  }

  clocked(store: StoreName, secondsAhead: number): void {
    this.#clocks.set(store, secondsAhead);
  }

  /** As this thread sees them: all of a process have one clock. */
  clocks(): { store: StoreName; secondsAhead: number }[] {
    return Array.from(this.#clocks, ([store, secondsAhead]) => ({ store, secondsAhead }));
  }

  /** @param is whether this thread keeps the read models up to date now */
  projecting(is: boolean): void {
    this.#projecting = is;
  }

  /** Holds what other threads tell on a channel, until it is closed. */
  listen(channelName: string): void {
    const channel = new BroadcastChannel(channelName).unref();
    channel.onmessage = (message) => {
      const { id, counted, ...state } = (message as { data: Report }).data;
      this.#measurements.add(counted);
      this.#others.set(id, { ...state, heardAt: performance.now() });
    };
    this.#closing.push(() => channel.close());
  }

  /** Tells what is measured here on a channel, until it is closed. */
  reportTo(channelName: string): void {
    const channel = new BroadcastChannel(channelName).unref();
    const report = () => {
      const counted = this.#measurements.take();
      channel.postMessage({ id: threadId, counted, ...this.#state() } satisfies Report);
    };
    const timer = setInterval(report, reportEveryMs).unref();
    this.#closing.push(() => {
      clearInterval(timer);
      report();
      channel.close();
    });
  }

  counted(): Counted {
    return this.#measurements.counted();
  }

  /** Of each thread, those of one name as one. */
  pools(): { store: StoreName; thread: string; use: PoolUse }[] {
    const sums = new Map<string, { store: StoreName; thread: string; use: PoolUse }>();
    for (const { thread, pools } of this.#states()) {
      for (const [store, use] of pools) {
        const key = `${store} ${thread}`;
        const before = sums.get(key)?.use;
        sums.set(key, { store, thread, use: before ? sumOf(before, use) : use });
      }
    }
    return [...sums.values()];
  }

  /** Whether a thread of this process keeps the read models up to date. */
  isProjecting(): boolean {
    return this.#states().some(({ isProjecting }) => isProjecting);
  }

  /** Of each member of a replica set, as whoever sees it farthest behind. */
  replicationLags(): { store: StoreName; member: string; seconds: number }[] {
    const farthest = new Map<string, { store: StoreName; member: string; seconds: number }>();
    for (const { lags } of this.#states()) {
      for (const [store, members] of lags) {
        for (const { member, seconds } of members) {
          const key = `${store} ${member}`;
          const known = farthest.get(key)?.seconds ?? 0;
          farthest.set(key, { store, member, seconds: Math.max(seconds, known) });
        }
      }
    }
    return [...farthest.values()];
  }

  close(): void {
    for (const end of this.#closing.splice(0)) end();
  }

  #state(): ThreadState {
    return {
      thread: this.#options.thread,
      pools: [...this.#pools],
      lags: [...this.#lags],
      isProjecting: this.#projecting,
    };
  }

  #states(): ThreadState[] {
    const now = performance.now();
    for (const [id, { heardAt }] of this.#others) if (now - heardAt > silenceMsMax) this.#others.delete(id);
    return [this.#state(), ...this.#others.values()];
  }
}

function sumOf(one: PoolUse, other: PoolUse): PoolUse {
  return {
    open: one.open + other.open,
    inUse: one.inUse + other.inUse,
    waiting: one.waiting + other.waiting,
    max: one.max + other.max,
  };
}
