import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { signWebhook } from "../../src/gateways/sandbox-webhooks.ts";
import type { App } from "../../src/http/server.ts";
import {
  type Answer,
  type Body,
  type CallOptions,
  checkoutBody,
  type OpenCart,
  openTimeoutMs,
  sharedShop,
  staff,
} from "./shop.ts";

const shop = sharedShop();
type Method = Parameters<ReturnType<typeof shop>["call"]>[0];

/** In every text that staff writes for staff, and in every name that is not for sale. */
const canary = /canary/i;
/** Digits that only exact stock and its threshold begin with; sold are what two orders add up to. */
const exact = 987_650_000;
const lowStockThreshold = 987_640_000;
const [soldFirst, soldThen] = [999_983, 999_979];
const numbers = new RegExp(`9876[45]\\d{4}|${soldFirst + soldThen}`);
/** Written by staff for the customer. */
const tracking = "TRACK-4711";

/** Every route as fastify knows it, hidden ones too: `POST /v1/carts/:id/items`. */
function routesOf(app: App): string[] {
  const path: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split("\n")
    .flatMap((line) => {
      const [, indent, part = "", methods = ""] = /^(.*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line) ?? [];
      if (indent === undefined) return [];
      path.length = indent.length / 4;
      path.push(part);
      return methods
        .split(", ")
        .filter((method) => !["", "HEAD", "OPTIONS"].includes(method))
        .map((method) => `${method} ${path.join("")}`);
    });
}

interface Scene {
  /** Paid, sent and partly returned and refunded, with a note at every turn. */
  sent: { order: Body; cart: OpenCart };
  cancelled: { order: Body; cart: OpenCart };
  paid: { order: Body; cart: OpenCart };
  archivedId: string;
  draftId: string;
}

async function paintScene(): Promise<Scene> {
  const { post, product, receive, call, caughtUp, order } = shop();
  const done = async (answer: Promise<Answer>): Promise<Body> => {
    const { status, body } = await answer;
    expect({ status, body }).toMatchObject({ status: expect.toSatisfy((each) => each < 300) });
    return body;
  };
  await product({ name: "Shown", skus: ["SHOWN"], quantity: exact });
  await done(post("/v1/stock/SHOWN/receipts", { quantity: 9, reference: "canary-receipt" }));
  await done(post("/v1/stock/SHOWN/adjustments", { delta: -1, reason: "canary-adjustment" }));
  await done(call("PUT", "/v1/stock/SHOWN/policy", { headers: staff, body: { lowStockThreshold } }));
  await product({ name: "Sold", skus: ["SOLD"], price: 1, quantity: 3_000_000 });
  const draft = await done(
    post("/v1/products", {
      name: "Canary draft",
      description: "canary",
      brand: "Canary brand",
      category: "Canary category",
      tags: ["canary-tag"],
      variants: [{ sku: "CANARY-DRAFT", price: { amount: 1, currency: "USD" } }],
    }),
  );
  await receive("CANARY-DRAFT", 5);
  const archived = await product({ name: "Canary archived", skus: ["CANARY-GONE"] });
  await order(["CANARY-GONE", 5]);
  await done(post(`/v1/products/${archived.id}/archive`));
  for (const quantity of [soldFirst, soldThen]) await order(["SOLD", quantity]);

  const sent = await order(["SHOWN", 3]);
  const on = (placed: { order: Body }, path: string, body: object) =>
    done(post(`/v1/orders/${placed.order.id}/${path}`, body));
  await on(sent, "notes", { text: "canary-note" });
  await on(sent, "notes", { text: "for the customer", visibility: "customer" });
  await on(sent, "shipments", { carrier: "Post", trackingNumber: tracking });
  await on(sent, "deliveries", {});
  const lines = [{ sku: "SHOWN", quantity: 1 }];
  const rejected = await on(sent, "returns", { lines, reason: "canary-return" });
  await on(sent, `returns/${rejected.returnId}/reject`, { reason: "canary-rejection" });
  const { returnId } = await on(sent, "returns", { lines, reason: "canary-return" });
  await on(sent, `returns/${returnId}/approve`, {});
  await on(sent, `returns/${returnId}/receive`, { lines: [{ sku: "SHOWN", sellable: 0, damaged: 1 }] });
  await on(sent, "refunds", { reason: "canary-refund", amount: { amount: 1, currency: "USD" } });
  const cancelled = await order(["SHOWN", 1]);
  await on(cancelled, "notes", { text: "canary-note" });
  await on(cancelled, "cancel", { reason: "canary-cancellation" });
  const paid = await order(["SHOWN", 1]);
  await on(paid, "notes", { text: "canary-note" });
  await caughtUp();
  const { category, brand } = (await shop().get(`/v1/products/${draft.id}`, staff)).body;
  expect({ category, brand }).toEqual({ category: "Canary category", brand: "Canary brand" });
  return { sent, cancelled, paid, archivedId: archived.id, draftId: draft.id };
}

