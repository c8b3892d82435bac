import { parentPort, workerData } from "node:worker_threads";
import { type Comparison, compareGenerations } from "../../engine/read/compare.ts";
import { buildGenerations, catchUp, type Rebuilt } from "../../engine/read/rebuild.ts";
import { type Position, StoreDamaged } from "../../stores/event-store/event-store.ts";
import { ModelOutdated } from "../../stores/view-store/view-store.ts";
import { openWorkerStores, type WorkerData } from "./worker-data.ts";
import { serve } from "./worker-rpc.ts";

if (!parentPort) throw new Error("this file is the start of a worker thread");
const { events, views, codec, projections } = openWorkerStores(workerData as WorkerData, "rebuild");
const built = new Map<string, Rebuilt>();
const progressEveryMs = 200;
/** Of documents, so that they, the page at work and what is being stored fit into this thread's heap. */
const heldCharactersMax = 60 * 1024 * 1024;
let lastToldAt = 0;

export interface FinishRequest {
  name: string;
  /** Where the live generation has paused; undefined when it fails, and so stands nowhere. */
  position: Position | undefined;
  /** Whether the new generation takes the name, or was only built to be compared. */
  promote: boolean;
}

const tell = serve(parentPort, {
  build: async (names: string[]) => {
    const chosen = projections.filter(({ name }) => names.includes(name));
    const rebuilt = await buildGenerations({
      projections: chosen,
      events,
      views,
      codec,
      heldCharactersMax,
      onProgress: (progress) => {
        const now = Date.now();
        if (now - lastToldAt < progressEveryMs) return;
        lastToldAt = now;
        tell("progress", progress);
      },
    });
    await catchUp(rebuilt, events, await events.head());
    for (const each of rebuilt) built.set(each.fold.projection.name, each);
  },
  finish: async ({ name, position, promote }: FinishRequest): Promise<Comparison | undefined> => {
    const rebuilt = built.get(name);
    if (!rebuilt) throw new Error(`${name} was not built here`);
    await catchUp([rebuilt], events, position ?? (await events.head()));
    views.refresh();
    const comparison = position === undefined ? undefined : await compareWithLive(rebuilt);
    if (promote) await views.promote(rebuilt.model);
    else await views.drop(rebuilt.model);
    built.delete(name);
    return comparison;
  },
  stop: async () => {
    await views.close();
    await events.close();
  },
});

async function compareWithLive({ model, fold }: Rebuilt): Promise<Comparison | undefined> {
  try {
    return await compareGenerations(await views.open(fold.projection), model);
  } catch (error) {
    // Another version of the projection is meant to differ; a broken one is what is to be replaced.
    if (error instanceof ModelOutdated || error instanceof StoreDamaged) return undefined;
    throw error;
  }
}
