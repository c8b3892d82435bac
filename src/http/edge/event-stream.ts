import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { Problem } from "../../values/problem.ts";
import type { Sent } from "../query-api/pages.ts";
import type { App } from "../server.ts";

const readersMax = 100;
/** A reader that takes nothing for so long is closed: it goes on later from the last id that it has. */
const stallMsMax = 30_000;
/** Of text that waits for one reader, beside the piece that is being sent. */
const bufferedBytesMax = 64 * 1024;
/** How long a reader that is closed has for what is on its way. */
const endMsMax = 1_000;

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), to a bounded number of readers. */
export interface EventStreams {
  /**
   * @param pieces makes the next text when the reader has taken the one before, and ends when the signal aborts
   * @returns the reply
   * @throws Problem rate_limited
   */
  send(reply: FastifyReply, pieces: (signal: AbortSignal) => AsyncIterable<string>): Sent;
}

export function createEventStreams(
  app: App,
  { stallMs = stallMsMax, readers = readersMax } = {},
): EventStreams {
  const open = new Set<() => void>();
  app.addHook("preClose", async () => {
    for (const end of open) end();
  });

  return {
    send(reply, pieces) {
      if (open.size >= readers)
        throw new Problem("rate_limited", `at most ${readers} readers of the event stream at once`);
      const { raw } = reply;
      const ending = new AbortController();
      const end = () => {
        ending.abort();
        setTimeout(() => raw.destroy(), endMsMax).unref();
      };
      open.add(end);
      raw.once("close", () => {
        open.delete(end);
        ending.abort();
      });
      const watched = taken(pieces(ending.signal), stallMs, () => raw.destroy());
      const stream = Readable.from(watched, { objectMode: false, highWaterMark: bufferedBytesMax });
      reply.header("Content-Type", "text/event-stream; charset=utf-8");
      return reply.send(stream) as unknown as Sent;
    },
  };
}

/** Tells when a piece was not taken in time. */
async function* taken(
  pieces: AsyncIterable<string>,
  stallMs: number,
  onStall: () => void,
): AsyncGenerator<Buffer> {
  for await (const piece of pieces) {
    const timer = setTimeout(onStall, stallMs);
    try {
      yield Buffer.from(piece);
    } finally {
      clearTimeout(timer);
    }
  }
}
