import { beforeAll, describe, expect, test } from "vitest";
import { type Body, type HttpShop, type OpenCart, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const usd = (amount: number) => ({ amount, currency: "USD" });
const skus = (items: Body[]) => items.map(({ sku }) => sku);
const names = (items: Body[]) => items.map(({ name }) => name);

describe("products", () => {
  beforeAll(async () => {
    const { product, caughtUp } = shop();
    await product({
      name: "Red Shirt",
      skus: ["RED-S", "RED-L"],
      price: 2_000,
      fields: of("Weaver", "clothing", "summer"),
    });
    await product({
      name: "Blue Shirt",
      skus: ["BLUE"],
      price: 3_000,
      quantity: 0,
      fields: of("Weaver", "clothing"),
    });
    await product({
      name: "Oak Desk",
      skus: ["DESK"],
      price: 90_000,
      quantity: 1,
      fields: of("Joiner", "furniture", "oak"),
    });
    await caughtUp();
  }, openTimeoutMs);

  const of = (brand: string, category: string, ...tags: string[]) => ({ brand, category, tags });
  const list = async (query: string) => (await shop().get(`/v1/products?${query}`)).body;

  test("an item of the list has the fields that a shop window needs", async () => {
    const { items, nextCursor } = await list("q=red");
    expect(nextCursor).toBeNull();
    expect(items).toEqual([
      {
        id: expect.any(String),
        slug: "red-shirt",
        name: "Red Shirt",
        brand: "Weaver",
        category: "clothing",
        tags: ["summer"],
        price: usd(2_000),
        available: 20,
        stockStatus: "in_stock",
        createdAt: expect.any(String),
      },
    ]);
  });

  test.each([
    ["category=clothing", ["Blue Shirt", "Red Shirt"]],
    ["brand=Joiner", ["Oak Desk"]],
    ["tag=summer", ["Red Shirt"]],
    ["minPrice=2500&maxPrice=80000", ["Blue Shirt"]],
    ["inStock=true", ["Oak Desk", "Red Shirt"]],
    ["inStock=false", ["Blue Shirt"]],
    ["q=shirt&sort=price", ["Red Shirt", "Blue Shirt"]],
    ["sort=-price", ["Oak Desk", "Blue Shirt", "Red Shirt"]],
    ["sort=newest", ["Oak Desk", "Blue Shirt", "Red Shirt"]],
    ["category=none", []],
    ["q=%00%22*", []],
  ])("are filtered and sorted by %s", async (query, expected) => {
    expect(names((await list(query)).items)).toEqual(expected);
  });

  test("are counted by the facets that are asked for", async () => {
    const { facets } = await list("facets=category,brand,tag&limit=1");
    expect(facets).toEqual({
      category: [
        { value: "clothing", count: 2 },
        { value: "furniture", count: 1 },
      ],
      brand: [
        { value: "Weaver", count: 2 },
        { value: "Joiner", count: 1 },
      ],
      tag: [
        { value: "oak", count: 1 },
        { value: "summer", count: 1 },
      ],
    });
    expect((await list("limit=1")).facets).toBeUndefined();
  });

  test("are paged without a gap or a double, with facets or without", async () => {
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Body = await list(`sort=price&limit=1${cursor && `&cursor=${cursor}`}`);
      seen.push(...names(page.items));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(["Red Shirt", "Blue Shirt", "Oak Desk"]);
  });

  test("are found one by one, by id and by slug, with their variants", async () => {
    const { get } = shop();
    const bySlug = (await get("/v1/products/red-shirt")).body;
    expect(bySlug).toMatchObject({
      slug: "red-shirt",
      status: "published",
      variants: [
        { sku: "RED-S", price: usd(2_000), available: 10, stockStatus: "in_stock" },
        { sku: "RED-L", price: usd(2_000), available: 10, stockStatus: "in_stock" },
      ],
    });
    expect((await get(`/v1/products/${bySlug.id}`)).body).toEqual(bySlug);
    expect(await get("/v1/products/nothing-here")).toMatchObject({
      status: 404,
      body: { code: "not_found" },
    });
  });

  test("that are drafts are for staff alone", async () => {
    const { post, get } = shop();
    const { body } = await post("/v1/products", { name: "Still a draft", variants: [] });
    expect((await get(`/v1/products/${body.id}`)).status).toBe(404);
    expect((await get(`/v1/products/${body.id}`, staff)).body).toMatchObject({ status: "draft" });
    expect(names((await list("")).items)).not.toContain("Still a draft");
  });

  test("are listed with those of other statuses for staff alone, each with what it is", async () => {
    const { post, get } = shop();
    const created = async (name: string) =>
      (await post("/v1/products", { name, variants: [], category: "Attic" })).body.id;
    await created("Kept Draft");
    const archived = await created("Old Archive");
    await post(`/v1/products/${archived}/publish`);
    await post(`/v1/products/${archived}/archive`);
    await shop().caughtUp();
    const asked = "/v1/products?category=attic&facets=category&status=";
    const { body } = await get(`${asked}draft,published,archived`, staff);
    expect(body.items.map(({ name, status }: Body) => [name, status]).sort()).toEqual([
      ["Kept Draft", "draft"],
      ["Old Archive", "archived"],
    ]);
    expect(body).toMatchObject({ total: 2 });
    expect(names((await get(`${asked}archived`, staff)).body.items)).toEqual(["Old Archive"]);
    expect((await get(`${asked}published`, staff)).body.items).toEqual([]);
    for (const status of ["draft", "published"]) expect((await get(asked + status)).status).toBe(401);
    expect((await get(`${asked}draft,lost`, staff)).status).toBe(422);
  });

  test("are told by their ids, in that order, however many a page has", async () => {
    const { get, post } = shop();
    const idOf = async (slug: string) => (await get(`/v1/products/${slug}`)).body.id;
    const desk = await idOf("oak-desk");
    const red = await idOf("red-shirt");
    const draft = (await post("/v1/products", { name: "Hidden", variants: [] })).body.id;
    const ids = `ids=${desk}&ids=nothing&ids=${draft}&ids=sku%2FDESK&ids=${red}&ids=${desk}`;
    const found = await list(ids);
    expect(names(found.items)).toEqual(["Oak Desk", "Red Shirt"]);
    expect(found).toMatchObject({ total: 2, nextCursor: null });
    expect(found.items[0]).toEqual((await list("q=desk")).items[0]);
    const all = (await get(`/v1/products?status=draft,published&${ids}`, staff)).body;
    expect(names(all.items)).toEqual(["Oak Desk", "Hidden", "Red Shirt"]);
    const many = Array.from({ length: 99 }, (_, index) => `ids=none-${index}`).join("&");
    expect(names((await list(`${many}&ids=${red}`)).items)).toEqual(["Red Shirt"]);
    expect((await get(`/v1/products?${many}&ids=a&ids=b`)).status).toBe(422);
  });

  test("are told by their SKUs in any spelling, in that order", async () => {
    const { get, post } = shop();
    await post("/v1/products", {
      name: "Hidden Too",
      variants: [{ sku: "HIDDEN-1", price: usd(100) }],
    });
    await shop().caughtUp();
    const skus = "skus=desk&skus=nothing&skus=HIDDEN-1&skus=%20red-l&skus=RED-S";
    expect(names((await list(skus)).items)).toEqual(["Oak Desk", "Red Shirt"]);
    expect(names((await list("skus=r%C3%A9d-l")).items)).toEqual([]);
    const all = (await get("/v1/products?status=draft&skus=hidden-1", staff)).body;
    expect(all.items).toMatchObject([{ name: "Hidden Too", status: "draft" }]);
  });

  test.each(["ids=a&skus=b", "ids=a&q=shirt", "skus=a&limit=5", "skus=a&facets=brand", "ids=a&sort=price"])(
    "are told by name or filtered, not both: %s is refused",
    async (query) => {
      expect(await shop().get(`/v1/products?${query}`)).toMatchObject({
        status: 422,
        body: { code: "validation_failed" },
      });
    },
  );

  test("that a visitor has looked at come back newest first, each once", async () => {
    const { get } = shop();
    const visitor = { "visitor-id": "visitor-1" };
    for (const slug of ["red-shirt", "oak-desk", "blue-shirt", "red-shirt"])
      await get(`/v1/products/${slug}`, visitor);
    const { body } = await get("/v1/recently-viewed", visitor);
    expect(names(body.items)).toEqual(["Red Shirt", "Blue Shirt", "Oak Desk"]);
    expect((await get("/v1/recently-viewed", { "visitor-id": "another" })).body).toEqual({ items: [] });
    expect((await get("/v1/recently-viewed")).status).toBe(400);
    expect((await get("/v1/products/red-shirt", { "visitor-id": "two words" })).status).toBe(400);
  });
});

describe("stock", () => {
  test("is told of one SKU as of now", async () => {
    const { post, get } = shop();
    await shop().stocked("NUTS/M8 🔩");
    await post("/v1/stock/NUTS%2FM8%20%F0%9F%94%A9/receipts", { quantity: 7 });
    expect((await get("/v1/stock/NUTS%2FM8%20%F0%9F%94%A9", staff)).body).toEqual({
      sku: "NUTS/M8 🔩",
      onHand: 7,
      reserved: 0,
      committed: 0,
      damaged: 0,
      quarantine: 0,
      available: 7,
      status: "in_stock",
      track: true,
      backorders: false,
      lowStockThreshold: 0,
    });
  });

  test("follows every command at once, and is not there for a SKU that nobody has heard of", async () => {
    const { post, get } = shop();
    await shop().stocked("COUNTED");
    for (let onHand = 1; onHand <= 20; onHand++) {
      await post("/v1/stock/COUNTED/receipts", { quantity: 1 });
      expect((await get("/v1/stock/COUNTED", staff)).body.onHand).toBe(onHand);
    }
    await post("/v1/stock/COUNTED/adjustments", { delta: -18, reason: "lost" });
    await shop().call("PUT", "/v1/stock/COUNTED/policy", { headers: staff, body: { lowStockThreshold: 5 } });
    expect((await get("/v1/stock/COUNTED", staff)).body).toMatchObject({ available: 2, status: "low_stock" });
    expect(await get("/v1/stock/UNHEARD-OF", staff)).toMatchObject({
      status: 404,
      body: { code: "not_found" },
    });
  });

  test("is listed by status, and its movements newest first, page by page", async () => {
    const { post, get } = shop();
    await shop().stocked("MOVED");
    for (const quantity of [3, 4, 5])
      await post("/v1/stock/MOVED/receipts", { quantity, reference: `note ${quantity}` });
    await post("/v1/stock/MOVED/adjustments", { delta: -12, reason: "burnt" });
    expect(skus((await get("/v1/stock?status=out_of_stock&limit=100", staff)).body.items)).toContain("MOVED");

    const first = (await get("/v1/stock/MOVED/ledger?limit=3", staff)).body;
    expect(first.items).toMatchObject([
      { type: "adjusted", quantity: -12, reason: "burnt", at: expect.any(String) },
      { type: "received", quantity: 5, reference: "note 5" },
      { type: "received", quantity: 4, reference: "note 4" },
    ]);
    const second = (await get(`/v1/stock/MOVED/ledger?limit=3&cursor=${first.nextCursor}`, staff)).body;
    expect(second).toMatchObject({ items: [{ quantity: 3 }], nextCursor: null });
  });
});

describe("carts, orders and payments", () => {
  let placed: { order: Body; cart: OpenCart };

  beforeAll(async () => {
    await shop().product({ skus: ["SOLD-A"], price: 1_500, quantity: 100, fields: { category: "sold" } });
    await shop().product({ skus: ["SOLD-B"], price: 700, quantity: 100 });
    placed = await shop().order(["SOLD-A", 2], ["SOLD-B", 1]);
    await shop().caughtUp();
  }, openTimeoutMs);

  test("a cart is shown as it is now, with its totals", async () => {
    const { get, post, cart } = shop();
    const open = await cart(["SOLD-A", 2]);
    const shown = async () => (await get(`/v1/carts/${open.id}`, open.guest)).body;
    expect(await shown()).toMatchObject({
      id: open.id,
      status: "open",
      currency: "USD",
      itemCount: 2,
      items: [{ sku: "SOLD-A", quantity: 2, unitPrice: usd(1_500), lineTotal: usd(3_000) }],
      totals: { subtotal: usd(3_000), discount: usd(0), shipping: usd(0), tax: usd(0), total: usd(3_000) },
    });
    await post(`/v1/carts/${open.id}/items`, { sku: "SOLD-B", quantity: 1 }, open.guest);
    expect(skus((await shown()).items)).toEqual(["SOLD-A", "SOLD-B"]);
    expect((await get("/v1/carts/no-such-cart", staff)).status).toBe(404);
  });

  test("an order is shown with lines, totals, payments, shipments and its timeline", async () => {
    const { order, cart } = placed;
    const { status, body } = await shop().get(`/v1/orders/${order.id}`, cart.guest);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: order.id,
      number: order.number,
      status: "paid",
      paymentStatus: "paid",
      email: "buyer@example.com",
      lines: [
        { sku: "SOLD-A", quantity: 2, unitPrice: usd(1_500), total: usd(3_000) },
        { sku: "SOLD-B", quantity: 1, unitPrice: usd(700), total: usd(700) },
      ],
      totals: { subtotal: usd(3_700), discount: usd(0), shipping: usd(0), tax: usd(0), total: usd(3_700) },
      payments: [{ status: "captured", amount: usd(3_700) }],
      shipments: [],
      timeline: [{ type: "placed" }, { type: "confirmed" }, { type: "paid" }],
    });
    const byNumber = `/v1/orders/${order.number.toLowerCase()}`;
    expect((await shop().get(byNumber, cart.guest)).body).toEqual(body);
    expect((await shop().get(byNumber, staff)).body).toMatchObject({ id: order.id, tax: expect.anything() });
  });

  test.each([
    ["email=BUYER@example.com", 1],
    ["email=nobody@example.com", 0],
    ["status=paid", 1],
    ["status=cancelled", 0],
    ["sku=SOLD-A", 1],
    ["sku=COUNTED", 0],
    ["customer=none", 0],
    ["email=buyer", 1],
    ["email=uyer", 0],
    ["name=a+buy", 1],
    ["name=a+bu&sku=sold-a&status=paid&paymentStatus=paid&email=BUYER@", 1],
    ["name=seller", 0],
    ["number=ord-", 1],
    ["paymentStatus=refunded", 0],
    ["from=2000-01-01T00:00:00Z", 1],
    ["to=2000-01-01T00:00:00%2B02:00", 0],
    ["from=2000-01-01", 1],
    ["to=2000-01-01", 0],
  ])("orders are listed by %s", async (query, count) => {
    const { items } = (await shop().get(`/v1/orders?${query}`, staff)).body;
    expect(items).toHaveLength(count);
    if (count > 0)
      expect(items[0]).toMatchObject({
        id: placed.order.id,
        number: placed.order.number,
        total: usd(3_700),
        itemCount: 3,
        placedAt: expect.any(String),
      });
  });

  test("a payment is shown", async () => {
    const [{ id }] = placed.order.payments;
    expect((await shop().get(`/v1/payments/${id}`, staff)).body).toMatchObject({
      id,
      orderId: placed.order.id,
      status: "captured",
      amount: usd(3_700),
      captured: usd(3_700),
      refunded: usd(0),
    });
    expect((await shop().get("/v1/payments/none", staff)).status).toBe(404);
  });

  test("sales are reported by day and month, by product, by category and as a funnel", async () => {
    const report = async (path: string) => (await shop().get(`/v1/analytics/${path}`, staff)).body.items;
    const today = new Date().toISOString().slice(0, 10);
    const day = {
      period: today,
      orders: 1,
      units: 3,
      gross: usd(3_700),
      refunds: usd(0),
      net: usd(3_700),
      discounts: usd(0),
      tax: usd(0),
      shipping: usd(0),
      refundedTax: usd(0),
      refundedShipping: usd(0),
      fees: usd(0),
      unitsReturned: 0,
      averageOrderValue: usd(3_700),
      newCustomers: 1,
      returningCustomers: 0,
    };
    expect(await report("sales")).toEqual([day]);
    expect(await report("sales?interval=month")).toEqual([{ ...day, period: today.slice(0, 7) }]);
    expect(await report("sales?to=2000-01-01")).toEqual([]);
    const [a, b] = [
      { sku: "SOLD-A", name: expect.any(String), units: 2, revenue: usd(3_000) },
      { sku: "SOLD-B", name: expect.any(String), units: 1, revenue: usd(700) },
    ];
    expect(await report("products?sort=units")).toEqual([a, b]);
    expect(await report(`products?from=${today}&to=${today}&limit=1`)).toEqual([a]);
    expect(await report("categories")).toEqual([
      { category: "sold", units: 2, revenue: usd(3_000) },
      { category: "uncategorized", units: 1, revenue: usd(700) },
    ]);
    expect(await report("funnel")).toMatchObject([
      { step: "carts_opened" },
      { step: "carts_with_items" },
      { step: "checkouts_started", count: 1 },
      { step: "orders_placed", count: 1 },
      { step: "orders_confirmed", count: 1 },
    ]);
    expect((await shop().get("/v1/best-sellers?limit=1", staff)).body).toEqual({
      items: [{ sku: "SOLD-A", name: expect.any(String), units: 2 }],
    });
  });

  test("a refund is booked in the report of its own day, and net is gross less refunds", async () => {
    const { product, order, post, caughtUp, get } = shop();
    await product({ skus: ["REFUNDED"], price: 5_000 });
    const { order: refunded } = await order(["REFUNDED", 1]);
    await post(`/v1/orders/${refunded.id}/refunds`, { amount: usd(2_000), reason: "scratched" });
    await caughtUp();
    const { items } = (await get("/v1/analytics/sales", staff)).body;
    expect(items).toMatchObject([{ gross: usd(8_700), refunds: usd(2_000), net: usd(6_700) }]);
    expect((await get("/v1/analytics/refunds", staff)).body.items).toMatchObject([
      { count: 1, amount: usd(2_000) },
    ]);
  });

  test.each(["sales", "products", "categories", "funnel", "refunds"])(
    "%s from a day that is none, or to a day before it, is refused",
    async (report) => {
      for (const days of [
        "from=2026-02-30",
        "from=yesterday",
        "to=2026-1-1",
        "from=2026-02-01&to=2026-01-31",
      ]) {
        const { status, body } = await shop().get(`/v1/analytics/${report}?${days}`, staff);
        expect({ status, code: body.code }).toEqual({ status: 422, code: "validation_failed" });
      }
    },
  );
});

describe("what an answer is made of", () => {
  test("nothing that was written is missing from what is read next with the same token", async () => {
    const { product, get }: HttpShop = shop();
    for (let count = 0; count < 5; count++) {
      const { slug } = await product({ skus: [`FRESH-${count}`] });
      expect((await get(`/v1/products/${slug}`, staff)).status).toBe(200);
      expect(names((await get(`/v1/products?sort=newest&limit=1`, staff)).body.items)).toHaveLength(1);
    }
  });
});
