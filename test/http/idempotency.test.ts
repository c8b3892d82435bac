import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const key = () => ({ "idempotency-key": randomUUID() });

describe("a command with an Idempotency-Key", () => {
  test("is carried out once, and answers the same again", async () => {
    const { post, get } = shop();
    const headers = { ...staff, ...key() };
    await shop().stocked("ONCE");
    const first = await post("/v1/stock/ONCE/receipts", { quantity: 5 }, headers);
    const second = await post("/v1/stock/ONCE/receipts", { quantity: 5 }, headers);
    expect(first.headers["idempotent-replayed"]).toBeUndefined();
    expect(second.headers).toMatchObject({
      "idempotent-replayed": "true",
      etag: first.headers.etag,
      position: first.headers.position,
    });
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect((await get("/v1/stock/ONCE", staff)).body.onHand).toBe(5);
  });

  test("may be conditional too: what has taken effect is answered as such, also again", async () => {
    const { post, get } = shop();
    await shop().stocked("CONDITIONAL");
    const { headers } = await post("/v1/stock/CONDITIONAL/receipts", { quantity: 5 }, staff);
    const conditional = { ...staff, ...key(), "if-match": String(headers.etag) };
    const first = await post("/v1/stock/CONDITIONAL/receipts", { quantity: 2 }, conditional);
    expect(first.status).toBe(201);
    const second = await post("/v1/stock/CONDITIONAL/receipts", { quantity: 2 }, conditional);
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect(second.headers["idempotent-replayed"]).toBe("true");
    expect((await get("/v1/stock/CONDITIONAL", staff)).body.onHand).toBe(7);
  });

  test("is refused for another body, and for another path", async () => {
    const { post } = shop();
    const headers = { ...staff, ...key() };
    await shop().stocked("OTHER", "ANOTHER");
    await post("/v1/stock/OTHER/receipts", { quantity: 5 }, headers);
    const reused = { status: 422, body: { code: "idempotency_key_reused" } };
    expect(await post("/v1/stock/OTHER/receipts", { quantity: 6 }, headers)).toMatchObject(reused);
    expect(await post("/v1/stock/ANOTHER/receipts", { quantity: 5 }, headers)).toMatchObject(reused);
  });

  test("is refused while it is running", async () => {
    const { product, cart, checkOut } = shop();
    await product({ skus: ["SLOW"] });
    const full = await cart(["SLOW", 1]);
    const headers = key();
    const slow = { payment: { method: "credit_card", token: "tok_slow" } };
    const first = checkOut(full, slow, headers);
    const second = await checkOut(full, slow, headers);
    expect(second).toMatchObject({ status: 409, body: { code: "request_in_progress" } });
    const { status, body } = await first;
    expect(status).toBe(201);
    expect(await checkOut(full, slow, headers)).toMatchObject({ status: 201, body: { id: body.id } });
  });

  test("that failed validation can be sent again, corrected", async () => {
    const { post } = shop();
    const headers = { ...staff, ...key() };
    await shop().stocked("FIXED");
    expect((await post("/v1/stock/FIXED/receipts", { quantity: -5 }, headers)).status).toBe(422);
    expect((await post("/v1/stock/FIXED/receipts", { quantity: 5 }, headers)).status).toBe(201);
  });

  test("that was refused for good is refused in the same words, whatever has changed since", async () => {
    const { product, cart, checkOut, receive } = shop();
    await product({ skus: ["GONE"], quantity: 0 });
    const full = await cart(["GONE", 1]);
    const headers = key();
    const first = await checkOut(full, {}, headers);
    expect(first).toMatchObject({ status: 409, body: { code: "out_of_stock" } });
    await receive("GONE", 1);
    const second = await checkOut(full, {}, headers);
    expect(second.headers["idempotent-replayed"]).toBe("true");
    expect(second.headers["content-type"]).toContain("application/problem+json");
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect((await checkOut(full, {}, key())).status).toBe(201);
  });

  test("belongs to its client: two guests may use one key", async () => {
    const { product, cart, post } = shop();
    await product({ skus: ["SHARED"] });
    const headers = key();
    const [a, b] = [await cart(), await cart()];
    const add = (of: typeof a) =>
      post(`/v1/carts/${of.id}/items`, { sku: "SHARED", quantity: 1 }, { ...of.guest, ...headers });
    expect([(await add(a)).body.id, (await add(b)).body.id]).toEqual([a.id, b.id]);
  });

  test.each(["", " ", "two words", "k".repeat(256), "schlüssel"])("%j is no key", async (text) => {
    const headers = { ...staff, "idempotency-key": text };
    const { status, body } = await shop().post("/v1/stock/NOKEY/receipts", { quantity: 1 }, headers);
    expect({ status, code: body.code }).toEqual({ status: 400, code: "malformed_request" });
  });

  test(
    "answers the same after a restart",
    async () => {
      const before = await openShop();
      await before.product({ skus: ["KEPT"] });
      const full = await before.cart(["KEPT", 1]);
      const headers = key();
      const first = await before.checkOut(full, {}, headers);
      expect(first.status).toBe(201);
      await before.close();

      const after = await openShop({ folder: before.folder });
      const second = await after.checkOut(full, {}, headers);
      expect(second.headers["idempotent-replayed"]).toBe("true");
      expect([second.status, second.text]).toEqual([201, first.text]);
      const orders = await after.get("/v1/orders?sku=KEPT", {
        ...staff,
        "min-position": String(second.headers.position),
      });
      expect(orders.body.items).toHaveLength(1);
      expect((await after.checkOut(full, { email: "other@example.com" }, headers)).status).toBe(422);
    },
    openTimeoutMs,
  );
});
