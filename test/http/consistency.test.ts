import { describe, expect, test } from "vitest";
import { createPositions } from "../../src/http/edge/positions.ts";
import { at } from "../support/positions.ts";
import { sharedShop, staff } from "./shop.ts";

const shop = sharedShop();

/** As this shop gives positions out. */
const sealed = (position: string) => {
  const { folder, events } = shop().runtime;
  return createPositions(folder.secret, events).seal(position);
};

describe("If-Match", () => {
  test("lets a command through at the revision that an ETag gave, and no other", async () => {
    const { post } = shop();
    await shop().stocked("TAGGED");
    const { headers } = await post("/v1/stock/TAGGED/receipts", { quantity: 1 });
    expect(headers.etag).toBe('"0"');
    const at = (etag: string) =>
      post("/v1/stock/TAGGED/receipts", { quantity: 1 }, { ...staff, "if-match": etag });
    expect(await at('"0"')).toMatchObject({ status: 201, headers: { etag: '"1"' } });
    expect(await at('"0"')).toMatchObject({ status: 412, body: { code: "revision_mismatch", revision: 1 } });
    expect((await at("*")).status).toBe(201);
    for (const wrong of ["0", '"x"', '"-1"', '"0", "1"'])
      expect(await at(wrong)).toMatchObject({ status: 400, body: { code: "malformed_request" } });
  });

  test("holds for carts and orders too", async () => {
    const { product, cart, order, post } = shop();
    await product({ skus: ["MATCHED"], quantity: 100 });
    const { id, guest } = await cart(["MATCHED", 1]);
    const stale = { "if-match": '"0"' };
    const refused = { status: 412, body: { code: "revision_mismatch" } };
    const line = { sku: "MATCHED", quantity: 1 };
    expect(await post(`/v1/carts/${id}/items`, line, { ...guest, ...stale })).toMatchObject(refused);
    const { order: placed } = await order(["MATCHED", 1]);
    for (const command of ["cancel", "shipments"])
      expect(await post(`/v1/orders/${placed.id}/${command}`, {}, { ...staff, ...stale })).toMatchObject(
        refused,
      );
    expect(
      await post(`/v1/orders/${placed.id}/refunds`, { reason: "r" }, { ...staff, ...stale }),
    ).toMatchObject(refused);
  });
});

