import { hash } from "node:crypto";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { App } from "./server.ts";

const prefix = "/docs";
/** Of the page and what it loads, which are few. */
const keptMax = 16;

interface Shown {
  status: number;
  headers: Record<string, string>;
  payload: Buffer;
}

/**
 * The readable page of the API. What renders it takes 40 MB, so it is loaded with the first visit, into a
 * server of its own that this one asks, once for each: whoever reads slowly then holds no bytes of his own.
 */
export function serveDocs(app: App): void {
  let opening: Promise<FastifyInstance> | undefined;
  const kept = new Map<string, Promise<Shown>>();
  const ask = async (url: string): Promise<Shown> => {
    opening ??= openPage();
    const page = await opening;
    const { statusCode, headers, rawPayload } = await page.inject({ method: "GET", url });
    const { location, "content-type": contentType = "text/html; charset=utf-8" } = headers;
    return {
      status: statusCode,
      headers: {
        "Content-Type": String(contentType),
        ...(location !== undefined && { Location: String(location) }),
        ...(statusCode === 200 && { ETag: `"${hash("sha1", rawPayload)}"`, "Cache-Control": "no-cache" }),
      },
      payload: rawPayload,
    };
  };
  const show = async (request: FastifyRequest, reply: FastifyReply) => {
    const [path = prefix] = request.url.split("?", 1);
    const asked = kept.get(path) ?? ask(path);
    // Many may ask for it before it is there.
    if (kept.size < keptMax) kept.set(path, asked);
    const { status, headers, payload } = await asked.catch((error: unknown) => {
      kept.delete(path);
      throw error;
    });
    if (status !== 200) kept.delete(path);
    reply.headers(headers);
    if (headers.ETag !== undefined && request.headers["if-none-match"]?.includes(headers.ETag))
      return reply.code(304).send();
    return reply.code(status).send(payload);
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
