import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();

/** Everything else needs the staff's key. */
const open = new Set([
  "GET /v1/products",
  "GET /v1/products/{id}",
  "GET /v1/categories",
  "GET /v1/categories/{id}",
  "GET /v1/brands",
  "GET /v1/brands/{id}",
  "GET /v1/recently-viewed",
  "GET /v1/best-sellers",
  "GET /v1/shipping-methods",
  "GET /v1/stock/{sku}",
  "POST /v1/carts",
  "POST /v1/webhooks/{gateway}",
  "POST /v1/auth/register",
  "POST /v1/auth/register/confirm",
  "POST /v1/auth/login",
  "POST /v1/auth/refresh",
  "POST /v1/auth/password/forgot",
  "POST /v1/auth/password/reset",
  "POST /v1/auth/email/confirm",
  "GET /health/live",
  "GET /health/ready",
]);
/** Or the token of the cart. */
const forGuests = new Set([
  "GET /v1/carts/{id}",
  "DELETE /v1/carts/{id}",
  "PATCH /v1/carts/{id}",
  "POST /v1/carts/{id}/quote",
  "POST /v1/carts/{id}/items",
  "PATCH /v1/carts/{id}/items/{line}",
  "DELETE /v1/carts/{id}/items/{line}",
  "POST /v1/carts/{id}/checkout",
  "GET /v1/orders/{id}",
  "POST /v1/orders/{id}/cancel",
  "POST /v1/orders/{id}/payments",
  "POST /v1/orders/{id}/returns",
  "POST /v1/orders/{id}/returns/{returnId}/withdraw",
]);

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

function routes(): { name: string; method: Method; url: string }[] {
  const { paths = {} } = shop().app.swagger() as { paths?: Record<string, object> };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((key) => {
      const method = key.toUpperCase() as Method;
      return { name: `${method} ${path}`, method, url: path.replaceAll(/\{\w+\}/g, "none") };
    }),
  );
}

describe("without the staff's key", () => {
  test("every route is either open, or for guests, or answers 401", async () => {
    const closed = routes().filter(({ name }) => !open.has(name));
    expect(closed.length).toBeGreaterThan(35);
    for (const { name, method, url } of closed) {
      const body = method === "GET" ? {} : { body: bodyFor(name) };
      const answer = await shop().call(method, url, body);
      expect({ name, status: answer.status, code: answer.body.code }).toEqual({
        name,
        status: 401,
        code: "unauthorized",
      });
      expect(answer.headers["www-authenticate"]).toBe("Bearer");
    }
  });

  test("a wrong key opens nothing, not even what is open to all", async () => {
    for (const authorization of ["Bearer wrong", "Bearer", "Basic abc", `Bearer ${"x".repeat(5_000)}`]) {
      for (const { name, method, url } of routes().filter(({ name }) => !open.has(name))) {
        const body = method === "GET" ? {} : { body: bodyFor(name) };
        const { status } = await shop().call(method, url, { headers: { authorization }, ...body });
        expect({ name, status }).toEqual({ name, status: 401 });
      }
      expect((await shop().get("/v1/products/none", { authorization })).status).toBe(401);
    }
  });

  test("the token of another cart opens none", async () => {
    const { product, order, cart, call } = shop();
    await product({ skus: ["MINE"], quantity: 100 });
    const mine = await order(["MINE", 1]);
    const { guest } = await cart(["MINE", 1]);
    for (const name of forGuests) {
      const [method = "GET", path = ""] = name.split(" ") as [Method, string];
      const id = path.startsWith("/v1/orders") ? mine.order.id : mine.cart.id;
      const url = path.replace("{id}", id).replace("{sku}", "MINE");
      const body = method === "GET" ? {} : { body: bodyFor(name) };
      const answer = await call(method, url, { headers: guest, ...body });
      expect({ name, status: answer.status, code: answer.body.code }).toEqual({
        name,
        status: 403,
        code: "forbidden",
      });
    }
  });

  test("nobody learns which orders there are", async () => {
    const { product, order, cart, get, caughtUp } = shop();
    await product({ skus: ["SECRET"] });
    const mine = await order(["SECRET", 1]);
    const { guest } = await cart();
    await caughtUp();
    for (const headers of [{}, guest]) {
      const [there, notThere] = [
        await get(`/v1/orders/${mine.order.id}`, headers),
        await get(`/v1/orders/${randomUUID()}`, headers),
      ];
      expect([there.status, there.body]).toEqual([notThere.status, notThere.body]);
    }
  });
});

