import { describe, expect, test, vi } from "vitest";
import { order } from "../../commands/order/order.ts";
import { runCheckout } from "../../commands/processes/checkout.ts";
import { applyEffects } from "../../commands/processes/effects.ts";
import { deliverOrder, voidPayment } from "../../commands/processes/fulfilment.ts";
import { settleTask } from "../../commands/processes/settle.ts";
import type { ShopSettings } from "../../commands/processes/shop.ts";
import { processes } from "../../commands/processes/tasks.ts";
import { GatewayOutcomeUnknown } from "../../src/gateways/gateway.ts";
import { isoTime } from "../../src/values/clock.ts";
import type { CheckoutOptions } from "../support/shop.ts";
import { openShop, ordered } from "./ordered.ts";

// What was found by attacking orders at their ends, between two appends, and with gateways that are silent or refuse.

const dayMs = 86_400_000;
const lineA = (quantity: number) => [{ lineId: 1, quantity }];
const lineB = [{ lineId: 2, quantity: 1 }];
const atShipment = { capture: "shipment" as const };
/** A gateway that is silent is not waited for any longer. */
const impatient = { gatewayTimeoutMs: 200 };
const refused = { status: "refused" as const, reason: "closed account" };

/** Order F of ORDERS.md: A x 3 at 1000, B x 1 at 2000, shipping 500: 5500. */
const orderF = (options: CheckoutOptions = {}, settings: Partial<ShopSettings> = {}) =>
  ordered(options, {
    lines: [
      { sku: "A", quantity: 3 },
      { sku: "B", unitPrice: 2_000 },
    ],
    ...settings,
  });

describe("money that comes in and cannot be given back", () => {
  test("is owed where its order was cancelled while a capture was silent", async () => {
    const { shop, orderId, paymentId, ship, cancel, work, tasks, paymentWith, byHand, money } = await orderF(
      { token: "tok_refund_refused" },
      { ...atShipment, ...impatient },
    );
    shop.bank.loseNext("capture", 100);
    await expect(ship()).rejects.toMatchObject({ code: "unavailable" });
    shop.bank.loseNext("capture", 0);
    await cancel();
    await work();
    expect(await tasks()).toEqual([`refund/${orderId}`]);
    const [failed = ""] = (await paymentWith(paymentId)).refunds.keys();
    await byHand(failed);
    expect(await tasks()).toEqual([]);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 5_500, pending: 0 });
  });

  /** Of an order that was given up before it was placed. */
  async function neverPlaced() {
    const { shop, tasks, killAt, ...its } = await openShop();
    const { cartId, orderId, paymentId } = await shop.start([{ sku: "A" }]);
    const restart = killAt("Place");
    await expect(runCheckout(shop, cartId, shop.context)).rejects.toThrow("killed");
    restart();
    for (const reference of shop.bank.accounts.keys()) shop.bank.captureUnasked(reference);
    vi.spyOn(shop.bank, "refund").mockResolvedValueOnce(refused);
    await settleTask(shop, "checkout", cartId, "failed", "r", shop.context);
    await vi.waitFor(async () => expect(await tasks()).toContain(`refund/${orderId}`));
    return { ...its, shop, tasks, cartId, paymentId };
  }

  test("goes back by a void where its order was never placed", async () => {
    const { shop, cartId, paymentId, work, tasks } = await neverPlaced();
    await voidPayment(shop, paymentId, "r", shop.context);
    await work();
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
    expect(await tasks()).toEqual([`cart/${cartId}`]);
  });

  test("may have gone back after all, also of an order that was never placed", async () => {
    const { cartId, paymentId, paymentWith, tell, work, tasks } = await neverPlaced();
    const [refundId = ""] = (await paymentWith(paymentId)).refunds.keys();
    await tell(paymentId, { status: "refund_succeeded", refundId, reference: "re" });
    await work();
    expect(await tasks()).toEqual([`cart/${cartId}`]);
  });

  test("is owed no longer once a cancellation, whose money the shop keeps, gives it back", async () => {
    const { shop, refund, cancel, work, tasks, orderId } = await ordered(
      { token: "tok_refund_refused", shipping: 0 },
      { lines: [{ sku: "A" }, { sku: "FREE", unitPrice: 0 }] },
    );
    await refund({ lines: lineA(1) });
    expect(await tasks()).toEqual([`refund/${orderId}`]);
    vi.spyOn(shop.bank, "refund").mockResolvedValue({ status: "done", reference: "re" });
    await cancel({ credit: "none" });
    await work();
    expect(await tasks()).toEqual([]);
  });
});

