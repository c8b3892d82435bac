import type autocannon from "autocannon";
import { inTurns, runLoad } from "../support/load.ts";
import { type BenchOptions, expectThat, type Measurement, rate } from "../support/measurement.ts";
import {
  categoryCount,
  connections,
  highestPrice,
  inTurn,
  lowestPrice,
  type Stage,
} from "../support/shop.ts";

const full = { warmUpSeconds: 3, rounds: 3, seconds: 4 };
const quick = { warmUpSeconds: 0.5, rounds: 2, seconds: 0.75 };
const pageItems = 20;

interface Read {
  name: string;
  path: () => string;
  items?: number;
}

/** Reads per second: a page of the catalog, a product, the stock of a SKU. */
export async function measureReads(options: BenchOptions, stage: Stage): Promise<Measurement[]> {
  const { server, products } = stage;
  await server.caughtUp();
  const nextProduct = inTurn(products);
  const nextList = listPaths();
  const reads: Read[] = [
    { name: "catalog page, each another query", path: nextList, items: pageItems },
    { name: "catalog page, one query", path: inTurn([nextList()]), items: pageItems },
    { name: "product by slug", path: () => `/v1/products/${nextProduct().slug}` },
    { name: "stock by SKU", path: () => `/v1/stock/${nextProduct().sku}` },
  ];
  const measured: Measurement[] = [];
  for (const read of reads) measured.push(await measureRead(options, stage, read));
  return measured;
}

async function measureRead(
  options: BenchOptions,
  { server, bare }: Stage,
  { name, path, items }: Read,
): Promise<Measurement> {
  const { warmUpSeconds, rounds, seconds } = options.quick ? quick : full;
  options.say(`reading: ${name}`);
  const sample = await server.client.ask<{ items?: unknown[] }>(200, "GET", path());
  expectThat(items === undefined || sample.items?.length === items, `${path()} has not ${items} items`);
  const answerBytes = Buffer.byteLength(JSON.stringify(sample));
  const requests: autocannon.Request[] = [
    { method: "GET", setupRequest: (request) => ({ ...request, path: path() }) },
  ];
  const load = (url: string, duration: number) =>
    runLoad({ url, connections, requests, expected: [200], until: { seconds: duration } });
  await load(server.url, warmUpSeconds);
  await bare.answerWith(answerBytes);
  await load(bare.url, warmUpSeconds);
  const { perSecond, ceiling, note } = await inTurns(
    rounds,
    server,
    () => load(server.url, seconds),
    () => load(bare.url, seconds),
  );
  return rate({
    name,
    value: perSecond,
    unit: "reads/s",
    ceiling,
    ceilingIs: "bare fastify, constant answer of the same size",
    note: `${note}; answers of ${answerBytes} bytes`,
  });
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
