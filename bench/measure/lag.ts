import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { unexpected } from "../support/client.ts";
import type { LoadWorkerData, LoadWorkerMessage } from "../support/load-worker.ts";
import { type BenchOptions, cost, expectThat, type Measurement, percentile } from "../support/measurement.ts";
import { currency, inTurn, type ShopServer, type SoldProduct, type Stage, staff } from "../support/shop.ts";

const full = { samples: 1_500, warmUp: 200 };
const quick = { samples: 120, warmUp: 20 };
const loadConnections = 16;
/** Between samples, so that each meets a server that has nothing of the one before left to do. */
const pauseMs = 4;
const shares = [0.5, 0.95, 0.99];

interface Sample {
  /** From the command's answer to that of a query for what it did. */
  visibleMs: number;
  /** The same query again, when there is nothing to wait for. */
  againMs: number;
}

/** How long a client that has changed something waits until a query shows it. */
export async function measureLag(options: BenchOptions, { server, products }: Stage): Promise<Measurement[]> {
  const { samples, warmUp } = options.quick ? quick : full;
  const nextProduct = inTurn(products);
  const take = (count: number) => takeSamples(server, nextProduct, count);
  await server.caughtUp();
  options.say("command to visible: idle");
  await take(warmUp);
  const idle = await take(samples);
  options.say("command to visible: under load");
  const { result: loaded, perSecond } = await duringCheckouts(server, products, async () => {
    await take(warmUp);
    return take(samples);
  });
  await server.caughtUp();
  const load = `under ${Math.round(perSecond)} checkouts/s of ${loadConnections} connections`;
  return [...rowsOf("idle", idle), ...rowsOf("under load", loaded, load)];
}

function rowsOf(when: string, samples: readonly Sample[], note?: string): Measurement[] {
  return shares.map((share) =>
    cost({
      name: `command to visible, ${when}, p${share * 100}`,
      value: percentile(
        samples.map(({ visibleMs }) => visibleMs),
        share,
      ),
      unit: "ms",
      ceiling: percentile(
        samples.map(({ againMs }) => againMs),
        share,
      ),
      ceilingIs: "the same query when there is nothing to wait for",
      ...(note !== undefined && { note }),
    }),
  );
}

async function takeSamples(
  { client }: ShopServer,
  nextProduct: () => SoldProduct,
  count: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let number = 0; number < count; number++) {
    const { id, slug, sku } = nextProduct();
    const amount = 1_000 + Math.floor(Math.random() * 1_000_000);
    const put = `/v1/products/${id}/variants/${sku}/price`;
    const changed = await client.call("PUT", put, { headers: staff, body: { price: { amount, currency } } });
    const { position } = changed.headers;
    if (changed.status !== 200 || typeof position !== "string") throw unexpected(`PUT ${put}`, 200, changed);
    const query = async () => {
      const started = performance.now();
      const shown = await client.ask<{ variants: { price: { amount: number } }[] }>(
        200,
        "GET",
        `/v1/products/${slug}`,
        { headers: { "min-position": position } },
      );
      const ms = performance.now() - started;
      expectThat(shown.variants[0]?.price.amount === amount, `${slug} is not shown as it was changed`);
      return ms;
    };
    samples.push({ visibleMs: await query(), againMs: await query() });
    await sleep(pauseMs);
  }
  return samples;
}

/** Runs work while another thread checks out. */
async function duringCheckouts<T>(
  { url }: ShopServer,
  products: readonly SoldProduct[],
  work: () => Promise<T>,
): Promise<{ result: T; perSecond: number }> {
  const workerData: LoadWorkerData = {
    url,
    skus: products.map(({ sku }) => sku),
    connections: loadConnections,
  };
  const worker = new Worker(new URL("../support/load-worker.ts", import.meta.url), { workerData });
  const running = Promise.withResolvers<void>();
  const done = Promise.withResolvers<number>();
  for (const { promise } of [running, done]) promise.catch(() => {});
  worker.on("message", (message: LoadWorkerMessage) => {
    if (message.kind === "running") running.resolve();
    else done.resolve(message.checkouts / message.seconds);
  });
  worker.on("error", (error) => {
    running.reject(error);
    done.reject(error);
  });
  try {
    await running.promise;
    const result = await work();
    worker.postMessage("stop");
    return { result, perSecond: await done.promise };
  } finally {
    await worker.terminate();
  }
}
