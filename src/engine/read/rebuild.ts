import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type EventStore,
  earliest,
  type Page,
  type Position,
  type ReadAllOptions,
} from "../../stores/event-store/event-store.ts";
import type { ViewModel, ViewStore } from "../../stores/view-store/view-store.ts";
import type { Codec } from "../codec.ts";
import type { AnyProjection } from "../projection.ts";
import { Fold, projectable } from "./fold.ts";

const pageEvents = 5_000;

export interface RebuildProgress {
  /** 0 to 1, along the log. */
  progress: number;
  /** Of the log, since the start. */
  events: number;
  eventsPerSecond: number;
}

export interface RebuildOptions {
  projections: readonly AnyProjection[];
  events: EventStore;
  views: Pick<ViewStore, "createGeneration" | "drop">;
  codec: Codec;
  /**
   * How much JSON the documents of all models together may be before those of the largest one are stored,
   * and loaded again when they are needed. In memory they take about three times as many bytes.
   */
  heldCharactersMax: number;
  onProgress: (progress: RebuildProgress) => void;
  /** Ends the rebuild between two pages. */
  signal?: AbortSignal;
}

/** A rebuild was told to stop: nothing has changed. */
export class RebuildStopped extends Error {
  constructor() {
    super("the rebuild was stopped");
    this.name = "RebuildStopped";
  }
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
 * @throws RebuildStopped
 */
export async function buildGenerations(options: RebuildOptions): Promise<Rebuilt[]> {
  const { projections, views, codec } = options;
  const built: Rebuilt[] = [];
  for (const projection of projections) {
    const model = await views.createGeneration(projection);
    built.push({ codec, model, fold: await Fold.open({ projection, model, codec, inMemory: true }) });
  }
  try {
    await fill(built, options);
    return built;
  } catch (error) {
    for (const { model } of built) await views.drop(model).catch(() => {});
    throw error;
  }
}

async function fill(built: readonly Rebuilt[], options: RebuildOptions): Promise<void> {
  const { events, heldCharactersMax, onProgress, signal } = options;
  const target = await events.head();
  const started = performance.now();
  let read = 0;
  await replay(built, events, target, async (position, count) => {
    await spillBeyond(built, heldCharactersMax);
    if (signal?.aborted) throw new RebuildStopped();
    read += count;
    const seconds = (performance.now() - started) / 1000;
    onProgress({
      progress: events.progressOf(position, target),
      events: read,
      eventsPerSecond: Math.round(read / Math.max(seconds, 0.001)),
    });
  });
  for (const { fold } of built) await fold.spill();
}

async function spillBeyond(built: readonly Rebuilt[], charactersMax: number): Promise<void> {
  for (;;) {
    const total = built.reduce((sum, { fold }) => sum + fold.heldCharacters, 0);
    if (total <= charactersMax) return;
    const largest = built.reduce((a, b) => (b.fold.heldCharacters > a.fold.heldCharacters ? b : a));
    await largest.fold.spill();
  }
}

/** Takes built generations to exactly this position. @returns how many events of the log that were */
export async function catchUp(
  built: readonly Rebuilt[],
  events: EventStore,
  target: Position,
): Promise<number> {
  let read = 0;
  await replay(built, events, target, async (_, count) => {
    read += count;
  });
  for (const { fold } of built) await fold.flushAll();
  return read;
}

async function replay(
  built: readonly Rebuilt[],
  events: EventStore,
  target: Position,
  onPage: (position: Position, count: number) => Promise<void>,
): Promise<void> {
  const types = [...new Set(built.flatMap(({ fold }) => fold.types))];
  const withMetadata = built.flatMap(({ fold }) => fold.typesWithMetadata);
  const [first, ...others] = built;
  if (!first) return;
  const { codec } = first;
  const reached = () => earliest(first.fold.checkpoint, ...others.map(({ fold }) => fold.checkpoint));
  for (;;) {
    try {
      for await (const page of pagesOf(events, { after: reached(), upTo: target, types, withMetadata })) {
        const decoded = projectable(page.events, codec);
        for (const { fold } of built) {
          await fold.apply(decoded, page.scannedTo, page.scannedEvents);
          fold.measure();
          // A turn of the event loop, in which more of the next page is received, and this thread may be told to stop.
          await nextTurn();
        }
        await onPage(page.scannedTo, page.scannedEvents);
      }
      return;
    } catch (error) {
      if (!Fold.isRestart(error)) throw error;
      // A poison event was met: from what is stored again, with the document it spoils watched.
      for (const { fold } of built) fold.discard();
    }
  }
}

/** Pages of the log up to a position: the next one is on its way while whoever asks is at work on one. */
async function* pagesOf(
  events: EventStore,
  { after, upTo, ...which }: Pick<ReadAllOptions, "after" | "types" | "withMetadata"> & { upTo: Position },
): AsyncGenerator<Page> {
  const read = (from: Position): Promise<Page> | undefined => {
    if (from >= upTo) return undefined;
    const page = events.readAll({ after: from, upTo, ...which, maxCount: pageEvents });
    // Whoever has stopped by then has no use for it, nor for its failure.
    page.catch(() => {});
    return page;
  };
  let at = after;
  for (let next = read(at); next; ) {
    const page = await next;
    if (page.scannedTo <= at) return;
    at = page.scannedTo;
    next = read(at);
    yield page;
  }
}
