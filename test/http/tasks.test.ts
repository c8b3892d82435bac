import { randomUUID } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import type { PaymentGateway } from "../../src/gateways/gateway.ts";
import { openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

/** A gateway that takes calls and never answers them. */
function silent(gateway: PaymentGateway): PaymentGateway {
  const never = () => new Promise<never>(() => {});
  return { ...gateway, authorize: never, lookup: never, capture: never, void: never, refund: never };
}

const quick = { GATEWAY_TIMEOUT_MS: "200" };

describe("a poison checkout", () => {
  const shop = sharedShop();

  test("cannot be filled: a cart's lines are bounded in bytes where they are added", async () => {
    const { product, cart, post } = shop();
    const skus = Array.from({ length: 200 }, (_, n) => `JP-${n}`);
    for (let n = 0; n < 4; n++)
      await product({ name: "茶".repeat(254) + n, skus: skus.map((sku) => `${sku}-${n}`), quantity: 0 });
    const { id, guest } = await cart();
    const refused: number[] = [];
    for (let n = 0; n < 4; n++)
      for (const sku of skus) {
        const { status, body } = await post(
          `/v1/carts/${id}/items`,
          { sku: `${sku}-${n}`, quantity: 1 },
          guest,
        );
        if (status === 200) continue;
        expect({ status, code: body.code }).toEqual({ status: 409, code: "cart_full" });
        refused.push(status);
      }
    expect(refused.length).toBeGreaterThan(100);
  }, 60_000);

  test("of an older cart, too large for one event, is refused and undone", async () => {
    const { product, cart, checkOut, runtime, post } = shop();
    await product({ skus: ["POISON"] });
    const full = await cart(["POISON", 1]);
    const encode = runtime.codec.encode.bind(runtime.codec);
    // What version 0.1 let in: an order that no append takes.
    const large = vi.spyOn(runtime.codec, "encode").mockImplementation((type, data) => {
      const encoded = encode(type, data);
      return type === "OrderPlaced" ? { ...encoded, json: encoded.json.padEnd(2_000_000) } : encoded;
    });
    const answer = await checkOut(full);
    large.mockRestore();
    expect(answer).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
    const { body } = await shop().get("/v1/stock/POISON", staff);
    expect(body).toMatchObject({ reserved: 0, committed: 0, available: 10 });
    expect(
      (await post(`/v1/carts/${full.id}/items`, { sku: "POISON", quantity: 1 }, full.guest)).status,
    ).toBe(200);
  });
});

describe("a checkout with a bug in one of its steps", () => {
  test("is undone when its deadline is over, whatever the error", { timeout: openTimeoutMs }, async () => {
    let now = Date.now();
    const { product, cart, checkOut, runtime, get, post } = await openShop({
      clock: () => now,
      runDueWork: true,
    });
    await product({ skus: ["BUG"] });
    const full = await cart(["BUG", 1]);
    const authorize = vi.spyOn(runtime.shop.gateway, "authorize").mockRejectedValue(new TypeError("a bug"));
    expect((await checkOut(full)).status).toBe(500);
    expect((await get("/v1/stock/BUG", staff)).body.reserved).toBe(1);
    now += 10 * 60_000;
    await vi.waitFor(
      async () =>
        expect((await get("/v1/stock/BUG", staff)).body).toMatchObject({ reserved: 0, available: 10 }),
      { timeout: 20_000, interval: 100 },
    );
    authorize.mockRestore();
    expect((await post(`/v1/carts/${full.id}/items`, { sku: "BUG", quantity: 1 }, full.guest)).status).toBe(
      200,
    );
  });
});

describe("a gateway that does not answer", () => {
  test("holds up neither refunds of others nor expiry, and its tasks are listed", {
    timeout: openTimeoutMs,
  }, async () => {
    let now = Date.now();
    const opened = await openShop({ clock: () => now, runDueWork: true, env: quick });
    const { product, cart, checkOut, order, runtime, get, post, caughtUp } = opened;
    await product({ skus: ["SILENT"], quantity: 1_000 });
    const bought = await order(["SILENT", 1]);
    const { gateway } = runtime.shop;
    const waiting = { payment: { method: "credit_card", token: "tok_action" } };
    for (let n = 0; n < 40; n++) await checkOut(await cart(["SILENT", 1]), waiting);
    runtime.shop.gateway = silent(gateway);
    const refund = post(`/v1/orders/${bought.order.id}/refunds`, { reason: "r" });
    expect((await refund).status).toBe(202);
    const dead = await checkOut(await cart(["SILENT", 1]));
    expect(dead).toMatchObject({ status: 201, body: { status: "pending" } });
    // Two hours on: every hold has run out, the waiting checkouts are over, the gateway is back for all of them.
    now += 2 * 3_600_000;
    await vi.waitFor(async () => expect((await get("/v1/stock/SILENT", staff)).body.reserved).toBe(0), {
      timeout: 30_000,
      interval: 200,
    });
    await vi.waitFor(
      async () => {
        const { body } = await get("/v1/ops/tasks", staff);
        expect(body.items).toContainEqual(
          expect.objectContaining({ kind: "payment", reason: "the payment gateway does not answer" }),
        );
      },
      { timeout: 20_000, interval: 200 },
    );
    runtime.shop.gateway = gateway;
    await caughtUp();
    const { body } = await get("/v1/ops/tasks?kind=payment", staff);
    const { id } = body.items[0];
    expect((await post(`/v1/ops/tasks/payment/${id}/retry`)).body).toMatchObject({
      done: true,
      reason: null,
    });
    const again = await get(`/v1/orders/${bought.order.id}`, staff);
    expect(again.body.paymentStatus).toMatch(/refunded|paid/);
  });
});

describe("what cannot be done", () => {
  test("is settled by hand: the cart opens, and what was not undone is named", {
    timeout: openTimeoutMs,
  }, async () => {
    const { product, cart, checkOut, runtime, get, post, caughtUp } = await openShop();
    await product({ skus: ["STUCK"] });
    const full = await cart(["STUCK", 1]);
    const { engine } = runtime;
    const execute = engine.execute.bind(engine);
    const broken = vi
      .spyOn(engine, "execute")
      .mockImplementation(((...args: Parameters<typeof execute>) =>
        args[2] === "Commit" || args[2] === "Release"
          ? Promise.reject(new TypeError("a shelf that cannot be read"))
          : execute(...args)) as typeof engine.execute);
    expect((await checkOut(full)).status).toBe(500);
    await caughtUp();
    const { body } = await get("/v1/ops/tasks?kind=checkout", staff);
    expect(body.items).toMatchObject([{ kind: "checkout", id: full.id, failures: 0 }]);
    const tried = await post(`/v1/ops/tasks/checkout/${full.id}/retry`);
    expect(tried.body).toMatchObject({ done: false, reason: "a shelf that cannot be read" });
    const settled = await post(`/v1/ops/tasks/checkout/${full.id}/settle`, {
      as: "failed",
      reason: "given up",
    });
    expect(settled).toMatchObject({
      status: 200,
      body: { left: [expect.stringContaining("stock of STUCK: a shelf that cannot be read")] },
    });
    broken.mockRestore();
    const opened = await get(`/v1/carts/${full.id}`, full.guest);
    expect(opened.body.status).toBe("open");
    await caughtUp();
    expect((await get("/v1/ops/tasks?kind=checkout", staff)).body.items).toEqual([]);
    expect((await get("/v1/ops/tasks", staff)).body.items).toEqual([]);
  });

  test("of money that a gateway did not give back stays until staff gives it back", async () => {
    const { product, order, post, get, caughtUp, runtime } = await openShop();
    await product({ skus: ["OWED"], price: 1_000 });
    const { order: bought } = await order(["OWED", 2]);
    const refuse = vi.spyOn(runtime.shop.gateway, "refund");
    refuse.mockResolvedValue({ status: "refused", reason: "the card is closed" });
    const lines = [{ lineId: 1, quantity: 1 }];
    const refused = await post(`/v1/orders/${bought.id}/refunds`, { lines, reason: "out of it" });
    expect(refused).toMatchObject({ status: 402, body: { code: "refund_refused" } });
    refuse.mockRestore();
    await caughtUp();
    const listed = async () => (await get("/v1/ops/tasks?kind=refund", staff)).body.items;
    const amount = { amount: 1_000, currency: "USD" };
    const task = { kind: "refund", id: bought.id, orderId: bought.id, amount, failures: 0, notBefore: null };
    expect(await listed()).toMatchObject([task]);
    expect((await post(`/v1/ops/tasks/refund/${bought.id}/retry`)).status).toBe(422);
    const { payments } = (await get(`/v1/orders/${bought.id}`, staff)).body;
    const again = await post(`/v1/refunds/${payments[0].refunds[0].id}/retry`, { manual: true });
    expect(again.status).toBe(201);
    await caughtUp();
    expect(await listed()).toEqual([]);
  });

  test("of a refund that waits for approval is listed until staff judges it", async () => {
    const { product, order, post, get, caughtUp } = await openShop({ env: { REFUND_APPROVAL_FROM: "1000" } });
    await product({ skus: ["DEAR"], price: 1_000 });
    const { order: bought } = await order(["DEAR", 2]);
    const lines = [{ lineId: 1, quantity: 1 }];
    const waits = await post(`/v1/orders/${bought.id}/refunds`, { lines, reason: "one too many" });
    expect(waits.status).toBe(202);
    await caughtUp();
    const listed = async () => (await get("/v1/ops/tasks?kind=approval", staff)).body.items;
    const { refundId } = waits.body;
    const about = { orderId: bought.id, refundId, amount: { amount: 1_000, currency: "USD" } };
    const task = { kind: "approval", id: refundId, ...about, reason: "one too many", notBefore: null };
    expect(await listed()).toMatchObject([task]);
    expect((await post(`/v1/refunds/${refundId}/reject`, { reason: "it was worn" })).status).toBe(200);
    await caughtUp();
    expect(await listed()).toEqual([]);
    const told = async (headers: Record<string, string>) =>
      (await get(`/v1/orders/${bought.id}`, headers)).body.timeline.map(({ text }: { text: string }) => text);
    expect(await told(staff)).toContain("Refund rejected: it was worn");
  });

  test("of a payment says what its gateway refused, and a failure that is over is gone", {
    timeout: openTimeoutMs,
  }, async () => {
    let now = Date.now();
    const { product, cart, checkOut, post, get, caughtUp, runtime } = await openShop({ clock: () => now });
    await product({ skus: ["REFUSED"] });
    const payment = { method: "credit_card", token: "tok_capture_refused_once" };
    await checkOut(await cart(["REFUSED", 1]), { payment });
    await caughtUp();
    const of = async (query: string) => (await get(`/v1/ops/tasks${query}`, staff)).body.items;
    const [task] = await of("?kind=payment");
    expect(task).toMatchObject({ failures: 0, reason: expect.stringMatching(/\w/) });
    const broken = vi.spyOn(runtime.shop.gateway, "capture").mockRejectedValue(new TypeError("a bug"));
    const waits = await post(`/v1/ops/tasks/payment/${task.id}/retry`);
    expect(waits.body).toMatchObject({ done: false, reason: "a bug" });
    broken.mockRestore();
    now += 10 * 60_000;
    await runtime.tasks.doDue();
    await caughtUp();
    expect(await of("?kind=payment")).toEqual([]);
    expect(await of("")).toEqual([]);
    expect(await of("?kind=stock")).toEqual([]);
  });

  test("of a checkout whose customer has still to act waits, and says so", async () => {
    const { product, cart, checkOut, post, caughtUp } = await openShop();
    await product({ skus: ["ACTS"] });
    const full = await cart(["ACTS", 1]);
    await checkOut(full, { payment: { method: "credit_card", token: "tok_action" } });
    await caughtUp();
    expect((await post(`/v1/ops/tasks/checkout/${full.id}/retry`)).body).toMatchObject({
      done: false,
      reason: expect.stringContaining("waits"),
    });
  });

  test("is shown to staff alone", async () => {
    const { get, post } = await openShop();
    expect((await get("/v1/ops/tasks")).status).toBe(401);
    const headers = { "idempotency-key": randomUUID() };
    expect((await post("/v1/ops/tasks/payment/x/settle", { as: "done", reason: "r" }, headers)).status).toBe(
      401,
    );
    expect((await post("/v1/ops/tasks/payment/x/settle", { as: "done", reason: "r" })).status).toBe(404);
  });
});
