import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Logger } from "pino";
import type { AnyProjection } from "../engine/projection.ts";
import type { ModelProgress } from "../engine/read/projector.ts";
import { type EventStore, earliest, logStart, type Position } from "../stores/event-store/event-store.ts";
import type { ParkedDocument, ViewModel, ViewStore } from "../stores/view-store/view-store.ts";
import { Rebuilds } from "./rebuilds.ts";
import type { StoredDocuments } from "./threads/projection-worker.ts";
import type { ProjectionWorkerData, WorkerData } from "./threads/worker-data.ts";
import { clientOf, type WorkerClient } from "./threads/worker-rpc.ts";

/** A batch and the documents it touches; told, so that the collector does not wait for gigabytes. */
const projectionHeapMbMax = 320;
const projectionNurseryMb = 24;
const waitersMax = 20_000;

interface Waiter {
  name: string;
  position: Position;
  wake: () => void;
}

export interface ReadModelsOptions {
  events: EventStore;
  /** For reading; called once the projecting thread has made what is missing. */
  openViews: () => Promise<ViewStore>;
  projections: readonly AnyProjection[];
  worker: WorkerData;
  log: Logger;
  onStored: (stored: StoredDocuments) => void;
  /** Another generation of a model is the live one now. */
  onFlip: () => void;
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
  readonly rebuilds: Rebuilds;
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
    this.rebuilds = new Rebuilds(
      {
        pause: (name) => this.worker.call("pause", name),
        resume: (name) => this.worker.call("resume", name),
        reached: (name, position, timeoutMs) => this.isLevel(name, position, timeoutMs),
        flipped: (name) => {
          this.views?.refresh();
          this.open.delete(name);
          options.onFlip();
        },
      },
      options.worker,
    );
    this.worker = clientOf(
      thread,
      (name, data) => {
        if (name === "stored") return options.onStored(data as StoredDocuments);
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
      models.views = await options.openViews();
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

  /** As `reached`, for what a failing model need not be waited for. */
  private async isLevel(name: string, position: Position, timeoutMs: number): Promise<boolean> {
    return !this.progress(name).failure && (await this.reached(name, position, timeoutMs));
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

  private onProgress(progress: readonly ModelProgress[]): void {
    this.progressByName = new Map(progress.map((each) => [each.name, each]));
    for (const waiter of this.waiters) {
      if (this.progress(waiter.name).position >= waiter.position) waiter.wake();
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.rebuilds.close();
    // Readers first: the last to close a file is then the one that may tidy it up.
    await this.views?.close();
    await this.worker.call("stop").catch(() => {});
    await this.worker.terminate();
  }
}
