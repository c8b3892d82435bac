import type { News } from "../news.ts";

/** News among the parts of one process. */
export function createEmbeddedNews(): News {
  const listeners = new Set<(position: string) => void>();
  let newest: string | undefined;

  const tell = () => {
    const position = newest;
    newest = undefined;
    if (position !== undefined) for (const listener of listeners) listener(position);
  };

  return {
    publish: (position) => {
      // In a turn of its own, as from another process.
      if (newest === undefined) setImmediate(tell);
      newest = position;
    },
    subscribe: (listener) => {
      const own = (position: string) => listener(position);
      listeners.add(own);
      return () => listeners.delete(own);
    },
    state: () => "ready",
    close: async () => {
      newest = undefined;
      listeners.clear();
    },
  };
}
