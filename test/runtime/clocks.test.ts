import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { openShop, openTimeoutMs } from "../http/shop.ts";
import { EventStoreDouble } from "../stores/eventstoredb/double/server.ts";

/** Of a round of the task runner, and as long again. */
const roundsMs = 2_500;
const allowanceMs = 5_000;
const cartLifeMs = 7 * 86_400_000;
const waiting = { timeout: 20_000, interval: 100 };

test("a clock that is wrong starts no timer and is told of, until it is right; then it allows for those of others", {
  timeout: openTimeoutMs,
}, async () => {
  const double = await EventStoreDouble.start();
  onTestFinished(() => double.close());
  double.log.clockAheadMs = 5_500;
  const started = Date.now();
  // What is due by it is seen to be wrong before anything is done.
  let passedMs = cartLifeMs + 60_000;
  const clock = () => Date.now() + passedMs;
  const shop = await openShop({ clock, runDueWork: true, env: { EVENTSTOREDB_URL: double.url } });
  const statusOf = async (cart: { id: string; guest: Record<string, string> }) =>
    (await shop.get(`/v1/carts/${cart.id}`, cart.guest)).body.status;
  const ready = async () => (await shop.get("/health/ready")).body;
  passedMs = 0;
  const cart = await shop.cart();
  expect(await ready()).toMatchObject({
    status: "degraded",
    troubles: [{ about: "events store", reason: expect.stringMatching(/ahead of ours/) }],
  });
  passedMs = cartLifeMs + 60_000;
  await sleep(roundsMs);
  expect(await statusOf(cart)).toBe("open");

  // Nobody asks for anything meanwhile.
  passedMs = started + cartLifeMs - Date.now();
  double.log.clockAheadMs = 0;
  await vi.waitFor(async () => expect(await ready()).toMatchObject({ status: "ready" }), waiting);
  // It is due, and another process's clock may be behind.
  passedMs = started + cartLifeMs + 1_000 - Date.now();
  await sleep(roundsMs);
  expect(await statusOf(cart)).toBe("open");
  passedMs = cartLifeMs + 2 * allowanceMs;
  await vi.waitFor(async () => expect(await statusOf(cart)).toBe("expired"), waiting);
});
