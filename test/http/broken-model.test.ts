import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openShop, openTimeoutMs, staff } from "./shop.ts";

const table = (folder: string, model: string) => join(folder, "views", `${model}-1.db`);

test(
  "a broken table stops its own model and nothing else, is named to operators, and is mended by a rebuild",
  async () => {
    const shop = await openShop();
    const { get, call, product, receive, runtime } = shop;
    await product({ skus: ["MUG"], quantity: 3 });
    await shop.caughtUp();
    const file = new DatabaseSync(table(runtime.folder.path, "stock-ledger"));
    file.exec("DROP TABLE documents");
    file.close();

    await receive("MUG", 4);
    const describeModel = async (name: string) =>
      (await get("/v1/ops/projections", staff)).body.find((each: { name: string }) => each.name === name);
    await expect
      .poll(async () => (await describeModel("stock-ledger")).state, { timeout: 10_000 })
      .toBe("failed");
    expect(await describeModel("stock-ledger")).toMatchObject({
      documents: null,
      failure: { message: expect.stringContaining("no such table"), failures: expect.any(Number) },
    });
    const receipt = { headers: staff, body: { quantity: 1 } };
    const { headers } = await call("POST", "/v1/stock/MUG/receipts", receipt);
    const position = String(headers.position);
    const listed = await get("/v1/stock", { ...staff, "min-position": position });
    expect(listed).toMatchObject({ status: 200, body: { items: [{ sku: "MUG", onHand: 8 }] } });
    expect(await get("/v1/stock/MUG/ledger", staff)).toMatchObject({
      status: 503,
      body: { code: "unavailable" },
    });
    expect((await get("/health/ready")).body).toMatchObject({
      status: "degraded",
      troubles: [{ about: "stock-ledger", reason: "fails, and tries again" }],
    });

    const started = await call("POST", "/v1/ops/projections/stock-ledger/rebuild", { headers: staff });
    expect(started.status).toBe(202);
    await expect
      .poll(async () => (await describeModel("stock-ledger")).state, { timeout: 10_000 })
      .toBe("live");
    expect((await get("/v1/stock/MUG/ledger", staff)).body.items).toHaveLength(3);
    expect((await get("/health/ready")).body).toMatchObject({ status: "ready", troubles: [] });
    expect(await call("POST", "/v1/ops/projections/stock-ledger/rollback", { headers: staff })).toMatchObject(
      { status: 409, body: { code: "illegal_transition" } },
    );
    expect((await get("/v1/stock/MUG/ledger", staff)).body.items).toHaveLength(3);
  },
  openTimeoutMs,
);

test(
  "a table that breaks while nothing comes for it is named to operators all the same",
  async () => {
    const shop = await openShop();
    const { get, product, runtime } = shop;
    await product({ skus: ["MUG"], quantity: 3 });
    await shop.caughtUp();
    expect((await get("/health/ready")).body).toMatchObject({ status: "ready" });
    const file = new DatabaseSync(table(runtime.folder.path, "sales"));
    file.exec("DROP TABLE documents");
    file.close();

    expect((await get("/health/ready")).body).toMatchObject({
      status: "degraded",
      troubles: [{ about: "sales", reason: "cannot be read, and has to be rebuilt" }],
    });
    const listed: { name: string; state: string }[] = (await get("/v1/ops/projections", staff)).body;
    expect(listed.filter(({ state }) => state !== "live").map(({ name }) => name)).toEqual(["sales"]);
  },
  openTimeoutMs,
);
