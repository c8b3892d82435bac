import { beforeAll, describe, expect, test } from "vitest";
import { type Permission, permissionNames } from "../../commands/apikey/permissions.ts";
import { type May, mayCall } from "../../src/http/permissions.ts";
import { bearer, member } from "./members.ts";
import { type Answer, type Body, openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop({ env: { TRUST_PROXY: "loopback" } });
type Method = Parameters<ReturnType<typeof shop>["call"]>[0];
type Headers = Record<string, string>;

interface Route {
  name: string;
  method: Method;
  url: string;
  may: May;
}

function routes(): Route[] {
  const { paths = {} } = shop().app.swagger() as { paths?: Record<string, object> };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((key) => {
      const method = key.toUpperCase() as Method;
      const may = mayCall(method, path.replaceAll(/\{(\w+)\}/g, ":$1"));
      if (may === undefined) throw new Error(`nothing says who may call ${method} ${path}`);
      return { name: `${method} ${path}`, method, url: path.replaceAll(/\{\w+\}/g, "none"), may };
    }),
  );
}

const ask = ({ method, url }: Route, headers: Headers): Promise<Answer> =>
  shop().call(method, url, { headers, ...(method !== "GET" && method !== "DELETE" && { body: {} }) });

async function keyWith(scopes: readonly Permission[]): Promise<{ id: string; headers: Headers }> {
  const { status, body } = await shop().post("/v1/api-keys", { name: "a test", scopes });
  expect(status).toBe(201);
  return { id: body.id, headers: bearer(body.key) };
}

const neededOf = (may: May): Permission | undefined =>
  typeof may === "object" ? may.staff : may === "anyone" || may === "customer" ? undefined : may;

describe("every route", () => {
  const only = new Map<Permission, Headers>();
  const allBut = new Map<Permission, Headers>();
  let customer: Headers;
  let guest: Headers;
  beforeAll(async () => {
    for (const permission of permissionNames) {
      only.set(permission, (await keyWith([permission])).headers);
      allBut.set(permission, (await keyWith(permissionNames.filter((each) => each !== permission))).headers);
    }
    customer = (await member(shop())).access;
    guest = (await shop().cart()).guest;
  }, openTimeoutMs);

  /** What is answered to whoever may not: in whose name is no difference. */
  const refusals = [401, 403];
  const isRefused = ({ status, body }: Answer) =>
    refusals.includes(status) && (body.code === "unauthorized" || body.code === "forbidden");

  test("lets nobody in who shows nothing, unless it is for everybody", async () => {
    // Whose a cart or an order is, its route looks at: see below, and access.test.ts.
    for (const route of routes().filter(({ may }) => typeof may === "string")) {
      const answer = await ask(route, {});
      expect({ route: route.name, refused: isRefused(answer) }).toEqual({
        route: route.name,
        refused: route.may !== "anyone",
      });
    }
  });

  test("lets in the key that may do just this, and no key that may do all else", async () => {
    for (const route of routes()) {
      const needed = neededOf(route.may);
      if (needed === undefined) continue;
      const [allowed, refused] = [
        await ask(route, only.get(needed) as Headers),
        await ask(route, allBut.get(needed) as Headers),
      ];
      expect({ route: route.name, needed, refused: isRefused(allowed) }).toMatchObject({ refused: false });
      expect({ route: route.name, status: refused.status, code: refused.body.code }).toEqual({
        ...{ route: route.name, status: 403, code: "forbidden" },
      });
    }
  });

  test("that is for customers or staff alone lets in nobody else", async () => {
    for (const route of routes()) {
      const others: Record<string, Headers> = { guest };
      if (route.may === "customer") Object.assign(others, { staff, key: only.get("customers") });
      else if (typeof route.may === "string" && route.may !== "anyone") Object.assign(others, { customer });
      else continue;
      for (const [who, headers] of Object.entries(others)) {
        const { status, body } = await ask(route, headers);
        expect({ route: route.name, who, status, code: body.code }).toEqual({
          ...{ route: route.name, who, status: 401, code: "unauthorized" },
        });
      }
    }
  });

  test("of carts and orders is not there for a customer whose they are not", async () => {
    const { cart, order } = await (async () => {
      await shop().product({ skus: ["THEIRS"] });
      const placed = await shop().order(["THEIRS", 1]);
      return { cart: await shop().cart(["THEIRS", 1]), order: placed.order };
    })();
    for (const route of routes().filter(({ may }) => typeof may === "object")) {
      const id = route.url.startsWith("/v1/carts") ? cart.id : order.id;
      const url = route.url.replace("none", id);
      const line = { sku: "THEIRS", quantity: 1 };
      const bodies: Record<string, Body> = {
        "POST /v1/carts/{id}/items": line,
        "PATCH /v1/carts/{id}/items/{line}": { quantity: 1 },
        "POST /v1/orders/{id}/returns": { lines: [{ ...line, reason: "late" }] },
        "POST /v1/orders/{id}/payments": { method: "credit_card" },
        "POST /v1/carts/{id}/checkout": { payment: { method: "cod" } },
      };
      const body =
        route.method === "GET" || route.method === "DELETE" ? {} : { body: bodies[route.name] ?? {} };
      const answer = await shop().call(route.method, url, { headers: customer, ...body });
      expect({ route: route.name, status: answer.status }).toEqual({ route: route.name, status: 404 });
    }
  });

  test("lets no key in that is revoked, expired or made up", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ clock: () => now });
    const made = async (more: object = {}) =>
      (await own.post("/v1/api-keys", { name: "n", scopes: ["stock"], ...more })).body;
    const [revoked, short, long] = [await made(), await made({ days: 1 }), await made({ days: 400 })];
    const read = async (key: string) => (await own.get("/v1/stock", bearer(key))).status;
    expect([await read(revoked.key), await read(short.key)]).toEqual([200, 200]);
    expect((await own.call("DELETE", `/v1/api-keys/${revoked.id}`, { headers: staff })).body.status).toBe(
      "revoked",
    );
    expect(await read(revoked.key)).toBe(401);
    now += 86_400_000;
    expect([await read(short.key), await read(long.key)]).toEqual([401, 200]);
    const [id, secret] = String(long.key).slice(3).split(".");
    for (const forged of [
      `ck_${short.id}.${secret}`,
      `ck_${id}.${"A".repeat(43)}`,
      `ck_${id}.`,
      "ck_none",
      "ck_..",
    ])
      expect(await read(forged)).toBe(401);
    expect((await own.get("/v1/api-keys", staff)).body.items.map(({ status }: Body) => status)).toEqual([
      "active",
      "expired",
      "revoked",
    ]);
  });
});

