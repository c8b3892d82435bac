import { existsSync } from "node:fs";
import type { ResourceLimits } from "node:worker_threads";
import type { BackendsConfig } from "../stores/backends.ts";

/** Threads that rebuild at the same time. */
export const rebuildThreadsMax = 2;
/** Of all threads of one rebuild: the documents of its models, up to a bound, until they are written. */
const heapMbMax = 560;
/** As above, so that they, the pages at work and what is being stored fit into the heap. */
const heldCharactersMax = 32 * 1024 * 1024;
/** As above. Most of what a rebuild allocates is parsed events, soon garbage: a large nursery lets them die young. */
const nurseryMbMax = 96;

export interface RebuildPlan {
  /** The read models that each thread makes. */
  shares: string[][];
  /** Of each thread, as `buildGenerations` has it. */
  heldCharactersMax: number;
  resourceLimits: ResourceLimits;
}

/**
 * Each thread reads the whole log: two are faster where that costs little. A log on a server gives what its client
 * takes, and is read once, for all models.
 */
export function planOfRebuild(
  { eventStoreDbUrl, archiveFile }: Pick<BackendsConfig, "eventStoreDbUrl" | "archiveFile">,
  names: readonly string[],
): RebuildPlan {
  const isReadFromServer =
    eventStoreDbUrl !== undefined && (archiveFile === undefined || !existsSync(archiveFile));
  const threads = isReadFromServer ? 1 : rebuildThreadsMax;
  const shares = Array.from({ length: Math.min(threads, names.length) }, (_, index) =>
    names.filter((_, at) => at % threads === index),
  );
  return {
    shares,
    heldCharactersMax: heldCharactersMax / threads,
    resourceLimits: {
      maxOldGenerationSizeMb: heapMbMax / threads,
      maxYoungGenerationSizeMb: nurseryMbMax / threads,
    },
  };
}
