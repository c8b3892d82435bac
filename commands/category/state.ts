import { foldedName } from "../../src/values/names.ts";
import { byText, OrderedMap, type SortedMap, sortedMap, withKey } from "../../src/values/ordered-map.ts";

export interface Category {
  readonly name: string;
  readonly parentId: string | undefined;
  readonly retired: boolean;
}

/** All categories of a shop. A retired one keeps its place: its products are shown in what it was in. */
export interface Categories {
  readonly byId: OrderedMap<Category>;
  /** Of those that are not retired: parent's id, slash, folded name -> id. */
  readonly places: SortedMap<string, string>;
}

export const noCategories: Categories = {
  byId: OrderedMap.of(),
  places: sortedMap<string, string>(byText),
};

const placeOf = (parentId: string | undefined, name: string) => `${parentId ?? ""}/${foldedName(name)}`;

/**
 * With a category as it is from now on. One that is renamed and moved at once is for a moment where another one is: it
 * takes no place from that.
 */
export function withCategory(state: Categories, id: string, category: Category): Categories {
  const before = state.byId.get(id);
  const left = before && placeOf(before.parentId, before.name);
  const places =
    left !== undefined && state.places.get(left) === id ? state.places.without(left) : state.places;
  const place = placeOf(category.parentId, category.name);
  const isTaken = category.retired || places.get(place) !== undefined;
  return {
    byId: state.byId.with(id, category),
    places: isTaken ? places : withKey(places, place, id),
  };
}

/** The category that has this name under a parent, and is not retired. */
export function categoryNamed(
  { places }: Categories,
  parentId: string | undefined,
  name: string,
): string | undefined {
  return places.get(placeOf(parentId, name));
}

/** Those under a category that are not retired. */
export function* childrenOf({ places }: Categories, id: string): Generator<string> {
  const first = `${id}/`;
  for (const [place, child] of places.entries(first)) {
    if (!place.startsWith(first)) return;
    yield child;
  }
}

/** Its names, from the outermost category; undefined where there is none. */
export function namesOf(state: Categories, id: string): string[] | undefined {
  const names: string[] = [];
  for (let at: string | undefined = id; at !== undefined; ) {
    const category: Category | undefined = state.byId.get(at);
    if (!category) return undefined;
    names.unshift(category.name);
    at = category.parentId;
  }
  return names;
}

/** How far it reaches down: 1 for one with nothing below it. */
export function heightOf(state: Categories, id: string): number {
  let height = 0;
  for (const child of childrenOf(state, id)) height = Math.max(height, heightOf(state, child));
  return height + 1;
}

/** Whether a category is another one or below it. */
export function isWithin(state: Categories, id: string, outer: string): boolean {
  for (let at: string | undefined = id; at !== undefined; at = state.byId.get(at)?.parentId)
    if (at === outer) return true;
  return false;
}
