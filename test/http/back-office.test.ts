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
    const told = (await shop().get(`/v1/products/${id}`)).body;
    expect(told).toMatchObject({ seo, specifications, featured: true, variants });
    expect(told).not.toHaveProperty("publishAt");
  });

  test("leads to related products that are published, for staff to all", async () => {
    const { product, post, call, get } = shop();
    const sold = await product({ name: "Sold", skus: ["SOLD"] });
    const draft = (await post("/v1/products", { name: "Draft", variants: [] })).body;
    const { id } = await product({ name: "Leading", skus: ["LEADING"] });
    const body = { relatedProducts: [draft.id, "nowhere", sold.id] };
    await call("PATCH", `/v1/products/${id}`, { headers: staff, body });
    await shop().caughtUp();
    expect((await get(`/v1/products/${id}`)).body.relatedProducts).toEqual([sold.id]);
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
