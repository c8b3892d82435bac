import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { type DataOf, decider, type EventOf, event } from "../../src/engine/decider.ts";
import { type Money, priceSchema } from "../../src/values/money.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import {
  checked,
  type Image,
  type NewProduct,
  type NewVariant,
  newProductSchema,
  type PriceChange,
  type ProductChanges,
  priceChangeSchema,
  productChangesSchema,
  skuSchema,
  slugSchema,
  type Variant,
  type VariantChanges,
  variantChangesSchema,
  variantSchema,
  variantsMax,
  variantsSchema,
} from "./fields.ts";

export const productEvents = {
  ProductCreated: event(newProductSchema.extend({ slug: slugSchema })),
  /** Only what has changed; `null` where it was cleared. */
  ProductDescribed: event(productChangesSchema),
  PriceChanged: event(
    z.strictObject({
      sku: skuSchema,
      price: priceSchema,
      compareAtPrice: priceSchema.nullable(),
      previous: priceSchema,
    }),
  ),
  /** Of a retired SKU: the variant is back, as it is given here. */
  VariantAdded: event(z.strictObject({ variant: variantSchema })),
  VariantChanged: event(variantChangesSchema.extend({ sku: skuSchema })),
  VariantRetired: event(z.strictObject({ sku: skuSchema })),
  ProductPublished: event(z.strictObject({})),
  ProductArchived: event(z.strictObject({})),
};

export type ProductEvent = EventOf<typeof productEvents>;

export type ProductStatus = "draft" | "published" | "archived";

export interface ProductVariant extends Readonly<Variant> {
  readonly retired: boolean;
}

export interface ExistingProduct {
  exists: true;
  status: ProductStatus;
  slug: string;
  name: string;
  shortDescription: string | undefined;
  description: string | undefined;
  brand: string | undefined;
  brandId: string | undefined;
  /** Its path, as it was then; where there is an id, that says which category is meant. */
  category: string | undefined;
  categoryId: string | undefined;
  tags: readonly string[];
  images: readonly Image[];
  seo: Details["seo"] | undefined;
  specifications: Details["specifications"] | undefined;
  relatedProducts: readonly string[] | undefined;
  featured: boolean | undefined;
  /** Of a draft: when it is published by itself. */
  publishAt: string | undefined;
  /** By SKU, in the order they were added, with those that were retired. */
  variants: ReadonlyMap<string, ProductVariant>;
}

type Details = DataOf<typeof productEvents, "ProductCreated">;

export type ProductState = { exists: false } | ExistingProduct;

/** What a cart needs to know of a variant. The product's id is the stream's. */
export interface Offer {
  sku: string;
  slug: string;
  name: string;
  variantName: string | undefined;
  brand: string | undefined;
  category: string | undefined;
  categoryId: string | undefined;
  attributes: Readonly<Record<string, string>>;
  price: Money;
  compareAtPrice: Money | undefined;
  status: ProductStatus;
  /** The product is published and the variant not retired. */
  forSale: boolean;
}

/**
 * A product with its variants. Draft -> published -> archived -> published; a draft can be archived too.
 * Nothing but publishing is possible while it is archived (`illegal_transition`). Whether the slug and the
 * SKUs are free is not known here: claims are made first, see `create-product.ts`.
 *
 * Refusals: `validation_failed` with `errors`, `not_found`, `illegal_transition`, `already_exists` for a SKU
 * that another variant of the product has, `currency_mismatch`.
 */
