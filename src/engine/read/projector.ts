import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { type EventStore, earliest, type Page, type Position } from "../../stores/event-store/event-store.ts";
import type { ParkedDocument, ViewModel } from "../../stores/view-store/view-store.ts";
import type { Codec } from "../codec.ts";
import type { DecodedEvent } from "./events.ts";
import { Fold, type FoldOptions, projectable } from "./fold.ts";

/** A model that is behind writes a document that many events change once per batch. */
const batchEventsMax = 20_000;
const retryPauseMs = 500;
const retryPauseMaxMs = 10_000;

export interface ModelProgress {
  name: string;
  position: Position;
  /** Epoch milliseconds of the newest event applied; 0 before the first. */
  lastEventTime: number;
  parked: number;
}

export interface ProjectorOptions {
  events: EventStore;
  codec: Codec;
  models: readonly Pick<FoldOptions, "projection" | "model">[];
  log: Logger;
  /** Called after every page, and when a model is held or released. */
  onProgress: (progress: readonly ModelProgress[]) => void;
}

interface Live {
  fold: Fold;
  held: boolean;
  /** It is to go on, on what this opens. */
  reopen?: (() => Promise<ViewModel>) | undefined;
  lastEventTime: number;
}

/** Keeps the live generation of every model up to date with the log, until it is stopped. */
export class Projector {
  private readonly options: ProjectorOptions;
  private readonly models: Map<string, Live>;
  private readonly stopping = new AbortController();
  private restart = new AbortController();
  /** Work between two pages: holding a model, retrying a parked document. */
  private turns: (() => Promise<void>)[] = [];
  private running: Promise<void> | undefined;

  private constructor(options: ProjectorOptions, models: Map<string, Live>) {
    this.options = options;
    this.models = models;
  }

  static async open(options: ProjectorOptions): Promise<Projector> {
    const models = new Map<string, Live>();
    for (const each of options.models) {
      const fold = await Fold.open({ ...each, codec: options.codec });
      models.set(each.projection.name, { fold, held: false, lastEventTime: 0 });
    }
    return new Projector(options, models);
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.restart.abort();
    await this.running;
  }

  progress(): ModelProgress[] {
    return [...this.models].map(([name, { fold, lastEventTime }]) => ({
      name,
      position: fold.checkpoint,
      lastEventTime,
      parked: fold.parkedCount,
    }));
  }

  /** Stops a model between two pages. @returns the position that it stands at, stored */
  hold(name: string): Promise<Position> {
    return this.betweenPages(async () => {
      const live = this.live(name);
      await live.fold.flushAll();
      live.held = true;
      return live.fold.checkpoint;
    });
  }

  /** Lets a held model go on, on the generation that is live then; while its store is away, once it is back. */
  release(name: string, open: () => Promise<ViewModel>): Promise<void> {
    return this.betweenPages(async () => {
      const live = this.live(name);
      live.reopen = open;
      await reopen(live).catch((error: unknown) =>
        this.options.log.error({ err: error, model: name }, "a read model cannot go on yet"),
      );
    });
  }

  parked(name: string): ParkedDocument[] {
    return this.live(name).fold.parkedDocuments;
  }

  unpark(name: string, key: string, how: "retry" | "skip"): Promise<boolean> {
    return this.betweenPages(() => this.live(name).fold.unpark(key, how, this.options.events));
  }

  private live(name: string): Live {
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

  private async run(): Promise<void> {
    let pauseMs = retryPauseMs;
    while (!this.stopping.signal.aborted) {
      this.restart = new AbortController();
      for (const turn of this.turns.splice(0)) await turn();
      this.options.onProgress(this.progress());
      const signal = AbortSignal.any([this.restart.signal, this.stopping.signal]);
      try {
        await this.follow(signal, () => {
          pauseMs = retryPauseMs;
        });
      } catch (error) {
        // A store that is away comes back; what was not stored is applied again.
        this.options.log.error({ err: error, pauseMs }, "projecting failed, trying again");
        await sleep(pauseMs, undefined, { signal: this.stopping.signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, retryPauseMaxMs);
      }
    }
    await this.flushAll();
  }

  /** Projects what comes until the signal aborts. @throws what the stores throw */
  private async follow(signal: AbortSignal, onPage: () => void): Promise<void> {
    for (const live of this.models.values()) await reopen(live);
    const active = [...this.models.values()].filter(({ held }) => !held);
    const [first, ...others] = active;
    if (!first) return ended(signal);
    const after = earliest(first.fold.checkpoint, ...others.map(({ fold }) => fold.checkpoint));
    for await (const page of this.options.events.subscribe({ after, batchEventsMax, signal })) {
      await this.project(active, page);
      onPage();
      // Embedded stores answer without ever waiting: calls to this thread get their turn here.
      await nextTurn();
    }
  }

  /** A model whose store is away keeps no other from being stored. */
  private async flushAll(): Promise<void> {
    for (const [model, { fold }] of this.models) {
      try {
        await fold.flush();
      } catch (error) {
        this.options.log.error({ err: error, model }, "storing a read model at the end failed");
      }
    }
  }

  /** Every model for itself: the one whose store fails is told of at the end, and applies the page again. */
  private async project(active: readonly Live[], page: Page): Promise<void> {
    const events = projectable(page.events, this.options.codec);
    const failures: unknown[] = [];
    for (const live of active) {
      if (live.fold.checkpoint >= page.scannedTo) continue;
      try {
        await this.projectOne(live, events, page);
      } catch (error) {
        failures.push(error);
      }
    }
    this.options.onProgress(this.progress());
    if (failures.length > 0) throw failures[0];
  }

  private async projectOne(live: Live, events: readonly DecodedEvent[], page: Page): Promise<void> {
    const known = new Set(live.fold.parkedDocuments.map(({ key }) => key));
    const newest = page.events.at(-1);
    await live.fold.project(events, page.scannedTo, page.scannedEvents);
    if (newest) live.lastEventTime = newest.time;
    if (live.fold.parkedCount === known.size) return;
    for (const document of live.fold.parkedDocuments)
      if (!known.has(document.key))
        this.options.log.error({ model: live.fold.projection.name, ...document }, "document parked");
  }
}

async function reopen(live: Live): Promise<void> {
  if (!live.reopen) return;
  await live.fold.switchTo(await live.reopen());
  live.reopen = undefined;
  live.held = false;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
