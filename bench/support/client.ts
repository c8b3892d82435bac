import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { WrongAnswer } from "./measurement.ts";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface Call {
  headers?: Record<string, string>;
  body?: unknown;
}

export type Method = "GET" | "POST" | "PUT";

/** Speaks HTTP over connections that it keeps. */
export interface Client {
  call(method: Method, path: string, call?: Call): Promise<Answer>;
  /** @returns the body of an answer with the expected status. @throws WrongAnswer with any other */
  ask<T>(status: number, method: Method, path: string, call?: Call): Promise<T>;
  close(): void;
}

export function createClient(url: string, connections: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });

  const call: Client["call"] = (method, path, { headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const typed = payload !== undefined && {
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(payload),
      };
      const sent = request(url + path, { method, agent, headers: { ...headers, ...typed } }, (received) => {
        let text = "";
        received.setEncoding("utf8");
        received.on("data", (chunk: string) => {
          text += chunk;
        });
        received.on("error", reject);
        received.on("end", () =>
          resolve({ status: received.statusCode ?? 0, headers: received.headers, text }),
        );
      });
      sent.on("error", reject);
      sent.end(payload);
    });

  return {
    call,
    async ask<T>(status: number, method: Method, path: string, options?: Call): Promise<T> {
      const answer = await call(method, path, options);
      if (answer.status !== status) throw unexpected(`${method} ${path}`, status, answer);
      return JSON.parse(answer.text) as T;
    },
    close: () => agent.destroy(),
  };
}

export function unexpected(what: string, expected: number, { status, text }: Answer): WrongAnswer {
  return new WrongAnswer(`${what} was answered ${status} instead of ${expected}: ${text.slice(0, 500)}`);
}
