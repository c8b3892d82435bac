import { expect, test } from "vitest";
import { createEmbeddedHotStore } from "../../src/stores/hot-store/embedded/hot.ts";
import { newId } from "../../src/values/ids.ts";
import { refusing } from "../support/hot-stores.ts";
import { openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop({
  hot: refusing(createEmbeddedHotStore(), () => true),
  env: { RATE_LIMIT_PER_MINUTE: "1000" },
});

test("with a hot store that refuses everything one still shops, and sees at once what one did", async () => {
  const { product, cart, call, get, checkOut, receive } = shop();
  await product({ skus: ["MUG"], quantity: 3 });
  const { id, guest } = await cart(["MUG", 1]);
  const add = { headers: guest, body: { sku: "MUG", quantity: 1 } };
  expect((await call("POST", `/v1/carts/${id}/items`, add)).status).toBeLessThan(300);
  expect((await get(`/v1/carts/${id}`, guest)).body.itemCount).toBe(2);
  await receive("MUG", 4);
  expect((await get("/v1/stock/MUG", staff)).body).toMatchObject({ available: 7 });
  expect((await checkOut({ id, guest })).status).toBeLessThan(300);
  expect((await get("/v1/stock/MUG", staff)).body).toMatchObject({ available: 5 });
});

test("a key is still used once", async () => {
  const headers = { "idempotency-key": newId() };
  const first = await shop().call("POST", "/v1/carts", { headers });
  expect(first.status).toBe(201);
  const again = await shop().call("POST", "/v1/carts", { headers });
  expect(again).toMatchObject({ status: 201, body: { id: first.body.id } });
  expect(again.headers["idempotent-replayed"]).toBe("true");
});

test("what is only a convenience is left out", async () => {
  const { get } = shop();
  const visitor = { "visitor-id": "visitor-1" };
  expect((await get("/v1/recently-viewed", visitor)).body).toEqual({ items: [] });
  expect((await get("/v1/products", visitor)).status).toBe(200);
  expect((await get("/v1/best-sellers")).status).toBe(200);
});

test(
  "a document that could not be dropped while the store was away is not served old when it is back",
  async () => {
    let away = false;
    const { product, receive, get, runtime } = await openShop({
      hot: refusing(createEmbeddedHotStore(), () => away),
    });
    await product({ skus: ["CUP"], quantity: 1 });
    const available = async () => (await get("/v1/stock/CUP", staff)).body.available;
    await expect.poll(available).toBe(1);
    away = true;
    await receive("CUP", 1);
    await runtime.models.caughtUp();
    expect(await available()).toBe(2);
    away = false;
    expect(await available()).toBe(2);
    await receive("CUP", 1);
    await expect.poll(available).toBe(3);
  },
  openTimeoutMs,
);
