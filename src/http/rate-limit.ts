import rateLimit, { type FastifyRateLimitStore, type RateLimitPluginOptions } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import type { Runtime } from "../runtime/runtime.ts";
import type { HotStore, RunScript } from "../stores/hot-store/hot-store.ts";
import { createWindows, type Windows } from "../stores/hot-store/windows.ts";
import { Problem } from "../values/problem.ts";
import type { App } from "./server.ts";

const windowMs = 60_000;
const keyPrefix = "rate:";

/**
 * Limits each client (by address) to a number of requests a minute, counted in the hot store: by the plugin's own
 * script where the store is on a server. While the store is away each process counts for itself, and goes back
 * to the store with the first request that it takes again.
 */
export async function limitRates(app: App, { config, hot }: Runtime): Promise<void> {
  const max = config.RATE_LIMIT_PER_MINUTE;
  if (max === 0) return;
  await app.register(rateLimit, {
    max,
    timeWindow: windowMs,
    keyGenerator: (request) => request.ip,
    allowList: (request: FastifyRequest) => request.url.startsWith("/health/") || request.url === "/metrics",
    enableDraftSpec: true,
    ...countedIn(hot, createWindows()),
    errorResponseBuilder: (_request, { after }) =>
      new Problem("rate_limited", `at most ${max} requests a minute; try again in ${after}`),
  });
}

/** Where the plugin counts. */
export function countedIn(
  hot: HotStore,
  here: Windows,
): Pick<RateLimitPluginOptions, "redis" | "nameSpace" | "store"> {
  if (hot.runScript) return { redis: clientFor(hot.runScript, here), nameSpace: keyPrefix };
  return { store: storeIn(hot, here) };
}

function storeIn(hot: HotStore, here: Windows): new () => FastifyRateLimitStore {
  return class {
    incr: FastifyRateLimitStore["incr"] = (key, callback, timeWindow) => {
      hot
        .hit(keyPrefix + key, timeWindow)
        .catch(() => here.hit(keyPrefix + key, timeWindow))
        .then(({ count, resetsInMs }) => callback(null, { current: count, ttl: resetsInMs }));
    };

    child(): FastifyRateLimitStore {
      return this;
    }
  };
}

type Counted = (error: Error | null, counted?: unknown) => void;

/** What the plugin's Redis store needs of a client: it defines its scripts and calls them by their names. */
function clientFor(run: RunScript, here: Windows) {
  const count =
    (name: string, lua: string) =>
    (key: string, ...input: unknown[]) => {
      const counted = input.pop() as Counted;
      const [timeWindow] = input;
      run({ name, lua }, key, ...input.map(String))
        .catch((error: unknown) => {
          if (name !== "rateLimit") throw error;
          const { count, resetsInMs } = here.hit(key, Number(timeWindow));
          return [count, resetsInMs];
        })
        .then(
          (result) => counted(null, result),
          (error: Error) => counted(error),
        );
    };
  const client = {
    defineCommand: (name: string, { lua }: { lua: string }) => {
      Object.assign(client, { [name]: count(name, lua) });
    },
  };
  return client;
}
