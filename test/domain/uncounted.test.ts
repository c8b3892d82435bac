import { expect, test } from "vitest";
import { order } from "../../commands/order/order.ts";
import { applyEffects } from "../../commands/processes/effects.ts";
import { deliverOrder, shipOrder } from "../../commands/processes/fulfilment.ts";
import { registerReturn } from "../../commands/processes/returns.ts";
import { stock } from "../../commands/stock/stock.ts";
import { createShop } from "../support/shop.ts";
import { shared, temporaryLog } from "../support/stores.ts";

/** An order of three pieces sold while nobody counted them, of which ten are there by now. */
async function soldUncounted() {
  const shop = createShop({ events: shared(await temporaryLog()) });
  await shop.engine.execute(stock, "A", "SetPolicy", { track: false }, shop.by());
  const { orderId } = await shop.checkOut([{ sku: "A", quantity: 3 }]);
  await shop.engine.execute(stock, "A", "SetPolicy", { track: true, counted: 10 }, shop.by());
  return { shop, orderId };
}

test("pieces that left uncounted are not restocked, whichever way they come back", async () => {
  const { shop, orderId } = await soldUncounted();
  await shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
  expect((await shop.orderOf(orderId)).uncounted).toEqual({ out: [{ sku: "A", quantity: 3 }], back: [] });
  const failed = {
    shipmentId: "s-1",
    outcome: "undeliverable" as const,
    lines: [{ sku: "A", quantity: 1 }],
  };
  await shop.engine.execute(order, orderId, "FailDelivery", failed, shop.by());
  const back = { shipmentId: "s-1", backId: "b-1", lines: [{ sku: "A", sellable: 1, damaged: 0 }] };
  await shop.engine.execute(order, orderId, "TakeBack", back, shop.by());
  await applyEffects(shop, orderId, shop.context);
  expect(await shop.stockOf("A")).toMatchObject({ onHand: 10 });
  await deliverOrder(shop, orderId, {}, shop.context);
  const lines = [{ sku: "A", quantity: 2, sellable: 1 }];
  await registerReturn(shop, orderId, { returnId: "r-1", lines }, shop.context);
  expect(await shop.stockOf("A")).toMatchObject({ onHand: 10, damaged: 0 });
  expect((await shop.orderOf(orderId)).uncounted).toEqual({ out: [], back: [{ sku: "A", quantity: 3 }] });
});

test("an order that was counted when it left is restocked, though its SKU was not tracked once", async () => {
  const { shop } = await soldUncounted();
  const { orderId } = await shop.checkOut([{ sku: "A", quantity: 2 }]);
  await shipOrder(shop, orderId, { shipmentId: "s-1" }, shop.context);
  await deliverOrder(shop, orderId, {}, shop.context);
  expect(await shop.stockOf("A")).toMatchObject({ onHand: 8, committed: 0 });
  const lines = [{ sku: "A", quantity: 1, sellable: 1 }];
  await registerReturn(shop, orderId, { returnId: "r-1", lines }, shop.context);
  expect(await shop.stockOf("A")).toMatchObject({ onHand: 9 });
  expect((await shop.orderOf(orderId)).uncounted).toEqual({ out: [], back: [] });
});
