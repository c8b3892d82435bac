import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  CatalogCursor,
  CatalogQuery,
  IndexedProduct,
} from "../../../projections/catalog/search/catalog-query.ts";
import { CatalogIndex } from "../../../projections/catalog/search/index.ts";
import { answerOf } from "./reference.ts";

const runs = 300;
const idsMax = 12;
/** More than there are, so that what repeats ends. */
const pagesMax = 2 * idsMax;
const manyProducts = 500;
const manyQueries = 40;
const texts =
  "mug mugs Mug blue blau t-shirt tshirt shirts MK-J/1973 mk-j 茶碗 碗 ブルータワー タワー กาแฟ 커피잔 Größe grosse ı ceramic ceramik";
const word = fc.constantFrom(...texts.split(" "));
const text = fc.array(word, { maxLength: 4 }).map((words) => words.join(" "));
const value = fc.constantFrom("Levi's", "levi’s ", "LEVI'S", "Other", "Große", "grosse");
const path = fc.constantFrom(
  "Garden",
  "garden/Chairs",
  "Garden/chairs",
  "Home/Chairs",
  "Home/Tables",
  "Tables",
);
const amount = fc.nat(5);

const id = fc.nat(idsMax - 1).map((number) => `p${number}`);
const status = fc.constantFrom("published", "published", "published", "draft", "archived");
const variant = fc.record(
  { sku: word, name: text, price: amount, inStock: fc.boolean() },
  { requiredKeys: ["sku", "price", "inStock"] },
);
const product: fc.Arbitrary<IndexedProduct> = fc.record(
  {
    id,
    status,
    name: text,
    brand: value,
    category: path,
    tags: fc.array(value, { maxLength: 3 }),
    description: text,
    shortDescription: text,
    variants: fc.array(variant, { maxLength: 3 }),
    publishedAt: fc.option(amount),
    createdAt: amount,
    sold: amount,
    rating: amount,
    featured: fc.boolean(),
  },
  {
    requiredKeys: [
      "id",
      "status",
      "name",
      "tags",
      "variants",
      "publishedAt",
      "createdAt",
      "sold",
      "rating",
      "featured",
    ],
  },
);
/** A product put, one whose texts stay, one taken away, or the whole index laid out anew. */
const anyChange = fc.oneof(
  { weight: 8, arbitrary: product },
  {
    weight: 8,
    arbitrary: fc.record({
      touched: id,
      by: fc.record({
        status,
        publishedAt: fc.option(amount),
        createdAt: amount,
        sold: amount,
        rating: amount,
        featured: fc.boolean(),
      }),
      price: amount,
      inStock: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: id },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const typed = fc.oneof(
  word,
  text,
  fc.constant(undefined),
  fc.constantFrom("m", "mu", "t", "t-sh", "ceramci", "ceram", "ceramiks blu", "★", " "),
);
/** Each filter alone lets little through: most queries have one or none. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 1, maxLength: 2 });
const query: fc.Arbitrary<CatalogQuery> = fc.record({
  q: typed,
  category: rarely(some(path)),
  brand: rarely(some(value)),
  tag: rarely(some(value)),
  minPrice: rarely(amount),
  maxPrice: rarely(amount),
  inStock: rarely(fc.boolean()),
  featured: rarely(fc.boolean()),
  status: rarely(fc.subarray(["published", "draft", "archived", "unheard-of"])),
  sort: rarely(fc.constantFrom("price", "-price", "newest", "best-selling", "rating", "rank")),
  facets: fc.subarray(["category", "brand", "tag"]),
  limit: fc.integer({ min: 1, max: 6 }),
});

interface Touch {
  touched: string;
  by: Partial<IndexedProduct>;
  price: number;
  inStock: boolean;
}
type Change = IndexedProduct | Touch | string | undefined;

class Shop {
  readonly index = new CatalogIndex();
  readonly #products = new Map<string, IndexedProduct>();

  constructor(changes: readonly Change[]) {
    for (const each of changes) this.change(each);
  }

  get products(): IndexedProduct[] {
    return [...this.#products.values()];
  }

  change(change: Change): void {
    if (change === undefined) this.index.prepare();
    else if (typeof change === "string") {
      this.index.remove(change);
      this.#products.delete(change);
    } else if ("id" in change) this.#put(change);
    else {
      const { touched, by, price, inStock } = change;
      const product = this.#products.get(touched);
      const variants = product?.variants.map((each) => ({ ...each, price, inStock }));
      if (product && variants) this.#put({ ...product, ...by, variants });
    }
    // What is asked in between leaves nothing behind that is out of date later.
    this.index.query({ q: "m", facets: ["category", "brand", "tag"], limit: 1 });
  }

  #put(product: IndexedProduct): void {
    this.index.put(product);
    this.#products.set(product.id, product);
  }
}

function idOf(change: Change): string | undefined {
  return typeof change === "object" ? ("id" in change ? change.id : change.touched) : change;
}

const few = fc.array(anyChange, { maxLength: 3 });
const changes = fc.array(anyChange, { minLength: 5, maxLength: 60, size: "max" });

describe("the catalog index, after any changes", () => {
  it("answers every query as one does who looks at every product", () => {
    fc.assert(
      fc.property(changes, fc.array(query, { minLength: 1, maxLength: 5 }), (made, queries) => {
        const { index, products } = new Shop(made);
        for (const each of queries) {
          const { next: _, ...answer } = index.query(each);
          expect(answer).toEqual(answerOf(products, each));
        }
      }),
      { numRuns: runs },
    );
  });

  it("answers as well where words are in many products and products in many slots", () => {
    const sample = { numRuns: manyProducts, seed: 1973 };
    const many = fc
      .sample(product, sample)
      .map((each, at) => ({ ...each, id: `p${at % (manyProducts / 2)}` }));
    const { index, products } = new Shop(many);
    for (const each of fc.sample(query, { numRuns: manyQueries, seed: 1973 })) {
      const { next: _, ...answer } = index.query(each);
      expect(answer).toEqual(answerOf(products, each));
    }
  });

  it("pages through the same products in the same order as one page would hold", () => {
    fc.assert(
      fc.property(changes, query, (made, asked) => {
        const { index, products } = new Shop(made);
        const seen = [];
        let after: CatalogCursor | undefined;
        for (let page = 0; page === 0 || (after && page < pagesMax); page++) {
          const { hits, next } = index.query({ ...asked, after });
          seen.push(...hits);
          after = next && JSON.parse(JSON.stringify(next));
        }
        expect(seen).toEqual(answerOf(products, { ...asked, limit: idsMax }).hits);
      }),
      { numRuns: runs },
    );
  });

  it("shows each product once that stays as it is while others change between pages", () => {
    fc.assert(
      fc.property(changes, query, fc.array(few, { maxLength: 5 }), (made, drawn, between) => {
        // A name that only one category has may be one of several by the next page.
        const asked = { ...drawn, category: undefined };
        const shop = new Shop(made);
        const { index } = shop;
        const touched = new Set(between.flat().map(idOf));
        let { hits, next, corrected } = index.query(asked);
        const seen = [...hits];
        for (let page = 0; next && page < pagesMax; page++) {
          for (const each of between[page] ?? []) shop.change(each);
          ({ hits, next } = index.query({ ...asked, after: next }));
          seen.push(...hits);
        }
        const untouched = (ids: string[]) => ids.filter((id) => !touched.has(id));
        const q = corrected ?? asked.q;
        const all = answerOf(shop.products, { ...asked, q, limit: idsMax });
        expect(untouched(seen.map(({ id }) => id))).toEqual(untouched(all.hits.map(({ id }) => id)));
      }),
      { numRuns: runs },
    );
  });

  it("shows no product twice by what sells, for that only grows", () => {
    const sales = fc.array(fc.tuple(fc.nat(idsMax - 1), amount), { maxLength: 10 });
    const sort = fc.constantFrom("best-selling", "rank");
    fc.assert(
      fc.property(changes, sort, fc.array(sales), (made, by, between) => {
        const { index, products } = new Shop(made);
        const sold = new Map(products.map((each) => [each.id, each]));
        const seen: string[] = [];
        let after: CatalogCursor | undefined;
        for (let page = 0; page === 0 || (after && page < pagesMax); page++) {
          const { hits, next } = index.query({ q: "m", sort: by, limit: 1, after });
          seen.push(...hits.map(({ id }) => id));
          after = next;
          for (const [number, more] of between[page] ?? []) {
            const product = sold.get(`p${number}`);
            if (!product) continue;
            const grown = { ...product, sold: product.sold + more };
            sold.set(product.id, grown);
            index.put(grown);
          }
        }
        expect(seen).toEqual([...new Set(seen)]);
      }),
      { numRuns: runs },
    );
  });

  it("depends on what is there, not on the order in which it came", () => {
    fc.assert(
      fc.property(changes, query, (made, asked) => {
        const { index, products } = new Shop(made);
        const other = new Shop(products.sort((a, b) => (a.id < b.id ? 1 : -1))).index;
        expect(other.query(asked)).toEqual(index.query(asked));
      }),
      { numRuns: runs },
    );
  });
});
