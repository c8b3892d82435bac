import { z } from "zod";
import { decider, type EventOf, event } from "../../src/engine/decider.ts";

/** A digest of what a file said, by field. */
const said = z.record(z.string(), z.string());
type Said = Readonly<Record<string, string>>;

export const importedEvents = {
  /** What a file has said of a product that was not said so before, once all of it is on the log. */
  ProductImported: event(
    z.object({ importId: z.string(), fields: said, variants: z.record(z.string(), said) }),
  ),
};

/** What files have said last of a product, and of its variants by folded SKU. */
export interface Imported {
  readonly fields: Said;
  readonly variants: Readonly<Record<string, Said>>;
}

type Import = Imported & { importId: string };

/**
 * What imports have said of a product: so the same file again changes nothing, also where the shop has changed the product
 * meanwhile, and a changed file only what it says anew. One stream for each product, by its id.
 */
export const imported = decider({
  category: "imported",
  events: importedEvents,
  initial: (): Imported => ({ fields: {}, variants: {} }),
  evolve: {
    ProductImported: (state, { fields, variants }): Imported => ({
      fields: { ...state.fields, ...fields },
      variants: {
        ...state.variants,
        ...Object.fromEntries(
          Object.entries(variants).map(([sku, of]) => [sku, { ...state.variants[sku], ...of }]),
        ),
      },
    }),
  },
  decide: {
    Record: (state: Imported, { importId, ...given }: Import): EventOf<typeof importedEvents>[] => {
      const news = unsaid(state, given);
      const isNews = Object.keys(news.fields).length + Object.keys(news.variants).length > 0;
      return isNews ? [{ type: "ProductImported", data: { importId, ...news } }] : [];
    },
  },
  weigh: ({ fields, variants }) => 500 + 60 * Object.keys(fields).length + 600 * Object.keys(variants).length,
});

/** What is not said so already. */
export function unsaid(
  before: Imported,
  { fields, variants }: Imported,
): { fields: Record<string, string>; variants: Record<string, Record<string, string>> } {
  const changed = Object.entries(variants)
    .map(([sku, of]) => [sku, differing(before.variants[sku] ?? {}, of)] as const)
    .filter(([, of]) => Object.keys(of).length > 0);
  return { fields: differing(before.fields, fields), variants: Object.fromEntries(changed) };
}

function differing(before: Said, now: Said): Record<string, string> {
  return Object.fromEntries(Object.entries(now).filter(([field, digest]) => before[field] !== digest));
}
