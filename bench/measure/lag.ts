import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { unexpected } from "../support/client.ts";
import type { LoadKind, LoadWorkerData, LoadWorkerMessage } from "../support/load-worker.ts";
import { type BenchOptions, cost, expectThat, type Measurement, percentile } from "../support/measurement.ts";
import {
  currency,
  inTurn,
  openCarts,
  type ShopServer,
  type SoldProduct,
  type Stage,
  staff,
} from "../support/shop.ts";

const full = { samples: 1_500, warmUp: 200 };
const quick = { samples: 120, warmUp: 20 };
/** Where read models fall behind, samples take long: what is taken within so many milliseconds has to do. */
const fullAt = { samples: 1_500, warmUp: 200, carts: 2_000, msMax: 30_000 };
const quickAt = { samples: 200, warmUp: 20, carts: 500, msMax: 8_000 };
const commandsPerSecond = 300;
/** A server waits so long for what is asked for, and what is not there by then counts as if it were. */
const visibleMsMax = 5_000;
const loadConnections = 16;
/** Between samples, so that each meets a server that has nothing of the one before left to do. */
const pauseMs = 4;
const shares = [0.5, 0.95, 0.99];

interface Sample {
  /** From the command's answer to that of a query for what it did. */
  visibleMs: number;
  /** The same query again, when there is nothing to wait for; left out where it never was there. */
  againMs?: number;
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
  const skus = products.map(({ sku }) => sku);
  const { result: loaded, perSecond } = await duringLoad({ kind: "checkouts", skus }, server, async () => {
    await take(warmUp);
    return take(samples);
  });
  await server.caughtUp();
  const load = `under ${Math.round(perSecond)} checkouts/s of ${loadConnections} connections`;
  return [...rowsOf("idle", idle), ...rowsOf("under load", loaded, load)];
}

/**
 * As above, while items are put into carts at an even pace.
 * @param where the read models are
 * @param what all stores are
 */
export async function measureLagAt(
  options: BenchOptions,
  { server, products }: Omit<Stage, "bare">,
  where: string,
  what: string,
): Promise<Measurement[]> {
  const { samples, warmUp, carts: cartCount, msMax } = options.quick ? quickAt : fullAt;
  const nextProduct = inTurn(products);
  const carts = await openCarts(server, cartCount);
  await server.caughtUp();
  options.say(`command to visible at ${commandsPerSecond} commands/s: ${what}`);
  const load: LoadKind = { kind: "adds", carts, products: [...products], perSecond: commandsPerSecond };
  const { result, perSecond } = await duringLoad(load, server, async () => {
    await takeSamples(server, nextProduct, warmUp, msMax / 4);
    return takeSamples(server, nextProduct, samples, msMax);
  });
  const missing = result.filter(({ againMs }) => againMs === undefined).length;
  const note =
    `${what}; ${result.length} samples at ${Math.round(perSecond)} commands/s, ` +
    `${missing} of them not there after ${visibleMsMax / 1000} s`;
  return rowsOf(`at ${commandsPerSecond} commands/s on ${where}`, result, note);
}

function rowsOf(when: string, samples: readonly Sample[], note?: string): Measurement[] {
  const visible = samples.map(({ visibleMs }) => visibleMs);
  const again = samples.flatMap(({ againMs }) => againMs ?? []);
  return shares.map((share) => {
    const measured = {
      name: `command to visible, ${when}, p${share * 100}`,
      value: percentile(visible, share),
      unit: "ms",
      ...(note !== undefined && { note }),
    };
    if (again.length === 0) return measured;
    const ceilingIs = "the same query when there is nothing to wait for";
    return cost({ ...measured, ceiling: percentile(again, share), ceilingIs });
  });
}

async function takeSamples(
  { client }: ShopServer,
  nextProduct: () => SoldProduct,
  count: number,
  msMax = Number.POSITIVE_INFINITY,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const until = performance.now() + msMax;
  while (samples.length < count && performance.now() < until) {
    const { id, slug, sku } = nextProduct();
    const amount = 1_000 + Math.floor(Math.random() * 1_000_000);
    const put = `/v1/products/${id}/variants/${sku}/price`;
    const changed = await client.call("PUT", put, { headers: staff, body: { price: { amount, currency } } });
    const { position } = changed.headers;
    if (changed.status !== 200 || typeof position !== "string") throw unexpected(`PUT ${put}`, 200, changed);
    const query = async (): Promise<number | undefined> => {
      const started = performance.now();
      const get = `/v1/products/${slug}`;
      const answer = await client.call("GET", get, { headers: { "min-position": position } });
      const ms = performance.now() - started;
      if (answer.status === 504) return undefined;
      if (answer.status !== 200) throw unexpected(`GET ${get}`, 200, answer);
      const shown = JSON.parse(answer.text) as { variants: { price: { amount: number } }[] };
      expectThat(shown.variants[0]?.price.amount === amount, `${slug} is not shown as it was changed`);
      return ms;
    };
    const visibleMs = await query();
    const againMs = visibleMs === undefined ? undefined : await query();
    samples.push({ visibleMs: visibleMs ?? visibleMsMax, ...(againMs !== undefined && { againMs }) });
    await sleep(pauseMs);
  }
  return samples;
}

/** Runs work while another thread sends commands. */
async function duringLoad<T>(
  load: LoadKind,
  { url }: ShopServer,
  work: () => Promise<T>,
): Promise<{ result: T; perSecond: number }> {
  const workerData: LoadWorkerData = { ...load, url, connections: loadConnections };
  const worker = new Worker(new URL("../support/load-worker.ts", import.meta.url), { workerData });
  const running = Promise.withResolvers<void>();
  const done = Promise.withResolvers<number>();
  for (const { promise } of [running, done]) promise.catch(() => {});
  worker.on("message", (message: LoadWorkerMessage) => {
    if (message.kind === "running") running.resolve();
    else done.resolve(message.count / message.seconds);
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
