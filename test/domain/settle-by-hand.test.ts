import { expect, test } from "vitest";
import { payment } from "../../commands/payment/payment.ts";
import { settleTask } from "../../commands/processes/settle.ts";
import { createBank } from "../support/bank.ts";
import { createShop } from "../support/shop.ts";
import { shared, temporaryLog } from "../support/stores.ts";

test("a capture that an operator says is done goes back where all of the payment is to", async () => {
  const bank = createBank();
  const events = shared(await temporaryLog());
  const shop = createShop({ events, bank, settings: { gatewayTimeoutMs: 200 } });
  await shop.receive("A", 5);
  bank.loseNext("capture", 100);
  const { orderId, paymentId } = await shop.checkOut([{ sku: "A" }]);
  await shop.engine.execute(payment, paymentId, "GiveBack", { reason: "cancelled" }, shop.by());
  expect(await shop.paymentOf(orderId)).toMatchObject({
    capturing: { movementId: "capture" },
    givingBack: "cancelled",
  });
  const seen = "seen at the gateway";
  expect(await settleTask(shop, "payment", paymentId, "done", seen, shop.context)).toEqual([]);
  expect(await shop.paymentOf(orderId)).toMatchObject({ phase: "captured" });
});
