import { describe, expect, test, vi } from "vitest";
import { catalogProjection } from "../../../projections/catalog/catalog.ts";
import { KnownGroups } from "../../../projections/catalog/groups.ts";
import { CatalogListing, type ProductsQuery } from "../../../projections/catalog/listing.ts";
import { getProduct } from "../../../projections/catalog/queries.ts";
import { credited, paidOrShipped, soldBy, withLines } from "../../../projections/catalog/sold.ts";
import type { ViewModel } from "../../../src/stores/view-store/view-store.ts";
import { documentsOf, Log, parsed, project, type ShopData } from "./support.ts";

const day = Date.parse("2011-03-07T09:00:00Z");
const usd = (amount: number) => ({ amount, currency: "USD" });
const variant = (sku: string, amount: number, more: object = {}) => ({
  sku,
  price: usd(amount),
  attributes: {},
  ...more,
});
const mug: ShopData<"ProductCreated"> = {
  name: "Tea mug",
  slug: "tea-mug",
  brand: "Acme",
  category: "Kitchen",
  tags: ["new", "gift"],
  description: "Holds half a litre",
  images: [
    { url: "/a.jpg", primary: false },
    { url: "/b.jpg", alt: "From above", primary: true },
  ],
  variants: [variant("MUG-S", 900), variant("MUG-L", 700, { compareAtPrice: usd(1000), name: "Large" })],
};
const expiresAt = "2011-03-07T09:15:00.000Z";

/** As `createProduct` writes it: claims first. */
function create(log: Log, id: string, data: ShopData<"ProductCreated">, at = day): Log {
  log.add(`claim-slug-${data.slug}`, at, "Claimed", { holder: id });
  for (const { sku } of data.variants) log.add(`claim-sku-${sku}`, at, "Claimed", { holder: id });
  return log.add(`product-${id}`, at, "ProductCreated", data);
}

function published(log: Log, id: string, data: ShopData<"ProductCreated">, at = day): Log {
  return create(log, id, data, at).add(`product-${id}`, at, "ProductPublished", {});
}

async function listed(model: ViewModel, query: ProductsQuery) {
  const listing = new CatalogListing();
  await listing.load(model);
  return listing.list(model, query);
}

const receive = (log: Log, sku: string, quantity: number) =>
  log.add(`stock-${sku}`, day, "StockReceived", { quantity });

function ordered(log: Log, id: string, lines: [sku: string, productId: string, quantity: number][]): Log {
  const none = { subtotal: 0, discount: 0, tax: 0, total: 0 };
  const items = lines.map(([sku, productId, quantity]) => ({
    ...none,
    sku,
    productId,
    name: sku,
    quantity,
    unitPrice: 0,
  }));
  return log.add(`order-${id}`, day, "OrderPlaced", {
    number: id,
    cartId: id,
    paymentId: id,
    paymentMethod: "cod",
    currency: "USD",
    lines: items,
    totals: { ...none, shipping: 0 },
    tax: { rateBp: 0, included: false, per: "line", rounding: "half_up" },
    shippingMethod: "standard",
  });
}

