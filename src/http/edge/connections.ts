import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { compile } from "@fastify/proxy-addr";
import type { Config } from "../../config.ts";
import { Problem } from "../../values/problem.ts";
import { problemDocument } from "../problems.ts";
import { addressOf } from "./addresses.ts";

const headerBytesMax = 16 * 1024;
/** From the connection, or from the first byte of a further request, to the last of its headers. */
const headersMsMax = 10_000;
/** To the last byte of its body. */
const requestMsMax = 60_000;
/** How often the two are looked at. */
const lookMs = 1_000;
/** Nothing moves in either direction: longer than any answer takes, so that it is the client that does not read. */
const silentMsMax = 180_000;
/** Between two requests. */
const idleMsMax = 72_000;
/** Then a connection is closed, so that clients come to processes that were started later. */
const requestsMax = 100_000;
/** After an answer to what cannot be read, for the client to read that. */
const lingerMs = 1_000;

/** How many connections there are at once. */
export interface ConnectionBounds {
  max: number;
  /** Beyond `max`, for those that are near: who looks whether the process lives must get through. */
  nearMax: number;
  /** Of one address that is not near. */
  addressMax: number;
}

const bounds: ConnectionBounds = { max: 10_000, nearMax: 200, addressMax: 1_000 };

/** What one connection may cost, as options of the server. */
export const connectionOptions = {
  http: { maxHeaderSize: headerBytesMax, headersTimeout: headersMsMax, connectionsCheckingInterval: lookMs },
  requestTimeout: requestMsMax,
  connectionTimeout: silentMsMax,
  keepAliveTimeout: idleMsMax,
  maxRequestsPerSocket: requestsMax,
  clientErrorHandler: refuseUnreadable,
};

/** Connections of this machine, of its own networks and of the proxies in front, of which each has many clients. */
export function nearOf({ TRUST_PROXY }: Pick<Config, "TRUST_PROXY">): (address: string) => boolean {
  const isNear = compile(["loopback", "linklocal", "uniquelocal", ...TRUST_PROXY]);
  return (address) => isNear(address, 0);
}

/** Closes connections that are too many as they come. */
export function boundConnections(
  server: Server,
  isNear: (address: string) => boolean,
  { max, nearMax, addressMax }: ConnectionBounds = bounds,
): void {
  server.maxConnections = max + nearMax;
  const far = new Map<string, number>();
  let all = 0;
  server.on("connection", (socket: Socket) => {
    all++;
    socket.once("close", () => all--);
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isNear(remoteAddress)) return;
    const address = addressOf(remoteAddress);
    const before = far.get(address) ?? 0;
    if (all > max || before >= addressMax) {
      socket.destroy();
      return;
    }
    far.set(address, before + 1);
    socket.once("close", () => {
      const left = (far.get(address) ?? 0) - 1;
      if (left > 0) far.set(address, left);
      else far.delete(address);
    });
  });
}

const unreadable = new Problem("malformed_request", "the request is not readable as HTTP");
const refusals: Readonly<Record<string, Problem>> = {
  HPE_HEADER_OVERFLOW: new Problem("headers_too_large", `at most ${headerBytesMax} bytes of headers`),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new Problem("payload_too_large", "the extensions of a chunk are too large"),
  ERR_HTTP_REQUEST_TIMEOUT: new Problem("request_timeout", "the request did not come in time"),
};

/** What is not even a whole request has none to answer through. */
function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return;
  // As Node.js has it: into an answer that has begun nothing can be written.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse };
  if (answer?.headersSent) {
    socket.destroy();
    return;
  }
  const problem = refusals[error.code ?? ""] ?? unreadable;
  const body = JSON.stringify(problemDocument(problem));
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\n` +
      `Content-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), lingerMs).unref();
}
