import type { ProjectorOptions } from "../engine/read/projector.ts";
import type { Page } from "../stores/event-store/event-store.ts";
import { endSpan, startSpan } from "./tracing.ts";

/** Metadata may cost a look-up: of a page that is longer, which is of a model that is behind, the rest is not traced. */
const tracedEventsMax = 200;
/** A page holds the events of many requests: so many of them see it in their trace. */
const tracesPerPageMax = 32;

/** An event that was written in a trace. */
interface Traced {
  type: string;
  traceparent: string;
  correlationId: string;
}

/** Each page that a model applies is a span in the trace of every request whose events it has use for. */
export function tracedPages(): NonNullable<ProjectorOptions["onPage"]> {
  const tracedIn = new WeakMap<Page, readonly Traced[]>();
  return ({ projection, types }, page) => {
    const traced = tracedIn.get(page) ?? tracedOf(page);
    tracedIn.set(page, traced);
    const used = new Map<string, string>();
    for (const { type, traceparent, correlationId } of traced) {
      if (used.size === tracesPerPageMax) break;
      if (types.includes(type)) used.set(traceparent, correlationId);
    }
    const spans = Array.from(used, ([parent, correlationId]) =>
      startSpan({
        name: `project ${projection.name}`,
        parent,
        attributes: {
          "cartwright.projection": projection.name,
          "cartwright.events": page.events.length,
          "cartwright.correlation_id": correlationId,
        },
      }),
    );
    return (error) => {
      for (const span of spans) endSpan(span, error);
    };
  };
}

function tracedOf(page: Page): Traced[] {
  return page.events.slice(0, tracedEventsMax).flatMap(({ type, metadata }) => {
    const { traceparent, correlationId } = metadata;
    return traceparent === undefined ? [] : [{ type, traceparent, correlationId }];
  });
}
