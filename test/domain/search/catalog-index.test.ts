import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CatalogCursor, IndexedProduct } from "../../../projections/catalog/search/catalog-query.ts";
import { CatalogIndex } from "../../../projections/catalog/search/index.ts";

const sorts = ["price", "-price", "newest", "best-selling", "rating", "rank"] as const;

function product(id: string, changes: Partial<IndexedProduct> = {}): IndexedProduct {
  const variants = [{ sku: `S-${id}`, price: 100, inStock: true }];
  const plain = { id, status: "published", name: `Mug ${id}`, tags: [], variants };
  return { ...plain, publishedAt: 1, createdAt: 1, sold: 0, rating: 0, ...changes };
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
