import { expect, test } from "vitest";
import { newId } from "../../src/values/ids.ts";
import { openShop, openTimeoutMs, staff } from "./shop.ts";

test("what leads to a product, or is not found at all, is not shown either while it is parked", {
  timeout: openTimeoutMs,
}, async () => {
  const { product, order, caughtUp, get, receive, post, runtime } = await openShop();
  const { events } = runtime;
  /** Events that no decider would have decided. */
  const append = async (stream: string, revision: number, type: string, data: object | null) => {
    const metadata = { time: Date.now(), commandId: newId(), correlationId: "test", actor: "test" };
    await events.append(stream, revision, [{ id: newId(), type, data: JSON.stringify(data), metadata }]);
  };
  const { id } = await product({ skus: ["LED"], quantity: 5 });
  const { order: bought } = await order(["LED", 1]);
  const [placed] = (await events.readStream(`order-${bought.id}`, { maxCount: 1 })).events;
  const broken = { ...(placed?.data as object), number: "ORD-BROKEN", lines: null };
  await append("order-broken", -1, "OrderPlaced", broken);
  const [last] = (await events.readStream("stock-LED", { backwards: true, maxCount: 1 })).events;
  const revision = last?.revision ?? 0;
  await append("stock-LED", revision, "StockPolicySet", null);
  await append("stock-LED", revision + 1, "StockAdjusted", { delta: -5, reason: "lost" });
  await product({ skus: ["OTHER"], quantity: 0 });
  await receive("OTHER", 1);
  const later = await post("/v1/stock/OTHER/receipts", { quantity: 1 });
  await caughtUp();
  const asOf = { ...staff, "min-position": String(later.headers.position) };
  for (const path of ["orders/ORD-BROKEN", "orders/broken", `products/${id}`])
    expect([path, (await get(`/v1/${path}`, asOf)).status]).toEqual([path, 503]);
  expect((await get(`/v1/orders/${bought.id}`, asOf)).status).toBe(200);
  expect((await get("/v1/orders/ORD-BROKEN", staff)).status).toBe(404);
  expect((await get(`/v1/products/${id}`, staff)).status).toBe(200);
});
