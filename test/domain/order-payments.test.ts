import { describe, expect, test } from "vitest";
import { overpaidOf } from "../../commands/order/book.ts";
import { order } from "../../commands/order/order.ts";
import { payment } from "../../commands/payment/payment.ts";
import { applyEffects } from "../../commands/processes/effects.ts";
import { cancelOrder, deliverOrder, shipOrder, voidPayment } from "../../commands/processes/fulfilment.ts";
import { addPayment } from "../../commands/processes/further-payment.ts";
import { capturePayment } from "../../commands/processes/payments.ts";
import { judgeRefund, refundOrder, refundOrderAgain } from "../../commands/processes/refunds.ts";
import { settlePayment } from "../../commands/processes/settle-payment.ts";
import type { ShopSettings } from "../../commands/processes/shop.ts";
import { processes } from "../../commands/processes/tasks.ts";
import { handleWebhook, keepWebhook } from "../../commands/processes/webhooks.ts";
import type { WebhookOutcome } from "../../src/gateways/gateway.ts";
import { newId } from "../../src/values/ids.ts";
import { type CheckoutOptions, createShop, type TestShop } from "../support/shop.ts";
import { temporaryLog } from "../support/stores.ts";

const dayMs = 86_400_000;
const noTax = { rateBp: 0, included: false, per: "line" as const, rounding: "half_up" as const };
const lineA = (quantity: number) => [{ lineId: 1, quantity }];
const lineB = [{ lineId: 2, quantity: 1 }];

async function openShop(settings: Partial<ShopSettings> = {}): Promise<TestShop> {
  const shop = createShop({ events: await temporaryLog(), settings: { tax: noTax, ...settings } });
  for (const sku of ["A", "B"]) await shop.receive(sku, 50);
  return shop;
}

/** Order F of ORDERS.md: A x 3 at 1000, B x 1 at 2000, shipping 500: 5500. */
async function orderF(shop: TestShop, options: CheckoutOptions = {}) {
  const lines = [
    { sku: "A", quantity: 3 },
    { sku: "B", unitPrice: 2_000 },
  ];
  const { orderId, paymentId } = await shop.checkOut(lines, options);
  const ship = (shipmentId: string, lines: { lineId: number; quantity: number }[]) =>
    shipOrder(shop, orderId, { shipmentId, lines }, shop.context);
  const refund = (refundId: string, what: object) =>
    refundOrder(shop, orderId, { refundId, reason: "r", cause: "goodwill", ...what }, shop.context);
  const money = async () => {
    const { due, captured, refunded, payouts } = (await shop.orderOf(orderId)).book;
    return { due, captured, refunded, pending: payouts.reduce((sum, [, amount]) => sum + amount, 0) };
  };
  return { orderId, paymentId, ship, refund, money };
}

const further = (shop: TestShop, orderId: string, paymentId: string, token = "tok_ok") =>
  addPayment(shop, orderId, { paymentId, method: "credit_card", token, byStaff: true }, shop.context);

const paymentWith = (shop: TestShop, paymentId: string) =>
  shop.engine.read(payment, paymentId, (state) => {
    if (state.phase === "absent") throw new Error("there is no payment");
    return state;
  });

async function tell(shop: TestShop, paymentId: string, outcome: WebhookOutcome): Promise<void> {
  const id = await keepWebhook(shop, { id: newId(), paymentId, outcome }, shop.context);
  await handleWebhook(shop, id, shop.context);
}

