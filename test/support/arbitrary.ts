import fc from "fast-check";
import type { z } from "zod";

const depthMax = 6;

/**
 * Values of the shape that a schema describes, whatever else it asks of them: a text may be any text. For what has to
 * hold of every value of a shape, without a hand-written generator for each.
 */
export function shapedLike(schema: z.core.$ZodType, depth = 0): fc.Arbitrary<unknown> {
  if (depth > depthMax) throw new Error("the schema is deeper than expected");
  const { def } = (schema as z.core.$ZodTypes)._zod;
  const inner = (each: z.core.$ZodType) => shapedLike(each, depth + 1);
  switch (def.type) {
    case "object":
      return objectOf(def.shape, depth);
    case "array":
      return fc.array(inner(def.element), { minLength: 1, maxLength: 3 });
    case "tuple":
      return fc.tuple(...def.items.map(inner));
    case "record":
      return fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), inner(def.valueType), { maxKeys: 2 });
    case "union":
      return fc.oneof(...def.options.map(inner));
    case "optional":
    case "default":
      return inner(def.innerType);
    case "nullable":
      return fc.oneof(fc.constant(null), inner(def.innerType));
    case "pipe":
      return inner(def.in);
    case "string":
      return fc.string({ minLength: 1, maxLength: 8 });
    case "boolean":
      return fc.boolean();
    case "number":
      return fc.integer({ min: 1, max: 1_000_000 });
    case "enum":
      return fc.constantFrom(...Object.values(def.entries));
    case "literal":
      return fc.constantFrom(...def.values);
    case "unknown":
      return fc.jsonValue({ maxDepth: 1 });
    default:
      throw new Error(`no values are made of the kind ${def.type}`);
  }
}

function objectOf(shape: z.core.$ZodShape, depth: number): fc.Arbitrary<unknown> {
  const entries = Object.entries(shape);
  const isOptional = (field: z.core.$ZodType) => (field as z.core.$ZodTypes)._zod.def.type === "optional";
  const requiredKeys = entries.filter(([, field]) => !isOptional(field)).map(([name]) => name);
  const fields = Object.fromEntries(entries.map(([name, field]) => [name, shapedLike(field, depth + 1)]));
  return fc.record(fields, { requiredKeys });
}
