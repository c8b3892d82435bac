import { hash } from "node:crypto";
import type { z } from "zod";
import { anyTime, type Engine } from "../../src/engine/write/engine.ts";
import type { Money } from "../../src/values/money.ts";
import { notFound, Problem } from "../../src/values/problem.ts";
import { type PricedOrder, priceOrder } from "../pricing.ts";
import { categoryPath } from "../processes/groups.ts";
import { type ShippingMethod, type Shop, shippingMethods } from "../processes/shop.ts";
import { findSku } from "../processes/skus.ts";
import { type Offer, offerOf, product } from "../product/product.ts";
import { cart, requireOpen, requireTotal } from "./cart.ts";
import type { CartDetails, CartItem, quoteSchema } from "./events.ts";
import { type Cart, type CartLine, linesOf } from "./state.ts";

/** What is taken of who has chosen none. */
export const shippingMethodDefault: ShippingMethod = "standard";

/** Where others write the log, too, a product may be sold as it was a moment ago. */
const offerAgeMsMax = 1_000;

export type Quote = z.output<typeof quoteSchema>;

export interface QuotedCart {
  quote: Quote;
  priced: PricedOrder;
  /** At the prices of now. */
  lines: CartLine[];
  /** What a line was added at, where that is another price, by line id. */
  was: Map<string, number>;
  shippingMethod: ShippingMethod;
  /** What the cart keeps for its checkout. */
  details: CartDetails;
  currency: string;
  /** Of the cart that was quoted: the checkout must start on the same. */
  revision: number;
}

/**
 * What a SKU, however it is written, is sold as right now.
 * @throws Problem not_found, not_for_sale
 */
export async function findOffer(engine: Engine, sku: string): Promise<Offer & { productId: string }> {
  // Which product has a SKU is told by that product's offer, too: its claim may be older.
  const recent = await recentOffer(engine, sku);
  if (recent?.forSale) return recent;
  // What is refused is refused for how it is now.
  const now = performance.now();
  const offer = await offerAsOf(engine, sku, now, now);
  if (!offer) throw notFound("SKU", sku);
  if (!offer.forSale) {
    const extras = { sku: offer.sku, asked: sku, productStatus: offer.status };
    throw new Problem("not_for_sale", `${offer.sku} is not for sale`, extras);
  }
  return offer;
}

function recentOffer(engine: Engine, sku: string): ReturnType<typeof offerAsOf> {
  return offerAsOf(engine, sku, performance.now() - offerAgeMsMax, anyTime);
}

async function offerAsOf(
  engine: Engine,
  sku: string,
  asOf: number,
  claimedAsOf: number,
): Promise<(Offer & { productId: string }) | undefined> {
  const known = await findSku(engine, sku, claimedAsOf);
  if (!known) return undefined;
  const offer = await engine.read(product, known.holder, (state) => offerOf(state, known.sku), asOf);
  return offer && { ...offer, productId: known.holder };
}

/** A cart line of a SKU at its price of now, or at one that staff has set (minor units). */
export async function itemOf(
  engine: Engine,
  given: string,
  quantity: number,
  unitPrice?: number,
): Promise<{ item: CartItem; currency: string }> {
  const offer = await findOffer(engine, given);
  const { sku, productId, name, variantName, categoryId, price } = offer;
  const asOf = performance.now() - offerAgeMsMax;
  const category = categoryId === undefined ? offer.category : await categoryPath(engine, categoryId, asOf);
  const item: CartItem = {
    sku,
    productId,
    name: variantName ? `${name}, ${variantName}` : name,
    ...(category !== undefined && { category }),
    quantity,
    unitPrice: unitPrice ?? price.amount,
    ...(unitPrice !== undefined && { priceOverridden: true as const }),
  };
  return { item, currency: price.currency };
}

/**
 * What a line of a cart costs now, whatever it was added at.
 * @returns undefined when it is not for sale any more
 */
export async function priceNow(engine: Engine, sku: string): Promise<number | undefined> {
  const offer = await recentOffer(engine, sku);
  return offer?.forSale ? offer.price.amount : undefined;
}

/**
 * Prices an open cart as it is now: the products' prices of now, but what staff has set stays.
 * @param method another than the cart keeps
 * @throws Problem what a cart that is not open refuses; not_for_sale, cart_empty; validation_failed beyond what money
 *   can hold
 */
