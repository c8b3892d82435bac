import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { logFileIn } from "./format.ts";

const checkpointEveryMs = 500;
const checkpointedWalBytesMin = 8 * 1024 * 1024;

export interface LogCheckpointer {
  /** Moves what the write-ahead log holds into the file, if it is worth it; the writer goes on meanwhile. */
  run(): void;
  close(): void;
}

/**
 * For a thread beside the writer: what it moves into the file, the writer does not have to. The writer's own
 * automatic checkpoint stays as the backstop, and then finds little to do.
 */
export function openLogCheckpointer(directory: string): LogCheckpointer {
  const file = logFileIn(directory);
  const db = new DatabaseSync(file, { timeout: 0 });
  let lastRunAt = 0;
  return {
    run() {
      const now = Date.now();
      if (now - lastRunAt < checkpointEveryMs) return;
      lastRunAt = now;
      const { size } = statSync(`${file}-wal`, { throwIfNoEntry: false }) ?? { size: 0 };
      if (size >= checkpointedWalBytesMin) db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    },
    close: () => db.close(),
  };
}
