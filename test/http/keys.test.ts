import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { checkoutBody, openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const key = () => ({ "idempotency-key": randomUUID() });

describe("a key", () => {
  test("of a client without credentials has to be hard to guess", async () => {
    const { post } = shop();
    for (const weak of ["1", "tour-1", "a".repeat(21), `${"a".repeat(30)}!`]) {
      const { status, body } = await post("/v1/carts", undefined, { "idempotency-key": weak });
      expect({ status, errors: body.errors }).toMatchObject({
        status: 422,
        errors: [{ path: "Idempotency-Key" }],
      });
    }
    for (const strong of [randomUUID(), "a".repeat(22)])
      expect((await post("/v1/carts", undefined, { "idempotency-key": strong })).status).toBe(201);
  });

  test("that is short is good enough beside a cart's token, and belongs to that cart", async () => {
    const { product, cart, post } = shop();
    await product({ skus: ["SHORT"] });
    const [one, other] = [await cart(), await cart()];
    const add = (of: typeof one) =>
      post(
        `/v1/carts/${of.id}/items`,
        { sku: "SHORT", quantity: 1 },
        { ...of.guest, "idempotency-key": "1" },
      );
    expect([
      (await add(one)).status,
      (await add(one)).body.itemCount,
      (await add(other)).body.itemCount,
    ]).toEqual([200, 1, 1]);
  });

  test("answers a guest whose address has changed, with the same cart and token", async () => {
    const { app } = shop();
    const headers = key();
    const from = (remoteAddress: string) =>
      app.inject({ method: "POST", url: "/v1/carts", headers, remoteAddress });
    const [first, second] = [await from("192.0.2.1"), await from("198.51.100.7")];
    expect(second.statusCode).toBe(201);
    expect(second.body).toBe(first.body);
    expect(second.headers["idempotent-replayed"]).toBe("true");
  });

  test("holds after thousands of other commands on the SKU, and after a restart", {
    timeout: openTimeoutMs,
  }, async () => {
    const before = await openShop();
    const headers = { ...staff, ...key() };
    const receive = (of: typeof before) => of.post("/v1/stock/BUSY/receipts", { quantity: 7 }, headers);
    await before.stocked("BUSY");
    const first = await receive(before);
    for (let n = 0; n < 20; n++)
      await Promise.all(
        Array.from({ length: 100 }, () => before.post("/v1/stock/BUSY/receipts", { quantity: 1 })),
      );
    const second = await receive(before);
    expect([second.status, second.text, second.headers["idempotent-replayed"]]).toEqual([
      201,
      first.text,
      "true",
    ]);
    await before.close();
    const after = await openShop({ folder: before.folder });
    expect((await receive(after)).text).toBe(first.text);
    expect((await after.get("/v1/stock/BUSY", staff)).body.onHand).toBe(2_007);
  });

  test("carries one body, whatever became of the answer", async () => {
    const { product, order, post, get } = shop();
    await product({ skus: ["ONCE-MORE"] });
    const bought = await order(["ONCE-MORE", 1]);
    const headers = { ...staff, ...key() };
    const refund = (amount: number) =>
      post(
        `/v1/orders/${bought.order.id}/refunds`,
        { amount: { amount, currency: "USD" }, reason: "r" },
        headers,
      );
    const first = await refund(300);
    expect(first.status).toBe(201);
    expect((await refund(400)).body.code).toBe("idempotency_key_reused");
    expect((await refund(300)).text).toBe(first.text);
    const { body } = await get(`/v1/orders/${bought.order.id}`, staff);
    expect(body.refunded.amount).toBe(300);
  });

  test("leaves neither a body nor a secret on the log, and little of anything", async () => {
    const { product, cart, post, runtime } = shop();
    await product({ skus: ["LOGGED"] });
    const head = await runtime.events.head();
    const opened = await post("/v1/carts", undefined, key());
    const full = await cart(["LOGGED", 1]);
    await post(`/v1/carts/${full.id}/checkout`, checkoutBody, { ...full.guest, ...key() });
    const { events } = await runtime.events.readAll({ after: head, maxCount: 1_000, withMetadata: true });
    const text = JSON.stringify(events.map(({ data, metadata }) => [data, metadata]));
    expect(text).not.toContain(opened.body.cartToken);
    expect(text).not.toContain(full.guest["cart-token"]);
    const taken = events.filter(({ type }) => type === "KeyTaken");
    // The cart was opened and filled with keys, too.
    expect(taken).toHaveLength(4);
    for (const { data } of taken) expect(JSON.stringify(data).length).toBeLessThan(300);
    expect(logStart < head).toBe(true);
  });

  test("of a process is answered as then, whatever has happened since", async () => {
    const { product, cart, checkOut, post } = shop();
    await product({ skus: ["THEN"] });
    const full = await cart(["THEN", 2]);
    const keyed = key();
    const first = await checkOut(full, {}, keyed);
    const { id } = first.body;
    const ship = { ...staff, ...key() };
    const shipped = await post(`/v1/orders/${id}/shipments`, { carrier: "Pigeon" }, ship);
    await post(`/v1/orders/${id}/deliveries`, {});
    await post(`/v1/orders/${id}/refunds`, { reason: "all of it" });
    expect((await checkOut(full, {}, keyed)).text).toBe(first.text);
    expect((await post(`/v1/orders/${id}/shipments`, { carrier: "Pigeon" }, ship)).text).toBe(shipped.text);
  });

  test("of a checkout that waits for its customer is answered with what is to do", async () => {
    const { product, cart, checkOut } = shop();
    await product({ skus: ["ACT"] });
    const full = await cart(["ACT", 1]);
    const keyed = key();
    const act = { payment: { method: "credit_card", token: "tok_action" } };
    const first = await checkOut(full, act, keyed);
    expect(first.body).toMatchObject({
      status: "pending",
      nextAction: { url: expect.stringContaining("https") },
    });
    expect((await checkOut(full, act, keyed)).text).toBe(first.text);
  });
});
