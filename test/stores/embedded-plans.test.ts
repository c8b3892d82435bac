import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { viewProjections } from "../../projections/all.ts";
import { ordersProjection } from "../../projections/orders/orders.ts";
import { listOrders, type OrdersFilter } from "../../projections/orders/queries.ts";
import { openEmbeddedViewStore } from "../../src/stores/view-store/embedded/store.ts";
import type { ViewModel, ViewStore } from "../../src/stores/view-store/view-store.ts";
import { at } from "../support/positions.ts";
import { queries } from "./mongodb/queries.ts";

async function opened(): Promise<{ store: ViewStore; directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), "cartwright-plans-"));
  const store = openEmbeddedViewStore({ directory, logId: "log-1" });
  onTestFinished(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });
  return { store, directory };
}

/** How SQLite goes about the statements on documents that a read runs. */
async function plansOf(file: string, read: () => Promise<unknown>): Promise<string[]> {
  const prepare = vi.spyOn(DatabaseSync.prototype, "prepare");
  try {
    await read();
    const selects = prepare.mock.calls
      .map(([sql]) => sql)
      .filter((sql) => /^SELECT (?!1 )/.test(sql) && sql.includes("FROM documents d"));
    const database = new DatabaseSync(file, { readOnly: true });
    const plans = selects.flatMap((sql) => {
      const places = Array<null>(sql.split("?").length - 1).fill(null);
      return database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...places);
    });
    database.close();
    return plans.map(({ detail }) => String(detail));
  } finally {
    prepare.mockRestore();
  }
}

/** A walk through all documents, unless it is in the order of an index. */
const isScan = (step: string) => /^SCAN d\b/.test(step) && !step.includes("USING");

describe("the plan of a query on SQLite", () => {
  test("begins in an index, whatever the read side asks", async () => {
    const { store, directory } = await opened();
    const wrong: [string, string[]][] = [];
    let asked = 0;
    for (const projection of viewProjections({ timeZone: "UTC", currency: "USD" })) {
      const model = await store.open(projection);
      const file = join(directory, `${projection.name}-${model.generation}.db`);
      for (const [title, ask] of queries[projection.name] ?? []) {
        const plan = await plansOf(file, () => ask(model));
        if (plan.length > 0) asked++;
        if (plan.some(isScan)) wrong.push([title, plan]);
      }
    }
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(20);
  });

  test("of several filters looks up the one that few orders meet, and goes along time where none is", async () => {
    const { store, directory } = await opened();
    const model: ViewModel = await store.open(ordersProjection);
    const columns = { status: "delivered", paymentStatus: "paid", customerId: null };
    const orders = Array.from({ length: 3_000 }, (_, n) => ({
      key: `o${n}`,
      position: at(n),
      json: "{}",
      columns: { ...columns, number: `ord-${n}`, email: `buyer${n}@example.com`, placedAt: n },
      lists: { sku: ["mug"], name: ["ann", `n${n}`], refund: [] },
    }));
    await model.save(orders, { checkpoint: at(3_000) });
    const file = join(directory, `orders-${model.generation}.db`);
    const plan = async (filter: OrdersFilter) =>
      (await plansOf(file, () => listOrders(model, { limit: 20, ...filter }, "UTC"))).join("; ");

    const byTime = /SEARCH d USING (?:COVERING )?INDEX documents_1 \(c_status=\?\)/;
    expect(await plan({ status: "delivered", email: "buyer7@example.com" })).toContain("(c_email=?)");
    expect(await plan({ status: "delivered", number: "ord-17" })).toContain("(c_number>? AND c_number<?)");
    const byName = await plan({ status: "delivered", name: "n17" });
    expect(byName).toContain("SEARCH d USING INTEGER PRIMARY KEY (rowid=?)");
    expect(byName).toContain("(field=? AND value>? AND value<?)");
    for (const common of [{ name: "ann" }, { number: "ord" }, { email: "buyer" }, { sku: "mug" }]) {
      const found = await plan({ status: "delivered", ...common });
      expect(found).toMatch(byTime);
      expect(found).not.toContain("TEMP B-TREE FOR ORDER BY");
    }
    expect(await plan({ number: "ord" })).toMatch(/SCAN d USING INDEX documents_0/);
    expect(await plan({ status: "delivered", paymentStatus: "paid" })).toContain(
      "(c_status=? AND c_paymentStatus=?)",
    );
  });
});
