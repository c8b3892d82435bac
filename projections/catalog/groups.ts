import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { foldedName, namesOfPath } from "../../src/values/names.ts";

export type GroupKind = "category" | "brand";

/** A category or a brand, under its kind, a slash and its id. */
export interface GroupDoc {
  group: GroupKind;
  name: string;
  parentId?: string;
  retired?: true;
  /** The path or name that it was created with: what products of older versions, which have no id, mean it by. */
  knownAs: string;
  /** Of the stream, when it was created: where two were known by one name, the first is meant. */
  since: number;
}

/** Under `groupsKey`: the revisions of the streams of categories and brands. Stored after what has changed of them. */
export interface GroupsDoc {
  groups: Partial<Record<GroupKind, number>>;
}

export const groupsKey = "groups";

/** What its category, by its path, and its brand are called. */
export interface GroupNames {
  category?: string;
  brand?: string;
}

/** What a product's document says of its category and brand: an id with the name it had then, or a name alone. */
export interface GroupRefs extends GroupNames {
  categoryId?: string;
  brandId?: string;
}

/** A category or brand as it is now. What only products name has no id. */
export interface Group {
  id?: string;
  /** Of a category its path. */
  name: string;
}

export interface CategoryPlace {
  id: string;
  name: string;
  parentId?: string;
  /** From 1. */
  level: number;
  path: string;
}

export interface BrandName {
  id: string;
  name: string;
}

const kinds = ["category", "brand"] as const;
const idMark = "\0";
const pageGroups = 1_000;

export function isGroupKey(key: string): boolean {
  return kinds.some((kind) => key.startsWith(`${kind}/`));
}

/** What an index knows a product's category or brand by: the id where there is one, else the name. */
export function refOf(id: string | undefined, name: string | undefined): string | undefined {
  return id === undefined ? name : idMark + id;
}

/**
 * All categories and brands, by which what products say of theirs is told as it is now. So a category that is renamed or
 * moved changes no product's document.
 */
export class Groups {
  private readonly byKind: Record<GroupKind, GroupsOfKind>;

  /** @param docs by their keys */
  constructor(docs: ReadonlyMap<string, GroupDoc>) {
    const foldedPath = (path: string) => namesOfPath(path).map(foldedName).join("/");
    this.byKind = {
      category: new GroupsOfKind("category", docs, foldedPath),
      brand: new GroupsOfKind("brand", docs, foldedName),
    };
  }

  /** @param ref see `refOf` @returns undefined where it is in none any more */
  resolve(kind: GroupKind, ref: string): Group | undefined {
    return this.byKind[kind].resolve(ref);
  }

  /** The path or name of one that is not retired; undefined for what is no id. */
  nameOf(kind: GroupKind, id: string): string | undefined {
    return this.byKind[kind].names.get(id);
  }

  /** As a list shows them: by name. */
  named(refs: GroupRefs): GroupNames {
    const { category, brand } = this.shown(refs);
    return { ...(category !== undefined && { category }), ...(brand !== undefined && { brand }) };
  }

  /** As a product's page shows them. */
  shown({ category, categoryId, brand, brandId }: GroupRefs): GroupRefs {
    const categoryRef = refOf(categoryId, category);
    const brandRef = refOf(brandId, brand);
    const inCategory = categoryRef === undefined ? undefined : this.resolve("category", categoryRef);
    const ofBrand = brandRef === undefined ? undefined : this.resolve("brand", brandRef);
    return {
      ...(inCategory && { category: inCategory.name }),
      ...(inCategory?.id !== undefined && { categoryId: inCategory.id }),
      ...(ofBrand && { brand: ofBrand.name }),
      ...(ofBrand?.id !== undefined && { brandId: ofBrand.id }),
    };
  }

  /** Each category before those below it, sisters by name. */
  categories(): CategoryPlace[] {
    const { docs, names } = this.byKind.category;
    const places = [...names].map(([id, path]) => ({ id, path, parts: namesOfPath(path).map(foldedName) }));
    places.sort((a, b) => byParts(a.parts, b.parts));
    return places.map(({ id, path, parts }) => {
      const { name = "", parentId } = docs.get(id) ?? {};
      return { id, name, ...(parentId !== undefined && { parentId }), level: parts.length, path };
    });
  }

