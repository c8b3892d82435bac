import { setTimeout as sleep } from "node:timers/promises";
import type autocannon from "autocannon";
import { inTurns, runLoad } from "../support/load.ts";
import { type BenchOptions, expectThat, type Measurement, rate } from "../support/measurement.ts";
import {
  categoryCount,
  checkoutRequest,
  connections,
  currency,
  highestPrice,
  inTurn,
  lowestPrice,
  type Stage,
  staff,
} from "../support/shop.ts";

const full = { warmUpSeconds: 3, rounds: 3, seconds: 4 };
const quick = { warmUpSeconds: 0.5, rounds: 2, seconds: 0.75 };
const pageItems = 20;
/** Changes of prices and stock beside some reads. */
const changesPerSecond = 100;
const changesAtOnce = 4;

interface Read {
  name: string;
  path: () => string;
  items?: number;
  /** Prices and stock change meanwhile. */
  changing?: true;
  asStaff?: true;
}

/** Reads per second: a page of the catalog, a product, the stock of a SKU, the orders of a customer. */
export async function measureReads(options: BenchOptions, stage: Stage): Promise<Measurement[]> {
  const { server, products } = stage;
  await server.caughtUp();
  const nextProduct = inTurn(products);
  const nextList = listPaths();
  const reads: Read[] = [
    { name: "catalog page, each another query", path: nextList, items: pageItems },
    { name: "catalog page, one query", path: inTurn([nextList()]), items: pageItems },
    { name: "catalog page, by category", path: categoryPaths(), items: pageItems, changing: true },
    { name: "product by slug", path: () => `/v1/products/${nextProduct().slug}` },
    { name: "product by slug", path: () => `/v1/products/${nextProduct().slug}`, changing: true },
    { name: "stock by SKU", path: () => `/v1/stock/${nextProduct().sku}` },
    { name: "order history by e-mail", path: ordersPath, items: pageItems, asStaff: true },
  ];
  const measured: Measurement[] = [];
  for (const read of reads) measured.push(await measureRead(options, stage, read));
  return measured;
}

const ordersPath = () => `/v1/orders?email=${encodeURIComponent(checkoutRequest.email)}&limit=${pageItems}`;

async function measureRead(
  options: BenchOptions,
  { server, products, bare }: Stage,
  { name, path, items, changing, asStaff }: Read,
): Promise<Measurement> {
  const { warmUpSeconds, rounds, seconds } = options.quick ? quick : full;
  const title = changing ? `${name}, ${changesPerSecond} changes/s` : name;
  options.say(`reading: ${title}`);
  const headers = asStaff ? staff : {};
  const sample = await server.client.ask<{ items?: unknown[] }>(200, "GET", path(), { headers });
  expectThat(items === undefined || sample.items?.length === items, `${path()} has not ${items} items`);
  const answerBytes = Buffer.byteLength(JSON.stringify(sample));
  const requests: autocannon.Request[] = [
    { method: "GET", headers, setupRequest: (request) => ({ ...request, path: path() }) },
  ];
  const load = (url: string, duration: number) =>
    runLoad({ url, connections, requests, expected: [200], until: { seconds: duration } });
  const ours = (duration: number) => {
    const run = () => load(server.url, duration);
    return changing ? whileChanging({ server, products }, run) : run();
  };
  await ours(warmUpSeconds);
  await bare.answerWith(answerBytes);
  await load(bare.url, warmUpSeconds);
  const { perSecond, ceiling, note } = await inTurns(
    rounds,
    server,
    () => ours(seconds),
    () => load(bare.url, seconds),
  );
  return rate({
    name: title,
    value: perSecond,
    unit: "reads/s",
    ceiling,
    ceilingIs: "bare fastify, constant answer of the same size",
    note: `${note}; answers of ${answerBytes} bytes`,
  });
}

/** Runs work while prices and stock change at an even pace, one SKU after the other. */
async function whileChanging<T>(
  { server, products }: Pick<Stage, "server" | "products">,
  work: () => Promise<T>,
): Promise<T> {
  const next = inTurn(products);
  let number = 0;
  let over = false;
  const change = async () => {
    const { id, sku } = next();
    const amount = lowestPrice + (++number % (highestPrice - lowestPrice));
    if (number % 2 === 0)
      await server.ask(201, "POST", `/v1/stock/${sku}/receipts`, { body: { quantity: 1 } });
    else
      await server.ask(200, "PUT", `/v1/products/${id}/variants/${sku}/price`, {
        body: { price: { amount, currency } },
      });
  };
  const changing = async () => {
    while (!over) {
      const pause = sleep((1_000 / changesPerSecond) * changesAtOnce);
      await change();
      await pause;
    }
  };
  const all = Array.from({ length: changesAtOnce }, changing);
  try {
    return await work();
  } finally {
    over = true;
    await Promise.all(all);
  }
}

/** Filters and sorts that do not come again for a while: the server remembers what it has just answered. */
export function listPaths(): () => string {
  const lowestPrices = Math.floor((highestPrice - lowestPrice) / 2);
  let next = 0;
  return () => {
    const number = next++;
    const category = `category-${number % categoryCount}`;
    const minPrice = lowestPrice + (Math.floor(number / categoryCount) % lowestPrices);
    const sort = number % 2 === 0 ? "price" : "-price";
    return `/v1/products?category=${category}&inStock=true&minPrice=${minPrice}&sort=${sort}&limit=${pageItems}`;
  };
}

/** What a storefront shows: a category each, by price, with what can be bought. */
function categoryPaths(): () => string {
  const path = (number: number) =>
    `/v1/products?category=category-${number}&inStock=true&sort=price&limit=${pageItems}`;
  return inTurn(Array.from({ length: categoryCount }, (_, number) => path(number)));
}
