import fastify from "fastify";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { rateHeaders } from "../../../src/http/edge/counted.ts";
import { createCounters } from "../../../src/http/edge/counters.ts";
import type { App } from "../../../src/http/server.ts";
import { createEmbeddedHotStore } from "../../../src/stores/hot-store/embedded/hot.ts";
import type { HotStore } from "../../../src/stores/hot-store/hot-store.ts";
import { openRedisHotStore, type RedisHotStore } from "../../../src/stores/hot-store/redis/hot.ts";
import { newId } from "../../../src/values/ids.ts";
import { type RedisServer, startRedis, whyNoRedisHere } from "./server.ts";

const whyNot = whyNoRedisHere();
const withinMs = 10_000;
const max = 3;

/** Counts its requests by one key, and tells what was counted of another before it counts that, too. */
async function limited(hot: HotStore): Promise<App> {
  const app = fastify() as unknown as App;
  const limit = { max, windowMs: 60_000 };
  const counters = await createCounters(app, { hot, clock: Date.now }, { request: limit, decline: limit });
  app.get("/", async (request, reply) => {
    const counted = await counters.hit(request, "request:client");
    return reply
      .code(counted.isExceeded ? 429 : 200)
      .headers(rateHeaders(counted))
      .send();
  });
  app.get("/declined", async (request) => {
    const before = await counters.read(request, "decline:client");
    const [own, other] = await Promise.all([
      counters.hit(request, "decline:client"),
      counters.hit(request, "decline:other"),
    ]);
    return [before, own, other].map(({ left }) => left);
  });
  return app;
}

/** The answers' statuses, and what is said to be left after each. */
async function ask(app: App, times: number): Promise<[status: number, left: number][]> {
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

/** What is said to be left: before, and of two keys that count at once. */
async function decline(app: App): Promise<number[]> {
  return (await app.inject("/declined")).json();
}

const declinedThrice = [
  [3, 2, 2],
  [2, 1, 1],
  [1, 0, 0],
];

test("keys that a request has at once count apart, and looking counts nothing", async () => {
  const app = await limited(createEmbeddedHotStore());
  expect([await decline(app), await decline(app), await decline(app)]).toEqual(declinedThrice);
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
    expect(keys).toEqual([expect.stringMatching(/^cartwright:.+:rate:request:client$/)]);
    expect([await decline(one), await decline(other), await decline(one)]).toEqual(declinedThrice);
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
    expect([await decline(app), await decline(app), await decline(app)]).toEqual(declinedThrice);
    await server.start();
    expect(await store.connected(withinMs)).toBe(true);
    expect(await ask(app, 4)).toEqual(allThenNone);
    expect(server.ask("DBSIZE")).toBe("1");
  });
});