describe("what is captured shipment by shipment", () => {
  test("is what each takes with it; what is left over is released (28)", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId, paymentId, ship, money } = await orderF(shop);
    await ship("s-1", lineA(3));
    expect(await money()).toMatchObject({ captured: 3_500, due: 5_500 });
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "r", lines: lineB }, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "captured", captured: 3_500 });
    expect(shop.bank.balanceOf(paymentId)).toBe(3_500);
    expect(shop.bank.openOf(paymentId)).toBe(0);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "shipped", paymentStatus: "paid" });
  });

  test("is all of it by the first one where an authorization is captured once", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId, ship, money } = await orderF(shop, { token: "tok_single_capture" });
    await ship("s-1", lineA(1));
    expect(await money()).toMatchObject({ captured: 5_500 });
    await ship("s-2", lineA(2));
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "captured", captured: 5_500 });
  });

  test("keeps what it is for here when it is refused, and is not asked for again by itself (29)", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId, paymentId, ship } = await orderF(shop, { token: "tok_capture_refused_once" });
    await expect(ship("s-1", lineB)).rejects.toMatchObject({ code: "payment_declined" });
    expect((await shop.orderOf(orderId)).book.lines[1]?.pieces).toEqual({ toShip: 1 });
    await processes.payment(shop, paymentId, shop.context);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "authorized", captured: 0 });
    await ship("s-2", lineB);
    expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "authorized", captured: 2_500 });
  });

  test("is less by what was credited before: nothing goes back of what is not here", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { ship, refund, money } = await orderF(shop);
    await ship("s-1", lineB);
    await refund("r-1", { amount: 1_000 });
    await ship("s-2", lineA(3));
    expect(await money()).toEqual({ due: 4_500, captured: 4_500, refunded: 0, pending: 0 });
  });

  test("goes back with the rest of the authorization when the order is cancelled", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId, paymentId, ship, money } = await orderF(shop);
    await ship("s-1", lineB);
    const failed = { shipmentId: "s-1", outcome: "lost" as const };
    await shop.engine.execute(order, orderId, "FailDelivery", failed, shop.by());
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "r" }, shop.context);
    expect(await money()).toEqual({ due: 0, captured: 2_500, refunded: 2_500, pending: 0 });
    expect([shop.bank.balanceOf(paymentId), shop.bank.openOf(paymentId)]).toEqual([0, 0]);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled", paymentStatus: "refunded" });
  });
});

describe("a transfer", () => {
  test("that does not come is waited for for its days; what comes later goes back (31)", async () => {
    const shop = await openShop();
    const { orderId, paymentId, money } = await orderF(shop, { method: "bank_transfer" });
    shop.clock.now += 7 * dayMs - 3_600_000;
    await processes.order(shop, orderId, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed" });
    shop.clock.now += 3_600_000;
    await processes.order(shop, orderId, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled", paymentStatus: "pending" });
    expect(await shop.stockOf("A")).toMatchObject({ committed: 0, available: 50 });
    shop.clock.now += 2 * dayMs;
    await capturePayment(shop, paymentId, { movementId: "m-1", amount: 5_500 }, shop.context);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 5_500, pending: 0 });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled", paymentStatus: "refunded" });
    expect(await shop.paymentOf(orderId)).toMatchObject({
      captured: 5_500,
      refunded: 5_500,
      orphaned: false,
    });
  });

  test("of a part lets that part leave, and is not waited for any longer (32)", async () => {
    const shop = await openShop();
    const { orderId, paymentId, ship, money } = await orderF(shop, { method: "bank_transfer" });
    await capturePayment(shop, paymentId, { movementId: "m-1", amount: 2_000 }, shop.context);
    await expect(ship("s-1", lineA(2))).rejects.toMatchObject({ code: "illegal_transition" });
    await ship("s-1", lineA(1));
    shop.clock.now += 8 * dayMs;
    await processes.order(shop, orderId, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "processing" });
    await cancelOrder(shop, orderId, { cancelId: "x", reason: "r", lines: lineB }, shop.context);
    // What is due by now, and not what was once authorized.
    await capturePayment(shop, paymentId, { movementId: "m-2" }, shop.context);
    expect(await money()).toMatchObject({ due: 3_500, captured: 3_500, refunded: 0 });
    // What was on its way by then is booked, and goes back; no more than was once asked for.
    const book = (movementId: string, amount: number) =>
      capturePayment(shop, paymentId, { movementId, amount }, shop.context);
    await book("m-3", 2_000);
    await processes.order(shop, orderId, shop.context);
    expect(await money()).toMatchObject({ due: 3_500, captured: 5_500, refunded: 2_000 });
    await expect(book("m-4", 1)).rejects.toMatchObject({ code: "illegal_transition" });
  });

  test("that two book at once is booked once", async () => {
    const shop = await openShop();
    const { paymentId, money } = await orderF(shop, { method: "bank_transfer" });
    const book = (movementId: string) => capturePayment(shop, paymentId, { movementId }, shop.context);
    const results = await Promise.allSettled([book("m-1"), book("m-2")]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await money()).toMatchObject({ captured: 5_500 });
  });
});

