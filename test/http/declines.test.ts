import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import {
  checkoutBody,
  type HttpShop,
  type OpenCart,
  openShop,
  openTimeoutMs,
  type ShopOptions,
  staff,
} from "./shop.ts";

const max = 3;
const timeout = openTimeoutMs;
const declined = { payment: { method: "credit_card", token: "tok_declined" } };
const good = { payment: { method: "credit_card", token: "tok_ok" } };

async function shopWith(options: ShopOptions = {}): Promise<HttpShop> {
  const env = { DECLINES_PER_HOUR: String(max), ...options.env };
  const shop = await openShop({ ...options, env });
  await shop.product({ skus: ["TEST"], quantity: 500 });
  return shop;
}

/** What a checkout is answered that comes from an address. */
async function checkOut(
  { app }: HttpShop,
  { id, guest }: OpenCart,
  payment: object,
  { remoteAddress = "192.0.2.1", headers = {} as Record<string, string> } = {},
) {
  const answer = await app.inject({
    method: "POST",
    url: `/v1/carts/${id}/checkout`,
    headers: { ...guest, ...headers },
    payload: { ...checkoutBody, ...payment },
    remoteAddress,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

const statuses = async (answers: readonly Promise<{ status: number }>[]) =>
  (await Promise.all(answers)).map(({ status }) => status);

test("beyond so many declined payments a cart is refused before the gateway is asked", {
  timeout,
}, async () => {
  const shop = await shopWith();
  const cart = await shop.cart(["TEST", 1]);
  for (let n = 0; n < max; n++)
    expect((await checkOut(shop, cart, declined, { remoteAddress: `192.0.2.${n}` })).status).toBe(402);
  const authorize = vi.spyOn(shop.runtime.shop.gateway, "authorize");
  const refused = await checkOut(shop, cart, good, { remoteAddress: "192.0.2.99" });
  expect(refused).toMatchObject({ status: 429, body: { code: "rate_limited" } });
  expect(refused.headers).toMatchObject({ "ratelimit-limit": "3", "ratelimit-remaining": "0" });
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(3_500);
  expect(Number(refused.headers["retry-after"])).toBeLessThanOrEqual(3_600);
  expect(authorize).not.toHaveBeenCalled();
  expect((await shop.get(`/v1/carts/${cart.id}`, cart.guest)).body.status).toBe("open");
  const another = await shop.cart(["TEST", 1]);
  expect((await checkOut(shop, another, good, { remoteAddress: "192.0.2.99" })).status).toBe(201);
});

test("carts that are opened anew gain nothing, for their address counts too", { timeout }, async () => {
  const shop = await shopWith();
  for (let n = 0; n < max; n++)
    expect((await checkOut(shop, await shop.cart(["TEST", 1]), declined)).status).toBe(402);
  const next = await shop.cart(["TEST", 1]);
  expect((await checkOut(shop, next, good)).status).toBe(429);
  expect((await checkOut(shop, next, good, { remoteAddress: "2001:db8::1" })).status).toBe(201);
});

test("what asks no gateway, staff, and what is paid counts nothing", { timeout }, async () => {
  const shop = await shopWith();
  for (let n = 0; n < max * 2; n++)
    expect((await checkOut(shop, await shop.cart(["TEST", 1]), good)).status).toBe(201);
  const byStaff = { headers: staff };
  for (let n = 0; n < max * 2; n++)
    expect((await checkOut(shop, await shop.cart(["TEST", 1]), declined, byStaff)).status).toBe(402);
  const tooMuch = await shop.cart(["TEST", 501]);
  for (let n = 0; n < max * 2; n++) expect((await checkOut(shop, tooMuch, good)).status).toBe(409);
  const cart = await shop.cart(["TEST", 1]);
  for (let n = 0; n < max; n++) expect((await checkOut(shop, cart, declined)).status).toBe(402);
  expect((await checkOut(shop, cart, good)).status).toBe(429);
  expect((await checkOut(shop, cart, { payment: { method: "bank_transfer" } })).status).toBe(201);
});

test("an answer that is given again is neither counted nor refused", { timeout }, async () => {
  const shop = await shopWith();
  const cart = await shop.cart(["TEST", 1]);
  const keyed = { headers: { "idempotency-key": randomUUID() } };
  for (let n = 0; n < max * 2; n++) expect((await checkOut(shop, cart, declined, keyed)).status).toBe(402);
  for (let n = 1; n < max; n++) expect((await checkOut(shop, cart, declined)).status).toBe(402);
  expect((await checkOut(shop, cart, good)).status).toBe(429);
  const again = await checkOut(shop, cart, declined, keyed);
  expect([again.status, again.headers["idempotent-replayed"]]).toEqual([402, "true"]);
});

test("a key that was refused for it is good when the time is over", { timeout }, async () => {
  let laterMs = 0;
  const shop = await shopWith({ clock: () => Date.now() + laterMs });
  const cart = await shop.cart(["TEST", 1]);
  for (let n = 0; n < max; n++) await checkOut(shop, cart, declined);
  const keyed = { headers: { "idempotency-key": randomUUID() } };
  expect((await checkOut(shop, cart, good, keyed)).status).toBe(429);
  laterMs = 3_600_001;
  expect((await checkOut(shop, cart, good, keyed)).status).toBe(201);
});

test("payments that are added to an order are counted with its cart's", { timeout }, async () => {
  const shop = await shopWith({ env: { CAPTURE: "shipment" } });
  const { order, cart } = await shop.order(["TEST", 1]);
  vi.spyOn(shop.runtime.shop.gateway, "capture").mockResolvedValue({ status: "refused", reason: "no" });
  await shop.post(`/v1/payments/${order.payments[0].id}/capture`);
  const pay = (token: string, headers: Record<string, string>) =>
    shop.post(`/v1/orders/${order.id}/payments`, { method: "credit_card", token }, headers);
  for (let n = 0; n < max; n++) expect((await pay("tok_declined", cart.guest)).status).toBe(402);
  const authorize = vi.spyOn(shop.runtime.shop.gateway, "authorize");
  expect(await pay("tok_ok", cart.guest)).toMatchObject({ status: 429, body: { code: "rate_limited" } });
  expect(authorize).not.toHaveBeenCalled();
  expect((await pay("tok_ok", staff)).status).toBe(201);
});

test("a burst cannot slip through side by side once a payment was declined", { timeout }, async () => {
  const shop = await shopWith();
  const carts = await Promise.all(Array.from({ length: 20 }, () => shop.cart(["TEST", 1])));
  const [first, ...others] = carts;
  if (!first) throw new Error("twenty carts");
  await checkOut(shop, first, declined);
  const burst = await statuses(others.map((cart) => checkOut(shop, cart, declined)));
  expect(burst.filter((status) => status === 402)).toHaveLength(max - 1);
  expect(burst.filter((status) => status === 429)).toHaveLength(others.length - (max - 1));
  const fair = Array.from({ length: 20 }, () => shop.cart(["TEST", 1]));
  const elsewhere = { remoteAddress: "192.0.2.50" };
  const all = await statuses((await Promise.all(fair)).map((cart) => checkOut(shop, cart, good, elsewhere)));
  expect(all).toEqual(Array(20).fill(201));
});

test("a burst of cards before any was declined reaches the gateway a bounded number of times", {
  timeout,
}, async () => {
  const shop = await shopWith();
  const carts = await Promise.all(Array.from({ length: 130 }, () => shop.cart(["TEST", 1])));
  const { gateway } = shop.runtime.shop;
  const authorize = gateway.authorize.bind(gateway);
  const asked = vi.spyOn(gateway, "authorize").mockImplementation(async (...request) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return authorize(...request);
  });
  const burst = await statuses(carts.map((cart) => checkOut(shop, cart, declined)));
  expect(asked.mock.calls.length).toBeLessThanOrEqual(100);
  expect(burst.filter((status) => status === 429).length).toBeGreaterThanOrEqual(30);
});
