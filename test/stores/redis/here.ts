import { afterAll, beforeAll, describe, test } from "vitest";
import { type RedisServer, startRedis, whyNoRedisHere } from "./server.ts";

/**
 * Declares tests on the Redis at REDIS_URL, else on a server started for them, else skips them and says why.
 * Others may use the server too: who tests on it keeps to a prefix or a log of its own.
 */
export function onRedis(name: string, tests: (urlOf: () => string) => void): void {
  const { REDIS_URL } = process.env;
  const whyNot = whyNoRedisHere();
  if (REDIS_URL) {
    tests(() => REDIS_URL);
  } else if (whyNot) {
    test.skip(`${name} on Redis, for REDIS_URL is not set and ${whyNot}`, () => {});
  } else {
    describe("on a Redis of its own", () => {
      let server: RedisServer;
      beforeAll(async () => {
        server = await startRedis();
      });
      afterAll(() => server.close());
      tests(() => server.url);
    });
  }
}
