import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CatalogCursor,
  type IndexedProduct,
  totalMax,
} from "../../../projections/catalog/search/catalog-query.ts";
import { CatalogIndex } from "../../../projections/catalog/search/index.ts";
import { InvalidCursor } from "../../../src/stores/view-store/view-store.ts";

const sorts = ["price", "-price", "newest", "best-selling", "rating", "rank"] as const;

function product(id: string, changes: Partial<IndexedProduct> = {}): IndexedProduct {
  const variants = [{ sku: `S-${id}`, price: 100, inStock: true }];
  const plain = { id, status: "published", name: `Mug ${id}`, tags: [], variants };
  return { ...plain, publishedAt: 1, createdAt: 1, sold: 0, rating: 0, featured: false, ...changes };
}

function indexOf(...products: IndexedProduct[]): CatalogIndex {
  const index = new CatalogIndex();
  for (const each of products) index.put(each);
  return index;
}

const idsOf = ({ hits }: { hits: { id: string }[] }) => hits.map(({ id }) => id);

describe("the catalog index", () => {
  it("counts each facet without its own filter, as first given", () => {
    const index = indexOf(
      product("1", { brand: "Levi's", category: "A" }),
      product("2", { brand: "levi’s ", category: "B" }),
      product("3", { brand: "Other", category: "A" }),
    );
    const { facets, total } = index.query({ brand: ["LEVI'S"], facets: ["brand", "category"], limit: 9 });
    expect(total).toBe(2);
    expect(facets.brand).toEqual([
      { value: "Levi's", count: 2 },
      { value: "Other", count: 1 },
    ]);
    expect(facets.category?.map(({ count }) => count)).toEqual([1, 1]);
  });

  it("finds a category by path, with what is below, or by a name of only one", () => {
    const index = indexOf(
      product("1", { category: "Garden/Chairs/Folding" }),
      product("2", { category: "Garden/Tables" }),
      product("3", { category: "Home/Tables" }),
    );
    const found = (category: string) => idsOf(index.query({ category: [category], limit: 9 }));
    expect(found("garden")).toEqual(["1", "2"]);
    expect(found("Chairs")).toEqual(["1"]);
    expect(found("Tables")).toEqual([]);
  });

  it("finds a category by its name whatever categories only drafts have", () => {
    const draft = (id: string, category: string) => product(id, { category, status: "draft" });
    const index = indexOf(
      product("1", { category: "Garden/Chairs" }),
      draft("2", "Office/Chairs"),
      draft("3", "Chairs"),
    );
    const found = (status?: string[]) => idsOf(index.query({ category: ["chairs"], status, limit: 9 }));
    expect(found()).toEqual(["1"]);
    expect(found(["draft"])).toEqual(["3"]);
    index.put(product("4", { category: "Office/Chairs" }));
    expect(found()).toEqual([]);
  });

  it("matches a price by one variant, and tells its price", () => {
    const variant = (price: number, inStock = true) => ({ sku: `s${price}`, price, inStock });
    const index = indexOf(product("1", { variants: [variant(100), variant(900)] }));
    expect(index.query({ minPrice: 500, limit: 9 }).hits).toEqual([{ id: "1", price: 900 }]);
    expect(index.query({ minPrice: 200, maxPrice: 800, limit: 9 }).total).toBe(0);
  });

  it("finds no more what was removed, archived or renamed", () => {
    const index = indexOf(product("1"), product("2"), product("3"));
    index.remove("1");
    index.put(product("2", { status: "archived" }));
    index.put(product("3", { name: "Cup" }));
    expect(idsOf(index.query({ q: "mug", limit: 9 }))).toEqual([]);
    expect(idsOf(index.query({ q: "cup", limit: 9 }))).toEqual(["3"]);
  });

  it("shows a value as the oldest product writes it, also when the one that gave it is gone", () => {
    const index = indexOf(
      product("1", { brand: "Levi's", createdAt: 1 }),
      product("2", { brand: "LEVI’S", createdAt: 3 }),
      product("3", { brand: "levi's", createdAt: 2 }),
    );
    const brand = () => index.query({ facets: ["brand"], limit: 1 }).facets.brand;
    expect(brand()).toEqual([{ value: "Levi's", count: 3 }]);
    index.remove("1");
    expect(brand()).toEqual([{ value: "levi's", count: 2 }]);
    index.put(product("3", { brand: "Other" }));
    expect(brand()).toEqual([
      { value: "LEVI’S", count: 1 },
      { value: "Other", count: 1 },
    ]);
  });

  it("ranks exact SKU, exact name, then name, SKU, brand, tag and description, whatever sells", () => {
    const index = indexOf(
      product("description", { name: "1", description: "tea", sold: 6 }),
      product("tag", { name: "2", tags: ["tea"], sold: 5 }),
      product("brand", { name: "3", brand: "Tea House", sold: 4 }),
      product("sku", { name: "4", variants: [{ sku: "TEA-4", price: 1, inStock: true }], sold: 3 }),
      product("begun", { name: "Teapot", sold: 9 }),
      product("name", { name: "Green tea", sold: 2 }),
      product("exact name", { name: "TEA", sold: 1 }),
      product("exact sku", { name: "5", variants: [{ sku: "Tea", price: 1, inStock: true }], sold: 0 }),
    );
    const ranked = "exact sku,exact name,name,begun,sku,brand,tag,description";
    expect(idsOf(index.query({ q: "tea", limit: 9 })).join()).toBe(ranked);
  });

  it("puts all words in the name before any word elsewhere", () => {
    const index = indexOf(
      product("split", { name: "Blue tea cup", brand: "Holder", sold: 9 }),
      product("name", { name: "Blue tea cup holders" }),
    );
    expect(idsOf(index.query({ q: "blue tea cup hold", limit: 9 }))).toEqual(["name", "split"]);
  });

  it.each([
    [[]],
    [["1", "p1"]],
    [[1]],
    [[1, 2]],
    [[null, "p1"]],
    [[Number.NaN, "p1"]],
    [[1, "p1", 3]],
    [[1, "p1", "mug", "more"]],
    [[-1, -2, "p1"]],
  ])("refuses %j as the place where a page starts", (after) => {
    const index = indexOf(product("p1"));
    for (const q of [undefined, "mug", "★"])
      for (const sort of [undefined, ...sorts])
        expect(() => index.query({ q, sort, limit: 1, after })).toThrow(InvalidCursor);
  });

  it("keeps to what it corrected on the pages that follow", () => {
    const index = indexOf(product("1", { name: "Teapot" }), product("2", { name: "Teapot" }));
    const { next, corrected } = index.query({ q: "teapto", limit: 1 });
    expect(corrected).toBe("teapot");
    index.put(product("3", { name: "Teapto" }));
    expect(index.query({ q: "teapto", limit: 1, after: next })).toMatchObject({
      hits: [{ id: "2" }],
      corrected,
    });
    expect(idsOf(index.query({ q: "teapto", limit: 1 }))).toEqual(["3"]);
  });

  it("offers no word of a product that the query may not find, or that is gone, as a correction", () => {
    const index = indexOf(
      product("1", { name: "Teapot", status: "draft" }),
      product("2", { name: "Kettle" }),
    );
    index.remove("2");
    for (const q of ["teapto", "ketle"]) {
      expect(index.query({ q, limit: 1 }).corrected).toBeUndefined();
      expect(index.query({ q, limit: 1, status: ["draft"] }).corrected).toBe(
        q === "teapto" ? "teapot" : undefined,
      );
    }
  });

  it("says that there are more than it counts", () => {
    const index = new CatalogIndex();
    for (let id = 0; id <= totalMax; id++) index.put(product(`p${id}`));
    expect(index.query({ limit: 1 })).toMatchObject({ total: totalMax, totalIsMore: true });
    index.remove("p0");
    expect(index.query({ limit: 1 })).toMatchObject({ total: totalMax, totalIsMore: false });
  });

  it("answers the same after so many changes that it was laid out anew by itself", () => {
    const [index, fresh] = [new CatalogIndex(), new CatalogIndex()];
    const changes = 3_000;
    for (let at = 0; at < changes; at++)
      index.put(product(`p${at % 7}`, { name: `Mug ${at}`, brand: `B${at % 3}` }));
    for (let at = changes - 7; at < changes; at++)
      fresh.put(product(`p${at % 7}`, { name: `Mug ${at}`, brand: `B${at % 3}` }));
    for (const q of ["mug", "m", `${changes - 1}`, "1", undefined]) {
      const query = { q, facets: ["brand"] as const, limit: 9 };
      expect(index.query(query)).toEqual(fresh.query(query));
    }
  });

  it("yields each product once, page by page, as a naive scan orders them", () => {
    const value = fc.nat(4);
    const products = fc.array(fc.record({ price: value, sold: value, rating: value, publishedAt: value }));
    fc.assert(
      fc.property(
        products,
        fc.constantFrom(...sorts),
        fc.integer({ min: 1, max: 5 }),
        (drawn, sort, limit) => {
          const all = drawn.map(({ price, ...rest }, at) =>
            product(`p${at}`, { ...rest, variants: [{ sku: `s${at}`, price, inStock: true }] }),
          );
          const index = indexOf(...all);
          const seen: string[] = [];
          let after: CatalogCursor | undefined;
          do {
            const page = index.query({ q: "mug", sort, limit, ...(after && { after }) });
            seen.push(...idsOf(page));
            after = page.next;
          } while (after);
          const key = (each: IndexedProduct) => {
            const price = each.variants[0]?.price ?? 0;
            if (sort === "price" || sort === "-price") return sort === "price" ? price : -price;
            if (sort === "newest") return -(each.publishedAt ?? 0);
            return sort === "rating" ? -each.rating : -each.sold;
          };
          const naive = [...all].sort((a, b) => key(a) - key(b) || (a.id < b.id ? -1 : 1));
          expect(seen).toEqual(naive.map(({ id }) => id));
        },
      ),
    );
  });
});
