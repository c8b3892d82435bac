import type { PaymentMethod } from "../../../commands/cart/events.ts";
import type { App } from "../../http/server.ts";
import { deriveId } from "../../values/ids.ts";
import type { Money } from "../../values/money.ts";
import type { Dice } from "./dice.ts";

/** What the stories of the week look at in an answer. */
export interface Told {
  id: string;
  status: string;
  paymentStatus: string;
  code: string;
  cartToken: string;
  paymentId: string;
  shipmentId: string;
  returnId: string;
  refundId: string;
  lines: { lineId: number; sku: string; quantity: number; unitPrice: Money }[];
  payments: {
    id: string;
    status: string;
    refunds?: { id: string; status: string }[];
    disputes?: { id: string; status: string }[];
  }[];
  totals: { total: Money };
  money: { due: Money; captured: Money; balance: Money };
  atRisk: { orderId: string; quantity: number }[];
  onHand: number;
  committed: number;
  damaged: number;
  quarantine: number;
  available: number;
}

export interface Answer {
  status: number;
  body: Told;
}

export interface Payment {
  method: PaymentMethod;
  token?: string;
}

export interface PlayedShop {
  app: App;
  /** The staff's key. */
  key: string;
  seed: number;
  currency: string;
  /** What customers choose from. */
  skus: readonly string[];
  /** Bought only to be counted. */
  countedSku: string;
  /** Ids of events that the gateway has sent, whose webhooks have still to be handled. */
  sent: string[];
}

const firstNames = ["Ada", "Blaise", "Carla", "Denis", "Edsger", "Grace", "Hedy", "Ivan", "Joan", "Kurt"];
const lastNames = [
  "Byron",
  "Clarke",
  "Hopper",
  "Kahn",
  "Lamarr",
  "Moser",
  "Naur",
  "Ortiz",
  "Perlis",
  "Quine",
];
const cities = [
  { city: "London", postalCode: "N1 1AA", country: "GB" },
  { city: "Utrecht", postalCode: "3511 AA", country: "NL" },
  { city: "Lyon", postalCode: "69001", country: "FR" },
  { city: "Graz", postalCode: "8010", country: "AT" },
];

/**
 * One customer and what staff does for them, over HTTP as from outside. Every command has a key of its own, made from
 * the seed: the same week has the same ids.
 */
export class Visit {
  readonly dice: Dice;
  readonly shop: PlayedShop;
  /** The gateway has promised something: the week does not end before it has kept it. */
  isPromised = false;
  private readonly name: string;
  private requests = 0;
  private cartId = "";
  /** What the customer sends; of a draft, staff. */
  private owner: Record<string, string> = {};
  private orderId: string | undefined;
  /** Where the log stood at the last answer: what is looked at is at least that new. */
  private position: string | undefined;

  /** @param name of the visit, unlike all others of the week */
  constructor(shop: PlayedShop, name: string, dice: Dice) {
    this.shop = shop;
    this.name = name;
    this.dice = dice;
  }

  /** As staff. @param allowed statuses that are no surprise; any success when it is left out */
  async staff(path: string, body?: object, allowed?: readonly number[]): Promise<Answer> {
    return this.send("POST", path, this.asStaff, body, allowed);
  }

  /** As the customer, who holds the cart's token. */
  async guest(path: string, body?: object, allowed?: readonly number[]): Promise<Answer> {
    return this.send("POST", path, this.owner, body, allowed);
  }

  async staffGet(path: string): Promise<Told> {
    const asNewAs = this.position !== undefined && { "min-position": this.position, prefer: "wait=5" };
    return (await this.send("GET", path, { ...this.asStaff, ...asNewAs })).body;
  }

  async open(): Promise<void> {
    const { body } = await this.send("POST", "/v1/carts", {}, {});
    this.cartId = body.id;
    this.owner = { "cart-token": body.cartToken };
  }

  async openDraft(): Promise<void> {
    this.cartId = (await this.staff("/v1/carts", { draft: true })).body.id;
    this.owner = this.asStaff;
  }

  private get asStaff() {
    return { authorization: `Bearer ${this.shop.key}` };
  }

  private get cart(): string {
    return `/v1/carts/${this.cartId}`;
  }

  async add(sku: string, quantity: number): Promise<void> {
    await this.guest(`${this.cart}/items`, { sku, quantity });
  }

  async abandon(): Promise<void> {
    await this.send("DELETE", this.cart, this.owner);
  }

  /** Opens a cart with so many different things in it. */
  async fill(lines = this.dice.upTo(3), most = 3): Promise<void> {
    await this.open();
    for (const sku of this.pickSkus(lines)) await this.add(sku, this.dice.upTo(most));
  }

  pickSkus(count: number): string[] {
    return this.dice.shuffled(this.shop.skus).slice(0, count);
  }

  async checkOut(
    payment: Payment,
    { shippingMethod = "standard", allowed }: { shippingMethod?: string; allowed?: readonly number[] } = {},
  ): Promise<Answer> {
    const { dice } = this;
    const fullName = `${dice.pick(firstNames)} ${dice.pick(lastNames)}`;
    const email = `${fullName.toLowerCase().replace(" ", ".")}@example.com`;
    const address = { fullName, addressLine1: `${dice.upTo(90)} High Street`, ...dice.pick(cities) };
    const body = { email, shippingAddress: address, shippingMethod, payment };
    const answer = await this.guest(`${this.cart}/checkout`, body, allowed);
    if (answer.status === 201) this.orderId = answer.body.id;
    return answer;
  }

  /** Refunds of the order that the shop has somebody approve. */
  async approveWaiting(): Promise<void> {
    if (this.orderId === undefined) return;
    const { payments } = await this.staffGet(`/v1/orders/${this.orderId}`);
    for (const { id, status } of payments.flatMap(({ refunds = [] }) => refunds))
      if (status === "awaiting_approval")
        await this.staff(`/v1/refunds/${id}/approve`, undefined, [200, 202, 402]);
  }

  /** What a gateway tells by webhook. */
  async webhook(event: { type: string; paymentId: string } & Record<string, unknown>, copies = 1) {
    const id = `evt_${deriveId(this.shop.seed, this.name, "event", this.requests)}`;
    this.shop.sent.push(id);
    await this.staff("/v1/sandbox/events", { event: { id, ...event }, copies });
  }

  private async send(
    method: "GET" | "POST" | "DELETE",
    url: string,
    headers: Record<string, string>,
    payload?: object,
    allowed?: readonly number[],
  ): Promise<Answer> {
    const key = deriveId(this.shop.seed, this.name, "request", this.requests++);
    const request = { method, url, headers: { ...headers, "idempotency-key": key } };
    const answer = await this.shop.app.inject({ ...request, ...(payload && { payload }) });
    const { statusCode: status, body: text } = answer;
    const { position } = answer.headers;
    if (typeof position === "string") this.position = position;
    const isFine = allowed ? allowed.includes(status) : status < 300;
    if (!isFine) throw new Error(`${this.name}: ${method} ${url} was answered ${status} ${text}`);
    return { status, body: JSON.parse(text) as Told };
  }
}