describe("what a gateway holds beside a part that it has captured", () => {
  test("goes back where it has captured that by itself, and the order is cancelled", async () => {
    const { shop, paymentId, ship, fail, paymentWith, cancel, work } = await orderF({}, atShipment);
    await ship(lineB);
    await fail("lost");
    const { reference = "" } = await paymentWith(paymentId);
    shop.bank.captureUnasked(reference);
    await cancel();
    await work();
    expect(shop.bank.balanceOf(paymentId)).toBe(0);
  });

  test("is released also by who was killed before", async () => {
    const { shop, paymentId, ship, cancel, killAt, work } = await orderF({}, atShipment);
    await ship(lineA(3));
    const restart = killAt("RequestRelease");
    await expect(cancel({ lines: lineB })).rejects.toThrow("killed");
    restart();
    await work();
    expect(shop.bank.openOf(paymentId)).toBe(0);
  });

  test("is released by a void, and the order goes on", async () => {
    const { shop, orderId, paymentId, ship, giveUp, money } = await orderF({}, atShipment);
    await ship(lineA(3));
    await giveUp();
    expect(shop.bank.openOf(paymentId)).toBe(0);
    expect(await money()).toEqual({ due: 5_500, captured: 3_500, refunded: 0, pending: 0 });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "processing" });
  });

  test("is released also where a refund waits for its approval meanwhile", async () => {
    const { shop, paymentId, ship, fail, cancel, work } = await orderF(
      {},
      { ...atShipment, ...impatient, refundApprovalFrom: 1_000 },
    );
    await ship(lineA(3));
    const away = vi.spyOn(shop.bank, "void").mockRejectedValue(new GatewayOutcomeUnknown("away"));
    await cancel({ lines: lineB });
    await fail("refused");
    await cancel({ lines: lineA(2) });
    away.mockRestore();
    await work();
    expect(shop.bank.openOf(paymentId)).toBe(0);
  });

  test("is not taken for a shipment that a silent capture has paid for", async () => {
    const { shop, ship, money } = await orderF({}, { ...atShipment, ...impatient });
    shop.bank.loseNext("capture", 100);
    await expect(ship(lineA(3), "s-1")).rejects.toMatchObject({ code: "unavailable" });
    shop.bank.loseNext("capture", 0);
    await ship(lineB, "s-2");
    expect(await money()).toMatchObject({ captured: 3_500 });
  });
});

test("an advance that was not answered is seen to also where its return is withdrawn", async () => {
  const { shop, orderId, paymentId, ship, work, paymentWith } = await ordered({}, impatient);
  const execute = shop.engine.execute.bind(shop.engine);
  await ship();
  await deliverOrder(shop, orderId, {}, shop.context);
  shop.bank.loseNext("refund", 100);
  const item = { sku: "C", productId: "p-C", name: "C", quantity: 1, unitPrice: 700 };
  const add = [{ ...item, subtotal: 700, discount: 0, tax: 0, total: 700 }];
  const advanceBy = isoTime(shop.clock.now + 30 * dayMs);
  await execute(order, orderId, "RequestEdit", { editId: "x", adds: [item] }, shop.by());
  const exchange = { returnId: "x", returns: lineA(1), add, advanceBy };
  await execute(order, orderId, "Exchange", exchange, shop.by());
  await applyEffects(shop, orderId, shop.context);
  await execute(order, orderId, "WithdrawReturn", { returnId: "x" }, shop.by());
  shop.bank.loseNext("refund", 0);
  await work();
  const { refunds } = await paymentWith(paymentId);
  expect([...refunds.values()]).toMatchObject([{ status: "succeeded" }]);
});

