import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProduct, describeProduct, productIdOf } from "../../../commands/processes/listing.ts";
import { findSku } from "../../../commands/processes/skus.ts";
import type { NewProduct } from "../../../commands/product/fields.ts";
import { type ExistingProduct, product } from "../../../commands/product/product.ts";
import { stock } from "../../../commands/stock/stock.ts";
import { type Applied, applyProduct } from "../../../src/importers/products/apply.ts";
import { openEmbeddedEventStore } from "../../../src/stores/event-store/embedded/log.ts";
import { type EventStore, logStart } from "../../../src/stores/event-store/event-store.ts";
import { newId } from "../../../src/values/ids.ts";
import { createShop, type TestShop } from "../../support/shop.ts";
import { lookedThrough, tableOf } from "./files.ts";

let directory: string;
let events: EventStore;
let shop: TestShop;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cartwright-products-"));
  events = openEmbeddedEventStore({ directory });
  shop = createShop({ events });
});

afterEach(async () => {
  await events.close();
  await rm(directory, { recursive: true, force: true });
});

const sold = { sku: "SHIRT-S", delta: -1, reason: "sold" };
const usd = (amount: number) => ({ amount, currency: "USD" });

const shirt = {
  Handle: "shirt",
  Title: "Shirt",
  "Body (HTML)": "<p>Loose.</p>",
  Vendor: "Weaver",
  "Product Category": "Clothing > Shirts",
  Tags: "linen",
  Published: "true",
  "Option1 Name": "Size",
  "Option1 Value": "S",
  "Variant SKU": "SHIRT-S",
  "Variant Price": "59.00",
  "Variant Inventory Tracker": "shopify",
  "Variant Inventory Qty": "10",
  "Variant Barcode": "",
  "SEO Title": "A shirt",
};
const medium = {
  Handle: "shirt",
  "Option1 Value": "M",
  "Variant SKU": "SHIRT-M",
  "Variant Price": "62.00",
  "Variant Inventory Tracker": "shopify",
  "Variant Inventory Qty": "4",
};
const digital = {
  Handle: "code",
  Title: "Code",
  "Body (HTML)": "",
  "Variant SKU": "CODE",
  "Variant Price": "5",
};

type Rows = Parameters<typeof tableOf>[0] | string;

/** Imports a file, one product after the other. */
async function importing(
  rows: Rows,
  {
    isPublishing = true,
    isDry = false,
    on = shop,
  }: { isPublishing?: boolean; isDry?: boolean; on?: TestShop } = {},
): Promise<Applied[]> {
  const table = await lookedThrough(typeof rows === "string" ? rows : tableOf(rows));
  const options = { engine: on.engine, clock: () => shop.clock.now, importId: newId(), isPublishing, isDry };
  const applied: Applied[] = [];
  for (let index = 0; index < table.products; index++)
    applied.push(await applyProduct(table.read(index), options));
  return applied;
}

const outcomes = (applied: readonly Applied[]) => applied.map(({ outcome }) => outcome);

async function bySku(sku: string): Promise<ExistingProduct> {
  const { holder = "" } = (await findSku(shop.engine, sku)) ?? {};
  return shop.engine.read(product, holder, (state) => {
    if (!state.exists) throw new Error(`no product has ${sku}`);
    return state;
  });
}

/** All that is on the log, without what was made for the claims of those that came to nothing. */
async function log(): Promise<string[]> {
  const { events: all } = await events.readAll({ after: logStart, maxCount: 10_000 });
  return all.map(({ stream, type }) => `${stream.split("-")[0]} ${type}`);
}

async function create(fields: NewProduct): Promise<string> {
  const context = shop.by();
  await createProduct(shop.engine, context, fields, () => {});
  return productIdOf(context.commandId);
}

