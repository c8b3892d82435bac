import type { Reporter, TestModule } from "vitest/node";

/** The last line says what came of each drill. */
export class DrillReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const results = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => `${test.name}: ${test.result().state}`),
    );
    // After the summary of the reporter that runs beside this one.
    process.once("exit", () => process.stdout.write(`Drills: ${results.join("; ") || "none"}\n`));
  }
}
