import { Gauge, type Metric, type Registry } from "prom-client";
import { bucketSeconds, type Calls } from "../../telemetry/measurements.ts";
import type { Telemetry } from "../../telemetry/telemetry.ts";

type Sample = { labels: Record<string, string | number>; value: number; metricName?: string };

/** What the stores do, over all threads of the process. */
export function storeMetrics(registry: Registry, telemetry: Telemetry): void {
  const durations = "cartwright_store_operation_seconds";
  counted(registry, {
    name: durations,
    help: "How long calls to the stores took, by what came of them",
    type: "histogram",
    samples: () => telemetry.counted().calls.flatMap((calls) => samplesOf(durations, calls)),
  });
  counted(registry, {
    name: "cartwright_store_retries_total",
    help: "Calls to a server that were made again within one call, for want of an answer",
    type: "counter",
    samples: () =>
      telemetry.counted().retries.map(({ store, operation, count }) => ({
        labels: { store, operation },
        value: count,
      })),
  });
  poolMetrics(registry, telemetry);
  const registers = [registry];
  new Gauge({
    name: "cartwright_store_clock_ahead_seconds",
    help: "How far the clock of a store's server is ahead of this process's; below 0, behind it",
    labelNames: ["store"],
    registers,
    collect() {
      for (const { store, secondsAhead } of telemetry.clocks()) this.set({ store }, secondsAhead);
    },
  });
  new Gauge({
    name: "cartwright_store_replication_lag_seconds",
    help: "How far a member of a replica set is behind its primary, in whole seconds",
    labelNames: ["store", "member"],
    registers,
    collect() {
      this.reset();
      for (const { store, member, seconds } of telemetry.replicationLags())
        this.set({ store, member }, seconds);
    },
  });
}

function poolMetrics(registry: Registry, telemetry: Telemetry): void {
  const gauge = (name: string, help: string, ofUse: (use: PoolUse) => number) =>
    new Gauge({
      name: `cartwright_store_pool_${name}`,
      help,
      labelNames: ["store", "thread"],
      registers: [registry],
      collect() {
        this.reset();
        for (const { store, thread, use } of telemetry.pools()) this.set({ store, thread }, ofUse(use));
      },
    });
  gauge("open", "Connections that are open", ({ open }) => open);
  gauge("in_use", "Connections that a call has", ({ inUse }) => inUse);
  gauge("waiting", "Calls that wait for a connection", ({ waiting }) => waiting);
  gauge("max", "Connections that may be open to one server", ({ max }) => max);
}

type PoolUse = ReturnType<Telemetry["pools"]>[number]["use"];

interface CountedMetric {
  name: string;
  help: string;
  type: "counter" | "histogram";
  samples: () => Sample[];
}

/** prom-client has no histogram that is counted elsewhere; it renders whatever has samples. */
function counted(registry: Registry, { name, help, type, samples }: CountedMetric): void {
  const metric = {
    name,
    help,
    type,
    aggregator: "sum",
    get: async () => ({ name, help, type, aggregator: "sum", values: samples() }),
    reset: () => {},
  };
  registry.registerMetric(metric as unknown as Metric);
}

function samplesOf(name: string, { store, operation, outcome, buckets, seconds }: Calls): Sample[] {
  const labels = { store, operation, outcome };
  let count = 0;
  const cumulative = buckets.map((own, at): Sample => {
    count += own;
    return {
      metricName: `${name}_bucket`,
      labels: { le: bucketSeconds[at] ?? "+Inf", ...labels },
      value: count,
    };
  });
  return [
    ...cumulative,
    { metricName: `${name}_sum`, labels, value: seconds },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
