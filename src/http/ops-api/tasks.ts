import { systemContext } from "../../../commands/processes/process.ts";
import { settleTask } from "../../../commands/processes/settle.ts";
import type { ProcessKind } from "../../../commands/processes/tasks.ts";
import { hasExpired, skusWithExpired } from "../../../projections/stock/reservations.ts";
import type { TaskKind } from "../../../projections/tasks/documents.ts";
import { type DueTask, hasTask, tasksOf } from "../../../projections/tasks/queries.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { TriedTask } from "../../runtime/task-runner.ts";
import { isoTime } from "../../values/clock.ts";
import { notFound } from "../../values/problem.ts";
import { originOf } from "../edge/origin.ts";
import { listOf } from "../query-api/pages.ts";
import { noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { retriedAnswer, settleBody, settledAnswer, taskParams, taskQuery, tasksAnswer } from "./schemas.ts";

/** How long the read model may take to hear of what a retry has done. */
const doneKnownWithinMs = 2_000;

const shared = { tags: ["operations"], security: [{ bearer: [] }] };

export function taskOps(app: App, deps: Deps): void {
  const { runtime, cursors } = deps;
  const { tasks, models, clock } = runtime;
  const { currency } = runtime.shop.settings;

  app.get(
    "/v1/ops/tasks",
    {
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
        const failing = await stillOpen(runtime, tasks.failing());
        const from = Number(page.after?.[0] ?? 0);
        const end = from + page.limit;
        const items = failing.slice(from, end).map((task) => shown(task, undefined, task, currency));
        return { items, nextCursor: next(failing.length > end ? [end] : null) };
      }
      if (kind === "stock") {
        const found = await skusWithExpired(await models.model("reservations"), clock(), page);
        const items = found.skus.map((id) => shown({ kind, id }, undefined, tasks.tried(kind, id), currency));
        return { items, nextCursor: next(found.next) };
      }
      const found = await tasksOf(await models.model("tasks"), kind, page);
      const items = found.tasks.map((task) => shown(task, task, tasks.tried(task.kind, task.id), currency));
      return { items, nextCursor: next(found.next) };
    },
  );

  actions(app, deps);
}

function actions(app: App, { runtime, commands }: Deps): void {
  const { shop, tasks, clock } = runtime;

  app.post(
    "/v1/ops/tasks/:kind/:id/retry",
    {
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
        if (kind !== "stock" && !(await isTaskOpen(runtime, kind, id)))
          throw notFound(`open ${kind} task`, id);
        const failure = await tasks.retry(kind, id).then(() => null, messageOf);
        await runtime.models.caughtUp(doneKnownWithinMs, undefined, [modelOf(kind)]);
        const isOpen = await isTaskOpen(runtime, kind, id);
        const reason = failure ?? (isOpen ? "it waits for what is not here yet" : null);
        return { status: 200, body: { kind, id, done: !isOpen, reason: isOpen ? reason : null } };
      };
      return commands.operate(request, reply, retry, retry);
    },
  );

  app.post(
    "/v1/ops/tasks/:kind/:id/settle",
    {
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

/** Without those that are over by now, whatever has ended them. */
async function stillOpen(runtime: Runtime, failing: readonly TriedTask[]): Promise<TriedTask[]> {
  const isOpen = await Promise.all(failing.map(({ kind, id }) => isTaskOpen(runtime, kind, id)));
  for (const [at, { kind, id }] of failing.entries()) if (!isOpen[at]) runtime.tasks.forget(kind, id);
  return failing.filter((_, at) => isOpen[at]);
}

const modelOf = (kind: ProcessKind): string => (kind === "stock" ? "reservations" : "tasks");

/** As far as the read models know. */
async function isTaskOpen({ models, clock }: Runtime, kind: ProcessKind, id: string): Promise<boolean> {
  const model = await models.model(modelOf(kind));
  return kind === "stock" ? hasExpired(model, id, clock()) : hasTask(model, kind, id);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function shown(
  { kind, id }: { kind: ProcessKind | TaskKind; id: string },
  due: DueTask | undefined,
  tried: TriedTask | undefined,
  currency: string,
) {
  return {
    kind,
    id,
    ...(due?.orderId !== undefined && { orderId: due.orderId }),
    ...(due?.paymentId !== undefined && { paymentId: due.paymentId }),
    ...(due?.refundId !== undefined && { refundId: due.refundId }),
    ...(due?.amount !== undefined && { amount: { amount: due.amount, currency } }),
    dueAt: due ? isoTime(due.dueAt) : null,
    failures: tried?.failures ?? 0,
    reason: tried?.reason ?? due?.reason ?? null,
    lastTriedAt: tried ? isoTime(tried.lastTriedAt) : null,
    notBefore: tried ? isoTime(tried.notBefore) : null,
  };
}
