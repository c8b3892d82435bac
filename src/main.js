import { enableCompileCache } from "node:module";
import { join } from "node:path";

// A third of a start is compiling: the next one finds what it came to, where only who installs the program may write.
// It has to be on before the program is loaded, and threads look for it in the environment. The only file that is no
// TypeScript: before the cache is on, its types would be stripped by a compiler that is loaded for it alone, and stays.
const { directory } = enableCompileCache(join(import.meta.dirname, "../node_modules/.cache/cartwright"));
if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= directory;
const { startOrTell } = await import("./cli/serve.ts");
await startOrTell();
