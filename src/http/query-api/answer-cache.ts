import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import type { Position } from "../../stores/event-store/event-store.ts";
import type { Principal } from "../auth.ts";
import type { Positions } from "../edge/positions.ts";
import type { Recency } from "../recency.ts";
import { tagOf } from "./pages.ts";

/** No older than a projection that is a little behind; who asks for newer, or has just written, gets newer. */
const answerTtlMs = 250;
/** While its projection stands where it stood; bounded, for a rebuild moves a model without moving its position. */
const unmovedTtlMs = 5_000;
const answersBytesMax = 16 * 1024 * 1024;

type Audience = Principal["kind"];

export interface CachedAnswer {
  /** What the read model stood at when it was read. */
  position: Position;
  body: Buffer;
  tag: string;
}

interface KeptAnswer extends CachedAnswer {
  /** Milliseconds of a clock that only goes on. */
  keptAt: number;
}

/** Answers that are the same for all of an audience, by URL: what many ask for at once is read once. */
export interface AnswerCache {
  /** @throws Problem validation_failed */
  find(request: FastifyRequest, audience: Audience): Promise<CachedAnswer | undefined>;
  /**
   * @param revision of the stream that it shows
   * @returns the text as it is sent
   */
  keep(
    request: FastifyRequest,
    audience: Audience,
    position: Position,
    json: string,
    revision?: number,
  ): CachedAnswer;
}

/** @param standsAt where the read model stands that the answers are made of */
export function createAnswerCache(
  recency: Recency,
  positions: Positions,
  standsAt: () => Position,
): AnswerCache {
  const answers = new LRUCache<string, KeptAnswer>({
    maxSize: answersBytesMax,
    sizeCalculation: ({ body }, url) => body.byteLength + url.length,
  });
  const isGood = ({ position, keptAt }: KeptAnswer) =>
    performance.now() - keptAt < (position === standsAt() ? unmovedTtlMs : answerTtlMs);
  return {
    find: async (request, audience) => {
      const target = (await positions.asked(request)) ?? recency.lastWrite(request);
      const answer = answers.get(`${audience} ${request.url}`);
      if (!answer || !isGood(answer)) return undefined;
      return target === undefined || answer.position >= target ? answer : undefined;
    },
    keep: (request, audience, position, json, revision) => {
      const body = Buffer.from(json);
      const answer = { position, body, tag: tagOf(body, revision), keptAt: performance.now() };
      answers.set(`${audience} ${request.url}`, answer);
      return answer;
    },
  };
}
