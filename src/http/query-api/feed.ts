import { setImmediate as breathe } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { type TopicName, topicNames } from "../../../projections/feed/topics.ts";
import type { FeedEvent } from "../../runtime/feed.ts";
import { logStart } from "../../stores/event-store/event-store.ts";
import { header } from "../auth.ts";
import { createEventStreams } from "../edge/event-stream.ts";
import { type Since, sinceOf } from "../edge/since.ts";
import { feedAnswer } from "../resources/feed.ts";
import { problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { sendJson } from "./pages.ts";
import { feedQuery } from "./schemas.ts";

/** Well below the time after which proxies close what is silent. */
const heartbeatMs = 15_000;
/** How long a reader waits before it comes again, as the stream tells it. */
const comeAgainMs = 3_000;
const pageEvents = 100;
/** Of the log, for one answer: few events may be of the topics that are asked for. */
const pagesMax = 5;

interface Reader extends Since {
  topics: readonly TopicName[];
}

export function feedQueries(app: App, deps: Deps): void {
  const { positions } = deps;
  const streams = createEventStreams(app);

  app.get(
    "/v1/events",
    {
      schema: {
        tags: ["webhooks"],
        summary:
          "What happens, in the order of the log: as server-sent events with `Accept: text/event-stream`, " +
          "which go on from `Last-Event-ID`; else by pages",
        security: [{ bearer: [] }],
        querystring: feedQuery,
        response: {
          200: {
            description: "What there is, or a stream that does not end",
            content: {
              "application/json": { schema: feedAnswer },
              "text/event-stream": { schema: z.string() },
            },
          },
          "4xx": problemSchema,
        },
      },
    },
    async (request, reply) => {
      const { topics = topicNames, limit } = request.query;
      const isStream = /\btext\/event-stream\b/i.test(header(request, "accept") ?? "");
      reply.header("Vary", varying(reply));
      const reader = { topics, ...(await sinceWhen(deps, request)) };
      if (isStream) return streams.send(reply, (signal) => piecesFor(deps, reader, signal));
      const { items, after, more } = await pageFor(deps, reader, limit);
      return sendJson(reply, JSON.stringify({ items, nextCursor: positions.seal(after), more }));
    },
  );
}

function varying(reply: FastifyReply): string {
  const before = reply.getHeader("Vary");
  return before === undefined ? "Accept" : `${String(before)}, Accept`;
}

/** The last id or cursor goes before the `from` that a reader began with, of which a time goes on to count. */
async function sinceWhen(
  { runtime, positions }: Deps,
  request: FastifyRequest<{ Querystring: { from?: string | undefined; cursor?: string | undefined } }>,
): Promise<Since> {
  const { from = "now", cursor } = request.query;
  const last = header(request, "last-event-id");
  const token = cursor ?? (last === "" ? undefined : last);
  const behind =
    token === undefined
      ? {}
      : { after: positions.opened(cursor === undefined ? "Last-Event-ID" : "cursor", token) };
  if (from === "start") return { after: logStart, ...behind };
  if (from !== "now") return { ...sinceOf(positions, from), ...behind };
  return token === undefined ? { after: await runtime.events.head() } : { after: logStart, ...behind };
}

const isTold = ({ time }: FeedEvent, { notBefore = 0 }: Since) => time >= notBefore;

/** Up to `limit` events, of a bounded stretch of the log. */
async function pageFor({ runtime: { feed } }: Deps, reader: Reader, limit: number) {
  const items: unknown[] = [];
  let { after } = reader;
  for (let pages = 0; pages < pagesMax && items.length < limit; pages++) {
    const page = await feed.read({ after, topics: reader.topics, limit: limit - items.length });
    if (page.scannedTo === after) return { items, after, more: false };
    items.push(...page.events.flatMap((event) => (isTold(event, reader) ? (event.told ?? []) : [])));
    after = page.scannedTo;
    await breathe();
  }
  return { items, after, more: true };
}

/**
 * The feed as a stream, from the log: a page is read when the one before was taken, so nothing piles up for who is
 * slow. Each event has the position behind it as its id; a heartbeat has that of what was looked at.
 */
async function* piecesFor(
  { runtime: { feed, log }, positions }: Deps,
  reader: Reader,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let { after } = reader;
  let saidAt = performance.now();
  const idOf = (position: string) => `id: ${positions.seal(position)}\n`;
  yield `retry: ${comeAgainMs}\n${idOf(after)}\n`;
  try {
    while (!signal.aborted) {
      const page = await feed.read({ after, topics: reader.topics, limit: pageEvents });
      const isEnd = page.scannedTo === after;
      after = page.scannedTo;
      let text = "";
      for (const event of page.events)
        if (event.told && isTold(event, reader))
          text += `${idOf(event.position)}event: ${event.told.type}\ndata: ${JSON.stringify(event.told)}\n\n`;
      if (text === "" && performance.now() - saidAt >= heartbeatMs) text = `: here\n${idOf(after)}\n`;
      if (text !== "") {
        yield text;
        saidAt = performance.now();
      } else if (isEnd) await feed.wait(after, heartbeatMs - (performance.now() - saidAt), signal);
      else await breathe();
    }
  } catch (error) {
    // The reader comes again, and goes on from its last id.
    log.warn({ err: error }, "an event stream ends");
  }
}
