import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createAuth } from "../../src/http/auth.ts";
import { importOnlineRetail } from "../../src/importers/online-retail/online-retail.ts";
import { type Body, type HttpShop, openShop, openTimeoutMs, staff } from "./shop.ts";

const fixture = join(import.meta.dirname, "../fixtures/data-v0.1.tar.gz");

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-brought-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Every order and its cart as its customer reads them, beside the order as staff reads it. */
async function asCustomersRead({
  runtime,
  get,
}: HttpShop): Promise<{ order: Body; cart: Body; all: Body }[]> {
  const { secret } = runtime.folder;
  const nobody = async () => undefined;
  const tokens = createAuth({ secret, adminApiKey: "", customerOf: nobody, keyOf: nobody, ownerOf: nobody });
  const { items } = (await get("/v1/orders?limit=100", staff)).body;
  const reads = items.map(async ({ id }: { id: string }) => {
    const all = (await get(`/v1/orders/${id}`, staff)).body;
    const guest = { "cart-token": tokens.cartToken(all.cartId) };
    const [order, cart] = [await get(`/v1/orders/${id}`, guest), await get(`/v1/carts/${all.cartId}`, guest)];
    expect({ id, order: order.status, cart: cart.status }).toEqual({ id, order: 200, cart: 200 });
    return { order: order.body, cart: cart.body, all };
  });
  return Promise.all(reads);
}

test("customers can read the orders that an import has brought, and nothing of what only staff may", {
  timeout: openTimeoutMs,
}, async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "invoices.csv");
  const rows = [
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
    "500001,10001,MUG,3,2011-03-01T09:00:00,2.50,12345,France",
    "500001,10001,MUG,2,2011-03-01T09:00:00,1.95,12345,France",
    "500001,POST,POSTAGE,1,2011-03-01T09:00:00,18.00,12345,France",
    "500002,10001,MUG,1,2011-03-02T09:00:00,2.50,,Unspecified",
    "C500003,10001,canary,-1,2011-03-03T09:00:00,2.50,12345,France",
    "500004,10001,canary,-3,2011-03-04T09:00:00,0,,France",
  ];
  await writeFile(file, `${rows.join("\n")}\n`);
  // Its work is of another time: nobody is to give up what was not done since.
  const shop = await openShop({ runDueWork: false });
  const rejectsFile = join(folder, "rejects.csv");
  const { orders } = await importOnlineRetail(shop.runtime, { file, rejectsFile });
  expect(orders).toBe(2);
  const read = await asCustomersRead(shop);
  expect(read).toHaveLength(2);
  expect(read.map(({ order }) => order.lines.length).sort()).toEqual([1, 3]);
  expect(read.map(({ order }) => order.refunds.length).sort()).toEqual([0, 1]);
  for (const { order, all } of read) {
    expect(order).toMatchObject({
      id: all.id,
      status: all.status,
      totals: all.totals,
      placedAt: all.placedAt,
    });
    expect(all.customerId === undefined || !JSON.stringify(order).includes(all.customerId)).toBe(true);
    for (const { reason } of all.payments[0].refunds) expect(JSON.stringify(order)).not.toContain(reason);
  }
  expect((await shop.get("/v1/stock/10001/ledger", staff)).text).toContain("canary");
  for (const url of ["/v1/products", "/v1/stock/10001"])
    expect((await shop.get(url)).text).not.toMatch(/canary/i);
});

test("customers can read the orders that version 0.1 has left", { timeout: openTimeoutMs }, async () => {
  const parent = await temporaryFolder();
  execFileSync("tar", ["-xzf", fixture, "-C", parent]);
  const clock = () => Date.UTC(2026, 10, 26);
  const shop = await openShop({ folder: join(parent, "data"), clock });
  await shop.caughtUp();
  const read = await asCustomersRead(shop);
  expect(read.length).toBeGreaterThan(1);
  for (const { order, cart, all } of read) {
    expect(order).toMatchObject({ id: all.id, number: all.number, lines: [{ sku: all.lines[0].sku }] });
    expect(cart).toMatchObject({ id: all.cartId, currency: all.currency });
    expect(order.timeline.map(({ type }: Body) => type)).not.toContain("note");
  }
});