describe("several payments", () => {
  async function paidInTwo(shop: TestShop, tokens: [string, string]) {
    const its = await orderF(shop, { method: "bank_transfer" });
    await capturePayment(shop, its.paymentId, { movementId: "m-1", amount: 3_000 }, shop.context);
    await further(shop, its.orderId, "second", tokens[1]);
    return its;
  }

  test("give back the newest first (27)", async () => {
    const shop = await openShop();
    const { orderId, paymentId, refund, money } = await paidInTwo(shop, ["", "tok_ok"]);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "paid", paymentStatus: "paid" });
    expect(await paymentWith(shop, "second")).toMatchObject({ amount: 2_500, captured: 2_500 });
    await refund("r-1", { amount: 4_000 });
    expect(await paymentWith(shop, "second")).toMatchObject({ refunded: 2_500 });
    expect(await paymentWith(shop, paymentId)).toMatchObject({ refunded: 1_500 });
    expect(await money()).toEqual({ due: 1_500, captured: 5_500, refunded: 4_000, pending: 0 });
  });

  test("all go back when the order is cancelled", async () => {
    const shop = await openShop();
    const { orderId, money } = await paidInTwo(shop, ["", "tok_ok"]);
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "r" }, shop.context);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 5_500, pending: 0 });
    expect(shop.bank.balanceOf("second")).toBe(0);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled", paymentStatus: "refunded" });
  });

  test("are not made for what is paid, or held by a gateway, already", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId } = await orderF(shop);
    await expect(further(shop, orderId, "second")).rejects.toMatchObject({ code: "illegal_transition" });
  });

  test("that are declined leave the order as it was", async () => {
    const shop = await openShop();
    const { orderId } = await paidInTwo(shop, ["", "tok_declined"]);
    expect(await paymentWith(shop, "second")).toMatchObject({ phase: "failed" });
    // Something is here already: it is not all that failed.
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed", paymentStatus: "pending" });
    await further(shop, orderId, "third");
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "paid" });
  });

  test("that wait for their customer are captured once they are told of", async () => {
    const shop = await openShop();
    const { orderId } = await paidInTwo(shop, ["", "tok_action"]);
    const reference = shop.bank.act("second", 2_500);
    await tell(shop, "second", { status: "authorized", reference });
    expect(await paymentWith(shop, "second")).toMatchObject({ phase: "captured", captured: 2_500 });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "paid" });
  });

  test("owe what one of them does not give back", async () => {
    const shop = await openShop();
    const { orderId, refund, money } = await paidInTwo(shop, ["", "tok_refund_refused"]);
    await refund("r-1", { lines: [...lineA(3), ...lineB] });
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 3_000, pending: 0 });
    await refundOrderAgain(shop, orderId, { refundId: "r-2", failed: "r-1", manual: true }, shop.context);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 5_500, pending: 0 });
  });
});

