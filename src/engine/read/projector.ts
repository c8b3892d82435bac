import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import {
  type EventStore,
  earliest,
  logStart,
  type Page,
  type Position,
} from "../../stores/event-store/event-store.ts";
import type { ParkedDocument } from "../../stores/view-store/view-store.ts";
import { untilAborted } from "../../values/abort.ts";
import type { DecodedEvent } from "./events.ts";
import { type Fold, projectable, type Unparked } from "./fold.ts";
import { LiveModel, type LiveModelOptions, type ModelFailure } from "./live-model.ts";

/** A model that is behind writes a document that many events change once per batch. */
const batchEventsMax = 20_000;
/** What a model that stands alone reads at once, on its way back to the others. */
const catchUpEventsMax = 5_000;
const logPauseMs = 500;
const logPauseMaxMs = 10_000;
/** A checkpoint that nothing has changed is stored so soon, where other processes look at it. */
const showMs = 250;

type Look = (live: LiveModel) => Promise<void>;

export interface ModelProgress {
  name: string;
  position: Position;
  /** Which generation the position is of. */
  generation: number;
  /** Epoch milliseconds of the newest event applied; 0 before the first. */
  lastEventTime: number;
  parked: number;
  /** Why the model does not go on; it tries again by itself. */
  failure?: ModelFailure;
}

export interface ProjectorOptions {
  events: EventStore;
  codec: LiveModelOptions["codec"];
  /** `onStored` of a model is called before the progress. */
  models: readonly Pick<LiveModelOptions, "projection" | "open" | "onStored">[];
  log: Logger;
  /** Other processes may rebuild, mend and read the models: so often what they have done is looked for. */
  lookAroundMs?: number;
  /** Called after every page: what comes meanwhile is projected with the next, which comes when it resolves. */
  gather?: () => Promise<void>;
  /** Called before a model applies a page. @returns what is called once it has, or has failed */
  onPage?: (fold: Pick<Fold, "projection" | "types">, page: Page) => (error?: unknown) => void;
  /** Called after every page, and when a model pauses, resumes, fails or is well again. */
  onProgress: (progress: readonly ModelProgress[]) => void;
}

/**
 * Keeps the live generation of every model up to date with the log, until it is stopped. Models share one reading
 * of the log; one whose store fails leaves them, tries again after a pause of its own, catches up by itself and
 * joins them again.
 */
export class Projector {
  private readonly options: ProjectorOptions;
  private readonly models: Map<string, LiveModel>;
  private readonly stopping = new AbortController();
  private restart = new AbortController();
  /** Work between two pages: pausing a model, retrying a parked document. */
  private turns: (() => Promise<void>)[] = [];
  private running: Promise<void> | undefined;
  private looking: Promise<unknown> = Promise.resolve();
  private isLooking = false;
  private readonly dueLooks = new Set<Look>();
  private isInPage = false;
  private readonly recoveries = new Map<LiveModel, Promise<void>>();

  private constructor(options: ProjectorOptions, models: Map<string, LiveModel>) {
    this.options = options;
    this.models = models;
  }

  /** A model that cannot be opened keeps no other from being projected. */
  static async open(options: ProjectorOptions): Promise<Projector> {
    const models = new Map<string, LiveModel>();
    const { codec, log, lookAroundMs } = options;
    const isShared = lookAroundMs !== undefined;
    for (const each of options.models)
      models.set(each.projection.name, await LiveModel.open({ ...each, codec, log, isShared }));
    return new Projector(options, models);
  }

  start(): void {
    const { lookAroundMs } = this.options;
    const timers: NodeJS.Timeout[] = [];
    if (lookAroundMs !== undefined) {
      timers.push(setInterval(() => this.lookSoon(this.lookAround), lookAroundMs));
      timers.push(setInterval(() => this.lookSoon(this.showCheckpoint), showMs));
    }
    this.running = this.run().finally(() => {
      for (const timer of timers) clearInterval(timer);
    });
  }

  /** Whoever has another generation now, or other documents parked, goes on from what is stored. */
  private readonly lookAround = async (live: LiveModel): Promise<void> => {
    if (!(await live.isOvertaken())) return;
    await live.reopen();
    this.restart.abort();
  };

  /** Who hears of no progress sees it in the store, also of a model that the last events did not concern. */
  private readonly showCheckpoint = async ({ fold }: LiveModel): Promise<void> => fold?.flushAll();

  /** At once between two pages, else behind the page that is at work. */
  private lookSoon(look: Look): void {
    this.dueLooks.add(look);
    this.lookNow();
  }