  /** By name. */
  brands(): BrandName[] {
    const brands = [...this.byKind.brand.names].map(([id, name]) => ({ id, name, folded: foldedName(name) }));
    brands.sort((a, b) => (a.folded < b.folded ? -1 : 1));
    return brands.map(({ id, name }) => ({ id, name }));
  }
}

class GroupsOfKind {
  readonly docs = new Map<string, GroupDoc>();
  /** The paths or names of those that are not retired, by id. */
  readonly names = new Map<string, string>();
  readonly #foldedOf: (name: string) => string;
  /** Which one a product means that has no id; made when the first is asked for, for most products have ids. */
  #meant: Map<string, string> | undefined;

  constructor(kind: GroupKind, docs: ReadonlyMap<string, GroupDoc>, foldedOf: (name: string) => string) {
    this.#foldedOf = foldedOf;
    for (const [key, doc] of docs) if (doc.group === kind) this.docs.set(key.slice(kind.length + 1), doc);
    for (const [id, doc] of this.docs) if (!doc.retired) this.#nameIt(id, doc);
  }

  resolve(ref: string): Group | undefined {
    if (ref.startsWith(idMark)) return this.#now(ref.slice(idMark.length));
    this.#meant ??= this.#meantBy();
    const id = this.#meant.get(this.#foldedOf(ref));
    return id === undefined ? { name: ref } : this.#now(id);
  }

  /** Of a retired one, what it was in. */
  #now(id: string): Group | undefined {
    let at: string | undefined = id;
    while (at !== undefined && !this.names.has(at)) at = this.docs.get(at)?.parentId;
    const name = at === undefined ? undefined : this.names.get(at);
    return at === undefined || name === undefined ? undefined : { id: at, name };
  }

  #nameIt(id: string, { name, parentId }: GroupDoc): string {
    const known = this.names.get(id);
    if (known !== undefined) return known;
    const parent = parentId === undefined ? undefined : this.docs.get(parentId);
    const path = parent && parentId !== undefined ? `${this.#nameIt(parentId, parent)}/${name}` : name;
    this.names.set(id, path);
    return path;
  }

  /** By what they were known by, the first one; else by what they are called now. */
  #meantBy(): Map<string, string> {
    const meant = new Map<string, string>();
    for (const [id, { knownAs }] of [...this.docs].sort(([, a], [, b]) => a.since - b.since)) {
      const known = this.#foldedOf(knownAs);
      if (!meant.has(known)) meant.set(known, id);
    }
    for (const [id, name] of this.names) {
      const now = this.#foldedOf(name);
      if (!meant.has(now)) meant.set(now, id);
    }
    return meant;
  }
}

/** Of a shop that has none: what products name is what it is called. */
export const noGroups = new Groups(new Map());

function byParts(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < a.length && at < b.length; at++) {
    const [one = "", other = ""] = [a[at], b[at]];
    if (one !== other) return one < other ? -1 : 1;
  }
  return a.length - b.length;
}

/** The documents of all categories and brands, by their keys. */
export async function groupDocsOf(model: ViewModel): Promise<Map<string, GroupDoc>> {
  const docs = new Map<string, GroupDoc>();
  for (const kind of kinds) {
    let after: readonly (string | number | null)[] | undefined;
    do {
      const where = [{ column: "group", eq: kind }];
      const { items, next } = await model.find({ where, limit: pageGroups, ...(after && { after }) });
      for (const { key, json } of items) docs.set(key, JSON.parse(json) as GroupDoc);
      after = next ?? undefined;
    } while (after);
  }
  return docs;
}

/** A model's categories and brands, read again only once they have changed. */
export class KnownGroups {
  #known: { generation: number; mark: string | undefined; groups: Promise<Groups> } | undefined;

  /** @param mark the document under `groupsKey`, which every change of them changes */
  of(model: ViewModel, mark: string | undefined): Promise<Groups> {
    const known = this.#known;
    if (known?.generation === model.generation && known.mark === mark) return known.groups;
    const groups = mark === undefined ? Promise.resolve(noGroups) : read(model);
    const now = { generation: model.generation, mark, groups };
    this.#known = now;
    groups.catch(() => {
      if (this.#known === now) this.#known = undefined;
    });
    return groups;
  }
}

async function read(model: ViewModel): Promise<Groups> {
  return new Groups(await groupDocsOf(model));
}
