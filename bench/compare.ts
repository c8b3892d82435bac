import { resolve } from "node:path";
import type autocannon from "autocannon";
import { Command } from "commander";
import { listPaths } from "./measure/reads.ts";
import { addRequests } from "./support/cart-load.ts";
import { runCheckouts } from "./support/checkout-load.ts";
import { runLoad } from "./support/load.ts";
import { percentile } from "./support/measurement.ts";
import { namesAmong } from "./support/names.ts";
import {
  connections,
  fillShop,
  inTurn,
  openCarts,
  type ShopServer,
  type SoldProduct,
  withServer,
} from "./support/shop.ts";

/*
 * Two versions of the program side by side, in short bursts in turns: what else the machine does meets both, and what
 * either spends on a request depends little on it.
 */

const cartCount = 2_000;
const warmUpBursts = 2;
/** On each connection, about. */
const checkoutsPerSecond = 6;

/** What a burst has come to. */
interface Burst {
  answers: number;
  seconds: number;
  p99Ms: number;
  cpuSeconds: number;
}

type Load = (seconds: number) => Promise<Omit<Burst, "cpuSeconds">>;

const loads: Record<string, (server: ShopServer, products: readonly SoldProduct[]) => Promise<Load>> = {
  "add-to-cart": async (server, products) => {
    const requests = addRequests(await openCarts(server, cartCount), products);
    return (seconds) =>
      runLoad({ url: server.url, connections, requests, expected: [200], until: { seconds } });
  },
  checkouts: async (server, products) => {
    const skus = products.map(({ sku }) => sku);
    // A burst ends with whole checkouts: about as many as it is long for.
    return async (seconds) => {
      const checkouts = Math.ceil(seconds * checkoutsPerSecond) * connections;
      return { ...(await runCheckouts(server.url, skus, { connections, checkouts })), answers: checkouts };
    };
  },
  lists: async (server) => gets(server, listPaths()),
  list: async (server) => gets(server, inTurn([listPaths()()])),
  product: async (server, products) => {
    const next = inTurn(products);
    return gets(server, () => `/v1/products/${next().slug}`);
  },
  stock: async (server, products) => {
    const next = inTurn(products);
    return gets(server, () => `/v1/stock/${next().sku}`);
  },
};

const names = Object.keys(loads);

function gets(server: ShopServer, path: () => string): Load {
  const requests: autocannon.Request[] = [
    { method: "GET", setupRequest: (request) => ({ ...request, path: path() }) },
  ];
  return (seconds) =>
    runLoad({ url: server.url, connections, requests, expected: [200], until: { seconds } });
}

async function burst(server: ShopServer, load: Load, seconds: number): Promise<Burst> {
  await server.caughtUp();
  const before = await server.cpuSeconds();
  const done = await load(seconds);
  // What a request leaves to be projected is part of what it costs.
  await server.caughtUp();
  return { ...done, cpuSeconds: (await server.cpuSeconds()) - before };
}

function lineOf(name: string, [base, variant]: [Burst[], Burst[]]): string {
  const pair = (of: (burst: Burst) => number, digits: number) => {
    const [before, after] = [percentile(base.map(of), 0.5), percentile(variant.map(of), 0.5)];
    return `${before.toFixed(digits)} -> ${after.toFixed(digits)} (${(after / before).toFixed(2)})`;
  };
  const cpuMs = pair(({ cpuSeconds, answers }) => (cpuSeconds / answers) * 1_000, 3);
  const perSecond = pair(({ answers, seconds }) => answers / seconds, 0);
  return `${name}: ms of CPU each ${cpuMs}, per second ${perSecond}, p99 ms ${pair(({ p99Ms }) => p99Ms, 1)}`;
}

interface Flags {
  only: string[];
  bursts: number;
  seconds: number;
}

async function main(): Promise<void> {
  const command = new Command("compare")
    .description("Compares this checkout with another one, request by request; medians over bursts.")
    .argument("<base>", "the folder of the other checkout, with its packages installed")
    .option("--only <names>", `some of: ${names.join(",")}`, namesAmong(names), names)
    .option("--bursts <count>", "of each load on each of the two", Number, 7)
    .option("--seconds <count>", "of a burst", Number, 1.5)
    .parse();
  const { only, bursts, seconds } = command.opts<Flags>();
  const [baseFolder = "."] = command.args;
  await withServer(
    undefined,
    (base) =>
      withServer(undefined, async (variant) => {
        const servers = [base, variant];
        const products = await Promise.all(servers.map((server) => fillShop(server)));
        for (const name of only) {
          const both: [Burst[], Burst[]] = [[], []];
          const ready = await Promise.all(
            servers.map((server, at) => loads[name]?.(server, products[at] ?? [])),
          );
          for (let number = -warmUpBursts; number < bursts; number++)
            for (const [at, server] of servers.entries()) {
              const done = await burst(server, ready[at] as Load, seconds);
              if (number >= 0) both[at]?.push(done);
            }
          process.stdout.write(`${lineOf(name, both)}\n`);
        }
      }),
    {},
    resolve(baseFolder),
  );
}

await main();
