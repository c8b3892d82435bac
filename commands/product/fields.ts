import { z } from "zod";
import { type Money, priceSchema } from "../../src/values/money.ts";
import { type FieldError, Problem } from "../../src/values/problem.ts";
import { slugCharactersMax } from "./slug.ts";

const nameCharactersMax = 255;
const descriptionCharactersMax = 20_000;
const groupNameCharactersMax = 255;
const tagsMax = 50;
const tagCharactersMax = 50;
const imagesMax = 20;
const urlCharactersMax = 2_048;
const attributesMax = 50;
const attributeNameCharactersMax = 64;
const attributeValueCharactersMax = 500;
const specificationsMax = 100;
const relatedProductsMax = 50;
const productIdCharactersMax = 100;
const barcodeCharactersMax = 64;
/** A hundred tonnes. */
const weightGramsMax = 100_000_000;
/** Live and retired variants together, because a retired one stays in the state for old orders. */
export const variantsMax = 200;
/** All variants of one command: they go out in one append, and EventStoreDB takes 1 MiB at once. */
const variantsBytesMax = 768 * 1024;

/** Characters are code points, so an emoji counts once; half a surrogate pair is none. */
export const skuSchema = z
  .string()
  .regex(/^[^\p{Cc}\p{Cs}]{1,64}$/u, "a SKU is 1 to 64 characters without control characters");

export const slugSchema = z
  .string()
  .max(slugCharactersMax)
  .regex(
    /^[\p{Ll}\p{Lo}\p{Lm}\p{N}\p{M}]+(-[\p{Ll}\p{Lo}\p{Lm}\p{N}\p{M}]+)*$/u,
    "a slug is lower-case letters and digits with single dashes",
  );

/** Counted in code points: 茶碗 is a name of two characters. */
const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(2 * nameCharactersMax)
  .refine((name) => [...name].length <= nameCharactersMax, `at most ${nameCharactersMax} characters`);
const shortDescriptionSchema = z.string().max(500);
const descriptionSchema = z.string().max(descriptionCharactersMax);
const groupNameSchema = z.string().trim().min(1).max(groupNameCharactersMax);
const groupIdSchema = z.string().min(1).max(64);
const tagsSchema = z.array(z.string().trim().min(1).max(tagCharactersMax)).max(tagsMax);
const variantNameSchema = z.string().trim().min(1).max(255);

// Shops show these addresses as they are: a script: or data: address must not get in.
const imageUrlSchema = z
  .string()
  .max(urlCharactersMax)
  .refine((url) => /^\/(?![/\\])/.test(url) || (/^https?:\/\//i.test(url) && URL.canParse(url)), {
    error: "an image is an http(s) URL or a path that begins with a slash",
  });

export const imageSchema = z.strictObject({
  url: imageUrlSchema,
  alt: z.string().max(500).optional(),
  primary: z.boolean().default(false),
});

/** An address alone is an image too. */
const imagesSchema = z
  .array(z.union([imageUrlSchema.transform((url): Image => ({ url, primary: false })), imageSchema]))
  .max(imagesMax)
  .refine((images) => images.filter(({ primary }) => primary).length <= 1, {
    error: "only one image can be the primary one",
  });

const attributesSchema = z
  .record(z.string().min(1).max(attributeNameCharactersMax), z.string().max(attributeValueCharactersMax))
  .refine((attributes) => Object.keys(attributes).length <= attributesMax, {
    error: `at most ${attributesMax} attributes`,
  });

/** What search engines are shown instead of the name and the short description. */
const seoSchema = z.strictObject({
  title: z.string().trim().min(1).max(nameCharactersMax).optional(),
  description: z.string().trim().min(1).max(500).optional(),
});

/** In the order in which they are shown; a name may stand more than once. */
const specificationsSchema = z
  .array(
    z.strictObject({
      name: z.string().trim().min(1).max(attributeNameCharactersMax),
      value: z.string().trim().min(1).max(attributeValueCharactersMax),
    }),
  )
  .max(specificationsMax);

/** Ids or slugs; whether there are such products is seen when they are shown. */
const relatedProductsSchema = z
  .array(z.string().min(1).max(productIdCharactersMax))
  .max(relatedProductsMax)
  .refine((ids) => new Set(ids).size === ids.length, { error: "each product once" });

const publishAtSchema = z.iso.datetime({ offset: true }).transform((time) => new Date(time).toISOString());

const barcodeSchema = z
  .string()
  .trim()
  .regex(/^[\x20-\x7e]+$/, "a barcode is letters, digits and signs of ASCII")
  .max(barcodeCharactersMax);
const weightGramsSchema = z.int().min(0).max(weightGramsMax);

