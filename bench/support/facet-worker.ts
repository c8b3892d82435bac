import { parentPort, workerData } from "node:worker_threads";
import { createClient } from "./client.ts";
import { WrongAnswer } from "./measurement.ts";
import { seededRandom } from "./random.ts";

/** Asks for facets in its own thread, so that what is timed beside it does not wait for the load generator. */
export interface FacetWorkerData {
  url: string;
  clients: number;
  brands: number;
  categories: number;
  words: readonly [string, ...string[]];
  lowestPrice: number;
  highestPrice: number;
}

export type FacetWorkerMessage =
  | { kind: "running" }
  | { kind: "done"; answers: number; seconds: number; refused: number };

const data = workerData as FacetWorkerData;
const random = seededRandom(2);
const client = createClient(data.url, data.clients);
let running = true;
parentPort?.once("message", () => {
  running = false;
});

/** Filters that hardly ever come again, so that no answer that is kept helps. */
function facetedPath(): string {
  const query = new URLSearchParams({ facets: "category,brand,tag", limit: "20" });
  const some = (share: number) => random.below(100) < share;
  if (some(50)) query.append("category", `Category ${random.below(data.categories)}`);
  if (some(50)) query.append("brand", `Brand ${random.below(data.brands)}`);
  if (some(30)) query.append("brand", `Brand ${random.below(data.brands)}`);
  if (some(50)) query.append("q", random.pick(data.words));
  if (some(30)) query.append("inStock", "true");
  query.append("sort", random.pick(["price", "-price", "newest", "best-selling"]));
  query.append("minPrice", String(data.lowestPrice + random.below(data.highestPrice - data.lowestPrice)));
  return `/v1/products?${query}`;
}

let answers = 0;
let refused = 0;
const started = performance.now();

/** A 503 is an honest answer to too many; anything else than it and 200 is wrong. */
async function askOn(): Promise<void> {
  while (running) {
    const path = facetedPath();
    const { status, text } = await client.call("GET", path);
    if (status !== 200 && status !== 503) throw new WrongAnswer(`${path} was answered ${status}: ${text}`);
    if (status === 503) refused++;
    else if (answers++ === 0) parentPort?.postMessage({ kind: "running" } satisfies FacetWorkerMessage);
  }
}

await Promise.all(Array.from({ length: data.clients }, askOn));
client.close();
const seconds = (performance.now() - started) / 1000;
parentPort?.postMessage({ kind: "done", answers, seconds, refused } satisfies FacetWorkerMessage);
