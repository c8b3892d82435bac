import type { RebuildState } from "../../runtime/rebuilds.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { logStart, StoreDamaged } from "../../stores/event-store/event-store.ts";
import type { ParkedDocument } from "../../stores/view-store/view-store.ts";
import { isoTime } from "../../values/clock.ts";
import { illegalTransition, notFound } from "../../values/problem.ts";
import { listOf, sendJson } from "../query-api/pages.ts";
import { pageQuery } from "../query-api/schemas.ts";
import { emptyBody, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { isBroken } from "./broken.ts";
import type { ModelLag } from "./lag.ts";
import {
  parkedBody,
  parkedListAnswer,
  projectionParams,
  projectionsAnswer,
  rebuildAnswer,
  rolledBackAnswer,
  stoppedAnswer,
  unparkAnswer,
} from "./schemas.ts";

/** A model that is behind by less is live: its events are on their way. */
const catchingUpLagMsMin = 1_000;
const catchingUpLagEventsMin = 5_000;
/** Counting walks through a model, so it is not done for every look at it. */
const documentCountTtlMs = 2_000;

const tags = ["operations"];
const security = [{ bearer: [] }];

export function projectionOps(app: App, deps: Deps): void {
  listOps(app, deps);
  rebuildOps(app, deps);
  undoOps(app, deps);
  parkedOps(app, deps);
}

/** @returns what tells operators of one model */
function createDescribeModel({ models, queries }: Runtime) {
  const documentCounts = new Map<string, { count: number; at: number }>();

  async function documentsOf(name: string): Promise<number | null> {
    const known = documentCounts.get(name);
    if (known && performance.now() - known.at < documentCountTtlMs) return known.count;
    const count = await queries.run("documents", name).catch(() => null);
    if (count === null) return null;
    documentCounts.set(name, { count, at: performance.now() });
    return count;
  }

  return async ({ name, position, head, lagEvents, lagMs }: ModelLag) => {
    const rebuild = models.rebuilds.stateOf(name);
    const { parked, failure } = models.progress(name);
    const hasFailed = failure !== undefined || (await isBroken(models, name));
    return {
      name,
      version: models.versionOf(name),
      state: hasFailed && rebuild?.state !== "rebuilding" ? "failed" : stateOf(lagEvents, lagMs, rebuild),
      position,
      head,
      lagEvents,
      lagMs,
      documents: await documentsOf(name),
      parked,
      ...(failure && { failure: { ...failure, since: isoTime(failure.since) } }),
      ...(rebuild?.state === "rebuilding" && {
        progress: rebuild.progress,
        eventsPerSecond: rebuild.eventsPerSecond,
      }),
      ...(rebuild && { rebuild: { ...rebuild, startedAt: new Date(rebuild.startedAt).toISOString() } }),
    };
  };
}

function listOps(app: App, { runtime, lag }: Deps): void {
  const describeModel = createDescribeModel(runtime);

  app.get(
    "/v1/ops/projections",
    {
      schema: {
        tags,
        summary: "How far each read model is, and what came of its last rebuild",
        security,
        querystring: noQuery,
        response: { 200: projectionsAnswer, "4xx": problemSchema },
      },
    },
    async (_request, reply) => {
      return sendJson(reply, JSON.stringify(await Promise.all((await lag()).map(describeModel))));
    },
  );
}

function rebuildOps(app: App, { runtime: { models, log }, commands }: Deps): void {
  app.post(
    "/v1/ops/projections/:name/rebuild",
    {
      schema: {
        tags,
        summary: "Build a read model anew beside the live one, compare them and switch over",
        security,
        querystring: noQuery,
        params: projectionParams,
        body: emptyBody,
        response: { 202: rebuildAnswer, "4xx": problemSchema },
      },
    },
    (request, reply) => {
      const { name } = request.params;
      const answer = { status: 202, body: { name, state: "rebuilding" } };
      const start = async () => {
        requireModel(models.names, name);
        if (models.rebuilds.isRunning(name)) throw illegalTransition(`${name} is being rebuilt already`);
        models.rebuilds
          .run([name], true)
          .then((comparisons) =>
            log.info({ model: name, comparison: comparisons.get(name) }, "read model rebuilt"),
          )
          .catch((error: unknown) => {
            if (models.rebuilds.stateOf(name)?.state === "stopped")
              log.info({ model: name }, "rebuilding a read model was stopped");
            else log.error({ err: error, model: name }, "rebuilding a read model failed");
          });
        return answer;
      };
      return commands.operate(request, reply, start, async () => answer);
    },
  );
}

/** What brings a rebuild to an end before it has one, or takes it back. */
function undoOps(app: App, { runtime: { models }, commands }: Deps): void {
  app.delete(
    "/v1/ops/projections/:name/rebuild",
    {
      schema: {
        tags,
        summary: "Stop a rebuild that is under way: the live read model stays as it is",
        security,
        querystring: noQuery,
        params: projectionParams,
        response: { 202: stoppedAnswer, "4xx": problemSchema },
      },
    },
    (request, reply) => {
      const { name } = request.params;
      const answer = { status: 202, body: { name, stopping: true } };
      const stop = async () => {
        requireModel(models.names, name);
        if (!(await models.rebuilds.stop(name))) throw illegalTransition(`${name} is not being rebuilt`);
        return answer;
      };
      return commands.operate(request, reply, stop, async () => answer);
    },
  );

  app.post(
    "/v1/ops/projections/:name/rollback",
    {
      schema: {
        tags,
        summary: "Go back to the read model as it was built before, brought up to date",
        security,
        querystring: noQuery,
        params: projectionParams,
        body: emptyBody,
        response: { 200: rolledBackAnswer, "4xx": problemSchema },
      },
    },
    (request, reply) => {
      const { name } = request.params;
      const answer = { status: 200, body: { name, rolledBack: true } };
      const rollback = async () => {
        requireModel(models.names, name);
        if (models.rebuilds.isRunning(name)) throw illegalTransition(`${name} is being rebuilt`);
        const isBack = await models.rebuilds.rollback(name).catch((error: unknown) => {
          // An error that comes from a thread has lost its class.
          if (!(error instanceof Error) || error.name !== StoreDamaged.name) throw error;
          throw illegalTransition(`the build of ${name} before this one is broken`);
        });
        if (!isBack) throw illegalTransition(`${name} has no build before this one to go back to`);
        return answer;
      };
      return commands.operate(request, reply, rollback, async () => answer);
    },
  );
}

function parkedOps(app: App, { runtime, commands, cursors }: Deps): void {
  const { models } = runtime;

  app.get(
    "/v1/ops/projections/:name/parked",
    {
      schema: {
        tags,
        summary: "Documents whose event could not be applied, in the order they were parked",
        security,
        querystring: pageQuery,
        params: projectionParams,
        response: { 200: parkedListAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      requireModel(models.names, name);
      const { page, next } = listOf(cursors, "parked", [name], request.query);
      const parked = (await models.parked(name)).sort(byPosition);
      const [position, key] = page.after ?? [];
      const last = { position: String(position ?? logStart), key: String(key ?? "") };
      const rest = parked.filter((document) => byPosition(document, last) > 0);
      const items = rest.slice(0, page.limit).map(({ readAfter: _, ...document }) => document);
      const end = items.at(-1);
      const nextCursor = next(rest.length > items.length && end ? [end.position, end.key] : null);
      return sendJson(reply, JSON.stringify({ items, nextCursor }));
    },
  );

  for (const [how, summary] of [
    ["retry", "Apply a parked document's events again"],
    ["skip", "Go on with a parked document without the event that failed"],
  ] as const) {
    app.post(
      `/v1/ops/projections/:name/parked/${how}`,
      {
        schema: {
          tags,
          summary,
          security,
          querystring: noQuery,
          params: projectionParams,
          body: parkedBody,
          response: { 200: unparkAnswer, "4xx": problemSchema },
        },
      },
      (request, reply) => {
        const { name } = request.params;
        const { key } = request.body;
        // It may be parked again, by the same event or by one that waited behind it.
        const answer = async (outdated: number | null) => {
          const parked = (await models.parked(name)).some((document) => document.key === key);
          return { status: 200, body: { name, key, parked, outdated } };
        };
        const unpark = async () => {
          requireModel(models.names, name);
          const unparked = await models.unpark(name, key, how);
          if (!unparked) throw notFound(`parked document of ${name}`, key);
          return answer(unparked.outdated);
        };
        return commands.operate(request, reply, unpark, () => answer(null));
      },
    );
  }
}

function stateOf(lagEvents: number | null, lagMs: number, rebuild: RebuildState | undefined) {
  if (rebuild?.state === "rebuilding") return "rebuilding";
  const behind =
    (lagEvents ?? 0) >= catchingUpLagEventsMin || (lagEvents !== 0 && lagMs >= catchingUpLagMsMin);
  return behind ? "catching_up" : "live";
}

/** @throws Problem not_found */
function requireModel(names: readonly string[], name: string): void {
  if (!names.includes(name)) throw notFound("read model", name);
}

function byPosition(
  a: Pick<ParkedDocument, "position" | "key">,
  b: Pick<ParkedDocument, "position" | "key">,
) {
  if (a.position !== b.position) return a.position < b.position ? -1 : 1;
  return a.key < b.key ? -1 : Number(a.key > b.key);
}
