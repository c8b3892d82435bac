import { describe, expect, it } from "vitest";
import { lookedThrough, onlyRecord, readOf, tableOf } from "./files.ts";

const row = {
  handle: "oak-desk",
  status: "published",
  name: "Oak Desk",
  shortDescription: "A desk",
  description: "Of <solid> oak.\nTwo drawers.",
  brand: "Wainwright",
  category: "Home/Desks",
  tags: 'oak,office,"red, white"',
  images: "https://cdn.example/a.jpg,/b.jpg",
  imageAlts: ",The back",
  sku: "DESK-S",
  variant: "Small",
  attributes: 'Width=120 cm,"Wood=oak, oiled"',
  currency: "USD",
  price: "349.00",
  compareAtPrice: "399.00",
  available: "12",
  track: "true",
  backorders: "false",
  createdAt: "2026-01-01T00:00:00Z",
};

describe("a file in the shop's own columns", () => {
  it("says what an export says, as it says it", async () => {
    const second = { handle: "oak-desk", sku: "DESK-L", variant: "Large", price: "449.00", currency: "USD" };
    const table = await lookedThrough(tableOf([row, second]));
    expect(table).toMatchObject({ format: "own", rows: 2, products: 1, leftOut: [] });
    expect(table.read(0)).toMatchObject({
      identity: "handle/oak-desk",
      slug: "oak-desk",
      status: "published",
      fields: {
        name: "Oak Desk",
        description: "Of <solid> oak.\nTwo drawers.",
        brand: "Wainwright",
        category: "Home/Desks",
        tags: ["oak", "office", "red, white"],
        images: [
          { url: "https://cdn.example/a.jpg", primary: true },
          { url: "/b.jpg", alt: "The back", primary: false },
        ],
      },
      variants: [
        {
          sku: "DESK-S",
          changes: { name: "Small", attributes: { Width: "120 cm", Wood: "oak, oiled" } },
          price: {
            price: { amount: 34_900, currency: "USD" },
            compareAtPrice: { amount: 39_900, currency: "USD" },
          },
          stock: { track: true, backorders: false, available: 12 },
        },
        { sku: "DESK-L", changes: { name: "Large" }, price: { price: { amount: 44_900 } }, stock: {} },
      ],
    });
  });

  it("has further fields of products: of search engines, specifications, weights in their unit", async () => {
    const further = {
      seoTitle: "Desks",
      specifications: "Legs=4,Finish=oil",
      relatedProducts: "p-1,p-2",
      featured: "yes",
      publishAt: "2026-03-01T10:00:00+01:00",
      barcode: "4006381333931",
      weight: "2.5 kg",
      lowStockThreshold: "3",
    };
    const record = await onlyRecord(tableOf([{ ...row, ...further }]));
    expect(record).toMatchObject({
      seo: { title: "Desks" },
      fields: {
        specifications: [
          { name: "Legs", value: "4" },
          { name: "Finish", value: "oil" },
        ],
        relatedProducts: ["p-1", "p-2"],
        featured: true,
        publishAt: "2026-03-01T09:00:00.000Z",
      },
      variants: [
        { changes: { barcode: "4006381333931", weightGrams: 2_500 }, stock: { lowStockThreshold: 3 } },
      ],
    });
  });

  it.each([
    ["500 g", 500],
    ["1,25kg", 1_250],
    ["2 lb", 907],
    ["8 oz", 227],
    ["0 kg", null],
  ])("reads a weight of %s", async (weight, grams) => {
    const { variants } = await onlyRecord(tableOf([{ ...row, weight }]));
    expect(variants[0]?.changes.weightGrams).toBe(grams);
  });

  it("titles its columns in any spelling, and makes paths of `>`", async () => {
    const record = await onlyRecord(
      "Handle;NAME;Compare At Price;short_description;price;Category\nmug;Mug;;Small;14,50;Garden > Chairs\n",
    );
    expect(record).toMatchObject({
      fields: { name: "Mug", shortDescription: "Small", category: "Garden/Chairs" },
      variants: [{ sku: "mug", price: { price: { amount: 1_450 }, compareAtPrice: null } }],
    });
  });

  it("leaves alone what it has no column for, and clears what is blank", async () => {
    const { fields, status, variants } = await onlyRecord("sku,price,brand\nMUG-1,2.50,\n");
    expect(fields).toEqual({ brand: null });
    expect(status).toBeUndefined();
    expect(variants).toMatchObject([{ sku: "MUG-1", changes: {}, stock: {} }]);
    expect(variants[0]?.price).toEqual({ price: { amount: 250, currency: "USD" } });
  });

  it("has rows without a handle of the products that have their SKUs, each for itself", async () => {
    const { records } = readOf(await lookedThrough("sku,available\nA-1,3\nA-2,4\n"));
    expect(records.map(({ identity, slug }) => [identity, slug])).toEqual([
      ["sku/a-1", undefined],
      ["sku/a-2", undefined],
    ]);
  });

  it("takes the amounts of another currency with its decimals", async () => {
    const { variants } = await onlyRecord(
      tableOf([{ ...row, currency: "KWD", price: "1.250", compareAtPrice: "" }]),
    );
    expect(variants[0]?.price?.price).toEqual({ amount: 1_250, currency: "KWD" });
  });

  it("names columns that mean nothing to it", async () => {
    const { leftOut } = await lookedThrough(tableOf([{ ...row, colour: "red" }]));
    expect(leftOut).toEqual([
      { field: "colour", reason: "the catalog has no field for it", rows: 1, firstRow: 2 },
    ]);
  });

  it("undoes what keeps texts from being formulas", async () => {
    expect((await onlyRecord(tableOf([{ ...row, name: "'-5 degrees" }]))).fields.name).toBe("-5 degrees");
  });

  it.each([
    [{ currency: "XXX" }, "currency"],
    [{ status: "hidden" }, "status"],
    [{ attributes: "red" }, "attributes"],
    [{ featured: "maybe" }, "featured"],
    [{ publishAt: "tomorrow" }, "publishAt"],
    [{ weight: "3 stone" }, "weight"],
    [{ weight: "3" }, "weight"],
    [{ available: "some" }, "available"],
    [{ handle: "", sku: "" }, "handle"],
  ])("rejects %j", async (change, field) => {
    const { rejects } = readOf(
      await lookedThrough(tableOf([{ ...row, weight: "", featured: "", publishAt: "", ...change }])),
    );
    expect(rejects).toContainEqual(expect.objectContaining({ row: 2, field }));
  });
});

