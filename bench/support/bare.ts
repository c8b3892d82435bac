import { join } from "node:path";
import { type ChildServer, startChild } from "./child.ts";

/** Runs work against a bare fastify that answers everything with as many bytes. */
export async function withBare<T>(answerBytes: number, work: (bare: ChildServer) => Promise<T>): Promise<T> {
  const bare = await startChild({
    file: join(import.meta.dirname, "bare-server.ts"),
    env: { ANSWER_BYTES: String(answerBytes) },
    firstPath: "/",
  });
  try {
    return await work(bare);
  } finally {
    await bare.stop();
  }
}
