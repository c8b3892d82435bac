import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import pino from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { cartsProjection } from "../../projections/carts.ts";
import { readConfig } from "../../src/config.ts";
import { Projector } from "../../src/engine/read/projector.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { tracedPages } from "../../src/telemetry/traced-pages.ts";
import { startTracing, stopTracing, traceWith } from "../../src/telemetry/tracing.ts";
import { tracingSettings } from "../../src/telemetry/tracing-settings.ts";
import { type HttpShop, openShop, openTimeoutMs } from "../http/shop.ts";
import { temporaryViews } from "../support/stores.ts";

const log = pino({ level: "silent" });
const traceId = "0af7651916cd43dd8448eb211c80319c";
const callerSpan = "b7ad6b7169203331";
const sampled = `00-${traceId}-${callerSpan}-01`;

/** A shop that is traced into memory, its projecting thread left out. */
async function tracedShop(): Promise<{ shop: HttpShop; spans: (trace?: string) => ReadableSpan[] }> {
  const exporter = new InMemorySpanExporter();
  traceWith(
    new TracerProvider({
      sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
      spanProcessors: [new SimpleSpanProcessor({ exporter })],
    }),
  );
  onTestFinished(() => stopTracing());
  const shop = await openShop();
  const spans = (trace?: string) =>
    exporter.getFinishedSpans().filter((span) => trace === undefined || span.spanContext().traceId === trace);
  return { shop, spans };
}

/** Projects carts in this thread, as the projecting thread does, up to the end of the log. */
async function projectCarts({ runtime }: HttpShop): Promise<void> {
  const { events, codec } = runtime;
  const views = await temporaryViews(events.logId);
  const head = await events.head();
  const isThere = Promise.withResolvers<void>();
  const projector = await Projector.open({
    ...{ events, codec, log },
    models: [{ projection: cartsProjection, open: () => views.open(cartsProjection) }],
    onPage: tracedPages(),
    onProgress: ([carts]) => {
      if (carts && carts.position >= head) isThere.resolve();
    },
  });
  projector.start();
  await isThere.promise;
  await projector.stop();
}

describe("a request that is traced", { timeout: openTimeoutMs }, () => {
  test("is one trace over its append to the read model, with one correlation id", async () => {
    const { shop, spans } = await tracedShop();
    const headers = { traceparent: sampled, "request-id": "from-the-shop-window" };
    expect((await shop.call("POST", "/v1/carts", { headers })).status).toBe(201);
    await projectCarts(shop);
    const trace = spans(traceId);
    const byName = new Map(trace.map((span) => [span.name, span]));
    expect([...byName.keys()].sort()).toEqual(["POST /v1/carts", "append cart", "project carts"]);
    const request = byName.get("POST /v1/carts");
    expect(request?.parentSpanContext?.spanId).toBe(callerSpan);
    expect(request?.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.route": "/v1/carts",
      "http.response.status_code": 201,
    });
    for (const name of ["append cart", "project carts"])
      expect(byName.get(name)?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    expect(byName.get("append cart")?.attributes).toMatchObject({
      "cartwright.stream.category": "cart",
      "cartwright.stream.expected_revision": -1,
      "cartwright.stream.revision": 0,
    });
    for (const { attributes } of trace)
      expect(attributes["cartwright.correlation_id"]).toBe("from-the-shop-window");
  });

  test("sees each append of its process: a checkout's is one trace over all its streams", async () => {
    const { shop, spans } = await tracedShop();
    await shop.product({ skus: ["TRACED"] });
    const cart = await shop.cart(["TRACED", 1]);
    expect((await shop.checkOut(cart, {}, { traceparent: sampled })).status).toBe(201);
    const appends = new Set(spans(traceId).map(({ name }) => name));
    for (const category of ["cart", "order", "stock", "payment"])
      expect(appends).toContain(`append ${category}`);
  });

  test("begins a trace of its own where its caller names none, or none that is valid", async () => {
    const { shop, spans } = await tracedShop();
    const invalid = [
      `00-${"0".repeat(32)}-${callerSpan}-01`,
      `00-${traceId}-${"0".repeat(16)}-01`,
      "nonsense",
    ];
    for (const traceparent of invalid)
      await shop.call("GET", "/v1/products/none", { headers: { traceparent } });
    await shop.call("GET", "/v1/products/none");
    const traces = new Set(spans().map((span) => span.spanContext().traceId));
    expect(traces.size).toBe(4);
    expect(traces).not.toContain(traceId);
    for (const span of spans()) expect(span.parentSpanContext).toBeUndefined();
  });

  test("leaves no mark where its caller says that the trace is not kept", async () => {
    const { shop, spans } = await tracedShop();
    const headers = { traceparent: `00-${traceId}-${callerSpan}-00` };
    expect((await shop.call("POST", "/v1/carts", { headers })).status).toBe(201);
    await projectCarts(shop);
    expect(spans(traceId)).toEqual([]);
    expect(await traceparents(shop)).toEqual([]);
  });

  test("that fails on our side is an error, one that a client has to mend is none", async () => {
    const { shop, spans } = await tracedShop();
    await shop.call("GET", "/v1/products/none");
    shop.runtime.queries.run = () => Promise.reject(new Error("a mistake of ours"));
    expect((await shop.get("/v1/products")).status).toBe(500);
    const statusOf = (route: string) =>
      spans().find(({ attributes }) => attributes["http.route"] === route)?.status.code;
    expect(statusOf("/v1/products/:id")).toBe(0);
    expect(statusOf("/v1/products")).toBe(2);
  });
});

