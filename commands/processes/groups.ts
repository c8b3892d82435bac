import type { CommandContext, Engine } from "../../src/engine/write/engine.ts";
import { deriveId } from "../../src/values/ids.ts";
import { namesOfPath, pathOf } from "../../src/values/names.ts";
import { Problem } from "../../src/values/problem.ts";
import { brandNamed, brands, brandsId } from "../brand/brand.ts";
import { categories, categoryLevelsMax, idsOf, liveCategory, treeId } from "../category/category.ts";
import { type Categories, namesOf } from "../category/state.ts";

/** The category and brand of a product, as a request gives them: each by its id, or by its path or name. */
type Groups<Value> = Partial<Record<"category" | "categoryId" | "brand" | "brandId", Value | undefined>>;

/**
 * What a product keeps of its category and brand: the ids, which go on to mean them whatever they are called later, and
 * what they were called then. A path or name that is not there yet is created.
 * @returns only what is given; `null` clears both the id and the name
 * @throws Problem validation_failed; what the deciders refuse
 */
export async function placeIn<Value extends string | null>(
  engine: Engine,
  context: CommandContext,
  given: Groups<Value>,
): Promise<Groups<Value | string>> {
  return { ...(await category(engine, context, given)), ...(await brand(engine, context, given)) };
}

async function category<Value extends string | null>(
  engine: Engine,
  context: CommandContext,
  { category: path, categoryId }: Groups<Value>,
): Promise<Groups<Value | string>> {
  requireOne("category", path, categoryId);
  if (typeof categoryId === "string") {
    const named = (tree: Categories) =>
      tree.byId.get(categoryId)?.retired === false && namesOf(tree, categoryId);
    const names = await engine.read(categories, treeId, named, context.asOf);
    if (!names) throw unfit("categoryId", "there is no such category, or it is retired");
    return { categoryId, category: names.join("/") };
  }
  if (typeof path !== "string") return cleared(path ?? categoryId, "category");
  const id = await ensureCategory(engine, context, path);
  const names = await engine.read(categories, treeId, (tree) => namesOf(tree, id), context.asOf);
  return { categoryId: id, category: names?.join("/") };
}

/**
 * The category of a path; what is missing of it is created.
 * @throws Problem validation_failed for what is no path; illegal_transition when there are too many categories
 */
export async function ensureCategory(engine: Engine, context: CommandContext, path: string): Promise<string> {
  const names = namesOfPath(pathOf(path));
  if (names.length === 0 || names.length > categoryLevelsMax)
    throw unfit("category", `a path of 1 to ${categoryLevelsMax} names`);
  const look = (tree: Categories) => idsOf(tree, names);
  const there = await engine.read(categories, treeId, look, context.asOf);
  const last = there[names.length - 1];
  if (last !== undefined) return last;
  const ids = names.map((_, index) => deriveId(context.commandId, "category", index));
  const step = stepOf(context, "categories");
  const { result } = await engine.execute(categories, treeId, "Ensure", { names, ids }, step, look);
  const made = result[names.length - 1];
  if (made === undefined) throw new Error("a path is there once it was created");
  return made;
}

async function brand<Value extends string | null>(
  engine: Engine,
  context: CommandContext,
  { brand: name, brandId }: Groups<Value>,
): Promise<Groups<Value | string>> {
  requireOne("brand", name, brandId);
  if (typeof name === "string") {
    const id = await ensureBrand(engine, context, name);
    return { brandId: id, brand: await brandName(engine, context, id) };
  }
  if (typeof brandId !== "string") return cleared(name ?? brandId, "brand");
  const found = await brandName(engine, context, brandId);
  if (found === undefined) throw unfit("brandId", "there is no such brand, or it is retired");
  return { brandId, brand: found };
}

/** The brand of a name, which is created unless it is there. @throws Problem illegal_transition: too many */
export async function ensureBrand(engine: Engine, context: CommandContext, name: string): Promise<string> {
  const there = await engine.read(brands, brandsId, (state) => brandNamed(state, name), context.asOf);
  if (there !== undefined) return there;
  const brandId = deriveId(context.commandId, "brand");
  const { result } = await engine.execute(
    brands,
    brandsId,
    "Ensure",
    { brandId, name: name.trim() },
    stepOf(context, "brands"),
    (state) => brandNamed(state, name),
  );
  return result ?? brandId;
}

function brandName(engine: Engine, { asOf }: CommandContext, id: string): Promise<string | undefined> {
  return engine.read(
    brands,
    brandsId,
    ({ byId }) => {
      const found = byId.get(id);
      return found?.retired === false ? found.name : undefined;
    },
    asOf,
  );
}

/** The path that a category has by now, of a retired one that of what it was in; undefined where it is in none. */
export function categoryPath(engine: Engine, id: string, asOf: number): Promise<string | undefined> {
  return engine.read(
    categories,
    treeId,
    (tree) => {
      const live = liveCategory(tree, id);
      return live === undefined ? undefined : namesOf(tree, live)?.join("/");
    },
    asOf,
  );
}

/** @param value undefined where nothing is given, null to clear */
function cleared<Value>(value: Value | undefined, name: "category" | "brand"): Groups<Value> {
  return value === undefined ? {} : { [name]: value, [`${name}Id`]: value };
}

/** The request's condition, and where its key was taken, are about the product. */
function stepOf(context: CommandContext, name: string): CommandContext {
  const { expectedRevision: _, since: __, ...own } = context;
  return { ...own, commandId: deriveId(context.commandId, name), causationId: context.commandId };
}

function requireOne(field: string, name: unknown, id: unknown): void {
  if (name !== undefined && id !== undefined) throw unfit(field, `not together with ${field}Id`);
}

function unfit(path: string, message: string): Problem {
  return new Problem("validation_failed", `${path}: ${message}`, { errors: [{ path, message }] });
}
