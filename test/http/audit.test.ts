import { beforeAll, describe, expect, test } from "vitest";
import { changesBetween } from "../../src/http/ops-api/changes.ts";
import { customerSubject } from "../../src/identity/personal.ts";
import { OrderedMap } from "../../src/values/ordered-map.ts";
import { member, send } from "./members.ts";
import { type Body, checkoutBody, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
let productId = "";
let orderId = "";
let cartId = "";
let paymentId = "";
const token = "tok_ok";

beforeAll(async () => {
  const { product, order, post, call, caughtUp } = shop();
  productId = (await product({ name: "Mug", skus: ["A"], price: 1_000 })).id;
  const placed = await order(["A", 2]);
  orderId = placed.order.id;
  cartId = placed.cart.id;
  paymentId = placed.order.payments[0].id;
  const price = { price: { amount: 900, currency: "USD" } };
  const headers = { ...staff, "user-agent": "back-office/1", "x-request-id": "the-request" };
  await call("PUT", `/v1/products/${productId}/variants/A/price`, { headers, body: price });
  await post(`/v1/orders/${orderId}/notes`, { text: "canary-note" });
  await post(`/v1/orders/${orderId}/shipments`, {});
  await caughtUp();
}, openTimeoutMs);

const audit = async (query: string): Promise<Body> => {
  const { status, body } = await shop().get(`/v1/audit?${query}`, staff);
  expect({ status, body }).toMatchObject({ status: 200 });
  return body;
};

describe("the audit trail", () => {
  test("of a thing says who did what, when, from where, and what was and is, newest first", async () => {
    const { items, nextCursor } = await audit(`stream=product-${productId}`);
    expect(items.map(({ type }: Body) => type)).toEqual([
      "PriceChanged",
      "ProductPublished",
      "ProductCreated",
    ]);
    expect(nextCursor).toBeNull();
    expect(items[0]).toEqual({
      stream: `product-${productId}`,
      revision: 2,
      type: "PriceChanged",
      at: expect.stringMatching(/Z$/),
      actor: "staff",
      correlationId: "the-request",
      ip: "127.0.0.1",
      userAgent: "back-office/1",
      changes: [{ path: expect.stringMatching(/price\.amount$/), old: 1_000, new: 900 }],
      more: false,
    });
    expect(items[2].changes).toContainEqual({ path: "name", new: "Mug" });
  });

  test("of a thing comes in pages, each with the changes of its own events", async () => {
    const whole = (await audit(`stream=order-${orderId}`)).items;
    expect(whole.length).toBeGreaterThan(4);
    const paged = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const next = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await audit(`stream=order-${orderId}&limit=2${next}`);
      paged.push(...page.items);
      cursor = page.nextCursor;
    }
    expect(paged).toEqual(whole);
    expect(await audit("stream=order-none")).toEqual({ items: [], nextCursor: null });
  });

  test("by actor reads what staff did, and nothing that guests did", async () => {
    const { items } = await audit("actor=staff&limit=100");
    const types = items.map(({ type }: Body) => type);
    expect(types).toEqual(
      expect.arrayContaining(["ProductCreated", "StockReceived", "NoteAdded", "ShipmentDispatched"]),
    );
    expect(types).not.toContain("OrderPlaced");
    expect(items.every(({ actor }: Body) => actor === "staff")).toBe(true);
    const priced = items.find(({ type }: Body) => type === "PriceChanged");
    expect(priced.changes).toEqual([{ path: expect.any(String), old: 1_000, new: 900 }]);
    expect(items.map(({ at }: Body) => at)).toEqual(
      items
        .map(({ at }: Body) => at)
        .sort()
        .reverse(),
    );
    expect((await audit("actor=guest")).items).toEqual([]);
    expect((await audit("to=2000-01-01")).items).toEqual([]);
    expect((await audit(`from=${items[0].at}&limit=100`)).items[0]).toEqual(items[0]);
    const first = await audit("limit=1");
    expect((await audit(`limit=1&cursor=${first.nextCursor}`)).items).toEqual([items[1]]);
  });

  test("tells nothing personal or secret, only that it was changed", async () => {
    let all = "";
    for (const stream of [`cart-${cartId}`, `order-${orderId}`, `payment-${paymentId}`]) {
      const { items } = await audit(`stream=${stream}&limit=100`);
      expect(items.every(({ changes }: Body) => changes !== null)).toBe(true);
      const guests = items.filter(({ actor }: Body) => actor === "guest");
      expect(guests.every((each: Body) => each.ip === undefined && each.userAgent === undefined)).toBe(true);
      all += JSON.stringify(items);
    }
    expect(all).toContain('"untold":true');
    for (const secret of [token, "buyer@example.com", "A Buyer", "High Street", "canary-note"])
      expect(all).not.toContain(secret);
  });

  test("opens what an account keeps sealed, as long as its key is there, and no secret", async () => {
    const of = shop();
    const { access, customerId, email } = await member(of);
    for (const phone of ["+441632960001", "+441632960002"])
      expect((await of.call("PATCH", "/v1/me", { headers: access, body: { phone } })).status).toBe(200);
    expect((await send(of, "/me/addresses", checkoutBody.shippingAddress, access)).status).toBe(201);
    const stream = `customer-${customerId}`;
    const changed = (items: Body[], type: string, path: RegExp) =>
      items
        .filter((item) => item.type === type)
        .map(({ changes }) => changes.find((each: Body) => path.test(each.path)));
    const { items } = await audit(`stream=${stream}`);
    const [second, first] = changed(items, "ProfileChanged", /phone/);
    expect(second).toEqual({ path: "customer.profile.phone", old: "+441632960001", new: "+441632960002" });
    expect(first).toEqual({ path: "customer.profile.phone", new: "+441632960001" });
    expect(changed(items, "AddressAdded", /address$/)[0].new).toContain(
      Object.values(checkoutBody.shippingAddress).join(", "),
    );
    expect(changed(items, "CustomerRegistered", /email$/)[0].new).toBe(email);
    expect(items[0]).toMatchObject({ actor: `customer:${customerId}` });
    expect(items[0]).not.toHaveProperty("ip");

    const account = JSON.stringify(await audit(`stream=account-${customerId}`));
    expect(account).toContain('{"path":"hash","untold":true}');
    expect(account).not.toContain("s1.");

    const { sealing } = of.runtime.identity;
    await sealing.destroy([(await sealing.sealerFor(customerSubject(customerId))).keyId]);
    const after = (await audit(`stream=${stream}`)).items;
    const [last] = changed(after, "ProfileChanged", /phone/);
    expect(last).toEqual({ path: "customer.profile.phone", old: null, new: null });
    expect(after[0]).toMatchObject({ actor: `customer:${customerId}` });
  });

  test("is for staff, of one thing or of one actor", async () => {
    expect((await shop().get("/v1/audit")).status).toBe(401);
    for (const query of ["stream=order-1&actor=staff", "stream=order-1&from=2026-01-01", "from=x", "stream="])
      expect((await shop().get(`/v1/audit?${query}`, staff)).status).toBe(422);
  });
});

