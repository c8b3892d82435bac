import { describe, expect, test } from "vitest";
import { cart } from "../../commands/cart/cart.ts";
import { order } from "../../commands/order/order.ts";
import { paymentIdOf } from "../../commands/order/state.ts";
import { payment } from "../../commands/payment/payment.ts";
import { attemptMsMax, runCheckout, settleCheckout } from "../../commands/processes/checkout.ts";
import { applyEffects } from "../../commands/processes/effects.ts";
import { cancelOrder, deliverOrder, shipOrder } from "../../commands/processes/fulfilment.ts";
import { capturePayment } from "../../commands/processes/payments.ts";
import { orderAsTold } from "../../commands/processes/place-order.ts";
import { refundOrder } from "../../commands/processes/refunds.ts";
import { settlePayment } from "../../commands/processes/settle-payment.ts";
import { orderIdOf } from "../../commands/processes/start-checkout.ts";
import { stock } from "../../commands/stock/stock.ts";
import { GatewayOutcomeUnknown } from "../../src/gateways/gateway.ts";
import { StoreUnavailable } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { createBank } from "../support/bank.ts";
import {
  createShop,
  restartCheckout,
  startCheckout,
  type TestShop,
  type TestShopOptions,
} from "../support/shop.ts";
import { shared, temporaryLog, withAppend } from "../support/stores.ts";

async function openShop(options: Omit<TestShopOptions, "events"> = {}): Promise<TestShop> {
  return createShop({ events: await temporaryLog(), ...options });
}

/** A process that works until it has appended `appends` times, and its like that comes after the crash. */
async function crashingShop(
  appends: (type: string) => boolean,
  options: Omit<TestShopOptions, "events"> = {},
) {
  const log = await temporaryLog();
  const bank = options.bank ?? createBank();
  let dead = false;
  const events = withAppend(log, (append) => async (stream, revision, batch) => {
    if (dead) throw new StoreUnavailable("the process is gone");
    const result = await append(stream, revision, batch);
    if (batch.some(({ type }) => appends(type))) dead = true;
    return result;
  });
  return {
    shop: createShop({ ...options, bank, events }),
    next: createShop({ ...options, bank, events: log }),
  };
}

const total = 2 * 1_070 + 500 + 35;

describe("a checkout", () => {
  test("reserves, places, authorizes, commits, confirms, captures and converts", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { result, orderId, cartId, paymentId } = await shop.checkOut([{ sku: "A", quantity: 2 }]);
    expect(result).toEqual({ status: "confirmed", orderId });
    expect(await shop.phaseOf(cartId)).toBe("converted");
    const placed = await shop.orderOf(orderId);
    expect(placed).toMatchObject({
      status: "paid",
      paymentStatus: "paid",
      book: { confirmed: true },
      totals: { total },
    });
    expect(placed.number).toMatch(/^ORD-20260115-[0-9A-HJKMNP-TV-Z]{7}$/);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "captured", captured: total });
    expect(shop.bank.balanceOf(paymentId)).toBe(total);
    expect(await shop.stockOf("A")).toMatchObject({ available: 3, committed: 2, reserved: 0, onHand: 5 });
  });

  test("that is run again gives the same answer and repeats nothing", async () => {
    const log = await temporaryLog();
    const shop = createShop({ events: log });
    await shop.receive("A", 5);
    const { result, cartId } = await shop.checkOut([{ sku: "A" }]);
    const head = await log.head();
    expect(await runCheckout(shop, cartId, shop.context)).toEqual(result);
    const restarted = createShop({ events: log, bank: shop.bank });
    expect(await runCheckout(restarted, cartId, restarted.context)).toEqual(result);
    expect(await log.head()).toBe(head);
  });

  test("of two lines of one SKU is one demand", async () => {
    const shop = await openShop();
    await shop.receive("A", 3);
    const lines = [
      { sku: "A", quantity: 2 },
      { sku: "A", quantity: 2, unitPrice: 900 },
    ];
    const override = await shop.checkOut(lines);
    expect(override.result).toMatchObject({ status: "failed", problem: { code: "out_of_stock" } });
    expect(await shop.stockOf("A")).toMatchObject({ available: 3, reserved: 0 });
  });

  test("that finds the second SKU sold out frees the first and opens the cart", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    await shop.receive("B", 1);
    const { result, cartId, orderId } = await shop.checkOut([{ sku: "A" }, { sku: "B", quantity: 2 }]);
    expect(result).toMatchObject({
      status: "failed",
      problem: { code: "out_of_stock", extras: { sku: "B", available: 1, requested: 2 } },
    });
    expect(await shop.phaseOf(cartId)).toBe("open");
    expect(await shop.stockOf("A")).toMatchObject({ available: 5, reserved: 0 });
    expect(await shop.engine.read(order, orderId, ({ phase }) => phase)).toBe("refused");
    expect(shop.bank.calls).toEqual([]);

    await shop.receive("B", 1);
    const second = await restartCheckout(shop, cartId);
    expect(second.orderId).toBe(orderIdOf(cartId, 2));
    expect(await runCheckout(shop, cartId, shop.context)).toMatchObject({ status: "confirmed" });
  });

  test("from two tabs makes one order", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { cartId, orderId } = await shop.start([{ sku: "A" }]);
    await expect(restartCheckout(shop, cartId)).rejects.toMatchObject({
      code: "cart_locked",
      extras: { orderId },
    });
    const results = await Promise.all([1, 2].map(() => runCheckout(shop, cartId, shop.context)));
    for (const result of results) expect(result).toEqual({ status: "confirmed", orderId });
    await expect(restartCheckout(shop, cartId)).rejects.toMatchObject({ code: "cart_converted" });
    expect(await shop.stockOf("A")).toMatchObject({ available: 4, committed: 1 });
    expect(shop.bank.accounts.size).toBe(1);
  });

  test("from two processes makes one order", async () => {
    const log = await temporaryLog();
    const shop = createShop({ events: log });
    const other = createShop({ events: log, bank: shop.bank });
    await shop.receive("A", 5);
    const { cartId, orderId } = await shop.start([{ sku: "A" }]);
    const results = await Promise.all([shop, other].map((one) => runCheckout(one, cartId, one.context)));
    for (const result of results) expect(result).toEqual({ status: "confirmed", orderId });
    const fresh = createShop({ events: log });
    expect(await fresh.stockOf("A")).toMatchObject({ available: 4, committed: 1 });
    expect(shop.bank.balanceOf(paymentIdOf(orderId))).toBe(1_070 + 535);
  });

  test("by 100 buyers of the last piece makes exactly one order", async () => {
    const shop = await openShop();
    await shop.receive("A", 1);
    const started = await Promise.all(Array.from({ length: 100 }, () => shop.start([{ sku: "A" }])));
    const results = await Promise.all(started.map(({ cartId }) => runCheckout(shop, cartId, shop.context)));
    expect(results.filter(({ status }) => status === "confirmed")).toHaveLength(1);
    const refused = results.flatMap((result) => (result.status === "failed" ? [result.problem.code] : []));
    expect(refused).toEqual(Array.from({ length: 99 }, () => "out_of_stock"));
    expect(await shop.stockOf("A")).toMatchObject({ available: 0, committed: 1, reserved: 0 });
    expect(shop.bank.accounts.size).toBe(1);
  });

  test("by 30 buyers who each want the last A and the last B, in either order, makes one order of both", async () => {
    const shop = await openShop();
    await shop.receive("A", 1);
    await shop.receive("B", 1);
    const both = [{ sku: "A" }, { sku: "B" }];
    const started = await Promise.all(
      Array.from({ length: 30 }, (_, n) => shop.start(n % 2 ? both : both.toReversed())),
    );
    const results = await Promise.all(started.map(({ cartId }) => runCheckout(shop, cartId, shop.context)));
    expect(results.filter(({ status }) => status === "confirmed")).toHaveLength(1);
    for (const sku of ["A", "B"])
      expect(await shop.stockOf(sku)).toMatchObject({ available: 0, committed: 1, reserved: 0 });
  });

  test("keeps the price it was quoted, whatever the line says", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId } = await shop.checkOut([{ sku: "A", unitPrice: 299 }]);
    expect((await shop.orderOf(orderId)).lines).toMatchObject([{ unitPrice: 299, subtotal: 299, tax: 21 }]);
  });
});

