/** As far as the description of this API uses it. */
interface Schema {
  $ref?: string;
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  allOf?: readonly Schema[];
  type?: string | readonly string[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
  description?: string;
}

interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  schema: Schema;
}

interface Operation {
  summary?: string;
  parameters?: readonly Parameter[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const methods = ["get", "post", "put", "patch", "delete"];

/** TypeScript's types of an OpenAPI document: what operations take and answer, and the components by name. */
export function typesOf({ paths, components }: Document): string {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    methods
      .filter((method) => item[method])
      .map((method) => operation(method, path, item[method] as Operation)),
  );
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `  ${name}: ${typeOf(schema, "  ")};`,
  );
  return [
    "// Made from the server's OpenAPI document by client/generate.ts: not to be changed by hand.",
    "export interface Operations {",
    ...operations,
    "}",
    "",
    "export interface Schemas {",
    ...schemas,
    "}",
    "",
  ].join("\n");
}

function operation(method: string, path: string, of: Operation): string {
  const { summary, parameters = [], requestBody, responses } = of;
  const ofKind = (kind: string) => parameters.filter((parameter) => parameter.in === kind);
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  const optional = requestBody?.required === false ? " | undefined" : "";
  const answers = Object.entries(responses)
    .filter(([status]) => status.startsWith("2"))
    .flatMap(([, { content = {} }]) => {
      const { schema } = content["application/json"] ?? Object.values(content)[0] ?? {};
      return schema ? typeOf(schema, "    ") : [];
    });
  const answer = [...new Set(answers)].join(" | ") || "undefined";
  return [
    ...(summary ? [`  /** ${summary} */`] : []),
    `  "${method.toUpperCase()} ${path}": {`,
    `    path: ${parametersOf(ofKind("path"))};`,
    `    query: ${parametersOf(ofKind("query"))};`,
    `    body: ${body ? typeOf(withoutNull(body), "    ") + optional : "never"};`,
    `    answer: ${answer};`,
    "  };",
  ].join("\n");
}

function parametersOf(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return "never";
  const fields = parameters.map(({ name, in: place, required, schema }) => {
    const type = typeOf(place === "query" ? asSent(schema) : schema, "      ");
    return `      ${key(name)}${required ? "" : "?"}: ${type}${required ? "" : " | undefined"};`;
  });
  return `{\n${fields.join("\n")}\n    }`;
}

/** What a query says in digits may be given as a number, and true and false as they are. */
function asSent(schema: Schema): Schema {
  if (schema.type === "string" && !schema.enum) return { anyOf: [schema, { type: "number" }] };
  const isFlag = schema.enum?.every((value) => value === "true" || value === "false");
  return isFlag ? { anyOf: [schema, { type: "boolean" }] } : schema;
}

/** A body that may be left out is no null. */
function withoutNull(schema: Schema): Schema {
  const some = schema.anyOf?.filter(({ type }) => type !== "null");
  return some ? { ...schema, anyOf: some } : schema;
}

function typeOf(schema: Schema, indent: string): string {
  if (schema.$ref) return `Schemas["${schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1)}"]`;
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const some = schema.anyOf ?? schema.oneOf;
  if (some) return [...new Set(some.map((each) => typeOf(each, indent)))].join(" | ");
  if (schema.allOf) return schema.allOf.map((each) => typeOf(each, indent)).join(" & ");
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? []);
  return types.map((type) => plainType(type, schema, indent)).join(" | ") || "unknown";
}

function plainType(type: string, schema: Schema, indent: string): string {
  switch (type) {
    case "integer":
      return "number";
    case "array":
      return `(${typeOf(schema.items ?? {}, indent)})[]`;
    case "object":
      return objectType(schema, indent);
    default:
      return type;
  }
}

function objectType({ properties, required = [], additionalProperties }: Schema, indent: string): string {
  const isRecord = typeof additionalProperties === "object" && Object.keys(additionalProperties).length > 0;
  const more = isRecord ? `Record<string, ${typeOf(additionalProperties, indent)}>` : "";
  if (!properties) return more || "Record<string, unknown>";
  const inner = `${indent}  `;
  const fields = Object.entries(properties).flatMap(([name, schema]) => {
    const isRequired = required.includes(name);
    const type = typeOf(schema, inner) + (isRequired ? "" : " | undefined");
    const told = schema.description ? [`${inner}/** ${schema.description.replaceAll("*/", "* /")} */`] : [];
    return [...told, `${inner}${key(name)}${isRequired ? "" : "?"}: ${type};`];
  });
  return fields.length === 0 ? "Record<string, never>" : `{\n${fields.join("\n")}\n${indent}}`;
}

function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}