describe("a guest", () => {
  let scene: Scene;
  const told: string[] = [];
  beforeAll(async () => {
    scene = await paintScene();
  }, openTimeoutMs);

  /** Calls as a guest, remembers all that the answer tells, and that in it which is only encoded. */
  async function ask(status: number, method: Method, url: string, options: CallOptions = {}): Promise<Body> {
    const answer = await shop().call(method, url, options);
    expect({ method, url, status: answer.status, body: answer.body }).toMatchObject({ status });
    // What was asked for may be told back.
    const asked = `${url} ${JSON.stringify(options.body)}`.match(/canary[\w-]*/gi) ?? [];
    const text = asked.reduce((rest, word) => rest.replaceAll(word, "..."), answer.text);
    const encoded = (answer.text.match(/[\w-]{16,}/g) ?? []).map((token) =>
      Buffer.from(token, "base64url").toString("latin1"),
    );
    told.push(`${status} ${JSON.stringify(answer.headers)} ${text} ${encoded.join(" ")}`);
    return answer.body;
  }

  const line = { sku: "SHOWN", quantity: 1 };
  const buys = (cart: OpenCart, changes: object = {}, headers: object = {}) => ({
    headers: { ...cart.guest, ...headers },
    body: { ...checkoutBody, ...changes },
  });
  const read = async (placed: { order: Body; cart: OpenCart }) =>
    ask(200, "GET", `/v1/orders/${placed.order.id}`, { headers: placed.cart.guest });
  const open = (...lines: [string, number][]) => shop().cart(...lines);

  /** What a guest may call, each with all the answers it is good for. */
  const cases: Record<string, () => Promise<unknown>> = {
    "GET /openapi.json": () => ask(200, "GET", "/openapi.json"),
    "GET /docs": () => ask(200, "GET", "/docs/"),
    "GET /docs*": () => ask(200, "GET", "/docs/"),
    "GET /metrics": () => ask(200, "GET", "/metrics"),
    "GET /health/live": () => ask(200, "GET", "/health/live"),
    "GET /health/ready": () => ask(200, "GET", "/health/ready"),
    "GET /v1/products": async () => {
      const queries = ["", "q=shown", "q=canary", "q=canry", "q=CANARY-DRAFT", "facets=brand,category,tag"];
      const sorts = ["price", "-price", "newest", "best-selling", "rating"].map(
        (sort) => `sort=${sort}&limit=1`,
      );
      for (const query of [...queries, ...sorts, "brand=Canary%20brand", "inStock=true", "inStock=false"])
        await ask(200, "GET", `/v1/products?${query}`);
    },
    "GET /v1/products/:id": async () => {
      for (const id of ["shown", "sold"]) await ask(200, "GET", `/v1/products/${id}`);
      for (const id of [scene.archivedId, scene.draftId, "canary-draft", "sku/CANARY-DRAFT"])
        await ask(404, "GET", `/v1/products/${encodeURIComponent(id)}`);
    },
    "GET /v1/categories": () => ask(200, "GET", "/v1/categories"),
    "GET /v1/categories/:id": async () => {
      const { items } = (await shop().get("/v1/categories", staff)).body;
      for (const { id } of items) await ask(404, "GET", `/v1/categories/${id}`);
      expect(items).toHaveLength(1);
    },
    "GET /v1/brands": () => ask(200, "GET", "/v1/brands"),
    "GET /v1/brands/:id": async () => {
      const { items } = (await shop().get("/v1/brands", staff)).body;
      for (const { id } of items) await ask(404, "GET", `/v1/brands/${id}`);
      expect(items).toHaveLength(1);
    },
    "GET /v1/recently-viewed": async () => {
      const headers = { "visitor-id": "a-visitor" };
      for (const id of ["shown", "sold"]) await ask(200, "GET", `/v1/products/${id}`, { headers });
      await ask(404, "GET", `/v1/products/${scene.archivedId}`, { headers });
      expect((await ask(200, "GET", "/v1/recently-viewed", { headers })).items).toHaveLength(2);
    },
    "GET /v1/best-sellers": async () => {
      const { items } = await ask(200, "GET", "/v1/best-sellers");
      expect(items).toEqual([
        { sku: "SOLD", name: "Sold" },
        { sku: "SHOWN", name: "Shown" },
      ]);
    },
    "GET /v1/stock/:sku": async () => {
      expect(await ask(200, "GET", "/v1/stock/SHOWN")).toEqual({
        sku: "SHOWN",
        available: 100,
        status: "in_stock",
      });
      for (const sku of ["CANARY-DRAFT", "canary-draft", "canary-gone"])
        await ask(404, "GET", `/v1/stock/${sku}`);
    },
    "POST /v1/auth/register": () =>
      ask(202, "POST", "/v1/auth/register", { body: { email: "nobody@example.com" } }),
    "POST /v1/auth/register/confirm": () =>
      ask(422, "POST", "/v1/auth/register/confirm", { body: { token: "none", password: "long enough" } }),
    "POST /v1/auth/login": () =>
      ask(401, "POST", "/v1/auth/login", { body: { email: "nobody@example.com", password: "none" } }),
    "POST /v1/auth/refresh": () => ask(401, "POST", "/v1/auth/refresh", { body: { refreshToken: "none" } }),
    "POST /v1/auth/password/forgot": () =>
      ask(202, "POST", "/v1/auth/password/forgot", { body: { email: "nobody@example.com" } }),
    "POST /v1/auth/password/reset": () =>
      ask(422, "POST", "/v1/auth/password/reset", { body: { token: "none", password: "long enough" } }),
    "POST /v1/auth/email/confirm": () =>
      ask(422, "POST", "/v1/auth/email/confirm", { body: { token: "none" } }),
    "POST /v1/carts": async () => {
      const headers = { "idempotency-key": randomUUID() };
      const cart = await ask(201, "POST", "/v1/carts", { headers });
      expect(await ask(201, "POST", "/v1/carts", { headers })).toEqual(cart);
      await ask(409, "POST", "/v1/carts", { body: { currency: "EUR" } });
      await ask(403, "POST", "/v1/carts", { body: { draft: true } });
      await ask(201, "POST", "/v1/carts", { body: { draft: false } });
    },
    "GET /v1/carts/:id": async () => {
      const { id, guest: headers } = await open(["SHOWN", 2]);
      await ask(200, "GET", `/v1/carts/${id}`, { headers });
      const { cart } = scene.sent;
      await ask(200, "GET", `/v1/carts/${cart.id}`, { headers: cart.guest });
      await ask(401, "GET", `/v1/carts/${id}`);
      await ask(403, "GET", `/v1/carts/${id}`, { headers: cart.guest });
    },
    "DELETE /v1/carts/:id": async () => {
      const { id, guest: headers } = await open(["SHOWN", 2]);
      await ask(200, "DELETE", `/v1/carts/${id}`, { headers });
      await ask(409, "POST", `/v1/carts/${id}/items`, { headers, body: line });
    },
    "POST /v1/carts/:id/items": async () => {
      const { id, guest: headers } = await open();
      const add = (status: number, body: object) =>
        ask(status, "POST", `/v1/carts/${id}/items`, { headers, body });
      await add(200, line);
      const draft = await add(404, { sku: "CANARY-DRAFT", quantity: 1 });
      const unknown = await add(404, { sku: "CANARY-NONE", quantity: 1 });
      expect(JSON.stringify(draft).replaceAll("CANARY-DRAFT", "CANARY-NONE")).toBe(JSON.stringify(unknown));
      // Found by another spelling, it is not told how it is spelt.
      await add(404, { sku: "canary-draft", quantity: 1 });
      await add(401, { ...line, unitPrice: { amount: 1, currency: "USD" } });
      await ask(412, "POST", `/v1/carts/${id}/items`, {
        headers: { ...headers, "if-match": '"0"' },
        body: line,
      });
    },
    "PATCH /v1/carts/:id/items/:line": async () => {
      const { id, guest: headers } = await open(["SHOWN", 2]);
      await ask(200, "PATCH", `/v1/carts/${id}/items/SHOWN`, { headers, body: { quantity: 1 } });
      for (const sku of ["SOLD", "canary-draft"])
        await ask(404, "PATCH", `/v1/carts/${id}/items/${sku}`, { headers, body: { quantity: 1 } });
    },
    "PATCH /v1/carts/:id": async () => {
      const { id, guest: headers } = await open(["SHOWN", 2]);
      await ask(200, "PATCH", `/v1/carts/${id}`, { headers, body: { shippingMethod: "express" } });
    },
    "POST /v1/carts/:id/quote": async () => {
      const { id, guest: headers } = await open(["SHOWN", 2]);
      await ask(200, "POST", `/v1/carts/${id}/quote`, { headers });
      const empty = await open();
      await ask(409, "POST", `/v1/carts/${empty.id}/quote`, { headers: empty.guest });
    },
    "GET /v1/shipping-methods": async () => {
      await ask(200, "GET", "/v1/shipping-methods?country=GB", {});
      await ask(422, "GET", "/v1/shipping-methods?country=GBR", {});
    },
    "DELETE /v1/carts/:id/items/:line": async () => {
      const { id, guest: headers } = await open(["SHOWN", 2]);
      await ask(200, "DELETE", `/v1/carts/${id}/items/SHOWN`, { headers });
      for (const sku of ["SHOWN", "canary-draft"])
        await ask(404, "DELETE", `/v1/carts/${id}/items/${sku}`, { headers });
    },
    "POST /v1/carts/:id/checkout": async () => {
      const cart = await open(["SHOWN", 1]);
      const url = `/v1/carts/${cart.id}/checkout`;
      await ask(409, "POST", url, buys(cart, { acceptedTotal: { amount: 1, currency: "USD" } }));
      const refused = { payment: { method: "credit_card", token: "tok_declined" } };
      await ask(402, "POST", url, buys(cart, refused));
      await ask(200, "GET", `/v1/carts/${cart.id}`, { headers: cart.guest });
      const key = { "idempotency-key": "a-key" };
      const order = await ask(201, "POST", url, buys(cart, {}, key));
      await shop().post(`/v1/orders/${order.id}/notes`, { text: "canary-note" });
      await shop().post(`/v1/orders/${order.id}/cancel`, { reason: "canary-cancellation" });
      expect(await ask(201, "POST", url, buys(cart, {}, key))).toEqual(order);
      await ask(409, "POST", url, buys(cart));

      const waiting = await open(["SHOWN", 1]);
      const action = { payment: { method: "credit_card", token: "tok_action" } };
      await ask(201, "POST", `/v1/carts/${waiting.id}/checkout`, buys(waiting, action));
      await ask(409, "POST", `/v1/carts/${waiting.id}/items`, { headers: waiting.guest, body: line });
      await ask(200, "GET", `/v1/carts/${waiting.id}`, { headers: waiting.guest });
    },
    "GET /v1/orders/:id": async () => {
      await shop().caughtUp();
      for (const placed of [scene.sent, scene.cancelled, scene.paid]) await read(placed);
      const { order, cart } = scene.sent;
      const headers = cart.guest;
      const byNumber = await ask(200, "GET", `/v1/orders/${order.number}`, { headers });
      expect(byNumber.shipments[0].trackingNumber).toBe(tracking);
      const notes = byNumber.timeline.filter(({ type }: Body) => type === "note");
      expect(notes.map(({ text }: Body) => text)).toEqual(["for the customer"]);
      await ask(403, "GET", `/v1/orders/${scene.paid.order.id}`, { headers });
    },
    "POST /v1/orders/:id/cancel": async () => {
      const placed = await shop().order(["SHOWN", 1]);
      await shop().post(`/v1/orders/${placed.order.id}/notes`, { text: "canary-note" });
      const url = `/v1/orders/${placed.order.id}/cancel`;
      const headers = { ...placed.cart.guest, "idempotency-key": "cancelled" };
      const order = await ask(200, "POST", url, { headers, body: {} });
      expect(await ask(200, "POST", url, { headers, body: {} })).toEqual(order);
      const sent = { headers: scene.sent.cart.guest, body: {} };
      await ask(409, "POST", `/v1/orders/${scene.sent.order.id}/cancel`, sent);
      const inPart = { lines: [{ lineId: 1, quantity: 1 }], reason: "canary-part" };
      const partly = await shop().order(["SHOWN", 3]);
      await shop().post(`/v1/orders/${partly.order.id}/cancel`, inPart);
      await shop().post(`/v1/orders/${partly.order.id}/refunds`, inPart);
      const asked = { headers: partly.cart.guest, body: { lines: [{ lineId: 1, quantity: 1 }] } };
      await ask(403, "POST", `/v1/orders/${partly.order.id}/cancel`, asked);
      await shop().caughtUp();
      await read(placed);
      expect((await read(partly)).timeline.map(({ type }: Body) => type)).toContain("items_cancelled");
    },
    "POST /v1/orders/:id/payments": async () => {
      const cart = await open(["SHOWN", 1]);
      const url = `/v1/carts/${cart.id}/checkout`;
      const order = await ask(201, "POST", url, buys(cart, { payment: { method: "bank_transfer" } }));
      const pay = (status: number, token: string) =>
        ask(status, "POST", `/v1/orders/${order.id}/payments`, {
          headers: cart.guest,
          body: { method: "credit_card", token },
        });
      await pay(402, "tok_declined");
      expect((await pay(201, "tok_action")).nextAction.url).toContain("sandbox");
      expect(await pay(201, "tok_ok")).toMatchObject({ paymentStatus: "paid" });
      await pay(409, "tok_ok");
      await shop().caughtUp();
      await read({ order, cart });
    },
    "POST /v1/orders/:id/returns": async () => {
      const placed = await shop().order(["SHOWN", 2]);
      const { id } = placed.order;
      const headers = placed.cart.guest;
      await shop().post(`/v1/orders/${id}/notes`, { text: "canary-note" });
      const announce = (status: number, more: object) =>
        ask(status, "POST", `/v1/orders/${id}/returns`, {
          headers,
          body: { lines: [{ lineId: 1, quantity: 1, reason: "late", ...more }] },
        });
      await announce(409, {});
      await shop().post(`/v1/orders/${id}/shipments`);
      await shop().post(`/v1/orders/${id}/deliveries`);
      await announce(422, { reason: undefined });
      await announce(403, { sellable: 1 });
      const { returnId } = await announce(201, {});
      await shop().post(`/v1/orders/${id}/returns/${returnId}/reject`, { reason: "canary-rejection" });
      await announce(201, {});
      await shop().caughtUp();
      await read(placed);
    },
    "POST /v1/orders/:id/returns/:returnId/withdraw": async () => {
      const { order, cart } = scene.sent;
      const url = `/v1/orders/${order.id}/returns`;
      const body = { lines: [{ lineId: 1, quantity: 1 }], reason: "canary-return" };
      const { returnId } = (await shop().post(url, body)).body;
      await ask(200, "POST", `${url}/${returnId}/withdraw`, { headers: cart.guest, body: {} });
      await ask(404, "POST", `${url}/none/withdraw`, { headers: cart.guest, body: {} });
      await ask(401, "POST", `${url}/${returnId}/withdraw`, { body: {} });
    },
    "POST /v1/webhooks/:gateway": async () => {
      const hook = (status: number, url: string, body: object, secret: string) => {
        const text = JSON.stringify(body);
        const signature = signWebhook(text, secret, Math.floor(Date.now() / 1_000));
        const headers = { "webhook-signature": signature, "content-type": "application/json" };
        return ask(status, "POST", url, { headers, body: text });
      };
      const secret = "whsec_cartwright_sandbox";
      const about = (paymentId: string) => ({ id: randomUUID(), type: "payment.authorized", paymentId });
      const [{ id: paymentId }] = scene.sent.order.payments;
      const url = "/v1/webhooks/sandbox";
      expect(await hook(200, url, about(paymentId), secret)).toEqual({ received: true });
      expect(await hook(200, url, about(randomUUID()), secret)).toEqual({ received: true });
      const event = about(paymentId);
      await hook(200, url, event, secret);
      await hook(409, url, { ...event, paymentId: randomUUID() }, secret);
      await hook(401, url, about(paymentId), "whsec_of_somebody_else");
      await hook(404, "/v1/webhooks/none", about(paymentId), secret);
    },
  };

  test.for(Object.keys(cases))("is told nothing that staff keeps to itself by %s", async (name) => {
    told.length = 0;
    await cases[name]?.();
    expect(told.filter((text) => canary.test(text) || numbers.test(text))).toEqual([]);
    expect(told.length).toBeGreaterThan(0);
  });

  test("has a case above for each route that it may call; every other answers 401", async () => {
    const routes = routesOf(shop().app);
    expect(routes).toEqual(expect.arrayContaining(Object.keys(cases)));
    expect(routes.length).toBeGreaterThan(50);
    const { order, cart } = scene.sent;
    const [{ id: paymentId }] = order.payments;
    for (const name of routes.filter((name) => !(name in cases))) {
      const [method = "", path = ""] = name.split(" ");
      const ids: Record<string, string> = { orders: order.id, carts: cart.id, payments: paymentId };
      const id = ids[path.split("/")[2] ?? ""] ?? scene.draftId;
      const url = path.replace(/:id\b/, id).replaceAll(/:\w+/g, "SHOWN");
      for (const headers of [{}, cart.guest]) {
        const body = method === "GET" || method === "DELETE" ? {} : { body: {} };
        const { status } = await shop().call(method as Method, url, { headers, ...body });
        expect(`${name}: ${status}`).toBe(`${name}: 401`);
      }
    }
  });

  test("would be found out: staff are told by the same routes what guests are not", async () => {
    const { get, caughtUp } = shop();
    await caughtUp();
    const text = async (url: string) => (await get(url, staff)).text;
    const order = await text(`/v1/orders/${scene.sent.order.id}`);
    for (const word of ["note", "return", "rejection"]) expect(order).toContain(`canary-${word}`);
    expect(await text(`/v1/orders/${scene.sent.order.id}`)).toContain("canary-refund");
    expect(await text(`/v1/orders/${scene.cancelled.order.id}`)).toContain("canary-cancellation");
    for (const url of ["/v1/stock/SHOWN", "/v1/products/shown", "/v1/products"])
      expect(await text(url)).toMatch(numbers);
    expect(await text("/v1/best-sellers?limit=10")).toMatch(numbers);
    expect(await text("/v1/stock/SHOWN/ledger?limit=100")).toMatch(/canary-receipt|canary-adjustment/);
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
