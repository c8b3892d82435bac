import { DatabaseSync } from "node:sqlite";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { AppendBatch } from "./append-batch.ts";
import { BatchWriter } from "./batch-writer.ts";
import { guardedPragmas, writerCacheKiB } from "./format.ts";
import { prepareStatements } from "./statements.ts";
import type { Answer } from "./writing-thread.ts";

/** Appends of one transaction, about: what waits beyond has the next one. */
const batchesMax = 64;

if (!parentPort) throw new Error("this file is the start of a worker thread");
const port = parentPort;

let writer: { db: DatabaseSync; batches: BatchWriter } | undefined;

function open(): BatchWriter {
  if (writer) return writer.batches;
  const db = new DatabaseSync(workerData as string, { timeout: 5_000 });
  db.exec(`PRAGMA cache_size = -${writerCacheKiB}; ${guardedPragmas}`);
  writer = { db, batches: new BatchWriter(db, prepareStatements(db)) };
  return writer.batches;
}

function commit(batches: readonly AppendBatch[]): Answer {
  try {
    return { batches: batches.length, outcomes: open().write(batches) };
  } catch (error) {
    return { batches: batches.length, failure: String(error) };
  }
}

port.on("message", (first: AppendBatch | "close") => {
  const batches: AppendBatch[] = [];
  for (let next: AppendBatch | "close" | undefined = first; next !== undefined; ) {
    if (next === "close") {
      if (batches.length > 0) port.postMessage(commit(batches));
      writer?.db.close();
      port.close();
      return;
    }
    batches.push(next);
    next = batches.length < batchesMax ? receiveMessageOnPort(port)?.message : undefined;
  }
  port.postMessage(commit(batches));
});
