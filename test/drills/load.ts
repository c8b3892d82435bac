import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, Client, type ClientOptions, type Request, Tally, Unresolved } from "./client.ts";

const shoppers = 4;
const pauseMs = 150;
/** Where hundreds want the same pieces at once. */
const crowdPatienceMs = 60_000;
/** Of one purchase: each attempt under its own key, for a checkout may be undone. */
const checkoutsMax = 5;
const receiptEveryMs = 700;
/** Orders that are looked at, at once. */
const looksMax = 60;

export interface Guest {
  "cart-token": string;
}

export interface Purchase {
  cartId: string;
  orderId: string;
  number: string;
  sku: string;
  quantity: number;
  /** Minor units. */
  total: number;
  key: string;
  guest: Guest;
}

export interface Receipt {
  /** Told with it, and nobody else's. */
  reference: string;
  sku: string;
  quantity: number;
}

/** What shops and shoppers were told: it has to be true for ever. */
export interface Acknowledged {
  purchases: Purchase[];
  receipts: Receipt[];
  /** Carts whose owner went away while they were checked out: each has become one order, or is open again. */
  leftCarts: string[];
}

export interface LoadOptions extends ClientOptions {
  staff: Record<string, string>;
  skus: readonly string[];
  acknowledged: Acknowledged;
}

const checkoutBody = {
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

/** Shoppers who buy, and staff who receive goods, until they are told to stop. */
export class Load {
  readonly tally = new Tally();
  private readonly options: LoadOptions;
  private readonly client: Client;
  private readonly stopping = new AbortController();
  private readonly workers: Promise<void>[];
  /** Buying does not wait for them: commands go on while read models are away. */
  private readonly looks = new Set<Promise<void>>();

  constructor(options: LoadOptions) {
    this.options = options;
    this.client = new Client(options, this.tally);
    const shopper = (_: unknown, index: number) => this.repeat(pauseMs, () => this.shop(index));
    this.workers = [
      ...Array.from({ length: shoppers }, shopper),
      this.repeat(receiptEveryMs, () => this.receive()),
    ];
  }

  /** Everybody brings to its end what is begun. */
  async stop(): Promise<Tally> {
    this.stopping.abort();
    await Promise.all(this.workers);
    await Promise.all(this.looks);
    return this.tally;
  }

  private async repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await work();
      } catch (error) {
        this.tally.complain(`unresolved: ${(error as Error).stack}`);
        if (!(error instanceof Unresolved)) return;
      }
      await sleep(everyMs * (0.5 + Math.random()), undefined, { signal: this.stopping.signal }).catch(
        () => {},
      );
    }
  }

  private async shop(index: number): Promise<void> {
    const { skus, acknowledged } = this.options;
    const sku = skus[Math.floor(Math.random() * skus.length)] as string;
    const purchase = await buy(this.client, this.tally, { sku, quantity: 1 + (index % 3) });
    if (!purchase) return;
    acknowledged.purchases.push(purchase.told);
    if (this.looks.size >= looksMax) await Promise.race(this.looks);
    const look = this.look(purchase.told, purchase.position)
      .catch((error: Error) => this.tally.complain(`unresolved: ${error.stack}`))
      .finally(() => this.looks.delete(look));
    this.looks.add(look);
  }

  /** Cart and order are shown to who has bought it, as they were told. */
  private async look(
    { cartId, orderId, number, total, sku, quantity, guest }: Purchase,
    position: string,
  ): Promise<void> {
    const headers = { ...guest, "min-position": position };
    const { body } = await this.client.ask({ method: "GET", path: `/v1/orders/${orderId}`, headers });
    const shown = {
      number: body.number,
      total: body.totals?.total.amount,
      lines: body.lines?.map((line: { sku: string; quantity: number }) => [line.sku, line.quantity]),
    };
    const told = { number, total, lines: [[sku, quantity]] };
    if (JSON.stringify(shown) !== JSON.stringify(told))
      this.tally.complain(
        `order ${orderId} is shown as ${JSON.stringify(shown)}, told ${JSON.stringify(told)}`,
      );
    const cart = (await this.client.ask({ method: "GET", path: `/v1/carts/${cartId}`, headers })).body;
    if (cart.status !== "converted" || cart.orderId !== orderId || cart.itemCount !== quantity)
      this.tally.complain(`the cart ${cartId} of order ${orderId} is shown as ${JSON.stringify(cart)}`);
    const list = await this.client.ask({ method: "GET", path: "/v1/products?limit=5" });
    if (!Array.isArray(list.body.items) || list.body.items.length === 0)
      this.tally.complain(`the list of products is ${JSON.stringify(list.body)}`);
  }

  private async receive(): Promise<void> {
    const { staff, skus, acknowledged } = this.options;
    const sku = skus[0] as string;
    const receipt = { quantity: 1 + Math.floor(Math.random() * 3), reference: randomUUID() };
    await this.client.command({
      method: "POST",
      path: `/v1/stock/${sku}/receipts`,
      body: receipt,
      headers: staff,
    });
    acknowledged.receipts.push({ ...receipt, sku });
  }
}

