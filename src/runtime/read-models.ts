import { setTimeout as sleep } from "node:timers/promises";
import type { AnyProjection } from "../engine/projection.ts";
import type { Unparked } from "../engine/read/fold.ts";
import type { ModelProgress } from "../engine/read/projector.ts";
import { type EventStore, earliest, logStart, type Position } from "../stores/event-store/event-store.ts";
import type { ParkedDocument, ViewModel, ViewStore } from "../stores/view-store/view-store.ts";
import { ChangedDocuments } from "./changed-documents.ts";
import type { ModelsSource, Told } from "./models-source.ts";
import { Rebuilds } from "./rebuilds.ts";
import type { StoredDocuments } from "./threads/projection-worker.ts";
import type { WorkerData } from "./threads/worker-data.ts";

const waitersMax = 20_000;

/** Of a model that nothing is known of yet. */
const untold = { position: logStart, generation: 0, lastEventTime: 0, parked: 0 };

interface Waiter {
  name: string;
  position: Position;
  wake: () => void;
}

export interface ReadModelsOptions {
  events: EventStore;
  /** For reading; called once there is something to read. */
  openViews: () => Promise<ViewStore>;
  /** Other processes write the read models too: which generation is live is asked each time. */
  isShared: boolean;
  projections: readonly AnyProjection[];
  worker: WorkerData;
  sourceOf: (told: Told, model: (name: string) => Promise<ViewModel>) => ModelsSource;
  onProgress: (progress: readonly ModelProgress[]) => void;
  onStored: (stored: StoredDocuments) => void;
  /** Another generation of a model is the live one now. */
  onFlip: () => void;
  /** The projecting thread has died: nothing would be projected any more. */
  onDeath: (error: Error) => void;
}

/** The read models as this process sees them: read here, and rebuilt by threads. */
export class ReadModels {
  private readonly options: ReadModelsOptions;
  private readonly source: ModelsSource;
  private readonly open = new Map<string, Promise<ViewModel>>();
  private progressByName = new Map<string, ModelProgress>();
  readonly rebuilds: Rebuilds;
  /** What has changed of the catalog; where other processes change it too, nobody tells. */
  readonly changedCatalog: ChangedDocuments;
  private readonly waiters = new Set<Waiter>();
  private views: ViewStore | undefined;
  private died: Error | undefined;

  private constructor(options: ReadModelsOptions) {
    this.options = options;
    this.changedCatalog = new ChangedDocuments(!options.isShared);
    this.source = options.sourceOf(
      {
        progress: (progress) => this.onProgress(progress),
        stored: (stored) => {
          this.changedCatalog.changed(stored.keys);
          options.onStored(stored);
        },
        died: (error) => {
          this.died = error;
          options.onDeath(error);
        },
      },
      (name) => this.model(name),
    );
    this.rebuilds = new Rebuilds(
      {
        pause: (name) => this.source.pause(name),
        resume: (name) => this.source.resume(name),
        reached: (name, position, timeoutMs) => this.isLevel(name, position, timeoutMs),
        flipped: (name) => {
          this.views?.refresh();
          this.open.delete(name);
          if (name === "catalog") this.changedCatalog.changed();
          options.onFlip();
        },
      },
      options.worker,
    );
  }

  /**
   * @param projecting this process makes what is missing before it can be read; else it has to be there
   * @throws what kept the models from being opened
   */
  static async start(
    options: ReadModelsOptions,
    { projecting }: { projecting: boolean },
  ): Promise<ReadModels> {
    const models = new ReadModels(options);
    try {
      if (projecting) await models.source.start();
      models.views = await options.openViews();
      if (!projecting) await models.source.start();
      return models;
    } catch (error) {
      await models.stop();
      throw error;
    }
  }

  /** What the projecting thread died of: what is read stays as it was then. */
  get death(): Error | undefined {
    return this.died;
  }

  get names(): string[] {
    return this.options.projections.map(({ name }) => name);
  }