describe("a payment that", () => {
  test("is declined shows no order, frees the stock and opens the cart", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { result, orderId, cartId } = await shop.checkOut([{ sku: "A" }], { token: "tok_declined" });
    expect(result).toMatchObject({ status: "failed", problem: { code: "payment_declined" } });
    expect(await shop.engine.read(order, orderId, (state) => state)).toMatchObject({
      phase: "refused",
      refusal: { code: "payment_declined", detail: "the card was declined" },
    });
    expect(await shop.phaseOf(cartId)).toBe("open");
    expect(await shop.stockOf("A")).toMatchObject({ available: 5, reserved: 0 });
    expect(await runCheckout(shop, cartId, shop.context)).toMatchObject({ status: "failed", orderId });
  });

  test("breaks off is asked for, not repeated", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { result, paymentId } = await shop.checkOut([{ sku: "A" }], { token: "tok_error_once" });
    expect(result.status).toBe("confirmed");
    expect(shop.bank.calls.filter((call) => call === "authorize")).toHaveLength(1);
    expect(shop.bank.balanceOf(paymentId)).toBe(1_605);
  });

  test("needs an action waits, with the cart locked and the stock held", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { result, cartId, orderId } = await shop.checkOut([{ sku: "A" }], { token: "tok_action" });
    expect(result).toMatchObject({
      status: "pending",
      orderId,
      actionUrl: expect.stringContaining("https://"),
    });
    expect(await runCheckout(shop, cartId, shop.context)).toEqual(result);
    expect(await shop.phaseOf(cartId)).toBe("locked");
    expect(await shop.stockOf("A")).toMatchObject({ available: 4, reserved: 1 });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "pending" });
  });

  test("needs an action that succeeds is confirmed when the webhook has told", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.checkOut([{ sku: "A" }], { token: "tok_action" });
    await shop.engine.execute(payment, paymentId, "Authorize", { reference: "auth_x" }, shop.by());
    // The bank of these tests has not seen it, so it refuses to capture: the order stands, unpaid.
    expect(await runCheckout(shop, cartId, shop.context)).toEqual({ status: "confirmed", orderId });
    expect(await shop.phaseOf(cartId)).toBe("converted");
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed", paymentStatus: "failed" });
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "authorized" });
  });

  test("needs an action holds the stock for one extension, then the checkout fails", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.checkOut([{ sku: "A" }], { token: "tok_action" });
    const startedAt = shop.clock.now;
    shop.clock.now = startedAt + 600_000;
    expect(await runCheckout(shop, cartId, shop.context)).toMatchObject({ status: "pending" });
    shop.clock.now = startedAt + 1_700_000;
    await shop.engine.execute(stock, "A", "Expire", { reservationId: orderId }, shop.by());
    expect(await shop.stockOf("A")).toMatchObject({ reserved: 1 });
    shop.clock.now = startedAt + 1_800_000;
    expect(await runCheckout(shop, cartId, shop.context)).toMatchObject({
      status: "failed",
      problem: { code: "payment_declined" },
    });
    expect(await shop.stockOf("A")).toMatchObject({ available: 5, reserved: 0 });
    expect(await shop.phaseOf(cartId)).toBe("open");

    // Rule 10: success that arrives after the end is orphaned and goes back; the order stays cancelled.
    await shop.engine.execute(payment, paymentId, "Authorize", { reference: "auth_late" }, shop.by());
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "voided", orphaned: true });
    await settlePayment(shop, paymentId, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "voided", orphaned: false });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled" });
  });

  test("fails and then succeeds after all, too late, is orphaned", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.checkOut([{ sku: "A" }], { token: "tok_action" });
    await shop.engine.execute(payment, paymentId, "Fail", { reason: "3-D Secure failed" }, shop.by());
    expect(await runCheckout(shop, cartId, shop.context)).toMatchObject({ status: "failed" });
    await shop.engine.execute(payment, paymentId, "Authorize", { reference: "auth_late" }, shop.by());
    expect(await shop.paymentOf(orderId)).toMatchObject({ orphaned: true });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled" });
  });

  test("is given back at the gateway when it is authorized between the gateway's look-up and the void", async () => {
    const shop = await openShop();
    const { bank } = shop;
    await shop.receive("A", 5);
    const silent = async () => {
      throw new GatewayOutcomeUnknown("no answer");
    };
    shop.gateway = { ...bank, authorize: silent, lookup: silent };
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }]);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "r" }, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({
      phase: "initiated",
      givingBack: expect.anything(),
    });
    const reference = bank.act(paymentId, 1_000);
    // The gateway does not find it yet, and then its webhook is here.
    const lookup = async () => {
      await shop.engine.execute(payment, paymentId, "Authorize", { reference }, shop.by());
      return undefined;
    };
    shop.gateway = { ...bank, lookup };
    shop.clock.now += 3_600_000;
    await settlePayment(shop, paymentId, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "voided", orphaned: false });
    expect([bank.openOf(paymentId), bank.balanceOf(paymentId)]).toEqual([0, 0]);
    expect(bank.calls.filter((call) => call === "void")).toHaveLength(1);
  });

  test("is refunded when it comes too late and the gateway has captured it by itself", async () => {
    const shop = await openShop();
    const { bank } = shop;
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.checkOut([{ sku: "A" }], { token: "tok_action" });
    await shop.engine.execute(payment, paymentId, "Fail", { reason: "3-D Secure failed" }, shop.by());
    expect(await runCheckout(shop, cartId, shop.context)).toMatchObject({ status: "failed" });
    const { amount } = await shop.paymentOf(orderId);
    const reference = bank.act(paymentId, amount);
    bank.captureUnasked(reference);
    expect(bank.balanceOf(paymentId)).toBe(amount);
    await shop.engine.execute(payment, paymentId, "Authorize", { reference }, shop.by());
    await settlePayment(shop, paymentId, shop.context);
    expect(bank.balanceOf(paymentId)).toBe(0);
    expect(await shop.paymentOf(orderId)).toMatchObject({
      captured: amount,
      refunded: amount,
      refundPending: 0,
    });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled" });
  });

  test("is answered slowly while another process undoes the checkout gives the money back", async () => {
    const log = shared(await temporaryLog());
    const bank = createBank({ slowAnswerMs: 80 });
    const shop = createShop({ events: log, bank });
    const other = createShop({ events: log, bank });
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.start([{ sku: "A" }], { token: "tok_slow" });
    const running = runCheckout(shop, cartId, shop.context);
    while (!bank.calls.includes("authorize")) await new Promise((resolve) => setTimeout(resolve, 2));
    const refusal = { code: "unavailable", detail: "it took too long", extras: {} };
    await other.engine.execute(order, orderId, "Refuse", refusal, other.by());
    expect(await runCheckout(other, cartId, other.context)).toMatchObject({ status: "failed", orderId });
    expect(await running).toMatchObject({ status: "failed", orderId, problem: { code: "unavailable" } });
    const fresh = createShop({ events: log, bank });
    await settlePayment(fresh, paymentId, fresh.context);
    expect(await fresh.paymentOf(orderId)).toMatchObject({ phase: "voided", orphaned: false });
    expect([bank.balanceOf(paymentId), bank.openOf(paymentId)]).toEqual([0, 0]);
    expect(await fresh.stockOf("A")).toMatchObject({ available: 5, reserved: 0, committed: 0 });
    expect(await fresh.phaseOf(cartId)).toBe("open");
  });

  test("cannot be captured leaves the order confirmed and unpaid, and it cannot be shipped", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { cartId, orderId } = await shop.start([{ sku: "A" }], { token: "tok_action" });
    await runCheckout(shop, cartId, shop.context);
    await shop.engine.execute(payment, paymentIdOf(orderId), "Authorize", { reference: "no" }, shop.by());
    expect(await runCheckout(shop, cartId, shop.context)).toMatchObject({ status: "confirmed" });
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "authorized", failure: expect.any(String) });
    await expect(shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context)).rejects.toMatchObject({
      code: "illegal_transition",
    });
  });
});

