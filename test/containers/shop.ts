import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** Nothing has been done, or a proxy does not know what has. */
const excused = [502, 503, 504];
/** As long as a client of a shop waits. */
const answerMsMax = 15_000;
const retryAfterMs = 250;
/** Until it knows what became of what it sent, faults included. */
const resolvedWithinMs = 120_000;
const readyEveryMs = 300;
const onSaleWithinMs = 60_000;
const askedInARow = 6;
const pageSize = 100;

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers as a client does
type Body = any;

export interface Reply {
  status: number;
  headers: Headers;
  body: Body;
}

export interface Purchase {
  key: string;
  cart: string;
  token: string;
  order: string;
}

const address = {
  fullName: "Ada Byron",
  addressLine1: "12 St James Square",
  city: "London",
  postalCode: "SW1Y 4JH",
  country: "GB",
};
const checkoutBody = {
  email: "ada@example.com",
  shippingAddress: address,
  payment: { method: "credit_card", token: "tok_ok" },
};

/** A shop spoken to as its customers and its staff do. */
export class Shop {
  private readonly url: string;
  private readonly staff: { authorization: string };

  constructor(url: string, adminApiKey: string) {
    this.url = url;
    this.staff = { authorization: `Bearer ${adminApiKey}` };
  }

  async call(method: string, path: string, body?: unknown, headers: object = {}): Promise<Reply> {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMsMax),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  }

  /** As staff; what is not done is an error. */
  async asStaff(method: string, path: string, body?: unknown): Promise<Body> {
    const { status, body: answer } = await this.call(method, path, body, this.staff);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Puts something on sale, in plenty. */
  async sell(sku: string, quantity: number): Promise<void> {
    const price = { amount: 500, currency: "USD" };
    const { id } = await this.asStaff("POST", "/v1/products", { name: sku, variants: [{ sku, price }] });
    await this.asStaff("POST", `/v1/products/${id}/publish`);
    await this.asStaff("POST", `/v1/stock/${sku}/receipts`, { quantity });
    await this.onSale(sku);
  }

  /** Waits until every process that may be asked knows of it. */
  private async onSale(sku: string): Promise<void> {
    const endsAt = Date.now() + onSaleWithinMs;
    for (let inARow = 0; inARow < askedInARow; await sleep(readyEveryMs)) {
      if (Date.now() > endsAt) throw new Error(`${sku} is not on sale within ${onSaleWithinMs} ms`);
      const { status, body } = await this.call("GET", `/v1/products?skus=${sku}`);
      inARow = status === 200 && body.items.length === 1 ? inARow + 1 : 0;
    }
  }

  /** Every order of a SKU. */
  async orders(sku: string): Promise<Body[]> {
    const found: Body[] = [];
    let cursor = "";
    do {
      const page = await this.asStaff("GET", `/v1/orders?sku=${sku}&limit=${pageSize}${cursor}`);
      found.push(...page.items);
      cursor = page.nextCursor === null ? "" : `&cursor=${encodeURIComponent(page.nextCursor)}`;
    } while (cursor !== "");
    return found;
  }

  /** Waits until everything works: commands, read models, and each store. */
  async ready(withinMs: number): Promise<void> {
    const endsAt = Date.now() + withinMs;
    let last: unknown;
    while (Date.now() < endsAt) {
      try {
        const { status, body } = await this.call("GET", "/health/ready");
        if (status === 200 && body.status === "ready") return;
        last = body;
      } catch (error) {
        last = error;
      }
      await sleep(readyEveryMs);
    }
    throw new Error(
      `not ready within ${withinMs} ms: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
    );
  }

  checkOut({ cart, token, key }: Omit<Purchase, "order">): Promise<Reply> {
    const headers = { "cart-token": token, "idempotency-key": key };
    return this.call("POST", `/v1/carts/${cart}/checkout`, checkoutBody, headers);
  }
}

/** Customers who go on buying one piece after another, and ask again with the same key until they know. */
export class Buyers {
  /** What the shop has said that they have bought. */
  readonly bought: Purchase[] = [];
  /** How often there was which answer, or none. */
  readonly answers = new Map<string, number>();
  /** Answers that no fault of a store excuses. */
  readonly wrong: string[] = [];
  private readonly shop: Shop;
  private readonly sku: string;
  private readonly pauseMs: number;
  private running: Promise<void>[] = [];
  private isOpen = false;

  constructor(shop: Shop, sku: string, pauseMs: number) {
    this.shop = shop;
    this.sku = sku;
    this.pauseMs = pauseMs;
  }

  start(count: number): void {
    this.isOpen = true;
    this.running = Array.from({ length: count }, async () => {
      while (this.isOpen) {
        await this.buy();
        await sleep(this.pauseMs);
      }
    });
  }

  /** Everybody learns what became of the last purchase. */
  async stop(): Promise<void> {
    this.isOpen = false;
    await Promise.all(this.running);
  }

  /** Waits until so many more have bought. */
  async buyMore(count: number, withinMs: number): Promise<void> {
    const enough = this.bought.length + count;
    const endsAt = Date.now() + withinMs;
    while (this.bought.length < enough) {
      if (Date.now() > endsAt)
        throw new Error(
          `only ${this.bought.length - enough + count} of ${count} orders within ${withinMs} ms; ${this.told()}`,
        );
      await sleep(readyEveryMs);
    }
  }

  told(): string {
    return [...this.answers].map(([answer, count]) => `${answer}: ${count}`).join(", ");
  }

  private async buy(): Promise<void> {
    const { shop, sku } = this;
    const open = await this.until(201, () => shop.call("POST", "/v1/carts", {}, keyed()));
    const cart = { cart: open.body.id as string, token: open.body.cartToken as string };
    const adding = { ...keyed(), "cart-token": cart.token };
    const line = { sku, quantity: 1 };
    await this.until(200, () => shop.call("POST", `/v1/carts/${cart.cart}/items`, line, adding));
    const key = randomUUID();
    const { body } = await this.until(201, () => shop.checkOut({ ...cart, key }));
    this.bought.push({ ...cart, key, order: body.id });
  }

  /** Sends the same again until it is answered as it should be, also while the attempt before goes on. */
  private async until(status: number, send: () => Promise<Reply>): Promise<Reply> {
    const endsAt = Date.now() + resolvedWithinMs;
    for (;;) {
      const reply = await send().catch((error: unknown) => error as Error);
      if (reply instanceof Error) this.count(reply.name === "TimeoutError" ? "timeout" : "no connection");
      else {
        this.count(reply.status === status ? `${status}` : `${reply.status} ${reply.body.code}`);
        if (reply.status === status) return reply;
        if (!excused.includes(reply.status) && reply.body.code !== "request_in_progress")
          this.wrong.push(`${reply.status} ${JSON.stringify(reply.body)}`);
      }
      if (Date.now() > endsAt) throw new Error(`not answered within ${resolvedWithinMs} ms: ${this.told()}`);
      await sleep(retryAfterMs);
    }
  }

  private count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }
}

function keyed(): { "idempotency-key": string } {
  return { "idempotency-key": randomUUID() };
}