  /** As this program writes it. */
  versionOf(name: string): number | undefined {
    return this.options.projections.find((projection) => projection.name === name)?.version;
  }

  /** The live generation, for reading. @throws StoreDamaged, StoreUnavailable */
  model(name: string): Promise<ViewModel> {
    const opened = this.open.get(name);
    if (opened) return opened;
    const projection = this.options.projections.find((candidate) => candidate.name === name);
    if (!projection) throw new Error(`there is no read model ${name}`);
    if (!this.views) throw new Error("the read models are not open");
    if (this.options.isShared) return this.views.open(projection);
    const opening = this.views.open(projection);
    opening.catch(() => this.open.delete(name));
    this.open.set(name, opening);
    return opening;
  }

  /** The log has grown. */
  appended(): void {
    this.source.appended();
  }

  progress(name: string): ModelProgress {
    return this.progressByName.get(name) ?? { name, ...untold };
  }

  /** Waits until a model has applied everything up to a position. @returns whether it has, in time */
  async reached(name: string, position: Position, timeoutMs: number): Promise<boolean> {
    const endsAt = performance.now() + timeoutMs;
    for (;;) {
      if (await this.has(name, position)) return true;
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0 || this.waiters.size >= waitersMax) return false;
      await this.news(name, position, leftMs);
    }
  }

  /** Until a generation of the model is told to be there, which may not be the live one any more. */
  private async news(name: string, position: Position, timeoutMs: number): Promise<void> {
    const over = new AbortController();
    const waiter: Waiter = { name, position, wake: () => over.abort() };
    this.waiters.add(waiter);
    this.source.hurry();
    try {
      await sleep(timeoutMs, undefined, { signal: over.signal, ref: false });
    } catch {
      // Woken.
    } finally {
      this.waiters.delete(waiter);
    }
  }

  /**
   * Whether the model that is read has applied everything up to a position. What is known of one generation says nothing
   * of another, which may just have become the live one.
   */
  async has(name: string, position: Position): Promise<boolean> {
    const progress = this.progress(name);
    if (progress.position < position) return false;
    return !this.options.isShared || (await this.model(name)).generation === progress.generation;
  }

  /** As `reached`, for what a failing model need not be waited for. */
  private async isLevel(name: string, position: Position, timeoutMs: number): Promise<boolean> {
    return !this.progress(name).failure && (await this.reached(name, position, timeoutMs));
  }

  /**
   * Waits until models stand at the end of the log as it is now. One that fails is not waited for.
   * @param onWait told each second which one is waited for, and how far the last of them is
   */
  async caughtUp(
    timeoutMs = Number.MAX_SAFE_INTEGER,
    onWait?: (name: string, lowest: Position, head: Position) => Promise<void>,
    names: readonly string[] = this.names,
  ): Promise<boolean> {
    const head = await this.options.events.head();
    const deadline = Date.now() + timeoutMs;
    for (const name of names) {
      while (!(await this.reached(name, head, Math.min(1_000, deadline - Date.now())))) {
        if (this.progress(name).failure) break;
        const positions = names.map((each) => this.progress(each).position);
        await onWait?.(name, earliest(head, ...positions), head);
        if (Date.now() >= deadline) return false;
      }
    }
    return true;
  }

  parked(name: string): Promise<ParkedDocument[]> {
    return this.source.parked(name);
  }

  /** @returns undefined when the key is not parked */
  unpark(name: string, key: string, how: "retry" | "skip"): Promise<Unparked | undefined> {
    return this.source.unpark(name, key, how);
  }

  private onProgress(progress: readonly ModelProgress[]): void {
    this.progressByName = new Map(progress.map((each) => [each.name, each]));
    for (const waiter of this.waiters) {
      if (this.progress(waiter.name).position >= waiter.position) waiter.wake();
    }
    this.options.onProgress(progress);
  }

  async stop(): Promise<void> {
    await this.rebuilds.close();
    // Readers first: the last to close a file is then the one that may tidy it up.
    await this.views?.close();
    await this.source.stop();
  }
}
