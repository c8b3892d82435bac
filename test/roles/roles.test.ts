import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { InvalidConfig } from "../../src/config.ts";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { type HttpShop, openShop, staff } from "../http/shop.ts";
import { onServers } from "./cluster.ts";

const timeout = 90_000;

await onServers("a shop of several processes", (servers) => {
  /** Two api processes, a projector and a worker. */
  async function cluster(more: Record<string, string> = {}) {
    const { env, double } = await servers().shopOn();
    const open = (ROLE: string, changed: Record<string, string> = {}) =>
      openShop({ env: { ...env, ...more, ROLE, ...changed }, runDueWork: true });
    const projector = await open("projector");
    const [one, other] = [await open("api"), await open("api")];
    await prepareLog(one.runtime);
    const worker = await open("worker");
    return { projector, one, other, worker, open, double };
  }

  const position = (answer: { headers: Record<string, unknown> }) => String(answer.headers.position);

  test("what one takes, the other shows and goes on with", { timeout }, async () => {
    const { one, other } = await cluster();
    await one.product({ skus: ["SHARED"], quantity: 5 });
    const cart = await one.cart(["SHARED", 2]);
    const bought = await other.checkOut(cart);
    expect(bought).toMatchObject({ status: 201, body: { status: "paid" } });
    const seen = await one.get(`/v1/orders/${bought.body.id}`, {
      ...cart.guest,
      "min-position": position(bought),
    });
    expect(seen).toMatchObject({ status: 200, body: { number: bought.body.number } });
    const again = await one.checkOut(cart);
    expect(again.body.code).toMatch(/^cart_(converted|locked)$/);
    const listed = await one.get("/v1/products?q=shared", { "min-position": position(bought) });
    expect(listed.body.items).toMatchObject([{ available: 3 }]);
  });

  test("a key that one has answered, the other answers the same", { timeout }, async () => {
    const { one, other } = await cluster();
    await one.product({ skus: ["KEYED"], quantity: 0 });
    const keyed = { ...staff, "idempotency-key": "a-key-of-more-than-22-characters" };
    const receipt = (at: HttpShop) => at.post("/v1/stock/KEYED/receipts", { quantity: 3 }, keyed);
    const [first, second] = [await receipt(one), await receipt(other)];
    expect(second.text).toBe(first.text);
    expect(second.headers["idempotent-replayed"]).toBe("true");
    expect((await other.get("/v1/stock/KEYED", staff)).body.onHand).toBe(3);
  });

  test("buyers at several of them at once get what there is, and no piece more", { timeout }, async () => {
    const { one, other, open } = await cluster();
    const all = [one, other, await open("api"), await open("api")];
    await one.product({ skus: ["FEW"], quantity: 20 });
    const carts = await Promise.all(Array.from({ length: 60 }, () => one.cart(["FEW", 1])));
    const bought = await Promise.all(
      carts.map((cart, index) => (all[index % all.length] as HttpShop).checkOut(cart)),
    );
    const codes = bought.map(({ status, body }) => (status === 201 ? "sold" : body.code));
    expect(codes.filter((code) => code === "sold")).toHaveLength(20);
    expect(new Set(codes)).toEqual(new Set(["sold", "out_of_stock"]));
    expect((await other.get("/v1/stock/FEW", staff)).body).toMatchObject({ available: 0, committed: 20 });
  });

  test("another projector takes over within ten seconds of the first one's end", { timeout }, async () => {
    const { projector, one, other, open } = await cluster();
    await open("projector");
    await projector.close();
    const { id } = await one.product({ skus: ["AFTER"], quantity: 1 });
    await vi.waitFor(async () => expect((await other.get(`/v1/products/${id}`)).status).toBe(200), {
      timeout: 10_000,
      interval: 100,
    });
  });

  test("two projectors that both believe to be the one do no harm", { timeout }, async () => {
    const { one, other, open } = await cluster();
    // One that does everything projects without asking for the lease.
    const alone = await open("all");
    await one.product({ skus: ["TWICE"], quantity: 30 });
    for (let n = 0; n < 10; n++) await one.order(["TWICE", 1]);
    await alone.caughtUp();
    await alone.runtime.models.rebuilds.run(["orders", "stock", "sales", "catalog"], false).then((found) => {
      for (const [name, comparison] of found) expect([name, comparison?.differing]).toEqual([name, 0]);
    });
    expect((await other.get("/v1/orders?limit=100", staff)).body.items).toHaveLength(10);
  });

  test("a model rebuilt by one is read by all within seconds, and followed on", { timeout }, async () => {
    const { one, other, worker } = await cluster();
    await one.product({ skus: ["BEFORE"], quantity: 1 });
    await other.caughtUp();
    const before = (await other.runtime.models.model("catalog")).generation;
    await worker.runtime.models.rebuilds.run(["catalog"], true);
    await vi.waitFor(
      async () => expect((await other.runtime.models.model("catalog")).generation).toBeGreaterThan(before),
      { timeout: 5_000, interval: 50 },
    );
    const made = await one.product({ skus: ["LATER"], quantity: 1 });
    await vi.waitFor(async () => expect((await other.get(`/v1/products/${made.slug}`)).status).toBe(200), {
      timeout: 10_000,
      interval: 100,
    });
    expect((await other.get("/v1/products?q=before")).body.total).toBe(1);
  });

  test("goes on without Redis, as right as before", { timeout }, async () => {
    const { one, other } = await cluster({ REDIS_URL: "redis://127.0.0.1:1" });
    await one.product({ skus: ["COLD"], quantity: 2 });
    const { order, cart } = await one.order(["COLD", 1]);
    await vi.waitFor(
      async () => expect((await other.get(`/v1/orders/${order.id}`, cart.guest)).status).toBe(200),
      { timeout: 5_000, interval: 50 },
    );
    expect((await other.get("/v1/stock/COLD", staff)).body.available).toBe(1);
    expect((await one.get("/health/ready")).body).toMatchObject({
      status: "degraded",
      troubles: expect.arrayContaining([expect.objectContaining({ about: "hot store" })]),
    });
  });

  test.each([
    ["it is told of", {}],
    ["nobody tells it of, without Redis", { REDIS_URL: "redis://127.0.0.1:1" }],
  ])("is as far as events that a model does not know, which %s", { timeout }, async (_, more) => {
    const { one, other } = await cluster(more);
    const opened = await one.post("/v1/carts");
    const asOf = { ...staff, "min-position": position(opened) };
    const look = async () => (await other.get("/v1/orders", asOf)).status;
    expect(await look()).toBe(200);
    // Nothing comes any more, and the checkpoints are looked at.
    await sleep(2_500);
    expect(await look()).toBe(200);
  });

  test("a process with other settings than the rest is refused by their names", { timeout }, async () => {
    const { open } = await cluster();
    for (const [name, value] of [
      ["SHARED_SECRET", "x".repeat(40)],
      ["TAX_RATE_BP", "700"],
      ["STORE_CURRENCY", "EUR"],
    ] as const) {
      const refused = open("api", { [name]: value });
      await expect(refused).rejects.toThrow(InvalidConfig);
      await expect(refused).rejects.toThrow(name);
    }
  });
});
