import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { inParallel } from "../../src/values/in-parallel.ts";
import { addRequests } from "../support/cart-load.ts";
import type { FacetWorkerData, FacetWorkerMessage } from "../support/facet-worker.ts";
import { runLoad } from "../support/load.ts";
import { type BenchOptions, cost, expectThat, type Measurement } from "../support/measurement.ts";
import { seededRandom } from "../support/random.ts";
import {
  connections,
  currency,
  highestPrice,
  inTurn,
  lowestPrice,
  openCarts,
  type ShopServer,
  type SoldProduct,
  withServer,
} from "../support/shop.ts";

const full = { products: 50_000, rounds: 3, seconds: 5 };
const quick = { products: 3_000, rounds: 2, seconds: 2 };
const facetClients = 32;
/** Few enough that what they wait for is the server and not each other. */
const cartConnections = 4;
const cartCount = 500;
const brands = 300;
const categories = 60;
const words = ["chair", "table", "lamp", "teapot", "blanket", "mirror", "kettle", "basket", "vase"] as const;
const colours = ["red", "blue", "green", "white", "black", "oak", "copper", "linen"] as const;

/** What adding to a cart takes while many clients ask for facets, no query like the other, over a large catalog. */
export function measureFacets(options: BenchOptions): Promise<Measurement[]> {
  const { products: productCount, rounds, seconds } = options.quick ? quick : full;
  return withServer(options.profileDir, async (server) => {
    options.say(`filling a catalog of ${productCount} products`);
    const products = await fillCatalog(server, productCount);
    options.say("adding to carts while others ask for facets");
    const carts = await openCarts(server, cartCount);
    const requests = addRequests(carts, products);
    const add = () =>
      runLoad({
        url: server.url,
        connections: cartConnections,
        requests,
        expected: [200],
        until: { seconds },
      });
    await add();
    await askFacetsBeside(server.url, add);
    const alone: number[] = [];
    const beside: number[] = [];
    let asked = { answers: 0, seconds: 0, refused: 0 };
    for (let round = 0; round < rounds; round++) {
      alone.push((await add()).p99Ms);
      const { result, facets } = await askFacetsBeside(server.url, add);
      beside.push(result.p99Ms);
      asked = {
        answers: asked.answers + facets.answers,
        seconds: asked.seconds + facets.seconds,
        refused: asked.refused + facets.refused,
      };
    }
    return [
      cost({
        name: "add to cart while others ask for facets, p99",
        value: median(beside),
        unit: "ms",
        ceiling: median(alone),
        ceilingIs: "the same with nobody else, p99",
        note: `${productCount} products, ${facetClients} clients, ${Math.round(asked.answers / asked.seconds)} faceted answers/s, ${asked.refused} refused`,
      }),
    ];
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function fillCatalog(server: ShopServer, count: number): Promise<SoldProduct[]> {
  const random = seededRandom(1);
  const products: SoldProduct[] = [];
  const numbers = Array.from({ length: count }, (_, index) => index);
  await inParallel(numbers, connections, async (number) => {
    const sku = `F-${number}`;
    const body = {
      name: `${random.pick(colours)} ${random.pick(words)} ${number}`,
      brand: `Brand ${random.below(brands)}`,
      category: `Category ${random.below(categories)}`,
      tags: [random.pick(colours), random.pick(words)],
      description: `A ${random.pick(words)} beside a ${random.pick(colours)} ${random.pick(words)}.`,
      variants: [
        { sku, price: { amount: lowestPrice + random.below(highestPrice - lowestPrice), currency } },
      ],
    };
    const { id, slug } = await server.ask<{ id: string; slug: string }>(201, "POST", "/v1/products", {
      body,
    });
    await server.ask(200, "POST", `/v1/products/${id}/publish`);
    products.push({ id, slug, sku });
  });
  const sold = products.slice(0, cartCount);
  const receive = inTurn(sold);
  await inParallel(sold, connections, async () => {
    await server.ask(201, "POST", `/v1/stock/${receive().sku}/receipts`, { body: { quantity: 1_000_000 } });
  });
  await server.caughtUp();
  return sold;
}

async function askFacetsBeside<T>(
  url: string,
  work: () => Promise<T>,
): Promise<{ result: T; facets: { answers: number; seconds: number; refused: number } }> {
  const workerData: FacetWorkerData = {
    url,
    clients: facetClients,
    brands,
    categories,
    words,
    lowestPrice,
    highestPrice,
  };
  const worker = new Worker(new URL("../support/facet-worker.ts", import.meta.url), { workerData });
  const failed = once(worker, "error").then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  const message = async () => {
    const [told] = await Promise.race([once(worker, "message"), failed]);
    return told as FacetWorkerMessage;
  };
  try {
    await message();
    const result = await Promise.race([work(), failed]);
    worker.postMessage("stop");
    const facets = await message();
    expectThat(facets.kind === "done", "the facets' load says that it runs when it should be done");
    return { result, facets };
  } finally {
    await worker.terminate();
  }
}