describe("Min-Position", () => {
  test("of a command makes a query show what the command did", async () => {
    const { post, get } = shop();
    const created = await post("/v1/products", { name: "Soon there", variants: [] });
    const minimum = { ...staff, "min-position": String(created.headers.position) };
    const { status, headers } = await get(`/v1/products/${created.body.id}`, minimum);
    expect(status).toBe(200);
    expect(headers.position).toMatch(/^[\w-]{60,100}$/);
    expect(await get("/v1/products?sort=price", minimum)).toMatchObject({ status: 200 });
  });

  test("that is never reached ends in 504 after as long as Prefer allows", async () => {
    const { get } = shop();
    const beyond = { ...staff, "min-position": sealed(at(1_000_000_000)) };
    for (const path of [
      "products",
      "products/x",
      "orders",
      "orders/x",
      "payments/x",
      "stock",
      "stock/x/ledger",
    ]) {
      const started = performance.now();
      const { status, body } = await get(`/v1/${path}`, { ...beyond, prefer: "wait=0" });
      expect({ path, status, code: body.code }).toEqual({ path, status: 504, code: "projection_behind" });
      expect(performance.now() - started).toBeLessThan(2_000);
    }
    const started = performance.now();
    expect((await get("/v1/analytics/sales", { ...beyond, prefer: "respond-async, wait=1" })).status).toBe(
      504,
    );
    expect(performance.now() - started).toBeGreaterThan(900);
  });

  test("is waited for five seconds at most, whatever Prefer says", async () => {
    const started = performance.now();
    const headers = { "min-position": sealed(at(1_000_000_000)), prefer: "wait=3600" };
    expect((await shop().get("/v1/products", headers)).status).toBe(504);
    expect(performance.now() - started).toBeGreaterThan(4_900);
    expect(performance.now() - started).toBeLessThan(8_000);
  });

  test.each(["", "x", "p", "p-2", "12", `p${"z".repeat(12)}`, "pzzzzzzzzzzz", "p1 "])(
    "%j is refused",
    async (token) => {
      for (const path of ["/v1/products", "/v1/stock/x", "/v1/best-sellers"])
        expect(await shop().get(path, { "min-position": token })).toMatchObject({
          status: 422,
          body: { code: "validation_failed", errors: [{ path: "Min-Position" }] },
        });
    },
  );

  test("tells nobody how many events the shop has, and cannot be made up", async () => {
    const { post, get } = shop();
    await shop().stocked(...Array.from({ length: 20 }, (_, n) => `P${n}`));
    const tokens = await Promise.all(
      Array.from({ length: 20 }, async (_, n) =>
        String((await post(`/v1/stock/P${n}/receipts`, { quantity: 1 })).headers.position),
      ),
    );
    expect(new Set(tokens).size).toBe(20);
    for (const token of tokens)
      expect(Buffer.from(token, "base64url").toString("latin1")).not.toMatch(/\d{6}/);
    const bytes = Buffer.from(String(tokens[0]), "base64url");
    const next = Buffer.from(String(tokens[1]), "base64url");
    const alike = bytes.filter((byte, at) => byte === next[at]).length;
    expect(alike).toBeLessThan(bytes.length / 4);
    for (const at of [0, 12, 20, 30, 40, bytes.length - 1]) {
      const forged = Buffer.from(bytes);
      forged[at] = (forged[at] ?? 0) ^ 1;
      const answer = await get("/v1/products", { "min-position": forged.toString("base64url") });
      expect(answer.status).toBe(422);
    }
  });

  test("of another log means the end of this one", async () => {
    const { receive, get, runtime } = shop();
    const secret = runtime.folder.secret;
    const other = createPositions(secret, { logId: "before the restore", head: () => Promise.reject() });
    await receive("RESTORED", 3);
    const headers = { ...staff, "min-position": other.seal(at(1_000_000_000)) };
    const listed = await get("/v1/stock?limit=100", headers);
    expect(listed.status).toBe(200);
    expect(listed.body.items).toContainEqual(expect.objectContaining({ sku: "RESTORED", onHand: 3 }));
  });

  test("is honoured for the stock of a SKU that was just created", async () => {
    const { post, get } = shop();
    for (let n = 0; n < 200; n++) {
      const price = { amount: 100, currency: "USD" };
      const created = await post("/v1/products", {
        name: `New ${n}`,
        variants: [{ sku: `NEW-${n}`, price }],
      });
      const headers = { ...staff, "min-position": String(created.headers.position) };
      expect({ n, status: (await get(`/v1/stock/NEW-${n}`, headers)).status }).toEqual({ n, status: 200 });
    }
  });

  test("makes a product's page show each of its changes, whatever was kept of it while others changed", async () => {
    const { product, post, get, call } = shop();
    const asStaff = (body: object) => ({ headers: staff, body });
    const { id, slug } = await product({ skus: ["KEPT"], quantity: 5, fields: { category: "Kept/Old" } });
    const other = await product({ skus: ["OTHER"] });
    const shown = async (change: { headers: Record<string, unknown> }) => {
      const headers = { "min-position": String(change.headers.position) };
      return (await get(`/v1/products/${slug}`, headers)).body;
    };
    const price = (amount: number) => asStaff({ price: { amount, currency: "USD" } });
    for (let n = 1; n <= 20; n++) {
      const changedOther = await call("PUT", `/v1/products/${other.id}/variants/OTHER/price`, price(n));
      expect((await shown(changedOther)).variants[0].price.amount).toBe(n === 1 ? 1_000 : n - 1);
      const changed = await call("PUT", `/v1/products/${id}/variants/KEPT/price`, price(n));
      expect((await shown(changed)).variants[0].price.amount).toBe(n);
    }
    const { categoryId } = (await get(`/v1/products/${slug}`)).body;
    const renamed = await call("PATCH", `/v1/categories/${categoryId}`, asStaff({ name: "New" }));
    expect((await shown(renamed)).category).toBe("Kept/New");
    const gone = await post("/v1/stock/KEPT/adjustments", { delta: -5, reason: "broken" });
    expect((await shown(gone)).variants[0]).toMatchObject({ available: 0 });
    const archived = await post(`/v1/products/${id}/archive`);
    expect((await shown(archived)).code).toBe("not_found");
  });

  test("does not hold up what is always as of now", async () => {
    const { cart, get } = shop();
    const { id, guest } = await cart();
    const beyond = { ...guest, "min-position": sealed(at(1_000_000_000)) };
    expect((await get(`/v1/carts/${id}`, beyond)).status).toBe(200);
  });
});

