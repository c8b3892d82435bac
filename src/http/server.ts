import type { FastifyInstance, FastifyBaseLogger, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Runtime } from "../runtime/runtime.ts";
import type { Auth } from "./auth.ts";
import type { Commands } from "./command.ts";
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
}
