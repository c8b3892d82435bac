import { describe, expect, test } from "vitest";
import { order } from "../../commands/order/order.ts";
import { payment } from "../../commands/payment/payment.ts";
import { shipOrder } from "../../commands/processes/fulfilment.ts";
import { settlePayment } from "../../commands/processes/settle-payment.ts";
import type { Reservation } from "../../commands/stock/state.ts";
import { stock } from "../../commands/stock/stock.ts";
import { tasksProjection } from "../../projections/tasks/tasks.ts";
import type { EventOf } from "../../src/engine/decider.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { isoTime } from "../../src/values/clock.ts";
import { OrderedMap } from "../../src/values/ordered-map.ts";
import { createShop } from "../support/shop.ts";
import { temporaryLog } from "../support/stores.ts";
import { given } from "./given.ts";
import { documentsOf, Log, type ShopEvent } from "./projections/support.ts";

// What a close look at the deciders, the processes and the tasks together has found.

type StockEvent = EventOf<typeof stock.events>;

const received = (quantity: number): StockEvent => ({ type: "StockReceived", data: { quantity } });
const reserved = (reservationId: string, expiresAt: number): StockEvent => ({
  type: "StockReserved",
  data: { reservationId, quantity: 1, expiresAt: isoTime(expiresAt) },
});
const names = (count: number) => Array.from({ length: count }, (_, n) => `r-${n}`);

describe("money that is to go back", () => {
  const initiate = {
    orderId: "o-1",
    amount: 1_000,
    currency: "USD",
    method: "credit_card" as const,
    gateway: "bank",
  };

  test("goes back when it was captured meanwhile and staff asked for all of it first", async () => {
    const shop = createShop({ events: await temporaryLog() });
    const { engine, bank, by } = shop;
    const request = { paymentId: "p-1", amount: 1_000, currency: "USD", token: "tok_ok" };
    const answer = await bank.authorize({ ...request, idempotencyKey: "p-1" });
    const reference = answer.status === "authorized" ? answer.reference : "";
    const go = (name: "RequestCapture" | "Capture") => engine.execute(payment, "p-1", name, {}, by());
    await engine.execute(payment, "p-1", "Authorize", { reference, initiate }, by());
    await go("RequestCapture");
    await engine.execute(payment, "p-1", "GiveBack", { reason: "cancelled" }, by());
    await bank.capture({ idempotencyKey: "p-1/capture", reference, amount: 1_000, currency: "USD" });
    await go("Capture");
    const all = { refundId: "f-1", reason: "r", cause: "goodwill" as const };
    await engine.execute(payment, "p-1", "RequestRefund", all, by());
    // Throws "has something open that does not end", for ever, and the refund is never asked for.
    await settlePayment(shop, "p-1", shop.context);
    expect(bank.balanceOf("p-1")).toBe(0);
  });
});

describe("tasks of a payment", () => {
  const gone = { code: "out_of_stock", detail: "gone", extras: {} };
  const refund = { refundId: "f-1", orderId: "o-1", amount: 5 };

  test("do not wait for ever for an order that cannot be paid any more", async () => {
    const events = await temporaryLog();
    const shop = createShop({ events });
    const { engine, by } = shop;
    const free = { orderId: "o-1", amount: 0, currency: "USD", method: "cod" as const, gateway: "manual" };
    await engine.execute(order, "o-1", "Refuse", gone, by());
    await engine.execute(payment, "p-1", "Initiate", free, by());
    await engine.execute(payment, "p-1", "RequestCapture", {}, by());
    await engine.execute(payment, "p-1", "GiveBack", { reason: "r" }, by());
    // As often as its task comes.
    for (let tries = 0; tries < 3; tries++) await settlePayment(shop, "p-1", shop.context);
    const log = new Log();
    for (const { stream, time, type, data } of (await events.readAll({ after: logStart, maxCount: 100 }))
      .events)
      log.add(stream, time, type as ShopEvent["type"], data as never);
    expect([...documentsOf(tasksProjection, log)]).toEqual([]);
  });

  test("have a refund that succeeds after it had failed: its order has still to hear of it", () => {
    const log = new Log()
      .add("payment-p-1", 0, "RefundRequested", { ...refund, reason: "r", cause: "goodwill" })
      .add("payment-p-1", 0, "RefundFailed", { ...refund, reason: "r" })
      .add("payment-p-1", 0, "RefundSucceeded", { refundId: "f-1", amount: 5, reference: "re" });
    expect([...documentsOf(tasksProjection, log).keys()]).toEqual(["payment/p-1"]);
  });
});

