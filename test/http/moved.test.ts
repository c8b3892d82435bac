import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { logState } from "../../commands/log/log-state.ts";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { newId } from "../../src/values/ids.ts";
import { openShop, openTimeoutMs, staff } from "./shop.ts";

test("a shop that has moved answers commands with 503, tells staff where to, and is still to be read", {
  timeout: openTimeoutMs,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-moved-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const before = await openShop({ folder });
  await before.product({ skus: ["A"], quantity: 3 });
  const cart = await before.cart(["A", 1]);
  const context = { commandId: newId(), now: Date.now(), actor: "test", correlationId: "test" };
  const there = { to: "esdb://elsewhere", logId: "b" };
  await before.runtime.engine.execute(logState, "state", "Move", there, context);
  await before.close();

  const shop = await openShop({ folder });
  await prepareLog(shop.runtime);
  const receipt = await shop.post("/v1/stock/A/receipts", { quantity: 1 });
  expect(receipt).toMatchObject({
    status: 503,
    body: { code: "unavailable", detail: "this shop has moved to esdb://elsewhere" },
  });
  const checkout = await shop.checkOut(cart, {}, { "idempotency-key": newId() });
  expect(checkout).toMatchObject({ status: 503, body: { code: "unavailable" } });
  expect(checkout.text).not.toContain("esdb://");
  await shop.caughtUp();
  expect((await shop.get(`/v1/carts/${cart.id}`, cart.guest)).status).toBe(200);
  expect((await shop.get("/v1/stock/A", staff)).body).toMatchObject({ onHand: 3 });
});
