import { type AuditEntry, entryOf } from "../../../projections/audit.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type Changes, changesOf } from "../ops-api/changes.ts";
import { problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { listOf, sendJson } from "./pages.ts";
import { auditAnswer, auditQuery } from "./schemas.ts";

/** Of all streams that one page names: what stands further behind in a longer one is shown without its changes. */
const foldedEventsMax = 20_000;

interface Entry extends AuditEntry {
  changes: Changes["changes"] | null;
  more: boolean;
}

/** Who did what, when and from where, and what that has changed; newest first. */
export function auditQueries(app: App, { runtime, fresh, cursors }: Deps): void {
  const { events, queries } = runtime;

  app.get(
    "/v1/audit",
    {
      schema: {
        tags: ["audit"],
        summary:
          "What was done to one thing, by whomever, or what staff, keys and operators did; newest first",
        security: [{ bearer: [] }],
        querystring: auditQuery,
        response: { 200: auditAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { limit, cursor, ...filters } = request.query;
      const { page, next } = listOf(cursors, "audit", filters, { limit, cursor });
      const { stream } = filters;
      if (stream === undefined) {
        await fresh(request, reply, "audit");
        const found = await queries.run("audit", { ...filters, ...page });
        const entries = found.texts.map((text) => JSON.parse(text) as AuditEntry);
        const items = await withChanges(runtime, entries);
        return sendJson(reply, JSON.stringify({ items, nextCursor: next(found.next) }));
      }
      const from = page.after?.[0];
      const read = await events.readStream(stream, {
        ...(from !== undefined && { from: Number(from) }),
        backwards: true,
        maxCount: limit,
      });
      const oldest = read.events.at(-1);
      const items = await withChanges(runtime, read.events.map(entryOf));
      const nextCursor = next(oldest && !read.isEnd ? [oldest.revision - 1] : null);
      return sendJson(reply, JSON.stringify({ items, nextCursor }));
    },
  );
}

async function withChanges(runtime: Runtime, entries: readonly AuditEntry[]): Promise<Entry[]> {
  const asked = new Map<string, Set<number>>();
  let left = foldedEventsMax;
  // Oldest first, so that of a stream that is too long what stands at its beginning is told.
  for (const { stream, revision } of entries.toReversed()) {
    const revisions = asked.get(stream) ?? new Set();
    const further = revision - Math.max(-1, ...revisions);
    if (further > left) continue;
    left -= Math.max(0, further);
    asked.set(stream, revisions.add(revision));
  }
  const { events, codec, identity } = runtime;
  const from = { events, codec, sealing: identity.sealing };
  const found = new Map<string, Map<number, Changes>>();
  for (const [stream, revisions] of asked) found.set(stream, await changesOf(from, stream, revisions));
  return entries.map((entry) => {
    const { changes = null, more = false } = found.get(entry.stream)?.get(entry.revision) ?? {};
    return { ...entry, changes, more };
  });
}
