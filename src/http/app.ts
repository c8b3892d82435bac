import { randomUUID } from "node:crypto";
import fastify, { LogController } from "fastify";
import { validatorCompiler } from "fastify-type-provider-zod";
import { cart } from "../../commands/cart/cart.ts";
import { knownForMs } from "../identity/sessions.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Problem } from "../values/problem.ts";
import { type Auth, createAuth } from "./auth.ts";
import { sayWhoKeeps } from "./caching.ts";
import { apiKeyCommands } from "./command-api/api-keys.ts";
import { authCommands } from "./command-api/auth.ts";
import { cartCommands } from "./command-api/carts.ts";
import { customerCommands } from "./command-api/customers.ts";
import { editCommands } from "./command-api/edits.ts";
import { brandCommands, categoryCommands } from "./command-api/groups.ts";
import { importCommands } from "./command-api/imports.ts";
import { meCommands } from "./command-api/me.ts";
import { addressCommands } from "./command-api/me-addresses.ts";
import { cartOfCustomer } from "./command-api/me-cart.ts";
import { credentialCommands } from "./command-api/me-credentials.ts";
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
import { acceptJson, bodyBytesMax } from "./edge/bodies.ts";
import { createCommands } from "./edge/commands.ts";
import { boundConnections, connectionOptions, nearOf } from "./edge/connections.ts";
import { limitClients } from "./edge/limits.ts";
import { answerOptions } from "./edge/options.ts";
import { createPositions } from "./edge/positions.ts";
import { traceRequests } from "./edge/tracing.ts";
import { describeApi } from "./openapi.ts";
import { healthOps } from "./ops-api/health.ts";
import { createLagWatch } from "./ops-api/lag.ts";
import { mailOps } from "./ops-api/mails.ts";
import { measure } from "./ops-api/metrics.ts";
import { projectionOps } from "./ops-api/projections.ts";
import { streamOps } from "./ops-api/streams.ts";
import { taskOps } from "./ops-api/tasks.ts";
import { guardRoutes } from "./permissions.ts";
import { errorHandler, sendProblem } from "./problems.ts";
import { analyticsQueries } from "./query-api/analytics.ts";
import { auditQueries } from "./query-api/audit.ts";
import { cartQueries } from "./query-api/carts.ts";
import { createCursors } from "./query-api/cursors.ts";
import { customerQueries } from "./query-api/customers.ts";
import { exportQueries } from "./query-api/exports.ts";
import { feedQueries } from "./query-api/feed.ts";
import { createAsOfNow, createFreshness, createUnparked } from "./query-api/freshness.ts";
import { groupQueries } from "./query-api/groups.ts";
import { importQueries } from "./query-api/imports.ts";
import { orderQueries } from "./query-api/orders.ts";
import { productQueries } from "./query-api/products.ts";
import { stockQueries } from "./query-api/stock.ts";
import { webhookEndpointQueries } from "./query-api/webhook-endpoints.ts";
import { createRecency } from "./recency.ts";
import { secureAnswers } from "./security-headers.ts";
import type { App, Deps } from "./server.ts";

/** A SKU of 64 four-byte characters, percent-encoded. */
const pathParameterCharactersMax = 64 * 4 * 3;
const closeSweepMs = 50;
const requestIdPattern = /^[\w.:-]{1,100}$/;

/** The HTTP server, ready to listen or to be injected into; closing it does not close the runtime. */
export async function buildApp(runtime: Runtime): Promise<App> {
  const { folder, identity, clock } = runtime;
  const auth = createAuth({
    secret: folder.secret,
    adminApiKey: folder.adminApiKey.value,
    customerOf: async (token) => {
      const access = await identity.sessions.holder(token, clock());
      return access && { customerId: access.accountId, sessionId: access.sessionId, loginAt: access.loginAt };
    },
    keyOf: (token) => identity.apiKeys.holder(token, clock()),
    // Another process may just have assigned it.
    ownerOf: (cartId) =>
      runtime.engine.read(
        cart,
        cartId,
        (state) => (state.phase === "absent" ? undefined : state.customerId),
        performance.now() - knownForMs,
      ),
  });
  const app = createServer(runtime, auth);
  acceptJson(app);
  closeConnections(app);

  // Before what may refuse a request: a page has to be able to read why.
  await allowOrigins(app, runtime.config);
  secureAnswers(app);
  await compressAnswers(app);
  answerOptions(app);
  sayWhoKeeps(app);
  const { watchDeclines, logins } = await limitClients(app, auth, runtime);
  // Counted before: a token that was never seen takes longest.
  app.addHook("onRequest", (request, _reply, done) => {
    const recognising = auth.recognise(request);
    if (recognising) recognising.then(() => done(), done);
    else done();
  });
  guardRoutes(app, auth);
  await describeApi(app);
  serveDocs(app);

  traceRequests(app);
  const lag = createLagWatch(runtime);
  measure(app, runtime, lag, auth);
  addRoutes(app, runtime, { auth, lag, watchDeclines, logins });
  await app.ready();
  return app;
}

