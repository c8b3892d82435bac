import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { App } from "./server.ts";

const prefix = "/docs";

/**
 * The readable page of the API. What renders it takes 40 MB, so it is loaded with the first visit, into a
 * server of its own that this one asks.
 */
export function serveDocs(app: App): void {
  let opening: Promise<FastifyInstance> | undefined;
  const show = async (request: FastifyRequest, reply: FastifyReply) => {
    opening ??= openPage();
    const page = await opening;
    const answer = await page.inject({ method: "GET", url: request.url });
    const { location, "content-type": contentType } = answer.headers;
    if (location !== undefined) reply.header("Location", location);
    return reply
      .code(answer.statusCode)
      .header("Content-Type", contentType ?? "text/html; charset=utf-8")
      .send(answer.rawPayload);
  };
  app.get(prefix, { schema: { hide: true } }, show);
  app.get(`${prefix}/*`, { schema: { hide: true } }, show);
}

async function openPage(): Promise<FastifyInstance> {
  const { default: scalar } = await import("@scalar/fastify-api-reference");
  const page = fastify();
  await page.register(scalar, {
    routePrefix: prefix,
    configuration: {
      url: "/openapi.json",
      telemetry: false,
      withDefaultFonts: false,
      agent: { disabled: true },
    },
  });
  await page.ready();
  return page;
}
