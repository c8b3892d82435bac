import { describe, expect, it } from "vitest";
import { signWebhook } from "../../src/gateways/sandbox-webhooks.ts";
import { checkoutBody, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();

async function call(
  method: "GET" | "POST" | "PATCH",
  url: string,
  payload?: object,
  headers: object = staff,
) {
  const answer = await shop().app.inject({
    method,
    url,
    headers: { ...headers },
    ...(payload && { payload }),
  });
  return { status: answer.statusCode, body: answer.json() };
}

async function sell(sku: string, quantity: number, token = "tok_ok") {
  const created = await call("POST", "/v1/products", {
    name: `Thing ${sku}`,
    variants: [{ sku, price: { amount: 1000, currency: "USD" } }],
  });
  await call("POST", `/v1/products/${created.body.id}/publish`, {});
  await call("POST", `/v1/stock/${sku}/receipts`, { quantity: 10 });
  const cart = (await call("POST", "/v1/carts", {})).body;
  const guest = { "cart-token": cart.cartToken };
  await call("POST", `/v1/carts/${cart.id}/items`, { sku, quantity }, guest);
  const payment = { method: "credit_card", token };
  const order = await call("POST", `/v1/carts/${cart.id}/checkout`, { ...checkoutBody, payment }, guest);
  expect(order.status).toBe(201);
  return { order: order.body, cart, guest };
}

describe("what an attack has found", () => {
  it("frees what was promised when an order is refunded in full before it is shipped", async () => {
    const { order } = await sell("REFUNDED", 3);
    const refund = await call("POST", `/v1/orders/${order.id}/refunds`, { reason: "changed their mind" });
    expect(refund).toMatchObject({ status: 201, body: { status: "refunded", paymentStatus: "refunded" } });
    const stock = await call("GET", "/v1/stock/REFUNDED");
    expect(stock.body).toMatchObject({ onHand: 10, reserved: 0, committed: 0, available: 10 });
    expect((await call("POST", `/v1/orders/${order.id}/shipments`, {})).status).toBe(409);
  });

  it("leaves nothing of a return that is refused", async () => {
    const { order } = await sell("RETURNED", 3);
    await call("POST", `/v1/orders/${order.id}/shipments`, {});
    await call("POST", `/v1/orders/${order.id}/deliveries`, {});
    const returns = (sellable: number) =>
      call("POST", `/v1/orders/${order.id}/returns`, { lines: [{ sku: "RETURNED", quantity: 3, sellable }] });
    expect((await returns(5)).status).toBe(422);
    expect((await returns(2)).status).toBe(201);
    expect((await call("GET", "/v1/stock/RETURNED")).body).toMatchObject({
      onHand: 10,
      damaged: 1,
      available: 9,
    });
  });

  it("opens the cart again when an order that waits for its payment is cancelled", async () => {
    const { order, cart, guest } = await sell("WAITING", 1, "tok_action");
    expect(order.paymentStatus).toBe("pending");
    expect((await call("POST", `/v1/orders/${order.id}/cancel`, {}, guest)).status).toBe(200);
    const again = await call("POST", `/v1/carts/${cart.id}/checkout`, checkoutBody, guest);
    expect(again.status).toBe(201);
    expect(again.body.id).not.toBe(order.id);
  });

  it("takes an event of the gateway for one payment only", async () => {
    const first = await sell("HOOK-1", 1, "tok_action");
    const second = await sell("HOOK-2", 1, "tok_action");
    const send = (paymentId: string) => {
      const payload = JSON.stringify({ id: "evt_1", type: "payment.authorized", paymentId });
      const secret = shop().runtime.config.SANDBOX_WEBHOOK_SECRET;
      const signature = signWebhook(payload, secret, Math.floor(Date.now() / 1000));
      const headers = { "content-type": "application/json", "webhook-signature": signature };
      return shop().app.inject({ method: "POST", url: "/v1/webhooks/sandbox", headers, payload });
    };
    expect((await send(first.order.payments[0].id)).statusCode).toBe(200);
    expect((await send(first.order.payments[0].id)).statusCode).toBe(200);
    expect((await send(second.order.payments[0].id)).statusCode).toBe(409);
  });

  it("refuses prices and carts beyond what sums can hold", async () => {
    const { cart } = await sell("DEAR", 1);
    const unitPrice = { amount: 7_500_000_000_000_000, currency: "USD" };
    const added = await call("POST", `/v1/carts/${cart.id}/items`, { sku: "DEAR", quantity: 1, unitPrice });
    expect(added.status).toBe(422);
  });
});
