import type { FastifyReply, FastifyRequest } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Auth } from "../auth.ts";
import type { App } from "../server.ts";
import type { LagWatch } from "./lag.ts";
import { storeMetrics } from "./store-metrics.ts";

const durationBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Routes are few and fixed; so are the labels. What matches none shares one. */
const unmatchedRoute = "unmatched";

/** What is known of the process as a whole; collected once, however many servers it has. */
let processMetrics: Registry | undefined;

function metricsOfProcess(): Registry {
  if (processMetrics) return processMetrics;
  processMetrics = new Registry();
  collectDefaultMetrics({ register: processMetrics });
  return processMetrics;
}

/** Counts requests, and shows that and the state of the engine and the read models at /metrics. */
export function measure(app: App, runtime: Runtime, lag: LagWatch, auth: Auth): void {
  const registry = new Registry();
  const observe = requestMetrics(registry);
  engineMetrics(registry, runtime);
  storeMetrics(registry, runtime.telemetry);
  const lookAtModels = modelMetrics(registry, runtime, lag);
  app.addHook("onResponse", (request, reply, done) => {
    observe(request, reply);
    done();
  });

  app.get("/metrics", { schema: { hide: true } }, async (request, reply) => {
    // They tell how much a shop sells.
    if (!isLoopback(request.ip)) auth.requireStaff(request, "admin");
    await lookAtModels();
    const merged = Registry.merge([metricsOfProcess(), registry]);
    reply.header("Content-Type", merged.contentType);
    return merged.metrics();
  });
}

function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(address);
}

function requestMetrics(registry: Registry): (request: FastifyRequest, reply: FastifyReply) => void {
  const registers = [registry];
  const labelNames = ["method", "route", "status"] as const;
  const total = new Counter({
    name: "http_requests_total",
    help: "Requests answered",
    labelNames,
    registers,
  });
  const duration = new Histogram({
    name: "http_request_duration_seconds",
    help: "From a request's first byte to its answer's last",
    labelNames,
    buckets: durationBucketsSeconds,
    registers,
  });
  // Finding the series of a set of labels costs more than counting in it, and there are few.
  const known = new Map<string, { total: Counter.Internal; duration: Histogram.Internal<string> }>();
  return (request, reply) => {
    const route = request.routeOptions.url ?? unmatchedRoute;
    const key = `${request.method} ${reply.statusCode} ${route}`;
    let series = known.get(key);
    if (!series) {
      const labels = { method: request.method, route, status: String(reply.statusCode) };
      series = { total: total.labels(labels), duration: duration.labels(labels) };
      known.set(key, series);
    }
    series.total.inc();
    series.duration.observe(reply.elapsedTime / 1_000);
  };
}

function engineMetrics(registry: Registry, { engine }: Runtime): void {
  const registers = [registry];
  new Gauge({
    name: "cartwright_commands_queued",
    help: "Commands that wait, over all streams",
    registers,
    collect() {
      this.set(engine.queuedCommands());
    },
  });
  new Gauge({
    name: "cartwright_cached_streams",
    help: "Streams whose state is in memory",
    registers,
    collect() {
      this.set(engine.cachedStreams());
    },
  });
}

/** @returns what fills the metrics: one look at the lag is for all of them */
function modelMetrics(
  registry: Registry,
  { models, telemetry }: Runtime,
  lag: LagWatch,
): () => Promise<void> {
  const registers = [registry];
  new Gauge({
    name: "cartwright_projector_active",
    help: "1 while this process keeps the read models up to date, of several processes one",
    registers,
    collect() {
      this.set(telemetry.isProjecting() ? 1 : 0);
    },
  });
  const labelNames = ["projection"] as const;
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `cartwright_projection_${name}`, help, labelNames, registers });
  const lagEventsOf = gauge("lag_events", "Events of the log that the read model has not looked at yet");
  const lagSecondsOf = gauge("lag_seconds", "Age of the oldest event not applied yet");
  const parkedOf = gauge("parked_documents", "Documents whose event could not be applied");
  const failingOf = gauge("failing", "1 while the read model cannot be projected, and tries again");
  const rebuildingOf = gauge("rebuilding", "1 while the read model is rebuilt");
  const progressOf = gauge("rebuild_progress", "0 to 1, of the last rebuild");
  return async () => {
    for (const { name: projection, lagEvents, lagMs } of await lag()) {
      const rebuild = models.rebuilds.stateOf(projection);
      if (lagEvents !== null) lagEventsOf.set({ projection }, lagEvents);
      lagSecondsOf.set({ projection }, lagMs / 1_000);
      parkedOf.set({ projection }, models.progress(projection).parked);
      failingOf.set({ projection }, models.progress(projection).failure ? 1 : 0);
      rebuildingOf.set({ projection }, rebuild?.state === "rebuilding" ? 1 : 0);
      if (rebuild) progressOf.set({ projection }, rebuild.progress);
    }
  };
}
