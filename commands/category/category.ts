import { type DataOf, decider, type EventOf } from "../../src/engine/decider.ts";
import { foldedName } from "../../src/values/names.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import { categoryEvents } from "./events.ts";
import {
  type Categories,
  type Category,
  categoryNamed,
  childrenOf,
  heightOf,
  isWithin,
  namesOf,
  noCategories,
  withCategory,
} from "./state.ts";

export type CategoryEvent = EventOf<typeof categoryEvents>;

/** The stream of all categories. */
export const treeId = "tree";
/** Retired ones included, because products still name them. */
export const categoriesMax = 10_000;
export const categoryLevelsMax = 10;

interface Create {
  categoryId: string;
  name: string;
  parentId?: string | undefined;
}

interface Change {
  categoryId: string;
  name?: string | undefined;
  /** Null: under no other. */
  parentId?: string | null | undefined;
}

interface Ensure {
  /** From the outermost. */
  names: readonly string[];
  /** Of those that are not there yet, in their order. */
  ids: readonly string[];
}

/**
 * The tree of a shop's categories, on one stream: so what has to hold between them (no name twice under a parent, no
 * cycle, no more levels than are allowed) is decided at one revision, by however many processes.
 *
 * Refusals: `not_found`, `already_exists` with the `categoryId` that has the name, `illegal_transition` for what is
 * retired, for a move below itself, and for more levels or categories than there may be.
 */
export const categories = decider({
  category: "category",
  events: categoryEvents,
  initial: () => noCategories,
  evolve: {
    CategoryCreated: (state, { categoryId, name, parentId }) =>
      withCategory(state, categoryId, { name, parentId, retired: false }),
    CategoryRenamed: (state, { categoryId, name }) =>
      withCategory(state, categoryId, { ...known(state, categoryId), name }),
    CategoryMoved: (state, { categoryId, parentId }) =>
      withCategory(state, categoryId, { ...known(state, categoryId), parentId: parentId ?? undefined }),
    CategoryRetired: (state, { categoryId }) =>
      withCategory(state, categoryId, { ...known(state, categoryId), retired: true }),
  },
  decide: {
    /** Its id comes from the command, so a category that exists is this command done before. */
    Create: (state: Categories, { categoryId, name, parentId }: Create): CategoryEvent[] => {
      if (state.byId.has(categoryId)) return [];
      requireRoom(state, 1);
      requireParent(state, parentId, 1);
      requireFree(state, parentId, name);
      return [createdAs(categoryId, name, parentId, parentId === undefined ? [] : namesOf(state, parentId))];
    },

    /** Creates what is missing of a path. */
    Ensure: (state: Categories, { names, ids }: Ensure): CategoryEvent[] => {
      const there = idsOf(state, names);
      const missing = names.slice(there.length);
      requireRoom(state, missing.length);
      if (names.length > categoryLevelsMax) throw tooDeep();
      let parentId = there.at(-1);
      const path = parentId === undefined ? [] : (namesOf(state, parentId) ?? []);
      return missing.map((name, index) => {
        const categoryId = ids[there.length + index];
        if (categoryId === undefined) throw new Error("there is an id for each name");
        const event = createdAs(categoryId, name, parentId, path);
        parentId = categoryId;
        path.push(name);
        return event;
      });
    },

    /** Renames, moves, or both at once. */
    Change: (state: Categories, { categoryId, name, parentId }: Change): CategoryEvent[] => {
      const before = live(state, categoryId);
      const after = {
        name: name ?? before.name,
        parentId: parentId === undefined ? before.parentId : (parentId ?? undefined),
      };
      const isMoved = after.parentId !== before.parentId;
      if (isMoved && after.parentId !== undefined && isWithin(state, after.parentId, categoryId))
        throw illegalTransition("a category cannot be moved below itself");
      if (isMoved) requireParent(state, after.parentId, heightOf(state, categoryId));
      if (isMoved || foldedName(after.name) !== foldedName(before.name))
        requireFree(state, after.parentId, after.name);
      return [
        ...(after.name === before.name
          ? []
          : [{ type: "CategoryRenamed" as const, data: { categoryId, name: after.name } }]),
        ...(isMoved
          ? [{ type: "CategoryMoved" as const, data: { categoryId, parentId: after.parentId ?? null } }]
          : []),
      ];
    },

    Retire: (state: Categories, { categoryId }: { categoryId: string }): CategoryEvent[] => {
      if (found(state, categoryId).retired) return [];
      for (const _ of childrenOf(state, categoryId))
        throw illegalTransition("it has categories below it: move or retire those first");
      return [{ type: "CategoryRetired", data: { categoryId } }];
    },
  },
  weigh: ({ byId }) => 1_000 + 500 * byId.size,
});

/** The ids of a path's categories, from the outermost, as far as they are there. */
export function idsOf(state: Categories, names: readonly string[]): string[] {
  const ids: string[] = [];
  for (const name of names) {
    const id = categoryNamed(state, ids.at(-1), name);
    if (id === undefined) break;
    ids.push(id);
  }
  return ids;
}

/** Where a category is by now: of a retired one, what it was in. Undefined where it is in none. */
export function liveCategory(state: Categories, id: string): string | undefined {
  let at: string | undefined = id;
  while (at !== undefined && state.byId.get(at)?.retired !== false) at = state.byId.get(at)?.parentId;
  return at;
}

function createdAs(
  categoryId: string,
  name: string,
  parentId: string | undefined,
  outer: readonly string[] | undefined,
): { type: "CategoryCreated"; data: DataOf<typeof categoryEvents, "CategoryCreated"> } {
  const knownAs = [...(outer ?? []), name].join("/");
  return {
    type: "CategoryCreated",
    data: { categoryId, name, ...(parentId !== undefined && { parentId }), knownAs },
  };
}

function known({ byId }: Categories, id: string): Category {
  const category = byId.get(id);
  if (!category) throw new Error(`there is no category ${id} yet`);
  return category;
}

function found({ byId }: Categories, id: string): Category {
  const category = byId.get(id);
  if (!category) throw notFound("category", id);
  return category;
}

/** @throws Problem */
function live(state: Categories, id: string): Category {
  const category = found(state, id);
  if (category.retired) throw illegalTransition("the category is retired");
  return category;
}

/** @param levels of what comes below the parent */
function requireParent(state: Categories, parentId: string | undefined, levels: number): void {
  if (parentId === undefined) return;
  live(state, parentId);
  if ((namesOf(state, parentId)?.length ?? 0) + levels > categoryLevelsMax) throw tooDeep();
}

function requireRoom({ byId }: Categories, more: number): void {
  if (byId.size + more > categoriesMax)
    throw illegalTransition(`a shop has at most ${categoriesMax} categories, retired ones included`);
}

function requireFree(state: Categories, parentId: string | undefined, name: string): void {
  const categoryId = categoryNamed(state, parentId, name);
  if (categoryId === undefined) return;
  throw new Problem("already_exists", `another category has the name ${JSON.stringify(name)} there`, {
    categoryId,
  });
}

function tooDeep(): Problem {
  return illegalTransition(`categories go at most ${categoryLevelsMax} levels deep`);
}
