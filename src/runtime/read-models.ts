import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import type { AnyProjection } from "../engine/projection.ts";
import type { Comparison } from "../engine/read/compare.ts";
import type { ModelProgress } from "../engine/read/projector.ts";
import type { RebuildProgress } from "../engine/read/rebuild.ts";
import { type EventStore, earliest, logStart, type Position } from "../stores/event-store/event-store.ts";
import type { ParkedDocument, ViewModel, ViewStore } from "../stores/view-store/view-store.ts";
import type { FinishRequest } from "./threads/rebuild-worker.ts";
import type { ProjectionWorkerData, WorkerData } from "./threads/worker-data.ts";
import { clientOf, type WorkerClient } from "./threads/worker-rpc.ts";

/** Threads that rebuild at the same time. */
const rebuildWorkersMax = 2;
/** A batch and the documents it touches; told, so that the collector does not wait for gigabytes. */
const projectionHeapMbMax = 320;
const projectionNurseryMb = 24;
/** The documents of half the models, up to a bound, until they are written. */
const rebuildHeapMbMax = 400;
/** Most of what a rebuild allocates is parsed events, soon garbage: a large nursery lets them die young. */
const rebuildNurseryMb = 88;
const waitersMax = 20_000;

export interface RebuildState extends RebuildProgress {
  state: "rebuilding" | "done" | "failed";
  startedAt: number;
  comparison?: Comparison;
  error?: string;
}

interface Waiter {
  name: string;
  position: Position;
  wake: () => void;
}

export interface ReadModelsOptions {
  events: EventStore;
  /** For reading; called once the projecting thread has made what is missing. */
  openViews: () => ViewStore;
  projections: readonly AnyProjection[];
  worker: WorkerData;
  log: Logger;
  /** The projecting thread has died: nothing would be projected any more. */
  onDeath: (error: Error) => void;
}

/**
 * The read models as this process sees them: read here, kept up to date by a worker thread, rebuilt by
 * further ones.
 */
export class ReadModels {
  private readonly options: ReadModelsOptions;
  private readonly worker: WorkerClient;
  private readonly open = new Map<string, Promise<ViewModel>>();
  private progressByName = new Map<string, ModelProgress>();
  private readonly rebuilds = new Map<string, RebuildState>();
  private rebuilding = 0;
  private readonly rebuildsWaiting: (() => void)[] = [];
  private readonly rebuildWorkers = new Set<WorkerClient>();
  private readonly waiters = new Set<Waiter>();
  private views: ViewStore | undefined;
  private stopping = false;
  /** Counts the times that the log has grown; shared with the projecting thread, which waits on it. */
  private readonly news = new Int32Array(new SharedArrayBuffer(4));
  private died: Error | undefined;

  private readonly ready = Promise.withResolvers<void>();

  private constructor(options: ReadModelsOptions) {
    this.options = options;
    const thread = new Worker(new URL("./threads/projection-worker.ts", import.meta.url), {
      workerData: { ...options.worker, news: this.news } satisfies ProjectionWorkerData,
      resourceLimits: {
        maxOldGenerationSizeMb: projectionHeapMbMax,
        maxYoungGenerationSizeMb: projectionNurseryMb,
      },
    });
    this.worker = clientOf(
      thread,
      (name, data) => {
        this.onProgress(data as ModelProgress[]);
        if (name === "ready") this.ready.resolve();
      },
      (error) => {
        this.ready.reject(error);
        this.died = error;
        if (!this.stopping) options.onDeath(error);
      },
    );
  }

