/**
 * Calls that failed one after the other, after which none is made until the server has answered a probe. Of calls
 * side by side one counts: however many wait, a server has to be silent as long as for one that asks again and again.
 */
const failuresInARowMax = 5;
/** Before the first probe, and from one that failed to the next. */
const pauseMs = 1_000;
/** While somebody waits for an answer, this process looks so often whether it stands still itself. */
const lookEveryMs = 10;
/** Without a look for so long it has stood still. */
const stallMs = 20;

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
  /** A caller waits no longer than this, and once more where this process has stood still meanwhile. */
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
  private readonly pulse = new Pulse();
  private failures = 0;
  /** Which failure is the next to count. */
  private round = 0;
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
    const { round } = this;
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
      else this.failed(round);
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

  /** @param round when it was sent: beside a call that has failed meanwhile, it tells nothing new */
  private failed(round: number): void {
    if (round !== this.round) return;
    this.round++;
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
      else this.failed(this.round);
    }
    this.tell();
  }

  private async inTime<T>(send: () => Promise<T>): Promise<T> {
    const { timeoutMs } = this.options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(new HotStoreAway(`no answer within ${timeoutMs} ms`));
    this.pulse.enter();
    const start = performance.now();
    let timer = setTimeout(() => {
      // An answer may lie there unread: it is read in this turn of the event loop.
      if (!this.pulse.hasStoodStill(start)) setImmediate(giveUp);
      // It may have been sent late, or not at all.
      else timer = setTimeout(giveUp, timeoutMs);
    }, timeoutMs);
    try {
      return await Promise.race([send(), late]);
    } finally {
      clearTimeout(timer);
      this.pulse.leave();
    }
  }
}

/** Whether this process itself stands still, by a timer that should come often; it runs while somebody waits. */
class Pulse {
  private waiting = 0;
  private timer: NodeJS.Timeout | undefined;
  private lookedAt = 0;
  private stoodStillUntil = Number.NEGATIVE_INFINITY;

  enter(): void {
    this.waiting++;
    if (!this.timer) {
      this.lookedAt = performance.now();
      this.timer = setInterval(() => this.look(), lookEveryMs).unref();
    }
    this.look();
  }

  leave(): void {
    this.waiting--;
    if (this.waiting > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** @param start by `performance.now()`, no earlier than whoever asks has entered */
  hasStoodStill(start: number): boolean {
    this.look();
    return this.stoodStillUntil > start;
  }

  private look(): void {
    const now = performance.now();
    if (now - this.lookedAt > stallMs) this.stoodStillUntil = now;
    this.lookedAt = now;
  }
}

/** With these a server answers that it cannot serve for now: another one may be meant, or it is not there yet. */
const awayCodes = ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "READONLY", "NOAUTH"];

/** The server is there, and does not do what it was asked. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== "ReplyError") return false;
  return !awayCodes.some((code) => error.message.startsWith(`${code} `));
}
