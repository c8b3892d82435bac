import type { EventStore, Position } from "../../stores/event-store/event-store.ts";
import type { ViewModel, ViewStore } from "../../stores/view-store/view-store.ts";
import type { Codec } from "../codec.ts";
import type { AnyProjection } from "../projection.ts";
import { Fold, projectable } from "./fold.ts";

const pageEvents = 5_000;
/** Documents of one model held in memory before they are stored and loaded again when needed. */
const documentsInMemoryMax = 600_000;
const scanDocuments = 2_000;
const differencesMax = 20;

export interface RebuildProgress {
  /** 0 to 1, by position. */
  progress: number;
  /** Of the log, since the start. */
  events: number;
  eventsPerSecond: number;
}

export interface RebuildOptions {
  projections: readonly AnyProjection[];
  events: EventStore;
  views: ViewStore;
  codec: Codec;
  onProgress: (progress: RebuildProgress) => void;
}

export interface Rebuilt {
  codec: Codec;
  fold: Fold;
  model: ViewModel;
}

/**
 * Fills a new generation of each model from the log, beside the live one: reads the log once for all of
 * them, folds in memory, writes each document once. The generations are left at the end of the log as it
 * was met; `catchUp` takes them further.
 */
export async function buildGenerations(options: RebuildOptions): Promise<Rebuilt[]> {
  const { projections, events, views, codec, onProgress } = options;
  const built: Rebuilt[] = [];
  for (const projection of projections) {
    const model = await views.createGeneration(projection);
    built.push({ codec, model, fold: await Fold.open({ projection, model, codec, inMemory: true }) });
  }
  const target = await events.head();
  const started = performance.now();
  let read = 0;
  await replay(built, events, target, (position, count) => {
    read += count;
    const seconds = (performance.now() - started) / 1000;
    onProgress({
      progress: target > 0 ? Math.min(1, Math.max(0, position) / target) : 1,
      events: read,
      eventsPerSecond: Math.round(read / Math.max(seconds, 0.001)),
    });
  });
  for (const { fold } of built) await fold.spill();
  return built;
}

/** Takes built generations to exactly this position. */
export async function catchUp(
  built: readonly Rebuilt[],
  events: EventStore,
  target: Position,
): Promise<void> {
  await replay(built, events, target, () => {});
  for (const { fold } of built) await fold.flush();
}

async function replay(
  built: readonly Rebuilt[],
  events: EventStore,
  target: Position,
  onPage: (position: Position, count: number) => void,
): Promise<void> {
  const types = [...new Set(built.flatMap(({ fold }) => fold.types))];
  const codec = built[0]?.codec;
  if (!codec) return;
  let after = Math.min(...built.map(({ fold }) => fold.checkpoint));
  while (after < target) {
    const page = await events.readAll({ after, types, maxCount: pageEvents });
    if (page.scannedTo <= after) break;
    const upTo = Math.min(page.scannedTo, target);
    const within = projectable(
      page.events.filter(({ position }) => position <= target),
      codec,
    );
    try {
      for (const { fold } of built) {
        await fold.apply(within, upTo);
        if (fold.size > documentsInMemoryMax) await fold.spill();
      }
    } catch (error) {
      if (!Fold.isRestart(error)) throw error;
      // A poison event was met: from what is stored again, with the document it spoils watched.
      for (const { fold } of built) fold.discard();
      after = Math.min(...built.map(({ fold }) => fold.checkpoint));
      continue;
    }
    onPage(upTo, upTo - after);
    after = upTo;
  }
}

export interface Difference {
  key: string;
  live: string | undefined;
  rebuilt: string | undefined;
}

export interface Comparison {
  documents: number;
  differing: number;
  /** The first few. */
  differences: Difference[];
}

/** Compares two generations at the same position, document by document, byte for byte. */
export async function compareGenerations(live: ViewModel, rebuilt: ViewModel): Promise<Comparison> {
  const comparison: Comparison = { documents: 0, differing: 0, differences: [] };
  const left = documentsOf(live);
  const right = documentsOf(rebuilt);
  let a = await left.next();
  let b = await right.next();
  while (!a.done || !b.done) {
    comparison.documents++;
    const order = a.done ? 1 : b.done ? -1 : compareKeys(a.value.key, b.value.key);
    const difference = {
      key: order <= 0 && !a.done ? a.value.key : b.done ? "" : b.value.key,
      live: order <= 0 && !a.done ? a.value.json : undefined,
      rebuilt: order >= 0 && !b.done ? b.value.json : undefined,
    };
    if (difference.live !== difference.rebuilt) {
      comparison.differing++;
      if (comparison.differences.length < differencesMax) comparison.differences.push(difference);
    }
    if (order <= 0) a = await left.next();
    if (order >= 0) b = await right.next();
  }
  return comparison;
}

/** As the store orders keys: by their UTF-8 bytes. */
function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function* documentsOf(model: ViewModel) {
  let after: string | undefined;
  for (;;) {
    const page = await model.scan(after, scanDocuments);
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < scanDocuments) return;
    after = last.key;
  }
}
