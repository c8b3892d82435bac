import type { HotStore } from "../../src/stores/hot-store/hot-store.ts";

/** A hot store that refuses everything while `isAway` says so. */
export function refusing(store: HotStore, isAway: (call: keyof HotStore) => boolean): HotStore {
  return new Proxy(store, {
    get: (target, name: keyof HotStore) => {
      const member = target[name];
      if (typeof member !== "function") return member;
      const call = member as (...input: unknown[]) => Promise<unknown>;
      return async (...input: unknown[]) => {
        if (name !== "close" && isAway(name)) throw new Error(`the hot store is away: ${name}`);
        return call(...input);
      };
    },
  });
}
