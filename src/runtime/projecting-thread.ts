import { Worker } from "node:worker_threads";
import type { Unparked } from "../engine/read/fold.ts";
import type { ModelProgress } from "../engine/read/projector.ts";
import type { Position } from "../stores/event-store/event-store.ts";
import type { ParkedDocument } from "../stores/view-store/view-store.ts";
import type { ModelsSource, Told } from "./models-source.ts";
import { newsOfLog, tell } from "./threads/news.ts";
import type { StoredDocuments } from "./threads/projection-worker.ts";
import type { ProjectionWorkerData, WorkerData } from "./threads/worker-data.ts";
import { clientOf, type WorkerClient } from "./threads/worker-rpc.ts";

/** A batch and the documents it touches; told, so that the collector does not wait for gigabytes. */
const heapMbMax = 320;
const nurseryMb = 24;

/** Read models that a thread of this process keeps up to date. */
export class ProjectingThread implements ModelsSource {
  private readonly worker: WorkerClient;
  private readonly news = newsOfLog();
  private readonly ready = Promise.withResolvers<void>();
  private stopping = false;
  private isTelling = false;

  /** @param takesLease waits until no other process projects */
  constructor(workerData: WorkerData, takesLease: boolean, told: Told) {
    const thread = new Worker(new URL("./threads/projection-worker.ts", import.meta.url), {
      workerData: { ...workerData, takesLease, news: this.news } satisfies ProjectionWorkerData,
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax, maxYoungGenerationSizeMb: nurseryMb },
    });
    this.worker = clientOf(
      thread,
      (name, data) => {
        if (name === "stored") return told.stored(data as StoredDocuments);
        told.progress(data as ModelProgress[]);
        if (name === "ready") this.ready.resolve();
      },
      (error) => {
        this.ready.reject(error);
        if (!this.stopping) told.died(error);
      },
    );
  }

  /** @throws what kept the thread from opening the models */
  start(): Promise<void> {
    return this.ready.promise;
  }

  /** Told once of all that was appended in one turn. */
  appended(): void {
    if (this.isTelling) return;
    this.isTelling = true;
    setImmediate(() => {
      this.isTelling = false;
      tell(this.news.appended);
    });
  }

  hurry(): void {
    tell(this.news.hurried);
  }

  pause(name: string): Promise<Position | undefined> {
    return this.worker.call("pause", name);
  }

  resume(name: string): Promise<void> {
    return this.worker.call("resume", name);
  }

  parked(name: string): Promise<ParkedDocument[]> {
    return this.worker.call("parked", name);
  }

  unpark(name: string, key: string, how: "retry" | "skip"): Promise<Unparked | undefined> {
    return this.worker.call("unpark", { name, key, how });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.worker.call("stop").catch(() => {});
    await this.worker.terminate();
  }
}
