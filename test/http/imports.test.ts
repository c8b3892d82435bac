import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ShopProcess } from "../drills/processes.ts";
import { type Body, type HttpShop, openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const csv = { ...staff, "content-type": "text/csv" };
const header = "handle,name,sku,price,available\n";

/** So many products, each with two variants. */
function fileOf(products: number, prefix = "p"): string {
  const rows = Array.from({ length: products }, (_, index) => {
    const name = `${prefix}-${index}`;
    return `${name},Name ${index},${name}-a,1.50,3\n${name},,${name}-b,2.50,4\n`;
  });
  return header + rows.join("");
}

async function handIn(shop: HttpShop, content: string, { query = "", headers = csv } = {}): Promise<Body> {
  const answer = await shop.call("POST", `/v1/imports/products${query}`, { headers, body: content });
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 202 });
  return answer.body;
}

async function ended(shop: HttpShop, id: string): Promise<Body> {
  return vi.waitFor(
    async () => {
      const { body } = await shop.get(`/v1/imports/${id}`, staff);
      expect(body.state).toMatch(/finished|failed|cancelled/);
      return body;
    },
    { timeout: 30_000, interval: 50 },
  );
}

describe("an import of products that is handed in", () => {
  const shop = sharedShop({ runDueWork: true });

  test("is another one under the same key where its bytes are to be read otherwise", async () => {
    const payload = "sku,name,price\nKEYED,Keyed,1\n";
    const send = (type: string) =>
      shop().app.inject({
        method: "POST",
        url: "/v1/imports/products?dryRun=true",
        headers: { ...staff, "content-type": type, "idempotency-key": "as-csv" },
        payload,
      });
    expect((await send("text/csv")).statusCode).toBe(202);
    expect((await send("text/csv")).headers["idempotent-replayed"]).toBe("true");
    for (const type of ["application/json", "text/csv; charset=utf-16"])
      expect((await send(type)).json()).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  });

  test("is done beside the shop, and says what it has come to", { timeout: 60_000 }, async () => {
    const content = `${fileOf(150)}bad,Bad,bad-a,cheap,1\nbad,,bad-b,2,x\n`;
    const { id, ...handedIn } = await handIn(shop(), content, { query: "?publish=true" });
    expect(handedIn).toMatchObject({
      state: "waiting",
      done: 0,
      bytes: content.length,
      publish: true,
      dryRun: false,
    });
    expect(await ended(shop(), id)).toMatchObject({
      state: "finished",
      format: "own",
      rows: 302,
      products: 151,
      done: 151,
      created: 150,
      changed: 0,
      unchanged: 0,
      rejected: 1,
      rejects: [
        { row: 302, product: "bad", field: "price", value: "cheap", reason: "is no number" },
        { row: 303, product: "bad", field: "available", value: "x", reason: "is no whole number" },
      ],
      leftOut: [],
      planned: [],
    });
    const rejects = await shop().get(`/v1/imports/${id}/rejects`, staff);
    expect(rejects.headers["content-type"]).toContain("text/csv");
    expect(rejects.text).toBe(
      "row,product,field,value,reason\r\n302,bad,price,cheap,is no number\r\n303,bad,available,x,is no whole number\r\n",
    );
    await shop().caughtUp();
    const { body } = await shop().get("/v1/products/p-7");
    expect(body).toMatchObject({
      name: "Name 7",
      slug: "p-7",
      variants: [{ sku: "p-7-a" }, { sku: "p-7-b" }],
    });
    expect((await shop().get("/v1/stock/p-7-b", staff)).body).toMatchObject({ onHand: 4 });

    const again = await handIn(shop(), content, { query: "?publish=true" });
    expect(again.id).not.toBe(id);
    expect(await ended(shop(), again.id)).toMatchObject({
      created: 0,
      changed: 0,
      unchanged: 150,
      rejected: 1,
    });
    const { body: list } = await shop().get("/v1/imports?limit=2", staff);
    expect(list.items.map((item: Body) => item.id)).toEqual([again.id, id]);
  });

  test("only tells what it would do when that is asked for", async () => {
    const { id } = await handIn(shop(), fileOf(2, "dry"), { query: "?dryRun=true&publish=true" });
    expect(await ended(shop(), id)).toMatchObject({
      dryRun: true,
      created: 2,
      planned: [
        {
          row: 2,
          product: "dry-0",
          outcome: "created",
          steps: [
            'create "Name 0" with dry-0-a, dry-0-b',
            "receive 3 of dry-0-a",
            "receive 4 of dry-0-b",
            "publish",
          ],
        },
        { row: 4 },
      ],
    });
    expect((await shop().get("/v1/products/dry-0", staff)).status).toBe(404);
  });

  test("takes JSON and JSON lines, with more fields than another request may have", async () => {
    const objects = Array.from({ length: 2_200 }, (_, index) => ({
      handle: `j-${index}`,
      ...{ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8 },
      name: "bad",
      sku: "",
      price: "none",
    }));
    const json = { ...staff, "content-type": "application/json; charset=utf-8" };
    const { id } = await handIn(shop(), JSON.stringify(objects), { headers: json, query: "?dryRun=true" });
    expect(await ended(shop(), id)).toMatchObject({ state: "finished", products: 2_200, rejected: 2_200 });
    expect((await shop().get(`/v1/imports/${id}/rejects`, staff)).text.split("\r\n")).toHaveLength(2_202);

    const lines = { ...staff, "content-type": "application/x-ndjson" };
    const made = await handIn(shop(), '{"handle":"l","name":"Line","sku":"L","price":"3"}\n', {
      headers: lines,
    });
    expect(await ended(shop(), made.id)).toMatchObject({ created: 1 });
  });

  test("is read in the encoding that its content type names", async () => {
    const content = Buffer.from(`${header}cafe,caf\xe9,cafe,1,1\n`, "latin1");
    const headers = { ...staff, "content-type": "text/csv; charset=windows-1252" };
    const { id } = await handIn(shop(), content as unknown as string, { headers });
    expect(await ended(shop(), id)).toMatchObject({ created: 1 });
    await shop().caughtUp();
    expect((await shop().get("/v1/products/cafe", staff)).body.name).toBe("café");
    const unnamed = await handIn(shop(), content as unknown as string);
    expect(await ended(shop(), unnamed.id)).toMatchObject({
      state: "failed",
      reason: expect.stringContaining("line 2 holds bytes that are not utf-8"),
    });
  });

  test("is one import however often it is sent under its key, and another file under it is refused", async () => {
    const headers = { ...csv, "idempotency-key": "import-of-today" };
    const content = fileOf(3, "key");
    const first = await handIn(shop(), content, { headers });
    await ended(shop(), first.id);
    const again = await shop().call("POST", "/v1/imports/products", { headers, body: content });
    expect([again.status, again.headers["idempotent-replayed"]]).toEqual([202, "true"]);
    expect(again.body.id).toBe(first.id);
    const other = await shop().call("POST", "/v1/imports/products", { headers, body: fileOf(4, "key") });
    expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
  });

  test("fails with the reason when its file cannot be read", async () => {
    const { id } = await handIn(shop(), "colour,size\nred,L\n");
    expect(await ended(shop(), id)).toMatchObject({
      state: "failed",
      reason: expect.stringContaining("has neither the columns of the shop's own export"),
    });
  });

  test.each([
    ["", "text/csv", 422],
    ["x", "text/plain", 415],
    ["x", "application/octet-stream", 415],
  ])("refuses %j as %s", async (body, type, status) => {
    const headers = { ...staff, "content-type": type };
    expect((await shop().call("POST", "/v1/imports/products", { headers, body })).status).toBe(status);
  });

  test("refuses a file that is too large, whether or not it says so, and goes on", async () => {
    const body = Buffer.alloc(32 * 1024 * 1024 + 1, "a");
    const answer = await shop().call("POST", "/v1/imports/products", { headers: csv, body });
    expect([answer.status, answer.body.code]).toEqual([413, "payload_too_large"]);
    const url = await shop().app.listen({ port: 0, host: "127.0.0.1" });
    const pieces = async function* () {
      for (let sent = 0; sent < body.length; sent += 1_000_000) yield body.subarray(sent, sent + 1_000_000);
    };
    const chunked = { method: "POST", headers: csv, body: pieces(), duplex: "half" } as RequestInit;
    const streamed = await fetch(`${url}/v1/imports/products`, chunked);
    expect(streamed.status).toBe(413);
    await handIn(shop(), fileOf(1, "small"));
  });

  test("takes what no event could hold at once, and does not need it to be text", async () => {
    const noise = randomBytes(3 * 1024 * 1024);
    const { id, bytes } = await handIn(shop(), noise as unknown as string);
    expect(bytes).toBe(noise.length);
    expect(await ended(shop(), id)).toMatchObject({ state: "failed" });
  });

  test("is known only to staff", async () => {
    const guest = { "content-type": "text/csv" };
    expect((await shop().call("POST", "/v1/imports/products", { headers: guest, body: "x" })).status).toBe(
      401,
    );
    expect((await shop().get("/v1/imports/none/rejects", staff)).status).toBe(404);
  });
});