describe("a key", () => {
  test("is made by whoever may do what it may, is shown once, and is named by what it does", async () => {
    const admin = await keyWith(["admin", "stock"]);
    const make = (scopes: Permission[], headers = admin.headers) =>
      shop().call("POST", "/v1/api-keys", { headers, body: { name: "n", scopes } });
    expect(await make(["stock", "refund"])).toMatchObject({ status: 403, body: { code: "forbidden" } });
    const made = await make(["stock"]);
    expect(made.status).toBe(201);
    const listed = (await shop().get("/v1/api-keys", admin.headers)).text;
    expect(listed).toContain(made.body.id);
    expect(listed).not.toContain(String(made.body.key).split(".")[1]);
    await shop().stocked("KEYED");
    const headers = bearer(made.body.key);
    const receipt = { headers, body: { quantity: 1 } };
    expect((await shop().call("POST", "/v1/stock/KEYED/receipts", receipt)).status).toBe(201);
    const { events } = await shop().runtime.events.readStream("stock-KEYED", {
      backwards: true,
      maxCount: 1,
    });
    expect(events[0]?.metadata.actor).toBe(`key:${made.body.id}`);
    const log = await shop().runtime.events.readStream("apikey-all", { maxCount: 1_000 });
    expect(JSON.stringify(log.events.map(({ data }) => data))).not.toContain(
      String(made.body.key).split(".")[1],
    );
  });

  test("is made once by a request that is sent again, with the same answer", async () => {
    const headers = { ...staff, "idempotency-key": "the-same-key-of-a-test" };
    const send = () =>
      shop().call("POST", "/v1/api-keys", { headers, body: { name: "n", scopes: ["stock"] } });
    const [first, again] = [await send(), await send()];
    expect(again.body).toEqual(first.body);
    expect(again.headers["idempotent-replayed"]).toBe("true");
  });

  test("whose secret is made anew is good with both for a while", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ clock: () => now });
    const made = (await own.post("/v1/api-keys", { name: "n", scopes: ["stock"] })).body;
    const rotated = (await own.post(`/v1/api-keys/${made.id}/rotate`, { overlapHours: 1 })).body;
    const read = async (key: string) => (await own.get("/v1/stock", bearer(key))).status;
    expect(rotated.key).not.toBe(made.key);
    expect([await read(made.key), await read(rotated.key)]).toEqual([200, 200]);
    now += 3_600_000;
    expect([await read(made.key), await read(rotated.key)]).toEqual([401, 200]);
  });

  test("is shown no more of what is for everybody than it may", async () => {
    await shop().product({ skus: ["SEEN"], quantity: 500 });
    const [stock, products] = [await keyWith(["stock"]), await keyWith(["products"])];
    const stockOf = async (headers: Headers) => (await shop().get("/v1/stock/SEEN", headers)).body;
    expect((await stockOf(stock.headers)).onHand).toBe(500);
    expect((await stockOf(products.headers)).onHand).toBeUndefined();
    const drafts = async (headers: Headers) =>
      (await shop().get("/v1/products?status=draft", headers)).status;
    expect([await drafts(products.headers), await drafts(stock.headers)]).toEqual([200, 403]);
  });
});
