import { expect, test } from "vitest";
import { claimMore, undoClaims } from "../../commands/processes/claims.ts";
import { processOf } from "../../commands/processes/process.ts";
import { createShop } from "../support/shop.ts";
import { shared, temporaryLog } from "../support/stores.ts";

async function orderOf(pieces: number) {
  const shop = createShop({ events: shared(await temporaryLog()) });
  await shop.receive("A", 5);
  await shop.receive("B", 2);
  const { orderId } = await shop.checkOut([{ sku: "A", quantity: pieces }]);
  return { shop, orderId, process: processOf(shop, orderId, shop.context) };
}

test("an order claims more of all SKUs, or of none (43)", async () => {
  const { shop, orderId, process } = await orderOf(3);
  const tooMany = [
    ["A", 2],
    ["B", 3],
  ] as const;
  await expect(claimMore(process, orderId, "e-1", tooMany)).rejects.toMatchObject({ code: "out_of_stock" });
  expect(await shop.stockOf("A")).toMatchObject({ committed: 3 });
  expect(await shop.stockOf("B")).toMatchObject({ committed: 0 });
  const fitting = [
    ["A", 2],
    ["B", 2],
  ] as const;
  for (const _ of ["once", "again"]) await claimMore(process, orderId, "e-2", fitting);
  expect(await shop.stockOf("A")).toMatchObject({ committed: 5 });
  expect(await shop.stockOf("B")).toMatchObject({ committed: 2 });
});

test("what an order has claimed more is undone, and not claimed by who wakes up later", async () => {
  const { shop, orderId, process } = await orderOf(3);
  await claimMore(process, orderId, "e-1", [["A", 1]]);
  for (const _ of ["once", "again"]) await undoClaims(process, orderId, "e-1", [["A", 1]], "refused");
  await expect(claimMore(process, orderId, "e-1", [["A", 1]])).rejects.toMatchObject({
    code: "illegal_transition",
  });
  expect(await shop.stockOf("A")).toMatchObject({ committed: 3 });
});
