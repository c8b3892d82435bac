import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { listPaths } from "./measure/reads.ts";
import { addRequests } from "./support/cart-load.ts";
import { runCheckouts } from "./support/checkout-load.ts";
import { runLoad } from "./support/load.ts";
import { percentile } from "./support/measurement.ts";
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
    // As many as a second takes, about: a burst ends with whole checkouts.
    return async (seconds) => {
      const checkouts = Math.ceil(seconds * 6) * connections;
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

function gets(server: ShopServer, path: () => string): Load {
  const requests = [
    { method: "GET", setupRequest: (request: object) => ({ ...request, path: path() }) },
  ] as const;
  return (seconds) =>
    runLoad({ url: server.url, connections, requests: [...requests], expected: [200], until: { seconds } });
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
  const cpuMs = (bursts: Burst[]) =>
    percentile(
      bursts.map(({ cpuSeconds, answers }) => (cpuSeconds / answers) * 1_000),
      0.5,
    );
  const rate = (bursts: Burst[]) =>
    percentile(
      bursts.map(({ answers, seconds }) => answers / seconds),
      0.5,
    );
  const p99 = (bursts: Burst[]) =>
    percentile(
      bursts.map(({ p99Ms }) => p99Ms),
      0.5,
    );
  const pair = (of: (bursts: Burst[]) => number, digits: number) =>
    `${of(base).toFixed(digits)} -> ${of(variant).toFixed(digits)} (${(of(variant) / of(base)).toFixed(2)})`;
  return `${name}: ms of CPU each ${pair(cpuMs, 3)}, per second ${pair(rate, 0)}, p99 ms ${pair(p99, 1)}`;
}

function namesOf(text: string): string[] {
  const names = text.split(",");
  if (!names.every((name) => name in loads))
    throw new InvalidArgumentError(`there are: ${Object.keys(loads).join(", ")}`);
  return names;
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
    .option("--only <names>", `some of: ${Object.keys(loads).join(",")}`, namesOf, Object.keys(loads))
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
