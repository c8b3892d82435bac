import type { FastifyReply, FastifyRequest } from "fastify";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Auth } from "../auth.ts";
import type { App } from "../server.ts";
import { clientAddress } from "./addresses.ts";
import { type Counters, rateHeaders, refusal, tightest } from "./counted.ts";
import { createCounters } from "./counters.ts";
import { createDeclineLimit, type WatchDeclines, watchNone } from "./declines.ts";
import { createLoginLimit, type LoginLimit, loginLimits } from "./logins.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** What a route says of itself that is never refused for being asked too often. */
export const unlimited = { config: { rateLimit: false } } as const;

/** Counts a request by who sends it, and says in its answer's headers what is left. @throws Problem rate_limited */
type LimitRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

declare module "fastify" {
  interface FastifyInstance {
    limitRequest: LimitRequest;
  }
}

/**
 * Has every request counted before anything else may refuse it; a limit that its setting makes 0 is none.
 * @returns what watches payments, for they are known only where they are made
 */
export async function limitClients(
  app: App,
  auth: Auth,
  { config, hot, clock }: Runtime,
): Promise<{ watchDeclines: WatchDeclines; logins: LoginLimit }> {
  const { RATE_LIMIT_PER_MINUTE: requests, DECLINES_PER_HOUR: declines } = config;
  const counters = await createCounters(
    app,
    { hot, clock },
    {
      request: { max: requests, windowMs: minuteMs },
      decline: { max: declines, windowMs: hourMs },
      ...loginLimits,
      loginFrom: { ...loginLimits.loginFrom, max: config.LOGIN_FAILURES },
      mailFrom: { ...loginLimits.mailFrom, max: config.MAILS_PER_HOUR },
    },
  );
  app.decorate("limitRequest", requests === 0 ? async () => {} : createRequestLimit(counters, auth));
  if (requests > 0) app.addHook("onRequest", app.limitRequest);
  return {
    watchDeclines: declines === 0 ? watchNone : createDeclineLimit(counters, auth),
    logins: createLoginLimit(counters),
  };
}

/**
 * A staff key counts by itself alone. A cart's token counts by itself and by its client's address, so that whoever
 * opens a thousand carts has no more than with one; all else, wrong keys and tokens too, by the address.
 */
function createRequestLimit(counters: Counters, auth: Auth): LimitRequest {
  const keysOf = (request: FastifyRequest): string[] => {
    if (auth.isStaff(request)) return ["request:staff"];
    const address = `request:address:${clientAddress(request)}`;
    const cart = auth.cartShown(request);
    return cart === undefined ? [address] : [`request:cart:${cart}`, address];
  };
  return async (request, reply) => {
    if (request.routeOptions.config.rateLimit === false) return;
    const counts = await Promise.all(keysOf(request).map((key) => counters.hit(request, key)));
    const least = tightest(counts);
    reply.headers(rateHeaders(least));
    if (least.isExceeded) throw refusal(reply, least, `at most ${least.max} requests a minute`);
  };
}
