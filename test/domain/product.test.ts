import { describe, expect, test } from "vitest";
import type { NewVariant, Variant } from "../../commands/product/fields.ts";
import { offerOf, type ProductEvent, product } from "../../commands/product/product.ts";
import { slugify, withSuffix } from "../../commands/product/slug.ts";
import { given } from "./given.ts";

const usd = (amount: number) => ({ amount, currency: "USD" });
const small: Variant = { sku: "MUG-S", name: "Small", price: usd(1000), attributes: { size: "S" } };
const large: Variant = { sku: "MUG-L", name: "Large", price: usd(1500), attributes: { size: "L" } };

const created = (variants = [small, large]): ProductEvent => ({
  type: "ProductCreated",
  data: { slug: "mug", name: "Mug", category: "Kitchen", tags: ["new"], images: [], variants },
});
const published: ProductEvent = { type: "ProductPublished", data: {} };
const archived: ProductEvent = { type: "ProductArchived", data: {} };
const retired = (sku: string): ProductEvent => ({ type: "VariantRetired", data: { sku } });

const create = (fields: object) => ({ slug: "mug", name: "Mug", variants: [small], ...fields });
const variant = (fields: Partial<NewVariant>): NewVariant => ({ sku: "MUG-X", price: usd(1), ...fields });

describe("creating a product", () => {
  test("keeps its fields, each tag once, and the first image as the primary one", () => {
    const fields = {
      slug: "mug",
      name: "  Mug ",
      tags: ["New", "sale", "new"],
      images: ["/mug.jpg", { url: "https://shop.example/mug-2.jpg", alt: "Handle" }],
      variants: [{ sku: "MUG-S", price: usd(1000) }],
    };
    given(product, [])
      .when("Create", fields)
      .then([
        {
          type: "ProductCreated",
          data: {
            slug: "mug",
            name: "Mug",
            tags: ["New", "sale"],
            images: [
              { url: "/mug.jpg", primary: true },
              { url: "https://shop.example/mug-2.jpg", alt: "Handle", primary: false },
            ],
            variants: [{ sku: "MUG-S", price: usd(1000), attributes: {} }],
          },
        },
      ]);
  });

  test("again changes nothing", () => {
    given(product, [created()]).when("Create", create({})).then([]);
  });

  test.each<[string, object, string]>([
    ["a name of nothing but spaces", { name: "  " }, "name"],
    ["a name of 256 letters", { name: "a".repeat(256) }, "name"],
    ["a name of 256 characters of two units", { name: "𠮷".repeat(256) }, "name"],
    ["a short description of 501 letters", { shortDescription: "a".repeat(501) }, "shortDescription"],
    ["a description beyond its bound", { description: "a".repeat(20_001) }, "description"],
    ["a slug with capitals", { slug: "Mug" }, "slug"],
    ["two primary images", { images: ["/a", "/b"].map((url) => ({ url, primary: true })) }, "images"],
    ["a script as an image", { images: [{ url: "javascript:alert(1)" }] }, "images.0.url"],
    ["another server's image without a scheme", { images: [{ url: "//x.example/a.png" }] }, "images.0.url"],
    ["51 tags", { tags: Array.from({ length: 51 }, (_, index) => `tag ${index}`) }, "tags"],
    ["a field it does not know", { nmae: "Mug" }, ""],
    ["one SKU twice", { variants: [small, { ...large, sku: "MUG-S" }] }, "variants.1.sku"],
    [
      "two currencies",
      { variants: [small, { ...large, price: { amount: 1, currency: "EUR" } }] },
      "variants.1.price.currency",
    ],
    [
      "a price above 999,999.99",
      { variants: [{ ...small, price: usd(100_000_000) }] },
      "variants.0.price.amount",
    ],
    ["a price below 0", { variants: [{ ...small, price: usd(-1) }] }, "variants.0.price.amount"],
    [
      "a price that is not below the one to compare with",
      { variants: [{ ...small, compareAtPrice: small.price }] },
      "variants.0.compareAtPrice",
    ],
    [
      "a price to compare with in another currency",
      { variants: [{ ...small, compareAtPrice: { amount: 9_000, currency: "EUR" } }] },
      "variants.0.compareAtPrice",
    ],
    [
      "51 attributes",
      {
        variants: [{ ...small, attributes: Object.fromEntries([..."a".repeat(51)].map((_, i) => [i, ""])) }],
      },
      "variants.0.attributes",
    ],
    [
      "201 variants",
      { variants: Array.from({ length: 201 }, (_, index) => ({ ...small, sku: `S${index}` })) },
      "variants",
    ],
    [
      "more than fits into one append",
      {
        variants: Array.from({ length: 200 }, (_, index) => ({
          ...small,
          sku: `S${index}`,
          attributes: Object.fromEntries(Array.from({ length: 10 }, (_, at) => [at, "a".repeat(500)])),
        })),
      },
      "variants",
    ],
  ])("is refused with %s", (_, fields, path) => {
    given(product, [])
      .when("Create", create(fields))
      .refused("validation_failed", { errors: [expect.objectContaining({ path })] });
  });

  test.each(["A", "a/b c", "🧦".repeat(64), "Größe 4½", "\u200d"])("takes the SKU %j", (sku) => {
    const variants = [{ ...small, sku }];
    given(product, [])
      .when("Create", { slug: "mug", name: "Mug", tags: ["new"], category: "Kitchen", variants })
      .then([created(variants)]);
  });

  test.each(["", "a\n", "\u0000", "\u0085", "a".repeat(65), "🧦".repeat(65), "\ud800"])(
    "refuses the SKU %j",
    (sku) => {
      given(product, [])
        .when("Create", create({ variants: [{ ...small, sku }] }))
        .refused("validation_failed");
    },
  );
});

