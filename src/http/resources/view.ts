import type { z } from "zod";

/**
 * A view shows of a value what its schema names and nothing else, so that a new field reaches nobody until it is
 * named. It never fails: what is missing stays away, and what is not of the kind that the schema says is left out,
 * so that old data shows what can be shown of it. A schema is walked once, when its view is made; to show a product
 * then takes about as long as to write it as JSON.
 */
export type View<S extends z.ZodType> = (value: Seen<z.output<S>>) => z.output<S>;

/** What a view looks at: it changes nothing. */
export type Seen<T> = T extends readonly (infer E)[]
  ? readonly Seen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Seen<T[K]> }
    : T;

/** @returns undefined when nothing of the value is shown */
type Show = (value: unknown) => unknown;

const otherwise = new WeakMap<z.core.$ZodType, Show>();

/** @throws Error for a schema of a kind that no view can show */
export function viewOf<S extends z.ZodType>(schema: S): View<S> {
  return showOf(schema) as View<S>;
}

/** The view of a JSON text, as a JSON text. */
export function textView(schema: z.ZodType): (json: string) => string {
  const show = showOf(schema);
  return (json) => JSON.stringify(show(JSON.parse(json)));
}

/**
 * A field that is shown otherwise than it is kept; `schema` describes what is shown, and what is shown of what `show`
 * makes. To be used last: what is made of the result (`meta`, `describe`) is another schema.
 * @param kept describes what `show` is told
 */
export function shownAs<S extends z.ZodType, K extends z.ZodType = S>(
  schema: S,
  show: (value: z.output<K>) => Seen<z.output<S>>,
  kept: K | S = schema,
): S {
  const seenOf = showOf(kept);
  const shownOf = showOf(schema);
  otherwise.set(schema, (value) => {
    const seen = seenOf(value);
    return seen === undefined ? undefined : shownOf(show(seen as z.output<K>));
  });
  return schema;
}

const unshowable: Show = () => undefined;
const ofKind =
  (kind: "string" | "boolean"): Show =>
  (value) =>
    typeof value === kind ? value : undefined;
const finite: Show = (value) => (Number.isFinite(value) ? value : undefined);

function showOf(schema: z.core.$ZodType): Show {
  const known = otherwise.get(schema);
  if (known) return known;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "object":
      // What a view shows and what its schema describes are the same: nothing beside what is named.
      if (def.catchall?._zod.def.type !== "never") throw new Error("a view is of strict objects only");
      return objectOf(def.shape);
    case "array":
      return arrayOf(showOf(def.element));
    case "record":
      return recordOf(showOf(def.valueType));
    case "optional":
      return showOf(def.innerType);
    case "nullable": {
      const show = showOf(def.innerType);
      return (value) => (value === null ? null : show(value));
    }
    case "string":
    case "boolean":
      return ofKind(def.type);
    case "number":
      return finite;
    case "enum":
      return oneOf(Object.values(def.entries));
    case "literal":
      return oneOf(def.values);
    case "never":
      return unshowable;
    default:
      throw new Error(`no view can show what is of the kind ${def.type}`);
  }
}

function oneOf(values: readonly unknown[]): Show {
  const all = new Set(values);
  return (value) => (all.has(value) ? value : undefined);
}

function objectOf(shape: z.core.$ZodShape): Show {
  const fields = Object.entries(shape).map(([name, schema]) => ({ name, show: showOf(schema) }));
  return (value) => {
    if (typeof value !== "object" || value === null) return undefined;
    const seen = value as Record<string, unknown>;
    const shown: Record<string, unknown> = {};
    for (const { name, show } of fields) {
      const field = seen[name];
      if (field === undefined) continue;
      const part = show(field);
      if (part !== undefined) shown[name] = part;
    }
    return shown;
  };
}

function arrayOf(show: Show): Show {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const shown: unknown[] = [];
    for (const each of value) {
      const part = show(each);
      if (part !== undefined) shown.push(part);
    }
    return shown;
  };
}

/** Names are the shop's own, so that `__proto__` is one as well. */
function recordOf(show: Show): Show {
  return (value) => {
    if (typeof value !== "object" || value === null) return undefined;
    const parts = Object.entries(value).map(([name, each]) => [name, show(each)] as const);
    return Object.fromEntries(parts.filter(([, part]) => part !== undefined));
  };
}