/** A server without routes, whose errors are problems. */
function createServer(runtime: Runtime, auth: Auth): App {
  const handleError = errorHandler(auth.isStaff);
  const { TRUST_PROXY } = runtime.config;
  const app = fastify({
    loggerInstance: runtime.log,
    bodyLimit: bodyBytesMax,
    // Only these are believed when they say whose request it is.
    trustProxy: TRUST_PROXY.length > 0 && TRUST_PROXY,
    ...connectionOptions,
    routerOptions: { maxParamLength: pathParameterCharactersMax },
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    // An answer may come while the server is closing: what was accepted is finished.
    return503OnClosing: false,
    forceCloseConnections: "idle",
    // A path that cannot be read has no route and no hooks, and is counted all the same.
    frameworkErrors: (error, request, reply) => {
      const refuse = (reason: unknown) => handleError(reason, request, reply);
      app.limitRequest(request, reply).then(() => refuse(error), refuse);
    },
  }) as unknown as App;
  boundConnections(app.server, nearOf(runtime.config));
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new Problem("not_found", `there is no ${request.method} ${request.url.slice(0, 200)}`),
    ),
  );
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("Request-Id", request.id);
    // An empty one is none.
    if (request.headers.authorization?.trim() === "") delete request.headers.authorization;
    done();
  });
  if (runtime.log.isLevelEnabled("debug"))
    app.addHook("onResponse", (request, reply, done) => {
      const { method, url, ip } = request;
      const ms = Math.round(reply.elapsedTime * 10) / 10;
      request.log.debug({ method, url, ip, status: reply.statusCode, ms }, "answered");
      done();
    });
  return app;
}

function addRoutes(
  app: App,
  runtime: Runtime,
  { auth, lag, watchDeclines, logins }: Pick<Deps, "auth" | "lag" | "watchDeclines" | "logins">,
): void {
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
    fresh: createFreshness(runtime, recency, positions),
    unparked: createUnparked(runtime, positions),
    asOfNow: createAsOfNow(runtime, recency, positions),
    cursors: createCursors(runtime.folder.secret),
    lag,
    watchDeclines,
    logins,
  };
  app.after(() => {
    for (const add of operations) add(app, deps);
    if (!runtime.takesRequests) return;
    for (const add of [...commandRoutes, ...queryRoutes]) add(app, deps);
  });
}

type AddRoutes = (app: App, deps: Deps) => void;

const operations: readonly AddRoutes[] = [projectionOps, streamOps, taskOps, mailOps, healthOps];

const commandRoutes: readonly AddRoutes[] = [
  apiKeyCommands,
  productCommands,
  categoryCommands,
  brandCommands,
  stockCommands,
  authCommands,
  meCommands,
  addressCommands,
  cartOfCustomer,
  credentialCommands,
  customerCommands,
  cartCommands,
  orderCommands,
  shipmentCommands,
  returnCommands,
  editCommands,
  paymentCommands,
  refundCommands,
  webhookCommands,
  sandboxCommands,
  webhookEndpointCommands,
  importCommands,
];

const queryRoutes: readonly AddRoutes[] = [
  productQueries,
  groupQueries,
  stockQueries,
  cartQueries,
  orderQueries,
  customerQueries,
  analyticsQueries,
  webhookEndpointQueries,
  feedQueries,
  exportQueries,
  auditQueries,
  importQueries,
];

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
