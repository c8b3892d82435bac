import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import { clockTroubles } from "../../runtime/clocks.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { StoreUnavailable } from "../../stores/event-store/event-store.ts";
import { Problem } from "../../values/problem.ts";
import { unlimited } from "../edge/limits.ts";
import { sendProblem } from "../problems.ts";
import { sendJson } from "../query-api/pages.ts";
import { noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { isBroken } from "./broken.ts";
import type { ModelLag } from "./lag.ts";
import { liveAnswer, readyAnswer } from "./schemas.ts";

/** A model that is further behind, or behind and has not moved for so long, is told of. */
const readyLagEventsMax = 50_000;
const readyStalledMsMax = 10_000;

/** Of a store, until it counts as away. */
const checkMsMax = 1_000;

const tags = ["health"];

export function healthOps(app: App, { runtime, lag }: Deps): void {
  /** One look is for all who ask meanwhile: nobody is refused for asking often, and stores that are away are asked once. */
  let look: Promise<StoreStates> | undefined;
  const looked = (request: FastifyRequest): Promise<StoreStates> => {
    look ??= checkStores(runtime, request).finally(() => {
      look = undefined;
    });
    return look;
  };

  app.get(
    "/health/live",
    {
      ...unlimited,
      schema: {
        tags,
        summary: "Whether the process runs",
        security: [],
        querystring: noQuery,
        response: { 200: liveAnswer },
      },
    },
    async () => ({ status: "ok" as const }),
  );

  app.get(
    "/health/ready",
    {
      ...unlimited,
      schema: {
        tags,
        summary: "Whether commands can be taken, and what does not work besides",
        security: [],
        querystring: noQuery,
        response: { 200: readyAnswer, 503: problemSchema },
      },
    },
    async (request, reply) => {
      const stores = await looked(request);
      if (stores.events === "away")
        return sendProblem(reply, new Problem("unavailable", "the events store is away", { stores }));
      const troubles = [
        ...storeTroubles(stores),
        ...clockTroubles(runtime.telemetry).map(({ store, reason }) => ({ about: `${store} store`, reason })),
        ...(await modelTroubles(runtime, await lag(), stores.views === "ok")),
      ];
      const status = troubles.length === 0 ? ("ready" as const) : ("degraded" as const);
      return sendJson(reply, JSON.stringify({ status, stores, troubles }));
    },
  );
}

/** What does not work, while commands can be taken. */
interface Trouble {
  about: string;
  reason: string;
}

function storeTroubles(stores: StoreStates): Trouble[] {
  return storeNames
    .filter((name) => stores[name] === "away")
    .map((name) => ({ about: `${name} store`, reason: "away" }));
}

/** @param isReadable whether their store is there to be asked */
async function modelTroubles(
  { models }: Runtime,
  lags: readonly ModelLag[],
  isReadable: boolean,
): Promise<Trouble[]> {
  const dead = models.death ? [{ about: "projections", reason: "their thread has died" }] : [];
  const each = lags.map(async (lag): Promise<Trouble[]> => {
    const { failure } = models.progress(lag.name);
    if (failure) return [{ about: lag.name, reason: "fails, and tries again" }];
    if (isReadable && (await isBroken(models, lag.name)))
      return [{ about: lag.name, reason: "cannot be read, and has to be rebuilt" }];
    return isBehind(lag) ? [{ about: lag.name, reason: behindBy(lag) }] : [];
  });
  return [...dead, ...(await Promise.all(each)).flat()];
}

function behindBy({ lagEvents, lagMs }: ModelLag): string {
  return lagEvents === null ? `${lagMs} ms behind` : `${lagEvents} events behind`;
}

const storeNames = ["events", "views", "hot"] as const;
type StoreStates = Partial<Record<(typeof storeNames)[number], "ok" | "away">>;

async function checkStores({ events, models, hot }: Runtime, request: FastifyRequest): Promise<StoreStates> {
  const checks = {
    events: () => events.head(),
    views: async () => (await models.model("catalog")).checkpoint(),
    hot: () => hot.get("ready"),
  };
  const look = async (name: (typeof storeNames)[number]) => {
    try {
      await Promise.race([checks[name](), late(name)]);
      return [name, "ok"] as const;
    } catch (error) {
      request.log.warn({ err: error, store: name }, "a store is away");
      return [name, "away"] as const;
    }
  };
  return Object.fromEntries(await Promise.all(storeNames.map(look)));
}

/** Whoever asks whether the process is ready does not wait long. */
async function late(name: string): Promise<never> {
  await sleep(checkMsMax, undefined, { ref: false });
  throw new StoreUnavailable(`the ${name} store did not answer in ${checkMsMax} ms`);
}

function isBehind({ lagEvents, stalledMs }: ModelLag): boolean {
  return (lagEvents ?? 0) > readyLagEventsMax || stalledMs > readyStalledMsMax;
}
