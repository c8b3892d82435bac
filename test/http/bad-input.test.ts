import { beforeAll, describe, expect, test } from "vitest";
import { member } from "./members.ts";
import { type Answer, type Body, checkoutBody, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const usd = (amount: number) => ({ amount, currency: "USD" });

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface Route {
  name: string;
  method: Method;
  path: string;
  hasBody: boolean;
  /** By name, those that the description knows. */
  query: string[];
}

/** Things that exist, so that nothing but what is wrong with a request can be refused. */
const ids = { cart: "", order: "", product: "", payment: "" };

const addressOfNobody = {
  ...{
    label: "home",
    usage: "both",
    fullName: "A",
    addressLine1: "1",
    city: "C",
    postalCode: "1",
    country: "GB",
  },
  coordinates: { latitude: 1, longitude: 1 },
};

/** A body that would be accepted, by route. */
const goodBodies: Record<string, Body> = {
  "POST /v1/products": { name: "A product", variants: [{ sku: "NEW", price: usd(1) }] },
  "PATCH /v1/products/{id}": { name: "A name" },
  "PATCH /v1/products/{id}/variants/{sku}": { name: "Large" },
  "POST /v1/products/{id}/variants": { sku: "NEW-2", price: usd(1) },
  "PUT /v1/products/{id}/variants/{sku}/price": { price: usd(1) },
  "POST /v1/categories": { name: "New" },
  "PATCH /v1/categories/{id}": { name: "New", parentId: null },
  "POST /v1/brands": { name: "New" },
  "PATCH /v1/brands/{id}": { name: "New" },
  "POST /v1/stock/{sku}/receipts": { quantity: 1, reference: "note" },
  "POST /v1/stock/{sku}/adjustments": { delta: 1, reason: "found" },
  "POST /v1/stock/{sku}/counts": { counted: 5, reason: "count" },
  "POST /v1/stock/{sku}/moves": { from: "sellable", to: "out", quantity: 1, reason: "broken" },
  "PUT /v1/stock/{sku}/policy": { track: true, backorders: false, lowStockThreshold: 1 },
  "POST /v1/carts": { currency: "USD", draft: true },
  "POST /v1/carts/{id}/items": { sku: "GOOD", quantity: 1, unitPrice: usd(1) },
  "PATCH /v1/carts/{id}/items/{line}": { quantity: 1 },
  "PATCH /v1/carts/{id}": {
    email: checkoutBody.email,
    shippingAddress: checkoutBody.shippingAddress,
    billingAddress: null,
    shippingMethod: "express",
  },
  "POST /v1/carts/{id}/quote": {
    shippingAddress: { country: "GB", state: "London", postalCode: "SW1" },
    shippingMethod: "express",
  },
  "POST /v1/carts/{id}/checkout": {
    ...checkoutBody,
    shippingMethod: "standard",
    acceptedTotal: usd(1),
    quoteHash: "none",
  },
  "POST /v1/orders/{id}/cancel": { reason: "none", lines: [{ lineId: 1, quantity: 1 }], credit: "none" },
  "POST /v1/orders/{id}/shipments": {
    lines: [{ sku: "GOOD", quantity: 1 }],
    carrier: "C",
    trackingNumber: "1",
  },
  "POST /v1/orders/{id}/deliveries": {
    shipmentId: "none",
    lines: [{ lineId: 1, quantity: 1 }],
    cash: usd(1),
  },
  "POST /v1/orders/{id}/shipments/{shipmentId}/failures": {
    outcome: "refused",
    lines: [{ sku: "GOOD", quantity: 1 }],
  },
  "POST /v1/orders/{id}/shipments/{shipmentId}/returns": { lines: [{ lineId: 1, sellable: 1, damaged: 0 }] },
  "POST /v1/orders/{id}/reshipments": { lines: [{ sku: "GOOD", quantity: 1 }] },
  "POST /v1/orders/{id}/returns": { lines: [{ sku: "GOOD", quantity: 1 }], reason: "none" },
  "POST /v1/orders/{id}/returns/{returnId}/reject": { reason: "none" },
  "POST /v1/orders/{id}/returns/{returnId}/receive": {
    lines: [{ sku: "GOOD", sellable: 1, damaged: 0 }],
    refund: "none",
    fee: usd(1),
  },
  "POST /v1/orders/{id}/returns/{returnId}/inspect": { lines: [{ lineId: 1, rejected: 1 }] },
  "POST /v1/orders/{id}/refunds": {
    lines: [{ sku: "GOOD", quantity: 1 }],
    shipping: usd(1),
    of: "delivered",
    reason: "none",
  },
  "POST /v1/orders/{id}/notes": { text: "none", visibility: "customer" },
  "POST /v1/orders/{id}/edits": {
    add: [{ sku: "GOOD", quantity: 1 }],
    remove: [{ lineId: 1, quantity: 1 }],
    shippingMethod: "standard",
    acceptedTotal: usd(1),
  },
  "POST /v1/orders/{id}/exchanges": {
    returns: [{ sku: "GOOD", quantity: 1 }],
    adds: [{ sku: "GOOD", quantity: 1 }],
    advance: true,
  },
  "POST /v1/orders/{id}/payments": { method: "credit_card", token: "tok_ok" },
  "POST /v1/payments/{id}/capture": { amount: usd(1) },
  "POST /v1/refunds/{id}/reject": { reason: "none" },
  "POST /v1/refunds/{id}/retry": { manual: true },
  "POST /v1/sandbox/events": {
    event: { id: "e-1", type: "payment.failed", paymentId: "none", reason: "none" },
    copies: 1,
    delayMs: 1,
  },
  "POST /v1/ops/projections/{name}/parked/retry": { key: "none" },
  "POST /v1/ops/projections/{name}/parked/skip": { key: "none" },
  "POST /v1/webhook-endpoints": {
    url: "https://hooks.example/shop",
    topics: ["order.paid"],
    description: "none",
  },
  "PATCH /v1/webhook-endpoints/{id}": {
    url: "https://hooks.example/shop",
    topics: ["order.paid"],
    description: "none",
    enabled: true,
  },
  "POST /v1/webhook-endpoints/{id}/replay": { from: "2026-01-15T12:00:00Z", topics: ["order.paid"] },
  "POST /v1/ops/tasks/{kind}/{id}/settle": { as: "failed", reason: "none" },
  "POST /v1/auth/register": { email: "nobody@example.com" },
  "POST /v1/auth/register/confirm": {
    ...{ token: "none", password: "long enough" },
    ...{ profile: { firstName: "A" }, preferences: { language: "en" }, consents: [] },
  },
  "POST /v1/auth/login": {
    ...{ email: "nobody@example.com", password: "none", totp: "123456", recoveryCode: "none" },
    cartId: "none",
  },
  "POST /v1/auth/refresh": { refreshToken: "none" },
  "POST /v1/auth/password/forgot": { email: "nobody@example.com" },
  "POST /v1/auth/password/reset": {
    ...{ token: "none", password: "long enough", totp: "123456", recoveryCode: "none" },
  },
  "POST /v1/auth/email/confirm": { token: "none" },
  "PATCH /v1/me": { firstName: "A", notifications: { email: true }, priceRange: { min: 1 } },
  "PUT /v1/me/password": { current: "none", new: "long enough" },
  "POST /v1/me/email": { email: "nobody@example.com", password: "none" },
  "POST /v1/me/totp/confirm": { code: "123456" },
  "POST /v1/me/addresses": addressOfNobody,
  "PUT /v1/me/addresses/{id}": addressOfNobody,
  "PUT /v1/me/addresses/defaults": { shipping: "none", billing: "none" },
  "POST /v1/me/cart/merge": { cartId: "none" },
  "PUT /v1/me/consents/{purpose}": { granted: true, basis: "consent", textVersion: "v1" },
  "POST /v1/customers/{id}/suspend": { reason: "none" },
  "POST /v1/api-keys": { name: "none", scopes: ["stock"], days: 1 },
  "POST /v1/api-keys/{id}/rotate": { days: 1, overlapHours: 1 },
};

/** What is done to an account takes no key, for its answers are secrets. */
const takesNoKey = /\/v1\/(auth|me\/(password|email|totp|sessions|cart))|DELETE \/v1\/me$|\/v1\/customers\//;

/** Whom requests of customers are by; all others are by staff. */
let customer: Record<string, string>;
/** Of another session: some of what is right ends it. */
let leaving: Record<string, string>;
const senderOf = ({ path }: Pick<Route, "path">) => {
  if (path === "/v1/auth/logout") return leaving;
  return path.startsWith("/v1/me") ? customer : staff;
};

beforeAll(async () => {
  const { product, order, cart } = shop();
  ids.product = (await product({ skus: ["GOOD"], quantity: 1_000 })).id;
  const placed = (await order(["GOOD", 1])).order;
  ids.order = placed.id;
  ids.payment = placed.payments[0].id;
  ids.cart = (await cart(["GOOD", 1])).id;
  customer = (await member(shop())).access;
  leaving = (await member(shop())).access;
}, openTimeoutMs);

function routes(): Route[] {
  const { paths = {} } = shop().app.swagger() as { paths?: Record<string, Record<string, Body>> };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([key, operation]) => {
      const parameters: Body[] = operation.parameters ?? [];
      const method = key.toUpperCase() as Method;
      return {
        name: `${method} ${path}`,
        method,
        path,
        hasBody: operation.requestBody !== undefined,
        query: parameters.filter((each) => each.in === "query").map((each) => each.name),
      };
    }),
  );
}