describe("describing a product", () => {
  test("stores only what has changed", () => {
    given(product, [created(), published])
      .when("Describe", { name: "Cup", category: "Kitchen", description: null, tags: ["new", "NEW"] })
      .then([{ type: "ProductDescribed", data: { name: "Cup" } }]);
  });

  test("clears what is null, and not twice", () => {
    const cleared: ProductEvent = { type: "ProductDescribed", data: { category: null } };
    given(product, [created()]).when("Describe", { category: null }).then([cleared]);
    given(product, [created(), cleared]).when("Describe", { category: null }).then([]);
  });

  test("makes the first image the primary one", () => {
    given(product, [created()])
      .when("Describe", { images: [{ url: "/a" }, { url: "/b" }] })
      .then([
        {
          type: "ProductDescribed",
          data: {
            images: [
              { url: "/a", primary: true },
              { url: "/b", primary: false },
            ],
          },
        },
      ]);
  });

  test("is refused when it is archived or not there", () => {
    given(product, [created(), published, archived])
      .when("Describe", { name: "Cup" })
      .refused("illegal_transition");
    given(product, []).when("Describe", { name: "Cup" }).refused("not_found");
  });
});

describe("repricing a variant", () => {
  const repriced: ProductEvent = {
    type: "PriceChanged",
    data: { sku: "MUG-S", price: usd(800), compareAtPrice: usd(1000), previous: usd(1000) },
  };
  const command = { sku: "MUG-S", price: usd(800), compareAtPrice: usd(1000) };

  test("stores the price before, and happens once", () => {
    given(product, [created(), published]).when("Reprice", command).then([repriced]);
    given(product, [created(), published, repriced]).when("Reprice", command).then([]);
  });

  test("without a price to compare with takes that away", () => {
    given(product, [created(), repriced])
      .when("Reprice", { sku: "MUG-S", price: usd(800) })
      .then([
        {
          type: "PriceChanged",
          data: { sku: "MUG-S", price: usd(800), compareAtPrice: null, previous: usd(800) },
        },
      ]);
  });

  test("to the price to compare with, beyond the bounds or in another currency is refused", () => {
    const mug = given(product, [created()]);
    mug.when("Reprice", { ...command, compareAtPrice: usd(800) }).refused("validation_failed");
    mug.when("Reprice", { sku: "MUG-S", price: usd(100_000_000) }).refused("validation_failed");
    mug
      .when("Reprice", { sku: "MUG-S", price: { amount: 800, currency: "EUR" } })
      .refused("currency_mismatch");
  });

  test("that is not there, retired, or of an archived product is refused", () => {
    given(product, [created()])
      .when("Reprice", { ...command, sku: "?" })
      .refused("not_found");
    given(product, [created(), retired("MUG-S")])
      .when("Reprice", command)
      .refused("illegal_transition");
    given(product, [created(), published, archived]).when("Reprice", command).refused("illegal_transition");
  });
});