export const product = decider({
  category: "product",
  events: productEvents,
  initial: (): ProductState => ({ exists: false }),
  evolve: {
    ProductCreated: (_, { variants, ...fields }): ProductState => ({
      exists: true,
      status: "draft",
      slug: fields.slug,
      name: fields.name,
      shortDescription: fields.shortDescription,
      description: fields.description,
      brand: fields.brand,
      brandId: fields.brandId,
      category: fields.category,
      categoryId: fields.categoryId,
      tags: fields.tags,
      images: fields.images,
      seo: fields.seo,
      specifications: fields.specifications,
      relatedProducts: fields.relatedProducts,
      featured: fields.featured,
      publishAt: fields.publishAt,
      variants: new Map(variants.map((variant) => [variant.sku, { ...variant, retired: false }])),
    }),
    ProductDescribed: (state, changes): ProductState => ({ ...existing(state), ...cleared(changes) }),
    PriceChanged: (state, { sku, price, compareAtPrice }) =>
      changeVariant(state, sku, { price, compareAtPrice: compareAtPrice ?? undefined }),
    VariantAdded: (state, { variant }): ProductState => {
      const current = existing(state);
      const added = { ...variant, retired: false };
      return { ...current, variants: new Map(current.variants).set(variant.sku, added) };
    },
    VariantChanged: (state, { sku, ...changes }) => changeVariant(state, sku, cleared(changes)),
    VariantRetired: (state, { sku }) => changeVariant(state, sku, { retired: true }),
    ProductPublished: (state): ProductState => ({
      ...existing(state),
      status: "published",
      publishAt: undefined,
    }),
    ProductArchived: (state): ProductState => ({
      ...existing(state),
      status: "archived",
      publishAt: undefined,
    }),
  },
  decide: {
    /** Its id comes from the command, so a product that exists is this command done before. */
    Create: (state: ProductState, command: NewProduct & { slug: string }): ProductEvent[] => {
      if (state.exists) return [];
      const fields = checked(newProductSchema.extend({ slug: slugSchema }), command);
      const { tags, images } = fields;
      return [
        {
          type: "ProductCreated",
          data: { ...fields, tags: withoutRepeats(tags), images: withOnePrimary(images) },
        },
      ];
    },

    Describe: (state: ProductState, command: ProductChanges): ProductEvent[] => {
      const current = editable(state);
      const changes = checked(productChangesSchema, command);
      if (changes.tags) changes.tags = withoutRepeats(changes.tags);
      if (changes.images) changes.images = withOnePrimary(changes.images);
      if (changes.publishAt && current.status === "published")
        throw illegalTransition("a published product waits for no publication");
      const data: DataOf<typeof productEvents, "ProductDescribed"> = differing(changes, current);
      return Object.keys(data).length === 0 ? [] : [{ type: "ProductDescribed", data }];
    },

    Reprice: (state: ProductState, { sku, ...command }: PriceChange & { sku: string }): ProductEvent[] => {
      const current = editable(state);
      const variant = liveVariant(current, sku);
      const { price, compareAtPrice = null } = checked(priceChangeSchema, command);
      const before = [variant.price, variant.compareAtPrice ?? null];
      if (isDeepStrictEqual(before, [price, compareAtPrice])) return [];
      assertOneCurrency(current, [{ sku, price }]);
      return [{ type: "PriceChanged", data: { sku, price, compareAtPrice, previous: variant.price } }];
    },

    /** All or none. A SKU that was retired comes back. */
    AddVariants: (state: ProductState, command: { variants: readonly NewVariant[] }): ProductEvent[] => {
      const current = editable(state);
      const { variants } = checked(z.strictObject({ variants: variantsSchema.min(1) }), {
        variants: [...command.variants],
      });
      const added = variants.filter((variant) => !hasVariant(current, variant));
      if (added.length === 0) return [];
      assertOneCurrency(current, added);
      const count = new Set([...current.variants.keys(), ...added.map(({ sku }) => sku)]).size;
      if (count > variantsMax)
        throw new Problem(
          "validation_failed",
          `a product has at most ${variantsMax} variants, retired ones included`,
        );
      return added.map((variant) => ({ type: "VariantAdded", data: { variant } }));
    },

    ChangeVariant: (
      state: ProductState,
      { sku, ...command }: VariantChanges & { sku: string },
    ): ProductEvent[] => {
      const variant = liveVariant(editable(state), sku);
      const data = differing(checked(variantChangesSchema, command), variant);
      return Object.keys(data).length === 0 ? [] : [{ type: "VariantChanged", data: { sku, ...data } }];
    },

    RetireVariant: (state: ProductState, { sku }: { sku: string }): ProductEvent[] => {
      const current = editable(state);
      if (anyVariant(current, sku).retired) return [];
      // A published product keeps at least the one variant that publishing asked for.
      if (current.status === "published" && liveVariants(current).length === 1)
        throw illegalTransition("this is the last variant of a published product; archive the product");
      return [{ type: "VariantRetired", data: { sku } }];
    },

    Publish: (state: ProductState, _command: Record<never, never>): ProductEvent[] => published(found(state)),

    /** When the time has come that it was to be published at; before, and without one, nothing. */
    PublishDue: (state: ProductState, _command: Record<never, never>, { now }): ProductEvent[] => {
      const isDue = state.exists && state.publishAt !== undefined && Date.parse(state.publishAt) <= now;
      return isDue ? published(state) : [];
    },

    Archive: (state: ProductState, _command: Record<never, never>): ProductEvent[] =>
      found(state).status === "archived" ? [] : [{ type: "ProductArchived", data: {} }],
  },
  weigh: (state) => {
    if (!state.exists) return 0;
    const text = state.name.length + (state.description?.length ?? 0);
    const listed = 200 * (state.images.length + (state.specifications?.length ?? 0));
    return 1_000 + 2 * text + listed + 800 * state.variants.size;
  },
});