const described = () => routes().filter(({ path }) => !path.startsWith("/v1/webhooks"));

function urlOf({ path }: Route, params: Record<string, string> = {}): string {
  const kind = path.split("/")[2] ?? "";
  const id =
    { carts: ids.cart, orders: ids.order, products: ids.product, payments: ids.payment }[kind] ?? "none";
  const good: Record<string, string> = {
    id,
    sku: "GOOD",
    name: "catalog",
    stream: "stock-GOOD",
    kind: "checkout",
    returnId: "none",
    purpose: "newsletter",
  };
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? good[name] ?? "none");
}

/** The request is refused, the answer is a problem with a code, and nothing of the inside shows. */
function expectRefusal(what: string, answer: Answer, status?: number): void {
  const shown = { what, status: answer.status, text: answer.text.slice(0, 300) };
  expect(shown, JSON.stringify(shown)).toMatchObject(
    status === undefined
      ? { status: expect.toSatisfy((code: number) => code >= 400 && code < 500) }
      : { status },
  );
  expect(answer.headers["content-type"], what).toContain("application/problem+json");
  expect(answer.body, what).toMatchObject({
    type: expect.stringContaining("http"),
    title: expect.any(String),
    status: answer.status,
    detail: expect.any(String),
    code: expect.stringMatching(/^[a-z_]+$/),
  });
  expect(answer.text, what).not.toMatch(/node_modules|\.ts:\d|SQLITE/);
}