describe("an order of nothing to pay", () => {
  const free = { shipping: 0 };
  const lines = [{ sku: "A", unitPrice: 0 }];

  test("asks no gateway and is paid", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId } = await shop.checkOut(lines, free);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "paid", totals: { total: 0 } });
    expect(shop.bank.calls).toEqual([]);
  });

  test("can be cancelled", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId } = await shop.checkOut(lines, free);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "why not" }, shop.context);
    const placed = await shop.orderOf(orderId);
    expect(placed).toMatchObject({ status: "cancelled" });
    expect(placed.openEffects.size).toBe(0);
    expect(await shop.stockOf("A")).toMatchObject({ available: 5 });
  });
});

describe("cancelling", () => {
  test("before the capture voids the authorization", async () => {
    const shop = await openShop({ settings: { capture: "shipment" } });
    await shop.receive("A", 5);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }]);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed", paymentStatus: "pending" });
    expect(shop.bank.openOf(paymentId)).toBe(1);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "too slow" }, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "voided" });
    expect(shop.bank.openOf(paymentId)).toBe(0);
    expect(await shop.stockOf("A")).toMatchObject({ available: 5, committed: 0 });
  });

  test("after the capture refunds all of it, once", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }]);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "too slow" }, shop.context);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "too slow" }, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({
      status: "cancelled",
      paymentStatus: "refunded",
      book: { refunded: 1_605, due: 0 },
    });
    expect(await shop.paymentOf(orderId)).toMatchObject({
      captured: 1_605,
      refunded: 1_605,
      refundPending: 0,
    });
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
  });

  test("after a part was refunded gives back the rest", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }]);
    const part = { refundId: "r-1", amount: 605, reason: "late", cause: "goodwill" as const };
    await refundOrder(shop, orderId, part, shop.context);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "too slow" }, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ refunded: 1_605 });
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
  });

  test("an order in processing whose money is all back is over: there is nothing left to cancel", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId } = await shop.checkOut([{ sku: "A" }]);
    await shop.engine.execute(order, orderId, "StartProcessing", undefined, shop.by());
    await refundOrder(shop, orderId, { refundId: "r-1", reason: "sorry", cause: "goodwill" }, shop.context);
    await expect(
      cancelOrder(shop, orderId, { cancelId: "x-1", reason: "never mind" }, shop.context),
    ).rejects.toMatchObject({
      code: "illegal_transition",
    });
    const placed = await shop.orderOf(orderId);
    expect(placed).toMatchObject({ status: "refunded", paymentStatus: "refunded" });
    expect(placed.openEffects.size).toBe(0);
    expect(await shop.stockOf("A")).toMatchObject({ available: 5 });
  });

  test("of a part frees the stock of that part, once, and of a pending order all that was held (6, 7)", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A", quantity: 3 }]);
    const request = { cancelId: "x-1", reason: "no", lines: [{ sku: "A", quantity: 1 }] };
    for (let times = 0; times < 2; times++) await cancelOrder(shop, orderId, request, shop.context);
    expect(await shop.stockOf("A")).toMatchObject({ committed: 2, available: 3 });
    expect(shop.bank.balanceOf(paymentId)).toBe(2 * 1_070 + 535);
    await cancelOrder(shop, orderId, { cancelId: "x-2", reason: "no" }, shop.context);
    expect(await shop.stockOf("A")).toMatchObject({ committed: 0, available: 5 });
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
    const waiting = await shop.checkOut([{ sku: "A" }], { token: "tok_action" });
    await cancelOrder(shop, waiting.orderId, { cancelId: "x-1", reason: "no" }, shop.context);
    expect(await shop.stockOf("A")).toMatchObject({ committed: 0, reserved: 0 });
  });

  test("a part of what is only authorized gives back the rest of the capture", async () => {
    const shop = createShop({ events: await temporaryLog(), settings: { capture: "shipment" } });
    await shop.receive("A", 5);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A", quantity: 3 }]);
    const request = { cancelId: "x-1", reason: "no", lines: [{ sku: "A", quantity: 1 }] };
    await cancelOrder(shop, orderId, request, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "authorized", captured: 0 });
    await shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
    await applyEffects(shop, orderId, shop.context);
    expect(shop.bank.balanceOf(paymentId)).toBe(2 * 1_070 + 535);
    const whole = await shop.checkOut([{ sku: "A", quantity: 1 }]);
    await refundOrder(shop, whole.orderId, { refundId: "f-1", reason: "r", cause: "goodwill" }, shop.context);
    expect(await shop.orderOf(whole.orderId)).toMatchObject({ status: "refunded", openEffects: new Set() });
    expect(await shop.paymentOf(whole.orderId)).toMatchObject({ phase: "voided" });
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 3, committed: 0 });
  });

  test("once something is shipped ends the rest; once all of it is, it is refused", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId } = await shop.checkOut([{ sku: "A", quantity: 2 }]);
    const request = { shipmentId: "s-1", lines: [{ sku: "A", quantity: 1 }] };
    await shipOrder(shop, orderId, request, shop.context);
    const cancel = (cancelId: string) => cancelOrder(shop, orderId, { cancelId, reason: "no" }, shop.context);
    await cancel("x-1");
    expect(await shop.orderOf(orderId)).toMatchObject({
      status: "shipped",
      paymentStatus: "partially_refunded",
    });
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 4, committed: 0 });
    expect(await shop.paymentOf(orderId)).toMatchObject({ refunded: 1_070 });
    await expect(cancel("x-2")).rejects.toMatchObject({ code: "illegal_transition" });
  });

  test("waits for no gateway: the refund is on the log, and done when the gateway answers", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }]);
    shop.bank.loseNext("refund", 4);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "no" }, shop.context);
    expect((await shop.orderOf(orderId)).openEffects.size).toBe(0);
    expect(await shop.stockOf("A")).toMatchObject({ available: 5 });
    expect(await shop.paymentOf(orderId)).toMatchObject({ refundPending: 1_605, refunded: 0 });
    await settlePayment(shop, paymentId, shop.context);
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
    expect((await shop.orderOf(orderId)).book.refunded).toBe(1_605);
  });
});

