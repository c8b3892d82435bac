import { Worker } from "node:worker_threads";
import { StoreDamaged, StoreUnavailable } from "../stores/event-store/event-store.ts";
import { InvalidCursor } from "../stores/view-store/view-store.ts";
import type { StoredDocuments } from "./threads/projection-worker.ts";
import type { QueryTable } from "./threads/query-worker.ts";
import type { WorkerData } from "./threads/worker-data.ts";
import { clientOf, type WorkerClient } from "./threads/worker-rpc.ts";

/** Reads that wait for the thread or run in it; one more is refused. */
const underWayMax = 256;
/** Holds the index of the catalog besides: about 2 kB a product. */
const heapMbMax = 1_024;
const nurseryMb = 16;

/**
 * Expensive reads, in a thread of their own: whatever they walk through, the thread that takes commands goes on.
 * They run one after the other. The thread starts with the first of them.
 */
export class Queries {
  private readonly workerData: WorkerData;
  private worker: WorkerClient | undefined;
  private underWay = 0;

  constructor(workerData: WorkerData) {
    this.workerData = workerData;
  }

  /** @throws StoreUnavailable when too many are under way; InvalidCursor; what the view store throws */
  async run<K extends keyof QueryTable>(
    name: K,
    input: Parameters<QueryTable[K]>[0],
  ): Promise<Awaited<ReturnType<QueryTable[K]>>> {
    if (this.underWay >= underWayMax) throw new StoreUnavailable("too many expensive reads are under way");
    this.worker ??= this.start();
    const { worker } = this;
    this.underWay++;
    try {
      return await worker.call<Awaited<ReturnType<QueryTable[K]>>>(name, input);
    } catch (error) {
      if (this.worker === worker) throw asThrown(error);
      throw new StoreUnavailable("the thread of queries has died, and starts again", { cause: error });
    } finally {
      this.underWay--;
    }
  }

  /** Starts the thread and has it read what it keeps, so that no reader waits for that. */
  async warm(): Promise<void> {
    await this.run("products", { limit: 1 });
  }

  /** Another generation of some model is the live one now. */
  flipped(): void {
    void this.worker?.call("flipped").catch(() => {});
  }

  /** Another process has come further with the catalog. */
  look(): void {
    void this.worker?.call("look").catch(() => {});
  }

  /** Documents have changed that the thread may keep something of. */
  stored(stored: StoredDocuments): void {
    void this.worker?.call("stored", stored).catch(() => {});
  }

  async close(): Promise<void> {
    const { worker } = this;
    if (!worker) return;
    await worker.call("stop").catch(() => {});
    await worker.terminate();
  }

  private start(): WorkerClient {
    const thread = new Worker(new URL("./threads/query-worker.ts", import.meta.url), {
      workerData: this.workerData,
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax, maxYoungGenerationSizeMb: nurseryMb },
    });
    // The next read starts it again.
    const onDeath = () => {
      this.worker = undefined;
    };
    return clientOf(thread, () => {}, onDeath);
  }
}

/** An error that comes from a thread keeps its name and has lost its class. */
function asThrown(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const classes = { InvalidCursor, StoreDamaged, StoreUnavailable };
  const known = Object.entries(classes).find(([name]) => name === error.name)?.[1];
  if (!known) return error;
  const thrown = new known(error.message, { cause: error });
  // The thread reads nothing but the read models.
  return thrown instanceof StoreUnavailable ? thrown.of("views") : thrown;
}
