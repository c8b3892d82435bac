import { LRUCache } from "lru-cache";
import type { Clock } from "../../values/clock.ts";

const windowsMax = 100_000;

/** Counts hits in windows of time, in this process. Bounded: what was not hit for longest is forgotten first. */
export interface Windows {
  /** Counts a hit in the window that is open for this key, or opens one. */
  hit(key: string, windowMs: number): { count: number; resetsInMs: number };
  clear(): void;
}

export function createWindows(clock: Clock = Date.now): Windows {
  const windows = new LRUCache<string, { count: number; endsAt: number }>({ max: windowsMax });
  return {
    hit: (key, windowMs) => {
      const now = clock();
      let window = windows.get(key);
      if (!window || now >= window.endsAt) window = { count: 0, endsAt: now + windowMs };
      window.count++;
      windows.set(key, window);
      return { count: window.count, resetsInMs: window.endsAt - now };
    },
    clear: () => windows.clear(),
  };
}