/** Valid, so that what is missing is the right to do it. */
function bodyFor(name: string): unknown {
  const line = { sku: "MINE", quantity: 1 };
  if (name.endsWith("/items")) return line;
  if (name.endsWith("/returns")) return { lines: [{ ...line, reason: "late" }] };
  if (name === "PATCH /v1/carts/{id}") return { shippingMethod: "express" };
  if (name.endsWith("/quote")) return {};
  if (name.startsWith("PATCH /v1/carts")) return { quantity: 1 };
  if (name.endsWith("/payments")) return { method: "credit_card" };
  if (name.endsWith("/checkout"))
    return {
      email: "a@example.com",
      shippingAddress: { fullName: "A", addressLine1: "1", city: "C", postalCode: "1", country: "GB" },
      payment: { method: "cod" },
    };
  return {};
}

describe("rates", () => {
  test(
    "are limited for each client, and an answer says how much is left",
    async () => {
      const limited = await openShop({ env: { RATE_LIMIT_PER_MINUTE: "3" } });
      for (const left of ["2", "1", "0"]) {
        const { status, headers } = await limited.get("/v1/products");
        expect(status).toBe(200);
        expect(headers).toMatchObject({ "ratelimit-limit": "3", "ratelimit-remaining": left });
      }
      const { status, headers, body } = await limited.get("/v1/products");
      expect({ status, code: body.code }).toEqual({ status: 429, code: "rate_limited" });
      expect(headers["content-type"]).toContain("application/problem+json");
      expect(Number(headers["retry-after"])).toBeGreaterThan(0);
      expect(Number(headers["retry-after"])).toBeLessThanOrEqual(60);
      for (const path of ["/health/live", "/health/ready"]) {
        const answer = await limited.get(path);
        expect({ path, status: answer.status, limit: answer.headers["ratelimit-limit"] }).toEqual({
          path,
          status: 200,
          limit: undefined,
        });
      }
    },
    openTimeoutMs,
  );
});

describe("a request id", () => {
  test("is taken from the client when it is one, and given otherwise", async () => {
    const { get } = shop();
    expect((await get("/health/live", { "x-request-id": "my-id.1" })).headers["request-id"]).toBe("my-id.1");
    expect((await get("/health/live", { "request-id": "other:2" })).headers["request-id"]).toBe("other:2");
    for (const headers of [{}, { "x-request-id": "two words" }, { "x-request-id": "x".repeat(101) }])
      expect((await get("/health/live", headers)).headers["request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("is with the events as what they belong to", async () => {
    const { post, get } = shop();
    await shop().stocked("TRACED");
    await post("/v1/stock/TRACED/receipts", { quantity: 1 }, { ...staff, "x-request-id": "trace-me" });
    const { items } = (await get("/v1/ops/streams/stock-TRACED", staff)).body;
    expect(items[0].metadata).toMatchObject({ correlationId: "trace-me", actor: "staff", ip: "127.0.0.1" });
  });

  test("is on refusals too", async () => {
    expect((await shop().get("/v1/nothing", { "x-request-id": "lost" })).headers["request-id"]).toBe("lost");
  });
});

test("metrics are for this machine and for staff: they tell how much is sold", async () => {
  const { app } = shop();
  const from = (remoteAddress: string, headers = {}) =>
    app.inject({ url: "/metrics", remoteAddress, headers });
  expect((await from("127.0.0.1")).statusCode).toBe(200);
  expect((await from("::1")).statusCode).toBe(200);
  expect((await from("192.0.2.7")).statusCode).toBe(401);
  expect((await from("192.0.2.7", staff)).statusCode).toBe(200);
});
