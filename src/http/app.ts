import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import helmet from "@fastify/helmet";
import swagger from "@fastify/swagger";
import fastify, { type FastifyRequest, LogController } from "fastify";
import {
  createJsonSchemaTransform,
  jsonSchemaTransformObject,
  validatorCompiler,
} from "fastify-type-provider-zod";
import packageJson from "../../package.json" with { type: "json" };
import { eventSchemaName, topicNames, topics } from "../../projections/feed/topics.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Problem } from "../values/problem.ts";
import { type Auth, createAuth } from "./auth.ts";
import { sayWhoKeeps } from "./caching.ts";
import { cartCommands } from "./command-api/carts.ts";
import { editCommands } from "./command-api/edits.ts";
import { orderCommands } from "./command-api/orders.ts";
import { paymentCommands } from "./command-api/payments.ts";
import { productCommands } from "./command-api/products.ts";
import { refundCommands } from "./command-api/refunds.ts";
import { returnCommands } from "./command-api/returns.ts";
import { sandboxCommands } from "./command-api/sandbox.ts";
import { shipmentCommands } from "./command-api/shipments.ts";
import { stockCommands } from "./command-api/stock.ts";
import { webhookEndpointCommands } from "./command-api/webhook-endpoints.ts";
import { webhookCommands } from "./command-api/webhooks.ts";
import { compressAnswers } from "./compression.ts";
import { allowOrigins } from "./cors.ts";
import { serveDocs } from "./docs.ts";
import { createCommands } from "./edge/commands.ts";
import { createPositions } from "./edge/positions.ts";
import { traceRequests } from "./edge/tracing.ts";
import { healthOps } from "./ops-api/health.ts";
import { createLagWatch, type LagWatch } from "./ops-api/lag.ts";
import { measure } from "./ops-api/metrics.ts";
import { projectionOps } from "./ops-api/projections.ts";
import { streamOps } from "./ops-api/streams.ts";
import { taskOps } from "./ops-api/tasks.ts";
import { errorHandler, problemDocument, sendProblem } from "./problems.ts";
import { analyticsQueries } from "./query-api/analytics.ts";
import { cartQueries } from "./query-api/carts.ts";
import { createCursors } from "./query-api/cursors.ts";
import { feedQueries } from "./query-api/feed.ts";
import { createAsOfNow, createFreshness, createUnparked } from "./query-api/freshness.ts";
import { orderQueries } from "./query-api/orders.ts";
import { productQueries } from "./query-api/products.ts";
import { stockQueries } from "./query-api/stock.ts";
import { webhookEndpointQueries } from "./query-api/webhook-endpoints.ts";
import { limitRates } from "./rate-limit.ts";
import { createRecency } from "./recency.ts";
import type { App, Deps } from "./server.ts";

const bodyBytesMax = 1024 * 1024;
/** A SKU of 64 four-byte characters, percent-encoded. */
const pathParameterCharactersMax = 64 * 4 * 3;
const requestTimeoutMs = 120_000;
const keepAliveTimeoutMs = 72_000;
const closeSweepMs = 50;
/** Answers are data: nothing in them is to be run, shown or framed. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'";
/** The API reference is one page with script and style of its own, from this origin. */
const pagePolicy =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; font-src 'self' data:; base-uri 'self'; object-src 'none'; frame-ancestors 'none'";
const requestIdPattern = /^[\w.:-]{1,100}$/;

/** The HTTP server, ready to listen or to be injected into; closing it does not close the runtime. */
export async function buildApp(runtime: Runtime): Promise<App> {
  const auth = createAuth(runtime.folder.secret, runtime.folder.adminApiKey.value);
  const app = createServer(runtime, auth);
  acceptJson(app);
  closeConnections(app);

  // Before what may refuse a request: a page has to be able to read why.
  await allowOrigins(app, runtime.config);
  // Its policy of content is made anew for every request: ours never changes.
  await app.register(helmet, { contentSecurityPolicy: false });
  app.addHook("onRequest", async ({ url }, reply) => {
    reply.header("Content-Security-Policy", url.startsWith("/docs") ? pagePolicy : dataPolicy);
  });
  await compressAnswers(app);
  sayWhoKeeps(app);
  await limitRates(app, runtime);
  await describeApi(app);

  traceRequests(app);
  const lag = createLagWatch(runtime);
  measure(app, runtime, lag, auth);
  addRoutes(app, runtime, auth, lag);
  await app.ready();
  return app;
}

/** A server without routes, whose errors are problems. */
function createServer(runtime: Runtime, auth: Auth): App {
  const handleError = errorHandler(auth.isStaff);
  const app = fastify({
    loggerInstance: runtime.log,
    bodyLimit: bodyBytesMax,
    // Only these are believed when they say whose request it is.
    trustProxy: runtime.config.TRUST_PROXY ?? false,
    clientErrorHandler: refuseUnreadable,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    routerOptions: { maxParamLength: pathParameterCharactersMax },
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    // An answer may come while the server is closing: what was accepted is finished.
    return503OnClosing: false,
    forceCloseConnections: "idle",
    frameworkErrors: (error, request, reply) => {
      handleError(error, request, reply);
    },
  }) as unknown as App;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new Problem("not_found", `there is no ${request.method} ${request.url.slice(0, 200)}`),
    ),
  );
  app.addHook("onRequest", async (request, reply) => {
    reply.header("Request-Id", request.id);
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, url, ip } = request;
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    request.log.debug({ method, url, ip, status: reply.statusCode, ms }, "answered");
  });
  return app;
}

