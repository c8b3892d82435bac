import type { CartDetails } from "../../../commands/cart/events.ts";
import { shippingMethodOf } from "../../../commands/cart/quote.ts";
import { type Cart, linesOf } from "../../../commands/cart/state.ts";
import { lineOf } from "../../../commands/order/book.ts";
import { type PlacedOrder, paymentsOf } from "../../../commands/order/state.ts";
import { type InitiatedPayment, manualGateway, refundable } from "../../../commands/payment/state.ts";
import { priceOrder } from "../../../commands/pricing.ts";
import type { ShopSettings } from "../../../commands/processes/shop.ts";
import { availableOf, type Stock } from "../../../commands/stock/state.ts";
import { moneyIn, quantitiesOf } from "../../../projections/orders/books.ts";
import { stockStatusOf } from "../../../projections/stock/availability.ts";
import { isoTime } from "../../values/clock.ts";
import type { Money } from "../../values/money.ts";
import { notFound } from "../../values/problem.ts";

/** Answers to commands: the thing as it is right after, as the views of its resource look at it. */

export function stockView(sku: string, state: Stock) {
  const { onHand, reserved, committed, damaged, quarantine, track, backorders, lowStockThreshold } = state;
  const available = availableOf(state);
  const status = stockStatusOf(available, state);
  const policy = { track, backorders, lowStockThreshold };
  return { sku, onHand, reserved, committed, damaged, quarantine, available, status, ...policy };
}

/** The stock after a change of what is there, with the orders that it leaves without their pieces. */
export function changedStockView(sku: string, state: Stock) {
  const atRisk = state.atRisk.map(({ reservationId, quantity }) => ({ orderId: reservationId, quantity }));
  return { ...stockView(sku, state), atRisk };
}

const statusOf = { open: "open", locked: "checking_out", converted: "converted" } as const;

/** The items of a cart, wherever they are read from. */
export interface CartItemView {
  quantity: number;
  unitPrice: Money;
}

/** What a cart would cost, sent by its method. */
export function cartTotals(
  items: readonly CartItemView[],
  { currency, ...details }: CartDetails & { currency: string },
  { tax, shippingPrices }: ShopSettings,
) {
  const { totals } = priceOrder(
    items.map(({ quantity, unitPrice }) => ({ quantity, unitPrice: unitPrice.amount })),
    items.length === 0 ? 0 : shippingPrices[shippingMethodOf(details)],
    tax,
  );
  return moneyOf(totals, currency);
}

export function cartView(id: string, state: Cart, settings: ShopSettings) {
  if (state.phase === "absent") throw notFound("cart", id);
  const { currency, details } = state;
  const items = linesOf(state).map(
    ({ lineId, sku, productId, name, quantity, unitPrice, priceOverridden }) => ({
      lineId,
      sku,
      productId,
      name,
      quantity,
      unitPrice: { amount: unitPrice, currency },
      lineTotal: { amount: unitPrice * quantity, currency },
      ...(priceOverridden && { priceOverridden }),
    }),
  );
  return {
    id,
    status: state.phase === "closed" ? state.reason : statusOf[state.phase],
    currency,
    items,
    itemCount: items.reduce((sum, { quantity }) => sum + quantity, 0),
    totals: cartTotals(items, { currency, ...details }, settings),
    ...details,
    shippingMethod: shippingMethodOf(details),
    ...(state.draft && { draft: true as const }),
    ...(state.expiresAt !== undefined && { expiresAt: isoTime(state.expiresAt) }),
    ...(state.phase === "converted" && { orderId: state.orderId }),
  };
}

export function orderView(id: string, state: PlacedOrder) {
  const { number, status, paymentStatus, paymentMethod, currency, cartId, shippingMethod } = state;
  const money = (amount: number): Money => ({ amount, currency });
  return {
    id,
    number,
    status,
    paymentStatus,
    cartId,
    paymentMethod,
    payments: paymentsOf(state).map((id) => ({ id })),
    shippingMethod,
    lines: state.lines.map(({ sku, productId, name, quantity, priceOverridden, ...amounts }, index) => ({
      lineId: index + 1,
      sku,
      productId,
      name,
      quantity,
      unitPrice: money(amounts.unitPrice),
      subtotal: money(amounts.subtotal),
      discount: money(amounts.discount),
      tax: money(amounts.tax),
      total: money(amounts.total),
      quantities: quantitiesOf(lineOf(state.book, index + 1)),
      ...(priceOverridden && { priceOverridden }),
    })),
    totals: moneyOf(state.totals, currency),
    money: moneyOf(moneyIn(state.book), currency),
    refunded: money(state.book.refunded),
    shipments: [...state.shipments].map(([shipmentId, { lines, delivered }]) => ({
      id: shipmentId,
      lines,
      delivered,
    })),
    returns: [...state.returns].map(([returnId, { status, lines }]) => ({ id: returnId, status, lines })),
    ...(state.uncounted.back.length > 0 && { notRestocked: state.uncounted.back }),
  };
}

export function paymentView(id: string, state: InitiatedPayment) {
  const { orderId, phase, currency, method, gateway, actionUrl, captured, amount } = state;
  const isPartly = captured > 0 && captured < amount && (phase === "authorized" || gateway === manualGateway);
  const money = (amount: number): Money => ({ amount, currency });
  return {
    id,
    orderId,
    status: isPartly ? ("partially_captured" as const) : phase,
    method,
    gateway,
    amount: money(amount),
    captured: money(captured),
    refunded: money(state.refunded),
    refundable: money(refundable(state)),
    ...(phase === "action_required" && actionUrl !== undefined && { actionUrl }),
  };
}

function moneyOf<K extends string>(amounts: Record<K, number>, currency: string): Record<K, Money> {
  const entries = Object.entries<number>(amounts).map(([name, amount]) => [name, { amount, currency }]);
  return Object.fromEntries(entries) as Record<K, Money>;
}
