import cors from "@fastify/cors";
import type { Config } from "../config.ts";
import type { App } from "./server.ts";

/** How long a browser may keep the answer to a preflight. */
const preflightSeconds = 600;
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const allowedHeaders = [
  ...["Authorization", "Cart-Token", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"],
  ...["Last-Event-ID", "Min-Position", "Prefer", "Visitor-Id"],
];
const exposedHeaders = [
  ...["ETag", "Position", "Location", "Retry-After", "Idempotent-Replayed", "Request-Id"],
  ...["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Content-Disposition"],
];

/** Lets pages of other origins call the API, those of CORS_ORIGINS alone; without any, browsers keep them out. */
export async function allowOrigins(app: App, { CORS_ORIGINS: origins }: Config): Promise<void> {
  if (origins.length === 0) return;
  const all = origins.includes("*");
  await app.register(cors, {
    origin: all ? "*" : [...origins],
    // Anybody's page must not act with what a browser adds by itself.
    credentials: !all,
    methods,
    allowedHeaders,
    exposedHeaders,
    maxAge: preflightSeconds,
    // What may be asked is told by each address itself (edge/options.ts), to others than browsers as well.
    preflightContinue: true,
    strictPreflight: false,
  });
}
