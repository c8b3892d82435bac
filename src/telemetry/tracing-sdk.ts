import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import packageJson from "../../package.json" with { type: "json" };
import type { ClosableProvider, TracingSettings } from "./tracing.ts";

/*
 * Everything of the SDK, imported only when there is an exporter. What is not in the settings it reads itself, from
 * the environment: OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT, _COMPRESSION, _CERTIFICATE and OTEL_RESOURCE_ATTRIBUTES.
 */

/** Spans that wait to be sent; what comes on top is dropped. A busy second of a thousand checkouts makes more. */
const queuedSpansMax = 20_000;
const sentSpansMax = 1_000;
const sendEveryMs = 2_000;
const sendTimeoutMs = 10_000;

export function openSdk(settings: TracingSettings): ClosableProvider {
  const exporter =
    settings.exporter === "console"
      ? new ConsoleSpanExporter()
      : new OTLPTraceExporter(settings.url === undefined ? {} : { url: settings.url });
  return new TracerProvider({
    resource: defaultResource()
      .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
      .merge(
        resourceFromAttributes({
          "service.name": settings.serviceName,
          "service.version": packageJson.version,
        }),
      ),
    sampler: samplerOf(settings),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: queuedSpansMax,
        maxExportBatchSize: sentSpansMax,
        scheduledDelayMillis: sendEveryMs,
        exportTimeoutMillis: sendTimeoutMs,
      }),
    ],
  });
}

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const [, parentBased, name] = /^(parentbased_)?(.*)$/.exec(sampler) ?? [];
  const root = rootSampler(name, ratio);
  return parentBased ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string | undefined, ratio: number): Sampler {
  if (name === "always_off") return new AlwaysOffSampler();
  if (name === "traceidratio") return new TraceIdRatioBasedSampler(ratio);
  return new AlwaysOnSampler();
}
