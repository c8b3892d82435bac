import { setTimeout as sleep } from "node:timers/promises";
import {
  type Attributes,
  type Context,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TimeInput,
  TraceFlags,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type { Logger } from "pino";
import type { Sampler } from "./samplers.ts";

/*
 * The seam to OpenTelemetry. Without a provider nothing is made and nothing is carried along; a context is handed
 * over as text (https://www.w3.org/TR/trace-context/), in requests and in the metadata of events alike.
 */

/** How long the end of a process waits for its last spans to be sent. */
const lastSendMsMax = 2_000;
const tracerName = "cartwright";
const traceparentPattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const noTrace = "0".repeat(32);
const noSpan = "0".repeat(16);

/** Where spans go to, how many of the traces that begin here are kept, and whose they are. */
export interface TracingSettings {
  exporter: "otlp" | "console";
  /** Of the collector, for `otlp`; the exporter's own default when left out. */
  url?: string;
  sampler: Sampler;
  /** 0 to 1, of the samplers by ratio. */
  ratio: number;
  serviceName: string;
}

export type ClosableProvider = TracerProvider & { shutdown(): Promise<void> };

let provider: ClosableProvider | undefined;

/** Loads the SDK and traces with it from now on, in this thread. */
export async function startTracing(settings: TracingSettings, log: Pick<Logger, "warn">): Promise<void> {
  const { openSdk } = await import("./tracing-sdk.ts");
  const warn = (message: string, ...details: unknown[]) => log.warn({ details }, `tracing: ${message}`);
  const quiet = () => {};
  diag.setLogger({ error: warn, warn, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);
  traceWith(openSdk(settings));
}

/** Traces with a provider that was made elsewhere. */
export function traceWith(made: ClosableProvider): void {
  provider = made;
  trace.setGlobalTracerProvider(made);
}

/** Sends what has not been sent, and traces no more. A collector that is away is not waited for. */
export async function stopTracing(): Promise<void> {
  const ending = provider;
  provider = undefined;
  trace.disable();
  const waited = new AbortController();
  const late = sleep(lastSendMsMax, undefined, { signal: waited.signal, ref: false });
  // What could not be sent has been logged.
  await Promise.race([ending?.shutdown(), late]).catch(() => {});
  waited.abort();
  await late.catch(() => {});
}

export function isTracing(): boolean {
  return provider !== undefined;
}

export interface SpanStart {
  name: string;
  kind?: SpanKind;
  /** The context that it is in; else a trace begins with it. */
  parent?: string | undefined;
  attributes?: Attributes;
  startTime?: TimeInput;
}

export function startSpan({
  name,
  kind = SpanKind.INTERNAL,
  parent,
  attributes,
  startTime,
}: SpanStart): Span {
  const options = { kind, ...(attributes && { attributes }), ...(startTime !== undefined && { startTime }) };
  return trace.getTracer(tracerName).startSpan(name, options, contextOf(parent));
}

/** Ends a span whose work has failed, or not. */
export function endSpan(span: Span, error?: unknown): void {
  if (error !== undefined) {
    const message = error instanceof Error ? error.message : String(error);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
  }
  span.end();
}

/** @returns undefined for a span that is not kept: then what follows from it is not either */
export function traceparentOf(span: Span): string | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext();
  if ((traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
  return `00-${traceId}-${spanId}-01`;
}

/** Of something that is no context, there is none. */
function contextOf(traceparent: string | undefined): Context {
  const [, traceId, spanId, flags] = traceparentPattern.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  if (traceId === noTrace || spanId === noSpan) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
