import { describe, expect, it } from "vitest";
import { lookedThrough, onlyRecord, readOf, tableOf } from "./files.ts";

/** What every export has; the further columns that detection goes by. */
const shirt = {
  Handle: "linen-shirt",
  Title: "Linen Shirt",
  "Body (HTML)": "<p>Loose &amp; light.</p><p>Washed.</p>",
  Vendor: "Weaver",
  Type: "Shirts",
  Tags: 'linen, summer, "red, white", Linen',
  Published: "true",
  "Option1 Name": "Size",
  "Option1 Value": "S",
  "Option2 Name": "Colour",
  "Option2 Value": "Red",
  "Variant SKU": "SHIRT-S",
  "Variant Grams": "250",
  "Variant Inventory Tracker": "shopify",
  "Variant Inventory Qty": "7",
  "Variant Inventory Policy": "continue",
  "Variant Fulfillment Service": "manual",
  "Variant Price": "59.00",
  "Variant Compare At Price": "79.00",
  "Variant Requires Shipping": "true",
  "Variant Barcode": "4006381333931",
  "Image Src": "https://cdn.example/front.jpg",
  "Image Position": "2",
  "Image Alt Text": "From the front",
  "Gift Card": "false",
  "SEO Title": "A linen shirt",
  "SEO Description": "Loose and light",
  Status: "active",
};
const medium = {
  Handle: "linen-shirt",
  "Option1 Value": "M",
  "Option2 Value": "Red",
  "Variant Inventory Tracker": "",
  "Variant Price": "62.00",
  "Variant Image": "https://cdn.example/m.jpg",
};
const picture = { Handle: "linen-shirt", "Image Src": "https://cdn.example/back.jpg", "Image Position": "1" };
const cheap = { Handle: "pan", Title: "Pan", "Body (HTML)": "", "Variant Price": "79.9" };

