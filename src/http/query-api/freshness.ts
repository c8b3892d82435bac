import type { FastifyReply, FastifyRequest } from "fastify";
import type { AsOf, HotDocument } from "../../engine/read/hot-model.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { earliest, latest, logStart, type Position } from "../../stores/event-store/event-store.ts";
import { Problem } from "../../values/problem.ts";
import { header } from "../auth.ts";
import type { Positions } from "../edge/positions.ts";
import type { Recency } from "../recency.ts";

const waitMsMax = 5_000;
/** A client that has just written waits this long for what it wrote, and is answered in any case. */
const ownWriteWaitMs = 250;

/**
 * Waits until read models are as new as a request asks for with Min-Position, and says in Position what the
 * answer is made of: at least that.
 *
 * @throws Problem `projection_behind` when the models are not there in time, `validation_failed`
 */
export type Freshness = (
  request: FastifyRequest,
  reply: FastifyReply,
  ...models: [string, ...string[]]
) => Promise<void>;

export function createFreshness({ models }: Runtime, recency: Recency, positions: Positions): Freshness {
  const standAt = (names: readonly [string, ...string[]]): Position => {
    const [first, ...others] = names;
    const at = (name: string) => models.progress(name).position;
    return earliest(at(first), ...others.map(at));
  };

  return async (request, reply, ...names) => {
    const asked = await positions.asked(request);
    const target = asked ?? recency.lastWrite(request) ?? logStart;
    const timeoutMs = asked === undefined ? ownWriteWaitMs : waitMs(request);
    const isThere = async (name: string) =>
      (await models.has(name, target)) || models.reached(name, target, timeoutMs);
    const reached = await Promise.all(names.map(isThere));
    const behind = names.filter((_, index) => !reached[index]);
    if (asked !== undefined && behind.length > 0)
      throw new Problem("projection_behind", `${behind.join(", ")}: not there after ${timeoutMs} ms`, {
        position: positions.seal(standAt(names)),
      });
    reply.header("Position", positions.seal(standAt(names)));
  };
}

/**
 * Refuses to show what is older than a request asks for with Min-Position, although its model is there: a document that
 * is parked waits behind an event that could not be applied (DISTRIBUTED.md, 17). Without a key, for what was not found:
 * any that is parked may be it.
 *
 * @throws Problem unavailable
 */
export type Unparked = (
  request: FastifyRequest,
  ...documents: readonly (readonly [model: string, key: string | undefined])[]
) => Promise<void>;

export function createUnparked({ models }: Runtime, positions: Positions): Unparked {
  return async (request, ...documents) => {
    if (header(request, "min-position") === undefined) return;
    const watched = documents.filter(([model]) => models.progress(model).parked > 0);
    if (watched.length === 0) return;
    const asked = (await positions.asked(request)) ?? logStart;
    for (const [model, key] of watched) {
      const parked = (await models.parked(model)).find(
        (document) => document.position <= asked && (key === undefined || document.key === key),
      );
      if (parked !== undefined)
        throw new Problem(
          "unavailable",
          `${parked.key} of ${model} waits for an event that could not be applied`,
        );
    }
  };
}

/**
 * For answers that are as of now: nothing is ever waited for. They are made of at least what a request asks for
 * with Min-Position and what its client has written last; Position says of what.
 * @returns what `read` has found
 * @throws Problem validation_failed
 */
export type AsOfNow = (
  request: FastifyRequest,
  reply: FastifyReply,
  model: string,
  read: (asOf: AsOf) => Promise<HotDocument>,
) => Promise<string | undefined>;

export function createAsOfNow({ models, engine }: Runtime, recency: Recency, positions: Positions): AsOfNow {
  return async (request, reply, model, read) => {
    const minPosition = await positions.asked(request);
    const asked = latest(minPosition ?? logStart, recency.lastWrite(request) ?? logStart);
    const stored = models.progress(model).position;
    const now = latest(engine.lastPosition, stored);
    const { json, asOf } = await read({ asked, now, stored });
    reply.header("Position", positions.seal(asOf));
    return json;
  };
}

/** `Prefer: wait=N` in seconds (RFC 7240, section 4.3); what is no such preference is ignored, as it says. */
function waitMs(request: FastifyRequest): number {
  const seconds = /(?:^|[,;]) *wait *= *"?(\d{1,9})"? *(?:$|[,;])/i.exec(
    header(request, "prefer") ?? "",
  )?.[1];
  return seconds === undefined ? waitMsMax : Math.min(Number(seconds) * 1_000, waitMsMax);
}