export async function quoteCart(
  shop: Shop,
  cartId: string,
  method?: ShippingMethod,
  asOf?: number,
): Promise<QuotedCart> {
  const { engine, settings } = shop;
  const quoted = (state: Cart, revision: number) => {
    const open = requireOpen(state, cartId);
    return { lines: linesOf(open), currency: open.currency, details: open.details, revision };
  };
  const { lines, currency, details, revision } = await engine.read(cart, cartId, quoted, asOf);
  if (lines.length === 0) throw new Problem("cart_empty", "there is nothing in the cart to check out");
  const was = new Map<string, number>();
  const repriced = await Promise.all(
    lines.map(async (line) => {
      const offer = await findOffer(engine, line.sku);
      if (line.priceOverridden || line.unitPrice === offer.price.amount) return line;
      was.set(line.lineId, line.unitPrice);
      return { ...line, unitPrice: offer.price.amount };
    }),
  );
  const shippingMethod = method ?? shippingMethodOf(details);
  const shipping = settings.shippingPrices[shippingMethod];
  const priced = priceLines(repriced, shipping, shop);
  requireTotal(priced.totals.subtotal, "items");
  const unitPrices = repriced.map(({ unitPrice }) => unitPrice);
  const quote = { unitPrices, shipping, tax: settings.tax, total: priced.totals.total };
  return { quote, priced, lines: repriced, was, shippingMethod, details, currency, revision };
}

/** A cart goes by the method that it keeps. */
export function shippingMethodOf({ shippingMethod }: CartDetails): ShippingMethod {
  return shippingMethods.find((each) => each === shippingMethod) ?? shippingMethodDefault;
}

/** All that a customer is asked to agree to, in one short text: whoever checks out by it is charged just that. */
export function quoteHashOf({ quote, lines, shippingMethod, currency }: QuotedCart): string {
  const items = lines.map(({ lineId, quantity, unitPrice }) => [lineId, quantity, unitPrice]);
  const { shipping, tax, total } = quote;
  return hash("sha256", JSON.stringify([items, shippingMethod, shipping, tax, total, currency]), "base64url");
}

/** A quote as customers are shown it: what each line costs now, and what it cost when it was added. */
export function quoteShown(shop: Shop, quoted: QuotedCart) {
  const { lines, priced, was, currency, shippingMethod } = quoted;
  const money = (amount: number): Money => ({ amount, currency });
  const { subtotal, discount, shipping, tax, total } = priced.totals;
  const { rateBp, included } = quoted.quote.tax;
  return {
    quoteHash: quoteHashOf(quoted),
    lines: lines.map(({ lineId, sku, name, quantity, unitPrice }, index) => ({
      lineId,
      sku,
      name,
      quantity,
      unitPrice: money(unitPrice),
      subtotal: money(priced.lines[index]?.subtotal ?? 0),
      discount: money(priced.lines[index]?.discount ?? 0),
      tax: money(priced.lines[index]?.tax ?? 0),
      total: money(priced.lines[index]?.total ?? 0),
    })),
    shippingMethod,
    shippingOptions: shippingOptions(shop),
    taxes: rateBp === 0 ? [] : [{ rateBp, included, amount: money(tax) }],
    totals: {
      subtotal: money(subtotal),
      discount: money(discount),
      shipping: money(shipping),
      tax: money(tax),
      total: money(total),
    },
    changes: lines.flatMap(({ lineId, sku, unitPrice }) => {
      const before = was.get(lineId);
      return before === undefined ? [] : [{ lineId, sku, was: money(before), now: money(unitPrice) }];
    }),
  };
}

/** How an order can be sent, and what that costs: without tax where prices are. */
export function shippingOptions({ settings: { shippingPrices, currency } }: Shop) {
  return shippingMethods.map((method) => ({
    method,
    price: { amount: shippingPrices[method], currency },
  }));
}

function priceLines(lines: readonly CartLine[], shipping: number, { settings }: Shop): PricedOrder {
  try {
    return priceOrder(lines, shipping, settings.tax);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Problem("validation_failed", "the cart is worth more than can be counted", {
      errors: [{ path: "items", message: error.message }],
    });
  }
}