describe("a parcel that does not arrive", () => {
  test("comes back into stock once, is sent again from new stock or cancelled (12, 16)", async () => {
    const shop = await openShop();
    const { engine, by } = shop;
    await shop.receive("A", 4);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A", quantity: 3 }]);
    const send = (shipmentId: string) => shipOrder(shop, orderId, { shipmentId }, shop.context);
    await send("s-1");
    const fail = { shipmentId: "s-1", outcome: "refused" as const };
    await engine.execute(order, orderId, "FailDelivery", fail, by());
    const back = { shipmentId: "s-1", backId: "b-1", lines: [{ sku: "A", sellable: 0, damaged: 1 }] };
    for (let times = 0; times < 2; times++) {
      await engine.execute(order, orderId, "TakeBack", back, by());
      await applyEffects(shop, orderId, shop.context);
    }
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 2, damaged: 1, available: 1 });
    await engine.execute(order, orderId, "Reship", { reshipmentId: "a-1" }, by());
    await applyEffects(shop, orderId, shop.context);
    expect(await shop.stockOf("A")).toMatchObject({ committed: 3, backordered: 2, available: -2 });
    await expect(send("s-2")).rejects.toMatchObject({ code: "out_of_stock" });
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "no" }, shop.context);
    expect(await shop.stockOf("A")).toMatchObject({ committed: 0, backordered: 0, available: 1 });
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled", openEffects: new Set() });
  });

  test("is paid for as far as its carrier has taken cash (11, 14)", async () => {
    const shop = await openShop();
    const { engine, by } = shop;
    await shop.receive("A", 4);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A", quantity: 3 }], { method: "cod" });
    const part = { shipmentId: "s-1", lines: [{ sku: "A", quantity: 2 }] };
    await shipOrder(shop, orderId, part, shop.context);
    const refused = { shipmentId: "s-1", outcome: "refused" as const, lines: [{ sku: "A", quantity: 1 }] };
    await engine.execute(order, orderId, "FailDelivery", refused, by());
    await deliverOrder(shop, orderId, {}, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "captured", captured: 1_070 + 535 });
    await shipOrder(shop, orderId, { shipmentId: "s-2" }, shop.context);
    await deliverOrder(shop, orderId, {}, shop.context);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "no" }, shop.context);
    const placed = await shop.orderOf(orderId);
    expect(placed).toMatchObject({
      status: "delivered",
      paymentStatus: "paid",
      book: { due: 2 * 1_070 + 535 },
    });
    expect(await shop.paymentOf(orderId)).toMatchObject({ captured: 2 * 1_070 + 535, refunded: 0 });
    for (const amount of [undefined, 1])
      await expect(
        capturePayment(shop, paymentId, { movementId: "again", amount }, shop.context),
      ).rejects.toMatchObject({ code: "illegal_transition" });
  });
});

