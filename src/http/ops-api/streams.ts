import { streamCategory } from "../../engine/decider.ts";
import type { RecordedEvent } from "../../stores/event-store/event-store.ts";
import { notFound } from "../../values/problem.ts";
import { listOf, sendJson } from "../query-api/pages.ts";
import { problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { foldStream } from "./deciders.ts";
import { streamAnswer, streamParams, streamQuery } from "./schemas.ts";

export function streamOps(app: App, { runtime, cursors }: Deps): void {
  const { events } = runtime;

  app.get(
    "/v1/ops/streams/:stream",
    {
      schema: {
        tags: ["operations"],
        summary: "A stream's events, oldest first; with `at`, also the state that they had led to by then",
        security: [{ bearer: [] }],
        querystring: streamQuery,
        params: streamParams,
        response: { 200: streamAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { stream } = request.params;
      const { at, ...paging } = request.query;
      const { page, next } = listOf(cursors, "stream", [stream], paging);
      const from = Number(page.after?.[0] ?? 0);
      const read = await events.readStream(stream, { from, maxCount: page.limit });
      if (from === 0 && read.events.length === 0) throw notFound("stream", stream);
      const answer = {
        stream,
        category: streamCategory(stream),
        items: read.events.map(eventOf),
        nextCursor: next(read.isEnd ? null : [from + read.events.length]),
      };
      if (at === undefined) return sendJson(reply, JSON.stringify(answer));
      const { state, ...folded } = await foldStream(runtime, stream, at);
      return sendJson(reply, JSON.stringify({ ...answer, at: folded, state }));
    },
  );
}

function eventOf({ revision, position, id, type, time, data, metadata }: RecordedEvent) {
  const { time: _, ...rest } = metadata;
  return { revision, position, id, type, time: new Date(time).toISOString(), data, metadata: rest };
}
