import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openRedisHotStore, type RedisHotStore } from "../../../src/stores/hot-store/redis/hot.ts";
import { newId } from "../../../src/values/ids.ts";
import { type HttpShop, openShop, openTimeoutMs, staff } from "../../http/shop.ts";
import { type RedisServer, startRedis, whyNoRedisHere } from "./server.ts";

const whyNot = whyNoRedisHere();
const withinMs = 10_000;

describe.skipIf(whyNot)(`a shop with its hot store on Redis ${whyNot ?? ""}`, () => {
  let server: RedisServer;
  let hot: RedisHotStore;
  let shop: HttpShop;
  beforeAll(async () => {
    server = await startRedis();
  });
  // The shop is closed with its test, and its hot store with it.
  beforeEach(async () => {
    hot = openRedisHotStore({ url: server.url, logId: newId(), commandTimeoutMs: 250 });
    expect(await hot.connected(withinMs)).toBe(true);
  });
  afterAll(() => server.close());

  const opened = () => openShop({ hot, env: { RATE_LIMIT_PER_MINUTE: "10000" } });

  /** Shops from the shelf to the order, and looks at everything that the hot store has a part in. */
  async function shopping(sku: string): Promise<void> {
    const { product, cart, call, get, checkOut, receive } = shop;
    await product({ skus: [sku], quantity: 3 });
    const { id, guest } = await cart([sku, 1]);
    const add = { headers: guest, body: { sku, quantity: 1 } };
    expect((await call("POST", `/v1/carts/${id}/items`, add)).status).toBeLessThan(300);
    expect((await get(`/v1/carts/${id}`, guest)).body.itemCount).toBe(2);
    await receive(sku, 4);
    const available = async () => (await get(`/v1/stock/${sku}`, staff)).body.available;
    expect(await available()).toBe(7);
    expect(await available()).toBe(7);
    expect((await checkOut({ id, guest })).status).toBeLessThan(300);
    expect(await available()).toBe(5);
    expect((await get("/v1/best-sellers")).status).toBe(200);
    expect((await get("/v1/recently-viewed", { "visitor-id": "visitor-1" })).status).toBe(200);
  }

  const readiness = async () => (await shop.get("/health/ready")).body;

  test(
    "works as any other, and keeps nothing without an end",
    async () => {
      shop = await opened();
      await shopping("MUG");
      const keys = server.ask("--scan").split("\n");
      expect(keys.join()).toMatch(/:stock:/);
      expect(keys.join()).toMatch(/:rate:/);
      for (const key of keys) expect([key, Number(server.ask("PTTL", key)) > 0]).toEqual([key, true]);
      expect(await readiness()).toMatchObject({ stores: { hot: "ok" } });
    },
    openTimeoutMs,
  );

  test(
    "does not mind when everything there is lost",
    async () => {
      shop = await opened();
      await shopping("CUP");
      server.ask("FLUSHALL");
      expect((await shop.get("/v1/stock/CUP", staff)).body.available).toBe(5);
      await shopping("POT");
    },
    openTimeoutMs,
  );

  test(
    "goes on while it stands still, and says that it is degraded",
    async () => {
      shop = await opened();
      await server.signal("SIGSTOP");
      try {
        await shopping("PAN");
        expect(await readiness()).toMatchObject({
          status: "degraded",
          stores: { hot: "away", events: "ok" },
        });
      } finally {
        await server.signal("SIGCONT");
      }
      await expect.poll(() => hot.state(), { timeout: withinMs }).toBe("ready");
      expect((await shop.get("/v1/stock/PAN", staff)).body.available).toBe(5);
    },
    openTimeoutMs,
  );

  test(
    "goes on while it is gone, and is whole again when it is back",
    async () => {
      shop = await opened();
      await server.signal("SIGKILL");
      await shopping("LID");
      await server.start();
      expect(await hot.connected(withinMs)).toBe(true);
      expect((await shop.get("/v1/stock/LID", staff)).body.available).toBe(5);
      await shopping("JAR");
      expect(await readiness()).toMatchObject({ stores: { hot: "ok" } });
    },
    openTimeoutMs,
  );
});
