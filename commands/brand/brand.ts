import { z } from "zod";
import { decider, type EventOf, event } from "../../src/engine/decider.ts";
import { foldedName } from "../../src/values/names.ts";
import { OrderedMap } from "../../src/values/ordered-map.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";

const idSchema = z.string().min(1).max(64);

export const brandEvents = {
  BrandCreated: event(z.strictObject({ brandId: idSchema, name: z.string() })),
  BrandRenamed: event(z.strictObject({ brandId: idSchema, name: z.string() })),
  BrandRetired: event(z.strictObject({ brandId: idSchema })),
};

export type BrandEvent = EventOf<typeof brandEvents>;

export interface Brand {
  readonly name: string;
  readonly retired: boolean;
}

export interface Brands {
  readonly byId: OrderedMap<Brand>;
  /** Of those that are not retired: folded name -> id. */
  readonly ids: OrderedMap<string>;
}

/** The stream of all brands. */
export const brandsId = "list";
/** Retired ones included, because products still name them. */
export const brandsMax = 10_000;

/**
 * The brands of a shop, on one stream as its categories are: each name once.
 *
 * Refusals: `not_found`, `already_exists` with the `brandId` that has the name, `illegal_transition` for one that is
 * retired and for more than there may be.
 */
export const brands = decider({
  category: "brand",
  events: brandEvents,
  initial: (): Brands => ({ byId: OrderedMap.of(), ids: OrderedMap.of() }),
  evolve: {
    BrandCreated: (state, { brandId, name }) => withBrand(state, brandId, { name, retired: false }),
    BrandRenamed: (state, { brandId, name }) => withBrand(state, brandId, { name, retired: false }),
    BrandRetired: (state, { brandId }) =>
      withBrand(state, brandId, { name: state.byId.get(brandId)?.name ?? "", retired: true }),
  },
  decide: {
    /** Its id comes from the command, so a brand that exists is this command done before. */
    Create: (state: Brands, command: { brandId: string; name: string }): BrandEvent[] =>
      state.byId.has(command.brandId) ? [] : created(state, command),

    /** Unless there is one of this name. */
    Ensure: (state: Brands, command: { brandId: string; name: string }): BrandEvent[] =>
      brandNamed(state, command.name) === undefined ? created(state, command) : [],

    Rename: (state: Brands, { brandId, name }: { brandId: string; name: string }): BrandEvent[] => {
      const { name: before, retired } = found(state, brandId);
      if (retired) throw illegalTransition("the brand is retired");
      if (name === before) return [];
      if (foldedName(name) !== foldedName(before)) requireFree(state, name);
      return [{ type: "BrandRenamed", data: { brandId, name } }];
    },

    Retire: (state: Brands, { brandId }: { brandId: string }): BrandEvent[] =>
      found(state, brandId).retired ? [] : [{ type: "BrandRetired", data: { brandId } }],
  },
  weigh: ({ byId }) => 1_000 + 500 * byId.size,
});

/** The brand that has this name, and is not retired. */
export function brandNamed({ ids }: Brands, name: string): string | undefined {
  return ids.get(foldedName(name));
}

function created(state: Brands, { brandId, name }: { brandId: string; name: string }): BrandEvent[] {
  requireFree(state, name);
  if (state.byId.size >= brandsMax)
    throw illegalTransition(`a shop has at most ${brandsMax} brands, retired ones included`);
  return [{ type: "BrandCreated", data: { brandId, name } }];
}

function withBrand({ byId, ids }: Brands, id: string, brand: Brand): Brands {
  const before = byId.get(id);
  const others = before && !before.retired ? ids.without(foldedName(before.name)) : ids;
  return {
    byId: byId.with(id, brand),
    ids: brand.retired ? others : others.with(foldedName(brand.name), id),
  };
}

function found({ byId }: Brands, id: string): Brand {
  const brand = byId.get(id);
  if (!brand) throw notFound("brand", id);
  return brand;
}

function requireFree(state: Brands, name: string): void {
  const brandId = brandNamed(state, name);
  if (brandId !== undefined)
    throw new Problem("already_exists", `another brand is named ${JSON.stringify(name)}`, { brandId });
}
