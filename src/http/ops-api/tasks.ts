import { systemContext } from "../../../commands/processes/process.ts";
import { settleTask } from "../../../commands/processes/settle.ts";
import { type DueTask, hasTask, tasksOf } from "../../../projections/tasks.ts";
import type { TriedTask } from "../../runtime/task-runner.ts";
import { isoTime } from "../../values/clock.ts";
import { notFound } from "../../values/problem.ts";
import { originOf } from "../edge/origin.ts";
import { listOf } from "../query-api/pages.ts";
import { noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { retriedAnswer, settleBody, settledAnswer, taskParams, taskQuery, tasksAnswer } from "./schemas.ts";

const shared = { tags: ["operations"], security: [{ bearer: [] }] };

export function taskOps(app: App, deps: Deps): void {
  const { runtime, staffOnly, cursors } = deps;
  const { tasks, models } = runtime;

  app.get(
    "/v1/ops/tasks",
    {
      ...staffOnly,
      schema: {
        ...shared,
        summary: "What is still to be done: of one kind, or without it what has failed, the worst first",
        querystring: taskQuery,
        response: { 200: tasksAnswer, "4xx": problemSchema },
      },
    },
    async (request) => {
      const { kind, ...paging } = request.query;
      const { page, next } = listOf(cursors, "tasks", [kind ?? null], paging);
      if (kind === undefined) {
        const failing = tasks.failing();
        const from = Number(page.after?.[0] ?? 0);
        const end = from + page.limit;
        const items = failing.slice(from, end).map((task) => shown(task, undefined, task));
        return { items, nextCursor: next(failing.length > end ? [end] : null) };
      }
      const found = await tasksOf(await models.model("tasks"), kind, page);
      const items = found.tasks.map((task) => shown(task, task, tasks.tried(task.kind, task.id)));
      return { items, nextCursor: next(found.next) };
    },
  );

  actions(app, deps);
}

function actions(app: App, { runtime, staffOnly, commands }: Deps): void {
  const { shop, tasks, clock } = runtime;

  app.post(
    "/v1/ops/tasks/:kind/:id/retry",
    {
      ...staffOnly,
      schema: {
        ...shared,
        summary: "Do a task now, whatever it waits for",
        querystring: noQuery,
        params: taskParams,
        response: { 200: retriedAnswer, "4xx": problemSchema },
      },
    },
    (request, reply) => {
      const { kind, id } = request.params;
      const retry = async () => {
        const model = await runtime.models.model("tasks");
        if (kind !== "stock" && !(await hasTask(model, kind, id))) throw notFound(`open ${kind} task`, id);
        const reason = await tasks.retry(kind, id).then(() => null, messageOf);
        return { status: 200, body: { kind, id, done: reason === null, reason } };
      };
      return commands.operate(request, reply, retry, retry);
    },
  );

  app.post(
    "/v1/ops/tasks/:kind/:id/settle",
    {
      ...staffOnly,
      schema: {
        ...shared,
        summary: "End a task by hand that cannot be done; answers what has still to be looked after",
        querystring: noQuery,
        params: taskParams,
        body: settleBody,
        response: { 200: settledAnswer, "4xx": problemSchema },
      },
    },
    (request, reply) => {
      const { kind, id } = request.params;
      const { as, reason } = request.body;
      const context = { ...systemContext(clock, "staff"), ...originOf(request) };
      const settle = async () => {
        const left = await settleTask(shop, kind, id, as, reason, context);
        tasks.forget(kind, id);
        return { status: 200, body: { kind, id, left } };
      };
      return commands.operate(request, reply, settle, async () => ({
        status: 200,
        body: { kind, id, left: [] },
      }));
    },
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function shown({ kind, id }: Pick<DueTask | TriedTask, "kind" | "id">, due?: DueTask, tried?: TriedTask) {
  return {
    kind,
    id,
    dueAt: due ? isoTime(due.dueAt) : null,
    failures: tried?.failures ?? 0,
    reason: tried?.reason ?? null,
    lastTriedAt: tried ? isoTime(tried.lastTriedAt) : null,
    notBefore: tried ? isoTime(tried.notBefore) : null,
  };
}
