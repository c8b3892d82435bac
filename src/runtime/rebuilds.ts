import { Worker } from "node:worker_threads";
import type { Comparison } from "../engine/read/compare.ts";
import { type RebuildProgress, RebuildStopped } from "../engine/read/rebuild.ts";
import type { Position } from "../stores/event-store/event-store.ts";
import { planOfRebuild, type RebuildPlan, rebuildThreadsMax } from "./rebuild-plan.ts";
import type { Approach, BuildRequest, FinishRequest } from "./threads/rebuild-worker.ts";
import type { WorkerData } from "./threads/worker-data.ts";
import { clientOf, type WorkerClient } from "./threads/worker-rpc.ts";

/** So close that drawing level takes no time worth mentioning, while the live model pauses for it. */
const closeEventsMax = 500;
const closeDocumentsMax = 500;
const approachesMax = 8;
/** The live model may be behind, or stuck: then it is compared while it pauses. */
const liveWaitMsMax = 30_000;

export interface RebuildState extends RebuildProgress {
  state: "rebuilding" | "done" | "failed" | "stopped";
  startedAt: number;
  comparison?: Comparison;
  /** How long the live model paused for the new one to take over. */
  pausedMs?: number;
  error?: string;
}

/** What rebuilds ask of the live models. */
export interface LiveModels {
  pause(name: string): Promise<Position | undefined>;
  resume(name: string): Promise<void>;
  reached(name: string, position: Position, timeoutMs: number): Promise<boolean>;
  /** Another generation is the live one now. */
  flipped(name: string): void;
}

/** Rebuilds of read models, each in a thread beside the live one. */
export class Rebuilds {
  private readonly live: LiveModels;
  private readonly workerData: WorkerData;
  private readonly states = new Map<string, RebuildState>();
  private running = 0;
  private readonly turns: (() => void)[] = [];
  private readonly workers = new Map<WorkerClient, readonly string[]>();
  private readonly stopped = new Set<string>();

  constructor(live: LiveModels, workerData: WorkerData) {
    this.live = live;
    this.workerData = workerData;
  }

  stateOf(name: string): RebuildState | undefined {
    return this.states.get(name);
  }

  isRunning(name: string): boolean {
    return this.states.get(name)?.state === "rebuilding";
  }