describe("backorders beyond the 200 that a delivery fills", () => {
  test("are filled when they are to be shipped: their pieces are on the shelf", async () => {
    const shop = createShop({ events: await temporaryLog() });
    const { engine, by } = shop;
    await engine.execute(stock, "A", "SetPolicy", { backorders: true }, by());
    for (const reservationId of names(300))
      await engine.execute(stock, "A", "Commit", { sku: "A", reservationId, quantity: 1 }, by());
    const { orderId } = await shop.checkOut([{ sku: "A" }]);
    await shop.receive("A", 301);
    expect((await shop.stockOf("A")).waiting.size).toBe(101);
    await shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 300, committed: 300 });
  });
});

describe("holds that have run out", () => {
  test("make room for whoever wants more than 200 of them", async () => {
    const shop = createShop({ events: await temporaryLog() });
    const { engine, by, clock, settings } = shop;
    await shop.receive("A", 1_000);
    const holdMs = settings.reservationMs;
    for (const reservationId of names(1_000))
      await engine.execute(stock, "A", "Reserve", { sku: "A", reservationId, quantity: 1, holdMs }, by());
    clock.now += holdMs;
    const { result } = await shop.checkOut([{ sku: "A", quantity: 900 }]);
    expect(result).toMatchObject({ status: "confirmed" });
    expect(await shop.stockOf("A")).toMatchObject({ committed: 900 });
  });

  test("do not keep their own owner out when a SKU has 200,000 of them", () => {
    const held: Reservation = { quantity: 1, expiresAt: 1, committed: false, shipped: 0, backordered: 0 };
    const full = {
      ...stock.initial(),
      onHand: 500_000,
      reserved: 200_000,
      reservations: OrderedMap.of(names(200_000).map((name) => [name, held])),
    };
    const command = { sku: "A", reservationId: "r-5", quantity: 1, holdMs: 1 };
    expect(stock.decide.Reserve(full, command, { now: 10 })).not.toEqual([]);
  });
});

describe("a reservation that was released", () => {
  test("stays so for twice the longest attempt, whatever was released since", () => {
    const released = names(10_001).map(
      (reservationId): StockEvent => ({
        type: "ReservationReleased",
        data: { reservationId, quantity: 0, committed: false, reason: "r" },
      }),
    );
    // All within one second: of 10,000 buyers who are refused, the first may come back.
    given(stock, [received(1), ...released])
      .when("Reserve", { sku: "A", reservationId: "r-0", quantity: 1, holdMs: 1 })
      .refused("illegal_transition");
  });
});

describe("a snapshot of a stock", () => {
  const format = stock.snapshot;
  if (!format) throw new Error("stock has snapshots");

  test.each([
    ["nothing", []],
    ["a number", [42]],
    ["something else", [{ hello: 1 }]],
    ["a collection that there is not", [{}, { name: "nothing", entries: [] }]],
  ])("of %s is refused, not taken for an empty shelf", (_, parts) => {
    expect(() => format.restore(parts)).toThrow();
  });

  test("keeps the order of what runs out in one millisecond", () => {
    const extended: StockEvent = {
      type: "ReservationExtended",
      data: { reservationId: "a", expiresAt: isoTime(9) },
    };
    const state = given(stock, [received(2), reserved("a", 5), reserved("b", 9), extended]).state();
    const back = format.restore(format.parts(state));
    const expire = { reservationId: "" };
    expect(stock.decide.Expire(back, expire, { now: 9 })).toEqual(
      stock.decide.Expire(state, expire, { now: 9 }),
    );
  });
});
