import type { z } from "zod";
import { anyTime, type Engine } from "../../src/engine/write/engine.ts";
import { notFound, Problem } from "../../src/values/problem.ts";
import { type PricedOrder, priceOrder } from "../pricing.ts";
import type { ShippingMethod, Shop } from "../processes/shop.ts";
import { findSku } from "../processes/skus.ts";
import { type Offer, offerOf, product } from "../product/product.ts";
import { cart, requireTotal } from "./cart.ts";
import type { CartItem, quoteSchema } from "./events.ts";
import { type Cart, type CartLine, linesOf } from "./state.ts";

/** Where others write the log, too, a product may be sold as it was a moment ago. */
const offerAgeMsMax = 1_000;

export type Quote = z.output<typeof quoteSchema>;

export interface QuotedCart {
  quote: Quote;
  priced: PricedOrder;
  lines: CartLine[];
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
  const recent = await offerAsOf(engine, sku, performance.now() - offerAgeMsMax, anyTime);
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
  const { sku, productId, name, variantName, category, price } = await findOffer(engine, given);
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
 * Prices a cart as it is now: the products' prices of now, but what staff has set stays.
 * @throws Problem not_found, not_for_sale, cart_empty; validation_failed beyond what money can hold
 */
export async function quoteCart(
  shop: Shop,
  cartId: string,
  shippingMethod: ShippingMethod,
  asOf?: number,
): Promise<QuotedCart> {
  const { engine, settings } = shop;
  const quoted = (state: Cart, revision: number) => {
    if (state.phase === "absent") throw notFound("cart", cartId);
    return { lines: linesOf(state), currency: state.currency, revision };
  };
  const { lines, currency, revision } = await engine.read(cart, cartId, quoted, asOf);
  if (lines.length === 0) throw new Problem("cart_empty", "there is nothing in the cart to check out");
  const repriced = await Promise.all(
    lines.map(async (line) => {
      const offer = await findOffer(engine, line.sku);
      return line.priceOverridden ? line : { ...line, unitPrice: offer.price.amount };
    }),
  );
  const shipping = settings.shippingPrices[shippingMethod];
  const priced = priceLines(repriced, shipping, shop);
  requireTotal(priced.totals.subtotal, "items");
  const unitPrices = repriced.map(({ unitPrice }) => unitPrice);
  const quote = { unitPrices, shipping, tax: settings.tax, total: priced.totals.total };
  return { quote, priced, lines: repriced, currency, revision };
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
