import rateLimit, { type FastifyRateLimitStore, type RateLimitPluginOptions } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import type { Runtime } from "../../runtime/runtime.ts";
import type { HotStore, RunScript } from "../../stores/hot-store/hot-store.ts";
import { createWindows, type Windows } from "../../stores/hot-store/windows.ts";
import type { App } from "../server.ts";
import type { Counted, Counters } from "./counted.ts";

const keyPrefix = "rate:";

declare module "fastify" {
  interface FastifyRequest {
    /** Read by the plugin before it waits for anything. */
    countedAs: string;
  }
}

/** At most so many in each window of time. */
export interface Limit {
  max: number;
  windowMs: number;
}

/**
 * Counts where all processes see it, by the plugin's own scripts, if the hot store is on a server. While that is away
 * each process counts for itself, and goes back to the store with the first request that it takes again.
 * The plugin's own hooks are left out: they count by one key a request, behind what refuses a wrong one, and not what
 * matches no route.
 */
export async function createCounters(
  app: App,
  { hot, clock }: Pick<Runtime, "hot" | "clock">,
  limits: Readonly<Record<string, Limit>>,
): Promise<Counters> {
  const limitOf = (key: string): Limit => {
    const limit = limits[key.slice(0, key.indexOf(":"))];
    if (!limit) throw new Error(`there is no limit for ${key}`);
    return limit;
  };
  app.decorateRequest("countedAs", "");
  await app.register(rateLimit, {
    global: false,
    keyGenerator: ({ countedAs }) => countedAs,
    max: (_request, key) => limitOf(key).max,
    timeWindow: (_request, key) => limitOf(key).windowMs,
    ...countedIn(hot, createWindows(clock)),
  });
  const limiter = app.createRateLimit();
  const count = async (request: FastifyRequest, key: string, increment: boolean): Promise<Counted> => {
    request.countedAs = key;
    const counted = await limiter(request, { increment });
    if (counted.isAllowed) throw new Error("nobody goes uncounted");
    const { max, remaining: left, isExceeded, ttlInSeconds: resetsInSeconds } = counted;
    return { max, left, isExceeded, resetsInSeconds };
  };
  return {
    hit: (request, key) => count(request, key, true),
    read: (request, key) => count(request, key, false),
  };
}

/** Where the plugin counts. */
function countedIn(
  hot: HotStore,
  here: Windows,
): Pick<RateLimitPluginOptions, "redis" | "nameSpace" | "store"> {
  if (hot.runScript) return { redis: clientFor(hot.runScript, here), nameSpace: keyPrefix };
  return { store: storeIn(here) };
}

function storeIn(here: Windows): new () => FastifyRateLimitStore {
  const told = ({ count: current, resetsInMs: ttl }: ReturnType<Windows["hit"]>) => ({ current, ttl });
  return class {
    incr: FastifyRateLimitStore["incr"] = (key, callback, windowMs) => {
      callback(null, told(here.hit(key, windowMs)));
    };
    read: FastifyRateLimitStore["incr"] = (key, callback) => {
      callback(null, told(here.read(key)));
    };

    child(): FastifyRateLimitStore {
      return this;
    }
  };
}

type Answered = (error: null, counted: unknown) => void;

/** What the plugin's Redis store needs of a client: it defines its scripts and calls them by their names. */
function clientFor(run: RunScript, here: Windows) {
  const countHere = (name: string, key: string, windowMs: number) =>
    name === "rateLimit" ? here.hit(key, windowMs) : here.read(key);
  const call =
    (name: string, lua: string) =>
    (key: string, ...input: unknown[]) => {
      const answer = input.pop() as Answered;
      const [windowMs] = input;
      run({ name, lua }, key, ...input.map(String))
        .catch(() => {
          const { count, resetsInMs } = countHere(name, key, Number(windowMs));
          return [count, resetsInMs];
        })
        .then((counted) => answer(null, counted));
    };
  const client = {
    defineCommand: (name: string, { lua }: { lua: string }) => {
      Object.assign(client, { [name]: call(name, lua) });
    },
  };
  return client;
}