describe("the variants of a product", () => {
  const extra = variant({});

  test("are added all together, and once", () => {
    const added: ProductEvent = { type: "VariantAdded", data: { variant: { ...extra, attributes: {} } } };
    given(product, [created()])
      .when("AddVariants", { variants: [small, extra] })
      .then([added]);
    given(product, [created(), added])
      .when("AddVariants", { variants: [extra] })
      .then([]);
  });

  test("cannot share a SKU, be of two currencies or none at all", () => {
    const mug = given(product, [created()]);
    mug
      .when("AddVariants", { variants: [{ ...small, price: usd(1) }] })
      .refused("already_exists", { sku: "MUG-S" });
    mug
      .when("AddVariants", { variants: [variant({ price: { amount: 1, currency: "EUR" } })] })
      .refused("currency_mismatch");
    mug.when("AddVariants", { variants: [] }).refused("validation_failed");
    given(product, [created(), published, archived])
      .when("AddVariants", { variants: [extra] })
      .refused("illegal_transition");
  });

  test("are at most 200 in all", () => {
    const many = Array.from({ length: 199 }, (_, index) => ({ ...small, sku: `S${index}` }));
    given(product, [created(many)])
      .when("AddVariants", { variants: [variant({ sku: "X" }), variant({ sku: "Y" })] })
      .refused("validation_failed");
  });

  test("are changed in what is given", () => {
    const mug = given(product, [created()]);
    mug
      .when("ChangeVariant", { sku: "MUG-S", name: "Tiny", attributes: { size: "S" } })
      .then([{ type: "VariantChanged", data: { sku: "MUG-S", name: "Tiny" } }]);
    mug
      .when("ChangeVariant", { sku: "MUG-S", name: null, attributes: {} })
      .then([{ type: "VariantChanged", data: { sku: "MUG-S", name: null, attributes: {} } }]);
    mug.when("ChangeVariant", { sku: "MUG-S", name: "Small" }).then([]);
    mug.when("ChangeVariant", { sku: "?", name: "Small" }).refused("not_found");
  });

  test("have a barcode and a weight, which may be cleared", () => {
    const coded = { sku: "MUG-S", barcode: "4006381333931", weightGrams: 350 };
    const known: ProductEvent = { type: "VariantChanged", data: coded };
    given(product, [created()]).when("ChangeVariant", coded).then([known]);
    given(product, [created(), known])
      .when("ChangeVariant", { ...coded, weightGrams: null })
      .then([{ type: "VariantChanged", data: { sku: "MUG-S", weightGrams: null } }]);
    given(product, [created(), known])
      .when("AddVariants", { variants: [small] })
      .refused("already_exists");
    given(product, [created()])
      .when("ChangeVariant", { sku: "MUG-S", barcode: "4006\n381" })
      .refused("validation_failed");
  });

  test("are retired once, and come back as they are added", () => {
    given(product, [created()])
      .when("RetireVariant", { sku: "MUG-S" })
      .then([retired("MUG-S")]);
    given(product, [created(), retired("MUG-S")])
      .when("RetireVariant", { sku: "MUG-S" })
      .then([]);
    given(product, [created(), retired("MUG-S")])
      .when("AddVariants", { variants: [small] })
      .then([{ type: "VariantAdded", data: { variant: small } }]);
  });

  test("of a published product cannot all be retired", () => {
    given(product, [created(), published, retired("MUG-L")])
      .when("RetireVariant", { sku: "MUG-S" })
      .refused("illegal_transition");
  });
});

