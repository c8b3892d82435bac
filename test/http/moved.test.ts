import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { logState } from "../../commands/log/log-state.ts";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { newId } from "../../src/values/ids.ts";
import { type HttpShop, openShop, openTimeoutMs, staff } from "./shop.ts";

/** The task runner looks each second for what is due. */
const roundsMs = 2_500;
const patience = { timeout: 10_000, interval: 100 };

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-moved-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function move({ runtime }: HttpShop): Promise<void> {
  const context = { commandId: newId(), now: Date.now(), actor: "test", correlationId: "test" };
  const there = { to: "esdb://elsewhere", logId: "b" };
  await runtime.engine.execute(logState, "state", "Move", there, context);
}

test("a shop that has moved answers commands with 503, tells staff where to, and is still to be read", {
  timeout: openTimeoutMs,
}, async () => {
  const folder = await temporaryFolder();
  const before = await openShop({ folder });
  await before.product({ skus: ["A"], quantity: 3 });
  const cart = await before.cart(["A", 1]);
  await move(before);
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

test("what is due in a shop that has moved waits, and one line says why", {
  timeout: openTimeoutMs,
}, async () => {
  const folder = await temporaryFolder();
  const before = await openShop({ folder });
  await before.product({ skus: ["A"] });
  const carts = [await before.cart(["A", 1]), await before.cart(["A", 1])];
  await before.caughtUp();
  await move(before);
  await before.close();

  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
  const later = () => Date.now() + 365 * 86_400_000;
  const { runtime } = await openShop({ folder, log, clock: later, runDueWork: true });
  await sleep(roundsMs);
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    "this shop has moved to esdb://elsewhere: commands are refused, and nothing that is due is done",
  ]);
  expect(runtime.tasks.failing()).toEqual([]);

  runtime.engine.refuse(undefined);
  const lastOf = async (id: string) =>
    (await runtime.events.readStream(`cart-${id}`, { backwards: true, maxCount: 1 })).events[0]?.type;
  for (const { id } of carts)
    await vi.waitFor(async () => expect(await lastOf(id)).toBe("CartExpired"), patience);
});
