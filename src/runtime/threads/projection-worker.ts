import { parentPort, workerData } from "node:worker_threads";
import type { AnyProjection } from "../../engine/projection.ts";
import { Projector } from "../../engine/read/projector.ts";
import { buildGenerations } from "../../engine/read/rebuild.ts";
import { openLogCheckpointer } from "../../stores/event-store/embedded/checkpointer.ts";
import { ModelOutdated } from "../../stores/view-store/view-store.ts";
import { openWorkerLog, openWorkerStores, type ProjectionWorkerData } from "./worker-data.ts";
import { serve } from "./worker-rpc.ts";

/** What was stored of the catalog; without keys, it may be any document. */
export interface StoredDocuments {
  keys?: readonly string[] | undefined;
}

const newsWaitMs = 1_000;
/** Of documents while models are built at the start: a share of what this thread's heap may be. */
const heldCharactersMax = 40 * 1024 * 1024;

if (!parentPort) throw new Error("this file is the start of a worker thread");
const { news, ...data } = workerData as ProjectionWorkerData;
const { events, embedded } = await openWorkerLog(data);
const { views, codec, projections, log } = await openWorkerStores(data, "projections");
let stopping = false;

/** Wakes the projector when the other thread has appended. A shared counter costs that thread no message. */
async function followNews(): Promise<void> {
  while (!stopping) {
    const seen = Atomics.load(news, 0);
    embedded?.notify();
    await Atomics.waitAsync(news, 0, seen, newsWaitMs).value;
  }
}

/** Builds what an older version of its projection, or of the view store, wrote. */
async function buildOutdated(): Promise<void> {
  const outdated: AnyProjection[] = [];
  for (const projection of projections) {
    try {
      await views.open(projection);
    } catch (error) {
      // The projector tries to open it again, and says what is wrong with it.
      if (!(error instanceof ModelOutdated)) continue;
      log.warn({ model: projection.name }, `${error.message}; rebuilding it`);
      outdated.push(projection);
    }
  }
  const onProgress = () => {};
  const built = await buildGenerations({
    projections: outdated,
    events,
    views,
    codec,
    heldCharactersMax,
    onProgress,
  });
  for (const { model } of built) await views.promote(model);
}

await buildOutdated();
const checkpointer = embedded && openLogCheckpointer(data.stores.dataDir);
const projector = await Projector.open({
  events,
  codec,
  models: projections.map((projection) => ({
    projection,
    open: () => {
      views.refresh();
      return views.open(projection);
    },
    ...(projection.name === "catalog" && {
      onStored: (keys?: readonly string[]) => tell("stored", { keys } satisfies StoredDocuments),
    }),
  })),
  log,
  onProgress: (progress) => {
    tell("progress", progress);
    checkpointer?.run();
  },
});

const tell = serve(parentPort, {
  pause: (name: string) => projector.pause(name),
  resume: (name: string) => projector.resume(name),
  parked: (name: string) => projector.parked(name),
  unpark: ({ name, key, how }: { name: string; key: string; how: "retry" | "skip" }) =>
    projector.unpark(name, key, how),
  stop: async () => {
    stopping = true;
    await projector.stop();
    checkpointer?.close();
    await views.close();
    await events.close();
  },
});
projector.start();
void followNews();
tell("ready", projector.progress());
