import type { FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../../values/problem.ts";

export interface Counted {
  max: number;
  left: number;
  isExceeded: boolean;
  /** Whole seconds until the window ends. */
  resetsInSeconds: number;
}

/** What counts by any key, of which a request may have several; keys begin with the name of their limit and a colon. */
export interface Counters {
  hit(request: FastifyRequest, key: string): Promise<Counted>;
  /** What was counted so far. */
  read(request: FastifyRequest, key: string): Promise<Counted>;
}

/** Of several counts that one request has, what its client is told of: the one that ends its requests first. */
export function tightest(counts: readonly Counted[]): Counted {
  return counts.reduce((one, other) => (isTighter(other, one) ? other : one));
}

function isTighter(one: Counted, other: Counted): boolean {
  if (one.isExceeded !== other.isExceeded) return one.isExceeded;
  return one.left !== other.left ? one.left < other.left : one.resetsInSeconds > other.resetsInSeconds;
}

/** @returns what an answer says that comes too often, whose headers are set */
export function refusal(reply: FastifyReply, counted: Counted, limit: string): Problem {
  const { resetsInSeconds } = counted;
  reply.headers({ ...rateHeaders(counted), "Retry-After": resetsInSeconds });
  return new Problem("rate_limited", `${limit}; try again in ${resetsInSeconds} s`);
}

export function rateHeaders({ max, left, resetsInSeconds }: Counted) {
  return { "RateLimit-Limit": max, "RateLimit-Remaining": left, "RateLimit-Reset": resetsInSeconds };
}