  /** At all models at once. Pages wait for it, and a slow store is asked once at a time. */
  private lookNow(): void {
    if (this.isInPage || this.isLooking || this.stopping.signal.aborted) return;
    const [look] = this.dueLooks;
    if (!look) return;
    this.dueLooks.delete(look);
    this.isLooking = true;
    const following = [...this.models.values()].filter((live) => live.isFollowing);
    const looks = following.map((live) => look(live).catch((error: unknown) => live.fail(error)));
    this.looking = Promise.all(looks).finally(() => {
      this.isLooking = false;
      this.recoverFailed();
      // Whoever reads the models may have begun to listen just now.
      this.tell();
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.restart.abort();
    await this.running;
    await this.looking;
    await Promise.all(this.recoveries.values());
    for (const live of this.models.values()) await live.flushAtEnd();
  }

  progress(): ModelProgress[] {
    return [...this.models].map(([name, { fold, lastEventTime, failure }]) => ({
      name,
      position: fold?.checkpoint ?? logStart,
      generation: fold?.generation ?? 0,
      lastEventTime,
      parked: fold?.parkedCount ?? 0,
      ...(failure && { failure }),
    }));
  }

  /**
   * Stops a model between two pages.
   * @returns the position that it stands at, stored; undefined for a model that fails and so stands nowhere
   */
  async pause(name: string): Promise<Position | undefined> {
    const live = this.live(name);
    live.pause();
    await this.recoveries.get(live);
    return this.betweenPages(() => live.settle());
  }

  /** Lets a paused model go on, on the generation that is live then; while its store is away, once it is back. */
  resume(name: string): Promise<void> {
    return this.betweenPages(() => this.live(name).resume());
  }

  parked(name: string): ParkedDocument[] {
    return this.live(name).fold?.parkedDocuments ?? [];
  }

  /** @returns undefined when the key is not parked @throws what the model's store throws */
  unpark(name: string, key: string, how: "retry" | "skip"): Promise<Unparked | undefined> {
    return this.betweenPages(async () => {
      const { fold } = this.live(name);
      return fold?.unpark(key, how, this.options.events);
    });
  }

  private live(name: string): LiveModel {
    const live = this.models.get(name);
    if (!live) throw new Error(`there is no read model ${name}`);
    return live;
  }

  private betweenPages<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.turns.push(() => task().then(resolve, reject));
      this.restart.abort();
    });
  }

  private tell(): void {
    this.options.onProgress(this.progress());
  }

  private async run(): Promise<void> {
    let pauseMs = logPauseMs;
    while (!this.stopping.signal.aborted) {
      this.restart = new AbortController();
      await this.looking;
      this.isInPage = true;
      for (const turn of this.turns.splice(0)) await turn();
      this.isInPage = false;
      this.recoverFailed();
      this.tell();
      const signal = AbortSignal.any([this.restart.signal, this.stopping.signal]);
      try {
        await this.follow(signal, () => {
          pauseMs = logPauseMs;
        });
      } catch (error) {
        // A log that is away comes back; what was not stored is applied again.
        this.options.log.error({ err: error, pauseMs }, "following the log failed, trying again");
        await sleep(pauseMs, undefined, { signal: this.stopping.signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, logPauseMaxMs);
      }
    }
  }

  /** Projects what comes until the signal aborts. @throws what the log throws */
  private async follow(signal: AbortSignal, onPage: () => void): Promise<void> {
    const together = [...this.models.values()].filter((live) => live.isFollowing);
    const [first, ...others] = together.flatMap(({ fold }) => (fold ? [fold.checkpoint] : []));
    if (first === undefined) return untilAborted(signal);
    let after = earliest(first, ...others);
    const withMetadata = together.flatMap(({ fold }) => fold?.typesWithMetadata ?? []);
    for await (const page of this.options.events.subscribe({ after, batchEventsMax, withMetadata, signal })) {
      await this.looking;
      if (signal.aborted) return;
      this.isInPage = true;
      await this.project(together, page, after).finally(() => {
        this.isInPage = false;
      });
      after = page.scannedTo;
      onPage();
      this.lookNow();
      // Embedded stores answer without ever waiting: calls to this thread get their turn here.
      await nextTurn();
      await this.options.gather?.();
    }
  }

  /** @param after where the page begins */
  private async project(together: readonly LiveModel[], page: Page, after: Position): Promise<void> {
    const events = projectable(page.events, this.options.codec);
    for (const live of together) {
      // One that was well again in the middle of a page, and is behind its beginning, joins with the next restart.
      if (live.isFollowing && live.isAt(after)) await this.projectOne(live, events, page);
    }
    this.recoverFailed();
    this.tell();
  }

  private async projectOne(live: LiveModel, events: readonly DecodedEvent[], page: Page): Promise<void> {
    const onEnd = live.fold && this.options.onPage?.(live.fold, page);
    try {
      await live.project(events, page);
      onEnd?.();
    } catch (error) {
      onEnd?.(error);
      live.fail(error);
    }
  }

  /** Starts the way back of each model that has just failed. */
  private recoverFailed(): void {
    for (const live of this.models.values()) {
      if (!live.failure || live.isPaused || this.recoveries.has(live)) continue;
      const recovery = this.recover(live).finally(() => this.recoveries.delete(live));
      this.recoveries.set(live, recovery);
    }
  }

  /** Tries until the model is level with the log, and then lets it join the others. */
  private async recover(live: LiveModel): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted && !live.isPaused) {
      await live.waitForRetry(signal);
      if (signal.aborted || live.isPaused) return;
      try {
        await live.reopen();
        await this.catchUp(live);
        live.recovered();
        this.restart.abort();
        return;
      } catch (error) {
        live.fail(error);
        this.tell();
      }
    }
  }

  private async catchUp(live: LiveModel): Promise<void> {
    const { events, codec } = this.options;
    for (;;) {
      const { fold } = live;
      if (!fold || live.isPaused || this.stopping.signal.aborted) return;
      const { checkpoint: after, types, typesWithMetadata: withMetadata } = fold;
      const page = await events.readAll({ after, types, withMetadata, maxCount: catchUpEventsMax });
      if (page.scannedTo <= after) return;
      await live.project(projectable(page.events, codec), page);
      this.tell();
      await nextTurn();
    }
  }
}
