import { constants } from "node:zlib";
import compress from "@fastify/compress";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { App } from "./server.ts";

/** Smaller answers fit one packet anyway. */
const compressedFromBytes = 1_024;
/** Of 11: what more would save is not worth the time that answers take. */
const brotliQuality = 4;
/** Texts and JSON, also as lines; a stream of events must not wait in a compressor. */
const compressedTypes = /^text\/(?!event-stream)|[+/-](?:nd)?json(?:;|$)/;

/** Answers over a kilobyte are compressed for who asks for it; requests are not taken compressed. */
export async function compressAnswers(app: App): Promise<void> {
  await app.register(compress, {
    globalDecompression: false,
    threshold: compressedFromBytes,
    customTypes: compressedTypes,
    encodings: ["zstd", "br", "gzip"],
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } },
  });
  // After the plugin's own, which it adds to each route.
  app.addHook("onRoute", (route) => {
    route.onSend = [route.onSend ?? [], weaken].flat();
  });
}

/** The bytes are others than without: a tag that is strong names one of them. */
async function weaken(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const etag = reply.getHeader("ETag");
  if (typeof etag !== "string" || etag.startsWith("W/") || !reply.hasHeader("Content-Encoding")) return;
  reply.header("ETag", `W/${etag}`);
}
