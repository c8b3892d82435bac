import { type ListedEndpoint, listEndpoints } from "../../../projections/subscriptions.ts";
import { notFound } from "../../values/problem.ts";
import { endpointView, webhookEndpoint, webhookEndpointList } from "../resources/webhook-endpoints.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { listOf } from "./pages.ts";
import { endpointsQuery } from "./schemas.ts";

const shared = { tags: ["webhooks"], security: [{ bearer: [] }] };

export function webhookEndpointQueries(app: App, deps: Deps): void {
  const { runtime, fresh, unparked, cursors } = deps;
  const { models } = runtime;

  app.get(
    "/v1/webhook-endpoints",
    {
      schema: {
        ...shared,
        summary: "Who is told what happens, oldest first",
        querystring: endpointsQuery,
        response: { 200: webhookEndpointList, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { page, next } = listOf(cursors, "webhook-endpoints", [], request.query);
      await fresh(request, reply, "subscriptions");
      const found = await listEndpoints(await models.model("subscriptions"), page);
      const items = found.endpoints.map(({ id, ...endpoint }) => endpointView(id, endpoint));
      return { items, nextCursor: next(found.next) };
    },
  );

  app.get(
    "/v1/webhook-endpoints/:id",
    {
      schema: {
        ...shared,
        summary: "One webhook endpoint, and whether it takes what it is sent",
        querystring: noQuery,
        params: idParams,
        response: { 200: webhookEndpoint, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await fresh(request, reply, "subscriptions");
      await unparked(request, ["subscriptions", id]);
      const found = await (await models.model("subscriptions")).get(id);
      if (!found) throw notFound("webhook endpoint", id);
      const { id: _, ...endpoint } = JSON.parse(found.json) as ListedEndpoint;
      return endpointView(id, endpoint);
    },
  );
}