describe("a refund", () => {
  test("that is large waits until it is approved, or rejected", async () => {
    const shop = await openShop({ refundApprovalFrom: 1_000 });
    const { orderId, refund, money } = await orderF(shop);
    await refund("small", { amount: 999 });
    await refund("large", { amount: 1_000 });
    expect(await money()).toMatchObject({ refunded: 999, pending: 1_000 });
    await processes.payment(shop, (await shop.orderOf(orderId)).paymentId, shop.context);
    expect(await money()).toMatchObject({ refunded: 999, pending: 1_000 });
    await judgeRefund(shop, orderId, { refundId: "large", rejection: undefined }, shop.context);
    expect(await money()).toMatchObject({ due: 3_501, refunded: 1_999, pending: 0 });
    await refund("more", { amount: 1_000 });
    await judgeRefund(shop, orderId, { refundId: "more", rejection: "no" }, shop.context);
    expect(await money()).toMatchObject({ due: 3_501, refunded: 1_999, pending: 0 });
    const late = judgeRefund(shop, orderId, { refundId: "more", rejection: undefined }, shop.context);
    await expect(late).rejects.toMatchObject({ code: "illegal_transition" });
  });

  test("that is on its way is told of by webhook, and holds up no other", async () => {
    const shop = await openShop();
    const { orderId, paymentId, refund, money } = await orderF(shop, { token: "tok_refund_pending" });
    await refund("r-1", { amount: 1_000 });
    await refund("r-2", { amount: 500 });
    await expect(settlePayment(shop, paymentId, shop.context)).rejects.toMatchObject({ code: "unavailable" });
    expect(await money()).toMatchObject({ refunded: 0, pending: 1_500 });
    await tell(shop, paymentId, { status: "refund_succeeded", refundId: "r-2", reference: "re" });
    expect(await money()).toMatchObject({ refunded: 500, pending: 1_000 });
    await tell(shop, paymentId, { status: "refund_failed", refundId: "r-1", reason: "closed account" });
    expect(await money()).toMatchObject({ due: 5_000, refunded: 500, pending: 0 });
    expect(await shop.orderOf(orderId)).toMatchObject({ paymentStatus: "partially_refunded" });
  });

  test("is not made of what the customer's bank has taken back", async () => {
    const shop = await openShop();
    const { paymentId, refund, money } = await orderF(shop);
    const opened = { status: "dispute_opened" as const, disputeId: "d-1", amount: 5_000, reason: "fraud" };
    const won = { status: "dispute_ended" as const, disputeId: "d-1", won: true };
    // Told in the wrong order: its end waits for it.
    await expect(tell(shop, paymentId, won)).rejects.toMatchObject({ code: "illegal_transition" });
    await tell(shop, paymentId, opened);
    await expect(refund("r-1", { amount: 600 })).rejects.toMatchObject({ code: "illegal_transition" });
    await refund("r-2", { amount: 500 });
    expect(await money()).toEqual({ due: 5_000, captured: 5_500, refunded: 500, pending: 0 });
    await tell(shop, paymentId, won);
    expect((await paymentWith(shop, paymentId)).disputes.get("d-1")).toMatchObject({ status: "won" });
  });

  const opened = (amount: number) => ({
    status: "dispute_opened" as const,
    disputeId: "d-1",
    amount,
    reason: "fraud",
  });
  const lost = { status: "dispute_ended" as const, disputeId: "d-1", won: false };

  test("is not approved any more once the customer's bank has taken it back", async () => {
    const shop = await openShop({ refundApprovalFrom: 1_000 });
    const { orderId, paymentId, refund, money } = await orderF(shop);
    await refund("r-1", { amount: 4_000 });
    await tell(shop, paymentId, opened(5_500));
    const judge = (rejection?: string) =>
      judgeRefund(shop, orderId, { refundId: "r-1", rejection }, shop.context);
    await expect(judge()).rejects.toMatchObject({ code: "illegal_transition" });
    await judge("disputed");
    expect(await money()).toEqual({ due: 5_500, captured: 5_500, refunded: 0, pending: 0 });
    expect(shop.bank.balanceOf(paymentId)).toBe(5_500);
  });

  test("is not approved any more where what it was for is asked for again", async () => {
    const shop = await openShop({ refundApprovalFrom: 1_000 });
    const { orderId, ship, money } = await orderF(shop);
    await ship("s-1", [...lineA(3), ...lineB]);
    await deliverOrder(shop, orderId, {}, shop.context);
    const item = { sku: "A", productId: "p-A", name: "A", quantity: 1, unitPrice: 1_000 };
    const add = [{ ...item, subtotal: 1_000, discount: 0, tax: 0, total: 1_000 }];
    const advanceBy = new Date(shop.clock.now + 30 * dayMs).toISOString();
    await shop.engine.execute(order, orderId, "RequestEdit", { editId: "x-1", adds: [item] }, shop.by());
    const exchange = { returnId: "x-1", returns: lineB, add, advanceBy };
    await shop.engine.execute(order, orderId, "Exchange", exchange, shop.by());
    await applyEffects(shop, orderId, shop.context);
    const judge = (rejection?: string) =>
      judgeRefund(shop, orderId, { refundId: "advance-x-1", rejection }, shop.context);
    expect(await money()).toMatchObject({ due: 4_500, pending: 1_000 });
    await shop.engine.execute(order, orderId, "WithdrawReturn", { returnId: "x-1" }, shop.by());
    await expect(judge()).rejects.toMatchObject({ code: "illegal_transition" });
    await judge("it was withdrawn");
    expect(await money()).toMatchObject({ captured: 5_500, refunded: 0, pending: 0 });
  });

  test("has gone back once a dispute is lost, whatever was promised meanwhile", async () => {
    const shop = await openShop();
    const { orderId, paymentId, money } = await orderF(shop);
    await tell(shop, paymentId, opened(5_500));
    await cancelOrder(shop, orderId, { cancelId: "c-1", reason: "r" }, shop.context);
    // Owed until it is known how the dispute ends.
    expect(overpaidOf((await shop.orderOf(orderId)).book)).toBe(5_500);
    await tell(shop, paymentId, lost);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 5_500, pending: 0 });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled", paymentStatus: "refunded" });
    await tell(shop, paymentId, lost);
    expect((await money()).refunded).toBe(5_500);
  });

  test("that a dispute has taken for good is to be paid again before anything leaves", async () => {
    const shop = await openShop();
    const { orderId, paymentId, ship, refund, money } = await orderF(shop);
    await refund("r-1", { amount: 500 });
    await tell(shop, paymentId, opened(5_500));
    await tell(shop, paymentId, lost);
    // More than there was is the shop's loss, and not the order's money.
    expect(await money()).toEqual({ due: 5_000, captured: 5_500, refunded: 5_500, pending: 0 });
    expect(await shop.orderOf(orderId)).toMatchObject({
      status: "confirmed",
      paymentStatus: "partially_refunded",
    });
    await expect(ship("s-1", lineA(1))).rejects.toMatchObject({ code: "illegal_transition" });
    await further(shop, orderId, "second");
    await ship("s-1", lineA(1));
  });

  test("is waited for, however long, where a webhook tells of money that the books do not take", async () => {
    const shop = await openShop();
    const { paymentId } = await orderF(shop);
    const told = async (outcome: WebhookOutcome) => {
      const id = await keepWebhook(shop, { id: newId(), paymentId, outcome }, shop.context);
      shop.clock.now += 3 * 3_600_000;
      return handleWebhook(shop, id, shop.context);
    };
    const tooMuch = { status: "dispute_opened" as const, disputeId: "d-1", amount: 9_000, reason: "fraud" };
    await expect(told(tooMuch)).rejects.toMatchObject({ code: "illegal_transition" });
    await expect(told({ status: "failed", reason: "an older try" })).resolves.toBeUndefined();
  });
});

