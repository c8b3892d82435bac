import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CategoryEvent,
  categories,
  categoriesMax,
  categoryLevelsMax,
  liveCategory,
  treeId,
} from "../../commands/category/category.ts";
import { type Categories, namesOf } from "../../commands/category/state.ts";
import { foldedName } from "../../src/values/names.ts";
import { Problem } from "../../src/values/problem.ts";
import { given } from "./given.ts";

const created = (categoryId: string, name: string, parentId?: string, knownAs = name): CategoryEvent => ({
  type: "CategoryCreated",
  data: { categoryId, name, ...(parentId !== undefined && { parentId }), knownAs },
});
const retired = (categoryId: string): CategoryEvent => ({ type: "CategoryRetired", data: { categoryId } });
const garden = created("g", "Garden");
const chairs = created("c", "Chairs", "g", "Garden/Chairs");
const home = created("h", "Home");
const tree = [garden, chairs, home];

describe("a category", () => {
  test("is created under another one, once, and known by the path it has then", () => {
    given(categories, []).when("Create", { categoryId: "g", name: "Garden" }).then([garden]);
    given(categories, [garden])
      .when("Create", { categoryId: "c", name: "Chairs", parentId: "g" })
      .then([chairs]);
    given(categories, [garden]).when("Create", { categoryId: "g", name: "Garden" }).then([]);
    given(categories, []).when("Create", { categoryId: "c", name: "C", parentId: "?" }).refused("not_found");
  });

  test("has its name alone under its parent, however that is written", () => {
    const taken = { categoryId: "c" };
    given(categories, tree)
      .when("Create", { categoryId: "x", name: " CHAIRS", parentId: "g" })
      .refused("already_exists", taken);
    given(categories, [...tree, created("o", "Other", "g", "Garden/Other")])
      .when("Change", { categoryId: "o", name: "chairs" })
      .refused("already_exists", taken);
    given(categories, [...tree, created("o", "Chairs")])
      .when("Change", { categoryId: "o", parentId: "g" })
      .refused("already_exists", taken);
    given(categories, tree)
      .when("Create", { categoryId: "x", name: "Chairs", parentId: "h" })
      .then([created("x", "Chairs", "h", "Home/Chairs")]);
    given(categories, [garden, chairs, retired("c")])
      .when("Create", { categoryId: "x", name: "Chairs", parentId: "g" })
      .then([created("x", "Chairs", "g", "Garden/Chairs")]);
  });

  test("is renamed, moved, and both at once", () => {
    const renamed: CategoryEvent = { type: "CategoryRenamed", data: { categoryId: "c", name: "Seats" } };
    const moved: CategoryEvent = { type: "CategoryMoved", data: { categoryId: "c", parentId: "h" } };
    given(categories, tree).when("Change", { categoryId: "c", name: "Seats" }).then([renamed]);
    given(categories, tree).when("Change", { categoryId: "c", parentId: "h" }).then([moved]);
    given(categories, tree)
      .when("Change", { categoryId: "c", name: "Seats", parentId: "h" })
      .then([renamed, moved]);
    given(categories, tree).when("Change", { categoryId: "c", name: "Chairs", parentId: "g" }).then([]);
    given(categories, tree)
      .when("Change", { categoryId: "c", parentId: null })
      .then([{ type: "CategoryMoved", data: { categoryId: "c", parentId: null } }]);
    given(categories, tree)
      .when("Change", { categoryId: "c", name: "CHAIRS" })
      .then([{ type: "CategoryRenamed", data: { categoryId: "c", name: "CHAIRS" } }]);
  });

  test("takes no place from another one that has its new name where it was, or its old name where it goes", () => {
    const other = created("o", "Other");
    const after = [
      { type: "CategoryRenamed", data: { categoryId: "o", name: "Home" } },
      { type: "CategoryMoved", data: { categoryId: "o", parentId: "g" } },
    ] as const;
    given(categories, [...tree, other])
      .when("Change", { categoryId: "o", name: "Home", parentId: "g" })
      .then([...after]);
    given(categories, [...tree, other, ...after])
      .when("Create", { categoryId: "x", name: "Home" })
      .refused("already_exists", { categoryId: "h" });
    const oldName = created("n", "Other", "g", "Garden/Other");
    given(categories, [...tree, other, oldName, ...after])
      .when("Create", { categoryId: "x", name: "Other", parentId: "g" })
      .refused("already_exists", { categoryId: "n" });
    given(categories, [...tree, other, oldName, ...after])
      .when("Create", { categoryId: "x", name: "home", parentId: "g" })
      .refused("already_exists", { categoryId: "o" });
  });

  test("is never moved below itself", () => {
    for (const parentId of ["g", "c"])
      given(categories, tree).when("Change", { categoryId: "g", parentId }).refused("illegal_transition");
  });

  test("goes no deeper than it may, with all that is below it", () => {
    const deep = Array.from({ length: categoryLevelsMax }, (_, level) =>
      created(`l${level}`, "L", level === 0 ? undefined : `l${level - 1}`),
    );
    const last = `l${categoryLevelsMax - 1}`;
    given(categories, deep)
      .when("Create", { categoryId: "x", name: "X", parentId: last })
      .refused("illegal_transition");
    const beforeLast = `l${categoryLevelsMax - 2}`;
    given(categories, [...deep, garden, chairs])
      .when("Change", { categoryId: "g", parentId: beforeLast })
      .refused("illegal_transition");
    given(categories, [...deep, garden])
      .when("Change", { categoryId: "g", parentId: beforeLast })
      .then([{ type: "CategoryMoved", data: { categoryId: "g", parentId: beforeLast } }]);
  });

  test("is retired once, when nothing is below it any more", () => {
    given(categories, tree).when("Retire", { categoryId: "g" }).refused("illegal_transition");
    given(categories, tree)
      .when("Retire", { categoryId: "c" })
      .then([retired("c")]);
    given(categories, [...tree, retired("c")])
      .when("Retire", { categoryId: "c" })
      .then([]);
    given(categories, [...tree, retired("c")])
      .when("Retire", { categoryId: "g" })
      .then([retired("g")]);
    given(categories, [...tree, retired("c")])
      .when("Change", { categoryId: "c", name: "N" })
      .refused("illegal_transition");
    given(categories, [...tree, retired("h")])
      .when("Change", { categoryId: "c", parentId: "h" })
      .refused("illegal_transition");
  });

  test("that is retired gives what is in it to what it was in", () => {
    const state = given(categories, [...tree, retired("c"), retired("h")]).state();
    expect(["c", "h", "g"].map((id) => liveCategory(state, id))).toEqual(["g", undefined, "g"]);
  });

  test("is created where a path asks for it, with what is missing above it", () => {
    const ids = ["1", "2", "3"];
    given(categories, tree)
      .when("Ensure", { names: ["garden", "CHAIRS"], ids })
      .then([]);
    given(categories, tree)
      .when("Ensure", { names: ["Garden", "Tables", "Small"], ids })
      .then([
        created("2", "Tables", "g", "Garden/Tables"),
        created("3", "Small", "2", "Garden/Tables/Small"),
      ]);
  });

  test("is one of a bounded number", () => {
    const many = Array.from({ length: categoriesMax }, (_, index) => created(`m${index}`, `M${index}`));
    const state = many.reduce<Categories>(
      (before, { data }) => categories.evolve.CategoryCreated(before, data as never, { time: 0 }),
      categories.initial(),
    );
    expect(() => categories.decide.Create(state, { categoryId: "x", name: "X" })).toThrow(Problem);
    expect(() => categories.decide.Ensure(state, { names: ["X"], ids: ["x"] })).toThrow(Problem);
  });
});