describe("an order that is paid otherwise", () => {
  test("in cash is shipped unpaid and paid with its last delivery", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId } = await shop.checkOut([{ sku: "A", quantity: 2 }], { method: "cod" });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed", paymentStatus: "pending" });
    for (const shipmentId of ["s-1", "s-2"])
      await shipOrder(shop, orderId, { shipmentId, lines: [{ sku: "A", quantity: 1 }] }, shop.context);
    await deliverOrder(shop, orderId, { shipmentId: "s-2" }, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "shipped", paymentStatus: "pending" });
    await deliverOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "delivered", paymentStatus: "paid" });
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "captured", captured: total });
    expect(shop.bank.calls).toEqual([]);
  });

  test("in cash can be cancelled before it is shipped", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId } = await shop.checkOut([{ sku: "A" }], { method: "cod" });
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "no" }, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "voided" });
  });

  test("by transfer waits for the money before it is shipped", async () => {
    const shop = await openShop();
    await shop.receive("A", 5);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }], { method: "bank_transfer" });
    const ship = () => shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
    await expect(ship()).rejects.toMatchObject({ code: "illegal_transition" });
    await capturePayment(shop, paymentId, { movementId: "c-1" }, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "paid", paymentStatus: "paid" });
    await ship();
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "shipped" });
  });

  test("by transfer that is booked before the order was confirmed is confirmed all the same", async () => {
    const { shop, next } = await crashingShop((type) => type === "PaymentInitiated");
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.start([{ sku: "A" }], { method: "bank_transfer" });
    await expect(runCheckout(shop, cartId, shop.context)).rejects.toThrow(StoreUnavailable);
    await capturePayment(next, paymentId, { movementId: "c-1" }, next.context);
    expect(await runCheckout(next, cartId, next.context)).toEqual({ status: "confirmed", orderId });
    await settlePayment(next, paymentId, next.context);
    expect(await next.orderOf(orderId)).toMatchObject({ status: "paid", book: { confirmed: true } });
    expect(await next.phaseOf(cartId)).toBe("converted");
  });
});

