import { logStart } from "../../src/stores/event-store/event-store.ts";
import type {
  DocumentChange,
  ModelSpec,
  StoredDocument,
  ViewModel,
  ViewStore,
} from "../../src/stores/view-store/view-store.ts";

/** A generation in memory. */
export interface KeptModel extends ViewModel {
  /** As they were saved last, by key. */
  readonly changes: ReadonlyMap<string, DocumentChange>;
}

/**
 * A view store that takes everything at once, and knows only what a rebuild asks for: what is stored is loaded again
 * when the memory of the rebuild was full, and so it has to be there.
 */
export function createKeptViews(): Pick<ViewStore, "createGeneration" | "drop"> & {
  readonly models: readonly KeptModel[];
} {
  const models: KeptModel[] = [];
  return {
    models,
    createGeneration: async (spec) => {
      const model = createKeptModel(spec);
      models.push(model);
      return model;
    },
    drop: async () => {},
  };
}

function createKeptModel(spec: ModelSpec): KeptModel {
  const changes = new Map<string, DocumentChange>();
  let reached = logStart;
  return {
    spec,
    generation: 1,
    changes,
    checkpoint: async () => reached,
    savedCheckpoint: async () => ({ position: reached, ageMs: 0 }),
    load: async (keys) => {
      const documents = new Map<string, StoredDocument>();
      for (const key of keys) {
        const { position, json } = changes.get(key) ?? {};
        if (position !== undefined && json !== undefined) documents.set(key, { key, position, json });
      }
      return { documents, deleted: new Map(), lookedUp: keys.length };
    },
    save: async (saved, { checkpoint }) => {
      for (const change of saved) {
        if (change.json === undefined) changes.delete(change.key);
        else changes.set(change.key, change);
      }
      reached = checkpoint;
      return [];
    },
    parked: async () => [],
    count: async () => changes.size,
    get: notAsked,
    getMany: notAsked,
    find: notAsked,
    sum: notAsked,
    scan: notAsked,
    changedSince: notAsked,
  };
}

function notAsked(): never {
  throw new Error("a rebuild does not ask for this");
}
