import { describe, expect, test } from "vitest";
import { checkoutBody, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();

/** In every text that staff writes for staff, and in every name that is not for sale. */
const canary = /canary/i;
const exact = 98_765;

describe("a guest", () => {
  test("is told nothing that staff keeps to itself", { timeout: openTimeoutMs }, async () => {
    const { post, product, receive, call, caughtUp, order, cart, checkOut, app } = shop();
    await product({ name: "Shown", skus: ["SHOWN"], quantity: exact });
    await post("/v1/stock/SHOWN/receipts", { quantity: 1, reference: "canary-receipt" });
    await post("/v1/stock/SHOWN/adjustments", { delta: -1, reason: "canary-adjustment" });
    await post("/v1/products", {
      name: "Canary draft",
      variants: [{ sku: "CANARY-DRAFT", price: { amount: 1, currency: "USD" } }],
    });
    await receive("CANARY-DRAFT", 5);
    const gone = await product({ name: "Canary archived", skus: ["CANARY-GONE"] });
    await order(["CANARY-GONE", 5]);
    await post(`/v1/products/${gone.id}/archive`);

    const placed = await order(["SHOWN", 3]);
    const url = `/v1/orders/${placed.order.id}`;
    const done = async (path: string, body: object) => {
      const answer = await post(`${url}/${path}`, body);
      expect(answer.status).toBeLessThan(300);
      return answer.body;
    };
    await done("notes", { text: "canary-note" });
    await done("shipments", {});
    await done("deliveries", {});
    const lines = [{ sku: "SHOWN", quantity: 1 }];
    const { returnId } = await done("returns", { lines, reason: "canary-return" });
    await done(`returns/${returnId}/reject`, { reason: "canary-rejection" });
    await done("refunds", { reason: "canary-refund", amount: { amount: 1, currency: "USD" } });
    const ended = await order(["SHOWN", 1]);
    await post(`/v1/orders/${ended.order.id}/notes`, { text: "canary-note" });
    await post(`/v1/orders/${ended.order.id}/cancel`, { reason: "canary-cancellation" });
    const open = await order(["SHOWN", 1]);
    await post(`/v1/orders/${open.order.id}/notes`, { text: "canary-note" });
    await caughtUp();

    const told: string[] = [];
    const ask = async (...asked: Parameters<typeof call>) => {
      const { status, text } = await call(...asked);
      told.push(`${asked[0]} ${asked[1].replaceAll(/canary/gi, "...")} ${status} ${text}`);
      return status;
    };
    const guest = { ...placed.cart.guest, "visitor-id": "a-visitor" };
    const { paths = {} } = app.swagger() as { paths?: Record<string, object> };
    const ids = ["SHOWN", gone.id, placed.order.id, placed.cart.id, "shown"];
    for (const [path, item] of Object.entries(paths)) {
      if (!("get" in item)) continue;
      for (const id of path.includes("{") ? ids : [""])
        await ask("GET", path.replaceAll(/\{\w+\}/g, id), { headers: guest });
    }
    for (const query of ["q=canary", "q=shown", "sort=best-selling", "facets=brand,category,tag"])
      expect(await ask("GET", `/v1/products?${query}`)).toBe(200);
    for (const { order, cart } of [ended, open])
      expect(await ask("GET", `/v1/orders/${order.id}`, { headers: cart.guest })).toBe(200);
    expect(await ask("GET", url, { headers: guest })).toBe(200);
    expect(await ask("GET", "/v1/stock/SHOWN")).toBe(200);
    for (const sku of ["CANARY-DRAFT", "CANARY-GONE"])
      expect((await call("GET", `/v1/stock/${sku}`)).status).toBe(404);

    const another = await cart(["SHOWN", 2]);
    const of = { headers: another.guest };
    await ask("GET", `/v1/carts/${another.id}`, of);
    await ask("PATCH", `/v1/carts/${another.id}/items/SHOWN`, { ...of, body: { quantity: 1 } });
    await ask("POST", `/v1/carts/${another.id}/items`, { ...of, body: { sku: "SHOWN", quantity: 1 } });
    expect(await ask("POST", `/v1/carts/${another.id}/checkout`, { ...of, body: checkoutBody })).toBe(201);
    await ask("POST", `/v1/orders/${open.order.id}/cancel`, { headers: open.cart.guest, body: {} });
    expect((await checkOut(await cart(["SHOWN", 1]))).status).toBe(201);

    const leaks = told.filter((text) => canary.test(text) || /98[67]\d\d/.test(text));
    expect(leaks).toEqual([]);
    expect(told.length).toBeGreaterThan(40);
  });

  test("reads of stock what is left, up to a hundred", async () => {
    await shop().caughtUp();
    const { body } = await shop().get("/v1/stock/SHOWN");
    expect(body).toEqual({ sku: "SHOWN", available: 100, status: "in_stock" });
    expect((await shop().get("/v1/stock/SHOWN", staff)).body.available).toBeGreaterThan(90_000);
    expect((await shop().get("/v1/best-sellers")).body.items).toEqual([{ sku: "SHOWN", name: "Shown" }]);
  });
});

test("the stock of a product that was just made is there for whoever asks with its Position", async () => {
  const { post, get } = shop();
  const statuses = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const variants = [{ sku: `NEW-${index}`, price: { amount: 1, currency: "USD" } }];
      const { headers } = await post("/v1/products", { name: `New ${index}`, variants });
      const minimum = { ...staff, "min-position": String(headers.position) };
      return (await get(`/v1/stock/NEW-${index}`, minimum)).status;
    }),
  );
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
});
