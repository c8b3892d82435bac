import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createGzip } from "node:zlib";
import { Problem } from "../../values/problem.ts";
import type { App } from "../server.ts";

/** Bytes of a file that comes in a request. */
export const uploadBytesMax = 32 * 1024 * 1024;
/** At once, in this process: each may hold as many bytes as it sends. */
const uploadsMax = 2;

/** A file that came as a body, which was not looked into. */
export interface Upload {
  kind: "csv" | "json";
  /** As its content type says. */
  charset: string | undefined;
  bytes: number;
  digest: string;
  gzipped: Buffer;
}

const kinds: Readonly<Record<string, Upload["kind"]>> = {
  "text/csv": "csv",
  "application/json": "json",
  "application/x-ndjson": "json",
};
export const uploadTypes = Object.keys(kinds);

/** The routes of this server take files as they come, in place of JSON. */
export function acceptUploads(app: App): void {
  let underWay = 0;
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser(
    uploadTypes,
    async (request: { headers: IncomingMessage["headers"] }, payload: IncomingMessage) => {
      const announced = Number(request.headers["content-length"] ?? 0);
      if (announced > uploadBytesMax) throw tooLarge();
      if (underWay >= uploadsMax) throw new Problem("unavailable", `${uploadsMax} files are being received`);
      underWay++;
      try {
        return await received(payload, request.headers["content-type"] ?? "");
      } finally {
        underWay--;
      }
    },
  );
}

async function received(payload: IncomingMessage, contentType: string): Promise<Upload> {
  const [type = "", ...parameters] = contentType
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters
    .find((parameter) => parameter.startsWith("charset="))
    ?.slice("charset=".length)
    .replaceAll('"', "");
  const gzip = createGzip();
  const hash = createHash("sha256");
  const pieces: Buffer[] = [];
  gzip.on("data", (piece: Buffer) => pieces.push(piece));
  const packed = new Promise((resolve, reject) => gzip.once("end", resolve).once("error", reject));
  const bytes = await readInto(payload, (chunk) => {
    hash.update(chunk);
    return gzip.write(chunk) ? undefined : new Promise((resume) => gzip.once("drain", resume));
  }).finally(() => gzip.end());
  await packed;
  return {
    kind: kinds[type] ?? "csv",
    charset,
    bytes,
    digest: hash.digest("hex"),
    gzipped: Buffer.concat(pieces),
  };
}

/**
 * Reads a body to its end. One that is too large is read on and let go, so that whoever sends it can be answered.
 * @param take may give what to wait for before the next piece
 */
function readInto(
  payload: IncomingMessage,
  take: (chunk: Buffer) => Promise<unknown> | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > uploadBytesMax) {
        payload.off("data", onData).resume();
        reject(tooLarge());
        return;
      }
      const full = take(chunk);
      if (!full) return;
      payload.pause();
      full.then(() => payload.resume());
    };
    payload.on("data", onData);
    payload.once("end", () => resolve(bytes));
    payload.once("error", reject);
    payload.once("close", () => reject(new Problem("malformed_request", "the body has not come to its end")));
  });
}

function tooLarge(): Problem {
  return new Problem("payload_too_large", `a file has at most ${uploadBytesMax} bytes`);
}