describe("fulfilment", () => {
  async function paidOrder() {
    const shop = await openShop();
    await shop.receive("A", 5);
    await shop.receive("B", 5);
    const lines = [
      { sku: "A", quantity: 3 },
      { sku: "B", quantity: 1 },
    ];
    return { shop, ...(await shop.checkOut(lines)) };
  }

  test("ships in parts, delivers in parts, and takes stock down as it goes", async () => {
    const { shop, orderId } = await paidOrder();
    await shipOrder(shop, orderId, { shipmentId: "s-1", lines: [{ sku: "A", quantity: 2 }] }, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "processing" });
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 3, committed: 1, available: 2 });
    const tooMuch = { shipmentId: "s-x", lines: [{ sku: "A", quantity: 2 }] };
    await expect(shipOrder(shop, orderId, tooMuch, shop.context)).rejects.toThrow();
    await shipOrder(shop, orderId, { shipmentId: "s-2" }, shop.context);
    await shipOrder(shop, orderId, { shipmentId: "s-2" }, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "shipped" });
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 2, committed: 0, available: 2 });
    expect((await shop.stockOf("B")).reservations.size).toBe(0);
    await deliverOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "shipped" });
    await deliverOrder(shop, orderId, {}, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "delivered" });
  });

  test("takes back what inspection calls sellable, and the rest as damaged", async () => {
    const { shop, orderId } = await paidOrder();
    await shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
    await deliverOrder(shop, orderId, {}, shop.context);
    const returnId = "ret-1";
    const command = { returnId, lines: [{ sku: "A", quantity: 3 }] };
    await shop.engine.execute(order, orderId, "RequestReturn", command, shop.by());
    await shop.engine.execute(order, orderId, "ApproveReturn", { returnId }, shop.by());
    const lines = [{ sku: "A", sellable: 1, damaged: 2 }];
    await shop.engine.execute(
      order,
      orderId,
      "ReceiveReturn",
      { returnId, receiptId: returnId, lines },
      shop.by(),
    );
    await Promise.all([1, 2].map(() => applyEffects(shop, orderId, shop.context)));
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 5, damaged: 2, available: 3 });
    expect((await shop.orderOf(orderId)).openEffects.size).toBe(0);
  });

  test("takes back returns of two orders that happen to have one name", async () => {
    const { shop, orderId } = await paidOrder();
    const other = await shop.checkOut([{ sku: "A", quantity: 2 }]);
    for (const id of [orderId, other.orderId]) {
      await shipOrder(shop, id, { shipmentId: "s-1" }, shop.context);
      await deliverOrder(shop, id, {}, shop.context);
      const lines = [{ sku: "A", quantity: 1 }];
      await shop.engine.execute(order, id, "RequestReturn", { returnId: "1", lines }, shop.by());
      await shop.engine.execute(order, id, "ApproveReturn", { returnId: "1" }, shop.by());
      const received = {
        returnId: "1",
        receiptId: "1",
        refund: "none" as const,
        lines: [{ sku: "A", sellable: 1, damaged: 0 }],
      };
      await shop.engine.execute(order, id, "ReceiveReturn", received, shop.by());
      await applyEffects(shop, id, shop.context);
    }
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 2 });
  });

  test("refunds in part, then all that is left, then nothing more", async () => {
    const { shop, orderId, paymentId } = await paidOrder();
    const refund = (refundId: string, amount?: number) =>
      refundOrder(
        shop,
        orderId,
        { refundId, reason: "r", cause: "goodwill", ...(amount !== undefined && { amount }) },
        shop.context,
      );
    await refund("r-1", 1_000);
    await refund("r-1", 1_000);
    expect(await shop.orderOf(orderId)).toMatchObject({
      book: { refunded: 1_000 },
      paymentStatus: "partially_refunded",
    });
    await expect(refund("r-2", 100_000)).rejects.toMatchObject({ code: "illegal_transition" });
    await refund("r-3");
    const placed = await shop.orderOf(orderId);
    expect(placed).toMatchObject({ status: "refunded", paymentStatus: "refunded" });
    expect(placed.book).toMatchObject({ refunded: placed.totals.total, due: 0 });
    expect(placed.book.lines.map(({ goods }) => goods)).toEqual(placed.lines.map(() => 0));
    await expect(refund("r-4", 1)).rejects.toMatchObject({ code: "illegal_transition" });
    await expect(refund("r-5")).rejects.toMatchObject({ code: "illegal_transition" });
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
  });

  test("refunds that run at once never give back more than was captured", async () => {
    const { shop, orderId, paymentId } = await paidOrder();
    const settled = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) =>
        refundOrder(
          shop,
          orderId,
          { refundId: `r-${n}`, amount: 1_000, reason: "r", cause: "goodwill" },
          shop.context,
        ),
      ),
    );
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
    expect(shop.bank.balanceOf(paymentId)).toBe(4 * 1_070 + 535 - 4_000);
  });

  test("captures with the first shipment where the shop wants it so", async () => {
    const shop = await openShop({ settings: { capture: "shipment" } });
    await shop.receive("A", 5);
    const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }]);
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
    await shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
    expect(shop.bank.balanceOf(paymentId)).toBe(1_605);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "shipped", paymentStatus: "paid" });
  });

  test("does not ship what is on backorder until it is there", async () => {
    const shop = await openShop();
    await shop.receive("A", 1);
    await shop.engine.execute(stock, "A", "SetPolicy", { backorders: true }, shop.by());
    const { orderId } = await shop.checkOut([{ sku: "A", quantity: 3 }]);
    const ship = (shipmentId: string, quantity: number) =>
      shipOrder(shop, orderId, { shipmentId, lines: [{ sku: "A", quantity }] }, shop.context);
    await expect(ship("s-1", 2)).rejects.toMatchObject({ code: "out_of_stock" });
    await ship("s-1", 1);
    await shop.receive("A", 2);
    await ship("s-2", 2);
    expect(await shop.stockOf("A")).toMatchObject({ onHand: 0, committed: 0, available: 0 });
  });
});

