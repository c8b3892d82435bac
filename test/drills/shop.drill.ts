import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { whyNoRedisHere } from "../stores/redis/server.ts";
import { mongoForTests, type TestMongo } from "../support/mongodb.ts";
import { type DrillShop, type PlayOptions, startDrillShop } from "./cluster.ts";
import { checkOutOnce, fillCart } from "./load.ts";
import type { ShopProcess } from "./processes.ts";
import type { Store } from "./stores.ts";
import { type TcpProxy, whyNoToxiproxyHere } from "./toxiproxy.ts";

const awayMs = 10_000;
const restartDownMs = 2_000;
const latencyMs = 400;
const jitterMs = 100;
/** Ten seconds, and as long again for a busy machine. */
const takeOverMsMax = 20_000;
const bothMs = 2_000;
const clockShiftMs = 5_000;
const leftCheckouts = 6;
/** Within which a few checkouts at once come to their end. */
const checkoutMs = 250;
/** The default of CART_DAYS. */
const cartLifeMs = 7 * 86_400_000;
const buyers = 500;
const pieces = 100;
const buyersAtOnce = 50;

type OwnMongo = TestMongo & Required<Pick<TestMongo, "restart">>;

function isOwn(mongo: TestMongo): mongo is OwnMongo {
  return mongo.restart !== undefined;
}

async function whatIsAtHand(): Promise<OwnMongo | string> {
  const mongo = await mongoForTests();
  if ("reason" in mongo) return mongo.reason;
  if (!isOwn(mongo)) return "the MongoDB of MONGODB_URL is not theirs to kill";
  return whyNoRedisHere() ?? whyNoToxiproxyHere() ?? mongo;
}

const atHand = await whatIsAtHand();
if (typeof atHand === "string") {
  console.warn(`no drills are played: ${atHand}`);
  test.skip(`drills, for ${atHand}`, () => {});
} else drills(atHand);

/** What an api process says while a store is cut off: what works goes on, what does not names the store. */
const saidWhileAway: Record<Store["name"], Record<string, object>> = {
  events: {
    "/health/ready": { status: 503, body: { stores: { events: "away" } } },
    "/v1/products?limit=5": { status: 200 },
    "/v1/orders?limit=5": { status: 200 },
  },
  views: {
    "/health/ready": { status: 200, body: { status: "degraded", stores: { views: "away", events: "ok" } } },
    "/v1/orders?limit=5": { status: 503, body: { code: "unavailable", store: "views" } },
  },
  hot: {
    "/health/ready": { status: 200, body: { status: "degraded", stores: { hot: "away" } } },
    "/v1/orders?limit=5": { status: 200 },
  },
};

/** Waits until another projector than this one projects. */
async function takenOver(shop: DrillShop, from: ShopProcess): Promise<void> {
  const start = performance.now();
  const byAnother = async () => expect(await shop.projecting()).not.toBe(from);
  await vi.waitFor(byAnother, { timeout: takeOverMsMax, interval: 100 });
  console.log(`another projector took over after ${Math.round(performance.now() - start)} ms`);
}

/** How far the clock of an api process is ahead of ours, less what its answer took. */
async function aheadMs(shop: DrillShop, api: ShopProcess): Promise<number> {
  const { client } = shop.clientOf([api]);
  const { body } = await client.command({ method: "POST", path: "/v1/carts" });
  return Date.parse(body.expiresAt) - cartLifeMs - Date.now();
}

