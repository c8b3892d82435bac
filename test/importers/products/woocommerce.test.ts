import { describe, expect, it } from "vitest";
import { lookedThrough, onlyRecord, readOf, tableOf } from "./files.ts";

const hoodie = {
  ID: "44",
  Type: "variable",
  SKU: "HOODIE",
  Name: "Hoodie &amp; Cord",
  Published: "1",
  "Is featured?": "1",
  "Visibility in catalog": "visible",
  "Short description": "Warm.",
  Description: "First line.\\nSecond with <b>bold</b>.\\n\\n<ul>\\n<li>Cotton</li>\\n</ul>",
  "Tax status": "taxable",
  "Allow customer reviews?": "1",
  Categories: "Clothing, Clothing > Hoodies, Gifts\\, etc.",
  Tags: "warm, new\\, hot",
  Images: "https://cdn.example/1.jpg, https://cdn.example/2.jpg",
  "Weight (kg)": "1,5",
  "Length (cm)": "10",
  Position: "0",
  "Attribute 1 name": "Colour",
  "Attribute 1 value(s)": "Blue, Red",
  "Attribute 1 visible": "1",
  "Attribute 2 name": "Made in",
  "Attribute 2 value(s)": "Portugal",
  "Regular price": "",
};
const blue = {
  ID: "45",
  Type: "variation",
  SKU: "HOODIE-BLUE",
  "GTIN, UPC, EAN, or ISBN": "4006381333931",
  Name: "Hoodie - Blue",
  Published: "1",
  "In stock?": "1",
  Stock: "4",
  "Low stock amount": "2",
  "Backorders allowed?": "notify",
  "Sale price": "39,90",
  "Regular price": "45,00",
  Parent: "HOODIE",
  "Attribute 1 name": "Colour",
  "Attribute 1 value(s)": "Blue",
};
const red = {
  ID: "46",
  Type: "variation",
  "In stock?": "0",
  Stock: "",
  "Regular price": "45,00",
  Parent: "id:44",
  Images: "https://cdn.example/red.jpg",
  "Attribute 1 name": "Colour",
  "Attribute 1 value(s)": "Red",
};
const mug = { ID: "7", Type: "simple", SKU: "MUG", Name: "Mug", "Regular price": "9,50" };

