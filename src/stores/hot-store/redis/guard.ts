/** Calls that failed in a row, after which none is made until the server has answered a probe. */
const failuresInARowMax = 5;
/** Before the first probe, and from one that failed to the next. */
const pauseMs = 1_000;
/** A timer that is later than this tells that the process itself has stood still. */
const stallMs = 10;

/** The store was not asked, or did not answer in time: what was asked of it may or may not have happened. */
export class HotStoreAway extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`the hot store is away: ${reason}`, options);
    this.name = "HotStoreAway";
  }
}

/** `hit` and `miss` are of reads, `refused` is what the server answered, `skipped` was never sent. */
export type Outcome = "hit" | "miss" | "done" | "refused" | "failed" | "skipped";
export type Observe = (operation: string, seconds: number, outcome: Outcome) => void;

export interface GuardOptions {
  /** A caller waits no longer than this, once more where this process has stood still meanwhile. */
  timeoutMs: number;
  isConnected: () => boolean;
  /** Asks whether the server is back: no caller has to wait for that. */
  probe: () => Promise<unknown>;
  observe?: Observe;
  /** Told once at every change. */
  onState?: (state: GuardState) => void;
}

export type GuardState = "ready" | "away";

/**
 * What every call to a server goes through: it waits a bounded time, and a server that has failed several times
 * in a row is left alone for a second, then asked by a probe each second until it answers.
 */
export class Guard {
  private readonly options: GuardOptions;
  private failures = 0;
  private nextProbe: NodeJS.Timeout | undefined;
  private told: GuardState | undefined;

  constructor(options: GuardOptions) {
    this.options = options;
  }

  state(): GuardState {
    return this.options.isConnected() && this.failures < failuresInARowMax ? "ready" : "away";
  }

  /** A new connection starts with a clean slate. */
  reconnected(): void {
    this.succeeded();
    this.tell();
  }

  /** Tells of a change that nobody has met in a call yet. */
  tell(): void {
    const state = this.state();
    if (state === this.told) return;
    this.told = state;
    this.options.onState?.(state);
  }

  close(): void {
    clearTimeout(this.nextProbe);
  }

  /**
   * @param outcomeOf what a result counts as; `done` when left out
   * @throws HotStoreAway, and what the server refuses the call with
   */
  async call<T>(
    operation: string,
    send: () => Promise<T>,
    outcomeOf: (result: T) => Outcome = () => "done",
  ): Promise<T> {
    this.requireOpen(operation);
    const start = performance.now();
    const observe = (outcome: Outcome) =>
      this.options.observe?.(operation, (performance.now() - start) / 1_000, outcome);
    try {
      const result = await this.inTime(send);
      this.succeeded();
      observe(outcomeOf(result));
      return result;
    } catch (error) {
      const refused = isRefusal(error);
      if (refused) this.succeeded();
      else this.failed();
      observe(refused ? "refused" : "failed");
      if (refused || error instanceof HotStoreAway) throw error;
      throw new HotStoreAway(`${operation} failed`, { cause: error });
    } finally {
      this.tell();
    }
  }

  private requireOpen(operation: string): void {
    if (this.state() === "ready") return;
    const { isConnected, observe } = this.options;
    observe?.(operation, 0, "skipped");
    this.tell();
    throw new HotStoreAway(isConnected() ? "it has failed several times in a row" : "not connected");
  }

  private succeeded(): void {
    this.failures = 0;
    clearTimeout(this.nextProbe);
    this.nextProbe = undefined;
  }

  private failed(): void {
    this.failures++;
    if (this.failures < failuresInARowMax || this.nextProbe) return;
    this.nextProbe = setTimeout(() => this.probe(), pauseMs).unref();
  }

  private async probe(): Promise<void> {
    this.nextProbe = undefined;
    try {
      await this.inTime(this.options.probe);
      this.succeeded();
    } catch (error) {
      if (isRefusal(error)) this.succeeded();
      else this.failed();
    }
    this.tell();
  }

  private inTime<T>(send: () => Promise<T>): Promise<T> {
    const { timeoutMs } = this.options;
    return new Promise((resolve, reject) => {
      const late = () => reject(new HotStoreAway(`no answer within ${timeoutMs} ms`));
      const start = performance.now();
      const wait = (atMostMs: number, then: () => void) => setTimeout(then, atMostMs);
      let timer = wait(timeoutMs, () => {
        const overdueMs = performance.now() - start - timeoutMs;
        // An answer may lie there unread: it is read in this turn of the event loop.
        if (overdueMs < stallMs) setImmediate(late);
        // This process stood still, and may not even have sent it.
        else timer = wait(timeoutMs, late);
      });
      send()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }
}

/** With these a server answers that it cannot serve for now: another one may be meant, or it is not there yet. */
const awayCodes = ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "READONLY", "NOAUTH"];

/** The server is there, and does not do what it was asked. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== "ReplyError") return false;
  return !awayCodes.some((code) => error.message.startsWith(`${code} `));
}
