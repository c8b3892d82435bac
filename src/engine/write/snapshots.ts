import { setImmediate as nextTurn } from "node:timers/promises";
import { deserialize, serialize } from "node:v8";
import type { Position } from "../../stores/event-store/event-store.ts";
import type { SnapshotFormat } from "../decider.ts";
import { type AnyDecider, neverConfirmed, type StoredStream } from "./stream.ts";

/** A larger part is thrown away, and the snapshot with it. */
const partBytesMax = 1024 * 1024;
const partsMax = 1_024;
const snapshotEveryEvents = 1_000;
/** A large state is saved more seldom: it costs as much as folding this many events a byte. */
const eventsPerStateByte = 1 / 1_000;
const snapshotsAtOnceMax = 1;

/** A cache of folded states. Losing it, or any part of it, costs time and nothing else. */
export interface SnapshotCache {
  load(decider: AnyDecider, stream: string): Promise<StoredStream | undefined>;
  /** Saves the stream as it is now, if it is time to: beside the commands, part by part. */
  offer(decider: AnyDecider, stream: string, stored: StoredStream): void;
}

export const noSnapshots: SnapshotCache = { load: async () => undefined, offer: () => {} };

/** Where snapshots are put: any store of bytes that may forget. */
export interface BlobCache {
  getBlob(key: string): Promise<Uint8Array | undefined>;
  setBlob(key: string, value: Uint8Array): Promise<void>;
}

/** What is stored under the snapshot's own key, once all parts are: they carry its revision in their keys. */
interface Head {
  revision: number;
  position: Position;
  time: number;
  lastEventId: string;
  parts: number;
}

export function snapshotsIn(blobs: BlobCache): SnapshotCache {
  let saving = 0;
  const headKey = (decider: AnyDecider, format: SnapshotFormat<unknown>, stream: string) =>
    `snapshot:${decider.category}:${format.version}:${stream}`;
  const partKey = (head: string, revision: number, part: number) => `${head}:${revision}:${part}`;

  async function save(key: string, format: SnapshotFormat<unknown>, stored: StoredStream): Promise<void> {
    const { state, revision, position, time, lastEventId } = stored;
    let parts = 0;
    // The state never changes, so its parts may be taken over many turns of the event loop.
    for (const part of format.parts(state)) {
      const blob = serialize(part);
      if (blob.byteLength > partBytesMax || parts >= partsMax) return;
      await blobs.setBlob(partKey(key, revision, parts++), blob);
      await nextTurn();
    }
    const head: Head = { revision, position, time, lastEventId, parts };
    await blobs.setBlob(key, serialize(head));
  }

  async function load(key: string, format: SnapshotFormat<unknown>): Promise<StoredStream | undefined> {
    const head = asHead(await unpacked(key));
    if (!head) return undefined;
    const parts: unknown[] = [];
    for (let part = 0; part < head.parts; part++) {
      const value = await unpacked(partKey(key, head.revision, part));
      if (value === undefined) return undefined;
      parts.push(value);
    }
    const { revision, position, time, lastEventId } = head;
    return {
      state: format.restore(parts),
      revision,
      position,
      time,
      lastEventId,
      commands: new Map(),
      rememberedFrom: revision + 1,
      snapshotRevision: revision,
      confirmedAt: neverConfirmed,
    };
  }

  async function unpacked(key: string): Promise<unknown> {
    const blob = await blobs.getBlob(key);
    return blob && deserialize(blob);
  }

  return {
    async load(decider, stream) {
      if (!decider.snapshot) return undefined;
      // A cache that is away or holds nonsense is a cache that holds nothing.
      return load(headKey(decider, decider.snapshot, stream), decider.snapshot).catch(() => undefined);
    },
    offer(decider, stream, stored) {
      const { snapshot: format } = decider;
      if (!format || saving >= snapshotsAtOnceMax) return;
      const bytes = decider.weigh?.(stored.state) ?? 0;
      const due = Math.max(snapshotEveryEvents, bytes * eventsPerStateByte);
      if (stored.revision - stored.snapshotRevision < due) return;
      stored.snapshotRevision = stored.revision;
      saving++;
      save(headKey(decider, format, stream), format, { ...stored })
        // As above: the commands that led here have taken effect already.
        .catch(() => {})
        .finally(() => saving--);
    },
  };
}

function asHead(stored: unknown): Head | undefined {
  if (typeof stored !== "object" || stored === null) return undefined;
  const { revision, position, time, lastEventId, parts } = stored as Partial<Head>;
  const whole =
    Number.isSafeInteger(revision) &&
    position !== undefined &&
    typeof time === "number" &&
    typeof lastEventId === "string" &&
    Number.isSafeInteger(parts);
  return whole ? (stored as Head) : undefined;
}
