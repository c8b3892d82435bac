import { Worker } from "node:worker_threads";
import { viewProjections } from "../../projections/all.ts";
import { planOfRebuild } from "../../src/runtime/rebuild-plan.ts";
import type { BackendsConfig } from "../../src/stores/backends.ts";
import type { RebuildWorkerData, RebuildWorkerMessage } from "./rebuild-worker.ts";
import { currency } from "./shop.ts";

export interface RebuildRound {
  /** Of the log. */
  events: number;
  documents: number;
  seconds: number;
  /** Of all threads of the process, those that read ahead or collect garbage among them. */
  cpuSeconds: number;
  threads: number;
}

/** Threads as the program itself would rebuild with; they stay, so that what is measured is warm. */
export async function withRebuildThreads<T>(
  stores: BackendsConfig,
  work: (rebuild: () => Promise<RebuildRound>) => Promise<T>,
): Promise<T> {
  const shop = { currency, timeZone: "UTC" };
  const names = viewProjections(shop).map(({ name }) => name);
  const { shares, heldCharactersMax, resourceLimits } = planOfRebuild(stores, names);
  const workers = shares.map((share) => {
    const workerData: RebuildWorkerData = { stores, names: share, heldCharactersMax, ...shop };
    return new Worker(new URL("./rebuild-worker.ts", import.meta.url), { workerData, resourceLimits });
  });
  try {
    await Promise.all(workers.map(nextMessage));
    return await work(async () => {
      const before = process.cpuUsage();
      const started = performance.now();
      const done = await Promise.all(
        workers.map((worker) => {
          const message = nextMessage(worker);
          worker.postMessage("rebuild");
          return message;
        }),
      );
      const seconds = (performance.now() - started) / 1000;
      const { user, system } = process.cpuUsage(before);
      const cpuSeconds = (user + system) / 1e6;
      const round = { events: 0, documents: 0, cpuSeconds, seconds, threads: workers.length };
      for (const message of done) {
        if (message.kind !== "done") continue;
        // Every thread goes through the whole log.
        round.events = Math.max(round.events, message.events);
        round.documents += message.documents;
      }
      return round;
    });
  } finally {
    for (const worker of workers) await worker.terminate();
  }
}

function nextMessage(worker: Worker): Promise<RebuildWorkerMessage> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
