import { describe, expect, test } from "vitest";
import { cart as cartStream } from "../../commands/cart/cart.ts";
import { login, member, password, send } from "./members.ts";
import { type Body, checkoutBody, type HttpShop, openShop, sharedShop, staff } from "./shop.ts";

const shop = sharedShop({ env: { TRUST_PROXY: "loopback" } });

async function stocked(of: HttpShop, ...skus: string[]): Promise<void> {
  for (const sku of skus) await of.product({ skus: [sku], quantity: 2_000_000 });
}

const add = async (
  of: HttpShop,
  cart: string,
  headers: Record<string, string>,
  sku: string,
  more: object = {},
) => of.call("POST", `/v1/carts/${cart}/items`, { headers, body: { sku, quantity: 1, ...more } });
const quantities = (cart: Body) => cart.items.map(({ lineId, quantity }: Body) => [lineId, quantity]);

describe("the cart of a customer", () => {
  test("is one, whoever opens it first, and nobody else's", async () => {
    await stocked(shop(), "OWN");
    const { access } = await member(shop());
    const opened = await Promise.all([1, 2, 3].map(() => send(shop(), "/carts", {}, access)));
    expect(opened.map(({ status }) => status)).toEqual([201, 201, 201]);
    const [id] = new Set(opened.map(({ body }) => body.id));
    expect(new Set(opened.map(({ body }) => body.id)).size).toBe(1);
    expect(opened[0]?.body.cartToken).toBeUndefined();
    expect((await add(shop(), id, access, "OWN")).status).toBe(200);
    expect((await shop().get("/v1/me/cart", access)).body).toMatchObject({ id, itemCount: 1 });
    const other = await member(shop());
    const { guest } = await shop().cart();
    for (const headers of [other.access, guest]) {
      const [mine, none] = [
        await shop().get(`/v1/carts/${id}`, headers),
        await shop().get("/v1/carts/none", headers),
      ];
      expect(mine.status).toBe(none.status);
    }
    expect((await shop().get(`/v1/carts/${id}`, other.access)).status).toBe(404);
    expect((await shop().get(`/v1/carts/${id}`, staff)).status).toBe(200);
  });

  test("takes the lines of the guest's at a login, once, and adds equal ones up", async () => {
    await stocked(shop(), "A", "B");
    const { email, access } = await member(shop());
    const { id } = (await send(shop(), "/carts", {}, access)).body;
    await add(shop(), id, access, "A", { quantity: 2 });
    const guest = await shop().cart(["A", 3], ["B", 1]);
    await add(shop(), guest.id, staff, "A", { unitPrice: { amount: 500, currency: "USD" } });
    for (let n = 0; n < 2; n++) {
      const answer = await send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest);
      expect(answer.body.merge).toBe(n === 0 ? "merged" : "none");
      expect(quantities(answer.body.cart)).toEqual([
        ["sku:A", 5],
        ["sku:B", 1],
        ["500:A", 1],
      ]);
      expect(answer.body.cart.id).toBe(id);
    }
    const events = await shop().runtime.events.readStream(`cart-${id}`, { maxCount: 100 });
    expect(events.events.filter(({ type }) => type === "CartMerged")).toHaveLength(1);
    // What was handed over is nobody's any more to add to.
    expect(await add(shop(), guest.id, guest.guest, "A")).toMatchObject({
      status: 409,
      body: { code: "cart_closed" },
    });
    await shop().caughtUp();
    expect((await shop().get(`/v1/carts/${guest.id}`, guest.guest)).body.status).toBe("merged");
  });

  test("is the guest's, where there is none", async () => {
    await stocked(shop(), "FIRST");
    const { email } = await member(shop());
    const guest = await shop().cart(["FIRST", 2]);
    const answer = await send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest);
    expect(answer.body).toMatchObject({ merge: "assigned", cart: { id: guest.id, itemCount: 2 } });
    // The token that opened it as a guest's opens it no more: a planted one never does.
    expect((await shop().get(`/v1/carts/${guest.id}`, guest.guest)).status).toBe(404);
    expect((await add(shop(), guest.id, guest.guest, "FIRST")).status).toBe(404);
  });

  test("is not taken from whoever does not hold its token", async () => {
    await stocked(shop(), "HELD");
    const { email } = await member(shop());
    const guest = await shop().cart(["HELD", 2]);
    const { merge, cart } = (await send(shop(), "/auth/login", { email, password, cartId: guest.id })).body;
    expect([merge, cart]).toEqual([undefined, undefined]);
    expect((await shop().get(`/v1/carts/${guest.id}`, guest.guest)).body.itemCount).toBe(2);
  });

  test("names what had no room in it", async () => {
    await stocked(shop(), "MANY");
    const { email, access } = await member(shop());
    const { id } = (await send(shop(), "/carts", {}, access)).body;
    await add(shop(), id, access, "MANY", { quantity: 999_999 });
    const guest = await shop().cart(["MANY", 5]);
    const { body } = await send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest);
    expect(quantities(body.cart)).toEqual([["sku:MANY", 1_000_000]]);
    const { events } = await shop().runtime.events.readStream(`cart-${id}`, { maxCount: 100 });
    expect(events.find(({ type }) => type === "CartMerged")?.data).toMatchObject({
      from: guest.id,
      left: [{ sku: "MANY", quantity: 4 }],
    });
  });

  test("that a crash has left half merged is finished by what is due", async () => {
    let now = Date.parse("2026-03-01T10:00:00Z");
    const own = await openShop({ clock: () => now, env: { TRUST_PROXY: "loopback" } });
    await stocked(own, "HALF");
    const { email, access, customerId } = await member(own);
    const { id } = (await send(own, "/carts", {}, access)).body;
    const guest = await own.cart(["HALF", 2]);
    const context = { commandId: "c", correlationId: "c", actor: "test", now };
    await own.runtime.engine.execute(
      cartStream,
      guest.id,
      "HandOver",
      { cartId: guest.id, to: id, customerId },
      context,
    );
    await own.caughtUp();
    now += 10 * 60_000;
    expect((await own.post(`/v1/ops/tasks/cart/${guest.id}/retry`)).status).toBe(200);
    const later = await login(own, email);
    expect((await own.get("/v1/me/cart", later.access)).body.itemCount).toBe(2);
    await own.caughtUp();
    expect((await own.post(`/v1/ops/tasks/cart/${guest.id}/retry`)).status).toBe(404);
  });

  test("becomes an order of the customer's, with what the account knows", async () => {
    await stocked(shop(), "BOUGHT");
    const { email, access, customerId } = await member(shop());
    const address = { ...checkoutBody.shippingAddress, coordinates: { latitude: 1, longitude: 2 } };
    await send(shop(), "/me/addresses", address, access);
    const { id } = (await send(shop(), "/carts", {}, access)).body;
    await add(shop(), id, access, "BOUGHT");
    const { payment } = checkoutBody;
    const asked = { customerId: "another", payment };
    const named = await send(shop(), `/carts/${id}/checkout`, asked, access);
    expect([named.status, named.body.errors[0].path]).toEqual([422, "customerId"]);
    const order = await send(shop(), `/carts/${id}/checkout`, { payment }, access);
    expect(order.status).toBe(201);
    await shop().caughtUp();
    const shown = (await shop().get(`/v1/orders/${order.body.id}`, staff)).body;
    expect(shown).toMatchObject({ customerId, email, shippingAddress: checkoutBody.shippingAddress });
    const { items } = (await shop().get("/v1/me/orders", access)).body;
    expect(items).toMatchObject([{ id: order.body.id, number: order.body.number }]);
    expect(items[0].email).toBeUndefined();
    expect((await shop().get(`/v1/orders/${order.body.id}`, access)).status).toBe(200);
    // The next one is another cart.
    expect((await shop().get("/v1/me/cart", access)).status).toBe(404);
    expect((await send(shop(), "/carts", {}, access)).body.id).not.toBe(id);
    const bob = await member(shop());
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["POST", "/cancel", {}],
      ["POST", "/returns", { lines: [{ sku: "BOUGHT", quantity: 1, reason: "late" }] }],
      ["POST", "/payments", { method: "credit_card", token: "tok_ok" }],
    ] as const) {
      const ask = (order: string) =>
        shop().call(method, `/v1/orders/${order}${path}`, { headers: bob.access, body });
      const [hers, none] = [await ask(order.body.id), await ask("00000000-0000-0000-0000-000000000000")];
      expect([path, hers.status, none.status]).toEqual([path, 404, 404]);
      expect(hers.body.detail.replace(order.body.id, "")).toBe(
        none.body.detail.replace("00000000-0000-0000-0000-000000000000", ""),
      );
    }
    expect((await shop().get("/v1/me/orders", bob.access)).body.items).toEqual([]);
    const cancelled = await send(shop(), `/orders/${order.body.id}/cancel`, {}, access);
    expect(cancelled).toMatchObject({ status: 200, body: { status: "cancelled" } });
  });
});

test("a guest's cart that is being checked out stays a guest's", async () => {
  await stocked(shop(), "LOCKED");
  const { email } = await member(shop());
  const guest = await shop().cart(["LOCKED", 1]);
  const waiting = { ...checkoutBody, payment: { method: "credit_card", token: "tok_action" } };
  await send(shop(), `/carts/${guest.id}/checkout`, waiting, guest.guest);
  const answer = await send(shop(), "/auth/login", { email, password, cartId: guest.id }, guest.guest);
  expect(answer.body.merge).toBe("cart_locked");
  const { access } = await login(shop(), email);
  expect((await shop().get("/v1/me/cart", access)).status).toBe(404);
  const merge = await send(shop(), "/me/cart/merge", { cartId: guest.id }, { ...access, ...guest.guest });
  expect(merge.body).toEqual({ merge: "cart_locked" });
});
