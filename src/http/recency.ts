import { LRUCache } from "lru-cache";
import type { Position } from "../stores/event-store/event-store.ts";

const clientsMax = 50_000;

/**
 * What each client has written last, so that it reads what it wrote even when it does not ask with
 * Min-Position.
 */
export interface Recency {
  wrote(client: string, position: Position): void;
  lastWrite(client: string): Position | undefined;
}

export function createRecency(): Recency {
  const positions = new LRUCache<string, Position>({ max: clientsMax });
  return {
    wrote: (client, position) => {
      positions.set(client, position);
    },
    lastWrite: (client) => positions.get(client),
  };
}