describe("the tree of categories", () => {
  const id = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const name = fc.constantFrom("One", "ONE ", "Two", "Three");
  const command = fc.oneof(
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
    fc.record({
      do: fc.constant("Ensure" as const),
      names: fc.array(name, { minLength: 1, maxLength: 3 }),
      ids: fc.uniqueArray(fc.uuid(), { minLength: 3, maxLength: 3 }),
    }),
  );

  test("has no cycle, no name twice in one place, and no live category below a retired one, whatever is done", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        let state = categories.initial();
        for (const { do: what, ...fields } of commands) {
          for (const { type, data } of decided(state, what, fields))
            state = categories.evolve[type](state, data as never, { time: 0 });
          check(state);
        }
      }),
      { numRuns: 500 },
    );
  });

  function decided(state: Categories, what: keyof typeof categories.decide, fields: object): CategoryEvent[] {
    try {
      return categories.decide[what](state, fields as never);
    } catch (error) {
      if (error instanceof Problem) return [];
      throw error;
    }
  }

  function check(state: Categories): void {
    const paths = new Set<string>();
    for (const [each, { retired: isRetired, parentId }] of state.byId) {
      const seen = new Set<string>();
      for (let at: string | undefined = each; at !== undefined; at = state.byId.get(at)?.parentId) {
        expect(seen.has(at)).toBe(false);
        seen.add(at);
      }
      if (isRetired) continue;
      if (parentId !== undefined) expect(state.byId.get(parentId)?.retired).toBe(false);
      const path = (namesOf(state, each) ?? []).map(foldedName).join("/");
      expect(paths.has(path)).toBe(false);
      paths.add(path);
    }
    expect(state.places.size).toBe(paths.size);
  }
});

test("all categories are one stream", () => {
  expect(`${categories.category}-${treeId}`).toBe("category-tree");
});
