import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { News } from "../../../src/stores/hot-store/news.ts";
import { openRedisNews } from "../../../src/stores/hot-store/redis/news.ts";
import { newId } from "../../../src/values/ids.ts";
import { type RedisServer, startRedis, whyNoRedisHere } from "./server.ts";

const whyNot = whyNoRedisHere();
const withinMs = 15_000;

describe.skipIf(whyNot)(`news through a Redis that is not always there ${whyNot ?? ""}`, () => {
  let server: RedisServer;
  let news: News;
  let heard: string[];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    news = openRedisNews({ url: server.url, logId: newId(), topic: "appends", keyPrefix: "test" });
    heard = [];
    news.subscribe((position) => heard.push(position));
    await becomes("ready");
  });
  afterEach(() => news.close());

  const becomes = (state: string) =>
    vi.waitFor(() => expect(news.state()).toBe(state), { timeout: withinMs, interval: 20 });

  test("what is published while it is away is lost, and what comes after is heard", async () => {
    await server.signal("SIGKILL");
    await becomes("away");
    news.publish("0001");
    await sleep(50);
    await server.start();
    await becomes("ready");
    news.publish("0002");
    await vi.waitFor(() => expect(heard).toEqual(["0002"]), { timeout: withinMs });
  });

  test("a server that stands still is noticed by who only listens, and holds up nobody", async () => {
    await server.signal("SIGSTOP");
    try {
      await becomes("away");
      const start = performance.now();
      news.publish("0001");
      expect(performance.now() - start).toBeLessThan(20);
    } finally {
      await server.signal("SIGCONT");
    }
    await becomes("ready");
    news.publish("0002");
    await vi.waitFor(() => expect(heard.at(-1)).toBe("0002"), { timeout: withinMs });
  });
});