const send = (route: Route, body: unknown, headers: Record<string, string> = {}) =>
  shop().call(route.method, urlOf(route), { headers: { ...senderOf(route), ...headers }, body });
const raw = (route: Route, text: string, type = "application/json") =>
  send(route, text, { "content-type": type });

describe("every route of the description", () => {
  test("is known to this test, with a body where it takes one", () => {
    const known = new Set(Object.keys(goodBodies));
    const withFields = described().filter(
      ({ hasBody, path }) =>
        hasBody &&
        !/publish|archive|approve|withdraw|close|rollback|rebuild|void|rotate-secret|imports|test$|totp$|reactivate|logout/.test(
          path,
        ),
    );
    expect(withFields.map(({ name }) => name).sort()).toEqual([...known].sort());
  });

  test("refuses a query parameter that it does not know, naming it", async () => {
    for (const route of described()) {
      const body = route.method === "GET" ? undefined : (goodBodies[route.name] ?? {});
      const headers = { ...senderOf(route), "visitor-id": "v" };
      const answer = await shop().call(route.method, `${urlOf(route)}?bogus=1`, { headers, body });
      expectRefusal(route.name, answer, 422);
      expect(answer.body.errors).toEqual([{ path: "bogus", message: "unknown field" }]);
    }
  });

  test("refuses a query parameter of another kind", async () => {
    const values: Record<string, string[]> = {
      limit: ["0", "-1", "101", "1e1", "1.5", "", "ten", "٣", "9".repeat(400), "1&limit=2"],
      cursor: ["x", "%00", "a&cursor=b"],
      minPrice: ["-1", "1.5", "x", "9".repeat(30)],
      maxPrice: ["-1", "NaN", ""],
      inStock: ["yes", "1", ""],
      sort: ["", "name", "price,-price", "constructor"],
      facets: ["", "size", "brand,size", "__proto__"],
      status: ["", "unknown", "toString"],
      interval: ["", "week"],
      paymentStatus: ["", "unknown", "paid,failed"],
      format: ["", "xml", "CSV"],
      rows: ["", "cells"],
      bom: ["", "1"],
      stream: ["", "x".repeat(301)],
      actor: ["", "x".repeat(256)],
      from: [
        "",
        "today",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-13-01",
        "2026-1-1",
        "0000-00-00",
        "1899-12-31",
        "+010000-01-01",
      ],
      to: ["2026-02-29", "99999-01-01"],
      q: ["x".repeat(201)],
      category: ["", "x".repeat(256)],
      topics: ["", "order", "order.paid,", "constructor"],
      at: ["", "-1", "yesterday", "2026-02-30T00:00:00Z", "9".repeat(30)],
    };
    for (const route of described())
      for (const name of route.query)
        for (const value of values[name] ?? []) {
          const answer = await shop().get(`${urlOf(route)}?${name}=${value}`, staff);
          expectRefusal(`${route.name} ${name}=${value}`, answer);
        }
  });

  test("refuses a path that makes no sense", async () => {
    const texts = [
      "%00",
      "%0A",
      "%",
      "%E0%A4%A",
      "%ED%A0%80",
      "%2F%2F",
      "..%2F..%2Fetc%2Fpasswd",
      "__proto__",
      "constructor",
      "%F0%9F%94%A9",
      "100%25",
      "x".repeat(65),
      "x".repeat(5_000),
      "' OR 1=1 --",
      "-1",
    ];
    for (const route of described().filter(({ path }) => path.includes("{")))
      for (const [, name = ""] of route.path.matchAll(/\{(\w+)\}/g))
        for (const text of texts) {
          const url = urlOf(route, { [name]: text.includes(" ") ? encodeURIComponent(text) : text });
          const body = route.method === "GET" ? undefined : (goodBodies[route.name] ?? {});
          const answer = await shop().call(route.method, url, { headers: senderOf(route), body });
          // Any SKU may be stocked; what is asked of it here is right.
          const allowed = route.path.startsWith("/v1/stock/{sku}") && answer.status < 300;
          if (!allowed) expectRefusal(`${route.name} ${name}=${text.slice(0, 70)}`, answer);
        }
  });

  test("refuses headers that make no sense", async () => {
    const isCommand = ({ name, method }: Route) =>
      method !== "GET" && name !== "POST /v1/carts/{id}/quote" && !takesNoKey.test(name);
    for (const route of described().filter(isCommand)) {
      const body = goodBodies[route.name] ?? {};
      for (const headers of [
        { "idempotency-key": "" },
        { "idempotency-key": "two words" },
        { "if-match": "3" },
      ])
        expectRefusal(`${route.name} ${JSON.stringify(headers)}`, await send(route, body, headers), 400);
    }
  });
});