function drills(mongo: OwnMongo): void {
  let shop: DrillShop;
  beforeAll(async () => {
    shop = await startDrillShop(mongo);
  });
  afterAll(() => shop?.close());

  test("nothing happens", () => shop.play(() => sleep(2_000)));

  test("a projector is killed while it applies", () =>
    shop.play(async () => {
      for (let times = 0; times < 2; times++) {
        const killed = await shop.projecting();
        await killed.kill();
        await takenOver(shop, killed);
        await killed.start();
      }
    }));

  test("an api process is killed while it checks out", () =>
    shop.play(async () => {
      for (const api of [...shop.apis, ...shop.apis]) {
        await shop.leaveCheckouts(api, leftCheckouts);
        await sleep(Math.random() * checkoutMs);
        await api.kill();
        await sleep(restartDownMs);
        await api.start();
      }
    }));

  for (const name of ["events", "views", "hot"] as const) {
    // Commands need no read model, and nothing needs the hot store.
    const sells = name !== "events";
    const spoiled = (spoil: (proxy: TcpProxy) => Promise<void>, options: PlayOptions) => () =>
      shop.play(async () => {
        const { proxy } = shop.stores[name];
        await spoil(proxy);
        await sleep(awayMs);
        await proxy.heal();
      }, options);

    const cut = async (proxy: TcpProxy) => {
      await proxy.cut();
      for (const [path, said] of Object.entries(saidWhileAway[name]))
        expect(await shop.told(path), path).toMatchObject(said);
    };
    test(`the ${name} store is cut off`, spoiled(cut, { sells }));
    test(
      `the ${name} store is silent`,
      spoiled((proxy) => proxy.silence(), { sells }),
    );
    test(
      `the ${name} store is slow`,
      spoiled((proxy) => proxy.slow(latencyMs, jitterMs), { sells: true }),
    );
    test(`the ${name} store is killed and started on its data`, () =>
      shop.play(() => shop.stores[name].restart(restartDownMs), { sells }));
  }

  test("Redis is flushed", () =>
    shop.play(async () => {
      shop.stores.flushHot();
      await sleep(1_000);
      shop.stores.flushHot();
    }));

  test("clocks are five seconds apart", () =>
    shop.play(async () => {
      const [, ahead] = shop.apis;
      await Promise.all([ahead.kill(), shop.worker.kill()]);
      await Promise.all([ahead.start(clockShiftMs), shop.worker.start(-clockShiftMs)]);
      expect(await aheadMs(shop, ahead), "how far its clock is ahead").toBeGreaterThan(clockShiftMs / 2);
      await sleep(awayMs);
      await Promise.all([ahead.stop(), shop.worker.stop()]);
      await Promise.all([ahead.start(), shop.worker.start()]);
    }));

  test("two projectors believe to hold the lease", () =>
    shop.play(async () => {
      const first = await shop.projecting();
      first.signal("SIGSTOP");
      await takenOver(shop, first);
      await sleep(bothMs);
      first.signal("SIGCONT");
      await sleep(bothMs);
    }));

  test(`${buyers} buyers of ${pieces} pieces at four api processes get exactly ${pieces}`, async () => {
    const apis = [...shop.apis, await shop.anotherApi(), await shop.anotherApi()];
    const { client, tally } = shop.clientOf(apis);
    const sku = "FEW";
    await shop.sell([sku], pieces);
    const carts: Awaited<ReturnType<typeof fillCart>>[] = [];
    while (carts.length < buyers) {
      const filling = Array.from({ length: buyersAtOnce }, () =>
        fillCart(client, tally, { sku, quantity: 1 }),
      );
      carts.push(...(await Promise.all(filling)));
    }
    const answers = await Promise.all(carts.map((cart) => checkOutOnce(client, cart)));
    const codes = answers.map(({ status, body }) => (status === 201 ? "sold" : String(body.code)));
    for (const [index, { status, body }] of answers.entries()) {
      if (status !== 201) continue;
      const cart = carts[index] as (typeof carts)[number];
      const order = { orderId: body.id, number: body.number, total: body.totals.total.amount };
      shop.acknowledged.purchases.push({ ...cart, sku, quantity: 1, key: "", ...order });
    }
    const counted = Object.entries(Object.groupBy(codes, (code) => code)).map(([code, of]) => [
      code,
      of?.length,
    ]);
    console.log(`${JSON.stringify(counted)}; ${tally}`);
    expect(Object.fromEntries(counted)).toEqual({ sold: pieces, out_of_stock: buyers - pieces });
    expect([...tally.wrong, ...shop.unexplained()]).toEqual([]);
    await shop.check();
  });
}
