import { Worker } from "node:worker_threads";
import { OutcomeUnknown } from "../event-store.ts";
import type { AppendBatch, Outcomes } from "./append-batch.ts";
import type { Committer } from "./writer.ts";

/** Of batches under way, which are bounded; SQLite's cache is not among it. */
const heapMbMax = 512;

/** What the thread answers: of each batch that it has committed together its outcomes, or why nothing of them is written. */
export type Answer = { batches: number; outcomes: Outcomes[] } | { batches: number; failure: string };

interface Waiting {
  resolve: (outcomes: Outcomes) => void;
  reject: (error: unknown) => void;
}

/**
 * Writes in a thread of its own: while that waits for the disk, the one that decides goes on, and what it sends
 * meanwhile shares the next flush.
 */
export class WritingThread implements Committer {
  private readonly file: string;
  private thread: Worker | undefined;
  private readonly waiting: Waiting[] = [];

  constructor(file: string) {
    this.file = file;
    this.thread = this.start();
  }

  commit(batch: AppendBatch): Promise<Outcomes> {
    this.thread ??= this.start();
    this.thread.postMessage(batch);
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
    });
  }

  async close(): Promise<void> {
    const { thread } = this;
    if (!thread) return;
    await new Promise((resolve) => {
      thread.once("exit", resolve);
      thread.postMessage("close");
    });
  }

  private start(): Worker {
    const thread = new Worker(new URL("./writing-worker.ts", import.meta.url), {
      workerData: this.file,
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
    });
    let reason: unknown = "it ended";
    thread.on("message", (answer: Answer) => this.settle(answer));
    thread.on("error", (error) => {
      reason = error;
    });
    // The next batch starts another one.
    thread.on("exit", () => {
      this.thread = undefined;
      const unknown = new OutcomeUnknown(`the thread that writes the log has died: ${String(reason)}`);
      for (const { reject } of this.waiting.splice(0)) reject(unknown);
    });
    return thread;
  }

  private settle(answer: Answer): void {
    for (const [index, { resolve, reject }] of this.waiting.splice(0, answer.batches).entries())
      if ("failure" in answer) reject(answer.failure);
      else resolve(answer.outcomes[index] as Outcomes);
  }
}