  /**
   * Builds new generations beside the live ones, compares and, if asked to, promotes them.
   * @returns what the comparison found, by model; undefined where the live one is of another version, or fails
   * @throws RebuildStopped, by its name; what the stores throw
   */
  async run(names: readonly string[], promote: boolean): Promise<Map<string, Comparison | undefined>> {
    for (const name of names) this.begin(name);
    const comparisons = new Map<string, Comparison | undefined>();
    const plan = planOfRebuild(this.workerData.stores, names);
    const { heldCharactersMax } = plan;
    const results = await Promise.allSettled(
      plan.shares.map((share) =>
        this.inWorker(share, plan, async (worker) => {
          await worker.call("build", { names: share, heldCharactersMax } satisfies BuildRequest);
          await this.takeOverAll(worker, share, promote, comparisons);
        }),
      ),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    return comparisons;
  }

  /**
   * Makes the generation before the live one again, once it has drawn level.
   * @returns false, and changes nothing, when there is none
   */
  async rollback(name: string): Promise<boolean> {
    this.begin(name);
    return this.inWorker([name], planOfRebuild(this.workerData.stores, [name]), async (worker) => {
      const isThere = await worker.call<boolean>("openPrevious", name);
      if (!isThere) this.states.delete(name);
      else await this.takeOver(worker, name, "rollback");
      return isThere;
    });
  }

  /** Ends a rebuild that is under way, and those that share its thread. @returns false when there is none */
  async stop(name: string): Promise<boolean> {
    if (!this.isRunning(name)) return false;
    for (const [worker, share] of this.workers) {
      if (!share.includes(name)) continue;
      for (const each of share) this.stopped.add(each);
      await worker.call("abort");
      return true;
    }
    // It waits for its turn.
    this.stopped.add(name);
    return true;
  }

  /** Stops what is under way. */
  async close(): Promise<void> {
    for (const [name, { state }] of this.states) if (state === "rebuilding") this.stopped.add(name);
    for (const worker of this.workers.keys()) await worker.terminate();
  }

  private begin(name: string): void {
    if (this.isRunning(name)) throw new Error(`${name} is being rebuilt already`);
    const none = { progress: 0, events: 0, eventsPerSecond: 0 };
    this.states.set(name, { state: "rebuilding", startedAt: Date.now(), ...none });
  }

  /** Waits for its turn: further rebuilds would only take memory and slow each other down. */
  private async inWorker<T>(
    share: readonly string[],
    plan: RebuildPlan,
    task: (worker: WorkerClient) => Promise<T>,
  ): Promise<T> {
    while (this.running >= rebuildThreadsMax) await new Promise<void>((resolve) => this.turns.push(resolve));
    this.running++;
    const worker = this.startWorker(share, plan);
    this.workers.set(worker, share);
    try {
      this.requireNotStopped(share);
      const result = await task(worker);
      await worker.call("stop");
      return result;
    } catch (error) {
      await worker.call("discard").catch(() => {});
      this.fail(share, error);
      throw error;
    } finally {
      for (const name of share) this.stopped.delete(name);
      this.workers.delete(worker);
      await worker.terminate();
      this.running--;
      this.turns.shift()?.();
    }
  }

  private startWorker(share: readonly string[], { resourceLimits }: RebuildPlan): WorkerClient {
    const file = new URL("./threads/rebuild-worker.ts", import.meta.url);
    const thread = new Worker(file, { workerData: this.workerData, resourceLimits });
    const onProgress = (_: string, progress: unknown) => {
      for (const name of share) this.patch(name, progress as RebuildProgress);
    };
    return clientOf(thread, onProgress, () => {});
  }

  private fail(share: readonly string[], error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    for (const name of share) {
      if (!this.isRunning(name)) continue;
      const isStopped = this.stopped.has(name);
      this.patch(name, isStopped ? { state: "stopped" } : { state: "failed", error: message });
    }
  }

  private requireNotStopped(share: readonly string[]): void {
    if (share.some((name) => this.stopped.has(name))) throw new RebuildStopped();
  }

  private async takeOverAll(
    worker: WorkerClient,
    share: readonly string[],
    promote: boolean,
    comparisons: Map<string, Comparison | undefined>,
  ): Promise<void> {
    for (const name of share) {
      this.requireNotStopped(share);
      await worker.call("seal", name);
      comparisons.set(name, await this.takeOver(worker, name, promote ? "promote" : "drop"));
    }
  }

  /** The live model goes on until the new one has come close and was compared; only the last stretch pauses it. */
  private async takeOver(
    worker: WorkerClient,
    name: string,
    how: FinishRequest["how"],
  ): Promise<Comparison | undefined> {
    for (let approaches = 1; ; approaches++) {
      const { read, position } = await worker.call<Approach>("approach", name);
      this.requireNotStopped([name]);
      const isLevel = await this.live.reached(name, position, liveWaitMsMax);
      const isCompared = how !== "rollback" && isLevel;
      const undecided = isCompared ? await worker.call<number>("compare", name) : 0;
      if (approaches >= approachesMax) break;
      if (approaches > 1 && read <= closeEventsMax && undecided <= closeDocumentsMax) break;
    }
    const pausedAt = performance.now();
    const position = await this.live.pause(name);
    try {
      const comparison = await worker.call<Comparison | undefined>("finish", {
        name,
        position,
        how,
      } satisfies FinishRequest);
      this.patch(name, { state: "done", progress: 1, ...(comparison && { comparison }) });
      return comparison;
    } finally {
      if (how !== "drop") this.live.flipped(name);
      await this.live.resume(name);
      this.patch(name, { pausedMs: Math.round(performance.now() - pausedAt) });
    }
  }

  private patch(name: string, changes: Partial<RebuildState>): void {
    const state = this.states.get(name);
    if (state) this.states.set(name, { ...state, ...changes });
  }
}
