import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import {
  type EmbeddedEventStore,
  openEmbeddedEventStore,
} from "../../src/stores/event-store/embedded/log.ts";
import type { AppendResult, EventStore, EventToAppend } from "../../src/stores/event-store/event-store.ts";
import { openEmbeddedViewStore } from "../../src/stores/view-store/embedded/store.ts";
import type { ViewStore } from "../../src/stores/view-store/view-store.ts";

/** A log in a folder of its own, gone with the test. */
export async function temporaryLog(): Promise<EmbeddedEventStore> {
  const directory = await mkdtemp(join(tmpdir(), "cartwright-test-"));
  const store = openEmbeddedEventStore({ directory });
  onTestFinished(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });
  return store;
}

/** Read models in a folder of their own, gone with the test. */
export async function temporaryViews(logId: string): Promise<ViewStore> {
  const directory = await mkdtemp(join(tmpdir(), "cartwright-test-views-"));
  const views = openEmbeddedViewStore({ directory, logId });
  onTestFinished(async () => {
    await views.close();
    await rm(directory, { recursive: true });
  });
  return views;
}

export type Append = (
  stream: string,
  expectedRevision: number,
  events: readonly EventToAppend[],
) => Promise<AppendResult>;

/** The store with another append around its own: `wrap` gets the real one to call, or not to. */
export function withAppend(store: EventStore, wrap: (append: Append) => Append): EventStore {
  return {
    logId: store.logId,
    soleWriter: store.soleWriter,
    append: wrap((stream, expectedRevision, events) => store.append(stream, expectedRevision, events)),
    readStream: (stream, options) => store.readStream(stream, options),
    readAll: (options) => store.readAll(options),
    subscribe: (options) => store.subscribe(options),
    head: () => store.head(),
    eventIdAt: (position) => store.eventIdAt(position),
    progressOf: (position, target) => store.progressOf(position, target),
    countBetween: (after, upTo) => store.countBetween(after, upTo),
    close: () => store.close(),
  };
}

/** The store as one of several writers has it: what it holds may have been written by another. */
export function shared(store: EventStore): EventStore {
  return { ...withAppend(store, (append) => append), soleWriter: false };
}
