import type { FastifyReply } from "fastify";
import type { App } from "./server.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answers without a key are the same for everybody. */
    forAll?: boolean;
  }
}

/** What a route says of itself whose answers are the same for everybody who has no key. */
export const forAll = { config: { forAll: true } };

/** Says who may keep an answer: what is for all, anybody, who has to ask whether it is still so; the rest, nobody. */
export function sayWhoKeeps(app: App): void {
  app.addHook("onRequest", (request, reply, done) => {
    if (!request.url.startsWith("/v1/")) return done();
    const isForAll = request.routeOptions.config.forAll === true;
    const isPublic = isForAll && request.headers.authorization === undefined;
    reply.header("Cache-Control", isPublic ? "public, max-age=0, must-revalidate" : "private, no-store");
    if (isForAll) vary(reply, "Authorization");
    done();
  });
}

function vary(reply: FastifyReply, name: string): void {
  const before = reply.getHeader("Vary");
  reply.header("Vary", before === undefined ? name : `${String(before)}, ${name}`);
}
