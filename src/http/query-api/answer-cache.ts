import type { FastifyReply, FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import type { ChangedDocuments, Moment } from "../../runtime/changed-documents.ts";
import type { Position } from "../../stores/event-store/event-store.ts";
import type { Audience } from "../auth.ts";
import type { Positions } from "../edge/positions.ts";
import type { Recency } from "../recency.ts";
import { type Sent, sendAs, tagOf } from "./pages.ts";

/** No older than a projection that is a little behind; who asks for newer, or has just written, gets newer. */
const answerTtlMs = 250;
/** While its projection stands where it stood; bounded, for a rebuild moves a model without moving its position. */
const unmovedTtlMs = 5_000;
const answersBytesMax = 16 * 1024 * 1024;

interface CachedAnswer {
  /** What the read model stood at when it was read. */
  position: Position;
  body: Buffer;
  tag: string;
}

/** What an answer was made of, where that is known to be all, and a moment before it was read. */
interface Sources {
  readAt: Moment;
  keys: readonly string[];
}

interface KeptAnswer extends CachedAnswer {
  sources: Sources | undefined;
  /** Milliseconds of a clock that only goes on. */
  keptAt: number;
}

/** Answers that are the same for all of an audience, by URL: what many ask for at once is read once. */
export interface AnswerCache {
  /** @throws Problem validation_failed */
  find(request: FastifyRequest, audience: Audience): Promise<CachedAnswer | undefined>;
  /**
   * @param revision of the stream that it shows
   * @param sources with which it is as of now for as long as they stay as they are
   * @returns the text as it is sent
   */
  keep(
    request: FastifyRequest,
    audience: Audience,
    position: Position,
    json: string,
    { revision, sources }?: { revision?: number; sources?: Sources | undefined },
  ): CachedAnswer;
}

/** @param standsAt where the read model stands that the answers are made of */
export function createAnswerCache(
  recency: Recency,
  positions: Positions,
  standsAt: () => Position,
  changes?: ChangedDocuments,
): AnswerCache {
  const answers = new LRUCache<string, KeptAnswer>({
    maxSize: answersBytesMax,
    sizeCalculation: ({ body }, url) => body.byteLength + url.length,
  });
  /** As of now, where nothing has changed that it shows. */
  const asOfNow = (answer: KeptAnswer): KeptAnswer => {
    const { position, sources } = answer;
    const now = standsAt();
    if (position < now && sources && changes?.areUnchangedSince(sources.readAt, sources.keys))
      answer.position = now;
    return answer;
  };
  const isGood = ({ position, keptAt }: KeptAnswer) =>
    performance.now() - keptAt < (position === standsAt() ? unmovedTtlMs : answerTtlMs);
  return {
    find: async (request, audience) => {
      const target = (await positions.asked(request)) ?? recency.lastWrite(request);
      const kept = answers.get(`${audience} ${request.url}`);
      if (!kept) return undefined;
      const answer = asOfNow(kept);
      if (!isGood(answer)) return undefined;
      return target === undefined || answer.position >= target ? answer : undefined;
    },
    keep: (request, audience, position, json, { revision, sources } = {}) => {
      const body = Buffer.from(json);
      const answer = { position, body, tag: tagOf(body, revision), keptAt: performance.now(), sources };
      answers.set(`${audience} ${request.url}`, answer);
      return answer;
    },
  };
}

/** @returns the reply */
export function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  positions: Positions,
  { position, body, tag }: CachedAnswer,
): Sent {
  reply.header("Position", positions.seal(position));
  return sendAs(request, reply, body, tag);
}