describe("an import of products", () => {
  it("creates products with variants, prices, stock, category and brand", async () => {
    expect(outcomes(await importing([shirt, medium, digital]))).toEqual(["created", "created"]);
    const made = await bySku("SHIRT-S");
    expect(made).toMatchObject({
      slug: "shirt",
      status: "published",
      name: "Shirt",
      description: "Loose.",
      brand: "Weaver",
      category: "Clothing/Shirts",
      tags: ["linen"],
      seo: { title: "A shirt" },
    });
    expect(made.categoryId).toBeDefined();
    expect([...made.variants.values()]).toMatchObject([
      { sku: "SHIRT-S", name: "S", price: usd(5_900), attributes: { Size: "S" } },
      { sku: "SHIRT-M", name: "M", price: usd(6_200), attributes: { Size: "M" } },
    ]);
    expect(await shop.stockOf("SHIRT-S")).toMatchObject({ track: true, available: 10 });
    expect(await shop.stockOf("CODE")).toMatchObject({ track: false });
  });

  it("changes nothing when the same file comes again, also where the shop has changed it meanwhile", async () => {
    await importing([shirt, medium, digital]);
    const before = await log();
    expect(outcomes(await importing([shirt, medium, digital]))).toEqual(["unchanged", "unchanged"]);
    expect(await log()).toEqual(before);

    const { holder = "" } = (await findSku(shop.engine, "SHIRT-S")) ?? {};
    await describeProduct(shop.engine, shop.by(), holder, { name: "Our shirt" }, () => {});
    await shop.engine.execute(product, holder, "Reprice", { sku: "SHIRT-S", price: usd(5_500) }, shop.by());
    await shop.engine.execute(product, holder, "RetireVariant", { sku: "SHIRT-M" }, shop.by());
    await shop.checkOut([{ sku: "SHIRT-S", quantity: 3, unitPrice: 5_500 }]);
    const changed = await log();
    expect(outcomes(await importing([shirt, medium, digital]))).toEqual(["unchanged", "unchanged"]);
    expect(await log()).toEqual(changed);
    expect(await shop.stockOf("SHIRT-S")).toMatchObject({ available: 7 });
  });

  it("changes only what has changed in the file", async () => {
    await importing([shirt, medium, digital]);
    const { holder = "" } = (await findSku(shop.engine, "SHIRT-S")) ?? {};
    await describeProduct(shop.engine, shop.by(), holder, { name: "Our shirt" }, () => {});
    const before = (await log()).length;
    const large = { ...medium, "Option1 Value": "L", "Variant SKU": "SHIRT-L", "Variant Inventory Qty": "2" };
    const applied = await importing([
      { ...shirt, "SEO Title": "Shirts", "Variant Price": "49.00" },
      { ...medium, "Variant Inventory Qty": "9", "Variant Barcode": "123" },
      large,
      digital,
    ]);
    expect(applied).toMatchObject([
      {
        outcome: "changed",
        steps: [
          "change seo",
          "price SHIRT-S at 49.00 USD",
          "change barcode of SHIRT-M",
          "add SHIRT-L",
          "adjust SHIRT-M by 5",
          "receive 2 of SHIRT-L",
        ],
      },
      { outcome: "unchanged", steps: [] },
    ]);
    expect((await log()).slice(before).sort()).toEqual([
      "claim Claimed",
      "imported ProductImported",
      "product PriceChanged",
      "product ProductDescribed",
      "product VariantAdded",
      "product VariantChanged",
      "stock StockAdjusted",
      "stock StockReceived",
    ]);
    const now = await bySku("SHIRT-L");
    expect(now).toMatchObject({ name: "Our shirt", seo: { title: "Shirts" } });
    expect(await shop.stockOf("SHIRT-M")).toMatchObject({ available: 9 });
  });

  it("sets what can be sold to what a changed file says, whatever was sold meanwhile", async () => {
    await importing([shirt]);
    await shop.checkOut([{ sku: "SHIRT-S", quantity: 3, unitPrice: 5_900 }]);
    await importing([{ ...shirt, "Variant Inventory Qty": "12" }]);
    expect(await shop.stockOf("SHIRT-S")).toMatchObject({ available: 12, onHand: 15 });
    await importing([{ ...shirt, "Variant Inventory Qty": "-2" }]);
    expect(await shop.stockOf("SHIRT-S")).toMatchObject({ available: 0, onHand: 3 });
  });

  it("does nothing twice, wherever it is stopped and begun again", async () => {
    const rows = [
      shirt,
      medium,
      { ...digital, "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "3" },
    ];
    await importing(rows);
    const whole = await log();
    for (let nth = 1, stopped = true; stopped; nth++) {
      await events.close();
      await rm(directory, { recursive: true });
      directory = await mkdtemp(join(tmpdir(), "cartwright-products-"));
      events = openEmbeddedEventStore({ directory });
      shop = createShop({ events });
      const dying = createShop({ events: stopsAtAppend(events, nth) });
      stopped = await importing(rows, { on: dying }).then(
        () => false,
        () => true,
      );
      // Sold before it goes on: what was booked in is not booked in again.
      const isStocked = (await shop.stockOf("SHIRT-S")).available === 10;
      if (isStocked) await shop.engine.execute(stock, "SHIRT-S", "Adjust", sold, shop.by());
      await importing(rows);
      const extra = isStocked ? 1 : 0;
      expect((await shop.stockOf("SHIRT-S")).available).toBe(10 - extra);
      expect(await shop.stockOf("SHIRT-M")).toMatchObject({ available: 4 });
      expect(await shop.stockOf("CODE")).toMatchObject({ available: 3 });
      expect((await bySku("SHIRT-S")).status).toBe("published");
      // A claim of a run that was stopped is renewed.
      const without = (types: string[]) => types.filter((type) => !type.startsWith("claim")).sort();
      const expected = isStocked ? [...whole, "stock StockAdjusted"] : whole;
      expect(without(await log())).toEqual(without(expected));
      expect(nth).toBeLessThan(40);
    }
  });

  it("publishes only when it is asked to, and nothing that the file keeps back", async () => {
    await importing([shirt, { ...digital, Published: "false" }], { isPublishing: false });
    expect((await bySku("SHIRT-S")).status).toBe("draft");
    expect(outcomes(await importing([shirt, { ...digital, Published: "false" }]))).toEqual([
      "changed",
      "unchanged",
    ]);
    expect([(await bySku("SHIRT-S")).status, (await bySku("CODE")).status]).toEqual(["published", "draft"]);
  });

  it("archives what the file says is archived, after it has all else, and changes it no more", async () => {
    await importing([{ ...shirt, Status: "archived" }]);
    expect(await bySku("SHIRT-S")).toMatchObject({ status: "archived", name: "Shirt" });
    const [applied] = await importing([{ ...shirt, Status: "archived", Title: "Another" }]);
    expect(applied?.rejects).toMatchObject([
      { row: 2, field: "Status", reason: "the product is archived in the shop" },
    ]);
    // On sale again, it is published first.
    await importing([{ ...shirt, Status: "active", Title: "Another" }]);
    expect(await bySku("SHIRT-S")).toMatchObject({ status: "published", name: "Another" });
  });

  it("tells what it would do, and does nothing, when it only looks", async () => {
    const applied = await importing([shirt, medium], { isDry: true });
    expect(applied).toMatchObject([
      {
        outcome: "created",
        steps: [
          'create "Shirt" with SHIRT-S, SHIRT-M',
          "receive 10 of SHIRT-S",
          "receive 4 of SHIRT-M",
          "publish",
        ],
      },
    ]);
    expect(await log()).toEqual([]);
  });

  it("goes on with a product of the shop that has the handle, as the file has it", async () => {
    await create({
      name: "Old",
      slug: "shirt",
      variants: [{ sku: "shirt-s", price: usd(100), attributes: { Fit: "loose" } }],
    });
    await shop.receive("shirt-s", 3);
    expect(outcomes(await importing([shirt]))).toEqual(["changed"]);
    const now = await bySku("SHIRT-S");
    expect(now).toMatchObject({ name: "Shirt", slug: "shirt", status: "published" });
    expect([...now.variants.values()]).toMatchObject([
      { sku: "shirt-s", price: usd(5_900), attributes: { Size: "S" } },
    ]);
    expect(await shop.stockOf("shirt-s")).toMatchObject({ available: 10 });
  });

  it("means the only variant of a product where the file has no SKU for its only one", async () => {
    await create({ name: "Old", slug: "code", variants: [{ sku: "CODE", price: usd(100) }] });
    await importing([{ ...digital, "Variant SKU": "" }]);
    expect([...(await bySku("CODE")).variants.values()]).toMatchObject([{ sku: "CODE", price: usd(500) }]);
  });

  it("rejects a product whose SKU another one of the shop has, and makes nothing of it", async () => {
    await create({ name: "Other", variants: [{ sku: "shirt-m", price: usd(100) }] });
    const before = await log();
    const [applied] = await importing([shirt, medium]);
    expect(applied).toMatchObject({
      outcome: "rejected",
      rejects: [{ row: 3, field: "Variant SKU", value: "SHIRT-M", reason: "other has this SKU" }],
    });
    expect(await log()).toEqual(before);
  });

  it("rejects what the catalog refuses, with the row", async () => {
    const rows = [shirt, medium].map((row) => ({ ...row, "Product Category": "" }));
    const deep = Array.from({ length: 11 }, (_, level) => `L${level}`).join(" > ");
    const [applied] = await importing([{ ...rows[0], "Product Category": deep } as typeof shirt]);
    expect(applied).toMatchObject({ outcome: "rejected", rejects: [{ row: 2, field: "Product Category" }] });
  });
});

describe("an import of a list of prices or stock", () => {
  it("changes the products that have the SKUs, and what it has columns for alone", async () => {
    await importing([shirt, medium]);
    const before = await bySku("SHIRT-S");
    const applied = await importing("sku,price\nshirt-s,55\nSHIRT-M,62.00\nNEW,1\n");
    expect(applied).toMatchObject([
      { outcome: "changed", steps: ["price SHIRT-S at 55.00 USD"] },
      { outcome: "unchanged" },
      {
        outcome: "rejected",
        rejects: [
          { row: 4, field: "sku", reason: "no product of the shop has it, and the row has no name for one" },
        ],
      },
    ]);
    const after = await bySku("SHIRT-S");
    expect({ ...after, variants: undefined }).toEqual({ ...before, variants: undefined });
    expect(after.variants.get("SHIRT-S")?.price).toEqual(usd(5_500));
    await importing("sku,available\nSHIRT-S,0\n");
    expect(await shop.stockOf("SHIRT-S")).toMatchObject({ available: 0 });
  });

  it("keeps the price to compare with where it has no column for it", async () => {
    await importing("sku,name,price,compareAtPrice\nMUG,Mug,10,15\n");
    await importing("sku,price\nMUG,9\n");
    expect((await bySku("MUG")).variants.get("MUG")).toMatchObject({
      price: usd(900),
      compareAtPrice: usd(1_500),
    });
    await importing("sku,price\nMUG,16\n");
    expect((await bySku("MUG")).variants.get("MUG")?.compareAtPrice).toBeUndefined();
  });

  it("finds products by their ids, and rejects ids that there are not", async () => {
    const id = await create({ name: "Old", variants: [{ sku: "A", price: usd(100) }] });
    expect(
      await importing(`id,name,sku\n${id},New,A\nnobody,New,B\n`, { isPublishing: false }),
    ).toMatchObject([
      { outcome: "changed", steps: ["change name"] },
      { outcome: "rejected", rejects: [{ row: 3, field: "id", reason: "the shop has no such product" }] },
    ]);
  });
});

/** An event store that is gone at the nth append, and stays so. */
function stopsAtAppend(store: EventStore, nth: number): EventStore {
  let appends = 0;
  return new Proxy(store, {
    get: (target, property) => {
      const value = Reflect.get(target, property);
      if (property !== "append") return typeof value === "function" ? value.bind(target) : value;
      return (...args: unknown[]) => {
        if (++appends >= nth) return Promise.reject(new Error("stopped"));
        return value.apply(target, args);
      };
    },
  });
}
