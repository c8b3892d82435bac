import { LRUCache } from "lru-cache";
import { atMost } from "../../values/at-most.ts";
import type { Clock } from "../../values/clock.ts";

/** Of each length. */
const windowsMax = 100_000;

export interface Count {
  count: number;
  resetsInMs: number;
}

/**
 * Counts hits in windows of time, in this process. Bounded: what was not looked at for longest is forgotten first,
 * of its length: windows of a minute do not push out those of an hour.
 */
export interface Windows {
  /** Counts a hit in the window that is open for this key, or opens one. */
  hit(key: string, windowMs: number): Count;
  /** What was counted so far in the window that is open for this key; 0 of none, for none. */
  read(key: string): Count;
}

export function createWindows(clock: Clock = Date.now): Windows {
  const lengths = new Map<number, LRUCache<string, { count: number; endsAt: number }>>();
  const ofLength = (windowMs: number) => {
    let windows = lengths.get(windowMs);
    if (!windows) {
      windows = new LRUCache(atMost(windowsMax));
      lengths.set(windowMs, windows);
    }
    return windows;
  };
  return {
    hit: (key, windowMs) => {
      const now = clock();
      const windows = ofLength(windowMs);
      let window = windows.get(key);
      if (!window || now >= window.endsAt) {
        window = { count: 0, endsAt: now + windowMs };
        windows.set(key, window);
      }
      window.count++;
      return { count: window.count, resetsInMs: window.endsAt - now };
    },
    read: (key) => {
      const now = clock();
      for (const windows of lengths.values()) {
        const window = windows.get(key);
        if (window && now < window.endsAt) return { count: window.count, resetsInMs: window.endsAt - now };
      }
      return { count: 0, resetsInMs: 0 };
    },
  };
}