test("an import can be cancelled, and what waits comes after it", { timeout: 60_000 }, async () => {
  const shop = await openShop();
  const first = await handIn(shop, fileOf(5));
  const second = await handIn(shop, fileOf(5, "q"));
  await shop.caughtUp();
  const { body: tasks } = await shop.get("/v1/ops/tasks?kind=import", staff);
  expect(tasks.items.map(({ id }: Body) => id)).toEqual([first.id, second.id]);
  const cancelled = await shop.post(`/v1/imports/${first.id}/cancel`);
  expect(cancelled).toMatchObject({ status: 200, body: { state: "cancelled", created: 0 } });
  expect(await shop.post(`/v1/imports/${first.id}/cancel`)).toMatchObject({ status: 200 });
  await shop.runtime.tasks.doDue();
  expect(await ended(shop, second.id)).toMatchObject({ state: "finished", created: 5 });
  expect(await shop.post(`/v1/imports/${second.id}/cancel`)).toMatchObject({
    status: 409,
    body: { code: "illegal_transition" },
  });
  await shop.caughtUp();
  expect((await shop.get("/v1/products/p-1", staff)).status).toBe(404);
  expect((await shop.get("/v1/ops/tasks?kind=import", staff)).body.items).toEqual([]);
});

test("no more wait than a shop can take in", { timeout: openTimeoutMs }, async () => {
  const shop = await openShop();
  for (let count = 0; count < 20; count++) await handIn(shop, fileOf(1, `w${count}`));
  await shop.caughtUp();
  const answer = await shop.call("POST", "/v1/imports/products", { headers: csv, body: fileOf(1) });
  expect([answer.status, answer.body.code]).toEqual([409, "illegal_transition"]);
});

