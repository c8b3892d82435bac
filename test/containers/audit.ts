import { expect } from "vitest";
import type { Buyers, Purchase, Shop } from "./shop.ts";

const settledWithinMs = 90_000;
const askedAgainMax = 25;

/** No acknowledged order is lost and none is there twice, and the stock's books say the same. */
export async function auditOrders(shop: Shop, buyers: Buyers, sku: string, received: number): Promise<void> {
  const { bought, wrong } = buyers;
  expect(wrong).toEqual([]);
  expect(new Set(bought.map(({ order }) => order)).size).toBe(bought.length);
  await shop.ready(settledWithinMs);
  await expect
    .poll(async () => (await shop.asStaff("GET", "/v1/ops/tasks")).items, { timeout: settledWithinMs })
    .toEqual([]);
  // Readiness does not wait for the last documents, which a slow store is still being told.
  const listed = async () => (await shop.orders(sku)).map(({ id }) => id).toSorted();
  await expect
    .poll(listed, { timeout: settledWithinMs, interval: 1_000 })
    .toEqual(bought.map(({ order }) => order).toSorted());
  const { onHand, reserved, committed, available } = await shop.asStaff("GET", `/v1/stock/${sku}`);
  expect({ onHand, reserved, committed, available }).toEqual({
    onHand: received,
    reserved: 0,
    committed: bought.length,
    available: received - bought.length,
  });
  await askAgain(shop, spread(bought));
}

/** The same key again, long after: the same order, and nothing new. */
async function askAgain(shop: Shop, purchases: readonly Purchase[]): Promise<void> {
  for (const purchase of purchases) {
    const { status, headers, body } = await shop.checkOut(purchase);
    expect({ status, replayed: headers.get("idempotent-replayed"), order: body.id }).toEqual({
      status: 201,
      replayed: "true",
      order: purchase.order,
    });
  }
}

function spread(purchases: readonly Purchase[]): Purchase[] {
  const step = Math.max(1, Math.floor(purchases.length / askedAgainMax));
  return purchases.filter((_, index) => index % step === 0);
}
