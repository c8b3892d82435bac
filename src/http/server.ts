import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Runtime } from "../runtime/runtime.ts";
import type { Auth } from "./auth.ts";
import type { Commands } from "./edge/commands.ts";
import type { WatchDeclines } from "./edge/declines.ts";
import type { LoginLimit } from "./edge/logins.ts";
import type { Positions } from "./edge/positions.ts";
import type { LagWatch } from "./ops-api/lag.ts";
import type { Cursors } from "./query-api/cursors.ts";
import type { AsOfNow, Freshness, Unparked } from "./query-api/freshness.ts";
import type { Recency } from "./recency.ts";

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes work with. */
export interface Deps {
  runtime: Runtime;
  auth: Auth;
  commands: Commands;
  recency: Recency;
  positions: Positions;
  watchDeclines: WatchDeclines;
  /** Against those who try out passwords. */
  logins: LoginLimit;
  fresh: Freshness;
  unparked: Unparked;
  asOfNow: AsOfNow;
  cursors: Cursors;
  lag: LagWatch;
}
