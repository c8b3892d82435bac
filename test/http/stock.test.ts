import { describe, expect, test } from "vitest";
import { newId } from "../../src/values/ids.ts";
import { type Body, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const put = (url: string, body: unknown) => shop().call("PUT", url, { headers: staff, body });
const stockOf = async (sku: string) => (await shop().get(`/v1/stock/${sku}`, staff)).body;
const reason = "recount";

describe("a count below what is promised", () => {
  test("is a fact that names the orders at risk, whose shipment waits for the pieces (45)", async () => {
    const { post, order, product, receive } = shop();
    await product({ skus: ["SHORT"], quantity: 10 });
    const first = await order(["SHORT", 4]);
    const second = await order(["SHORT", 5]);
    const key = { ...staff, "idempotency-key": "a-count-of-short" };
    const count = () => post("/v1/stock/SHORT/counts", { counted: 6, reason }, key);
    const counted = await count();
    expect(counted).toMatchObject({
      status: 201,
      body: { onHand: 6, available: -3, atRisk: [{ orderId: second.order.id, quantity: 3 }] },
    });
    expect((await count()).body, "told again as it was").toEqual(counted.body);
    expect(await post(`/v1/orders/${second.order.id}/shipments`)).toMatchObject({
      status: 409,
      body: { code: "out_of_stock", sku: "SHORT", missing: 3 },
    });
    const part = { lines: [{ sku: "SHORT", quantity: 2 }] };
    expect((await post(`/v1/orders/${second.order.id}/shipments`, part)).status).toBe(201);
    expect((await post(`/v1/orders/${first.order.id}/shipments`)).status).toBe(201);
    expect(await stockOf("SHORT")).toMatchObject({ onHand: 0, committed: 3, available: -3 });
    await receive("SHORT", 3);
    expect(await stockOf("SHORT")).toMatchObject({ onHand: 3, committed: 3, available: 0 });
    expect((await post(`/v1/orders/${second.order.id}/shipments`)).status).toBe(201);
    expect(await stockOf("SHORT")).toMatchObject({ onHand: 0, committed: 0, available: 0 });
  });

  test("can be an adjustment or a move as well; the next that is none puts nobody at risk", async () => {
    const { post, order, product } = shop();
    await product({ skus: ["BROKEN"], quantity: 3 });
    const { order: only } = await order(["BROKEN", 3]);
    const atRisk = (quantity: number) => [{ orderId: only.id, quantity }];
    expect(await post("/v1/stock/BROKEN/adjustments", { delta: -1, reason: "broken" })).toMatchObject({
      status: 201,
      body: { onHand: 2, available: -1, atRisk: atRisk(1) },
    });
    const wet = { from: "sellable", to: "quarantine", quantity: 2, reason: "wet" };
    expect(await post("/v1/stock/BROKEN/moves", wet)).toMatchObject({
      status: 201,
      body: { onHand: 2, quarantine: 2, available: -3, atRisk: atRisk(2) },
    });
    expect(await put("/v1/stock/BROKEN/policy", { lowStockThreshold: 1 })).toMatchObject({
      status: 200,
      body: { atRisk: [] },
    });
    expect(await post("/v1/stock/BROKEN/counts", { counted: 2 })).toMatchObject({ body: { atRisk: [] } });
    expect(await post("/v1/stock/BROKEN/adjustments", { delta: -3, reason: "broken" })).toMatchObject({
      status: 409,
      body: { code: "out_of_stock", available: 2, requested: 3 },
    });
  });

  test("ends the holds of checkouts first: what one has not got yet it does not get", async () => {
    const { post, product, cart, checkOut } = shop();
    await product({ skus: ["HELD"], quantity: 2 });
    const open = await cart(["HELD", 2]);
    const payment = { method: "credit_card", token: "tok_action" };
    expect(await checkOut(open, { payment })).toMatchObject({ body: { status: "pending" } });
    expect(await stockOf("HELD")).toMatchObject({ reserved: 2 });
    expect(await post("/v1/stock/HELD/counts", { counted: 1 })).toMatchObject({
      body: { onHand: 1, reserved: 0, available: 1, atRisk: [] },
    });
  });
});

describe("a move", () => {
  test("writes damaged pieces off, and no more than there are (47)", async () => {
    const { post, receive } = shop();
    await receive("TORN", 5);
    const move = (from: string, to: string, quantity: number) =>
      post("/v1/stock/TORN/moves", { from, to, quantity, reason: "torn" });
    expect(await move("sellable", "damaged", 3)).toMatchObject({ status: 201, body: { damaged: 3 } });
    expect(await move("damaged", "out", 4)).toMatchObject({
      status: 409,
      body: { code: "out_of_stock", available: 3, requested: 4 },
    });
    expect(await move("damaged", "out", 2)).toMatchObject({
      status: 201,
      body: { onHand: 3, damaged: 1, available: 2 },
    });
    expect(await move("damaged", "damaged", 1)).toMatchObject({
      status: 422,
      body: { code: "validation_failed", errors: [{ path: "to" }] },
    });
    const unknown = { from: "sellable", to: "out", quantity: 1, reason: "torn" };
    expect((await post("/v1/stock/NOBODY-SELLS/moves", unknown)).status).toBe(404);
    expect((await post("/v1/stock/NOBODY-SELLS/counts", { counted: 1 })).status).toBe(404);
    expect((await post("/v1/stock/NOBODY-SELLS/receipts", { quantity: 1 })).status).toBe(404);
  });
});

describe("what is sold while nobody counts it", () => {
  test("is not restocked when it comes back (39)", async () => {
    const { post, get, order, product, caughtUp } = shop();
    await product({ skus: ["UNCOUNTED"], quantity: 0 });
    await put("/v1/stock/UNCOUNTED/policy", { track: false });
    const { order: sold } = await order(["UNCOUNTED", 2]);
    expect(await put("/v1/stock/UNCOUNTED/policy", { counted: 10 })).toMatchObject({
      status: 422,
      body: { errors: [{ path: "counted" }] },
    });
    expect(await put("/v1/stock/UNCOUNTED/policy", { track: true, counted: 10 })).toMatchObject({
      status: 200,
      body: { onHand: 10, available: 10, track: true, atRisk: [] },
    });
    const on = `/v1/orders/${sold.id}`;
    expect((await post(`${on}/shipments`)).status).toBe(201);
    expect((await post(`${on}/deliveries`)).status).toBe(201);
    const { order: counted } = await order(["UNCOUNTED", 1]);
    await post(`/v1/orders/${counted.id}/shipments`);
    await post(`/v1/orders/${counted.id}/deliveries`);
    expect(await stockOf("UNCOUNTED")).toMatchObject({ onHand: 9, committed: 0 });

    const back = { lines: [{ sku: "UNCOUNTED", quantity: 1, reason: "other", sellable: 1 }] };
    const notRestocked = [{ sku: "UNCOUNTED", quantity: 1 }];
    expect(await post(`${on}/returns`, back)).toMatchObject({ status: 201, body: { notRestocked } });
    await caughtUp();
    expect((await get(on, staff)).body).toMatchObject({ notRestocked });
    expect((await post(`/v1/orders/${counted.id}/returns`, back)).body).not.toHaveProperty("notRestocked");
    expect(await stockOf("UNCOUNTED")).toMatchObject({ onHand: 10 });
    await caughtUp();
    const ledger: Body[] = (await get("/v1/stock/UNCOUNTED/ledger", staff)).body.items;
    expect(ledger.filter(({ type }) => type === "returned")).toMatchObject([
      { quantity: 1, kind: "return", referenceType: "return", previous: 9, new: 10 },
      { quantity: 0, kind: "return", previous: 9, new: 9, notRestocked: 1 },
    ]);
  });
});

describe("a stock that version 0.1 has written", () => {
  /** As they stand there, on a SKU that a product sells. */
  const past: [type: string, data: object][] = [
    ["StockReceived", { quantity: 10 }],
    ["StockMarkedDamaged", { quantity: 2, reason: "wet" }],
    ["StockReturned", { returnId: "o-0/r-0", sellable: 1, damaged: 1 }],
    ["StockPolicySet", { track: true, backorders: true, lowStockThreshold: 0 }],
    ["StockReserved", { reservationId: "o-1", quantity: 8, expiresAt: new Date(0).toISOString() }],
    ["ReservationCommitted", { reservationId: "o-1", quantity: 8 }],
    // What was promised could be taken away, and nobody was told.
    ["StockAdjusted", { delta: -5, reason: "lost" }],
  ];

  test("is read as what it is now, and mended by the next command", async () => {
    const { post, get, product, runtime, caughtUp } = shop();
    await product({ skus: ["OLD"], quantity: 0 });
    const events = past.map(([type, data]) => ({
      id: newId(),
      type,
      data: JSON.stringify(data),
      metadata: { time: Date.now(), commandId: newId(), correlationId: "test", actor: "test" },
    }));
    await runtime.events.append("stock-OLD", -1, events);
    await caughtUp();
    const counts = { onHand: 7, damaged: 3, quarantine: 0, committed: 8, available: -4 };
    expect(await stockOf("OLD")).toMatchObject(counts);
    expect(await post("/v1/stock/OLD/counts", { counted: 7 })).toMatchObject({
      body: { ...counts, atRisk: [{ orderId: "o-1", quantity: 4 }] },
    });
    await caughtUp();
    const ledger: Body[] = (await get("/v1/stock/OLD/ledger", staff)).body.items;
    expect(ledger.find(({ type }) => type === "backordered")).toMatchObject({ quantity: 4 });
    const regraded = { quantity: 2, from: "sellable", to: "damaged", reason: "wet" };
    expect(ledger.find(({ type }) => type === "regraded")).toMatchObject(regraded);
    const moved = { from: "damaged", to: "out", quantity: 3, reason: "wet" };
    expect(await post("/v1/stock/OLD/moves", moved)).toMatchObject({
      body: { onHand: 4, damaged: 0, available: -4, atRisk: [] },
    });
  });
});

describe("the ledger", () => {
  test("tells what there was and is (48)", async () => {
    const { post, get, order, product, caughtUp } = shop();
    await product({ skus: ["LEVELS"], quantity: 10 });
    const { order: sold } = await order(["LEVELS", 2]);
    const on = `/v1/orders/${sold.id}`;
    await post(`${on}/shipments`);
    await post(`${on}/deliveries`);
    await post(`${on}/returns`, {
      lines: [{ sku: "LEVELS", quantity: 1, reason: "other", sellable: 1 }],
    });
    await post("/v1/stock/LEVELS/counts", { counted: 8, reason });
    await caughtUp();
    const { items } = (await get("/v1/stock/LEVELS/ledger", staff)).body;
    expect(items.filter(({ kind }: Body) => kind !== undefined)).toMatchObject([
      { type: "counted", quantity: -1, kind: "adjustment", previous: 9, new: 8, reason },
      { type: "returned", quantity: 1, kind: "return", previous: 8, new: 9, referenceType: "return" },
      {
        ...{ type: "shipped", quantity: 2, kind: "sale", previous: 10, new: 8 },
        ...{ reference: sold.id, referenceType: "order" },
      },
      { type: "received", quantity: 10, kind: "purchase", previous: 0, new: 10 },
    ]);
  });
});
