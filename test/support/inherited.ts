import { fileURLToPath } from "node:url";

const compiled = fileURLToPath(new URL("../../node_modules/.cache/node-compile-cache", import.meta.url));

/**
 * Of the test run's own environment only what a program needs to run: no setting of the shop. What Node has compiled
 * is kept between the processes, of which the tests start hundreds.
 */
export function inherited(): Record<string, string> {
  const { PATH = "", HOME = "", TMPDIR = "" } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE: compiled, ...(TMPDIR && { TMPDIR }) };
}