const saleBelowRegular = {
  path: ["compareAtPrice"],
  error: "the price to compare with is above the price, in the same currency",
};

export const variantSchema = z
  .strictObject({
    sku: skuSchema,
    name: variantNameSchema.optional(),
    price: priceSchema,
    compareAtPrice: priceSchema.optional(),
    attributes: attributesSchema.default({}),
    barcode: barcodeSchema.optional(),
    weightGrams: weightGramsSchema.optional(),
  })
  .refine(isSaleBelowRegular, saleBelowRegular);

/** Each its own SKU, and all of one currency. */
export const variantsSchema = z
  .array(variantSchema)
  .max(variantsMax)
  .check(({ value: variants, issues }) => {
    const refuse = (path: (string | number)[], message: string) =>
      issues.push({ code: "custom", input: variants, path, message, continue: true });
    const skus = new Set<string>();
    for (const [index, { sku, price }] of variants.entries()) {
      if (skus.has(sku)) refuse([index, "sku"], "each variant has its own SKU");
      skus.add(sku);
      if (price.currency !== variants[0]?.price.currency)
        refuse([index, "price", "currency"], "all variants have one currency");
    }
    if (new TextEncoder().encode(JSON.stringify(variants)).length > variantsBytesMax)
      refuse([], `the variants are more than ${variantsBytesMax} bytes together`);
  });

/** The name of a brand and the path of a category, or their ids. An event has both, as they were then. */
const groupsSchema = {
  brand: groupNameSchema.optional(),
  brandId: groupIdSchema.optional(),
  category: groupNameSchema.optional(),
  categoryId: groupIdSchema.optional(),
};

/** What a product is created with. Without a slug one is made from the name. */
export const newProductSchema = z.strictObject({
  name: nameSchema,
  slug: slugSchema.optional(),
  shortDescription: shortDescriptionSchema.optional(),
  description: descriptionSchema.optional(),
  ...groupsSchema,
  tags: tagsSchema.default([]),
  images: imagesSchema.default([]),
  seo: seoSchema.optional(),
  specifications: specificationsSchema.optional(),
  relatedProducts: relatedProductsSchema.optional(),
  featured: z.boolean().optional(),
  /** A draft is published by itself then. */
  publishAt: publishAtSchema.optional(),
  variants: variantsSchema,
});

/** What can be changed of a product: what is left out stays, `null` clears. */
export const productChangesSchema = z.strictObject({
  name: nameSchema.optional(),
  slug: slugSchema.optional(),
  shortDescription: shortDescriptionSchema.nullish(),
  description: descriptionSchema.nullish(),
  brand: groupsSchema.brand.nullable(),
  brandId: groupsSchema.brandId.nullable(),
  category: groupsSchema.category.nullable(),
  categoryId: groupsSchema.categoryId.nullable(),
  tags: tagsSchema.optional(),
  images: imagesSchema.optional(),
  seo: seoSchema.nullish(),
  specifications: specificationsSchema.nullish(),
  relatedProducts: relatedProductsSchema.nullish(),
  featured: z.boolean().optional(),
  publishAt: publishAtSchema.nullish(),
});

/** A new price; without `compareAtPrice` the variant has none any more. */
export const priceChangeSchema = z
  .strictObject({ price: priceSchema, compareAtPrice: priceSchema.nullish() })
  .refine(isSaleBelowRegular, saleBelowRegular);

/** What can be changed of a variant: what is left out stays, attributes are replaced as a whole. */
export const variantChangesSchema = z.strictObject({
  name: variantNameSchema.nullish(),
  attributes: attributesSchema.optional(),
  barcode: barcodeSchema.nullish(),
  weightGrams: weightGramsSchema.nullish(),
});

export type Variant = z.output<typeof variantSchema>;
export type Image = z.output<typeof imageSchema>;
export type NewVariant = z.input<typeof variantSchema>;
export type NewProduct = z.input<typeof newProductSchema>;
export type ProductChanges = z.input<typeof productChangesSchema>;
export type PriceChange = z.input<typeof priceChangeSchema>;
export type VariantChanges = z.input<typeof variantChangesSchema>;

/** The value as the schema gives it back. @throws Problem validation_failed with all `errors` */
export function checked<S extends z.ZodType>(schema: S, value: z.input<S>): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors: FieldError[] = result.error.issues.map(({ path, message }) => ({
    path: path.join("."),
    message,
  }));
  const detail = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; ");
  throw new Problem("validation_failed", detail, { errors });
}

function isSaleBelowRegular(sale: { price: Money; compareAtPrice?: Money | null | undefined }): boolean {
  const { price, compareAtPrice } = sale;
  if (!compareAtPrice) return true;
  return compareAtPrice.currency === price.currency && compareAtPrice.amount > price.amount;
}
