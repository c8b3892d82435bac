import type { IncomingMessage, ServerResponse } from "node:http";
import helmet from "helmet";
import type { App } from "./server.ts";

/** Answers are data: nothing in them is to be run, shown or framed. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'";
/** The API reference is one page with script and style of its own, from this origin. */
const pagePolicy =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; font-src 'self' data:; base-uri 'self'; object-src 'none'; frame-ancestors 'none'";

/** What browsers are told of every answer. It never changes, so it is asked of helmet once. */
export function secureAnswers(app: App): void {
  const ofHelmet = helmetHeaders();
  const data = { ...ofHelmet, "Content-Security-Policy": dataPolicy };
  const page = { ...ofHelmet, "Content-Security-Policy": pagePolicy };
  app.addHook("onRequest", ({ url }, reply, done) => {
    reply.headers(url.startsWith("/docs") ? page : data);
    done();
  });
}

function helmetHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => {
      headers[name] = value;
    },
    removeHeader: () => {},
  };
  helmet({ contentSecurityPolicy: false })(
    {} as IncomingMessage,
    response as unknown as ServerResponse,
    (error) => {
      if (error) throw error;
    },
  );
  return headers;
}