async function traceparents({ runtime }: HttpShop): Promise<string[]> {
  const { events } = await runtime.events.readAll({ after: logStart, maxCount: 1_000 });
  return events.flatMap(({ metadata }) => metadata.traceparent ?? []);
}

test("without an exporter events carry no trace, whatever the caller says", {
  timeout: openTimeoutMs,
}, async () => {
  const shop = await openShop();
  await shop.call("POST", "/v1/carts", { headers: { traceparent: sampled } });
  expect(await traceparents(shop)).toEqual([]);
});

test("with a collector the projecting thread sends its part of the trace, too", {
  timeout: openTimeoutMs,
}, async () => {
  const sent: Buffer[] = [];
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.url === "/v1/traces") sent.push(Buffer.concat(chunks));
      response.setHeader("Content-Type", "application/x-protobuf").end();
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void collector.close());
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
  };
  const settings = tracingSettings(readConfig(env));
  if (!settings) throw new Error("an endpoint turns tracing on");
  await startTracing(settings, log);
  onTestFinished(() => stopTracing());
  const shop = await openShop({ env });
  await shop.call("POST", "/v1/carts", { headers: { traceparent: sampled } });
  await shop.caughtUp();
  await shop.close();
  await stopTracing();
  // Names and trace ids stand in the protobuf as they are.
  const naming = (name: string) =>
    sent.filter((body) => body.includes(name) && body.includes(Buffer.from(traceId, "hex")));
  expect(naming("append cart").length).toBeGreaterThan(0);
  expect(naming("project carts").length).toBeGreaterThan(0);
  expect(naming("cartwright").length).toBe(sent.length);
});

test("a collector that is away keeps no process from ending", { timeout: openTimeoutMs }, async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
  const settings = tracingSettings(readConfig(env));
  if (!settings) throw new Error("an endpoint turns tracing on");
  await startTracing(settings, log);
  onTestFinished(() => stopTracing());
  const shop = await openShop({ env });
  expect((await shop.call("POST", "/v1/carts")).status).toBe(201);
  await shop.caughtUp();
  const start = performance.now();
  await shop.close();
  await stopTracing();
  expect(performance.now() - start).toBeLessThan(8_000);
});

test("without an exporter the SDK is not loaded", { timeout: openTimeoutMs }, async () => {
  const script = `
    import { registerHooks } from "node:module";
    const seen = new Set();
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier.startsWith("@opentelemetry/")) seen.add(specifier);
        return next(specifier, context);
      },
    });
    await import("./src/cli/serve.ts");
    process.stdout.write([...seen].join());`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    cwd: join(import.meta.dirname, "../.."),
  });
  expect(stdout).toBe("@opentelemetry/api");
});

describe("the settings of tracing", () => {
  const settingsOf = (env: Record<string, string>) => tracingSettings(readConfig(env));

  test("turn it on by an exporter or an endpoint alone", () => {
    expect(settingsOf({})).toBeUndefined();
    expect(settingsOf({ OTEL_SERVICE_NAME: "shop" })).toBeUndefined();
    expect(settingsOf({ OTEL_TRACES_EXPORTER: "console" })).toMatchObject({ exporter: "console" });
    expect(settingsOf({ OTEL_TRACES_EXPORTER: "otlp" })).not.toHaveProperty("url");
    const OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector:4318/";
    expect(settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT })).toEqual({
      exporter: "otlp",
      url: "http://collector:4318/v1/traces",
      sampler: "parentbased_always_on",
      ratio: 1,
      serviceName: "cartwright",
    });
    expect(settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: "none" })).toBeUndefined();
    expect(settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: "true" })).toBeUndefined();
    const OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = "https://elsewhere/traces";
    expect(settingsOf({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT })?.url).toBe(
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    );
  });

  test("refuse a sampler that there is not, and a share that is none", () => {
    expect(() => settingsOf({ OTEL_TRACES_SAMPLER: "now_and_then" })).toThrow(/OTEL_TRACES_SAMPLER/);
    expect(() => settingsOf({ OTEL_TRACES_SAMPLER_ARG: "1.5" })).toThrow(/OTEL_TRACES_SAMPLER_ARG/);
  });

  test("take a share of the traces that begin here", async () => {
    const { openSdk } = await import("../../src/telemetry/tracing-sdk.ts");
    const share = settingsOf({
      OTEL_TRACES_EXPORTER: "otlp",
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
    });
    if (!share) throw new Error("an exporter turns tracing on");
    const sdk = openSdk(share);
    const tracer = sdk.getTracer("test");
    const kept = Array.from({ length: 2_000 }, () => tracer.startSpan("one")).filter((span) =>
      span.isRecording(),
    );
    expect(kept.length).toBeGreaterThan(350);
    expect(kept.length).toBeLessThan(650);
  });
});
