import rateLimit, { type FastifyRateLimitStore } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import type { Runtime } from "../runtime/runtime.ts";
import type { HotStore } from "../stores/hot-store/hot-store.ts";
import { Problem } from "../values/problem.ts";
import type { App } from "./server.ts";

const windowMs = 60_000;

/** Limits each client (by address) to a number of requests a minute, counted in the hot store. */
export async function limitRates(app: App, { config, hot }: Runtime): Promise<void> {
  const max = config.RATE_LIMIT_PER_MINUTE;
  if (max === 0) return;
  await app.register(rateLimit, {
    max,
    timeWindow: windowMs,
    keyGenerator: (request) => request.ip,
    allowList: (request: FastifyRequest) => request.url.startsWith("/health/") || request.url === "/metrics",
    enableDraftSpec: true,
    // A hot store that is away does not stop the shop.
    skipOnError: true,
    store: storeIn(hot),
    errorResponseBuilder: (_request, { after }) =>
      new Problem("rate_limited", `at most ${max} requests a minute; try again in ${after}`),
  });
}

function storeIn(hot: HotStore): new () => FastifyRateLimitStore {
  return class {
    incr: FastifyRateLimitStore["incr"] = (key, callback, timeWindow) => {
      hot.hit(`rate:${key}`, timeWindow).then(
        ({ count, resetsInMs }) => callback(null, { current: count, ttl: resetsInMs }),
        (error: Error) => callback(error),
      );
    };

    child(): FastifyRateLimitStore {
      return this;
    }
  };
}
