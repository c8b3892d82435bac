import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { isTracing, startSpan } from "../../telemetry/tracing.ts";
import type { App } from "../server.ts";
import { keepSpan, spanOf } from "./origin.ts";

/** Makes each request a span, in its caller's trace if it names one. Names are OpenTelemetry's for HTTP servers. */
export function traceRequests(app: App): void {
  if (!isTracing()) return;
  app.addHook("onRequest", async (request) => {
    const { method } = request;
    const route = request.routeOptions.url;
    const caller = request.headers.traceparent;
    const span = startSpan({
      name: route === undefined ? method : `${method} ${route}`,
      kind: SpanKind.SERVER,
      parent: typeof caller === "string" ? caller : undefined,
      attributes: {
        "http.request.method": method,
        "cartwright.correlation_id": request.id,
        ...(route !== undefined && { "http.route": route }),
      },
    });
    keepSpan(request, span);
  });
  app.addHook("onResponse", async (request, reply) => {
    const span = spanOf(request);
    span?.setAttribute("http.response.status_code", reply.statusCode);
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  });
}