describe("an approval of a refund", () => {
  /** Over two payments, of which only the first has been judged: whoever did it was killed. */
  async function brokenOff() {
    const { capture, further, refund, killAt, work, ...its } = await orderF(
      { method: "bank_transfer" },
      { refundApprovalFrom: 3_000 },
    );
    await capture(3_000);
    await further("credit_card");
    await refund({ amount: 4_000 });
    const restart = killAt("ApproveRefund", 2);
    await expect(its.judge()).rejects.toThrow("killed");
    restart();
    await work();
    expect(await its.tasks()).toEqual(["approval/f"]);
    return its;
  }

  test("that was broken off between two payments stays listed until it is given", async () => {
    const { judge, tasks, money } = await brokenOff();
    await judge();
    expect(await money()).toEqual({ due: 1_500, captured: 5_500, refunded: 4_000, pending: 0 });
    expect(await tasks()).toEqual([]);
  });

  test("that was broken off may be refused for the rest, which is owed then", async () => {
    const { judge, tasks, money, orderId } = await brokenOff();
    await judge("no");
    expect(await money()).toEqual({ due: 1_500, captured: 5_500, refunded: 1_500, pending: 0 });
    expect(await tasks()).toEqual([`refund/${orderId}`]);
  });

  test("is not waited for any more once its gateway says that the money is back", async () => {
    const { refund, tell, work, tasks } = await orderF({}, { refundApprovalFrom: 3_000 });
    await refund({ amount: 4_000 });
    await tell({ status: "refund_succeeded", refundId: "f", reference: "re" });
    await work();
    expect(await tasks()).toEqual([]);
  });
});

describe("one payment of several", () => {
  test("that was a transfer is given up alone while a gateway holds the money", async () => {
    const { shop, orderId, further, giveUp } = await orderF({ method: "bank_transfer" }, atShipment);
    await further("credit_card");
    await giveUp();
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed" });
  });

  test("that is voided is not voided again, and with it its order", async () => {
    const { shop, orderId, ship, further, giveUp, paymentId, paymentWith } = await orderF(
      { token: "tok_expired" },
      atShipment,
    );
    await expect(ship(lineB)).rejects.toMatchObject({ code: "payment_declined" });
    await further("credit_card");
    expect(await paymentWith(paymentId)).toMatchObject({ phase: "voided" });
    await giveUp();
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed" });
  });

  test("is captured of what is open, also by who was killed before", async () => {
    const { shop, further, refund, killAt, paymentWith, work } = await orderF({ method: "bank_transfer" });
    const restart = killAt("Authorize");
    await expect(further("credit_card")).rejects.toThrow("killed");
    restart();
    await refund({ amount: 1_000 });
    // Where that is a step of its own, and not asked for with the authorization.
    const restartAgain = killAt("RequestCapture");
    await processes.payment(shop, "second", shop.context).catch(() => {});
    restartAgain();
    await work();
    expect(await paymentWith("second")).toMatchObject({ phase: "captured", captured: 4_500 });
  });
});

describe("settled by hand", () => {
  test.each([
    { as: "done" as const, captured: 5_500 },
    { as: "failed" as const, captured: 0 },
  ])("a capture that is refused again and again is $as", async ({ as, captured }) => {
    const { shop, paymentId, work, tasks, money } = await orderF({ token: "tok_capture_refused" });
    expect(await tasks()).toEqual([`payment/${paymentId}`]);
    await settleTask(shop, "payment", paymentId, as, "r", shop.context);
    await work();
    expect(await tasks()).toEqual([]);
    expect(await money()).toMatchObject({ captured });
  });

  test("an authorization that is never answered has failed", async () => {
    const { shop, further, tasks, paymentWith } = await orderF({ method: "bank_transfer" }, impatient);
    vi.spyOn(shop.bank, "authorize").mockRejectedValue(new GatewayOutcomeUnknown("away"));
    await further("credit_card");
    expect(await tasks()).toContain("payment/second");
    await settleTask(shop, "payment", "second", "failed", "r", shop.context);
    expect(await paymentWith("second")).toMatchObject({ phase: "failed" });
    expect(await tasks()).not.toContain("payment/second");
  });
});
