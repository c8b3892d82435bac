import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { categories, liveCategory, treeId } from "../../../commands/category/category.ts";
import { namesOf } from "../../../commands/category/state.ts";
import { catalogProjection } from "../../../projections/catalog/catalog.ts";
import { type GroupDoc, Groups, isGroupKey, refOf } from "../../../projections/catalog/groups.ts";
import type { IndexedProduct } from "../../../projections/catalog/search/catalog-query.ts";
import { CatalogIndex } from "../../../projections/catalog/search/index.ts";
import { Problem } from "../../../src/values/problem.ts";
import { Documents, Log } from "../projections/support.ts";

const id = fc.constantFrom("a", "b", "c", "d", "e");
const name = fc.constantFrom("One", "Two", "Three");
const step = fc.oneof(
  fc.record({
    do: fc.constant("Create" as const),
    categoryId: id,
    name,
    parentId: fc.option(id, { nil: undefined }),
  }),
  fc.record({
    do: fc.constant("Change" as const),
    categoryId: id,
    name: fc.option(name, { nil: undefined }),
    parentId: fc.option(fc.option(id), { nil: undefined }),
  }),
  fc.record({ do: fc.constant("Retire" as const), categoryId: id }),
  // A product in a category, or of an older version with a name alone.
  fc.record({ do: fc.constant("put" as const), product: fc.nat(5), categoryId: id }),
  fc.record({
    do: fc.constant("put" as const),
    product: fc.nat(5),
    category: fc.constantFrom("One", "one / Two", "Other"),
  }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What was decided of categories, projected, and an index that has taken each change over as it came. */
class Shop {
  tree = categories.initial();
  readonly index = new CatalogIndex();
  readonly products = new Map<string, IndexedProduct>();
  readonly #log = new Log();
  readonly #documents = new Documents(catalogProjection, true);
  #groups = new Groups(new Map());

  get groups(): Groups {
    return this.#groups;
  }

  take(given: Step): void {
    if (given.do === "put") this.#put(given);
    else this.#change(given);
  }

  #change(given: Exclude<Step, { do: "put" }>): void {
    const { do: what, ...command } = given;
    for (const { type, data } of this.#decided(what, command)) {
      this.tree = categories.evolve[type](this.tree, data as never, { time: 0 });
      this.#log.add(`category-${treeId}`, 0, type, data as never);
      const event = this.#log.events.at(-1);
      if (event) this.#documents.add(event);
      const docs = [...this.#documents.all()].filter(([key]) => isGroupKey(key)) as [string, GroupDoc][];
      this.#groups = new Groups(new Map(docs));
      for (const stale of this.index.regroup(this.#groups)) {
        const product = this.products.get(stale);
        if (product) this.index.put(product);
      }
    }
  }

  #put({ product, ...refs }: { product: number; categoryId?: string; category?: string }): void {
    if (refs.categoryId !== undefined && !this.tree.byId.has(refs.categoryId)) return;
    const category = refOf(refs.categoryId, refs.category);
    const put = {
      id: `p${product}`,
      status: "published",
      name: "Thing",
      ...(category !== undefined && { category }),
      tags: [],
      variants: [],
      featured: false,
      publishedAt: product,
      createdAt: product,
      sold: 0,
      rating: 0,
    };
    this.products.set(put.id, put);
    this.index.put(put);
  }

  #decided(what: "Create" | "Change" | "Retire", command: object) {
    try {
      return categories.decide[what](this.tree, command as never);
    } catch (error) {
      if (error instanceof Problem) return [];
      throw error;
    }
  }
}

const after = (steps: readonly Step[]): Shop => {
  const shop = new Shop();
  for (const each of steps) shop.take(each);
  return shop;
};
const many = fc.array(step, { minLength: 5, maxLength: 60, size: "max" });

describe("products in categories that are renamed, moved and retired", () => {
  it("are where the write side has them", () => {
    fc.assert(
      fc.property(many, (steps) => {
        const { tree, index, products, groups } = after(steps);
        for (const [each, { retired }] of tree.byId)
          expect(groups.nameOf("category", each)).toBe(retired ? undefined : namesOf(tree, each)?.join("/"));
        for (const [productId, { category = "" }] of products) {
          if (!category.startsWith("\0")) continue;
          const live = liveCategory(tree, category.slice(1));
          const shown = live === undefined ? {} : { category: namesOf(tree, live)?.join("/") };
          expect(index.groupsOf(productId)).toEqual(shown);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("are listed, counted, filtered and found as if their categories had always been so", () => {
    fc.assert(
      fc.property(many, (steps) => {
        const { index, products, groups } = after(steps);
        const anew = new CatalogIndex();
        anew.regroup(groups);
        for (const product of products.values()) anew.put(product);
        const words = ["One", "Two", "Three", "Other"].map((q) => ({ q }));
        const filters = ["One", "One/Two", "two", "a", "b", "Other"].map((each) => ({ category: [each] }));
        for (const query of [{}, ...words, ...filters]) {
          const asked = { ...query, facets: ["category" as const], limit: 9 };
          expect({ query, ...index.query(asked) }).toEqual({ query, ...anew.query(asked) });
        }
        expect(index.publishedOf("category")).toEqual(anew.publishedOf("category"));
      }),
      { numRuns: 300 },
    );
  });
});
