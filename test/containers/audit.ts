import { expect } from "vitest";
import { checkTasks, expectClean, settled } from "../drills/checks.ts";
import { type Purchase, sendAgain } from "../drills/load.ts";
import { type LogLine, unexplainedOf } from "../drills/processes.ts";
import type { Compose } from "./engine.ts";
import type { Shop } from "./shop.ts";

const askedAgainMax = 25;

/** No acknowledged order is lost and none is there twice, and the stock's books say the same. */
export async function auditOrders(shop: Shop): Promise<void> {
  const { client, tally, staff, url, sku } = shop;
  const { purchases, receipts } = shop.acknowledged;
  expect(purchases.length).toBeGreaterThan(0);
  await shop.ready();
  await settled(() => checkTasks(url, staff));
  const orders = await shop.orders();
  // One that was undone is told as cancelled, and its customer was told so.
  const live = orders.filter(({ status }) => status !== "cancelled");
  const asTold = purchases.map(({ orderId, number }) => ({ id: orderId, number, status: "paid" }));
  expect(live.map(({ id, number, status }) => ({ id, number, status })).toSorted(byId)).toEqual(
    asTold.toSorted(byId),
  );
  expect(new Set(orders.map(({ number }) => number)).size, "an order number came twice").toBe(orders.length);
  const onHand = receipts.reduce((sum, { quantity }) => sum + quantity, shop.stocked);
  const committed = purchases.reduce((sum, { quantity }) => sum + quantity, 0);
  const stock = await (await shop.asOfNow())(`/v1/stock/${sku}`);
  expect(stock).toMatchObject({ onHand, reserved: 0, committed, available: onHand - committed });
  for (const purchase of spread(purchases)) await sendAgain(client, tally, purchase);
  expect(tally.wrong).toEqual([]);
}

/** The read models are what the log gives, document by document, as a process beside that of the service finds. */
export async function auditModels(compose: Compose, service: string): Promise<void> {
  const settings = ["--env", "ROLE=all", "--env", "DATA_DIR=/tmp/verify", "--env", "LOG_LEVEL=warn"];
  const program = ["node", "src/cli/cartwright.ts", "verify", "--json"];
  const ran = await compose.run("exec", "-T", ...settings, service, ...program).then(
    (out) => ({ code: 0, out, err: "" }),
    ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
  );
  expectClean(ran);
}

/** No process has logged an error that no store's absence explains. */
export async function auditLogs(compose: Compose, services: readonly string[]): Promise<void> {
  for (const service of services) {
    const told = (await compose.run("logs", "--no-color", "--no-log-prefix", service)).split("\n");
    const lines = told.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LogLine);
    // Each has lost a store, or its lease, at least once.
    expect(lines.length, `lines of ${service}`).toBeGreaterThan(0);
    expect(unexplainedOf(service, lines)).toEqual([]);
  }
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}

function spread(purchases: readonly Purchase[]): Purchase[] {
  const step = Math.max(1, Math.floor(purchases.length / askedAgainMax));
  return purchases.filter((_, index) => index % step === 0);
}