test("an import goes on where it was when its process was killed, and does nothing twice", {
  timeout: 120_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-imports-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const key = staff.authorization.replace("Bearer ", "");
  const env = { DATA_DIR: folder, ADMIN_API_KEY: key, SAMPLE_SHOP: "off", RATE_LIMIT_PER_MINUTE: "0" };
  const process = new ShopProcess({ name: "shop", env });
  onTestFinished(() => process.kill());
  const get = async (path: string) =>
    (await fetch(process.url + path, { headers: staff })).json() as Promise<Body>;
  await process.start();
  const products = 800;
  const url = `${process.url}/v1/imports/products?publish=true`;
  const answer = await fetch(url, { method: "POST", headers: csv, body: fileOf(products) });
  const { id } = (await answer.json()) as Body;
  let kills = 0;
  for (
    let job = await get(`/v1/imports/${id}`);
    job.state !== "finished";
    job = await get(`/v1/imports/${id}`)
  ) {
    const isAmid = job.done > kills * 200 && job.done < products - 150;
    if (kills < 3 && isAmid) {
      await process.kill();
      await process.start();
      kills++;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(kills).toBeGreaterThan(0);
  const { created, changed, unchanged, rejected } = await get(`/v1/imports/${id}`);
  // What a run had done before it could say so is found done, by whoever goes on.
  expect([created + changed + unchanged, rejected]).toEqual([products, 0]);
  await process.kill();

  const shop = await openShop({ folder });
  await shop.caughtUp();
  const { body } = await shop.get("/v1/products?limit=1");
  expect(body.total).toBe(products);
  const { items } = (await shop.get("/v1/stock?limit=100", staff)).body;
  expect(new Set(items.map(({ onHand }: Body) => onHand))).toEqual(new Set([3, 4]));
  const again = await handIn(shop, fileOf(products), { query: "?publish=true" });
  await shop.runtime.tasks.doDue();
  expect(await ended(shop, again.id)).toMatchObject({ unchanged: products });
});

test("a stock below nothing is not counted, and said so", { timeout: 60_000 }, async () => {
  const shop = await openShop();
  await shop.product({ skus: ["THREE"], quantity: 3 });
  const { id } = await handIn(shop, "sku,available\nTHREE,-7\n");
  await shop.runtime.tasks.doDue();
  await shop.caughtUp();
  expect((await shop.get(`/v1/imports/${id}`, staff)).body).toMatchObject({
    changed: 0,
    leftOut: [expect.objectContaining({ field: "available" })],
  });
  expect((await shop.get("/v1/stock/THREE", staff)).body).toMatchObject({ onHand: 3 });
});

test("what was exported changes nothing when it is imported again", { timeout: 60_000 }, async () => {
  const shop = await openShop();
  const usd = (amount: number) => ({ amount, currency: "USD" });
  await shop.product({
    skus: ["=A", "B, C"],
    quantity: 7,
    fields: {
      description: "Lines\nand, commas; 'quotes' \"too\" <b>",
      shortDescription: "-10 %",
      brand: "Weaver",
      category: "Home/Chairs",
      tags: ["a", "b, c", "=d"],
      images: [{ url: "/a.jpg" }, { url: "/b.jpg", alt: "B, or not", primary: true }],
      seo: { title: "T", description: "D" },
      specifications: [{ name: "Width", value: "1 = 1, so" }],
      relatedProducts: ["p-1", "p-2"],
      featured: true,
    },
  });
  const attributes = { Size: "S, M", Wood: "oak=light" };
  const coded = {
    sku: "CODED",
    price: usd(900),
    compareAtPrice: usd(1_000),
    barcode: "1",
    weightGrams: 5,
    attributes,
  };
  await shop.post("/v1/products", {
    name: "Draft",
    publishAt: "2030-01-01T00:00:00Z",
    variants: [coded],
  });
  await shop.post("/v1/products", { name: "Still empty", variants: [] });
  const archived = await shop.product({ skus: ["GONE"] });
  await shop.post(`/v1/products/${archived.id}/archive`);
  await shop.call("PUT", "/v1/stock/GONE/policy", {
    headers: staff,
    body: { track: false, backorders: true },
  });
  await shop.order(["=A", 2]);
  await shop.caughtUp();
  const before = await shop.get("/v1/exports/products?format=jsonl", staff);
  const exported = before.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Body);
  expect(exported).toContainEqual(
    expect.objectContaining({
      seoTitle: "T",
      seoDescription: "D",
      specifications: ["Width=1 = 1, so"],
      relatedProducts: ["p-1", "p-2"],
      featured: true,
    }),
  );
  expect(exported).toContainEqual(
    expect.objectContaining({ publishAt: "2030-01-01T00:00:00.000Z", barcode: "1", weightGrams: 5 }),
  );
  for (const [format, type] of [
    ["csv", "text/csv"],
    ["jsonl", "application/x-ndjson"],
  ]) {
    const { text } = await shop.get(`/v1/exports/products?format=${format}`, staff);
    const { id } = await handIn(shop, text, { headers: { ...staff, "content-type": String(type) } });
    await shop.runtime.tasks.doDue();
    await shop.caughtUp();
    const { body } = await shop.get(`/v1/imports/${id}`, staff);
    expect(body).toMatchObject({ state: "finished", unchanged: 4, changed: 0, rejected: 0, leftOut: [] });
  }
  expect((await shop.get("/v1/exports/products?format=jsonl", staff)).text).toBe(before.text);
});