describe("a crash", () => {
  test.each(["StockReserved", "PaymentAuthorized", "ReservationCommitted", "OrderConfirmed"])(
    "right after %s: the next process goes on to one order",
    async (crashAt) => {
      const { shop, next } = await crashingShop((type) => type === crashAt);
      await shop.receive("A", 5);
      const { cartId, orderId } = await shop.start([{ sku: "A" }]);
      await expect(runCheckout(shop, cartId, shop.context)).rejects.toThrow();
      expect(await runCheckout(next, cartId, next.context)).toEqual({ status: "confirmed", orderId });
      expect(await next.stockOf("A")).toMatchObject({ available: 4, committed: 1, reserved: 0 });
      expect(next.bank.accounts.size).toBe(1);
    },
  );

  test.each(["OrderConfirmed", "CaptureRequested", "PaymentCaptured", "OrderPaid"])(
    "right after %s: the next process converts the cart and settles the payment",
    async (crashAt) => {
      const { shop, next } = await crashingShop((type) => type === crashAt);
      await shop.receive("A", 5);
      const { cartId, orderId, paymentId } = await shop.start([{ sku: "A" }]);
      await runCheckout(shop, cartId, shop.context).catch(() => {});
      expect(await runCheckout(next, cartId, next.context)).toEqual({ status: "confirmed", orderId });
      expect(await next.phaseOf(cartId)).toBe("converted");
      await settlePayment(next, paymentId, next.context);
      expect(await next.orderOf(orderId)).toMatchObject({ status: "paid", paymentStatus: "paid" });
      expect(next.bank.balanceOf(paymentId)).toBe(1_605);
    },
  );

  test("right after the cart's end: who asks again is told of the paid order, as who asked first", async () => {
    const { shop, next } = await crashingShop((type) => type === "CartConverted");
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.start([{ sku: "A" }]);
    await expect(runCheckout(shop, cartId, shop.context)).rejects.toThrow();
    expect(await next.orderOf(orderId)).toMatchObject({
      book: { confirmed: true },
      paymentStatus: "pending",
    });
    for (let times = 0; times < 2; times++) await settleCheckout(next, orderId, next.context);
    expect(await orderAsTold(next, orderId)).toMatchObject({ state: { status: "paid" } });
    expect(next.bank.balanceOf(paymentId)).toBe(1_605);
  });

  test("what is paid later, and what was refused, is left alone by it", async () => {
    const shop = await openShop({ settings: { capture: "shipment" } });
    await shop.receive("A", 1);
    const { orderId } = await shop.checkOut([{ sku: "A" }]);
    await settleCheckout(shop, orderId, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "authorized" });
    const refused = await shop.checkOut([{ sku: "A" }]);
    await settleCheckout(shop, refused.orderId, shop.context);
    expect(shop.bank.openOf(refused.paymentId)).toBe(0);
  });

  test.each(["PaymentFailed", "OrderRefused", "PaymentVoided", "ReservationReleased"])(
    "right after %s: the next process undoes the rest",
    async (crashAt) => {
      const { shop, next } = await crashingShop((type) => type === crashAt);
      await shop.receive("A", 5);
      const { cartId, orderId } = await shop.start([{ sku: "A" }], { token: "tok_declined" });
      await runCheckout(shop, cartId, shop.context).catch(() => {});
      expect(await runCheckout(next, cartId, next.context)).toMatchObject({ status: "failed", orderId });
      expect(await next.phaseOf(cartId)).toBe("open");
      expect(await next.engine.read(order, orderId, ({ phase }) => phase)).toBe("refused");
      expect(await next.stockOf("A")).toMatchObject({ available: 5, reserved: 0 });
    },
  );

  test("after the confirmation, then a cancellation: the cart is not left locked", async () => {
    const { shop, next } = await crashingShop((type) => type === "OrderConfirmed");
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.start([{ sku: "A" }]);
    await expect(runCheckout(shop, cartId, shop.context)).rejects.toThrow();
    await cancelOrder(next, orderId, { cancelId: "x-1", reason: "no" }, next.context);
    await runCheckout(next, cartId, next.context);
    expect(await next.phaseOf(cartId)).not.toBe("locked");
    expect(await next.orderOf(orderId)).toMatchObject({ status: "cancelled" });
    expect(await next.stockOf("A")).toMatchObject({ available: 5 });
    expect([next.bank.balanceOf(paymentId), next.bank.openOf(paymentId)]).toEqual([0, 0]);
  });

  test("between the authorization and its record, then beyond its deadline: the money is let go", async () => {
    const bank = createBank();
    const { shop, next } = await crashingShop(() => false, { bank });
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.start([{ sku: "A" }]);
    await next.receive("A", 1);
    // The gateway was asked in the process that died, and in no other.
    await bank.authorize({
      idempotencyKey: paymentId,
      paymentId,
      amount: 1_605,
      currency: "USD",
      token: "tok_ok",
    });
    await next.engine.execute(stock, "A", "Release", { reservationId: orderId, reason: "gone" }, next.by());
    next.clock.now += attemptMsMax;
    expect(await runCheckout(next, cartId, next.context)).toMatchObject({ status: "failed" });
    await settlePayment(next, paymentId, next.context);
    expect(next.bank.openOf(paymentId)).toBe(0);
    expect(await next.paymentOf(orderId)).toMatchObject({ phase: "voided" });
    expect(await next.phaseOf(cartId)).toBe("open");
  });

  test("between the capture and its record, then a cancellation: the money goes back", async () => {
    const { shop, next } = await crashingShop((type) => type === "CaptureRequested");
    await shop.receive("A", 5);
    const { cartId, orderId, paymentId } = await shop.start([{ sku: "A" }]);
    await expect(runCheckout(shop, cartId, shop.context)).rejects.toThrow();
    const { amount, currency, reference = "" } = await next.paymentOf(orderId);
    // The process asked the gateway before it died: its books know, the log does not.
    await next.bank.capture({ idempotencyKey: `${paymentId}/capture`, reference, amount, currency });
    expect(next.bank.balanceOf(paymentId)).toBe(1_605);
    await cancelOrder(next, orderId, { cancelId: "x-1", reason: "no" }, next.context);
    expect(next.bank.balanceOf(paymentId)).toBe(0);
    expect(await next.paymentOf(orderId)).toMatchObject({ captured: 1_605, refunded: 1_605 });
  });

  test.each(["ShipmentDispatched", "StockShipped"])(
    "right after %s: the effects are applied once",
    async (crashAt) => {
      const { shop, next } = await crashingShop((type) => type === crashAt);
      await shop.receive("A", 5);
      const { orderId } = await shop.checkOut([{ sku: "A", quantity: 2 }]);
      const request = { shipmentId: "s-1", lines: [{ sku: "A", quantity: 1 }] };
      await expect(shipOrder(shop, orderId, request, shop.context)).rejects.toThrow();
      await applyEffects(next, orderId, next.context);
      await applyEffects(next, orderId, next.context);
      expect(await next.stockOf("A")).toMatchObject({ onHand: 4, committed: 1, available: 3 });
      expect((await next.orderOf(orderId)).openEffects.size).toBe(0);
    },
  );

  test.each(["RefundRequested", "RefundSucceeded"])(
    "right after %s: the refund is finished once",
    async (crashAt) => {
      const { shop, next } = await crashingShop((type) => type === crashAt);
      await shop.receive("A", 5);
      const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }]);
      const refund = { refundId: "r-1", amount: 100, reason: "r", cause: "goodwill" as const };
      await expect(refundOrder(shop, orderId, refund, shop.context)).rejects.toThrow();
      await settlePayment(next, paymentId, next.context);
      await settlePayment(next, paymentId, next.context);
      expect(await next.orderOf(orderId)).toMatchObject({ book: { refunded: 100 } });
      expect(next.bank.balanceOf(paymentId)).toBe(1_505);
    },
  );
});

