import { createEmbeddedHotStore } from "../../src/stores/hot-store/embedded/hot.ts";
import { openRedisHotStore, type RedisHotStore } from "../../src/stores/hot-store/redis/hot.ts";
import { newId } from "../../src/values/ids.ts";
import { onRedis } from "../stores/redis/here.ts";
import { hotStoreContract } from "./hot-store.contract.ts";

/** The contract asks what a store does, not how fast a busy machine lets it. */
const commandTimeoutMs = 5_000;
const connectWithinMs = 5_000;

hotStoreContract("embedded", async () => {
  const store = createEmbeddedHotStore();
  return { open: async () => store, close: () => store.close() };
});

onRedis("the hot store", (urlOf) =>
  hotStoreContract("redis", async () => {
    const place = { url: urlOf(), logId: newId(), keyPrefix: "contract", commandTimeoutMs };
    const opened: RedisHotStore[] = [];
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
  }),
);
