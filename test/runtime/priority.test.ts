import { once } from "node:events";
import { getPriority } from "node:os";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";

/** A thread starts, and other tests are running. */
const timeout = 60_000;
const file = new URL("../../src/runtime/threads/priority.ts", import.meta.url);

test.runIf(process.platform === "linux")(
  "a thread that stands back leaves the others where they are",
  async () => {
    const before = getPriority();
    const source = `
      const { parentPort } = require("node:worker_threads");
      import(${JSON.stringify(file.href)}).then(({ standBack }) => {
        standBack();
        parentPort.postMessage(require("node:os").getPriority());
      });`;
    const thread = new Worker(source, { eval: true });
    expect(await once(thread, "message")).toEqual([before + 5]);
    expect(getPriority()).toBe(before);
    await thread.terminate();
  },
  timeout,
);