describe("a reservation that runs out during a checkout", () => {
  test("is made again when the pieces are still there", async () => {
    const { shop, next } = await crashingShop((type) => type === "StockReserved");
    await shop.receive("A", 1);
    const { cartId } = await shop.start([{ sku: "A" }]);
    await expect(runCheckout(shop, cartId, shop.context)).rejects.toThrow();
    next.clock.now += next.settings.reservationMs;
    await next.engine.execute(stock, "A", "Expire", { reservationId: "" }, next.by());
    expect(await next.stockOf("A")).toMatchObject({ available: 1 });
    expect(await runCheckout(next, cartId, next.context)).toMatchObject({ status: "confirmed" });
    expect(await next.stockOf("A")).toMatchObject({ available: 0, committed: 1 });
  });

  test("and whose pieces another has bought loses: one order, and the money goes back", async () => {
    const { shop, next } = await crashingShop((type) => type === "StockReserved");
    await shop.receive("A", 1);
    const { cartId, paymentId } = await shop.start([{ sku: "A" }]);
    await expect(runCheckout(shop, cartId, shop.context)).rejects.toThrow();
    await next.bank.authorize({
      idempotencyKey: paymentId,
      paymentId,
      amount: 1_605,
      currency: "USD",
      token: "tok_ok",
    });
    next.clock.now += next.settings.reservationMs;
    expect((await next.checkOut([{ sku: "A" }])).result.status).toBe("confirmed");
    expect(await runCheckout(next, cartId, next.context)).toMatchObject({
      status: "failed",
      problem: { code: "out_of_stock" },
    });
    await settlePayment(next, paymentId, next.context);
    expect([next.bank.balanceOf(paymentId), next.bank.openOf(paymentId)]).toEqual([0, 0]);
    expect(await next.stockOf("A")).toMatchObject({ available: 0, committed: 1, reserved: 0 });
  });
});

describe("a cart that never started", () => {
  test("has no checkout to run, and asking does not disturb it", async () => {
    const shop = await openShop();
    const cartId = newId();
    const open = { currency: "USD", lifeMs: 1_000 };
    const [opened, run] = await Promise.allSettled([
      shop.engine.execute(cart, cartId, "Open", open, shop.by()),
      runCheckout(shop, cartId, shop.context),
    ]);
    expect(opened.status).toBe("fulfilled");
    expect(run).toMatchObject({ status: "rejected", reason: { code: "illegal_transition" } });
    await expect(startCheckout(shop, cartId, [])).rejects.toMatchObject({ code: "cart_empty" });
  });
});
