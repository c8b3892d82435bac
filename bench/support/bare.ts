import { join } from "node:path";
import { type ChildServer, startChild } from "./child.ts";
import { createClient } from "./client.ts";

/** A bare fastify: the ceiling of everything that is asked over HTTP. */
export interface BareServer extends ChildServer {
  /** From now on everything is answered with so many bytes. */
  answerWith(bytes: number): Promise<void>;
  rssBytes(): Promise<number>;
}

export async function withBare<T>(work: (bare: BareServer) => Promise<T>): Promise<T> {
  const child = await startChild({
    file: join(import.meta.dirname, "bare-server.ts"),
    env: {},
    firstPath: "/",
  });
  const client = createClient(child.url, 1);
  try {
    return await work({
      ...child,
      answerWith: async (bytes) => {
        await client.ask(200, "PUT", "/answer", { body: { bytes } });
      },
      rssBytes: async () => (await client.ask<{ bytes: number }>(200, "GET", "/rss")).bytes,
    });
  } finally {
    client.close();
    await child.stop();
  }
}
