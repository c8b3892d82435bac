import rateLimit from "@fastify/rate-limit";
import fastify, { type FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { countedIn } from "../../../src/http/rate-limit.ts";
import { createEmbeddedHotStore } from "../../../src/stores/hot-store/embedded/hot.ts";
import { openRedisHotStore, type RedisHotStore } from "../../../src/stores/hot-store/redis/hot.ts";
import { createWindows } from "../../../src/stores/hot-store/windows.ts";
import { newId } from "../../../src/values/ids.ts";
import { refusing } from "../../support/hot-stores.ts";
import { type RedisServer, startRedis, whyNoRedisHere } from "./server.ts";

const whyNot = whyNoRedisHere();
const withinMs = 10_000;
const max = 3;

async function limited(hot: Parameters<typeof countedIn>[0]): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(rateLimit, {
    max,
    timeWindow: 60_000,
    keyGenerator: () => "client",
    enableDraftSpec: true,
    ...countedIn(hot, createWindows()),
  });
  app.get("/", async () => "ok");
  return app;
}

/** The answers' statuses, and what is said to be left after each. */
async function ask(app: FastifyInstance, times: number): Promise<[status: number, left: number][]> {
  const answers: [number, number][] = [];
  for (let n = 0; n < times; n++) {
    const { statusCode, headers } = await app.inject("/");
    answers.push([statusCode, Number(headers["ratelimit-remaining"])]);
  }
  return answers;
}

const allThenNone = [
  [200, 2],
  [200, 1],
  [200, 0],
  [429, 0],
];

test("a hot store that is away in this process does not lift the limit", async () => {
  const app = await limited(refusing(createEmbeddedHotStore(), () => true));
  expect(await ask(app, 4)).toEqual(allThenNone);
});

describe.skipIf(whyNot)(`rate limits counted on Redis ${whyNot ?? ""}`, () => {
  let server: RedisServer;
  let stores: RedisHotStore[];
  const logId = newId();
  beforeAll(async () => {
    server = await startRedis();
  });
  beforeEach(async () => {
    server.ask("FLUSHALL");
    stores = [1, 2].map(() => openRedisHotStore({ url: server.url, logId, commandTimeoutMs: 5_000 }));
    for (const store of stores) expect(await store.connected(withinMs)).toBe(true);
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));
  afterAll(() => server.close());

  test("processes count together, by the plugin's own script, and the window ends", async () => {
    const [one, other] = await Promise.all(stores.map(limited));
    if (!one || !other) throw new Error("two processes");
    expect(await ask(one, 2)).toEqual(allThenNone.slice(0, 2));
    expect(await ask(other, 2)).toEqual(allThenNone.slice(2));
    const keys = server.ask("--scan").split("\n");
    expect(keys).toEqual([expect.stringMatching(/^cartwright:.+:rate:client$/)]);
    const leftMs = Number(server.ask("PTTL", `${keys[0]}`));
    expect(leftMs).toBeGreaterThan(50_000);
    expect(leftMs).toBeLessThanOrEqual(60_000);
  });

  test("while Redis is away the process counts, and goes back by itself", async () => {
    const [store] = stores;
    if (!store) throw new Error("one process");
    const app = await limited(store);
    expect(await ask(app, 2)).toEqual(allThenNone.slice(0, 2));
    await server.signal("SIGKILL");
    await expect.poll(() => store.state()).toBe("away");
    expect(await ask(app, 4)).toEqual(allThenNone);
    await server.start();
    expect(await store.connected(withinMs)).toBe(true);
    expect(await ask(app, 4)).toEqual(allThenNone);
    expect(server.ask("DBSIZE")).toBe("1");
  });
});