describe("every route with a body", () => {
  const withBody = () => described().filter(({ name }) => goodBodies[name] !== undefined);

  test("refuses what is no JSON, and says so", async () => {
    const texts = [
      '{"a":',
      "{",
      "nope",
      "{'a': 1}",
      '{"a": 1,}',
      '{"a": NaN}',
      "\u0000",
      '{"__proto__": {"a": 1}}',
      '{"constructor": {"prototype": {}}}',
    ];
    for (const route of withBody())
      for (const text of texts) expectRefusal(`${route.name} ${text}`, await raw(route, text), 400);
  });

  test("refuses another type of content", async () => {
    for (const route of withBody())
      for (const type of [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "json",
        "application/json5",
      ])
        expectRefusal(
          `${route.name} ${type}`,
          await raw(route, JSON.stringify(goodBodies[route.name]), type),
          415,
        );
  });

  test("refuses JSON that is no object", async () => {
    for (const route of withBody())
      for (const text of ["[]", "1", '"text"', "true", "[[[[]]]]", "1e999"])
        expectRefusal(`${route.name} ${text}`, await raw(route, text), 422);
  });

  test("refuses a field that it does not know, naming it, at every depth", async () => {
    for (const route of withBody())
      for (const [path, body] of changed(
        goodBodies[route.name],
        (value) => ({ ...value, bogus: 1 }),
        isRecord,
      )) {
        const answer = await send(route, body);
        if (path.startsWith("variants.0.attributes")) continue;
        expectRefusal(`${route.name} ${path}`, answer, 422);
        const field = [path, "bogus"].filter(Boolean).join(".");
        expect(answer.body.errors).toContainEqual({ path: field, message: "unknown field" });
      }
  });

  test("refuses values of another type, and numbers that are no amount or count", async () => {
    const wrong: unknown[] = [
      [],
      {},
      true,
      1.5,
      -1,
      1e300,
      2 ** 53,
      -(2 ** 53),
      "x".repeat(30_000),
      { $gt: "" },
      [null],
    ];
    for (const route of withBody())
      for (const value of wrong)
        for (const [path, body] of changed(goodBodies[route.name], () => value, isLeaf)) {
          const answer = await send(route, body);
          // Whether something is true may be true; all else here is something else.
          if (answer.status < 300 && isAcceptable(path, value)) continue;
          expectRefusal(`${route.name} ${path} = ${JSON.stringify(value).slice(0, 50)}`, answer);
        }
  });

  test("refuses the character NUL wherever it stands, and not what only looks like it", async () => {
    for (const route of withBody())
      for (const text of ["\u0000", "a\u0000b", "\\\u0000"])
        for (const [path, body] of changed(goodBodies[route.name], () => text, isText))
          expectRefusal(`${route.name} ${path}`, await send(route, body), 400);
    const named = { name: "A \\u0000 in the name", variants: [] };
    expect((await shop().post("/v1/products", named)).status).toBe(201);
  });

  test("refuses half of a character, and not a whole one that is escaped", async () => {
    const named = (name: string) => `{"name": "${name}", "variants": []}`;
    const headers = { ...staff, "content-type": "application/json" };
    const send = (payload: string) =>
      shop().app.inject({ method: "POST", url: "/v1/products", headers, payload });
    expect((await send(named("\\ud800 and more"))).statusCode).toBe(400);
    expect((await send(named("\\udd29\\ud83d"))).statusCode).toBe(400);
    expect((await send(named("\\ud83d\\udd29 whole"))).statusCode).toBe(201);
    expect((await send(named("\\\\ud800 spelled"))).statusCode).toBe(201);
  });

  test("names the field that is wrong of an item, whatever else could have been sent", async () => {
    const route = withBody().find(({ name }) => name === "POST /v1/carts/{id}/items") as Route;
    const paths = async (body: Body) =>
      (await send(route, body)).body.errors.map(({ path }: { path: string }) => path);
    expect(await paths({ sku: "GOOD" })).toEqual(["quantity"]);
    expect(await paths({ sku: "GOOD", quantity: "2" })).toEqual(["quantity"]);
    expect(await paths({})).toEqual(["sku", "quantity"]);
    expect(await paths({ items: [{ sku: "GOOD", quantity: 0 }] })).toEqual(["items.0.quantity"]);
    expect(await paths({ items: [], sku: "GOOD" })).toContain("sku");
  });

  test("never breaks on strange text", async () => {
    const strange = [
      "\ud800",
      "\udfff\ud800",
      "\u0001\u001f",
      "🔩".repeat(20),
      "\u202e",
      "'; DROP TABLE events; --",
      "__proto__",
      "constructor",
      "%s%n",
      "\r\nSet-Cookie: a=b",
      "/",
      " ",
    ];
    for (const route of withBody())
      for (const text of strange)
        for (const [path, body] of changed(goodBodies[route.name], () => text, isText)) {
          const answer = await send(route, body);
          if (answer.status >= 300) expectRefusal(`${route.name} ${path} = ${JSON.stringify(text)}`, answer);
        }
  });

  test("refuses ten megabytes", async () => {
    const text = JSON.stringify({ text: "x".repeat(10 * 1024 * 1024) });
    for (const route of withBody()) expectRefusal(route.name, await raw(route, text), 413);
  });

  test("refuses nesting without end", async () => {
    const text = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
    for (const route of withBody()) expectRefusal(route.name, await raw(route, text));
  });

  test("refuses a currency that there is not", async () => {
    for (const currency of ["XXX", "usd", "US", "", "DOLLARS", "BTC"])
      for (const route of withBody())
        for (const [path, body] of changed(
          goodBodies[route.name],
          () => currency,
          (_, path) => path.endsWith("currency"),
        )) {
          const answer = await send(route, body);
          expectRefusal(`${route.name} ${path}`, answer, 422);
          expect(answer.body.code).toBe("validation_failed");
        }
  });
});

