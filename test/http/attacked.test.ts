import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import { StoreUnavailable } from "../../src/stores/event-store/event-store.ts";
import { openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

// What a second attack on the commands has found.

const shop = sharedShop();
const key = () => ({ ...staff, "idempotency-key": randomUUID() });

test("a shipment that is refused takes no money, and one with the right revision ships", {
  timeout: openTimeoutMs,
}, async () => {
  const { product, order, post, get } = await openShop({ env: { CAPTURE: "shipment" } });
  await product({ skus: ["LATER"] });
  const bought = await order(["LATER", 1]);
  const url = `/v1/orders/${bought.order.id}/shipments`;
  const unknown = { lines: [{ sku: "UNKNOWN", quantity: 1 }] };
  expect((await post(url, unknown)).status).toBe(404);
  expect((await get(`/v1/orders/${bought.order.id}`, staff)).body.paymentStatus).toBe("pending");
  expect((await post(url, {}, { ...staff, "if-match": '"0"' })).status).toBe(412);
  expect((await get(`/v1/orders/${bought.order.id}`, staff)).body.paymentStatus).toBe("pending");
  expect((await post(url, {}, { ...staff, "if-match": '"1"' })).body.paymentStatus).toBe("paid");
});

test("a capture that was refused stays refused for its key, whatever is captured later", {
  timeout: openTimeoutMs,
}, async () => {
  const { product, order, post, runtime } = await openShop({ env: { CAPTURE: "shipment" } });
  await product({ skus: ["REFUSED"] });
  const bought = await order(["REFUSED", 1]);
  const url = `/v1/payments/${bought.order.payments[0].id}/capture`;
  const first = key();
  const refuse = vi
    .spyOn(runtime.shop.gateway, "capture")
    .mockResolvedValueOnce({ status: "refused", reason: "no" });
  expect((await post(url, undefined, first)).status).toBe(402);
  refuse.mockRestore();
  expect((await post(url, undefined, first)).status).toBe(402);
  const second = key();
  expect((await post(url, undefined, second)).status).toBe(200);
  expect((await post(url, undefined, second)).status).toBe(200);
  expect((await post(url, undefined, first)).status).toBe(402);
});

test("a return that is here and was broken off is finished by its key", async () => {
  const { product, order, post, get, runtime } = shop();
  await product({ skus: ["BACK-1"] });
  const bought = await order(["BACK-1", 2]);
  const { id } = bought.order;
  await post(`/v1/orders/${id}/shipments`, {});
  await post(`/v1/orders/${id}/deliveries`, {});
  const { engine } = runtime;
  const execute = engine.execute.bind(engine);
  const broken = vi
    .spyOn(engine, "execute")
    .mockImplementation(((...args: Parameters<typeof execute>) =>
      args[2] === "TakeBack"
        ? Promise.reject(new StoreUnavailable("away"))
        : execute(...args)) as typeof engine.execute);
  const headers = key();
  const body = { lines: [{ sku: "BACK-1", quantity: 2, sellable: 1 }] };
  expect((await post(`/v1/orders/${id}/returns`, body, headers)).status).toBe(503);
  broken.mockRestore();
  const again = await post(`/v1/orders/${id}/returns`, body, headers);
  expect(again).toMatchObject({ status: 201, body: { returns: [{ status: "closed" }] } });
  expect((await post(`/v1/orders/${id}/returns`, body, headers)).text).toBe(again.text);
  expect((await get("/v1/stock/BACK-1", staff)).body).toMatchObject({ onHand: 10, damaged: 1 });
});

test("a checkout by cash is told as it was, also when the carrier has brought the money", async () => {
  const { product, cart, checkOut, post } = shop();
  await product({ skus: ["CASH"] });
  const full = await cart(["CASH", 2]);
  const keyed = { "idempotency-key": randomUUID() };
  const cod = { payment: { method: "cod" } };
  const first = await checkOut(full, cod, keyed);
  const { id } = first.body;
  await post(`/v1/orders/${id}/shipments`, { lines: [{ sku: "CASH", quantity: 1 }] });
  await post(`/v1/orders/${id}/shipments`, {});
  const deliver = key();
  const { shipments } = (await shop().get(`/v1/orders/${id}`, staff)).body;
  const one = { shipmentId: shipments[0].id };
  const delivered = await post(`/v1/orders/${id}/deliveries`, one, deliver);
  await post(`/v1/orders/${id}/deliveries`, {});
  expect((await checkOut(full, cod, keyed)).text).toBe(first.text);
  expect((await post(`/v1/orders/${id}/deliveries`, one, deliver)).text).toBe(delivered.text);
});

test("a cart takes no more changes than its keys can be looked for in", async () => {
  const { product, cart, post, call } = shop();
  await product({ skus: ["MANY"] });
  const { id, guest } = await cart(["MANY", 1]);
  const change = (quantity: number) =>
    call("PATCH", `/v1/carts/${id}/items/MANY`, { headers: guest, body: { quantity } });
  for (let n = 0; n < 6_000; n += 100)
    await Promise.all(Array.from({ length: 100 }, (_, index) => change(2 + ((n + index) % 90_000))));
  expect(await change(7)).toMatchObject({ status: 409, body: { code: "cart_full" } });
  expect((await post(`/v1/carts/${id}/checkout`, {}, guest)).status).toBe(422);
}, 60_000);

test("a command that changed nothing changes nothing later, when its key comes again", async () => {
  const { product, post, call, get } = shop();
  await product({ skus: ["NOOP"] });
  const headers = key();
  const track = (track: boolean, own: Record<string, string>) =>
    call("PUT", "/v1/stock/NOOP/policy", { headers: own, body: { track } });
  const first = await track(true, headers);
  expect(first.status).toBe(200);
  await track(false, staff);
  const again = await track(true, headers);
  expect([again.status, again.text, again.headers["idempotent-replayed"]]).toEqual([200, first.text, "true"]);
  expect((await get("/v1/stock/NOOP", staff)).body.track).toBe(false);
  expect((await post("/v1/stock/NOOP/receipts", { quantity: 1 })).status).toBe(201);
});