  /** Starts the projecting thread. @throws what kept it from opening the models */
  static async start(options: ReadModelsOptions): Promise<ReadModels> {
    const models = new ReadModels(options);
    try {
      await models.ready.promise;
      models.views = options.openViews();
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
    const opening = this.views.open(projection);
    opening.catch(() => this.open.delete(name));
    this.open.set(name, opening);
    return opening;
  }

  /** The log has grown. */
  appended(): void {
    Atomics.add(this.news, 0, 1);
    Atomics.notify(this.news, 0);
  }

  progress(name: string): ModelProgress {
    return this.progressByName.get(name) ?? { name, position: logStart, lastEventTime: 0, parked: 0 };
  }

  rebuildState(name: string): RebuildState | undefined {
    return this.rebuilds.get(name);
  }

  /** Waits until a model has applied everything up to a position. @returns whether it has, in time */
  async reached(name: string, position: Position, timeoutMs: number): Promise<boolean> {
    if (this.progress(name).position >= position) return true;
    if (timeoutMs <= 0 || this.waiters.size >= waitersMax) return false;
    const over = new AbortController();
    const waiter: Waiter = { name, position, wake: () => over.abort() };
    this.waiters.add(waiter);
    try {
      await sleep(timeoutMs, undefined, { signal: over.signal, ref: false });
    } catch {
      // Woken: it is there.
    } finally {
      this.waiters.delete(waiter);
    }
    return this.progress(name).position >= position;
  }

  /** Waits until models stand at the end of the log as it is now. One that fails is not waited for. */
  async caughtUp(
    timeoutMs = Number.MAX_SAFE_INTEGER,
    onWait?: (lowest: Position, head: Position) => Promise<void>,
    names: readonly string[] = this.names,
  ): Promise<boolean> {
    const head = await this.options.events.head();
    const deadline = Date.now() + timeoutMs;
    for (const name of names) {
      while (!(await this.reached(name, head, Math.min(1_000, deadline - Date.now())))) {
        if (this.progress(name).failure) break;
        const positions = names.map((each) => this.progress(each).position);
        await onWait?.(earliest(head, ...positions), head);
        if (Date.now() >= deadline) return false;
      }
    }
    return true;
  }

  parked(name: string): Promise<ParkedDocument[]> {
    return this.worker.call("parked", name);
  }

  unpark(name: string, key: string, how: "retry" | "skip"): Promise<boolean> {
    return this.worker.call("unpark", { name, key, how });
  }

  isRebuilding(name: string): boolean {
    return this.rebuilds.get(name)?.state === "rebuilding";
  }

  /**
   * Builds new generations beside the live ones, compares and, if asked to, promotes them. `rebuildState`
   * shows how far it is.
   * @returns what the comparison found, by model; undefined where the live one is of another version, or fails
   */
  async rebuild(names: readonly string[], promote: boolean): Promise<Map<string, Comparison | undefined>> {
    const startedAt = Date.now();
    for (const name of names) {
      if (this.isRebuilding(name)) throw new Error(`${name} is being rebuilt already`);
      this.rebuilds.set(name, { state: "rebuilding", startedAt, progress: 0, events: 0, eventsPerSecond: 0 });
    }
    const comparisons = new Map<string, Comparison | undefined>();
    const shares = Array.from({ length: Math.min(rebuildWorkersMax, names.length) }, (_, index) =>
      names.filter((_, at) => at % rebuildWorkersMax === index),
    );
    const results = await Promise.allSettled(
      shares.map((share) => this.rebuildShare(share, promote, comparisons)),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    return comparisons;
  }

  /** Waits for its turn: further rebuilds would only take memory and slow each other down. */
  private async rebuildShare(
    share: readonly string[],
    promote: boolean,
    comparisons: Map<string, Comparison | undefined>,
  ): Promise<void> {
    while (this.rebuilding >= rebuildWorkersMax)
      await new Promise<void>((resolve) => this.rebuildsWaiting.push(resolve));
    this.rebuilding++;
    try {
      await this.rebuildInWorker(share, promote, comparisons);
    } finally {
      this.rebuilding--;
      this.rebuildsWaiting.shift()?.();
    }
  }

  private async rebuildInWorker(
    share: readonly string[],
    promote: boolean,
    comparisons: Map<string, Comparison | undefined>,
  ): Promise<void> {
    const thread = new Worker(new URL("./threads/rebuild-worker.ts", import.meta.url), {
      workerData: this.options.worker,
      resourceLimits: {
        maxOldGenerationSizeMb: rebuildHeapMbMax,
        maxYoungGenerationSizeMb: rebuildNurseryMb,
      },
    });
    const worker = clientOf(
      thread,
      (_, progress) => {
        for (const name of share) this.patch(name, progress as RebuildProgress);
      },
      () => {},
    );
    this.rebuildWorkers.add(worker);
    const unfinished = new Set(share);
    try {
      await worker.call("build", share);
      for (const name of share) {
        const comparison = await this.finish(worker, name, promote);
        unfinished.delete(name);
        comparisons.set(name, comparison);
        this.patch(name, { state: "done", progress: 1, ...(comparison && { comparison }) });
      }
      await worker.call("stop");
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      for (const name of unfinished) this.patch(name, { state: "failed", error: message });
      throw error;
    } finally {
      this.rebuildWorkers.delete(worker);
      await worker.terminate();
    }
  }

  /** The live model is paused for as long as the new one needs to draw level, be compared and take over. */
  private async finish(
    worker: WorkerClient,
    name: string,
    promote: boolean,
  ): Promise<Comparison | undefined> {
    const position = await this.worker.call<Position | undefined>("pause", name);
    try {
      return await worker.call("finish", { name, position, promote } satisfies FinishRequest);
    } finally {
      if (promote) {
        this.views?.refresh();
        this.open.delete(name);
      }
      await this.worker.call("resume", name);
    }
  }

  private patch(name: string, changes: Partial<RebuildState>): void {
    const state = this.rebuilds.get(name);
    if (state) this.rebuilds.set(name, { ...state, ...changes });
  }

  private onProgress(progress: readonly ModelProgress[]): void {
    this.progressByName = new Map(progress.map((each) => [each.name, each]));
    for (const waiter of this.waiters) {
      if (this.progress(waiter.name).position >= waiter.position) waiter.wake();
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const worker of this.rebuildWorkers) await worker.terminate();
    // Readers first: the last to close a file is then the one that may tidy it up.
    await this.views?.close();
    await this.worker.call("stop").catch(() => {});
    await this.worker.terminate();
  }
}
