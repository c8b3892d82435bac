import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { zstdDecompressSync } from "node:zlib";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { OrderDoc } from "../../projections/orders/documents.ts";
import { ordersProjection } from "../../projections/orders/orders.ts";
import { Queries } from "../../src/runtime/queries.ts";
import { viewsFolder } from "../../src/stores/backends.ts";
import { openEmbeddedViewStore } from "../../src/stores/view-store/embedded/store.ts";
import { openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const formula = '=HYPERLINK("http://evil")';
const awkward = {
  fullName: 'Zoë "Z" O\'Neil,\nJr.',
  addressLine1: "1 High Street",
  city: "東京",
  postalCode: "N1 1AA",
  country: "GB",
};

beforeAll(async () => {
  const { product, order, cart, checkOut, post, caughtUp } = shop();
  const images = [{ url: "/b.jpg" }, { url: "/a.jpg", alt: "a, b", primary: true }];
  const fields = { tags: ["plain", "with, comma"], description: "=1+1", brand: "-10%", images };
  await product({ name: formula, skus: ["A", "+B"], price: 1_050, quantity: 500, fields });
  await post("/v1/products", { name: "Draft", variants: [] });
  await order(["A", 2], ["+B", 1]);
  await checkOut(await cart(["A", 1]), { shippingAddress: awkward, email: "zoe@example.com" });
  await caughtUp();
}, openTimeoutMs);

/** Parses RFC 4180 strictly: what is not as it says throws. */
function parsed(csv: string): Record<string, string>[] {
  const records: string[][] = [];
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/y;
  let record: string[] = [];
  while (field.lastIndex < csv.length) {
    const at = field.lastIndex;
    const [, text = "", end] = field.exec(csv) ?? [];
    if (end === undefined) throw new Error(`no field at ${at}: ${csv.slice(at, at + 40)}`);
    record.push(text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text);
    if (end === "\r\n") records.push(record);
    if (end === "\r\n") record = [];
  }
  const [names = [], ...rows] = records;
  return rows.map((row) => {
    expect(row.length).toBe(names.length);
    return Object.fromEntries(names.map((name, index) => [name, row[index] ?? ""]));
  });
}

async function exported(path: string) {
  const { status, text, headers } = await shop().get(`/v1/exports/${path}`, staff);
  expect(status).toBe(200);
  return { text, headers };
}
const csvOf = async (path: string) => parsed((await exported(path)).text);
const linesOf = async (path: string) =>
  (await exported(path)).text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

describe("an export", () => {
  test("of orders has a row for each line, oldest first", async () => {
    const rows = await csvOf("orders");
    expect(rows.map(({ sku, quantity }) => [sku, quantity])).toEqual([
      ["A", "2"],
      ["'+B", "1"],
      ["A", "1"],
    ]);
    expect(rows[0]).toMatchObject({
      email: "buyer@example.com",
      name: "A Buyer",
      status: "paid",
      paymentStatus: "paid",
      unitPrice: "10.50",
      total: "21.00",
      currency: "USD",
      toShip: "2",
      product: `'${formula}`,
    });
    expect(rows[2]?.name).toBe(awkward.fullName);
  });

  test("of orders has a row for each order, when that is asked for, with all filters of the list", async () => {
    const all = await csvOf("orders?rows=orders");
    expect(all.map(({ itemCount, subtotal }) => [itemCount, subtotal])).toEqual([
      ["3", "31.50"],
      ["1", "10.50"],
    ]);
    expect(all[1]).toMatchObject({ city: "東京", name: awkward.fullName, lineCount: "1" });
    const emails = async (filter: string) =>
      (await csvOf(`orders?rows=orders&${filter}`)).map(({ email }) => email);
    expect(await emails("name=zoe")).toEqual(["zoe@example.com"]);
    expect(await emails("sku=%2Bb&status=paid")).toEqual(["buyer@example.com"]);
    expect(await emails("to=2000-01-01")).toEqual([]);
    expect(await emails("from=2000-01-01T00:00:00Z&paymentStatus=paid")).toHaveLength(2);
  });

  test("as JSON lines has money, numbers and lists as they are, and no apostrophes", async () => {
    const [line] = await linesOf("orders?format=jsonl");
    expect(line).toMatchObject({
      quantity: 2,
      unitPrice: { amount: 1_050, currency: "USD" },
      product: formula,
    });
    const [row] = await linesOf("products?format=jsonl&status=published");
    expect(row).toMatchObject({
      name: formula,
      tags: ["plain", "with, comma"],
      images: ["/a.jpg", "/b.jpg"],
      imageAlts: ["a, b", ""],
    });
    expect(await linesOf("orders?format=jsonl&number=none")).toEqual([]);
  });

  test("of products has a row for each variant, the long texts in the first", async () => {
    const rows = await csvOf("products");
    expect(rows).toHaveLength(3);
    const [draft, first, second] = rows;
    expect(draft).toMatchObject({ handle: "draft", status: "draft", sku: "", price: "" });
    expect(first).toMatchObject({
      name: `'${formula}`,
      description: "'=1+1",
      brand: "'-10%",
      tags: 'plain,"with, comma"',
      imageAlts: '"a, b",',
      price: "10.50",
      available: "497",
    });
    expect(second).toMatchObject({ handle: first?.handle, sku: "'+B", description: "", tags: "" });
    expect((await csvOf("products?status=draft,archived")).map(({ handle }) => handle)).toEqual(["draft"]);
  });

  test("of stock has a row for each SKU", async () => {
    expect(await csvOf("stock")).toEqual([
      expect.objectContaining({ sku: "'+B", onHand: "500", available: "499", track: "true" }),
      expect.objectContaining({ sku: "A", onHand: "500", available: "497", committed: "3" }),
    ]);
    expect(await csvOf("stock?status=out_of_stock")).toEqual([]);
  });

  test("says what it is, and has a byte order mark when it is asked for one", async () => {
    const { text, headers } = await exported("orders?bom=true");
    expect(text.startsWith("\u{feff}orderId,")).toBe(true);
    expect((await exported("orders")).text.startsWith("orderId,")).toBe(true);
    expect((await exported("orders?format=jsonl&bom=true")).text.startsWith("{")).toBe(true);
    expect(headers).toMatchObject({
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": 'attachment; filename="orders.csv"',
      "cache-control": "private, no-store",
      position: expect.any(String),
    });
    const head = await shop().app.inject({ method: "HEAD", url: "/v1/exports/stock", headers: staff });
    expect([head.statusCode, head.headers["content-disposition"], head.payload]).toEqual([
      200,
      'attachment; filename="stock.csv"',
      "",
    ]);
  });

  test.each(["csv", "jsonl"])("is compressed for who asks for it, as %s", async (format) => {
    const url = `/v1/exports/orders?format=${format}`;
    const headers = { ...staff, "accept-encoding": "zstd" };
    const answer = await shop().app.inject({ method: "GET", url, headers });
    expect(answer.headers["content-encoding"]).toBe("zstd");
    const text = zstdDecompressSync(answer.rawPayload).toString();
    expect(text).toBe((await exported(`orders?format=${format}`)).text);
  });

  test.each(["orders", "products", "stock"])("of %s is for staff", async (what) => {
    const { status } = await shop().get(`/v1/exports/${what}`);
    expect(status).toBe(401);
  });

  test.each(["format=xml", "from=yesterday", "bom=1", "rows=all", "from=2026-01-02&to=2026-01-01"])(
    "is refused with %s",
    async (query) => {
      expect((await shop().get(`/v1/exports/orders?${query}`, staff)).status).toBe(422);
    },
  );
});

const many = 10_000;

/**
 * Counts the pages that are read.
 * @param failing the one that cannot be
 */
function countPages(failing = Number.POSITIVE_INFINITY): { pages: () => number; [Symbol.dispose](): void } {
  const run = vi.spyOn(shop().runtime.queries, "run");
  const read = run.getMockImplementation() ?? Queries.prototype.run;
  run.mockImplementation(async (...input) => {
    if (run.mock.calls.length > failing) throw new Error("a page cannot be read");
    return read.apply(shop().runtime.queries, input);
  });
  return { pages: () => run.mock.calls.length, [Symbol.dispose]: () => run.mockRestore() };
}

describe("a long export", () => {
  let port: number;
  beforeAll(async () => {
    const { runtime, app, folder } = shop();
    const directory = viewsFolder(folder);
    const views = openEmbeddedViewStore({ directory, logId: runtime.events.logId });
    const model = await views.open(ordersProjection);
    const [stored] = await model.scan(undefined, 1);
    if (!stored) throw new Error("there is no order to be copied");
    const doc: OrderDoc = JSON.parse(stored.json);
    const shippingAddress = { ...awkward, addressLine2: "x".repeat(2_000) };
    for (let from = 0; from < many; from += 1_000) {
      const changes = Array.from({ length: 1_000 }, (_, index) => {
        const copy = { ...doc, number: `COPY-${from + index}`, placedAt: from + index, shippingAddress };
        const key = `copy-${from + index}`;
        const columns = ordersProjection.columnsOf(copy, key);
        return { key, position: stored.position, json: JSON.stringify(copy), presented: "{}", columns };
      });
      await model.save(changes, { checkpoint: await model.checkpoint() });
    }
    await views.close();
    await app.listen({ port: 0, host: "127.0.0.1" });
    ({ port } = app.server.address() as { port: number });
  }, openTimeoutMs);

  const copied = "/v1/exports/orders?rows=orders&number=copy";

  test("has every order once", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}${copied}`, { headers: staff });
    const rows = parsed(await answer.text());
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: many }, (_, n) => `COPY-${n}`));
  });

  test("is read no faster than it is taken, and is over when its reader goes", async () => {
    using read = countPages();
    const socket = connect(port, "127.0.0.1");
    socket.write(`GET ${copied} HTTP/1.1\r\nHost: x\r\nAuthorization: ${staff.authorization}\r\n\r\n`);
    socket.pause();
    await sleep(1_500);
    const before = read.pages();
    expect(before).toBeGreaterThan(0);
    await sleep(500);
    expect(read.pages()).toBe(before);
    // Of fifty pages; what is sent lies in the buffers of the two sockets.
    expect(before).toBeLessThan(45);
    socket.destroy();
    await sleep(500);
    expect(read.pages()).toBeLessThan(before + 3);
    expect((await shop().get("/v1/orders?limit=1", staff)).status).toBe(200);
  });

  test("that breaks off is seen to be broken, compressed or not", async () => {
    for (const encoding of ["identity", "gzip"]) {
      using read = countPages(20);
      const headers = { ...staff, "accept-encoding": encoding };
      const answer = await fetch(`http://127.0.0.1:${port}${copied}`, { headers });
      expect(answer.status).toBe(200);
      await expect(answer.text()).rejects.toThrow(/terminated|aborted/);
      expect(read.pages()).toBe(21);
    }
  });

  test("that cannot begin is a problem", async () => {
    using _ = countPages(0);
    const { status, headers } = await shop().get(copied, { ...staff, "accept-encoding": "gzip" });
    expect([status, headers["content-type"], headers["content-encoding"]]).toEqual([
      500,
      "application/problem+json; charset=utf-8",
      undefined,
    ]);
  });

  test("is refused beside four others", async () => {
    const sockets = Array.from({ length: 4 }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.write(`GET ${copied} HTTP/1.1\r\nHost: x\r\nAuthorization: ${staff.authorization}\r\n\r\n`);
      return socket;
    });
    for (const socket of sockets) {
      await once(socket, "readable");
      socket.pause();
    }
    const { status, headers } = await shop().get(copied, staff);
    expect([status, headers["retry-after"]]).toEqual([503, "30"]);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await shop().get("/v1/exports/stock", staff)).status).toBe(200);
  });
});
