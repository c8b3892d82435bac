import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InjectOptions, Response } from "light-my-request";
import pino, { type Logger } from "pino";
import { afterAll, beforeAll, onTestFailed, onTestFinished } from "vitest";
import { createClient } from "../../client/index.js";
import { readConfig } from "../../src/config.ts";
import { buildApp } from "../../src/http/app.ts";
import type { App } from "../../src/http/server.ts";
import { openRuntime, type Runtime } from "../../src/runtime/runtime.ts";
import type { HotStore } from "../../src/stores/hot-store/hot-store.ts";
import type { Clock } from "../../src/values/clock.ts";

const adminApiKey = "a-key-for-the-tests-only";
export const staff = { authorization: `Bearer ${adminApiKey}` };

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers as a client does
export type Body = any;

export interface Answer {
  status: number;
  headers: Response["headers"];
  body: Body;
  text: string;
}

export interface CallOptions {
  headers?: Record<string, string>;
  body?: unknown;
}

export interface OpenCart {
  id: string;
  /** The header that its owner sends. */
  guest: { "cart-token": string };
}

const logLinesShown = 30;

/** A worker thread starts, and other tests are running. */
export const openTimeoutMs = 60_000;

/** A shop on a folder of its own, spoken to over HTTP. */
export interface HttpShop {
  app: App;
  runtime: Runtime;
  folder: string;
  call(
    method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
    url: string,
    options?: CallOptions,
  ): Promise<Answer>;
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
  /** As staff, in the body what is given. */
  post(url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** A published product with one variant for each SKU, and this many pieces of each. */
  product(options?: ProductOptions): Promise<{ id: string; slug: string }>;
  /** Opens SKUs for stock that no product has. */
  stocked(...skus: readonly string[]): Promise<void>;
  receive(sku: string, quantity: number): Promise<void>;
  cart(...lines: readonly (readonly [sku: string, quantity: number])[]): Promise<OpenCart>;
  checkOut(cart: OpenCart, changes?: object, headers?: Record<string, string>): Promise<Answer>;
  /** A paid order of these lines. */
  order(...lines: readonly [sku: string, quantity: number][]): Promise<{ order: Body; cart: OpenCart }>;
  /** Waits until every read model stands at the end of the log. */
  caughtUp(): Promise<void>;
  close(): Promise<void>;
}

export interface ProductOptions {
  name?: string;
  skus?: readonly string[];
  /** Minor units. */
  price?: number;
  quantity?: number;
  fields?: object;
}

export interface ShopOptions {
  env?: Record<string, string>;
  /** Of a shop that was closed. */
  folder?: string;
  clock?: Clock;
  runDueWork?: boolean;
  hot?: HotStore;
  /** Shown when the test fails, where it is left out. */
  log?: Logger;
}

export const checkoutBody = {
  email: "buyer@example.com",
  shippingAddress: {
    fullName: "A Buyer",
    addressLine1: "1 High Street",
    city: "London",
    postalCode: "N1 1AA",
    country: "GB",
  },
  payment: { method: "credit_card" as const, token: "tok_ok" },
};

/** Opens a shop; it and its folder are gone with the test that is running. */
export async function openShop(options: ShopOptions = {}): Promise<HttpShop> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "cartwright-http-")));
  const shop = await startShop(folder, { log: shownOnFailure(options.env?.ROLE), ...options });
  onTestFinished(async () => {
    await shop.close();
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  });
  return shop;
}

/** What a shop has logged last is among the errors of a test that fails. */
function shownOnFailure(name = "shop"): Logger {
  const lines: string[] = [];
  onTestFailed(({ task }) => {
    if (lines.length > 0) task.result?.errors?.push({ message: `${name} logged:\n${lines.join("")}` });
  });
  const write = (line: string) => {
    lines.push(line);
    if (lines.length > logLinesShown) lines.shift();
  };
  return pino({ level: "info", base: null }, { write });
}

/** One shop for all tests of a file. @returns how to get at it once they run */
export function sharedShop(options: Omit<ShopOptions, "folder"> = {}): () => HttpShop {
  let shop: HttpShop | undefined;
  beforeAll(async () => {
    shop = await startShop(await mkdtemp(join(tmpdir(), "cartwright-http-")), options);
  }, openTimeoutMs);
  afterAll(async () => {
    await shop?.close();
    if (shop) await rm(shop.folder, { recursive: true, force: true });
  });
  return () => {
    if (!shop) throw new Error("the shop opens before the tests");
    return shop;
  };
}