describe("what is not there", () => {
  test.each([
    "/",
    "/v1",
    "/v1/",
    "/v2/products",
    "/v1/products/",
    "/v1/nothing",
    "//v1/products",
    "/%00",
    "/v1/stock/a/b/c",
  ])("%s is not found", async (url) => {
    for (const method of ["GET", "POST", "DELETE"] as const) {
      const answer = await shop().call(method, url, { headers: staff });
      expectRefusal(`${method} ${url}`, answer);
    }
  });
});

test("the shop is none the worse for it", async () => {
  const { get, order } = shop();
  expect((await get("/health/ready")).status).toBe(200);
  expect((await order(["GOOD", 1])).order.status).toBe("paid");
  const projections: Body[] = (await get("/v1/ops/projections", staff)).body;
  expect(projections.filter(({ parked }) => parked > 0)).toEqual([]);
});

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isLeaf(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isAcceptable(path: string, value: unknown): boolean {
  if (value === true) return /track|backorders|draft|granted|notifications/.test(path);
  return (
    (value === -1 && path === "delta") || ((value === -1 || value === 1.5) && path.startsWith("coordinates"))
  );
}

/** Copies of a body in which one value is another, with the path to it. */
function* changed(
  body: Body,
  change: (value: Body) => unknown,
  where: (value: unknown, path: string) => boolean,
  path: string[] = [],
): Generator<[string, unknown]> {
  if (where(body, path.join("."))) yield [path.join("."), change(body)];
  if (isLeaf(body)) return;
  for (const [key, value] of Object.entries(body))
    for (const [at, copy] of changed(value, change, where, [...path, key]))
      yield [at, Array.isArray(body) ? body.with(Number(key), copy) : { ...body, [key]: copy }];
}
