import { type CartItem, type CheckoutRequest, cart, cartEvents, linesOf } from "../../commands/cart/cart.ts";
import { claimEvents } from "../../commands/claim/claim.ts";
import { orderEvents } from "../../commands/order/events.ts";
import { order, type PlacedOrder } from "../../commands/order/order.ts";
import { type InitiatedPayment, payment, paymentEvents } from "../../commands/payment/payment.ts";
import { priceOrder } from "../../commands/pricing.ts";
import {
  type CheckoutResult,
  orderIdOf,
  paymentIdOf,
  runCheckout,
} from "../../commands/processes/checkout.ts";
import type { ProcessContext, Shop, ShopSettings } from "../../commands/processes/shop.ts";
import { availableOf, type Stock, stock, stockEvents } from "../../commands/stock/stock.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { type CommandContext, Engine } from "../../src/engine/write/engine.ts";
import { createExclusive } from "../../src/engine/write/exclusive.ts";
import type { EventStore } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { type Bank, createBank } from "./bank.ts";

export const shopCodec = createCodec(stockEvents, cartEvents, orderEvents, paymentEvents, claimEvents);

export const shopSettings: ShopSettings = {
  currency: "USD",
  timeZone: "UTC",
  tax: { rateBp: 700, included: false, per: "line", rounding: "half_up" },
  shippingPrices: { standard: 500, express: 1_500, overnight: 3_000 },
  capture: "checkout",
  orderNumberPrefix: "ORD",
  reservationMs: 900_000,
  cartLifeMs: 7 * 86_400_000,
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
  context: ProcessContext;
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
}

/** The write side of a shop as one process has it. Two on one log are two processes. */
export function createShop(options: TestShopOptions): TestShop {
  const { events, settings, bank = createBank(), clock = { now: Date.UTC(2026, 0, 15, 12) } } = options;
  const engine = new Engine({ events, codec: shopCodec });
  const by = (commandId = newId()): CommandContext => ({
    commandId,
    now: clock.now,
    actor: "test",
    correlationId: "test",
  });
  const shop: TestShop = {
    engine,
    gateway: bank,
    exclusive: createExclusive(),
    settings: { ...shopSettings, ...settings },
    bank,
    clock,
    context: { clock: () => clock.now, actor: "test", correlationId: "test" },
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
        if (state.phase === "absent") throw new Error("there is no order");
        return structuredClone(state);
      }),
    paymentOf: (orderId) =>
      engine.read(payment, paymentIdOf(orderId), (state) => {
        if (state.phase === "absent") throw new Error("there is no payment");
        return structuredClone(state);
      }),
    stockOf: (sku) =>
      engine.read(stock, sku, (state) => ({ ...structuredClone(state), available: availableOf(state) })),
    phaseOf: (cartId) => engine.read(cart, cartId, ({ phase }) => phase),
  };
  return shop;
}

export async function startCheckout(
  shop: TestShop,
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
  shop: TestShop,
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
  const command = { cartId, request, orderIdOf: (attempt: number) => orderIdOf(cartId, attempt) };
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