async function startShop(
  folder: string,
  { env, clock, runDueWork, hot, log = pino({ level: "silent" }) }: ShopOptions = {},
): Promise<HttpShop> {
  const config = readConfig({
    DATA_DIR: folder,
    MAIL_DIR: join(folder, "mail"),
    ADMIN_API_KEY: adminApiKey,
    LOG_LEVEL: "silent",
    SAMPLE_SHOP: "off",
    RATE_LIMIT_PER_MINUTE: "0",
    DECLINES_PER_HOUR: "0",
    ...env,
  });
  const runtime = await openRuntime({
    config,
    log,
    ...(clock && { clock }),
    ...(hot && { hot }),
    ...(runDueWork !== undefined && { runDueWork }),
  });
  const app = await buildApp(runtime);
  return shopOver(app, runtime, folder);
}

function shopOver(app: App, runtime: Runtime, folder: string): HttpShop {
  const call: HttpShop["call"] = async (method, url, { headers = {}, body } = {}) => {
    const request: InjectOptions = {
      method,
      url,
      headers,
      ...(body !== undefined && { payload: body as object }),
    };
    return answerOf(await app.inject(request));
  };
  const post: HttpShop["post"] = (url, body, headers = staff) => call("POST", url, { headers, body });
  // What is refused is shown as it is.
  const nobody = createClient({ url: "http://shop.test", fetch: fetchOver(app), retries: 0 });
  const client = nobody.with({ token: adminApiKey });
  let products = 0;
  let closed = false;

  const shop: HttpShop = {
    app,
    runtime,
    folder,
    call,
    get: (url, headers = {}) => call("GET", url, { headers }),
    post,
    async product({ name, skus = ["SKU-1"], price = 1_000, quantity = 10, fields } = {}) {
      const variants = skus.map((sku) => ({ sku, price: { amount: price, currency: "USD" } }));
      const body = { name: name ?? `Product ${++products}`, variants, ...fields };
      const { id, slug } = (await client.post("/v1/products", { body })).body;
      await client.post("/v1/products/{id}/publish", { path: { id } });
      if (quantity > 0) for (const sku of skus) await shop.receive(sku, quantity);
      return { id, slug };
    },
    async stocked(...skus) {
      for (const sku of skus) await client.put("/v1/stock/{sku}/policy", { path: { sku }, body: {} });
    },
    async receive(sku, quantity) {
      await shop.stocked(sku);
      await client.post("/v1/stock/{sku}/receipts", { path: { sku }, body: { quantity } });
    },
    async cart(...lines) {
      const { id, cartToken = "" } = (await nobody.post("/v1/carts")).body;
      const guest = nobody.with({ cartToken });
      for (const [sku, quantity] of lines)
        await guest.post("/v1/carts/{id}/items", { path: { id }, body: { sku, quantity } });
      return { id, guest: { "cart-token": cartToken } };
    },
    checkOut: (cart, changes, headers) =>
      post(`/v1/carts/${cart.id}/checkout`, { ...checkoutBody, ...changes }, { ...cart.guest, ...headers }),
    async order(...lines) {
      const cart = await shop.cart(...lines);
      const guest = nobody.with({ cartToken: cart.guest["cart-token"] });
      const { body } = await guest.post("/v1/carts/{id}/checkout", {
        path: { id: cart.id },
        body: checkoutBody,
      });
      return { cart, order: body };
    },
    async caughtUp() {
      if (!(await runtime.models.caughtUp(10_000))) throw new Error("the read models do not catch up");
    },
    async close() {
      if (closed) return;
      closed = true;
      await app.close();
      await runtime.close();
    },
  };
  return shop;
}

/** As a program would speak to the shop, but without a socket. */
function fetchOver(app: App): typeof fetch {
  const fetched = async (url: string, init: RequestInit): Promise<globalThis.Response> => {
    const { pathname, search } = new URL(url);
    const response = await app.inject({
      method: init.method as InjectOptions["method"],
      url: pathname + search,
      headers: init.headers as Record<string, string>,
      ...(init.body !== undefined && { payload: init.body as string }),
    } as InjectOptions);
    const { statusCode: status, headers, payload } = response;
    const isWithout = status === 204 || status === 304;
    return new globalThis.Response(isWithout ? null : payload, {
      status,
      headers: headers as Record<string, string>,
    });
  };
  return fetched as typeof fetch;
}

function answerOf(response: Response): Answer {
  const { statusCode: status, headers, payload: text } = response;
  const isJson = /[/+]json/.test(String(headers["content-type"]));
  return { status, headers, text, body: isJson ? JSON.parse(text) : undefined };
}
