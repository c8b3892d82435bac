import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { cli } from "../cli/cli.ts";
import { ShopProcess } from "../drills/processes.ts";
import { EventStoreDouble } from "../stores/eventstoredb/double/server.ts";
import { type Receiver, startReceiver } from "../support/receiver.ts";
import { openShop, staff } from "./shop.ts";

const timeout = 120_000;
const webhooks = { WEBHOOK_PRIVATE_ADDRESSES: "true" };

async function receiving(): Promise<Receiver> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  return receiver;
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-webhooks-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

const quantities = ({ received }: Receiver) =>
  received.map(({ body }) => (body.data.change as { onHand: number }).onHand);

test("a shop that is killed amid its deliveries sends the rest when it is back", { timeout }, async () => {
  const receiver = await receiving();
  const authorization = staff.authorization;
  const process = new ShopProcess({
    name: "shop",
    env: {
      ...webhooks,
      DATA_DIR: await newFolder(),
      ADMIN_API_KEY: authorization.replace("Bearer ", ""),
      SAMPLE_SHOP: "off",
    },
  });
  onTestFinished(() => process.kill());
  const post = async (path: string, body: unknown, method = "POST") => {
    const headers = { authorization, "content-type": "application/json" };
    const answer = await fetch(process.url + path, { method, headers, body: JSON.stringify(body) });
    expect(answer.ok, `${path} ${answer.status}`).toBe(true);
  };
  await process.start();
  await post("/v1/webhook-endpoints", { url: receiver.url, topics: ["stock.changed"] });
  await post("/v1/stock/A/policy", {}, "PUT");
  const all = Array.from({ length: 200 }, (_, index) => index + 1);
  for (const quantity of all.slice(0, 100)) await post("/v1/stock/A/receipts", { quantity });
  await vi.waitFor(() => expect(receiver.received.length).toBeGreaterThan(10), { timeout: 20_000 });
  for (const quantity of all.slice(100)) await post("/v1/stock/A/receipts", { quantity });
  await process.kill();
  await process.start();
  await vi.waitFor(() => expect(new Set(quantities(receiver)).size).toBe(200), { timeout: 30_000 });
  // Each came first in its order; what came again came under the id that it had.
  expect([...new Set(quantities(receiver))]).toEqual(all);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(200);
  await process.kill();
});

test("an endpoint goes on where it stood when its shop has moved to another log", { timeout }, async () => {
  const receiver = await receiving();
  const folder = await newFolder();
  const shop = await openShop({ folder, env: webhooks, runDueWork: true });
  await shop.post("/v1/webhook-endpoints", { url: receiver.url, topics: ["stock.changed"] });
  for (const quantity of [1, 2]) await shop.receive("A", quantity);
  await vi.waitFor(() => expect(quantities(receiver)).toEqual([1, 2]), { timeout: 10_000 });
  await shop.close();
  const double = await EventStoreDouble.start();
  onTestFinished(() => double.close());
  expect(await cli(["copy", "--from", folder, "--to", double.url])).toMatchObject({ code: 0 });
  const moved = await openShop({
    folder,
    env: { ...webhooks, EVENTSTOREDB_URL: double.url },
    runDueWork: true,
  });
  await moved.receive("A", 3);
  await vi.waitFor(() => expect(quantities(receiver)).toEqual([1, 2, 3]), { timeout: 20_000 });
});
