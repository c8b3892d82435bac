import { setTimeout as sleep } from "node:timers/promises";
import { expect, vi } from "vitest";
import { type Body, Client, Tally } from "../drills/client.ts";
import { type Acknowledged, Load, sell } from "../drills/load.ts";

const stockedPieces = 100_000;
const pageSize = 100;
const lookEveryMs = 300;
const lookTimeoutMs = 5_000;
const readyWithinMs = 90_000;
/** After a fault, on a machine that is busy with all of this at once. */
const boughtWithinMs = 120_000;
const ordersAfterwards = 5;

export interface ShopOptions {
  url: string;
  adminApiKey: string;
  /** Of what is bought. */
  sku: string;
  isProxied?: boolean;
}

/** A shop spoken to from outside, as its customers and its staff do. */
export class Shop {
  readonly url: string;
  readonly sku: string;
  readonly staff: { authorization: string };
  readonly tally = new Tally();
  readonly client: Client;
  readonly acknowledged: Acknowledged = { purchases: [], receipts: [], leftCarts: [] };
  /** Pieces that there were before the first purchase. */
  readonly stocked = stockedPieces;
  private readonly isProxied: boolean;

  constructor({ url, adminApiKey, sku, isProxied = false }: ShopOptions) {
    this.url = url;
    this.sku = sku;
    this.staff = { authorization: `Bearer ${adminApiKey}` };
    this.isProxied = isProxied;
    this.client = new Client({ urls: () => [url], isProxied }, this.tally);
  }

  async open(): Promise<void> {
    await this.ready();
    await sell(this.client, this.staff, [this.sku], stockedPieces);
  }

  /** Waits until everything works: commands, read models, and each store. */
  async ready(): Promise<void> {
    const look = async () => {
      const signal = AbortSignal.timeout(lookTimeoutMs);
      const answer = await fetch(`${this.url}/health/ready`, { signal });
      return { status: answer.status, body: await answer.json() };
    };
    const isReady = { status: 200, body: { status: "ready" } };
    const wait = { timeout: readyWithinMs, interval: lookEveryMs };
    await vi.waitFor(async () => expect(await look()).toMatchObject(isReady), wait);
  }

  /** People buy before, during and after what happens, and are told nothing that is wrong. */
  async whileBuying(happens: () => Promise<unknown>): Promise<void> {
    const { url, sku, staff, isProxied, acknowledged } = this;
    const load = new Load({ urls: () => [url], isProxied, staff, skus: [sku], acknowledged });
    let tally: Tally;
    try {
      await this.bought(1);
      await happens();
      await this.bought(ordersAfterwards);
    } finally {
      tally = await load.stop();
      console.log(`${acknowledged.purchases.length} orders; ${tally}`, ...tally.wrong);
    }
    expect(tally.wrong).toEqual([]);
    await this.ready();
  }

  /** Waits until so many more have bought. */
  async bought(more: number): Promise<void> {
    const { purchases } = this.acknowledged;
    const enough = purchases.length + more;
    const endsAt = performance.now() + boughtWithinMs;
    while (purchases.length < enough) {
      if (performance.now() > endsAt)
        throw new Error(
          `${enough - purchases.length} of ${more} orders are missing after ${boughtWithinMs} ms`,
        );
      await sleep(lookEveryMs);
    }
  }

  /** Makes a reader of staff's that is told of everything up to now: behind a write that is made for it. */
  async asOfNow(): Promise<(path: string) => Promise<Body>> {
    const { client, staff } = this;
    const cart = await client.command({ method: "POST", path: "/v1/carts" });
    const headers = { ...staff, "min-position": String(cart.headers.get("position")) };
    return async (path) => (await client.ask({ method: "GET", path, headers })).body;
  }

  /** Every order of what is bought here, as of now. */
  async orders(): Promise<Body[]> {
    const read = await this.asOfNow();
    const found: Body[] = [];
    for (let cursor = ""; ; ) {
      const page = await read(`/v1/orders?sku=${this.sku}&limit=${pageSize}${cursor}`);
      found.push(...page.items);
      if (page.nextCursor === null) return found;
      cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
  }
}
