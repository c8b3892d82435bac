import { parentPort, workerData } from "node:worker_threads";
import { addRequests } from "./cart-load.ts";
import { runCheckouts } from "./checkout-load.ts";
import { runLoad } from "./load.ts";
import type { OpenCart, SoldProduct } from "./shop.ts";

/** Checkouts as fast as they are answered, or items put into carts at an even pace. */
export type LoadKind =
  | { kind: "checkouts"; skus: string[] }
  | { kind: "adds"; carts: OpenCart[]; products: SoldProduct[]; perSecond: number };

/** Sends commands in its own thread, so that what is timed beside it does not wait for the load generator. */
export type LoadWorkerData = LoadKind & { url: string; connections: number };

export type LoadWorkerMessage = { kind: "running" } | { kind: "done"; count: number; seconds: number };

const data = workerData as LoadWorkerData;
const round = roundOf(data);
const addsRoundSeconds = 2;
let running = true;
parentPort?.once("message", () => {
  running = false;
});

let count = 0;
let seconds = 0;
while (running) {
  const done = await round();
  if (count === 0) parentPort?.postMessage({ kind: "running" } satisfies LoadWorkerMessage);
  count += done.count;
  seconds += done.seconds;
}
parentPort?.postMessage({ kind: "done", count, seconds } satisfies LoadWorkerMessage);

function roundOf(load: LoadWorkerData): () => Promise<{ count: number; seconds: number }> {
  const { url, connections } = load;
  if (load.kind === "checkouts") {
    const checkouts = connections * 8;
    return async () => {
      const done = await runCheckouts(url, load.skus, { connections, checkouts });
      return { count: done.checkouts, seconds: done.seconds };
    };
  }
  const { perSecond } = load;
  const requests = addRequests(load.carts, load.products);
  return async () => {
    const until = { seconds: addsRoundSeconds };
    const done = await runLoad({ url, connections, requests, expected: [200], until, perSecond });
    return { count: done.answers, seconds: done.seconds };
  };
}