describe("a product export of WooCommerce", () => {
  it("has a product and its variations, wherever these stand", async () => {
    const record = await onlyRecord(tableOf([blue, hoodie, red]));
    expect(record).toMatchObject({
      product: "HOODIE",
      identity: "woocommerce/HOODIE",
      status: "published",
      fields: {
        name: "Hoodie & Cord",
        shortDescription: "Warm.",
        description: "First line.\nSecond with bold.\n- Cotton",
        category: "Clothing/Hoodies",
        tags: ["warm", "new, hot"],
        featured: true,
        images: [
          { url: "https://cdn.example/1.jpg", primary: true },
          { url: "https://cdn.example/2.jpg", primary: false },
          { url: "https://cdn.example/red.jpg", primary: false },
        ],
        specifications: [
          { name: "Made in", value: "Portugal" },
          { name: "Length (cm)", value: "10" },
        ],
      },
    });
    expect(record.slug).toBeUndefined();
    expect(record.variants).toMatchObject([
      {
        sku: "HOODIE-BLUE",
        price: {
          price: { amount: 3_990, currency: "USD" },
          compareAtPrice: { amount: 4_500, currency: "USD" },
        },
        changes: {
          name: "Blue",
          attributes: { Colour: "Blue" },
          barcode: "4006381333931",
          weightGrams: 1_500,
        },
        stock: { track: true, backorders: true, lowStockThreshold: 2, available: 4 },
      },
      {
        sku: "hoodie.red",
        isSkuMade: true,
        price: { price: { amount: 4_500 }, compareAtPrice: null },
        stock: { track: true, available: 0 },
      },
    ]);
  });

  it("names the further categories of a product, of which the catalog has one", async () => {
    const table = await lookedThrough(tableOf([hoodie, blue]));
    expect(table.leftOut).toContainEqual({
      field: "Categories",
      reason: "a product is in one category",
      rows: 1,
      firstRow: 2,
    });
    expect((await lookedThrough(tableOf([{ ...mug, Categories: "A, A > B" }]))).leftOut).toEqual([]);
  });

  it("counts nothing of what it does not manage, and sells none of what is not in stock", async () => {
    const stockOf = async (fields: Record<string, string>) =>
      (await onlyRecord(tableOf([{ ...mug, ...fields }]))).variants[0]?.stock;
    expect(await stockOf({ "In stock?": "1", Stock: "" })).toEqual({ track: false });
    expect(await stockOf({ "In stock?": "0", Stock: "" })).toEqual({ track: true, available: 0 });
    expect(await stockOf({ "In stock?": "1", Stock: "parent" })).toEqual({});
    expect(await stockOf({ "In stock?": "1", Stock: "3", "Backorders allowed?": "0" })).toEqual({
      track: true,
      backorders: false,
      available: 3,
    });
  });

  it.each([
    ["2026-01-01", "2026-01-15", 800, 950],
    ["2026-01-01", "2026-01-14", 950, undefined],
    ["2026-02-01", "", 950, undefined],
  ])("knows a sale from %s to %s by its days", async (starts, ends, price, regular) => {
    const sale = { "Sale price": "8,00", "Date sale price starts": starts, "Date sale price ends": ends };
    const { variants } = await onlyRecord(tableOf([{ ...mug, ...sale }]));
    expect(variants[0]?.price?.price.amount).toBe(price);
    expect(variants[0]?.price?.compareAtPrice?.amount).toBe(regular);
  });

  it("reads prices with a point as well, and texts that were kept from being formulas", async () => {
    const record = await onlyRecord(tableOf([{ ...mug, Name: "'=Mug", "Regular price": "1234.50" }]));
    expect([record.fields.name, record.variants[0]?.price?.price.amount]).toEqual(["=Mug", 123_450]);
  });

  it("has SEO fields by the two plugins that are used for them", async () => {
    const yoast = { "Meta: _yoast_wpseo_title": "T", "Meta: _yoast_wpseo_metadesc": "D" };
    expect((await onlyRecord(tableOf([{ ...mug, ...yoast }]))).seo).toEqual({ title: "T", description: "D" });
    const rankMath = { "Meta: rank_math_title": "R" };
    expect((await onlyRecord(tableOf([{ ...mug, ...rankMath }]))).seo).toEqual({ title: "R" });
  });

  it("is known by its ID where it has no SKU", async () => {
    const { SKU: _, ...nameless } = mug;
    expect(await onlyRecord(tableOf([nameless]))).toMatchObject({
      identity: "woocommerce/id:7",
      variants: [{ sku: "woo-7", isSkuMade: true }],
    });
  });

  it.each([
    [{ ...mug, Type: "grouped" }, "Type", "is not sold here: simple and variable products are"],
    [{ ...mug, Type: "external" }, "Type", "is not sold here: simple and variable products are"],
    [{ ...hoodie }, "Type", "the file has no variation of it"],
    [{ ...blue }, "Parent", "the file has no such product"],
    [{ ...mug, "Regular price": "" }, "Regular price", "is missing"],
    [{ ...mug, Published: "yes" }, "Published", "is none of 1, 0 and -1"],
  ])("rejects %j", async (row, field, reason) => {
    const { records, rejects } = readOf(await lookedThrough(tableOf([row], "Regular price")));
    expect(records).toEqual([]);
    expect(rejects).toContainEqual(expect.objectContaining({ row: 2, field, reason }));
  });

  it("is a product of several types, if one of them is sold here", async () => {
    expect(await onlyRecord(tableOf([{ ...mug, Type: "simple, virtual" }]))).toMatchObject({
      product: "MUG",
    });
  });
});
