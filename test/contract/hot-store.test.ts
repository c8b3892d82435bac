import { afterAll, beforeAll, describe, test } from "vitest";
import { createEmbeddedHotStore } from "../../src/stores/hot-store/embedded/hot.ts";
import { openRedisHotStore } from "../../src/stores/hot-store/redis/hot.ts";
import { newId } from "../../src/values/ids.ts";
import { startRedis, whyNoRedisHere } from "../stores/redis/server.ts";
import { hotStoreContract } from "./hot-store.contract.ts";

/** The contract asks what a store does, not how fast a busy machine lets it. */
const commandTimeoutMs = 5_000;
const connectWithinMs = 5_000;

hotStoreContract("embedded", async () => {
  const store = createEmbeddedHotStore();
  return { open: async () => store, close: () => store.close() };
});

function redisContract(urlOf: () => string): void {
  hotStoreContract("redis", async () => {
    // A place of its own on a server that others use, too.
    const place = { url: urlOf(), logId: newId(), keyPrefix: "contract", commandTimeoutMs };
    const opened: ReturnType<typeof openRedisHotStore>[] = [];
    return {
      open: async () => {
        const store = openRedisHotStore(place);
        opened.push(store);
        if (!(await store.connected(connectWithinMs))) throw new Error("no connection to Redis");
        return store;
      },
      close: async () => {
        await Promise.all(opened.map((store) => store.close()));
      },
    };
  });
}

const { REDIS_URL } = process.env;
const whyNot = whyNoRedisHere();
if (REDIS_URL) {
  redisContract(() => REDIS_URL);
} else if (whyNot) {
  test.skip(`hot store: redis, for REDIS_URL is not set and ${whyNot}`, () => {});
} else {
  describe("on a server of its own", () => {
    let server: Awaited<ReturnType<typeof startRedis>>;
    beforeAll(async () => {
      server = await startRedis();
    });
    afterAll(() => server.close());
    redisContract(() => server.url);
  });
}
