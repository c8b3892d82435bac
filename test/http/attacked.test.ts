import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import { paymentIdOf } from "../../commands/order/state.ts";
import { StoreUnavailable } from "../../src/stores/event-store/event-store.ts";
import { openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

// What further attacks on the commands have found.

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

/** As the gateway tells it. */
const tell = (event: object) => shop().post("/v1/sandbox/events", { event: { id: randomUUID(), ...event } });

const owed = async () => {
  await shop().caughtUp();
  return (await shop().get("/v1/ops/tasks?kind=refund", staff)).body.items;
};

test("money that is owed though no payment had any of it goes back when it is asked for again", async () => {
  const { product, order, post, get } = shop();
  await product({ skus: ["DISPUTED"] });
  const { order: bought } = await order(["DISPUTED", 2]);
  const { id, payments, money } = bought;
  const [{ id: paymentId }] = payments;
  await post(`/v1/orders/${id}/shipments`, {});
  await post(`/v1/orders/${id}/deliveries`, {});
  const disputed = async () => (await get(`/v1/payments/${paymentId}`, staff)).body.disputes?.[0]?.status;
  await tell({ type: "dispute.opened", paymentId, disputeId: "d-1", amount: money.captured.amount });
  await expect.poll(disputed).toBe("open");
  const lines = [{ sku: "DISPUTED", quantity: 1, sellable: 1 }];
  const { returnId } = (await post(`/v1/orders/${id}/returns`, { lines })).body;
  await tell({ type: "dispute.won", paymentId, disputeId: "d-1" });
  await expect.poll(disputed).toBe("won");
  expect(await owed()).toMatchObject([{ orderId: id, refundId: returnId }]);
  expect(await post(`/v1/refunds/${returnId}/retry`)).toMatchObject({ status: 201 });
  expect(await owed()).toEqual([]);
});

test("money of an order that was never placed is owed, and goes back by a void", async () => {
  const { product, cart, checkOut, post, runtime } = shop();
  await product({ skus: ["NEVER"] });
  const full = await cart(["NEVER", 1]);
  const { engine, gateway } = runtime.shop;
  const execute = engine.execute.bind(engine);
  const broken = vi
    .spyOn(engine, "execute")
    .mockImplementation(((...args: Parameters<typeof execute>) =>
      args[2] === "Place"
        ? Promise.reject(new StoreUnavailable("away"))
        : execute(...args)) as typeof execute);
  expect((await checkOut(full, { payment: { method: "credit_card", token: "tok_captured" } })).status).toBe(
    503,
  );
  broken.mockRestore();
  vi.spyOn(gateway, "refund").mockResolvedValueOnce({ status: "refused", reason: "closed account" });
  await post(`/v1/ops/tasks/checkout/${full.id}/settle`, { as: "failed", reason: "away" });
  await expect.poll(owed).toMatchObject([{ reason: "closed account" }]);
  const [{ orderId }] = await owed();
  expect(await post(`/v1/payments/${paymentIdOf(orderId)}/void`)).toMatchObject({ status: 200 });
  await expect.poll(owed).toEqual([]);
});

test("what has failed of a payment is told no longer once some of it is here", async () => {
  const { product, cart, checkOut, post, get, caughtUp } = shop();
  await product({ skus: ["LATE"] });
  const payment = { method: "credit_card", token: "tok_capture_refused_once" };
  const { body } = await checkOut(await cart(["LATE", 3]), { payment });
  const url = `/v1/payments/${body.payments[0].id}`;
  await caughtUp();
  expect((await get(url, staff)).body).toMatchObject({ failure: expect.any(String) });
  await post(`${url}/capture`, { amount: { amount: 1_000, currency: "USD" } });
  await caughtUp();
  const { status, failure } = (await get(url, staff)).body;
  expect({ status, failure }).toEqual({ status: "partially_captured", failure: undefined });
});

test("a parcel that comes back has at least one piece in it", async () => {
  const { product, order, post } = shop();
  await product({ skus: ["NONE"] });
  const { order: bought } = await order(["NONE", 2]);
  const url = `/v1/orders/${bought.id}/shipments`;
  const parcel = `${url}/${(await post(url, {})).body.shipmentId}`;
  await post(`${parcel}/failures`, { outcome: "refused" });
  const back = (sellable: number) => post(`${parcel}/returns`, { lines: [{ sku: "NONE", sellable }] });
  expect(await back(0)).toMatchObject({ status: 422 });
  expect(await back(2)).toMatchObject({ status: 201 });
});
