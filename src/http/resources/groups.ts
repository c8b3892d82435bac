import { z } from "zod";
import { listOf } from "./lists.ts";
import { viewOf } from "./view.ts";

const place = {
  id: z.string(),
  name: z.string(),
  /** Of the one that it is below. */
  parentId: z.string().optional(),
  /** From 1. */
  level: z.int(),
  /** The names from the outermost category on, with slashes between them. */
  path: z.string(),
};

const category = z
  .strictObject({
    ...place,
    /** Published products in it. */
    productCount: z.int(),
    /** And in it or below. */
    productCountBelow: z.int(),
  })
  .meta({ id: "Category" });

const brand = z
  .strictObject({ id: z.string(), name: z.string(), productCount: z.int() })
  .meta({ id: "Brand" });

/** What a command on a category answers. */
export const categorySummary = z
  .strictObject({ ...place, retired: z.boolean() })
  .meta({ id: "CategorySummary" });

/** What a command on a brand answers. */
export const brandSummary = z
  .strictObject({ id: z.string(), name: z.string(), retired: z.boolean() })
  .meta({ id: "BrandSummary" });

export const categoryAnswer = category;
export const categoriesAnswer = listOf(category).meta({ id: "Categories" });
export const brandAnswer = brand;
export const brandsAnswer = listOf(brand).meta({ id: "Brands" });

export const categoryOf = viewOf(category);
export const brandOf = viewOf(brand);
export const categorySummaryOf = viewOf(categorySummary);
export const brandSummaryOf = viewOf(brandSummary);
