import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative } from "node:path";
import { parseAst } from "vitest/node";

const root = join(import.meta.dirname, "../..");

/** Of the repository, with forward slashes. */
export function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.[jt]s$/.test(file))
    .map((file) => join(folder, file));
}

export function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** Of files of this repository, types included. */
export function importsOf(file: string): string[] {
  const found = textOf(file).matchAll(/^(?:import|export)\b[^;]*?\bfrom\s+"(\.[^"]+)"/gms);
  return [...found].map(([, path = ""]) => relative(root, join(root, dirname(file), path)));
}

export interface FunctionSize {
  /** File and name, which stay when lines move. */
  name: string;
  lines: number;
}

interface Node {
  type: string;
  start: number;
  end: number;
  [member: string]: unknown;
}

const functionTypes = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** Every function, method and accessor of a file. Tables are none: an object is only as long as its functions. */
export function functionsOf(file: string): FunctionSize[] {
  const text = textOf(file);
  // Types become blanks, so that lines stay where they are.
  const tree = parseAst(stripTypeScriptTypes(text)) as unknown as Node;
  const found: FunctionSize[] = [];
  visit(tree, "", (node, name) => {
    const lines = text.slice(node.start, node.end).split("\n").length;
    found.push({ name: `${file} ${name}`, lines });
  });
  return found;
}

function visit(node: Node, within: string, onFunction: (node: Node, name: string) => void): void {
  const name = nameOf(node) ?? within;
  if (functionTypes.has(node.type)) onFunction(node, name || "(anonymous)");
  for (const member of Object.values(node)) {
    for (const child of Array.isArray(member) ? member : [member])
      if (isNode(child)) visit(child, name, onFunction);
  }
}

function nameOf(node: Node): string | undefined {
  const named = node.id ?? (node.type === "Program" ? undefined : node.key);
  if (!isNode(named)) return undefined;
  return String(named.name ?? named.value);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** Each circle once, as the files along it. */
export function circlesOf(files: readonly string[], arrowsOf: (file: string) => readonly string[]): string[] {
  const circles = new Set<string>();
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) circles.add([...path.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    for (const next of arrowsOf(file)) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  return [...circles];
}
