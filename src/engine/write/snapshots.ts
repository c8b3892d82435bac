import { hash } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import type { Position } from "../../stores/event-store/event-store.ts";
import type { EventMap } from "../decider.ts";

export interface Snapshot {
  state: unknown;
  revision: number;
  position: Position;
  lastEventId: string;
  commands: Map<string, { revision: number; position: Position }>;
}

/** What a snapshot depends on besides the events: another fold or schema makes another key. */
interface Foldable {
  category: string;
  events: EventMap;
  initial: () => unknown;
  // biome-ignore lint/complexity/noBannedTypes: only the text of the functions is looked at
  evolve: Record<string, Function>;
}

/** A cache of folded states. Losing it, or any part of it, costs time and nothing else. */
export interface SnapshotCache {
  load(decider: Foldable, stream: string): Promise<Snapshot | undefined>;
  save(decider: Foldable, stream: string, snapshot: Snapshot): void;
}

export const noSnapshots: SnapshotCache = { load: async () => undefined, save: () => {} };

/** Where snapshots are put: any store of bytes that may forget. */
export interface BlobCache {
  getBlob(key: string): Promise<Uint8Array | undefined>;
  setBlob(key: string, value: Uint8Array): Promise<void>;
}

const snapshotBytesMax = 4 * 1024 * 1024;

export function snapshotsIn(blobs: BlobCache): SnapshotCache {
  const hashes = new Map<string, string>();
  const keyOf = (decider: Foldable, stream: string): string => {
    let digest = hashes.get(decider.category);
    if (digest === undefined) {
      digest = foldHash(decider);
      hashes.set(decider.category, digest);
    }
    return `snapshot:${digest}:${stream}`;
  };
  return {
    async load(decider, stream) {
      try {
        const blob = await blobs.getBlob(keyOf(decider, stream));
        const stored: unknown = blob && deserialize(blob);
        return isSnapshot(stored) ? stored : undefined;
      } catch {
        // A cache that is away or holds nonsense is a cache that holds nothing.
        return undefined;
      }
    },
    save(decider, stream, snapshot) {
      try {
        const blob = serialize(snapshot);
        if (blob.byteLength > snapshotBytesMax) return;
        blobs.setBlob(keyOf(decider, stream), blob).catch(() => {});
      } catch {
        // As above: the command that led here has taken effect already.
      }
    },
  };
}

function isSnapshot(stored: unknown): stored is Snapshot {
  if (typeof stored !== "object" || stored === null) return false;
  const { state, revision, position, lastEventId, commands } = stored as Partial<Snapshot>;
  return (
    state !== undefined &&
    Number.isSafeInteger(revision) &&
    typeof position === "string" &&
    typeof lastEventId === "string" &&
    commands instanceof Map
  );
}

function foldHash({ category, events, initial, evolve }: Foldable): string {
  const versions = Object.entries(events).map(([type, { version }]) => [type, version]);
  const steps = Object.entries(evolve).map(([type, step]) => [type, step.toString()]);
  return hash(
    "sha1",
    JSON.stringify([category, versions, serialize(initial()).toString("hex"), steps]),
    "hex",
  ).slice(0, 16);
}