describe("catalog", () => {
  test("lists a published product with its prices and what is left over all variants", async () => {
    const log = published(receive(new Log(), "MUG-S", 2), "p1", mug);
    receive(log, "MUG-L", 5).add("stock-MUG-L", day, "StockReserved", {
      reservationId: "o1",
      quantity: 1,
      expiresAt,
    });
    const { items, next } = parsed(await listed(await project(catalogProjection, log), { limit: 20 }));
    expect(next).toBeNull();
    expect(items).toEqual([
      {
        id: "p1",
        slug: "tea-mug",
        name: "Tea mug",
        brand: "Acme",
        category: "Kitchen",
        tags: ["new", "gift"],
        price: usd(700),
        priceRange: { min: usd(700), max: usd(900) },
        compareAtPrice: usd(1000),
        image: { url: "/b.jpg", alt: "From above" },
        available: 6,
        stockStatus: "in_stock",
        createdAt: "2011-03-07T09:00:00.000Z",
      },
    ]);
  });

  describe("of products that older versions have named a category and brand of", () => {
    const created = (categoryId: string, name: string) => ({ categoryId, name, knownAs: name });
    const seen = async (log: Log, id: string) => {
      const model = await project(catalogProjection, log);
      const shown = await getProduct(model, id);
      const [item] = parsed(await listed(model, { q: shown?.name, limit: 1 })).items;
      const { category, categoryId, brand, brandId } = shown ?? {};
      expect(item).toMatchObject(JSON.parse(JSON.stringify({ category, brand })));
      return { category, categoryId, brand, brandId };
    };

    test("keeps the names until there is a thing of that name, which they then are of for good", async () => {
      const log = published(new Log(), "p1", mug);
      const none = { categoryId: undefined, brandId: undefined };
      expect(await seen(log, "p1")).toEqual({ category: "Kitchen", brand: "Acme", ...none });
      log.add("category-tree", day, "CategoryCreated", created("k", " KITCHEN"));
      log.add("brand-list", day, "BrandCreated", { brandId: "a", name: "ACME" });
      log.add("category-tree", day, "CategoryRenamed", { categoryId: "k", name: "Cooking" });
      log.add("brand-list", day, "BrandRenamed", { brandId: "a", name: "Acme Ltd" });
      const now = { category: "Cooking", categoryId: "k", brand: "Acme Ltd", brandId: "a" };
      expect(await seen(log, "p1")).toEqual(now);
      log.add("category-tree", day, "CategoryCreated", created("other", "Kitchen"));
      published(log, "p2", { ...mug, name: "Pan", slug: "pan", variants: [], categoryId: "other" });
      expect(await seen(log, "p1")).toEqual(now);
      expect(await seen(log, "p2")).toEqual({ ...now, category: "Kitchen", categoryId: "other" });
    });

    test("has them of nothing once that is retired", async () => {
      const log = published(new Log(), "p1", mug)
        .add("category-tree", day, "CategoryCreated", created("k", "Kitchen"))
        .add("category-tree", day, "CategoryRetired", { categoryId: "k" })
        .add("category-tree", day, "CategoryCreated", created("again", "Kitchen"));
      expect(await seen(log, "p1")).toMatchObject({ category: undefined, categoryId: undefined });
    });
  });

  test("reads categories and brands again only when they have changed", async () => {
    const log = published(new Log(), "p1", mug);
    log.add("category-tree", day, "CategoryCreated", { categoryId: "k", name: "K", knownAs: "Kitchen" });
    const model = await project(catalogProjection, log);
    const find = vi.spyOn(model, "find");
    const known = new KnownGroups();
    for (let times = 0; times < 3; times++) await getProduct(model, "p1", { known });
    expect(find).toHaveBeenCalledTimes(2);
  });

  test("shows one by id or slug, with its variants and their availability", async () => {
    const log = published(new Log(), "p1", mug);
    receive(log, "MUG-L", 2)
      .add("stock-MUG-L", day, "StockPolicySet", { track: true, backorders: true, lowStockThreshold: 2 })
      .add("stock-MUG-S", day, "StockPolicySet", { track: false, backorders: false, lowStockThreshold: 0 });
    const model = await project(catalogProjection, log);
    const found = await getProduct(model, "tea-mug");
    expect(found).toEqual(await getProduct(model, "p1"));
    expect(found).toMatchObject({
      id: "p1",
      status: "published",
      description: "Holds half a litre",
      images: mug.images,
      available: null,
      stockStatus: "in_stock",
      variants: [
        { sku: "MUG-S", price: usd(900), available: null, stockStatus: "in_stock", backorders: false },
        { sku: "MUG-L", name: "Large", available: 2, stockStatus: "low_stock", backorders: true },
      ],
    });
    for (const nothing of ["sku/MUG-L", "MUG-L", "unheard-of"])
      expect(await getProduct(model, nothing)).toBeUndefined();
  });

  test("knows stock that came before the product, between its claims and it, and after it", async () => {
    const log = receive(new Log(), "MUG-S", 1);
    log.add("claim-sku-MUG-S", day, "Claimed", { holder: "p1" });
    log.add("claim-sku-MUG-L", day, "Claimed", { holder: "p1" });
    receive(log, "MUG-S", 10);
    log.add("product-p1", day, "ProductCreated", mug).add("product-p1", day, "ProductPublished", {});
    receive(log, "MUG-L", 100);
    const availableNow = async () =>
      (await getProduct(await project(catalogProjection, log), "p1"))?.available;
    expect(await availableNow()).toBe(111);

    const added = variant("MUG-XL", 1100);
    receive(log, "MUG-XL", 1_000)
      .add("claim-sku-MUG-XL", day, "Claimed", { holder: "p1" })
      .add("product-p1", day, "VariantAdded", { variant: added })
      .add("product-p1", day, "VariantRetired", { sku: "MUG-S" });
    expect(await availableNow()).toBe(1_100);
  });

  test("forgets what was claimed for a product that did not come to be", () => {
    const log = receive(new Log(), "MUG-S", 1)
      .add("claim-sku-MUG-S", day, "Claimed", { holder: "p1" })
      .add("claim-sku-MUG-S", day, "ClaimReleased", { holder: "p1" });
    const free = { available: 1, track: true, backorders: false, lowStockThreshold: 0 };
    expect([...documentsOf(catalogProjection, log)]).toEqual([["sku/MUG-S", free]]);
    log.add("claim-sku-MUG-S", day, "Claimed", { holder: "p2" });
    expect(documentsOf(catalogProjection, log).get("p2")).toMatchObject({ stock: [{ available: 1 }] });
  });

  test("follows a reservation, and not what leaves as much available as before", () => {
    const log = receive(published(new Log(), "p1", mug), "MUG-S", 5);
    const { follow } = catalogProjection.on.StockReturned ?? {};
    const doc = documentsOf(catalogProjection, log).get("sku/MUG-S") as never;
    const returned = (sellable: number) =>
      follow?.(doc, { data: { returnId: "r1", sellable, damaged: 1, quarantine: 0 } } as never, "sku/MUG-S");
    expect([returned(0), returned(1)]).toEqual([[], ["p1"]]);
    expect(Object.keys(catalogProjection.on)).not.toContain("ReservationCommitted");
    expect(Object.keys(catalogProjection.on)).not.toContain("StockShipped");
  });

  test("takes changes of the product, and shows nothing that is no longer for sale", async () => {
    const log = published(new Log(), "p1", mug)
      .add("product-p1", day + 1, "ProductDescribed", { brand: null, slug: "big-mug", tags: ["sale"] })
      .add("product-p1", day + 2, "PriceChanged", {
        sku: "MUG-L",
        price: usd(650),
        compareAtPrice: null,
        previous: usd(700),
      })
      .add("product-p1", day + 3, "VariantChanged", { sku: "MUG-L", name: null, attributes: { size: "L" } });
    const model = await project(catalogProjection, log);
    expect(await getProduct(model, "tea-mug")).toBeUndefined();
    const found = await getProduct(model, "big-mug");
    expect(found).toMatchObject({ tags: ["sale"], price: usd(650), updatedAt: "2011-03-07T09:00:00.003Z" });
    expect(found?.variants[1]).toMatchObject({ attributes: { size: "L" }, price: usd(650) });
    for (const gone of ["brand", "compareAtPrice"]) expect(found).not.toHaveProperty(gone);
    expect(found?.variants[1]).not.toHaveProperty("name");

    log.add("product-p1", day + 4, "ProductArchived", {});
    const archived = await project(catalogProjection, log);
    expect((await listed(archived, { limit: 20 })).texts).toEqual([]);
    expect(await getProduct(archived, "p1")).toBeUndefined();
    expect(await getProduct(archived, "p1", { unpublished: true })).toMatchObject({ status: "archived" });
  });

  test("sells what is first paid or shipped, less what is cancelled or comes back", () => {
    const log = published(published(new Log(), "p1", mug), "p2", {
      ...mug,
      slug: "cup",
      variants: [variant("CUP", 800)],
    });
    const soldOf = (documents: Map<string, unknown>, id: string) =>
      (documents.get(id) as { sold: number } | undefined)?.sold;
    const sold = () => {
      const documents = documentsOf(catalogProjection, log, true);
      return { p1: soldOf(documents, "p1"), p2: soldOf(documents, "p2") };
    };
    const shipped = { shipmentId: "s", lines: [], complete: true };
    const cancelled = { reason: "-", currency: "USD", goods: 1 };
    ordered(log, "unpaid", [["CUP", "p2", 150]]);
    ordered(log, "o1", [
      ["MUG-S", "p1", 3],
      ["MUG-L", "p1", 2],
      ["CUP", "p2", 4],
    ]);
    expect(sold()).toEqual({ p1: 0, p2: 0 });
    log.add("order-o1", day, "OrderPaid", { amount: 1 }).add("order-o1", day, "ShipmentDispatched", shipped);
    expect(sold()).toEqual({ p1: 5, p2: 4 });
    log.add("order-o1", day, "ReturnReceived", {
      returnId: "r",
      lines: [{ sku: "MUG-L", sellable: 1, damaged: 1 }],
    });
    expect(sold()).toEqual({ p1: 3, p2: 4 });
    log.add("order-unpaid", day, "OrderCancelled", cancelled);
    log.add("order-unpaid", day, "OrderPaid", { amount: 1 });
    expect(sold()).toEqual({ p1: 3, p2: 4 });
    log.add("order-o1", day, "OrderCancelled", cancelled);
    expect(sold()).toEqual({ p1: 0, p2: 0 });
  });

  test("sells lines that are added to an order with the event that adds them, once it counts", () => {
    const line = (sku: string, quantity: number) => {
      const amounts = { subtotal: 0, discount: 0, tax: 0, total: 0, unitPrice: 0 };
      return { sku, productId: `p-${sku}`, name: sku, quantity, ...amounts };
    };
    const order = withLines({ ordered: [], uncounted: [], changes: {} }, "1", [line("cup", 2)]);
    withLines(order, "2", [line("mug", 3)]);
    paidOrShipped(order, "3");
    withLines(order, "4", [line("cup", 1), line("jug", 1)]);
    const soldAt = (position: string) => Object.fromEntries(soldBy(order, position));
    expect(soldAt("2")).toEqual({});
    expect(soldAt("3")).toMatchObject({ "p-cup": 2, "p-mug": 3 });
    expect(soldAt("3")["p-jug"] ?? 0).toBe(0);
    expect(soldAt("4")).toEqual({ "p-cup": 1, "p-jug": 1 });
    credited(order, "5", { lines: [{ lineId: 4, quantity: 1, goods: 0, tax: 0 }] }, 1);
    expect(soldAt("5")).toEqual({ "p-jug": -1 });
  });

  describe("search", () => {
    const log = new Log();
    const bare = { ...mug, tags: [], images: [], description: "" };
    published(log, "p1", mug, day);
    published(
      log,
      "p2",
      { ...bare, name: "Coffee cup", slug: "cup", brand: "Bodo", variants: [variant("CUP", 800)] },
      day + 1,
    );
    published(
      log,
      "p3",
      { ...bare, name: "Wall clock", slug: "clock", category: "Decor", variants: [variant("CLK 1", 5000)] },
      day + 2,
    );
    create(log, "p4", { ...bare, name: "Draft mug", slug: "draft", variants: [variant("DRAFT", 1)] });
    receive(log, "CUP", 3);
    ordered(log, "o1", [
      ["CUP", "p2", 2],
      ["CUP", "p2", 1],
      ["MUG-S", "p1", 1],
      ["X", "in no catalog", 9],
    ]).add("order-o1", day, "OrderPaid", { amount: 1 });
    ordered(log, "o2", [["CLK 1", "p3", 150]]);
    const ids = async (query: Partial<ProductsQuery>) => {
      const { items } = parsed(await listed(await project(catalogProjection, log), { limit: 20, ...query }));
      return items.map(({ id }) => id).join(" ");
    };

    test("filters", async () => {
      expect(await ids({ category: ["Kitchen"] })).toBe("p2 p1");
      expect(await ids({ brand: ["Bodo"] })).toBe("p2");
      expect(await ids({ tag: ["gift"] })).toBe("p1");
      expect(await ids({ minPrice: 701, maxPrice: 800 })).toBe("p2");
      expect(await ids({ inStock: true })).toBe("p2");
      expect(await ids({ inStock: false })).toBe("p3 p1");
    });

    test("finds words in names, brands, tags, SKUs and descriptions", async () => {
      expect(await ids({ q: "mug" })).toBe("p1");
      expect(await ids({ q: "bodo" })).toBe("p2");
      expect(await ids({ q: "clk" })).toBe("p3");
      expect(await ids({ q: "half litre" })).toBe("p1");
      expect(await ids({ q: "acme kitchen", sort: "price" })).toBe("p1");
      expect(await ids({ q: "draft" })).toBe("");
      expect(await ids({ q: " " })).toBe("p3 p2 p1");
    });

    test("sorts", async () => {
      expect(await ids({})).toBe("p3 p2 p1");
      expect(await ids({ sort: "price" })).toBe("p1 p2 p3");
      expect(await ids({ sort: "-price" })).toBe("p3 p2 p1");
      expect(await ids({ sort: "best-selling" })).toBe("p2 p1 p3");
      expect(await ids({ sort: "rating" })).toBe("p1 p2 p3");
    });

    test("counts facets over all that was found, and pages", async () => {
      const model = await project(catalogProjection, log);
      const page = parsed(
        await listed(model, {
          limit: 1,
          maxPrice: 800,
          facets: ["category", "brand", "tag"],
        }),
      );
      expect(page.items).toHaveLength(1);
      expect(page.facets).toEqual({
        category: [{ value: "Kitchen", count: 2 }],
        brand: [
          { value: "Acme", count: 1 },
          { value: "Bodo", count: 1 },
        ],
        tag: [
          { value: "gift", count: 1 },
          { value: "new", count: 1 },
        ],
      });
      const second = parsed(await listed(model, { limit: 1, maxPrice: 800, after: page.next ?? [] }));
      expect(second.items.map(({ id }) => id)).toEqual(["p1"]);
      expect(second).not.toHaveProperty("facets");
    });
  });
});
