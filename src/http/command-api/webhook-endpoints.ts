import type { z } from "zod";
import { type Subscription, subscription } from "../../../commands/subscription/subscription.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import { endpointsMax } from "../../runtime/deliveries.ts";
import { isoTime } from "../../values/clock.ts";
import { deriveId, newId } from "../../values/ids.ts";
import { illegalTransition, notFound } from "../../values/problem.ts";
import { whyNotUrl } from "../../webhooks/addresses.ts";
import { type Found, foundIn, type RequestCommand } from "../edge/commands.ts";
import { sinceOf } from "../edge/since.ts";
import { invalid } from "../problems.ts";
import {
  endpointView,
  webhookEndpoint,
  webhookEndpointDeleted,
  webhookEndpointWithSecret,
  webhookTestAnswer,
} from "../resources/webhook-endpoints.ts";
import {
  emptyBody,
  endpointChangesBody,
  idParams,
  newEndpointBody,
  noQuery,
  problemSchema,
  replayBody,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";

const describe = <S extends z.ZodType>(summary: string, status: number, answer: S) => ({
  tags: ["webhooks"],
  summary,
  security: [{ bearer: [] }],
  querystring: noQuery,
  response: { [status]: answer, "4xx": problemSchema },
});

type Respond = (state: Subscription, revision: number) => Found<Subscription>;
type Run = (context: CommandContext, respond: Respond) => Promise<Outcome<Found<Subscription>>>;

/** A command on one endpoint, answered by the endpoint right after it. */
function endpointCommand(
  { runtime: { deliveries } }: Deps,
  id: string,
  status: number,
  run: Run,
  { withSecret = false, isNew = false } = {},
): RequestCommand<Subscription> {
  return {
    aim: { decider: subscription, id, ...(isNew && { isNew }) },
    run: async (context) => foundIn(await run(context, (state, revision) => ({ state, revision }))),
    answer: ({ state, ...where }) => {
      if (state.phase === "deleted") return { status, body: { id, deleted: true }, ...where };
      if (state.phase === "absent") throw notFound("webhook endpoint", id);
      const { endpoint } = state;
      const secret = withSecret ? { secret: deliveries.secretOf(id, endpoint.rotation) } : {};
      return { status, body: { ...endpointView(id, endpoint), ...secret }, ...where };
    },
  };
}

/** @throws Problem validation_failed */
function requireUrl({ runtime: { config } }: Deps, url: string | undefined): void {
  const reason = url && whyNotUrl(url, config.WEBHOOK_PRIVATE_ADDRESSES === "true");
  if (reason) throw invalid([{ path: "url", message: reason }]);
}

export function webhookEndpointCommands(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine, models } = runtime;

  app.post(
    "/v1/webhook-endpoints",
    {
      schema: {
        ...describe("Tell another system what happens from now on", 201, webhookEndpointWithSecret),
        body: newEndpointBody,
      },
    },
    async (request, reply) => {
      const { description, ...fields } = request.body;
      requireUrl(deps, fields.url);
      const command = { ...fields, ...(description !== undefined && { description }) };
      return commands.run(request, reply, (commandId) => {
        const id = deriveId(commandId, "subscription");
        const run: Run = async (context, respond) => {
          if ((await (await models.model("subscriptions")).count()) >= endpointsMax)
            throw illegalTransition(`there are ${endpointsMax} webhook endpoints: delete one first`);
          return engine.execute(subscription, id, "Create", command, context, respond);
        };
        return endpointCommand(deps, id, 201, run, { withSecret: true, isNew: true });
      });
    },
  );

  changing(app, deps);
  sending(app, deps);
}

function changing(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.patch(
    "/v1/webhook-endpoints/:id",
    {
      schema: {
        ...describe("Change a webhook endpoint, or turn it off or on again", 200, webhookEndpoint),
        params: idParams,
        body: endpointChangesBody,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      requireUrl(deps, request.body.url);
      return commands.run(request, reply, () =>
        endpointCommand(deps, id, 200, (context, respond) =>
          engine.execute(subscription, id, "Change", request.body, context, respond),
        ),
      );
    },
  );

  app.post(
    "/v1/webhook-endpoints/:id/rotate-secret",
    {
      schema: {
        ...describe(
          "Make a new secret; for a day messages are signed with the old one, too",
          200,
          webhookEndpointWithSecret,
        ),
        params: idParams,
        body: emptyBody,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      const run: Run = (context, respond) =>
        engine.execute(subscription, id, "RotateSecret", {}, context, respond);
      return commands.run(request, reply, () => endpointCommand(deps, id, 200, run, { withSecret: true }));
    },
  );

  app.delete(
    "/v1/webhook-endpoints/:id",
    {
      schema: { ...describe("Delete a webhook endpoint", 200, webhookEndpointDeleted), params: idParams },
    },
    (request, reply) => {
      const { id } = request.params;
      return commands.run(request, reply, () =>
        endpointCommand(deps, id, 200, (context, respond) =>
          engine.execute(subscription, id, "Delete", {}, context, respond),
        ),
      );
    },
  );
}

function sending(app: App, deps: Deps): void {
  const { runtime, commands, positions } = deps;
  const { engine, feed, deliveries, clock } = runtime;

  app.post(
    "/v1/webhook-endpoints/:id/replay",
    {
      schema: {
        ...describe("Send again what was sent, in the order of the log", 202, webhookEndpoint),
        params: idParams,
        body: replayBody,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { from, topics, replace } = request.body;
      const { after, notBefore } = sinceOf(positions, from);
      const first = notBefore === undefined ? await feed.firstBehind(after) : undefined;
      if (notBefore === undefined && !first) throw illegalTransition("nothing has happened since then");
      const command = {
        ...(first && { from: first }),
        ...(notBefore !== undefined && { notBefore: isoTime(notBefore) }),
        ...(topics && { topics: [...new Set(topics)] }),
        ...(replace && { replace }),
      };
      return commands.run(request, reply, () =>
        endpointCommand(deps, id, 202, (context, respond) =>
          engine.execute(subscription, id, "Replay", command, context, respond),
        ),
      );
    },
  );

  app.post(
    "/v1/webhook-endpoints/:id/test",
    {
      schema: {
        ...describe(
          "Send a message of the type `webhook.test` now, and tell what came of it",
          200,
          webhookTestAnswer,
        ),
        params: idParams,
        body: emptyBody,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      const test = async () => {
        const state = await engine.read(subscription, id, (state) => state);
        if (state.phase !== "there") throw notFound("webhook endpoint", id);
        const messageId = newId();
        const message = {
          id: messageId,
          type: "webhook.test",
          timestamp: isoTime(clock()),
          data: { endpointId: id },
        };
        const { ok: delivered, ...sent } = await deliveries.send({ ...state.endpoint, id }, message);
        const { status, reason } = { reason: undefined, ...sent };
        const told = { ...(status !== undefined && { status }), ...(reason !== undefined && { reason }) };
        return { status: 200, body: { messageId, delivered, ...told } };
      };
      return commands.operate(request, reply, test, test);
    },
  );
}