describe("a product", () => {
  test("is published, archived and published again, each once", () => {
    given(product, [created()]).when("Publish", {}).then([published]);
    given(product, [created(), published]).when("Publish", {}).then([]);
    given(product, [created(), published]).when("Archive", {}).then([archived]);
    given(product, [created(), published, archived]).when("Archive", {}).then([]);
    given(product, [created(), published, archived]).when("Publish", {}).then([published]);
    given(product, []).when("Publish", {}).refused("not_found");
  });

  test("is published by itself when the time has come that it names, unless that was called off", () => {
    const publishAt = new Date(5_000).toISOString();
    const scheduled: ProductEvent = { type: "ProductDescribed", data: { publishAt } };
    const calledOff: ProductEvent = { type: "ProductDescribed", data: { publishAt: null } };
    given(product, [created()]).when("Describe", { publishAt }).then([scheduled]);
    given(product, [created(), scheduled]).when("Describe", { publishAt: null }).then([calledOff]);
    given(product, [created(), scheduled]).when("PublishDue", {}, { now: 4_999 }).then([]);
    given(product, [created(), scheduled]).when("PublishDue", {}, { now: 5_000 }).then([published]);
    given(product, [created([]), scheduled])
      .when("PublishDue", {}, { now: 5_000 })
      .refused("illegal_transition");
    for (const ended of [calledOff, published, archived])
      given(product, [created(), scheduled, ended]).when("PublishDue", {}, { now: 5_000 }).then([]);
    given(product, [created(), published]).when("Describe", { publishAt }).refused("illegal_transition");
  });

  test("keeps what search engines and shoppers read beside it, in order and bounded", () => {
    const specifications = [
      { name: "Height", value: "10 cm" },
      { name: "Colour", value: "blue" },
      { name: "Colour", value: "white" },
    ];
    const seo = { title: "A mug", description: "Of clay" };
    const data = { seo, specifications, relatedProducts: ["p2", "p3"], featured: true };
    const described: ProductEvent = { type: "ProductDescribed", data };
    given(product, [created()]).when("Describe", data).then([described]);
    given(product, [created(), described])
      .when("Describe", { ...data, seo: null })
      .then([{ type: "ProductDescribed", data: { seo: null } }]);
    for (const wrong of [
      { specifications: Array.from({ length: 101 }, () => ({ name: "n", value: "v" })) },
      { relatedProducts: ["p2", "p2"] },
      { relatedProducts: Array.from({ length: 51 }, (_, index) => `p${index}`) },
    ])
      given(product, [created()]).when("Describe", wrong).refused("validation_failed");
  });

  test("needs a variant that is not retired to be published", () => {
    given(product, [created([])])
      .when("Publish", {})
      .refused("illegal_transition");
    given(product, [created([small]), retired("MUG-S")])
      .when("Publish", {})
      .refused("illegal_transition");
  });

  test("offers what a cart needs to know", () => {
    const repriced: ProductEvent = {
      type: "PriceChanged",
      data: { sku: "MUG-S", price: usd(800), compareAtPrice: usd(1000), previous: usd(1000) },
    };
    const changed: ProductEvent = { type: "VariantChanged", data: { sku: "MUG-S", name: null } };
    const described: ProductEvent = { type: "ProductDescribed", data: { name: "Cup", slug: "cup" } };
    const state = given(product, [
      created(),
      published,
      repriced,
      changed,
      described,
      retired("MUG-L"),
    ]).state();
    expect(offerOf(state, "MUG-S")).toEqual({
      sku: "MUG-S",
      slug: "cup",
      name: "Cup",
      variantName: undefined,
      brand: undefined,
      category: "Kitchen",
      attributes: { size: "S" },
      price: usd(800),
      compareAtPrice: usd(1000),
      status: "published",
      forSale: true,
    });
    expect(offerOf(state, "MUG-L")?.forSale).toBe(false);
    expect(offerOf(state, "?")).toBeUndefined();
    expect(offerOf(given(product, [created()]).state(), "MUG-S")?.forSale).toBe(false);
  });
});

describe("a slug", () => {
  test.each([
    ["Crème brûlée – № 5", "creme-brulee-no-5"],
    ["  Men's T-Shirt!! ", "mens-t-shirt"],
    ["ＦＵＬＬ ﬁt İ", "full-fit-i"],
    ["日本語", "日本語"],
    ["---", "product"],
    [`${"a".repeat(79)} b`, "a".repeat(79)],
    ["b".repeat(200), "b".repeat(80)],
  ])("of %j is %j", (name, slug) => {
    expect(slugify(name)).toBe(slug);
  });

  test("makes room for a suffix", () => {
    expect(withSuffix("mug", "2")).toBe("mug-2");
    expect(withSuffix("a".repeat(80), "12")).toBe(`${"a".repeat(77)}-12`);
    expect(withSuffix(`${"a".repeat(76)}-bcd`, "12")).toBe(`${"a".repeat(76)}-12`);
  });
});
