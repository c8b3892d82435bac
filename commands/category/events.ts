import { z } from "zod";
import { event } from "../../src/engine/decider.ts";

const nameCharactersMax = 255;
const idSchema = z.string().min(1).max(64);

/** Counted in code points. A slash parts the names of a path, and so does `>`. */
export const groupNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(2 * nameCharactersMax)
  .refine((name) => [...name].length <= nameCharactersMax, `at most ${nameCharactersMax} characters`);
export const categoryNameSchema = groupNameSchema.refine(
  (name) => !/[/>]/.test(name),
  "without a slash or `>`, which part the names of a path",
);

export const categoryEvents = {
  /** `knownAs` is its path at that time: by it, products of older versions name it, whatever it is called later. */
  CategoryCreated: event(
    z.strictObject({
      categoryId: idSchema,
      name: z.string(),
      parentId: idSchema.optional(),
      knownAs: z.string(),
    }),
  ),
  CategoryRenamed: event(z.strictObject({ categoryId: idSchema, name: z.string() })),
  /** Null: it has no parent any more. */
  CategoryMoved: event(z.strictObject({ categoryId: idSchema, parentId: idSchema.nullable() })),
  CategoryRetired: event(z.strictObject({ categoryId: idSchema })),
};
