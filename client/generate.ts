import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Document, typesOf } from "./types.ts";

// Usage: node client/generate.ts URL: the types of the API that a running server describes.
const [url = "http://127.0.0.1:3000"] = process.argv.slice(2);
try {
  const response = await fetch(`${url}/openapi.json`);
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  await writeFile(join(import.meta.dirname, "api.d.ts"), typesOf((await response.json()) as Document));
} catch (error) {
  process.stderr.write(
    `${url}/openapi.json cannot be read: ${(error as Error).message}. Is the server running?\n`,
  );
  process.exitCode = 1;
}
