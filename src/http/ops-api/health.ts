import type { FastifyRequest } from "fastify";
import type { Runtime } from "../../runtime/runtime.ts";
import { Problem } from "../../values/problem.ts";
import { sendProblem } from "../problems.ts";
import { sendJson } from "../query-api/pages.ts";
import { noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import type { ModelLag } from "./lag.ts";
import { liveAnswer, readyAnswer } from "./schemas.ts";

/** A model that is further behind, or behind and has not moved for so long, is not fit to be read. */
const readyLagEventsMax = 50_000;
const readyStalledMsMax = 10_000;

const tags = ["health"];

export function healthOps(app: App, { runtime, lag }: Deps): void {
  app.get(
    "/health/live",
    {
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
      schema: {
        tags,
        summary: "Whether the process can do its work, and what keeps it from it",
        security: [],
        querystring: noQuery,
        response: { 200: readyAnswer, 503: problemSchema },
      },
    },
    async (request, reply) => {
      const stores = await checkStores(runtime, request);
      const away = storeNames.filter((name) => stores[name] === "away");
      const behind = stores.events === "away" ? [] : (await lag()).filter(isBehind);
      const { death } = runtime.models;
      if (away.length === 0 && behind.length === 0 && !death)
        return sendJson(reply, JSON.stringify({ status: "ready", stores }));
      const reasons = [
        ...away.map((name) => `the ${name} store is away`),
        ...(death ? ["the projecting thread has died"] : []),
        ...behind.map(({ name, lagEvents, lagMs }) =>
          lagEvents === null ? `${name} is ${lagMs} ms behind` : `${name} is ${lagEvents} events behind`,
        ),
      ];
      sendProblem(reply, new Problem("unavailable", reasons.join("; "), { stores, behind }));
    },
  );
}

const storeNames = ["events", "views", "hot"] as const;
type StoreStates = Partial<Record<(typeof storeNames)[number], "ok" | "away">>;

async function checkStores({ events, models, hot }: Runtime, request: FastifyRequest): Promise<StoreStates> {
  const checks = {
    events: () => events.head(),
    views: async () => (await models.model("catalog")).checkpoint(),
    hot: () => hot.get("ready"),
  };
  const states: StoreStates = {};
  for (const name of storeNames) {
    try {
      await checks[name]();
      states[name] = "ok";
    } catch (error) {
      request.log.warn({ err: error, store: name }, "a store is away");
      states[name] = "away";
    }
  }
  return states;
}

function isBehind({ lagEvents, stalledMs }: ModelLag): boolean {
  return (lagEvents ?? 0) > readyLagEventsMax || stalledMs > readyStalledMsMax;
}
