import type { Config } from "../config.ts";
import type { TracingSettings } from "./tracing.ts";

/** @returns undefined when no exporter is configured */
export function tracingSettings(config: Config): TracingSettings | undefined {
  if (config.OTEL_SDK_DISABLED === "true") return undefined;
  const url = config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? tracesUrl(config.OTEL_EXPORTER_OTLP_ENDPOINT);
  const exporter = config.OTEL_TRACES_EXPORTER ?? (url === undefined ? "none" : "otlp");
  if (exporter === "none") return undefined;
  return {
    exporter,
    ...(url !== undefined && { url }),
    sampler: config.OTEL_TRACES_SAMPLER,
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
    serviceName: config.OTEL_SERVICE_NAME,
  };
}

/** https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp */
function tracesUrl(endpoint: string | undefined): string | undefined {
  return endpoint && `${endpoint.replace(/\/$/, "")}/v1/traces`;
}
