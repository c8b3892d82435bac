import type { Span } from "@opentelemetry/api";
import type { FastifyRequest } from "fastify";
import { traceparentOf } from "../../telemetry/tracing.ts";

const spans = new WeakMap<FastifyRequest, Span>();

/** What the events that follow from a request say of it. */
export interface Origin {
  correlationId: string;
  traceparent?: string;
}

export function originOf(request: FastifyRequest): Origin {
  const span = spanOf(request);
  const traceparent = span && traceparentOf(span);
  return { correlationId: request.id, ...(traceparent !== undefined && { traceparent }) };
}

/** The span of a request that is traced. */
export function spanOf(request: FastifyRequest): Span | undefined {
  return spans.get(request);
}

export function keepSpan(request: FastifyRequest, span: Span): void {
  spans.set(request, span);
}
