import { cart } from "../../commands/cart/cart.ts";
import type { CartItem, CheckoutRequest } from "../../commands/cart/events.ts";
import { linesOf } from "../../commands/cart/state.ts";
import { createOrderNumbers } from "../../commands/claim/order-numbers.ts";
import { shopEvents } from "../../commands/events.ts";
import { order } from "../../commands/order/order.ts";
import type { PlacedOrder } from "../../commands/order/state.ts";
import { paymentIdOf } from "../../commands/order/state.ts";
import { payment } from "../../commands/payment/payment.ts";
import type { InitiatedPayment } from "../../commands/payment/state.ts";
import { priceOrder } from "../../commands/pricing.ts";
import { runCheckout } from "../../commands/processes/checkout.ts";
import type { CheckoutResult } from "../../commands/processes/checkout-attempt.ts";
import type { ProcessContext } from "../../commands/processes/process.ts";
import type { Shop, ShopSettings } from "../../commands/processes/shop.ts";
import { attemptsOf } from "../../commands/processes/start-checkout.ts";
import { availableOf, type Stock } from "../../commands/stock/state.ts";
import { stock } from "../../commands/stock/stock.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { type CommandContext, Engine, type EngineOptions } from "../../src/engine/write/engine.ts";
import type { EventStore } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { type Bank, createBank } from "./bank.ts";

export const shopCodec = createCodec(shopEvents);

export const shopSettings: ShopSettings = {
  currency: "USD",
  timeZone: "UTC",
  tax: { rateBp: 700, included: false, per: "line", rounding: "half_up" },
  shippingPrices: { standard: 500, express: 1_500, overnight: 3_000 },
  capture: "checkout",
  orderNumberPrefix: "ORD",
  reservationMs: 900_000,
  cartLifeMs: 7 * 86_400_000,
  returnMs: 30 * 86_400_000,
  transferMs: 7 * 86_400_000,
  refundApprovalFrom: 0,
  returnApproval: "staff",
  checkoutNeedsQuote: false,
  gatewayTimeoutMs: 5_000,
};

/** A clock that stands still until it is moved. */
export interface TestClock {
  now: number;
}

export interface CheckoutOptions {
  token?: string;
  method?: CheckoutRequest["payment"]["method"];
  /** Minor units; 0 with a price of 0 is a free order. */
  shipping?: number;
}

export interface Line {
  sku: string;
  quantity?: number;
  unitPrice?: number;
}

export interface TestShop extends Shop {
  bank: Bank;
  clock: TestClock;
  /** The context of a process that a request has started. */
  readonly context: ProcessContext;
  /** The context of a command of its own. */
  by(commandId?: string): CommandContext;
  receive(sku: string, quantity: number): Promise<void>;
  /** Opens a cart with these lines and starts its checkout. @returns the ids that follow from it */
  start(lines: readonly Line[], options?: CheckoutOptions): Promise<Started>;
  /** A started checkout, run. */
  checkOut(lines: readonly Line[], options?: CheckoutOptions): Promise<Started & { result: CheckoutResult }>;
  orderOf(orderId: string): Promise<PlacedOrder>;
  paymentOf(orderId: string): Promise<InitiatedPayment>;
  stockOf(sku: string): Promise<Stock & { available: number }>;
  phaseOf(cartId: string): Promise<string>;
}

export interface Started {
  cartId: string;
  orderId: string;
  paymentId: string;
}

export interface TestShopOptions {
  events: EventStore;
  settings?: Partial<ShopSettings>;
  bank?: Bank;
  clock?: TestClock;
  limits?: EngineOptions["limits"];
}

/** The write side of a shop as one process has it. Two on one log are two processes. */
export function createShop(options: TestShopOptions): TestShop {
  const { events, settings, bank = createBank(), clock = { now: Date.UTC(2026, 0, 15, 12) } } = options;
  const engine = new Engine({ events, codec: shopCodec, ...(options.limits && { limits: options.limits }) });
  const by = (commandId = newId()): CommandContext => ({
    commandId,
    now: clock.now,
    actor: "test",
    correlationId: "test",
  });
  const shop: TestShop = {
    engine,
    gateway: bank,
    numbers: createOrderNumbers(engine, "ORD", () => clock.now),
    imports: { run: async () => {} },
    settings: { ...shopSettings, ...settings },
    bank,
    clock,
    get context() {
      return { clock: () => clock.now, commandId: newId(), actor: "test", correlationId: "test" };
    },
    by,
    async receive(sku, quantity) {
      await engine.execute(stock, sku, "Receive", { quantity }, by());
    },
    start: (lines, options) => startCheckout(shop, newId(), lines, options),
    async checkOut(lines, options) {
      const started = await shop.start(lines, options);
      return { ...started, result: await runCheckout(shop, started.cartId, shop.context) };
    },
    orderOf: (orderId) =>
      engine.read(order, orderId, (state) => {
        if (state.phase !== "placed") throw new Error("there is no order");
        return state;
      }),
    paymentOf: (orderId) =>
      engine.read(payment, paymentIdOf(orderId), (state) => {
        if (state.phase === "absent") throw new Error("there is no payment");
        return state;
      }),
    stockOf: (sku) => engine.read(stock, sku, (state) => ({ ...state, available: availableOf(state) })),
    phaseOf: (cartId) => engine.read(cart, cartId, ({ phase }) => phase),
  };
  return shop;
}

/** What opens carts and starts their checkouts. */
export type Till = Pick<TestShop, "engine" | "settings" | "numbers" | "by">;

export async function startCheckout(
  shop: Till,
  cartId: string,
  lines: readonly Line[],
  options: CheckoutOptions = {},
): Promise<Started> {
  const { engine, by } = shop;
  const { currency, cartLifeMs: lifeMs } = shop.settings;
  const items = lines.map(
    ({ sku, quantity = 1, unitPrice = 1_000 }): CartItem => ({
      sku,
      productId: `p-${sku}`,
      name: sku,
      quantity,
      unitPrice,
    }),
  );
  await engine.execute(cart, cartId, "Open", { currency, lifeMs }, by());
  await engine.execute(cart, cartId, "Add", { cartId, items, currency, lifeMs }, by());
  return restartCheckout(shop, cartId, options);
}

/** Starts the (next) checkout of a cart that is there. */
export async function restartCheckout(
  shop: Till,
  cartId: string,
  { token = "tok_ok", method = "credit_card", shipping = 500 }: CheckoutOptions = {},
): Promise<Started> {
  const request = await shop.engine.read(cart, cartId, (state): CheckoutRequest => {
    if (state.phase === "absent") throw new Error("there is no cart");
    const lines = linesOf(state);
    const { tax } = shop.settings;
    return {
      email: "buyer@example.com",
      shippingMethod: "standard",
      payment: { method, token },
      quote: {
        unitPrices: lines.map(({ unitPrice }) => unitPrice),
        shipping,
        tax,
        total: priceOrder(lines, shipping, tax).totals.total,
      },
    };
  });
  const number = await shop.numbers.next("2026-01-15");
  const command = { cartId, request, attemptOf: attemptsOf(cartId, number) };
  const { result: orderId } = await shop.engine.execute(
    cart,
    cartId,
    "StartCheckout",
    command,
    shop.by(),
    (state) => (state.phase === "locked" ? state.checkout.orderId : ""),
  );
  return { cartId, orderId, paymentId: paymentIdOf(orderId) };
}
