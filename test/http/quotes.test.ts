import { describe, expect, test } from "vitest";
import { checkoutBody, openShop, sharedShop, staff } from "./shop.ts";

const usd = (amount: number) => ({ amount, currency: "USD" });
const address = checkoutBody.shippingAddress;
const byCard = { payment: { method: "credit_card", token: "tok_ok" } };

describe("before paying", () => {
  const shop = sharedShop({ env: { SHIPPING_STANDARD: "500", TAX_RATE_BP: "1000" } });

  test("a cart keeps what its checkout needs, which then need not repeat it", async () => {
    const { product, cart, call, post, get, checkOut, caughtUp } = shop();
    await product({ skus: ["KEPT"] });
    const full = await cart(["KEPT", 1]);
    const patch = (body: object) => call("PATCH", `/v1/carts/${full.id}`, { headers: full.guest, body });
    const bare = await checkOut(full, { email: undefined, shippingAddress: undefined, ...byCard });
    expect(bare).toMatchObject({ status: 422, body: { code: "validation_failed" } });
    expect(bare.body.errors.map(({ path }: { path: string }) => path)).toEqual(["email", "shippingAddress"]);
    const details = { email: "jörg@bücher.example", shippingAddress: address, shippingMethod: "express" };
    const kept = { ...details, email: "jörg@xn--bcher-kva.example" };
    const patched = await patch(details);
    expect(patched).toMatchObject({ status: 200, body: kept });
    expect((await patch({ email: details.email })).headers.etag).toBe(patched.headers.etag);
    expect((await get(`/v1/carts/${full.id}`, full.guest)).body).toMatchObject(kept);
    expect((await patch({ billingAddress: address })).body).toMatchObject({
      ...kept,
      billingAddress: address,
    });
    const cleared = (await patch({ billingAddress: null })).body;
    expect(cleared).not.toHaveProperty("billingAddress");
    expect((await patch({ shippingMethod: "donkey" })).status).toBe(422);
    const ordered = await post(`/v1/carts/${full.id}/checkout`, byCard, full.guest);
    expect(ordered.status).toBe(201);
    await caughtUp();
    expect((await get(`/v1/orders/${ordered.body.id}`, staff)).body).toMatchObject(kept);
    expect((await patch({ email: "a@example.com" })).body.code).toBe("cart_converted");
  });

  test("a quote says what it will come to, and appends nothing", async () => {
    const { product, cart, post, get, runtime } = shop();
    await product({ skus: ["QUOTED"], price: 2_000 });
    const full = await cart(["QUOTED", 3]);
    const before = runtime.engine.lastPosition;
    const quoted = await post(
      `/v1/carts/${full.id}/quote`,
      { shippingAddress: { country: "GB" } },
      full.guest,
    );
    expect(quoted).toMatchObject({
      status: 200,
      body: {
        quoteHash: expect.any(String),
        lines: [
          { lineId: "sku:QUOTED", quantity: 3, unitPrice: usd(2_000), tax: usd(600), total: usd(6_600) },
        ],
        shippingMethod: "standard",
        shippingOptions: [
          { method: "standard", price: usd(500) },
          { method: "express", price: usd(1_500) },
          { method: "overnight", price: usd(3_000) },
        ],
        taxes: [{ rateBp: 1_000, included: false, amount: usd(650) }],
        totals: { subtotal: usd(6_000), shipping: usd(500), tax: usd(650), total: usd(7_150) },
        changes: [],
      },
    });
    expect(runtime.engine.lastPosition).toBe(before);
    // The cart says the same.
    expect((await get(`/v1/carts/${full.id}`, full.guest)).body.totals).toEqual(quoted.body.totals);
    const express = await post(`/v1/carts/${full.id}/quote`, { shippingMethod: "express" }, full.guest);
    expect(express.body.totals.total).toEqual(usd(8_250));
    expect(express.body.quoteHash).not.toBe(quoted.body.quoteHash);
    const { items } = (await get("/v1/shipping-methods?country=GB")).body;
    expect(items).toEqual(quoted.body.shippingOptions);
  });

  test("a price that has changed is shown in the cart, and charged to who has agreed to it", async () => {
    const { product, cart, call, post, get, checkOut } = shop();
    const { id } = await product({ skus: ["MOVES"], price: 1_000 });
    const full = await cart(["MOVES", 2]);
    const quote = async () => (await post(`/v1/carts/${full.id}/quote`, {}, full.guest)).body;
    const agreed = await quote();
    const reprice = (amount: number) =>
      call("PUT", `/v1/products/${id}/variants/MOVES/price`, {
        headers: staff,
        body: { price: usd(amount) },
      });
    await reprice(1_200);
    const shown = (await get(`/v1/carts/${full.id}`, full.guest)).body;
    expect(shown.items).toMatchObject([
      {
        unitPrice: usd(1_200),
        lineTotal: usd(2_400),
        priceChanged: { was: usd(1_000), now: usd(1_200) },
      },
    ]);
    expect(shown).toMatchObject({ subtotal: usd(2_400), totals: { total: usd(3_190) } });
    const refused = await checkOut(full, { ...byCard, quoteHash: agreed.quoteHash });
    expect(refused).toMatchObject({
      status: 409,
      body: {
        code: "price_changed",
        total: usd(3_190),
        quote: {
          changes: [{ sku: "MOVES", was: usd(1_000), now: usd(1_200) }],
          totals: { total: usd(3_190) },
        },
      },
    });
    expect((await checkOut(full, { ...byCard, acceptedTotal: agreed.totals.total })).status).toBe(409);
    // Only all of a quote is agreed to: another method is another one.
    const { quoteHash } = refused.body.quote;
    const other = await checkOut(full, { ...byCard, quoteHash, shippingMethod: "express" });
    expect(other.body.code).toBe("price_changed");
    const ordered = await checkOut(full, { ...byCard, quoteHash });
    expect(ordered).toMatchObject({ status: 201, body: { totals: { total: usd(3_190) } } });
  });

  test("what is not for sale any more says so in the cart", async () => {
    const { product, cart, post, get } = shop();
    const { id } = await product({ skus: ["GONE"] });
    const full = await cart(["GONE", 1]);
    await post(`/v1/products/${id}/archive`, undefined, staff);
    const shown = (await get(`/v1/carts/${full.id}`, full.guest)).body;
    expect(shown.items).toMatchObject([{ sku: "GONE", notForSale: true }]);
    expect((await post(`/v1/carts/${full.id}/quote`, {}, full.guest)).body.code).toBe("not_for_sale");
  });

  test("several items are added in one go, all or none; each is known by its line", async () => {
    const { product, cart, call, post } = shop();
    await product({ skus: ["ONE", "TWO"], price: 1_000 });
    const { id, guest } = await cart();
    const add = (items: object[]) => post(`/v1/carts/${id}/items`, { items }, guest);
    expect(
      (
        await add([
          { sku: "ONE", quantity: 1 },
          { sku: "NONE", quantity: 1 },
        ])
      ).status,
    ).toBe(404);
    const added = await add([
      { sku: "ONE", quantity: 1 },
      { sku: "TWO", quantity: 2 },
      { sku: "one", quantity: 1 },
    ]);
    expect(added.body.items).toMatchObject([
      { lineId: "sku:ONE", quantity: 2 },
      { lineId: "sku:TWO", quantity: 2 },
    ]);
    expect((await add([])).status).toBe(422);
    const dear = { items: [{ sku: "ONE", quantity: 1, unitPrice: usd(5) }] };
    expect((await post(`/v1/carts/${id}/items`, dear, guest)).status).toBe(401);
    await post(`/v1/carts/${id}/items`, dear, { ...guest, ...staff });
    const line = (lineId: string) => `/v1/carts/${id}/items/${encodeURIComponent(lineId)}`;
    const less = await call("PATCH", line("sku:ONE"), { headers: guest, body: { quantity: 1 } });
    expect(less.body.items).toMatchObject([
      { quantity: 1 },
      { quantity: 2 },
      { lineId: "5:ONE", quantity: 1 },
    ]);
    const removed = await call("DELETE", line("5:ONE"), { headers: guest });
    expect(removed.body.items).toHaveLength(2);
    expect((await call("DELETE", line("5:ONE"), { headers: guest })).status).toBe(404);
    expect((await call("DELETE", line("ONE"), { headers: guest })).body.items).toMatchObject([
      { sku: "TWO" },
    ]);
  });

  test.each([
    ["GB", undefined, 422],
    ["GB", "SW1", 201],
    ["IE", undefined, 422],
    ["AE", undefined, 201],
    ["hk", undefined, 201],
    ["Germany", undefined, 422],
  ])("an address in %s with the postal code %s is answered %i", async (country, postalCode, status) => {
    const { product, cart, checkOut } = shop();
    const sku = `POST-${country}-${postalCode}`;
    await product({ skus: [sku] });
    const shippingAddress = {
      fullName: "王",
      addressLine1: "1",
      city: "C",
      country,
      ...(postalCode && { postalCode }),
    };
    const answer = await checkOut(await cart([sku, 1]), { shippingAddress });
    expect(answer.status).toBe(status);
    if (status === 422) expect(answer.body.errors[0].path).toBe("shippingAddress.postalCode");
  });
});

test("with CHECKOUT_NEEDS_QUOTE a checkout says what its customer has agreed to", async () => {
  const { product, cart, post, checkOut } = await openShop({ env: { CHECKOUT_NEEDS_QUOTE: "true" } });
  await product({ skus: ["AGREED"], price: 1_000 });
  const full = await cart(["AGREED", 1]);
  const bare = await checkOut(full);
  expect(bare).toMatchObject({ status: 422, body: { errors: [{ path: "quoteHash" }] } });
  const { quoteHash } = (await post(`/v1/carts/${full.id}/quote`, undefined, full.guest)).body;
  expect(
    (await post(`/v1/carts/${full.id}/checkout`, { ...checkoutBody, quoteHash }, full.guest)).status,
  ).toBe(201);
});
