import { hash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import type { Position } from "../stores/event-store/event-store.ts";
import { atMost } from "../values/at-most.ts";
import { header } from "./auth.ts";

const clientsMax = 50_000;
/** A read model that is further behind than this has trouble, which no wait of a client's mends. */
const rememberedMs = 60_000;

/**
 * What each client has written last, so that it reads what it wrote even when it does not ask with Min-Position. A
 * client is who shows the same token: behind one address there may be many. Who shows none has to ask.
 */
export interface Recency {
  wrote(request: FastifyRequest, position: Position): void;
  lastWrite(request: FastifyRequest): Position | undefined;
}

/** @param options.now milliseconds of a clock that only goes on, where it is not the process's own */
export function createRecency(
  options: { clientsMax?: number; rememberedMs?: number; now?: () => number } = {},
): Recency {
  const { now } = options;
  const positions = new LRUCache<string, Position>({
    ...atMost(options.clientsMax ?? clientsMax),
    ttl: options.rememberedMs ?? rememberedMs,
    ...(now && { perf: { now }, ttlResolution: 0 }),
  });
  return {
    wrote: (request, position) => {
      const client = clientOf(request);
      if (client !== undefined) positions.set(client, position);
    },
    lastWrite: (request) => {
      const client = clientOf(request);
      return client === undefined ? undefined : positions.get(client);
    },
  };
}

/** Of a fixed length, whatever was sent. */
function clientOf(request: FastifyRequest): string | undefined {
  const token = header(request, "authorization") ?? header(request, "cart-token");
  return token === undefined ? undefined : hash("sha256", token, "base64url");
}