describe("a payment that is refused later", () => {
  test.each(["tok_capture_refused", "tok_expired"])("(%s) is given up for another one", async (token) => {
    const shop = await openShop();
    const { orderId, paymentId, money } = await orderF(shop, { token });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed", paymentStatus: "failed" });
    await further(shop, orderId, "second");
    expect(await money()).toEqual({ due: 5_500, captured: 5_500, refunded: 0, pending: 0 });
    expect(await paymentWith(shop, paymentId)).toMatchObject({ phase: "voided" });
    expect(shop.bank.openOf(paymentId)).toBe(0);
    await processes.payment(shop, paymentId, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "paid", paymentStatus: "paid" });
  });

  test("on its way back after a cancellation is owed, and asked for by staff alone", async () => {
    const shop = await openShop();
    const { orderId, paymentId, money } = await orderF(shop, { token: "tok_refund_pending" });
    await cancelOrder(shop, orderId, { cancelId: "x-1", reason: "r" }, shop.context);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 0, pending: 5_500 });
    const [refundId = ""] = (await paymentWith(shop, paymentId)).refunds.keys();
    expect(refundId).toBe(`cancellation-${orderId}`);
    await tell(shop, paymentId, { status: "refund_failed", refundId, reason: "closed account" });
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 0, pending: 0 });
    expect([...(await paymentWith(shop, paymentId)).refunds.keys()]).toEqual([refundId]);
    const again = { refundId: "r-1", failed: refundId, manual: true as const };
    await refundOrderAgain(shop, orderId, again, shop.context);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 5_500, pending: 0 });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "cancelled", paymentStatus: "refunded" });
  });
});

