import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { logStart, type Position } from "../../src/stores/event-store/event-store.ts";
import { inParallel } from "../../src/values/in-parallel.ts";
import type { BareServer } from "./bare.ts";
import { type ChildServer, startChild } from "./child.ts";
import { type Call, type Client, createClient, type Method } from "./client.ts";
import { WrongAnswer } from "./measurement.ts";
import { seededRandom } from "./random.ts";
import { withFolder } from "./resources.ts";

const adminApiKey = "a-key-for-the-bench-only";
export const staff = { authorization: `Bearer ${adminApiKey}` };
export const currency = "USD";
export const connections = 64;
const caughtUpTimeoutMs = 120_000;
const productCount = 1_000;
export const categoryCount = 10;
const piecesOfEach = 1_000_000;
export const lowestPrice = 500;
export const highestPrice = 20_000;

export interface SoldProduct {
  id: string;
  slug: string;
  sku: string;
}

export interface OpenCart {
  id: string;
  cartToken: string;
}

/** A server of Cartwright in a process of its own, on a folder of its own. */
export interface ShopServer extends ChildServer {
  folder: string;
  client: Client;
  /** As staff. */
  ask<T>(status: number, method: Method, path: string, call?: Call): Promise<T>;
  /** Waits until every read model stands at the end of the log. @returns its position */
  caughtUp(): Promise<Position>;
  rssBytes(): Promise<number>;
  /** That all its threads have used since it started. */
  cpuSeconds(): Promise<number>;
}

/** What is measured over HTTP: a shop that is open, and the ceiling beside it. */
export interface Stage {
  server: ShopServer;
  products: readonly SoldProduct[];
  bare: BareServer;
}

export const checkoutRequest = {
  email: "buyer@example.com",
  shippingAddress: {
    fullName: "A Buyer",
    addressLine1: "1 High Street",
    city: "London",
    postalCode: "N1 1AA",
    country: "GB",
  },
  payment: { method: "credit_card", token: "tok_ok" },
};

const ownCheckout = join(import.meta.dirname, "../..");

/**
 * Runs work against a server on an empty folder; both are gone afterwards.
 * @param checkout of the program that is to serve
 */
export function withServer<T>(
  profileDir: string | undefined,
  work: (server: ShopServer) => Promise<T>,
  env: Record<string, string> = {},
  checkout = ownCheckout,
): Promise<T> {
  return withFolder(async (folder) => {
    const child = await startChild({
      file: join(checkout, "src/main.js"),
      env: {
        DATA_DIR: folder,
        ADMIN_API_KEY: adminApiKey,
        STORE_CURRENCY: currency,
        RATE_LIMIT_PER_MINUTE: "0",
        DECLINES_PER_HOUR: "0",
        SAMPLE_SHOP: "off",
        LOG_LEVEL: "warn",
        ...env,
      },
      nodeArguments: profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`],
      firstPath: "/v1/products",
    });
    const client = createClient(child.url, connections);
    try {
      return await work({ ...child, folder, client, ...opsOf(client) });
    } finally {
      client.close();
      await child.stop();
    }
  });
}

function opsOf(client: Client): Pick<ShopServer, "ask" | "caughtUp" | "rssBytes" | "cpuSeconds"> {
  const ask: ShopServer["ask"] = (status, method, path, { headers, body } = {}) =>
    client.ask(status, method, path, { headers: { ...staff, ...headers }, body });
  const metric = async (name: string) => {
    const { text } = await client.call("GET", "/metrics");
    const value = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
    if (value === undefined) throw new WrongAnswer(`/metrics does not tell ${name}`);
    return Number(value);
  };
  return {
    ask,
    async caughtUp() {
      const deadline = performance.now() + caughtUpTimeoutMs;
      for (;;) {
        const models = await ask<
          { position: Position; head: Position; lagEvents: number | null; parked: number }[]
        >(200, "GET", "/v1/ops/projections");
        if (models.some(({ parked }) => parked > 0)) throw new WrongAnswer("a document is parked");
        if (models.every(({ lagEvents, position, head }) => lagEvents === 0 || position === head))
          return models[0]?.head ?? logStart;
        if (performance.now() > deadline) throw new WrongAnswer("the read models do not catch up");
        await sleep(50);
      }
    },
    rssBytes: () => metric("process_resident_memory_bytes"),
    cpuSeconds: () => metric("process_cpu_seconds_total"),
  };
}

/** Fills an empty server with published products, each with one SKU and plenty of it. */
export async function fillShop(server: ShopServer, count = productCount): Promise<SoldProduct[]> {
  const random = seededRandom(1);
  const products: SoldProduct[] = [];
  const numbers = Array.from({ length: count }, (_, index) => index);
  await inParallel(numbers, connections, async (number) => {
    products.push(
      await addProduct(server, {
        sku: `SKU-${number}`,
        price: lowestPrice + random.below(highestPrice - lowestPrice),
        quantity: piecesOfEach,
        category: `category-${number % categoryCount}`,
      }),
    );
  });
  await server.caughtUp();
  return products;
}

interface ProductToAdd {
  sku: string;
  price: number;
  quantity: number;
  category: string;
}

export async function addProduct(server: ShopServer, product: ProductToAdd): Promise<SoldProduct> {
  const { sku, price, quantity, category } = product;
  const body = {
    name: `Product ${sku}`,
    brand: `Brand ${sku.length}${sku.at(-1)}`,
    category,
    tags: ["bench", category],
    description: "A thing that is sold to measure how fast it can be. ".repeat(4),
    variants: [{ sku, price: { amount: price, currency } }],
  };
  const { id, slug } = await server.ask<{ id: string; slug: string }>(201, "POST", "/v1/products", { body });
  await server.ask(200, "POST", `/v1/products/${id}/publish`);
  await server.ask(201, "POST", `/v1/stock/${sku}/receipts`, { body: { quantity } });
  return { id, slug, sku };
}

export async function openCarts({ client }: ShopServer, count: number): Promise<OpenCart[]> {
  const carts: OpenCart[] = [];
  await inParallel(Array.from({ length: count }), connections, async () => {
    carts.push(await client.ask<OpenCart>(201, "POST", "/v1/carts"));
  });
  return carts;
}

/** @returns one after the other, and from the start again */
export function inTurn<T>(items: readonly T[]): () => T {
  let next = 0;
  return () => {
    const item = items[next++ % items.length];
    if (item === undefined) throw new Error("there is nothing to choose from");
    return item;
  };
}
