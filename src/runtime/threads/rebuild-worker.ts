import { parentPort, workerData } from "node:worker_threads";
import { type Comparison, GenerationComparison } from "../../engine/read/compare.ts";
import { Fold } from "../../engine/read/fold.ts";
import { whyRebuild } from "../../engine/read/going-on.ts";
import { buildGenerations, catchUp, type Rebuilt } from "../../engine/read/rebuild.ts";
import { type Position, StoreDamaged } from "../../stores/event-store/event-store.ts";
import { ModelOutdated } from "../../stores/view-store/view-store.ts";
import { standBack } from "./priority.ts";
import { openWorkerLog, openWorkerStores, type WorkerData } from "./worker-data.ts";
import { serve } from "./worker-rpc.ts";

if (!parentPort) throw new Error("this file is the start of a worker thread");
standBack();
const data = workerData as WorkerData;
const { events } = await openWorkerLog(data, "rebuild", "rebuilding");
const { views, codec, projections } = await openWorkerStores(data, "rebuild");

interface Generation extends Rebuilt {
  /** Under way; absent where the live generation cannot be compared, or has not been looked at. */
  comparison?: GenerationComparison | undefined;
}

const generations = new Map<string, Generation>();
const stopping = new AbortController();
const progressEveryMs = 200;
let lastToldAt = 0;

export interface BuildRequest {
  names: readonly string[];
  /** Of documents in memory. */
  heldCharactersMax: number;
}

export interface FinishRequest {
  name: string;
  /** Where the live generation has paused; undefined when it fails, and so stands nowhere, or goes on elsewhere. */
  position: Position | undefined;
  /** How the generation takes the name; `drop` when it was only built to be compared. */
  how: "promote" | "rollback" | "drop";
}

/** How far a generation has come beside the live one, which goes on. */
export interface Approach {
  position: Position;
  /** How many events of the log it was behind. */
  read: number;
}

const tell = serve(parentPort, {
  build: async ({ names, heldCharactersMax }: BuildRequest): Promise<void> => {
    const rebuilt = await buildGenerations({
      projections: projections.filter(({ name }) => names.includes(name)),
      events,
      views,
      codec,
      heldCharactersMax,
      signal: stopping.signal,
      onProgress: (progress) => {
        const now = Date.now();
        if (now - lastToldAt < progressEveryMs) return;
        lastToldAt = now;
        tell("progress", progress);
      },
    });
    for (const each of rebuilt) generations.set(each.fold.projection.name, each);
  },
  /** @returns whether there is a generation to go back to */
  openPrevious: async (name: string): Promise<boolean> => {
    const projection = projections.find((candidate) => candidate.name === name);
    const model = projection && (await views.previous(projection));
    if (!model) return false;
    const reason = await whyRebuild(await model.savedCheckpoint(), events);
    if (reason !== undefined) throw new StoreDamaged(`${name} cannot be taken back: ${reason}`);
    generations.set(name, { codec, model, fold: await Fold.open({ projection, model, codec }) });
    return true;
  },
  approach: async (name: string): Promise<Approach> => {
    const generation = generationOf(name);
    const read = await catchUp([generation], events, await events.head());
    return { read, position: generation.fold.checkpoint };
  },
  seal: async (name: string): Promise<void> => views.seal(generationOf(name).model),
  /** The live generation has come to where this one stands. @returns how many documents are still undecided */
  compare: async (name: string): Promise<number> => {
    const generation = generationOf(name);
    const { checkpoint } = generation.fold;
    if (generation.comparison) await generation.comparison.lookAgain(checkpoint);
    else await startComparison(generation);
    return generation.comparison?.undecidedCount ?? 0;
  },
  finish: async ({ name, position, how }: FinishRequest): Promise<Comparison | undefined> => {
    const generation = generationOf(name);
    const takeTo = async (to: Position) => void (await catchUp([generation], events, to));
    // The live one goes on elsewhere, or fails and was not compared.
    let comparison = position === undefined ? await generation.comparison?.settle(takeTo) : undefined;
    await takeTo(position ?? (await events.head()));
    // The live one was too far behind to be compared on the way.
    if (position !== undefined && how !== "rollback" && !generation.comparison)
      await startComparison(generation);
    if (position !== undefined) comparison = await generation.comparison?.end();
    if (how === "promote") await views.promote(generation.model);
    else if (how === "rollback") await views.rollback(name);
    else await views.drop(generation.model);
    generations.delete(name);
    return comparison;
  },
  abort: () => stopping.abort(),
  /** Drops what was built and has not taken over. */
  discard: async (): Promise<void> => {
    for (const { model } of generations.values()) await views.drop(model);
    generations.clear();
  },
  stop: async () => {
    await views.close();
    await events.close();
  },
});

function generationOf(name: string): Generation {
  const generation = generations.get(name);
  if (!generation) throw new Error(`${name} was not built here`);
  return generation;
}

async function startComparison(generation: Generation): Promise<void> {
  const { model, fold } = generation;
  try {
    views.refresh();
    const comparison = new GenerationComparison(await views.open(fold.projection), model);
    await comparison.scan(fold.checkpoint);
    generation.comparison = comparison;
  } catch (error) {
    // Another version of the projection is meant to differ; a broken one is what is to be replaced.
    if (!(error instanceof ModelOutdated || error instanceof StoreDamaged)) throw error;
  }
}