test("a second authorization of a payment is given back, also after the first was captured", async () => {
  const shop = await openShop();
  const { orderId, paymentId } = await orderF(shop);
  const reference = shop.bank.act(paymentId, 5_500);
  await tell(shop, paymentId, { status: "authorized", reference });
  expect(shop.bank.accounts.get(reference)).toMatchObject({ voided: true, captured: 0 });
  expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "captured", captured: 5_500 });
  await deliverOrder(shop, orderId, {}, shop.context).catch(() => {});
});

describe("what was found by attacking it", () => {
  const cancel = (shop: TestShop, orderId: string, what: object = {}) =>
    cancelOrder(shop, orderId, { cancelId: newId(), reason: "r", ...what }, shop.context);
  const bookTransfer = (shop: TestShop, paymentId: string, amount: number) =>
    capturePayment(shop, paymentId, { movementId: newId(), amount }, shop.context);

  test("money that the shop may keep is not given back because a webhook comes twice", async () => {
    const shop = await openShop();
    const { orderId, paymentId, money } = await orderF(shop);
    await cancel(shop, orderId, { credit: "none" });
    const { reference = "" } = await paymentWith(shop, paymentId);
    await tell(shop, paymentId, { status: "authorized", reference });
    await tell(shop, paymentId, { status: "refund_failed", refundId: "none", reason: "r" }).catch(() => {});
    expect(await money()).toEqual({ due: 5_500, captured: 5_500, refunded: 0, pending: 0 });
  });

  test("the rest of a transfer that comes after the end goes back, and no more can be booked", async () => {
    const shop = await openShop();
    const { orderId, paymentId, money } = await orderF(shop, { method: "bank_transfer" });
    await bookTransfer(shop, paymentId, 2_000);
    await cancel(shop, orderId);
    await bookTransfer(shop, paymentId, 3_500);
    await processes.order(shop, orderId, shop.context);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 5_500, pending: 0 });
    await expect(bookTransfer(shop, paymentId, 5_501)).rejects.toMatchObject({ code: "illegal_transition" });
  });

  test("a second authorization that was captured goes back by a refund of its own", async () => {
    const shop = await openShop();
    const { paymentId, refund, money } = await orderF(shop);
    const reference = shop.bank.act(paymentId, 5_500);
    shop.bank.captureUnasked(reference);
    await tell(shop, paymentId, { status: "authorized", reference });
    expect(shop.bank.accounts.get(reference)).toMatchObject({ captured: 5_500, refunded: 5_500 });
    await refund("r-1", { amount: 500 });
    expect(await money()).toMatchObject({ captured: 5_500, refunded: 500 });
  });

  test("an order is not cancelled for a transfer while a gateway holds its money", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId } = await orderF(shop, { method: "bank_transfer" });
    await further(shop, orderId, "second");
    shop.clock.now += 8 * dayMs;
    await processes.order(shop, orderId, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed" });
    expect((await shop.orderOf(orderId)).payBy).toBeUndefined();
    await shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "shipped", paymentStatus: "paid" });
  });

  test("what is held beside cash that was paid is released, and cash cannot be added", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId, ship } = await orderF(shop, { method: "cod" });
    await further(shop, orderId, "second");
    const cash = addPayment(
      shop,
      orderId,
      { paymentId: "third", method: "cod", byStaff: true },
      shop.context,
    );
    await expect(cash).rejects.toMatchObject({ code: "illegal_transition" });
    await ship("s-1", [...lineA(3), ...lineB]);
    await deliverOrder(shop, orderId, {}, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "delivered", paymentStatus: "paid" });
    expect(await paymentWith(shop, "second")).toMatchObject({ phase: "voided" });
  });

  test("what was held for pieces that were refunded is released", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId, paymentId, ship, refund } = await orderF(shop);
    await ship("s-1", lineB);
    const failed = { shipmentId: "s-1", outcome: "lost" as const };
    await shop.engine.execute(order, orderId, "FailDelivery", failed, shop.by());
    await refund("r-1", {});
    expect([shop.bank.balanceOf(paymentId), shop.bank.openOf(paymentId)]).toEqual([0, 0]);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "refunded", paymentStatus: "refunded" });
  });

  test("what a gateway has captured by itself beside a part goes back", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId, paymentId, ship, money } = await orderF(shop);
    await ship("s-1", lineA(3));
    const { reference = "" } = await paymentWith(shop, paymentId);
    shop.bank.captureUnasked(reference);
    await cancel(shop, orderId, { lines: lineB });
    await processes.order(shop, orderId, shop.context);
    expect(await money()).toEqual({ due: 3_500, captured: 5_500, refunded: 2_000, pending: 0 });
    expect(shop.bank.balanceOf(paymentId)).toBe(3_500);
  });

  test("money that a bank has taken back is owed, not promised for ever, when its order is cancelled", async () => {
    const shop = await openShop();
    const { orderId, paymentId, money, refund } = await orderF(shop);
    const opened = { status: "dispute_opened" as const, disputeId: "d-1", amount: 5_500, reason: "fraud" };
    await tell(shop, paymentId, opened);
    await cancel(shop, orderId);
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 0, pending: 0 });
    expect((await shop.orderOf(orderId)).openEffects.size).toBe(0);
    await tell(shop, paymentId, { status: "dispute_ended", disputeId: "d-1", won: true });
    await refund("r-1", {});
    expect(await money()).toEqual({ due: 0, captured: 5_500, refunded: 5_500, pending: 0 });
  });

  test("a refund that was rejected does not go round its approval by another try", async () => {
    const shop = await openShop({ refundApprovalFrom: 1_000 });
    const { orderId, money } = await orderF(shop);
    await cancel(shop, orderId, { lines: lineB });
    const [refundId = ""] = (await shop.paymentOf(orderId)).refunds.keys();
    await judgeRefund(shop, orderId, { refundId, rejection: "no" }, shop.context);
    await refundOrderAgain(shop, orderId, { refundId: "r-2", failed: refundId }, shop.context);
    expect(await money()).toEqual({ due: 3_500, captured: 5_500, refunded: 0, pending: 2_000 });
  });

  test("a transfer that never came is given up alone where the order is paid otherwise", async () => {
    const shop = await openShop();
    const { orderId, paymentId, money } = await orderF(shop, { method: "bank_transfer" });
    await further(shop, orderId, "second");
    await voidPayment(shop, paymentId, "r", shop.context);
    expect(await paymentWith(shop, paymentId)).toMatchObject({ phase: "voided" });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "paid" });
    expect(await money()).toMatchObject({ captured: 5_500, refunded: 0 });
  });

  test("a further payment that is authorized when nothing is open any more is given back", async () => {
    const shop = await openShop();
    const { orderId, money } = await orderF(shop, { method: "bank_transfer" });
    await further(shop, orderId, "second", "tok_action");
    await further(shop, orderId, "third");
    await tell(shop, "second", { status: "authorized", reference: shop.bank.act("second", 5_500) });
    expect(await paymentWith(shop, "second")).toMatchObject({ phase: "voided", captured: 0 });
    expect(shop.bank.openOf("second")).toBe(0);
    expect(await money()).toEqual({ due: 5_500, captured: 5_500, refunded: 0, pending: 0 });
  });

  test("a further payment is voided alone, and one that failed not at all", async () => {
    const shop = await openShop({ capture: "shipment" });
    const { orderId } = await orderF(shop, { method: "bank_transfer" });
    await further(shop, orderId, "second");
    await voidPayment(shop, "second", "r", shop.context);
    expect(await paymentWith(shop, "second")).toMatchObject({ phase: "voided" });
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "confirmed" });
    await further(shop, orderId, "third", "tok_declined");
    await expect(voidPayment(shop, "third", "r", shop.context)).rejects.toMatchObject({
      code: "illegal_transition",
    });
  });
});
