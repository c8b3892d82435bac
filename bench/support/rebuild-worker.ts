import { parentPort, workerData } from "node:worker_threads";
import { shopEvents } from "../../commands/events.ts";
import { viewProjections } from "../../projections/all.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { buildGenerations } from "../../src/engine/read/rebuild.ts";
import { type BackendsConfig, openLog, openViews } from "../../src/stores/backends.ts";
import { createKeptViews } from "./kept-views.ts";

/** Rebuilds its share of the read models, each time it is told to: into MongoDB where one is named, else nowhere. */
export interface RebuildWorkerData {
  stores: BackendsConfig;
  names: readonly string[];
  currency: string;
  timeZone: string;
  heldCharactersMax: number;
}

export type RebuildWorkerMessage =
  | { kind: "ready" }
  | { kind: "done"; events: number; documents: number; cpuSeconds: number };

const { stores, names, heldCharactersMax, ...shop } = workerData as RebuildWorkerData;
const projections = viewProjections(shop).filter(({ name }) => names.includes(name));
const codec = createCodec(shopEvents);
const { events } = await openLog(stores, "rebuilding");
const mongo =
  stores.mongoDbUrl === undefined ? undefined : await openViews(stores, events.logId, "projections");

parentPort?.on("message", async () => {
  const before = process.threadCpuUsage();
  let read = 0;
  const onProgress = (progress: { events: number }) => {
    read = progress.events;
  };
  const views = mongo?.views ?? createKeptViews();
  const built = await buildGenerations({ projections, events, views, codec, heldCharactersMax, onProgress });
  const { user, system } = process.threadCpuUsage(before);
  let documents = 0;
  for (const { fold, model } of built) {
    if (fold.parkedCount > 0) throw new Error(`${fold.projection.name}: a document is parked`);
    documents += await model.count();
  }
  const cpuSeconds = (user + system) / 1e6;
  parentPort?.postMessage({
    kind: "done",
    events: read,
    documents,
    cpuSeconds,
  } satisfies RebuildWorkerMessage);
});
parentPort?.postMessage({ kind: "ready" } satisfies RebuildWorkerMessage);
