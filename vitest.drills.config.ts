import { defineConfig } from "vitest/config";
import { DrillReporter } from "./test/drills/reporter.ts";

/** Drills kill, cut and slow down what a shop of several processes stands on: one after the other, and not in haste. */
export default defineConfig({
  test: {
    include: ["test/drills/**/*.drill.ts"],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 180_000,
    reporters: ["default", new DrillReporter()],
  },
});