describe("a product export of Shopify", () => {
  it("has a product in the rows of one handle: its variants, and images in rows of their own", async () => {
    const record = await onlyRecord(tableOf([shirt, medium, picture]));
    expect(record).toMatchObject({
      product: "linen-shirt",
      identity: "handle/linen-shirt",
      slug: "linen-shirt",
      status: "published",
      fields: {
        name: "Linen Shirt",
        description: "Loose & light.\n\nWashed.",
        brand: "Weaver",
        category: "Shirts",
        tags: ["linen", "summer", "red, white"],
        images: [
          { url: "https://cdn.example/back.jpg", primary: true },
          { url: "https://cdn.example/front.jpg", alt: "From the front", primary: false },
          { url: "https://cdn.example/m.jpg", primary: false },
        ],
      },
      seo: { title: "A linen shirt", description: "Loose and light" },
    });
    expect(record.variants).toMatchObject([
      {
        sku: "SHIRT-S",
        isSkuMade: false,
        price: {
          price: { amount: 5_900, currency: "USD" },
          compareAtPrice: { amount: 7_900, currency: "USD" },
        },
        changes: {
          name: "S / Red",
          attributes: { Size: "S", Colour: "Red" },
          barcode: "4006381333931",
          weightGrams: 250,
        },
        stock: { track: true, backorders: true, available: 7 },
      },
      {
        sku: "linen-shirt.m.red",
        isSkuMade: true,
        price: { price: { amount: 6_200, currency: "USD" }, compareAtPrice: null },
        changes: { name: "M / Red", attributes: { Size: "M", Colour: "Red" } },
        stock: { track: false },
      },
    ]);
    expect(record.variants).toHaveLength(2);
  });

  it("has one variant without options where the only one is the default one", async () => {
    const record = await onlyRecord(
      tableOf([{ ...cheap, "Option1 Name": "Title", "Option1 Value": "Default Title" }]),
    );
    expect(record.variants).toMatchObject([{ sku: "pan", changes: { name: null, attributes: {} } }]);
  });

  it("goes by handles, not by which rows stand beside one another", async () => {
    const { records } = readOf(await lookedThrough(tableOf([shirt, cheap, medium, picture])));
    expect(records.map(({ product, variants }) => [product, variants.length])).toEqual([
      ["linen-shirt", 2],
      ["pan", 1],
    ]);
  });

  it("makes the tree of a product category, and keeps the type beside it", async () => {
    const category = { "Product Category": "Apparel & Accessories > Clothing > Bed/Bath" };
    const { fields } = await onlyRecord(tableOf([{ ...shirt, ...category }]));
    expect(fields.category).toBe("Apparel & Accessories/Clothing/Bed & Bath");
    expect(fields.specifications).toEqual([{ name: "Type", value: "Shirts" }]);
  });

  it.each([
    ["Published", "false", "draft"],
    ["Status", "draft", "draft"],
    ["Status", "archived", "archived"],
    ["Status", "unlisted", "published"],
  ])("with %s %s is %s", async (title, value, status) => {
    expect((await onlyRecord(tableOf([{ ...shirt, [title]: value }]))).status).toBe(status);
  });

  it("keeps what others may know of a product, and names what the catalog has no field for", async () => {
    const further = {
      "Google Shopping / Gender": "unisex",
      "Fabric (product.metafields.custom.fabric)": "Linen",
      "Cost per item": "12.00",
      "Included / Europe": "true",
      "Variant Tax Code": "T1",
    };
    const table = await lookedThrough(
      tableOf([
        { ...shirt, ...further },
        { ...medium, "Variant Tax Code": "T1" },
      ]),
    );
    const [record] = readOf(table).records;
    expect(record?.fields.specifications).toEqual([
      { name: "Gender", value: "unisex" },
      { name: "Fabric", value: "Linen" },
    ]);
    const reason = "the catalog has no field for it";
    expect(table.leftOut).toEqual([
      { field: "Cost per item", reason, rows: 1, firstRow: 2 },
      { field: "Variant Tax Code", reason, rows: 2, firstRow: 2 },
    ]);
  });

  it("says nothing of what its columns do not say", async () => {
    const { fields, seo, status, variants } = await onlyRecord(tableOf([cheap]));
    expect(fields).toEqual({ name: "Pan", description: null });
    expect(seo).toEqual({});
    expect(status).toBeUndefined();
    expect(variants[0]?.stock).toEqual({});
  });

  it("is known in the columns of its newer edition too", async () => {
    const record = await onlyRecord(
      tableOf([
        {
          Title: "Enamel Pot",
          "URL handle": "enamel-pot",
          Description: "<p>Holds two litres.</p>",
          "Product category": "Home & Garden > Kitchen",
          "Published on online store": "TRUE",
          Status: "Active",
          SKU: "POT-2",
          "Option1 name": "Size",
          "Option1 value": "2 l",
          Price: "35",
          "Compare-at price": "30",
          "Inventory tracker": "shopify",
          "Inventory quantity": "3",
          "Continue selling when out of stock": "deny",
          "Weight value (grams)": "1200.0",
          "Product image URL": "https://cdn.example/pot.jpg",
          "SEO title": "Pot",
        },
      ]),
    );
    expect(record).toMatchObject({
      identity: "handle/enamel-pot",
      status: "published",
      fields: { name: "Enamel Pot", description: "Holds two litres.", category: "Home & Garden/Kitchen" },
      seo: { title: "Pot" },
      variants: [
        {
          sku: "POT-2",
          price: { price: { amount: 3_500 }, compareAtPrice: null },
          changes: { weightGrams: 1_200, attributes: { Size: "2 l" } },
          stock: { track: true, backorders: false, available: 3 },
        },
      ],
    });
  });

  it("accepts rows longer than the header where what is over is empty", async () => {
    const content = "Handle,Title,Body (HTML),Variant Price\nmug,Mug,,14.50,,\n";
    expect((await onlyRecord(content)).variants[0]?.price?.price.amount).toBe(1_450);
    const { rejects } = readOf(
      await lookedThrough("Handle,Title,Body (HTML),Variant Price\nmug,Mug,,14.50,,x\n"),
    );
    expect(rejects).toEqual([
      {
        row: 2,
        product: "mug",
        field: "column 5",
        value: "x",
        reason: "the row has 6 fields, its header 4",
      },
    ]);
  });

  it("rejects a product with one bad row as a whole, and says where it is", async () => {
    const bad = { ...medium, "Variant Price": "sixty", "Variant Grams": "heavy" };
    const { records, rejects } = readOf(await lookedThrough(tableOf([shirt, bad, picture, cheap])));
    expect(records.map(({ product }) => product)).toEqual(["pan"]);
    expect(rejects).toEqual([
      { row: 3, product: "linen-shirt", field: "Variant Price", value: "sixty", reason: "is no number" },
      { row: 3, product: "linen-shirt", field: "Variant Grams", value: "heavy", reason: "is no number" },
    ]);
  });

  it.each([
    [{ "Variant Price": "" }, "Variant Price", "is missing"],
    [{ "Variant Price": "-1" }, "Variant Price", "a price in USD is 0 to 99999999 minor units"],
    [{ "Variant Price": "1.999" }, "Variant Price", "has more decimals than USD"],
    [{ "Variant Inventory Qty": "2.5" }, "Variant Inventory Qty", "is no whole number"],
    [{ "Image Src": "javascript:alert(1)" }, "Image Src", expect.stringContaining("an image is")],
    [{ Title: "x".repeat(300) }, "Title", expect.stringContaining("at most 255")],
    [{ Status: "gone" }, "Status", "is none of active, draft, archived"],
    [{ "Variant SKU": "a\tb" }, "Variant SKU", expect.stringContaining("a SKU is")],
  ])("rejects %j", async (change, field, reason) => {
    const { rejects } = readOf(await lookedThrough(tableOf([{ ...shirt, ...change }])));
    expect(rejects).toMatchObject([{ row: 2, field, reason }]);
  });

  it("rejects a product whose SKU another one of the file has, in whatever spelling", async () => {
    const { records, rejects } = readOf(
      await lookedThrough(tableOf([shirt, { ...cheap, "Variant SKU": "shirt-s" }])),
    );
    expect(records.map(({ product }) => product)).toEqual(["linen-shirt"]);
    expect(rejects).toMatchObject([{ row: 3, product: "pan", field: "Variant SKU", value: "shirt-s" }]);
  });

  it("leaves out, and names, what is more than a product can have", async () => {
    const images = Array.from({ length: 25 }, (_, index) => ({
      Handle: "linen-shirt",
      "Image Src": `https://cdn.example/${index}.jpg`,
    }));
    const tags = Array.from({ length: 60 }, (_, index) => `tag ${index}`);
    const table = await lookedThrough(
      tableOf([
        { ...shirt, Tags: [...tags, "x".repeat(51)].join(","), "Variant Compare At Price": "50" },
        ...images,
      ]),
    );
    const [record] = readOf(table).records;
    expect([record?.fields.images?.length, record?.fields.tags?.length]).toEqual([20, 50]);
    expect(table.leftOut.map(({ field, reason }) => `${field}: ${reason}`).sort()).toEqual([
      "Image Src: more than 20 images",
      "Tags: more than 50 tags",
      "Tags: tags of more than 50 characters",
      "Variant Compare At Price: not above the price",
    ]);
  });
});

