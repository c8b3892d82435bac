import { parentPort, workerData } from "node:worker_threads";
import { runCheckouts } from "./checkout-load.ts";

/** Checks out in its own thread, so that what is timed beside it does not wait for the load generator. */
export interface LoadWorkerData {
  url: string;
  skus: string[];
  connections: number;
}

export type LoadWorkerMessage = { kind: "running" } | { kind: "done"; checkouts: number; seconds: number };

const { url, skus, connections } = workerData as LoadWorkerData;
const roundCheckouts = connections * 8;
let running = true;
parentPort?.once("message", () => {
  running = false;
});

let checkouts = 0;
let seconds = 0;
while (running) {
  const round = await runCheckouts(url, skus, { connections, checkouts: roundCheckouts });
  if (checkouts === 0) parentPort?.postMessage({ kind: "running" } satisfies LoadWorkerMessage);
  checkouts += round.checkouts;
  seconds += round.seconds;
}
parentPort?.postMessage({ kind: "done", checkouts, seconds } satisfies LoadWorkerMessage);
