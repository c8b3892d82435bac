import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { AnyProjection } from "../../engine/projection.ts";
import { whyRebuild } from "../../engine/read/going-on.ts";
import { Projector } from "../../engine/read/projector.ts";
import { buildGenerations } from "../../engine/read/rebuild.ts";
import { openLogCheckpointer } from "../../stores/event-store/embedded/checkpointer.ts";
import { StoreUnavailable } from "../../stores/event-store/event-store.ts";
import { holdLease, projectorLease } from "../../stores/view-store/leases/leases.ts";
import { ModelOutdated, type SavedCheckpoint } from "../../stores/view-store/view-store.ts";
import { tracedPages } from "../../telemetry/traced-pages.ts";
import { isTracing, startTracing, stopTracing } from "../../telemetry/tracing.ts";
import { untilAborted } from "../../values/abort.ts";
import { countOf, newsSince } from "./news.ts";
import { openWorkerLog, openWorkerStores, type ProjectionWorkerData } from "./worker-data.ts";
import { serve } from "./worker-rpc.ts";

/** What was stored of the catalog; without keys, it may be any document. */
export interface StoredDocuments {
  keys?: readonly string[] | undefined;
}

const newsWaitMs = 1_000;
const logPauseMs = 1_000;
const lookAroundMs = 1_000;
/** From the beginning of a page to that of the next, at least. */
const gatherMs = 25;
/** Of documents while models are built at the start: a share of what this thread's heap may be. */
const heldCharactersMax = 28 * 1024 * 1024;

if (!parentPort) throw new Error("this file is the start of a worker thread");
const { news, takesLease, ...data } = workerData as ProjectionWorkerData;
const { events, embedded } = await openWorkerLog(data, "projections");
const { views, leases, codec, projections, log, telemetry } = await openWorkerStores(data, "projections");
if (data.tracing) await startTracing(data.tracing, log);
/** Other processes may rebuild the models, too, where they are on a server. */
const isShared = data.stores.mongoDbUrl !== undefined;
const stopping = new AbortController();
let projector: Projector | undefined;

/** Wakes the projector when the other thread has appended. */
async function followNews(): Promise<void> {
  while (!stopping.signal.aborted) {
    const seen = countOf(news.appended);
    embedded?.notify();
    await newsSince(news.appended, seen, newsWaitMs);
  }
}

let gatheredAt = 0;
let hurriedBefore = 0;

/** Of many small pages, most of the time would go into storing; who waits for one gets it at once. */
async function gather(): Promise<void> {
  const leftMs = gatherMs - (performance.now() - gatheredAt);
  if (leftMs > 0) await newsSince(news.hurried, hurriedBefore, leftMs);
  hurriedBefore = countOf(news.hurried);
  gatheredAt = performance.now();
}

/** Why a model is to be rebuilt; undefined for one that goes on, or fails: its projector says what is wrong with it. */
async function whyOutdated(projection: AnyProjection): Promise<string | undefined> {
  let saved: SavedCheckpoint;
  try {
    saved = await (await views.open(projection)).savedCheckpoint();
  } catch (error) {
    return error instanceof ModelOutdated ? error.message : undefined;
  }
  // What is not known to fit is not gone on with, however long the log is away.
  for (;;) {
    try {
      return await whyRebuild(saved, events);
    } catch (error) {
      if (stopping.signal.aborted) return undefined;
      log.warn({ err: error, model: projection.name }, "the log does not say whether a read model fits it");
      await sleep(logPauseMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }
}

/** Builds what an older version of its projection, or of the view store, wrote, or what the log has left behind. */
async function buildOutdated(): Promise<void> {
  const outdated: AnyProjection[] = [];
  for (const projection of projections) {
    const reason = await whyOutdated(projection);
    if (reason === undefined) continue;
    log.warn({ model: projection.name, reason }, "rebuilding a read model");
    outdated.push(projection);
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

const checkpointer = embedded && openLogCheckpointer(data.stores.dataDir);

function openProjector(): Promise<Projector> {
  return Projector.open({
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
    ...(isTracing() && { onPage: tracedPages() }),
    ...(isShared && { lookAroundMs }),
    // Others that wait could not say so, and what a server pushes may come only after somebody has begun to wait for it.
    ...(!isShared && embedded && { gather }),
    onProgress: (progress) => {
      tell("progress", progress);
      checkpointer?.run();
    },
  });
}

/** Until another process has the lease, or this one stops. */
async function projectWhileHeld(signal: AbortSignal): Promise<void> {
  await buildOutdated();
  projector = await openProjector();
  projector.start();
  telemetry.projecting(true);
  log.info("this process projects now");
  await untilAborted(signal);
  telemetry.projecting(false);
  await projector.stop();
  projector = undefined;
}

function running(): Projector {
  if (!projector) throw new StoreUnavailable("another process projects");
  return projector;
}

const tell = serve(parentPort, {
  pause: (name: string) => projector?.pause(name),
  resume: (name: string) => projector?.resume(name),
  parked: (name: string) => running().parked(name),
  unpark: ({ name, key, how }: { name: string; key: string; how: "retry" | "skip" }) =>
    running().unpark(name, key, how),
  stop: async () => {
    stopping.abort();
    await held;
    await projector?.stop();
    checkpointer?.close();
    await views.close();
    await events.close();
    await stopTracing();
  },
});

/** @param task done whenever the lease is held */
function hold(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const onError = (error: unknown) => log.warn({ err: error }, "the lease of the projector cannot be had");
  return holdLease(leases, { ...projectorLease, signal: stopping.signal, onError }, (_, signal) =>
    task(signal),
  );
}

let held: Promise<void> | undefined;
if (takesLease) {
  held = hold(projectWhileHeld);
  tell("ready", []);
} else {
  await buildOutdated();
  projector = await openProjector();
  projector.start();
  telemetry.projecting(true);
  // It projects in any case; a command beside it sees that somebody does.
  held = hold(untilAborted);
  tell("ready", projector.progress());
}
void followNews();