describe("a SKU that is made", () => {
  it("is the same at each import, and tells options apart that a slug would not", async () => {
    const sizes = ["10.5", "10-5", "10 5", "Größe L", "L"];
    const rows = sizes.map((size, index) => ({
      Handle: "boot",
      "Body (HTML)": "",
      "Variant Price": "1",
      ...(index === 0 && { Title: "Boot", "Option1 Name": "Size" }),
      "Option1 Value": size,
    }));
    const skusOf = async (given: typeof rows) =>
      (await onlyRecord(tableOf(given))).variants.map(({ sku }) => sku);
    const skus = await skusOf(rows);
    expect(new Set(skus).size).toBe(sizes.length);
    expect(skus).toContain("boot.l");
    expect(skus.every((sku) => sku.startsWith("boot."))).toBe(true);
    // The order of rows, and what else there is, has no part in it.
    const [first, ...others] = rows;
    expect(
      await skusOf([{ ...first, "Option1 Value": "L" } as (typeof rows)[0], ...others.slice(0, 3)]),
    ).toEqual([skus[4], ...skus.slice(1, 4)]);
  });

  it("is no longer than a SKU may be, and another one for other options all the same", async () => {
    const skuOf = async (option: string) => {
      const row = { Handle: "x".repeat(70), Title: "X", "Body (HTML)": "", "Option1 Name": "Size" };
      const { variants } = await onlyRecord(
        tableOf([{ ...row, "Option1 Value": option, "Variant Price": "1" }]),
      );
      return variants[0]?.sku ?? "";
    };
    const skus = await Promise.all([skuOf("S"), skuOf("M"), skuOf("S")]);
    expect(skus[0]).toBe(skus[2]);
    expect(skus[0]).not.toBe(skus[1]);
    expect(skus.map((sku) => sku.length)).toEqual([64, 64, 64]);
  });
});
