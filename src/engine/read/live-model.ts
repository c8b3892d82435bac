import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Page, Position } from "../../stores/event-store/event-store.ts";
import type { ViewModel } from "../../stores/view-store/view-store.ts";
import type { Codec } from "../codec.ts";
import type { AnyProjection } from "../projection.ts";
import type { DecodedEvent } from "./events.ts";
import { Fold } from "./fold.ts";

const retryPauseMs = 500;
const retryPauseMaxMs = 10_000;

export interface ModelFailure {
  message: string;
  /** Tries that failed, one after the other. */
  failures: number;
  /** Epoch milliseconds of the first of them. */
  since: number;
}

export interface LiveModelOptions {
  projection: AnyProjection;
  /** The generation that is live now. */
  open: () => Promise<ViewModel>;
  codec: Codec;
  log: Logger;
  /** Other processes may write the model, too. */
  isShared?: boolean;
  /** Told which documents were stored or deleted; without keys, that it may be any. */
  onStored?: ((keys?: readonly string[]) => void) | undefined;
}

/** One read model on its way along the log: it follows, has paused, or has failed and tries again. */
export class LiveModel {
  private readonly options: LiveModelOptions;
  /** Absent while the model could not be opened. */
  fold: Fold | undefined;
  lastEventTime = 0;
  private failed: ModelFailure | undefined;
  private paused = false;
  private waiting: AbortController | undefined;

  private constructor(options: LiveModelOptions) {
    this.options = options;
  }

  /** Never fails: what could not be opened is tried again. */
  static async open(options: LiveModelOptions): Promise<LiveModel> {
    const live = new LiveModel(options);
    try {
      await live.reopen();
    } catch (error) {
      live.fail(error);
    }
    return live;
  }

  get failure(): ModelFailure | undefined {
    return this.failed;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  get isFollowing(): boolean {
    return this.fold !== undefined && !this.failed && !this.paused;
  }

  /** Whether nothing up to here is missing. */
  isAt(position: Position): boolean {
    return this.fold !== undefined && this.fold.checkpoint >= position;
  }

  /** Applies and stores a page. @throws what the store throws: nothing of the page counts as applied then */
  async project(events: readonly DecodedEvent[], page: Page): Promise<void> {
    const { fold } = this;
    if (!fold || fold.checkpoint >= page.scannedTo) return;
    for (const document of await fold.project(events, page.scannedTo, page.scannedEvents))
      this.options.log.error({ model: fold.projection.name, ...document }, "document parked");
    this.lastEventTime = page.events.at(-1)?.time ?? this.lastEventTime;
  }

  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const { failures, since } = this.failed ?? { failures: 0, since: Date.now() };
    this.failed = { message, failures: failures + 1, since };
    const { projection, log } = this.options;
    log.error({ err: error, model: projection.name, failures: failures + 1 }, "projecting failed");
  }

  /** Waits as long as is due before the next try, ever longer; a pause or the signal ends it. */
  async waitForRetry(signal: AbortSignal): Promise<void> {
    const exponent = Math.min((this.failed?.failures ?? 1) - 1, 10);
    const pauseMs = Math.min(retryPauseMs * 2 ** exponent, retryPauseMaxMs);
    this.waiting = new AbortController();
    const either = AbortSignal.any([signal, this.waiting.signal]);
    await sleep(pauseMs, undefined, { signal: either }).catch(() => {});
    this.waiting = undefined;
  }

  /** Goes on with the generation that is live now, from what it has stored. @throws what the store throws */
  async reopen(): Promise<void> {
    const { projection, open, codec, onStored, isShared = false } = this.options;
    const model = await open();
    if (!this.fold) {
      this.fold = await Fold.open({ projection, model, codec, onStored, isShared });
      return;
    }
    await this.fold.switchTo(model);
    // A save that failed may have stored a part, and another generation may be another's work.
    onStored?.();
  }

  /** Whether another process has made another generation the live one, or changed what is parked. */
  async isOvertaken(): Promise<boolean> {
    const { fold } = this;
    if (!fold) return false;
    const model = await this.options.open();
    if (model.generation !== fold.generation) return true;
    const stored = new Set((await model.parked()).map(({ key }) => key));
    return stored.size !== fold.parkedCount || fold.parkedDocuments.some(({ key }) => !stored.has(key));
  }

  recovered(): void {
    const { projection, log } = this.options;
    if (this.failed) log.info({ model: projection.name }, "projecting goes on");
    this.failed = undefined;
  }

  pause(): void {
    this.paused = true;
    this.waiting?.abort();
  }

  /** Stores everything, once paused. @returns where the model stands; undefined when its store fails */
  async settle(): Promise<Position | undefined> {
    if (!this.fold || this.failed) return undefined;
    try {
      await this.fold.flushAll();
      return this.fold.checkpoint;
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  /** Goes on after a pause; a model that cannot be opened then has failed, and tries again. */
  async resume(): Promise<void> {
    this.paused = false;
    try {
      await this.reopen();
      this.recovered();
    } catch (error) {
      this.fail(error);
    }
  }

  /** A model whose store is away keeps no other from being stored. */
  async flushAtEnd(): Promise<void> {
    if (!this.fold || this.failed) return;
    try {
      await this.fold.flush();
    } catch (error) {
      const { projection, log } = this.options;
      log.error({ err: error, model: projection.name }, "storing a read model at the end failed");
    }
  }
}
