import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { openShop, openTimeoutMs, staff } from "./shop.ts";

const origin = "https://shop.example";
const preflight = { origin, "access-control-request-method": "POST" };

const options = (shop: Awaited<ReturnType<typeof openShop>>, headers: Record<string, string>) =>
  shop.app.inject({ method: "OPTIONS", url: "/v1/carts", headers });

describe("pages of other origins", { timeout: openTimeoutMs }, () => {
  test("call the API where they are named, and read what its headers say", async () => {
    const shop = await openShop({ env: { CORS_ORIGINS: `https://other.example, ${origin}` } });
    const asked = await options(shop, {
      ...preflight,
      "access-control-request-headers": "cart-token, idempotency-key, content-type",
    });
    expect(asked.statusCode).toBe(204);
    expect(asked.headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": expect.stringContaining("PATCH"),
      "access-control-allow-headers": expect.stringContaining("Idempotency-Key"),
      "access-control-max-age": "600",
    });
    const { headers } = await shop.get("/v1/products", { origin });
    expect(headers["access-control-allow-origin"]).toBe(origin);
    expect(headers["access-control-expose-headers"]).toContain("Position");
    expect(headers.vary).toBe("Origin, Authorization");
    // Also why something was refused.
    const refused = await shop.get("/v1/orders", { origin });
    expect([refused.status, refused.headers["access-control-allow-origin"]]).toEqual([401, origin]);
  });

  test("are kept out by browsers where they are not named", async () => {
    const shop = await openShop({ env: { CORS_ORIGINS: "https://other.example" } });
    const { headers } = await shop.get("/v1/products", { origin });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
    const none = await openShop();
    expect((await options(none, preflight)).headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("may all call it, without what browsers add by themselves", async () => {
    const shop = await openShop({ env: { CORS_ORIGINS: "*" } });
    const { headers } = await options(shop, preflight);
    expect(headers["access-control-allow-origin"]).toBe("*");
    expect(headers["access-control-allow-credentials"]).toBeUndefined();
  });

  test.each(["shop.example", "https://shop.example/", "*, https://shop.example", "ftp//x"])(
    "cannot be named as %s",
    async (origins) => {
      await expect(openShop({ env: { CORS_ORIGINS: origins } })).rejects.toThrow("CORS_ORIGINS");
    },
  );
});

test("what may be asked of an address is told to who asks, with pages of other origins or without", {
  timeout: openTimeoutMs,
}, async () => {
  for (const CORS_ORIGINS of ["", origin]) {
    const { app } = await openShop({ env: { CORS_ORIGINS } });
    const asked = await app.inject({ method: "OPTIONS", url: "/v1/carts/some-cart", headers: { origin } });
    expect([asked.statusCode, asked.headers.allow]).toEqual([204, "DELETE, GET, HEAD, OPTIONS, PATCH"]);
  }
});

test("an empty Authorization is none", { timeout: openTimeoutMs }, async () => {
  const { get } = await openShop();
  for (const authorization of ["", "  "]) {
    const answer = await get("/v1/products", { authorization });
    expect([answer.status, answer.headers["cache-control"]]).toEqual([
      200,
      "public, max-age=0, must-revalidate",
    ]);
  }
  expect((await get("/v1/products", { authorization: "Bearer" })).status).toBe(401);
});

test("what a reader holds already is not sent again, compressed or not", {
  timeout: openTimeoutMs,
}, async () => {
  const shop = await openShop();
  await shop.product({ skus: ["HELD"], name: "Held ".repeat(50) });
  const { order, cart } = await shop.order(["HELD", 1]);
  await shop.caughtUp();
  const read = (url: string, headers: Record<string, string>) => shop.app.inject({ url, headers });
  for (const [url, who] of [
    ["/v1/products", {}],
    ["/v1/products/HELD", {}],
    ["/v1/stock/HELD", {}],
    [`/v1/carts/${cart.id}`, cart.guest],
    [`/v1/orders/${order.id}`, staff],
  ] as const) {
    const first = await read(url, { ...who, "accept-encoding": "gzip" });
    if (first.statusCode === 404) continue;
    const tag = String(first.headers.etag);
    const held = await read(url, { ...who, "if-none-match": `"other", ${tag}` });
    expect([url, held.statusCode, held.body]).toEqual([url, 304, ""]);
    expect(held.headers).toMatchObject({
      etag: tag.replace("W/", ""),
      "cache-control": first.headers["cache-control"],
    });
    expect((await read(url, { ...who, "if-none-match": '"other"' })).statusCode).toBe(200);
    const head = await shop.app.inject({ method: "HEAD", url, headers: { ...who } });
    expect([head.statusCode, head.headers.etag, head.body]).toEqual([200, tag.replace("W/", ""), ""]);
  }
  // The tag of the first read makes a command conditional.
  const { headers } = await read(`/v1/orders/${order.id}`, staff);
  const note = (etag: string) =>
    shop.post(`/v1/orders/${order.id}/notes`, { text: "n" }, { ...staff, "if-match": etag });
  expect((await note(String(headers.etag))).status).toBe(201);
  expect((await note(String(headers.etag))).status).toBe(412);
});

test("large answers are compressed for who asks, and their tags still name a revision", {
  timeout: openTimeoutMs,
}, async () => {
  const shop = await openShop();
  // One that is compressed at once, and one that is while it is sent.
  for (const length of [30, 200]) await largeAnswer(shop, length);
  const small = await shop.app.inject({ url: "/v1/products/none", headers: { "accept-encoding": "br" } });
  expect(small.headers["content-encoding"]).toBeUndefined();
  const lines = Array.from({ length: 100 }, (_, n) => [`SKU-200-${n}`, 1] as [string, number]);
  const { order } = await shop.order(...lines);
  const note = (headers: Record<string, string>) =>
    shop.app.inject({
      method: "POST",
      url: `/v1/orders/${order.id}/notes`,
      headers: { ...staff, ...headers },
      payload: { text: "n" },
    });
  const noted = await note({ "accept-encoding": "gzip" });
  expect(JSON.parse(gunzipSync(noted.rawPayload).toString()).lines).toHaveLength(100);
  const etag = String(noted.headers.etag);
  expect(etag).toMatch(/^W\/"\d+"$/);
  expect((await note({ "if-match": etag })).statusCode).toBe(201);
  expect((await note({ "if-match": etag })).statusCode).toBe(412);
});

async function largeAnswer(shop: Awaited<ReturnType<typeof openShop>>, length: number): Promise<void> {
  const skus = Array.from({ length }, (_, n) => `SKU-${length}-${n}`);
  const url = `/v1/products/${(await shop.product({ skus, quantity: 5 })).id}`;
  await shop.caughtUp();
  const plain = await shop.app.inject({ url });
  expect(plain.headers["content-encoding"]).toBeUndefined();
  const unpacked = { zstd: zstdDecompressSync, br: brotliDecompressSync, gzip: gunzipSync };
  for (const [encoding, unpack] of Object.entries(unpacked)) {
    const headers = { "accept-encoding": encoding };
    const { rawPayload, headers: told } = await shop.app.inject({ url, headers });
    expect(told).toMatchObject({ "content-encoding": encoding, vary: expect.stringContaining("ccept-") });
    expect(rawPayload.length).toBeLessThan(plain.rawPayload.length / 2);
    expect(unpack(rawPayload).toString()).toBe(plain.body);
  }
}

test("what is for all may be kept by anybody who asks again; the rest by nobody", {
  timeout: openTimeoutMs,
}, async () => {
  const shop = await openShop();
  const { id } = await shop.product({ skus: ["A"], quantity: 5 });
  const { order } = await shop.order(["A", 1]);
  await shop.caughtUp();
  for (const url of ["/v1/products", `/v1/products/${id}`, "/v1/stock/A", "/v1/best-sellers"]) {
    const { headers } = await shop.get(url);
    expect([url, headers["cache-control"]]).toEqual([url, "public, max-age=0, must-revalidate"]);
    expect(headers.vary).toBe("Authorization");
    expect((await shop.get(url, staff)).headers["cache-control"]).toBe("private, no-store");
    const head = await shop.app.inject({ method: "HEAD", url });
    expect([url, head.statusCode, head.body]).toEqual([url, 200, ""]);
  }
  for (const url of [`/v1/orders/${order.id}`, "/v1/carts/none", "/v1/products/none"])
    expect([url, (await shop.get(url, staff)).headers["cache-control"]]).toEqual([url, "private, no-store"]);
});
