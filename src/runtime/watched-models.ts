import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Codec } from "../engine/codec.ts";
import type { AnyProjection } from "../engine/projection.ts";
import { Fold, type Unparked } from "../engine/read/fold.ts";
import type { ModelProgress } from "../engine/read/projector.ts";
import { type EventStore, latest, logStart } from "../stores/event-store/event-store.ts";
import type { News } from "../stores/hot-store/news.ts";
import type { ParkedDocument, ViewModel, ViewStore } from "../stores/view-store/view-store.ts";
import type { ModelsSource, Told } from "./models-source.ts";

/** How often the checkpoints are looked at: while news come of themselves, and while none do. */
const lookMs = 1_000;
const lookAloneMs = 250;

/** Before the first look. */
const nowhere = { generation: 0, position: logStart };

export interface WatchedModelsOptions {
  projections: readonly AnyProjection[];
  events: EventStore;
  codec: Codec;
  /** The live generation, for reading. */
  model: (name: string) => Promise<ViewModel>;
  /** For retrying what is parked. */
  openToWrite: () => Promise<ViewStore>;
  /** Of how far the models are, from whoever projects. */
  news: News;
  log: Logger;
  told: Told;
}

/**
 * Read models that another process keeps up to date. How far they are is heard from it and, for news may be lost,
 * looked for in the store.
 */
export class WatchedModels implements ModelsSource {
  private readonly options: WatchedModelsOptions;
  private readonly stopping = new AbortController();
  private readonly known = new Map<string, ModelProgress>();
  private watching: Promise<void> | undefined;
  private unsubscribe = () => {};
  private isHeard = false;

  constructor(options: WatchedModelsOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const { news } = this.options;
    this.unsubscribe = news.subscribe((text) => this.hear(text));
    await this.look();
    this.watching = this.watch();
  }

  /** Whoever projects hears of it by itself. */
  appended(): void {}

  /** Whoever projects for others takes no time to gather. */
  hurry(): void {}

  /** It goes on where it is projected: a rebuilt generation draws level with the log instead. */
  async pause(): Promise<undefined> {}

  /** Whoever projects looks for another generation by itself. */
  async resume(): Promise<void> {}

  async parked(name: string): Promise<ParkedDocument[]> {
    return (await this.options.model(name)).parked();
  }

  /** Here; whoever projects sees that the document is parked no longer. */
  async unpark(name: string, key: string, how: "retry" | "skip"): Promise<Unparked | undefined> {
    const { projections, openToWrite, codec, events } = this.options;
    const projection = projections.find((candidate) => candidate.name === name);
    if (!projection) throw new Error(`there is no read model ${name}`);
    const views = await openToWrite();
    try {
      const fold = await Fold.open({ projection, model: await views.open(projection), codec });
      return await fold.unpark(key, how, events);
    } finally {
      await views.close();
    }
  }

  async stop(): Promise<void> {
    this.unsubscribe();
    this.stopping.abort();
    await this.watching;
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await sleep(this.isTold ? lookMs : lookAloneMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) await this.look();
    }
  }

  /** News come of themselves. */
  private get isTold(): boolean {
    return this.options.news.state() === "ready" && this.isHeard;
  }

  /**
   * Stored checkpoints follow at a distance, so what was heard of a generation stays true. Another one, rolled back to
   * or new, may be behind the one before.
   */
  private async look(): Promise<void> {
    for (const { name } of this.options.projections) {
      try {
        const model = await this.options.model(name);
        const { generation } = model;
        const stored = await model.checkpoint();
        const before = this.known.get(name) ?? { name, lastEventTime: 0, parked: 0, ...nowhere };
        const isKnown = before.generation === generation;
        const position = isKnown ? latest(before.position, stored) : stored;
        const parked = (await model.parked()).length;
        this.learn(name, { ...before, generation, position, parked });
      } catch (error) {
        this.options.log.warn({ err: error, model: name }, "how far a read model is cannot be seen");
      }
    }
    this.tell();
  }

  /** A model that fails stands where it was stored: what it had reached before, it has reached. */
  private hear(text: string): void {
    const told = JSON.parse(text) as ModelProgress[];
    this.isHeard = true;
    for (const each of told) {
      const seen = this.known.get(each.name);
      if (seen?.generation !== each.generation) continue;
      const { position, lastEventTime } = each.position >= seen.position ? each : seen;
      this.learn(each.name, { ...each, position, lastEventTime });
    }
    this.tell();
  }

  /** What is parked no longer was stored at a position of before: nobody finds it by what has changed since. */
  private learn(name: string, progress: ModelProgress): void {
    const before = this.known.get(name);
    this.known.set(name, progress);
    if (before && progress.parked < before.parked && name === "catalog") this.options.told.stored({});
  }

  private tell(): void {
    this.options.told.progress([...this.known.values()]);
  }
}
