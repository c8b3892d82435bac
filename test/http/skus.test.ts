import { describe, expect, test } from "vitest";
import { sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const variant = (sku: string) => ({ sku, price: { amount: 500, currency: "USD" } });
const path = (sku: string) => `/v1/stock/${encodeURIComponent(sku)}`;

describe("a SKU", () => {
  test("is one however it is written, and shown as it was first given", async () => {
    const { post, get, call, product, cart, checkOut, caughtUp } = shop();
    const { id } = await product({ skus: ["Teapot-1"], quantity: 5 });
    expect(await post(`${path("TEAPOT-1 ")}/receipts`, { quantity: 2 })).toMatchObject({
      status: 201,
      body: { sku: "Teapot-1", onHand: 7 },
    });
    expect(
      (
        await call("PUT", `/v1/products/${id}/variants/tEAPOT-1/price`, {
          headers: staff,
          body: { price: { amount: 450, currency: "USD" } },
        })
      ).body,
    ).toMatchObject({ sku: "Teapot-1" });

    const bought = await cart(["teapot-1", 1], [" TEAPOT-1", 2]);
    const changed = await call("PATCH", `/v1/carts/${bought.id}/items/TeaPot-1`, {
      headers: bought.guest,
      body: { quantity: 4 },
    });
    expect(changed.body.items).toMatchObject([{ sku: "Teapot-1", quantity: 4 }]);
    const { body: order } = await checkOut(bought);
    const shipped = await post(`/v1/orders/${order.id}/shipments`, {
      lines: [{ sku: "TEAPOT-1", quantity: 1 }],
    });
    expect(shipped.status).toBe(201);

    await caughtUp();
    expect((await get(path("teapot-1"), staff)).body).toMatchObject({ sku: "Teapot-1", onHand: 6 });
    expect((await get(path("TEAPOT-1"))).body).toMatchObject({ sku: "Teapot-1", available: 3 });
    expect((await get(`${path("teaPOT-1")}/ledger`, staff)).body.items.length).toBeGreaterThan(2);
    const orders = (await get("/v1/orders?sku=teapot-1", staff)).body.items;
    expect(orders.map(({ id }: { id: string }) => id)).toEqual([order.id]);
  });

  test("is had by one product, in whatever spelling another one wants it", async () => {
    const { post, product } = shop();
    const { id } = await product({ skus: ["STRASSE"] });
    for (const sku of ["strasse", "Straße", " STRASSE "])
      expect(await post("/v1/products", { name: "Other", variants: [variant(sku)] })).toMatchObject({
        status: 409,
        body: { code: "already_exists", holder: id },
      });
    expect(await post(`/v1/products/${id}/variants`, variant("strasse"))).toMatchObject({
      status: 409,
      body: { code: "already_exists" },
    });
  });

  test("comes once in a product, and has nothing that nobody sees", async () => {
    const { post } = shop();
    const tried = async (...skus: string[]) => {
      const { status, body } = await post("/v1/products", { name: "Tried", variants: skus.map(variant) });
      return [status, body.errors?.[0].path];
    };
    expect(await tried("a-b", "A-B")).toEqual([422, "variants.1.sku"]);
    expect(await tried("ok", "zero\u200bwidth")).toEqual([422, "variants.1.sku"]);
    expect(await tried("   ")).toEqual([422, "variants.0.sku"]);
    expect((await tried("  Spaced  "))[0]).toBe(201);
  });

  test("that no product has is not booked until staff opens it, and then keeps its spelling", async () => {
    const { post, get, call, caughtUp } = shop();
    expect(await post(`${path("Loose-1")}/receipts`, { quantity: 1 })).toMatchObject({ status: 404 });
    expect(await post(`${path("Loose-1")}/adjustments`, { delta: 1, reason: "found" })).toMatchObject({
      status: 404,
    });
    const opened = await call("PUT", `${path("Loose-1")}/policy`, { headers: staff, body: {} });
    expect(opened).toMatchObject({ status: 200, body: { sku: "Loose-1", onHand: 0 } });
    expect(await post(`${path("LOOSE-1")}/receipts`, { quantity: 3 })).toMatchObject({ status: 201 });

    const { body: refused } = await post("/v1/products", {
      name: "Loose",
      variants: [variant("loose-1"), variant("Teapot-1")],
    });
    expect(refused.code).toBe("already_exists");
    expect(await post(`${path("loose-1")}/receipts`, { quantity: 1 })).toMatchObject({
      status: 201,
      body: { sku: "Loose-1", onHand: 4 },
    });
    const { body: made } = await post("/v1/products", { name: "Loose", variants: [variant("LOOSE-1")] });
    await post(`/v1/products/${made.id}/publish`);
    await caughtUp();
    const { body } = await get(`/v1/products/${made.id}`);
    expect(body.variants).toMatchObject([{ sku: "Loose-1", available: 4 }]);
  });
});

test("a slug that looks like an id is refused, naming the field", async () => {
  const slug = "0f9f3a52-6b1c-4b4e-9f63-1d1f5f0f7a11";
  const refused = { status: 422, body: { errors: [{ path: "slug" }] } };
  const { post, call, product } = shop();
  expect(await post("/v1/products", { name: "Odd", slug, variants: [variant("ODD-1")] })).toMatchObject(
    refused,
  );
  const { id } = await product({ skus: ["ODD-2"] });
  expect(await call("PATCH", `/v1/products/${id}`, { headers: staff, body: { slug } })).toMatchObject(
    refused,
  );
});
