import { LRUCache } from "lru-cache";
import { atMost } from "../../../values/at-most.ts";
import type { Clock } from "../../../values/clock.ts";
import type { DatedValue, HotStore, KeptValue } from "../hot-store.ts";

const valuesBytesMax = 32 * 1024 * 1024;
const datedBytesMax = 32 * 1024 * 1024;
const blobsBytesMax = 32 * 1024 * 1024;
const recentListsMax = 20_000;
const entryOverheadBytes = 100;

/** A hot store in this process. Bounded: what was not used for longest is forgotten first. */
export function createEmbeddedHotStore(clock: Clock = Date.now): HotStore {
  const values = new LRUCache<string, { value: string; expiresAt: number }>({
    maxSize: valuesBytesMax,
    sizeCalculation: ({ value }, key) => value.length + key.length + entryOverheadBytes,
  });
  const blobs = new LRUCache<string, Uint8Array>({
    maxSize: blobsBytesMax,
    sizeCalculation: (blob, key) => blob.byteLength + key.length + entryOverheadBytes,
  });
  const lists = new LRUCache<string, { values: string[]; expiresAt: number }>(atMost(recentListsMax));

  const liveList = (key: string): readonly string[] => {
    const list = lists.get(key);
    return list && clock() < list.expiresAt ? list.values : [];
  };
  const live = (key: string): string | undefined => {
    const entry = values.get(key);
    return entry && clock() < entry.expiresAt ? entry.value : undefined;
  };

  const dated = datedValues(clock);

  return {
    isShared: false,
    get: async (key) => live(key),
    set: async (key, value, ttlMs) => {
      values.set(key, { value, expiresAt: clock() + ttlMs });
    },
    setIfAbsent: async (key, value, ttlMs) => {
      if (live(key) !== undefined) return false;
      values.set(key, { value, expiresAt: clock() + ttlMs });
      return true;
    },
    swap: async (key, expected, value, ttlMs) => {
      if (live(key) !== expected) return false;
      values.set(key, { value, expiresAt: clock() + ttlMs });
      return true;
    },
    delete: async (key) => {
      values.delete(key);
    },

    ...dated.calls,

    getBlob: async (key) => blobs.get(key),
    setBlob: async (key, value) => {
      blobs.set(key, value);
    },

    pushRecent: async (key, value, max, ttlMs) => {
      const before = liveList(key).filter((other) => other !== value);
      lists.set(key, { values: [value, ...before].slice(0, max), expiresAt: clock() + ttlMs });
    },
    recent: async (key) => [...liveList(key)],

    close: async () => {
      for (const cache of [values, dated.kept, blobs, lists]) cache.clear();
    },
  };
}

/** A value, or the mark of one that is elsewhere. */
interface DatedEntry extends Omit<DatedValue, "value"> {
  value: string | undefined;
  keptAt: number;
  expiresAt: number;
}

function datedValues(clock: Clock) {
  const kept = new LRUCache<string, DatedEntry>({
    maxSize: datedBytesMax,
    sizeCalculation: ({ value = "" }, key) => value.length + key.length + entryOverheadBytes,
  });
  const live = (key: string): DatedEntry | undefined => {
    const entry = kept.get(key);
    return entry && clock() < entry.expiresAt ? entry : undefined;
  };
  const keep = (key: string, entry: Omit<DatedEntry, "keptAt" | "expiresAt">, ttlMs: number): true => {
    kept.set(key, { ...entry, keptAt: clock(), expiresAt: clock() + ttlMs });
    return true;
  };

  const calls: Pick<HotStore, "setDated" | "markDated" | "getDated"> = {
    setDated: async (key, value, ttlMs) => {
      const before = live(key);
      if (before && before.position > value.position) return false;
      if (before && before.position === value.position && before.asOf > value.asOf) return false;
      return keep(key, value, ttlMs);
    },
    markDated: async (key, position, ttlMs) => {
      const before = live(key);
      if (before && before.position >= position) return false;
      // As of nothing: a value of the mark's own position is newer in any case.
      return keep(key, { position, asOf: "", value: undefined }, ttlMs);
    },
    getDated: async (key): Promise<KeptValue | undefined> => {
      const entry = live(key);
      if (entry?.value === undefined) return undefined;
      const { value, position, asOf, keptAt } = entry;
      return { value, position, asOf, ageMs: clock() - keptAt };
    },
  };
  return { kept, calls };
}
