import { describe, expect, test } from "vitest";
import { type Body, openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const usd = (amount: number) => ({ amount, currency: "USD" });

describe("a product's page", () => {
  const shop = sharedShop();

  test("shows its specifications in order and what search engines read; when it is published is staff's", async () => {
    const seo = { title: "The mug", description: "Of clay" };
    const specifications = [
      { name: "Height", value: "10 cm" },
      { name: "Colour", value: "blue" },
    ];
    const publishAt = "2030-01-01T00:00:00.000Z";
    const variants = [{ sku: "PAGE", price: usd(1), barcode: "4006381333931", weightGrams: 350 }];
    const fields = { name: "Page", seo, specifications, featured: true, publishAt, variants };
    const { id } = (await shop().post("/v1/products", fields)).body;
    await shop().caughtUp();
    const seen = (await shop().get(`/v1/products/${id}`, staff)).body;
    expect(seen).toMatchObject({ ...fields, status: "draft" });
    await shop().post(`/v1/products/${id}/publish`);
    await shop().caughtUp();
    const told = (await shop().get(`/v1/products/${id}`)).body;
    expect(told).toMatchObject({ seo, specifications, featured: true, variants });
    expect(told).not.toHaveProperty("publishAt");
  });

  test("leads to related products that are published, for staff to all", async () => {
    const { product, post, call, get } = shop();
    const sold = await product({ name: "Sold", skus: ["SOLD"] });
    const draft = (await post("/v1/products", { name: "Draft", variants: [] })).body;
    const { id } = await product({ name: "Leading", skus: ["LEADING"] });
    const named = await product({ name: "By its slug", skus: ["SLUGGED"] });
    const body = { relatedProducts: [draft.id, "nowhere", sold.id, "by-its-slug"] };
    await call("PATCH", `/v1/products/${id}`, { headers: staff, body });
    await shop().caughtUp();
    expect((await get(`/v1/products/${id}`)).body.relatedProducts).toEqual([sold.id, named.id]);
    expect((await get(`/v1/products/${id}`, staff)).body.relatedProducts).toEqual(body.relatedProducts);
  });

  test("is among those that the shop puts first", async () => {
    const { product, get, caughtUp } = shop();
    const first = await product({ name: "First of all", skus: ["FIRST"], fields: { featured: true } });
    const other = await product({ name: "First not", skus: ["NOT-FIRST"] });
    await caughtUp();
    const ids = async (query: string) =>
      (await get(`/v1/products?q=first&${query}`)).body.items.map(({ id }: Body) => id);
    expect(await ids("featured=true")).toEqual([first.id]);
    expect(await ids("featured=false")).toEqual([other.id]);
    expect((await get("/v1/products?featured=1")).status).toBe(422);
  });
});

describe("a variant", () => {
  const shop = sharedShop();

  test("is changed and retired in any spelling, and then neither shown nor sold", async () => {
    const { id } = await shop().product({ skus: ["Mug-S", "Mug-L"] });
    const path = (sku: string) => `/v1/products/${id}/variants/${sku}`;
    const changes = { headers: staff, body: { name: "Tiny", attributes: { size: "S" }, weightGrams: 9 } };
    const changed = await shop().call("PATCH", path("mug-s"), changes);
    expect(changed).toMatchObject({ status: 200, body: { id, sku: "Mug-S" } });
    const retired = await shop().call("DELETE", path("MUG-L"), { headers: staff });
    expect(retired).toMatchObject({ status: 200, body: { id, sku: "Mug-L" } });
    await shop().caughtUp();
    const { variants } = (await shop().get(`/v1/products/${id}`)).body;
    expect(variants).toMatchObject([
      { sku: "Mug-S", name: "Tiny", attributes: { size: "S" }, weightGrams: 9 },
    ]);
    const cart = await shop().cart();
    const add = (sku: string) => shop().post(`/v1/carts/${cart.id}/items`, { sku, quantity: 1 }, cart.guest);
    expect([(await add("Mug-L")).status, (await add("Mug-S")).status]).toEqual([409, 200]);
    const last = await shop().call("DELETE", path("Mug-S"), { headers: staff });
    expect(last).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
    expect((await shop().call("DELETE", path("none"), { headers: staff })).status).toBe(404);
  });
});

test(
  "a draft is published by itself when its time has come, which may be moved and called off",
  async () => {
    let now = Date.parse("2026-03-01T09:00:00Z");
    const { post, call, get, runtime, caughtUp } = await openShop({ clock: () => now, runDueWork: false });
    const draft = async (sku: string, publishAt: string) => {
      const body = { name: sku, publishAt, variants: [{ sku, price: usd(1) }] };
      return (await post("/v1/products", body)).body.id as string;
    };
    const soon = await draft("SOON", "2026-03-01T11:00:00+01:00");
    const moved = await draft("MOVED", "2026-03-01T10:00:00Z");
    const off = await draft("OFF", "2026-03-01T10:00:00Z");
    const change = (id: string, publishAt: string | null) =>
      call("PATCH", `/v1/products/${id}`, { headers: staff, body: { publishAt } });
    await change(moved, "2026-03-02T10:00:00Z");
    await change(off, null);
    const published = async (at: string) => {
      now = Date.parse(at);
      await runtime.tasks.doDue();
      await caughtUp();
      const found = await Promise.all([soon, moved, off].map((id) => get(`/v1/products/${id}`)));
      return found.map(({ status }) => status);
    };
    expect(await published("2026-03-01T09:59:59Z")).toEqual([404, 404, 404]);
    expect(await published("2026-03-01T10:00:00Z")).toEqual([200, 404, 404]);
    expect(await published("2026-03-02T10:00:00Z")).toEqual([200, 200, 404]);
    expect((await change(soon, "2026-03-03T10:00:00Z")).status).toBe(409);
  },
  openTimeoutMs,
);

describe("categories", () => {
  const shop = sharedShop();
  const change = async (method: "PATCH" | "DELETE", path: string, body?: object) => {
    const answer = await shop().call(method, path, { headers: staff, ...(body && { body }) });
    await shop().caughtUp();
    return answer;
  };
  const create = async (body: object) => (await shop().post("/v1/categories", body)).body;
  const tree = async (headers = {}) =>
    (await shop().get("/v1/categories", headers)).body.items.map(
      ({ path, level, productCount, productCountBelow }: Body) => [
        path,
        level,
        productCount,
        productCountBelow,
      ],
    );
  const found = async (query: string) =>
    (await shop().get(`/v1/products?${query}`)).body.items.map(({ name, category }: Body) => [
      name,
      category,
    ]);

  test("are made by the products that name them, and counted with what is below them", async () => {
    const { product, post, caughtUp } = shop();
    await product({ name: "Bench", skus: ["BENCH"], fields: { category: "Garden/Chairs" } });
    await product({ name: "Stool", skus: ["STOOL"], fields: { category: "garden / CHAIRS" } });
    await product({ name: "Rake", skus: ["RAKE"], fields: { category: "Garden" } });
    await post("/v1/products", { name: "Draft", category: "Garden/Hidden", variants: [] });
    await caughtUp();
    expect(await tree()).toEqual([
      ["Garden", 1, 1, 3],
      ["Garden/Chairs", 2, 2, 2],
    ]);
    expect(await tree(staff)).toContainEqual(["Garden/Hidden", 2, 0, 0]);
  });

  test("that are renamed or moved are so in lists, facets, filters, searches and on pages at once", async () => {
    const { get } = shop();
    const items = (await get("/v1/categories", staff)).body.items;
    const idOf = (path: string) => items.find((item: Body) => item.path === path).id;
    const [garden, chairs] = [idOf("Garden"), idOf("Garden/Chairs")];
    const outdoor = await create({ name: "Outdoor" });
    const moved = await change("PATCH", `/v1/categories/${garden}`, { name: "Yard", parentId: outdoor.id });
    expect(moved).toMatchObject({ status: 200, body: { name: "Yard", level: 2, path: "Outdoor/Yard" } });
    const all = [
      ["Rake", "Outdoor/Yard"],
      ["Stool", "Outdoor/Yard/Chairs"],
      ["Bench", "Outdoor/Yard/Chairs"],
    ];
    for (const category of ["outdoor", "Outdoor/yard", "yard", garden])
      expect(await found(`category=${encodeURIComponent(category)}`)).toEqual(all);
    for (const category of ["Chairs", "outdoor/yard/chairs", chairs])
      expect(await found(`category=${encodeURIComponent(category)}`)).toEqual(all.slice(1));
    expect(await found("category=Garden")).toEqual([]);
    expect((await get("/v1/products?facets=category")).body.facets.category).toEqual([
      { value: "Outdoor/Yard/Chairs", count: 2 },
      { value: "Outdoor/Yard", count: 1 },
    ]);
    await expect.poll(async () => (await found("q=yard&sort=newest")).length).toBe(3);
    expect(await found("q=garden")).toEqual([]);
    expect((await get("/v1/products/rake")).body).toMatchObject({
      category: "Outdoor/Yard",
      categoryId: garden,
    });
    const listed = (await get("/v1/products?skus=RAKE")).body.items;
    expect(listed).toMatchObject([{ category: "Outdoor/Yard" }]);
    const { cart } = shop();
    const { id, guest } = await cart(["RAKE", 1]);
    const { order } = await shop().order(["RAKE", 1]);
    expect((await get(`/v1/carts/${id}`, guest)).status).toBe(200);
    await shop().caughtUp();
    const sold = (await get("/v1/analytics/categories", staff)).body.items;
    expect({ order: order.status, sold }).toMatchObject({ sold: [{ category: "Outdoor/Yard" }] });
  });

  test("are chosen by id, and a product may be put elsewhere and into none", async () => {
    const { post, get, caughtUp } = shop();
    const lamps = await create({ name: "Lamps" });
    const body = { name: "Lamp", categoryId: lamps.id, variants: [] };
    const { id } = (await post("/v1/products", body)).body;
    const shown = async () => {
      await caughtUp();
      const { category, categoryId } = (await get(`/v1/products/${id}`, staff)).body;
      return { category, categoryId };
    };
    expect(await shown()).toEqual({ category: "Lamps", categoryId: lamps.id });
    await change("PATCH", `/v1/products/${id}`, { category: "Lamps/Small" });
    expect((await shown()).category).toBe("Lamps/Small");
    await change("PATCH", `/v1/products/${id}`, { categoryId: null });
    expect(await shown()).toEqual({});
    const both = await change("PATCH", `/v1/products/${id}`, { categoryId: lamps.id, category: "Lamps" });
    expect(both.status).toBe(422);
    const nowhere = await change("PATCH", `/v1/products/${id}`, { categoryId: "nowhere" });
    expect(nowhere).toMatchObject({ status: 422, body: { errors: [{ path: "categoryId" }] } });
  });

  test("have each name once, no cycle and no end that leaves others behind", async () => {
    const outer = await create({ name: "Outer" });
    const inner = await create({ name: "Inner", parentId: outer.id });
    expect(await shop().post("/v1/categories", { name: "OUTER " })).toMatchObject({
      status: 409,
      body: { code: "already_exists", categoryId: outer.id },
    });
    const cycle = await change("PATCH", `/v1/categories/${outer.id}`, { parentId: inner.id });
    expect(cycle).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
    expect((await change("DELETE", `/v1/categories/${outer.id}`)).status).toBe(409);
    expect((await shop().post("/v1/categories", { name: "A/B" })).status).toBe(422);
    expect((await change("PATCH", "/v1/categories/none", { name: "N" })).status).toBe(404);
  });

  test("that are retired leave their products to what they were in", async () => {
    const { product, get } = shop();
    await product({ name: "Kettle", skus: ["KETTLE"], fields: { category: "Kitchen/Kettles" } });
    await shop().caughtUp();
    const page = async () => (await get("/v1/products/kettle", staff)).body;
    const kettles = (await page()).categoryId;
    const { parentId } = (await get(`/v1/categories/${kettles}`)).body;
    const first = await change("DELETE", `/v1/categories/${kettles}`);
    expect(first).toMatchObject({ status: 200, body: { retired: true } });
    expect(await page()).toMatchObject({ category: "Kitchen", categoryId: parentId });
    expect(await found("category=Kitchen")).toEqual([["Kettle", "Kitchen"]]);
    expect((await get(`/v1/categories/${kettles}`, staff)).status).toBe(404);
    await change("DELETE", `/v1/categories/${parentId}`);
    expect(await page()).not.toHaveProperty("category");
    expect(await found("q=kettle")).toEqual([["Kettle", undefined]]);
  });

  test("are told with an ETag, and 304 to who holds them", async () => {
    const { headers } = await shop().get("/v1/categories");
    expect(headers["cache-control"]).toContain("public");
    const held = await shop().get("/v1/categories", { "if-none-match": String(headers.etag) });
    expect(held.status).toBe(304);
  });

  test("are built anew, byte for byte the same", async () => {
    const [comparison] = (await shop().runtime.models.rebuilds.run(["catalog"], true)).values();
    expect(comparison).toMatchObject({ differing: 0 });
    await expect.poll(async () => (await tree()).length).toBeGreaterThan(2);
  });
});

describe("brands", () => {
  const shop = sharedShop();

  test("are made by products, renamed for all of them, and retired", async () => {
    const { product, get, call, caughtUp } = shop();
    await product({ name: "Jeans", skus: ["JEANS"], fields: { brand: "Levi's" } });
    await product({ name: "Jacket", skus: ["JACKET"], fields: { brand: "LEVI’S " } });
    await caughtUp();
    const [brand, ...others] = (await get("/v1/brands")).body.items;
    expect([brand, others]).toMatchObject([{ name: "Levi's", productCount: 2 }, []]);
    const path = `/v1/brands/${brand.id}`;
    const renamed = await call("PATCH", path, { headers: staff, body: { name: "Levi Strauss" } });
    expect(renamed).toMatchObject({ status: 200, body: { id: brand.id, name: "Levi Strauss" } });
    await caughtUp();
    for (const asked of ["levi strauss", brand.id]) {
      const query = `brand=${encodeURIComponent(asked)}&facets=brand`;
      const { items, facets } = (await get(`/v1/products?${query}`)).body;
      expect(items.map((item: Body) => item.brand)).toEqual(["Levi Strauss", "Levi Strauss"]);
      expect(facets.brand).toEqual([{ value: "Levi Strauss", count: 2 }]);
    }
    expect((await get("/v1/products/jeans")).body).toMatchObject({
      brand: "Levi Strauss",
      brandId: brand.id,
    });
    expect((await get(path)).body).toEqual({ id: brand.id, name: "Levi Strauss", productCount: 2 });
    await call("DELETE", path, { headers: staff });
    await caughtUp();
    expect((await get("/v1/products/jeans", staff)).body).not.toHaveProperty("brand");
    expect((await get("/v1/brands", staff)).body.items).toEqual([]);
  });
});