/** What the product offers under this SKU; `undefined` when it has no such variant. */
export function offerOf(state: ProductState, sku: string): Offer | undefined {
  const variant = state.exists ? state.variants.get(sku) : undefined;
  if (!state.exists || !variant) return undefined;
  const { slug, name, brand, category, categoryId } = state;
  return {
    sku,
    slug,
    name,
    variantName: variant.name,
    brand,
    category,
    categoryId,
    attributes: variant.attributes,
    price: variant.price,
    compareAtPrice: variant.compareAtPrice,
    status: state.status,
    forSale: state.status === "published" && !variant.retired,
  };
}

function existing(state: ProductState): ExistingProduct {
  if (!state.exists) throw new Error("a product's first event is ProductCreated");
  return state;
}

function changeVariant(state: ProductState, sku: string, change: Partial<ProductVariant>): ExistingProduct {
  const current = existing(state);
  const variant = current.variants.get(sku);
  if (!variant) throw new Error(`the product has no variant ${sku}`);
  return { ...current, variants: new Map(current.variants).set(sku, { ...variant, ...change }) };
}

function found(state: ProductState): ExistingProduct {
  if (!state.exists) throw new Problem("not_found", "there is no such product");
  return state;
}

function editable(state: ProductState): ExistingProduct {
  const current = found(state);
  if (current.status === "archived") throw illegalTransition("an archived product cannot be changed");
  return current;
}

function published(current: ExistingProduct): ProductEvent[] {
  if (current.status === "published") return [];
  if (liveVariants(current).length === 0)
    throw illegalTransition("a product needs at least one variant to be published");
  return [{ type: "ProductPublished", data: {} }];
}

/** As a state has it: `null` clears. */
function cleared<T extends object>(changes: object): Partial<T> {
  const values = Object.entries(changes).map(([field, value]) => [field, value ?? undefined]);
  return Object.fromEntries(values) as Partial<T>;
}

/** What is given and not so already. */
function differing<T extends object>(changes: T, current: object): Partial<T> {
  const isOther = ([field, value]: [string, unknown]) =>
    value !== undefined && !isDeepStrictEqual(value ?? undefined, current[field as keyof typeof current]);
  return Object.fromEntries(Object.entries(changes).filter(isOther)) as Partial<T>;
}

function anyVariant(current: ExistingProduct, sku: string): ProductVariant {
  const variant = current.variants.get(sku);
  if (!variant) throw notFound("variant", sku);
  return variant;
}

function liveVariant(current: ExistingProduct, sku: string): ProductVariant {
  const variant = anyVariant(current, sku);
  if (variant.retired) throw illegalTransition(`the variant ${JSON.stringify(sku)} is retired`);
  return variant;
}

function liveVariants(current: ExistingProduct): ProductVariant[] {
  return [...current.variants.values()].filter(({ retired }) => !retired);
}

/** @throws Problem already_exists when the product has another variant of this SKU */
function hasVariant(current: ExistingProduct, variant: Variant): boolean {
  const { sku } = variant;
  const before = current.variants.get(sku);
  if (!before || before.retired) return false;
  const fields = ["name", "price", "compareAtPrice", "attributes", "barcode", "weightGrams"] as const;
  if (fields.every((field) => isDeepStrictEqual(before[field], variant[field]))) return true;
  throw new Problem("already_exists", `the product has a variant ${JSON.stringify(sku)}`, { sku });
}

/** The variants that stay as they are decide the currency; without any, it is free to change. */
function assertOneCurrency(
  current: ExistingProduct,
  changed: readonly { sku: string; price: Money }[],
): void {
  const skus = new Set(changed.map(({ sku }) => sku));
  const staying = liveVariants(current).find(({ sku }) => !skus.has(sku));
  const currency = changed[0]?.price.currency;
  if (staying && currency !== staying.price.currency)
    throw new Problem(
      "currency_mismatch",
      `the product's prices are in ${staying.price.currency}, not in ${currency}`,
    );
}

/** Upper and lower case are one tag; the first way of writing stays. */
function withoutRepeats(tags: readonly string[]): string[] {
  const byKey = new Map<string, string>();
  for (const tag of tags) if (!byKey.has(tag.toLowerCase())) byKey.set(tag.toLowerCase(), tag);
  return [...byKey.values()];
}

function withOnePrimary(images: readonly Image[]): Image[] {
  const marked = images.findIndex(({ primary }) => primary);
  return images.map((image, index) => ({ ...image, primary: index === Math.max(marked, 0) }));
}
