import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, test } from "vitest";
import { EventStoreDouble } from "../stores/eventstoredb/double/server.ts";
import { type RedisServer, startRedis, whyNoRedisHere } from "../stores/redis/server.ts";
import { mongoForTests } from "../support/mongodb.ts";

/** The servers that several processes of one shop share; each test's shop has a log and a database of its own. */
export interface Servers {
  /** What every process of a new shop is started with, but its role. */
  shopOn(): Promise<{ env: Record<string, string>; double: EventStoreDouble }>;
  readonly redis: RedisServer;
}

/** Declares tests on servers started for them, else skips them and says why. */
export async function onServers(name: string, tests: (servers: () => Servers) => void): Promise<void> {
  const mongo = await mongoForTests();
  const whyNot = "reason" in mongo ? mongo.reason : whyNoRedisHere();
  if ("reason" in mongo || whyNot) {
    console.warn(`${name} is not tested: ${whyNot}`);
    test.skip(`${name}, for ${whyNot}`, () => {});
    return;
  }
  const doubles: EventStoreDouble[] = [];
  let redis: RedisServer | undefined;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    for (const double of doubles) await double.close();
    await redis?.close();
  });
  tests(() => ({
    redis: redis as RedisServer,
    async shopOn() {
      const double = await EventStoreDouble.start();
      doubles.push(double);
      const url = new URL(mongo.url);
      url.pathname = `/${mongo.database()}`;
      const env = {
        EVENTSTOREDB_URL: double.url,
        MONGODB_URL: url.href,
        REDIS_URL: redis?.url ?? "",
        SHARED_SECRET: randomBytes(32).toString("base64url"),
      };
      return { env, double };
    },
  }));
}