function addRoutes(app: App, runtime: Runtime, auth: Auth, lag: LagWatch): void {
  const recency = createRecency();
  const { events } = runtime;
  const positions = createPositions(runtime.folder.secret, {
    logId: events.logId,
    head: () => events.head(),
  });
  const deps: Deps = {
    runtime,
    auth,
    recency,
    positions,
    commands: createCommands(runtime, { auth, recency, positions }),
    staffOnly: { onRequest: async (request) => auth.requireStaff(request) },
    fresh: createFreshness(runtime, recency, positions),
    unparked: createUnparked(runtime, positions),
    asOfNow: createAsOfNow(runtime, recency, positions),
    cursors: createCursors(runtime.folder.secret),
    lag,
  };
  app.after(() => {
    projectionOps(app, deps);
    streamOps(app, deps);
    taskOps(app, deps);
    healthOps(app, deps);
    if (!runtime.takesRequests) return;
    productCommands(app, deps);
    stockCommands(app, deps);
    cartCommands(app, deps);
    orderCommands(app, deps);
    shipmentCommands(app, deps);
    returnCommands(app, deps);
    editCommands(app, deps);
    paymentCommands(app, deps);
    refundCommands(app, deps);
    webhookCommands(app, deps);
    sandboxCommands(app, deps);
    productQueries(app, deps);
    stockQueries(app, deps);
    cartQueries(app, deps);
    orderQueries(app, deps);
    analyticsQueries(app, deps);
    webhookEndpointCommands(app, deps);
    webhookEndpointQueries(app, deps);
    feedQueries(app, deps);
  });
}

/** What is not even HTTP has no request to answer through. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return;
  const problem = problemDocument(new Problem("malformed_request", "the request is not readable as HTTP"));
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/**
 * A connection that is kept alive and was busy when the server was told to close would keep it open until
 * its time is over: it is closed as soon as its answer is out.
 */
function closeConnections(app: App): void {
  app.addHook("preClose", async () => {
    if (!app.server.listening) return;
    const sweep = setInterval(() => app.server.closeIdleConnections(), closeSweepMs);
    app.server.once("close", () => clearInterval(sweep));
  });
}

function requestId(request: { headers: Record<string, string | string[] | undefined> }): string {
  const given = request.headers["x-request-id"] ?? request.headers["request-id"];
  return typeof given === "string" && requestIdPattern.test(given) ? given : randomUUID();
}

/** U+0000 as JSON has it: behind an even number of backslashes. */
const escapedNul = /(?<!\\)(?:\\\\)*\\u0000/;

/**
 * JSON and nothing else. Commands without fields may be sent with a JSON content type and no body; U+0000,
 * which no text of a shop needs and which cuts texts off in other tools, is not let in.
 */
function acceptJson(app: App): void {
  app.removeContentTypeParser("text/plain");
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") done(null, undefined);
    else if (body.includes("\\u0000") && escapedNul.test(body as string))
      done(new Problem("malformed_request", "the body holds the character U+0000"));
    else parse(request as FastifyRequest, body as string, done);
  });
}

const headerParameter = (name: string, description: string) => ({
  name,
  in: "header",
  required: false,
  description,
  schema: { type: "string" },
});
const commandHeaders = [
  headerParameter(
    "Idempotency-Key",
    "The same key and request again get the same answer, and nothing is done twice",
  ),
  headerParameter("If-Match", "The ETag of the version that the command is meant for; else 412"),
];
const queryHeaders = [
  headerParameter("Min-Position", "The Position of an answer: waits until the read model is there"),
  headerParameter("Prefer", "`wait=N`: how many seconds to wait for Min-Position, at most 5"),
];
const feedHeaders = [
  headerParameter(
    "Last-Event-ID",
    "The id of the last event that a reader has: the stream goes on behind it",
  ),
];

/** What webhook endpoints are sent, by topic. */
function describedTopics() {
  return Object.fromEntries(
    topicNames.map((name) => [
      name,
      {
        post: {
          tags: ["webhooks"],
          summary: topics[name].summary,
          requestBody: {
            required: true,
            content: {
              "application/json": { schema: { $ref: `#/components/schemas/${eventSchemaName(name)}` } },
            },
          },
          responses: { "2XX": { description: "It is taken; anything else, and it is sent again" } },
        },
      },
    ]),
  );
}

/** Headers that every command or query of the API takes: described here, read where they are meant. */
function withHeaders(document: ReturnType<typeof jsonSchemaTransformObject>) {
  for (const [path, operations] of Object.entries(document.paths ?? {})) {
    if (!path.startsWith("/v1/") || path.startsWith("/v1/webhooks/")) continue;
    for (const [method, operation] of Object.entries<{ parameters?: object[] }>(operations ?? {})) {
      const headers = path === "/v1/events" ? feedHeaders : method === "get" ? queryHeaders : commandHeaders;
      Object.assign(operation, { parameters: [...(operation.parameters ?? []), ...headers] });
    }
  }
  return document;
}

async function describeApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      webhooks: describedTopics(),
      info: {
        title: "Cartwright",
        description: "Carts, orders, payments and stock, event-sourced.",
        version: packageJson.version,
      },
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", description: "A staff API key" },
          cartToken: { type: "apiKey", in: "header", name: "Cart-Token", description: "A guest's cart" },
        },
      },
    },
    transform: createJsonSchemaTransform({ skipList: ["/openapi.json", "/metrics"] }),
    transformObject: (input) => withHeaders(jsonSchemaTransformObject(input)),
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  serveDocs(app);
}