describe("JSON", () => {
  const product = {
    handle: "oak-desk",
    name: "Oak Desk",
    tags: ["oak", "a, b"],
    images: [{ url: "/a.jpg" }, { url: "/b.jpg", alt: "B", primary: true }],
    seo: { title: "Desks" },
    specifications: [{ name: "Legs", value: "4" }],
    variants: [
      {
        sku: "DESK-S",
        name: "Small",
        price: { amount: 34_900, currency: "USD" },
        attributes: { Width: "120 cm" },
      },
      { sku: "DESK-L", name: "Large", price: "449.00", available: 3, weightGrams: 9_000 },
    ],
  };
  const expected = {
    identity: "handle/oak-desk",
    seo: { title: "Desks" },
    fields: {
      name: "Oak Desk",
      tags: ["oak", "a, b"],
      images: [
        { url: "/b.jpg", alt: "B", primary: true },
        { url: "/a.jpg", primary: false },
      ],
      specifications: [{ name: "Legs", value: "4" }],
    },
    variants: [
      {
        sku: "DESK-S",
        price: { price: { amount: 34_900, currency: "USD" } },
        changes: { name: "Small", attributes: { Width: "120 cm" } },
      },
      {
        sku: "DESK-L",
        price: { price: { amount: 44_900, currency: "USD" } },
        changes: { weightGrams: 9_000 },
        stock: { available: 3 },
      },
    ],
  };

  it.each([
    ["an array", JSON.stringify([product])],
    ["an array over lines", JSON.stringify([product], undefined, 2)],
    ["lines", `${JSON.stringify(product)}\n`],
    ["one object", JSON.stringify(product, undefined, "\t")],
  ])("holds products as the API takes them, as %s", async (_, text) => {
    expect(await onlyRecord(text)).toMatchObject(expected);
  });

  it("holds rows as an export has them", async () => {
    const lines = [
      {
        handle: "mug",
        name: "Mug",
        sku: "MUG-1",
        price: { amount: 250, currency: "USD" },
        tags: ["a"],
        attributes: ["Size=S"],
      },
      {
        handle: "mug",
        name: "Mug",
        sku: "MUG-2",
        price: { amount: 350, currency: "USD" },
        tags: null,
        compareAtPrice: null,
      },
    ];
    const record = await onlyRecord(lines.map((line) => JSON.stringify(line)).join("\n"));
    expect(record).toMatchObject({
      fields: { name: "Mug", tags: ["a"] },
      variants: [
        { sku: "MUG-1", changes: { attributes: { Size: "S" } } },
        { sku: "MUG-2", price: { price: { amount: 350 }, compareAtPrice: null } },
      ],
    });
  });

  it("names products by where they stand in it", async () => {
    const text = JSON.stringify([
      product,
      {
        handle: "x",
        name: "X",
        variants: [
          { sku: "X", price: 1.5 },
          { sku: "Y", price: "no" },
        ],
      },
    ]);
    const { records, rejects } = readOf(await lookedThrough(text));
    expect(records.map(({ product }) => product)).toEqual(["oak-desk"]);
    expect(rejects).toEqual([{ row: 2, product: "x", field: "price", value: "no", reason: "is no number" }]);
  });

  it("may be one line, however long that is", async () => {
    const products = Array.from({ length: 3_000 }, (_, index) => ({
      sku: `S-${index}`,
      name: 'Ä { \\ " [ name',
      description: "x".repeat(500),
      price: index,
    }));
    const table = await lookedThrough(JSON.stringify(products));
    expect(table.products).toBe(3_000);
    expect(table.read(2_999)).toMatchObject({ fields: { name: 'Ä { \\ " [ name' } });
  });

  it.each([
    ['{"handle": "a"', "line 1 begins an object that does not end"],
    ['{"handle": "a"}\n{"handle" "b"}', "line 2 is no JSON"],
    ['[{"handle": "a"}, 7]', "line 1 is neither"],
    [`{"handle": "${"x".repeat(1_100_000)}"}`, "more than 1048576 characters"],
  ])("that cannot be read says where: %#", async (text, reason) => {
    await expect(lookedThrough(text, { kind: "json" })).rejects.toThrow(reason);
  });
});

describe("a file that is none of products", () => {
  it.each([
    ["", "is empty"],
    ["a,b\n1,2\n", "has neither the columns"],
    [Buffer.from("sku,name\nA,caf\xe9\n", "latin1"), "line 2 holds bytes"],
  ])("is refused: %#", async (content, reason) => {
    await expect(lookedThrough(content)).rejects.toThrow(reason);
  });

  it("may be in another encoding when that is named", async () => {
    const bytes = Buffer.from("sku,name,price\nA,caf\xe9,1\n", "latin1");
    expect((await onlyRecord(bytes, { encoding: "windows-1252" })).fields.name).toBe("café");
    const wide = Buffer.from("\ufeffsku;name;price\nA;café;1\n", "utf16le");
    expect((await onlyRecord(wide)).fields.name).toBe("café");
  });
});
