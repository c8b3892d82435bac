import { describe, expect, test } from "vitest";
import { order } from "../../commands/order/order.ts";
import { cancelOrder, deliverOrder } from "../../commands/processes/fulfilment.ts";
import { processes } from "../../commands/processes/tasks.ts";
import { ordered } from "./ordered.ts";

// What random histories of orders, payments and stock together have found (test/domain/together).

const dayMs = 86_400_000;

describe("a transfer that does not come", () => {
  test("is not waited for any longer where what was free has left", async () => {
    const lines = [{ sku: "A" }, { sku: "FREE", unitPrice: 0 }];
    const { shop, orderId, ship, tasks } = await ordered({ method: "bank_transfer", shipping: 0 }, { lines });
    await ship([{ sku: "FREE", quantity: 1 }]);
    shop.clock.now += 8 * dayMs;
    await processes.order(shop, orderId, shop.context);
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "shipped", book: { due: 0 } });
    expect(await tasks()).toEqual([]);
  });

  test("is nobody's task where it was added to another payment", async () => {
    const { further, tasks } = await ordered({ method: "cod" });
    await further("bank_transfer");
    expect(await tasks()).toEqual([]);
  });
});

describe("of an order that is over", () => {
  test("money that comes once more goes back", async () => {
    const { cancel, capture, money, paymentWith, paymentId, tasks } = await ordered({
      method: "bank_transfer",
    });
    await capture(1_500);
    await cancel();
    await capture(700, "again");
    expect(await paymentWith(paymentId)).toMatchObject({ captured: 2_200, refunded: 2_200 });
    expect(await money()).toEqual({ due: 0, captured: 2_200, refunded: 2_200, pending: 0 });
    expect(await tasks()).toEqual([]);
  });

  test("money that the shop keeps is kept, whatever its gateway tells", async () => {
    const { shop, cancel, paymentId, tell, money } = await ordered();
    await cancel({ credit: "none" });
    await tell({ status: "authorized", reference: shop.bank.act(paymentId, 1_500) });
    expect(shop.bank.balanceOf(paymentId)).toBe(1_500);
    expect(await money()).toEqual({ due: 1_500, captured: 1_500, refunded: 0, pending: 0 });
  });

  test.each(["none", undefined] as const)(
    "what was not captured is released, with credit %s",
    async (credit) => {
      const { shop, cancel, capture, paymentId } = await ordered({}, { capture: "shipment" });
      await capture(400);
      await cancel({ credit });
      expect([shop.bank.balanceOf(paymentId), shop.bank.openOf(paymentId)]).toEqual([credit ? 400 : 0, 0]);
    },
  );

  test("what was not captured is released when the rest is refunded", async () => {
    const { shop, capture, refund, paymentId } = await ordered({}, { capture: "shipment" });
    await capture(400);
    await refund({});
    expect([shop.bank.balanceOf(paymentId), shop.bank.openOf(paymentId)]).toEqual([0, 0]);
  });

  test("what was refunded goes back by the refund that promised it", async () => {
    const { refund, paymentWith, paymentId, money } = await ordered();
    await refund({});
    expect(await paymentWith(paymentId)).toMatchObject({ refunds: new Map([["f", expect.anything()]]) });
    expect(await money()).toEqual({ due: 0, captured: 1_500, refunded: 1_500, pending: 0 });
  });

  test("money that the bank has taken back is owed, and not on its way for ever", async () => {
    const { shop, orderId, cancel, tell, money } = await ordered();
    await tell({ status: "dispute_opened", disputeId: "d", amount: 300, reason: "fraud" });
    await cancel();
    expect(await money()).toEqual({ due: 0, captured: 1_500, refunded: 1_200, pending: 0 });
    expect((await shop.orderOf(orderId)).unpaid.size).toBe(1);
  });
});

test("a capture that was refused is not tried for ever where others have paid", async () => {
  const { shop, capture, further, paymentWith, tasks } = await ordered({ method: "bank_transfer" });
  await further("credit_card", "tok_capture_refused");
  await capture(1_500);
  shop.clock.now += 60_000;
  await processes.payment(shop, "second", shop.context);
  expect(await paymentWith("second")).toMatchObject({ phase: "voided" });
  expect(await tasks()).toEqual([]);
});

describe("a refund that is refused", () => {
  test("of goodwill is not asked for again for pieces that were cancelled since", async () => {
    const { cancel, refund, judge, money } = await ordered({}, { refundApprovalFrom: 1_000 });
    await refund({ amount: 1_000 });
    await cancel();
    await judge("no");
    expect(await money()).toEqual({ due: 0, captured: 1_500, refunded: 500, pending: 0 });
  });

  test("for want of money is not asked for again when a dispute is won", async () => {
    const { shop, orderId, tell, money, killAt } = await ordered();
    await tell({ status: "dispute_opened", disputeId: "d", amount: 1_500, reason: "fraud" });
    const asked = { refundId: "f", reason: "r", cause: "goodwill" as const, amount: 100 };
    await shop.engine.execute(order, orderId, "Refund", asked, shop.by());
    // Killed before it has noted that the effect is applied.
    const restart = killAt("MarkEffectsApplied");
    await expect(processes.order(shop, orderId, shop.context)).rejects.toThrow("killed");
    restart();
    await tell({ status: "dispute_ended", disputeId: "d", won: true });
    await processes.order(shop, orderId, shop.context);
    expect(await money()).toEqual({ due: 1_500, captured: 1_500, refunded: 0, pending: 0 });
  });

  test("of a piece that was lost since is not asked for again either", async () => {
    const { shop, orderId, ship, fail, refund, judge, money } = await ordered(
      {},
      { refundApprovalFrom: 1_000 },
    );
    await ship();
    await refund({ lines: [{ lineId: 1, quantity: 1 }], of: "delivered" });
    await fail("lost");
    await judge("no");
    expect(await money()).toEqual({ due: 500, captured: 1_500, refunded: 0, pending: 0 });
    await deliverOrder(shop, orderId, {}, shop.context);
  });
});

test("a further payment that was refused is not made when it is asked for again", async () => {
  const lines = [{ sku: "A", quantity: 2 }];
  const { shop, orderId, further, paymentWith, tasks } = await ordered({ method: "cod" }, { lines });
  const { execute } = shop.engine;
  // Somebody cancels a piece between a look at the order and the payment that is added to it.
  shop.engine.execute = (async (...args: Parameters<typeof execute>) => {
    shop.engine.execute = execute;
    const part = { cancelId: "x", reason: "r", lines: [{ lineId: 1, quantity: 1 }] };
    await cancelOrder(shop, orderId, part, shop.context);
    return execute.apply(shop.engine, args);
  }) as typeof execute;
  for (let times = 0; times < 2; times++)
    await expect(further("credit_card")).rejects.toMatchObject({ code: "illegal_transition" });
  expect(await paymentWith("second")).toMatchObject({ phase: "failed" });
  expect(await tasks()).toEqual([]);
});
