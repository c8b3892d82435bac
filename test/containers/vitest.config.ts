import { defineConfig } from "vitest/config";

// biome-ignore lint/style/noDefaultExport: vitest asks for it
export default defineConfig({
  test: {
    include: ["test/containers/**/*.drills.ts"],
    reporters: ["verbose"],
    // One engine, two cores: one set of containers at a time, one drill after the other.
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 600_000,
    // What a drill leaves behind the next would blame on itself.
    bail: 1,
  },
});