describe("a cursor", () => {
  const first = async (url: string): Promise<string> => {
    const { nextCursor } = (await shop().get(url, staff)).body;
    expect(nextCursor).toEqual(expect.any(String));
    return nextCursor as string;
  };

  test("belongs to its list, its filters and its sorting", async () => {
    const { product, get, receive, caughtUp } = shop();
    for (const name of ["First", "Second", "Third"])
      await product({ name, skus: [name], fields: { brand: "One" } });
    await receive("First", 1);
    await caughtUp();
    const cursor = await first("/v1/products?sort=price&limit=1");
    expect((await get(`/v1/products?sort=price&limit=2&cursor=${cursor}`)).status).toBe(200);
    expect((await get(`/v1/products?sort=price&facets=brand&cursor=${cursor}`)).status).toBe(200);
    const ledger = await first("/v1/stock/First/ledger?limit=1");
    const elsewhere = [
      `/v1/products?cursor=${cursor}`,
      `/v1/products?sort=-price&cursor=${cursor}`,
      `/v1/products?sort=price&brand=One&cursor=${cursor}`,
      `/v1/stock?cursor=${cursor}`,
      `/v1/orders?cursor=${cursor}`,
      `/v1/stock/Second/ledger?cursor=${ledger}`,
      `/v1/ops/streams/stock-First?cursor=${ledger}`,
      `/v1/ops/projections/catalog/parked?cursor=${ledger}`,
    ];
    for (const url of elsewhere)
      expect({ url, ...(await get(url, staff)) }).toMatchObject({
        url,
        status: 400,
        body: { code: "invalid_cursor" },
      });
  });

  test("that was tampered with is refused", async () => {
    const cursor = await first("/v1/products?limit=1");
    const [payload = "", mac = ""] = cursor.split(".");
    const forged = Buffer.from(JSON.stringify([9e15, "x"])).toString("base64url");
    const tampered = [
      "",
      "x",
      ".",
      payload,
      `${payload}.`,
      `.${mac}`,
      `${forged}.${mac}`,
      `${cursor}x`,
      `${cursor}.x`,
      `${payload}.${mac.slice(0, -1)}`,
      `${payload}x.${mac}`,
      "%00",
      "%F0%9F%94%A9",
    ];
    for (const text of tampered) {
      const { status, body } = await shop().get(`/v1/products?limit=1&cursor=${text}`);
      expect({ text, status, code: body.code }).toEqual({ text, status: 400, code: "invalid_cursor" });
    }
  });
});

test("a cart of many lines is shown whole, as it is now, wherever its lines are stored", async () => {
  const { product, cart, get, call, caughtUp } = shop();
  const skus = Array.from({ length: 80 }, (_, n) => `LONG-${n}`);
  await product({ skus, quantity: 0 });
  const { id, guest } = await cart(...skus.map((sku) => [sku, 1] as const));
  const quantities = async () => {
    const { body } = await get(`/v1/carts/${id}`, guest);
    return body.items.map(({ sku, quantity }: { sku: string; quantity: number }) => [sku, quantity]);
  };
  const all = skus.map((sku) => [sku, 1]);
  expect(await quantities()).toEqual(all);
  await caughtUp();
  const changed = await call("PATCH", `/v1/carts/${id}/items/LONG-79`, {
    headers: guest,
    body: { quantity: 3 },
  });
  expect(changed.status).toBe(200);
  expect(await quantities()).toEqual([...all.slice(0, -1), ["LONG-79", 3]]);
});
