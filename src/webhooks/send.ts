import http from "node:http";
import https from "node:https";
import { lookupPublic, whyNotUrl } from "./addresses.ts";

/** From asking for the address to the end of the answer. */
const sendMsMax = 15_000;
/** What an answer says beside its status is read for the connection's sake, and not looked at. */
const answerBytesMax = 64 * 1024;
const idleSocketsMax = 64;
const idleSocketMsMax = 30_000;

/** What became of a message; `gone`: its receiver wants none any more; `retryAfterMs`: none before. */
export type Sent =
  | { ok: true; status: number }
  | { ok: false; reason: string; status?: number; gone?: true; retryAfterMs?: number };

export interface Sender {
  /** Never throws. @param signal gives it up */
  send(url: string, headers: Record<string, string>, body: string, signal?: AbortSignal): Promise<Sent>;
  close(): void;
}

interface SenderOptions {
  /** Also plain HTTP, and addresses of this machine and network. */
  allowPrivate: boolean;
  timeoutMs?: number;
}

/** Posts messages to receivers that others have named. No redirect is followed: it could lead anywhere. */
export function createSender({ allowPrivate, timeoutMs = sendMsMax }: SenderOptions): Sender {
  const how = { keepAlive: true, maxFreeSockets: idleSocketsMax, timeout: idleSocketMsMax };
  const agents = { "http:": new http.Agent(how), "https:": new https.Agent(how) };

  const post = (url: string, headers: Record<string, string>, body: string, signal: AbortSignal) =>
    new Promise<Answered>((resolve, reject) => {
      const target = new URL(url);
      const isTls = target.protocol === "https:";
      const request = (isTls ? https : http).request(target, {
        method: "POST",
        agent: agents[isTls ? "https:" : "http:"],
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        signal,
        ...(!allowPrivate && { lookup: lookupPublic }),
      });
      // Nobody has asked for another protocol.
      request.once("upgrade", ({ statusCode: status = 0 }, socket) => {
        socket.destroy();
        resolve({ status });
      });
      // An answer or an error says what comes of it.
      let isOver = false;
      request.once("close", () => {
        if (!isOver) reject(new Error("it was closed without an answer"));
      });
      request.once("response", (response) => {
        isOver = true;
        const { statusCode: status = 0, headers } = response;
        const retryAfter = headers["retry-after"];
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) response.destroy();
        });
        // The status has been given, however the rest of the answer ends.
        response.on("error", () => {});
        response.once("close", () => resolve({ status, retryAfter }));
      });
      // A connection that was kept may have been closed while this was on its way.
      request.once("error", (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && error.code === "ECONNRESET" && !signal.aborted;
        isOver = true;
        if (isStale) post(url, headers, body, signal).then(resolve, reject);
        else reject(error);
      });
      request.end(body);
    });

  return {
    async send(url, headers, body, signal) {
      const refusal = whyNotUrl(url, allowPrivate);
      if (refusal !== undefined) return { ok: false, reason: `not a URL to send to: ${refusal}` };
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
        return judged(await post(url, headers, body, either));
      } catch (error) {
        if (timeout.aborted) return { ok: false, reason: `no answer within ${timeoutMs} ms` };
        return { ok: false, reason: reasonOf(error) };
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

interface Answered {
  status: number;
  retryAfter?: string | undefined;
}

function judged({ status, retryAfter = "" }: Answered): Sent {
  if (status >= 200 && status < 300) return { ok: true, status };
  const refused = { ok: false, reason: `answered ${status}`, status } as const;
  if (status === 410) return { ...refused, gone: true };
  const retryAfterMs = msUntil(retryAfter);
  return retryAfterMs > 0 ? { ...refused, retryAfterMs } : refused;
}

/** Of a Retry-After (RFC 9110, section 10.2.3): seconds, or a date by this machine's clock; 0 for what is neither. */
function msUntil(retryAfter: string): number {
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** What went wrong on the way, in one line. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return `no connection: ${message || code || String(error)}`.slice(0, 200);
}