export interface Bought {
  told: Purchase;
  position: string;
}

/** Puts a product on sale, with a variant for each SKU and so many pieces of each. */
export async function sell(
  client: Client,
  staff: Record<string, string>,
  skus: readonly string[],
  pieces: number,
): Promise<void> {
  const send = (path: string, body?: object) =>
    client.command({ method: "POST", path, body, headers: staff });
  const variants = skus.map((sku) => ({ sku, price: { amount: 1_999, currency: "USD" } }));
  const made = await send("/v1/products", { name: `A product for drills: ${skus.join(" ")}`, variants });
  await send(`/v1/products/${made.body.id}/publish`);
  for (const sku of skus) await send(`/v1/stock/${sku}/receipts`, { quantity: pieces });
}

/** A cart that is open, with one line. */
export async function fillCart(
  client: Client,
  tally: Tally,
  { sku, quantity }: { sku: string; quantity: number },
): Promise<{ cartId: string; guest: Guest }> {
  const opened = await client.command({ method: "POST", path: "/v1/carts" });
  const cartId = String(opened.body.id);
  const guest = { "cart-token": String(opened.body.cartToken) };
  const line = { method: "POST", path: `/v1/carts/${cartId}/items`, body: { sku, quantity } } as const;
  const added = await client.command({ ...line, headers: guest });
  if (added.body.itemCount !== quantity)
    tally.complain(`the cart ${cartId} holds ${JSON.stringify(added.body)} after adding ${quantity}`);
  return { cartId, guest };
}

/** Fills a cart and checks it out. @returns undefined when its checkout was undone again and again, and told so */
async function buy(
  client: Client,
  tally: Tally,
  { sku, quantity }: { sku: string; quantity: number },
): Promise<Bought | undefined> {
  const { cartId, guest } = await fillCart(client, tally, { sku, quantity });
  const checkout = checkoutOf({ cartId, guest });
  for (let tries = 0; tries < checkoutsMax; tries++) {
    const key = randomUUID();
    const answer = await client.command(checkout, key);
    if (answer.status === 503) {
      tally.undone++;
      continue;
    }
    const bought = boughtBy(answer, { cartId, sku, quantity, key, guest });
    if (answer.body.status !== "paid")
      tally.complain(`the checkout of ${cartId}: ${JSON.stringify(answer.body)}`);
    // Now and then a client that has lost its answer sends again what is done.
    if (Math.random() < 0.25) await sendAgain(client, tally, bought);
    return { told: bought, position: String(answer.headers.get("position")) };
  }
  return undefined;
}

export function checkoutOf({ cartId, guest }: { cartId: string; guest: Guest }): Request {
  const headers = { ...guest };
  return { method: "POST", path: `/v1/carts/${cartId}/checkout`, body: checkoutBody, headers };
}

function boughtBy(
  { body }: Answer,
  request: Pick<Purchase, "cartId" | "sku" | "quantity" | "key" | "guest">,
): Purchase {
  return {
    ...request,
    orderId: String(body.id),
    number: String(body.number),
    total: body.totals.total.amount,
  };
}

/** The same key again: the same answer, and nothing new. */
export async function sendAgain(client: Client, tally: Tally, told: Purchase): Promise<void> {
  const answer = await client.command(checkoutOf(told), told.key);
  const again = boughtBy(answer, told);
  if (JSON.stringify(again) !== JSON.stringify(told))
    tally.complain(`the same key was answered ${JSON.stringify(told)}, then ${JSON.stringify(again)}`);
  if (answer.headers.get("idempotent-replayed") !== "true")
    tally.complain(`the answer of order ${told.orderId} was not told as one that is given again`);
}

/** One attempt to buy, with what may come of it: an order, or no piece left. */
export async function checkOutOnce(client: Client, cart: { cartId: string; guest: Guest }): Promise<Answer> {
  return client.command({
    ...checkoutOf(cart),
    ends: [409],
    patienceMs: crowdPatienceMs,
  });
}

/** Sends a checkout and goes away: nobody waits for its answer, or asks again. */
export function checkOutAndLeave(url: string, { cartId, guest }: { cartId: string; guest: Guest }): void {
  fetch(`${url}/v1/carts/${cartId}/checkout`, {
    method: "POST",
    body: JSON.stringify(checkoutBody),
    headers: { ...guest, "content-type": "application/json", "idempotency-key": randomUUID() },
  }).then(
    (answer) => answer.body?.cancel(),
    () => {},
  );
}
