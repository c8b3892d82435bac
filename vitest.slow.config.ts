import { defineConfig } from "vitest/config";

// Whole programs from outside: a browser, Schemathesis, an import that is killed. Each takes as long as many others.
// biome-ignore lint/style/noDefaultExport: vitest asks for it
export default defineConfig({
  test: {
    include: ["test/**/*.slow.ts"],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