describe("what has changed between two states", () => {
  const shared = { deep: { a: 1 } };

  test("is told leaf by leaf, of objects, lists, maps and sets", () => {
    const before = { shared, list: [1, 2], map: new Map([["a", { n: 1 }]]), set: new Set(["x"]), gone: "g" };
    const lines = OrderedMap.of([["l", 1]]);
    const after = { shared, list: [1, 3, 4], map: new Map([["a", { n: 2 }]]), set: new Set(["y"]), lines };
    expect(changesBetween(before, after)).toEqual({
      changes: [
        { path: "list.1", old: 2, new: 3 },
        { path: "list.2", new: 4 },
        { path: "map.a.n", old: 1, new: 2 },
        { path: "set.x", old: true },
        { path: "set.y", new: true },
        { path: "gone", old: "g" },
        { path: "lines.l", new: 1 },
      ],
      more: false,
    });
    expect(changesBetween(before, structuredClone(before))).toEqual({ changes: [], more: false });
  });

  test("is bounded, in number and in length", () => {
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, n]));
    const { k0: _, ...hundred } = many;
    expect(changesBetween({}, hundred)).toMatchObject({ changes: { length: 100 }, more: false });
    expect(changesBetween({}, many)).toMatchObject({ changes: { length: 100 }, more: true });
    expect(changesBetween({}, { text: "x".repeat(10_000) }).changes[0]?.new).toHaveLength(501);
  });

  test("does not tell what is personal or secret, at any depth", () => {
    const before = { request: { email: "a@b.c", payment: { token: "t1" } }, email: "same" };
    const after = { request: { email: "x@y.z", payment: { token: "t2" } }, email: "same" };
    expect(changesBetween(before, after).changes).toEqual([
      { path: "request.email", untold: true },
      { path: "request.payment.token", untold: true },
    ]);
  });
});
