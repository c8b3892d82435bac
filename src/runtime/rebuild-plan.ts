import { existsSync } from "node:fs";
import type { ResourceLimits } from "node:worker_threads";
import type { BackendsConfig } from "../stores/backends.ts";

/** Threads that rebuild at the same time. */
export const rebuildThreadsMax = 2;

/** Of all threads of one rebuild together. */
interface Memory {
  /** Documents of the models until they are written, pages at work, and what is being stored. */
  heapMb: number;
  /** JSON of the documents: in memory about three times as many bytes, and garbage beside it. */
  heldCharacters: number;
  /** Most of what a rebuild allocates is parsed events, soon garbage: a large nursery lets them die young. */
  nurseryMb: number;
}

/** What is rebuilt with less memory is stored more often on the way, and loaded again. */
const modest: Memory = { heapMb: 560, heldCharacters: 32 * 1024 * 1024, nurseryMb: 96 };
const roomy: Memory = { heapMb: 1_000, heldCharacters: 96 * 1024 * 1024, nurseryMb: 288 };
/** As much has to be left for others: memory is taken as it is needed, and given back. */
const roomyFromBytes = 3 * 1024 ** 3;

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
  /** As the machine, or what limits the process on it, has now. */
  availableBytes = process.availableMemory(),
): RebuildPlan {
  const isReadFromServer =
    eventStoreDbUrl !== undefined && (archiveFile === undefined || !existsSync(archiveFile));
  const threads = isReadFromServer ? 1 : rebuildThreadsMax;
  const shares = Array.from({ length: Math.min(threads, names.length) }, (_, index) =>
    names.filter((_, at) => at % threads === index),
  );
  const { heapMb, heldCharacters, nurseryMb } = availableBytes < roomyFromBytes ? modest : roomy;
  return {
    shares,
    heldCharactersMax: heldCharacters / threads,
    resourceLimits: {
      maxOldGenerationSizeMb: heapMb / threads,
      maxYoungGenerationSizeMb: nurseryMb / threads,
    },
  };
}
