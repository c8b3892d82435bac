import type { ShopEvents } from "../commands/events.ts";
import { type Handler, projectionOf } from "../src/engine/projection.ts";
import type { ViewModel } from "../src/stores/view-store/view-store.ts";
import type { Money } from "../src/values/money.ts";
import { onExisting, streamKey } from "./handlers.ts";

export type CartStatus = "open" | "checking_out" | "converted" | "abandoned" | "expired";

/** A row of a cart, small because there may be two thousand; minor units, and 1 where staff set the price. */
type Line = [sku: string, productId: string, name: string, quantity: number, unitPrice: number, override?: 1];

export interface CartDoc {
  status: CartStatus;
  currency: string;
  /** By line id, which always holds a colon: so neither `__proto__` nor an index, which would sort first. */
  lines: Record<string, Line>;
  /** Epoch milliseconds. */
  createdAt: number;
  updatedAt: number;
  expiresAt: string;
  orderId?: string;
  failure?: { code: string; detail: string };
}

export interface CartItemView {
  sku: string;
  productId: string;
  name: string;
  quantity: number;
  unitPrice: Money;
  lineTotal: Money;
  priceOverridden?: true;
}

export interface CartView {
  id: string;
  status: CartStatus;
  currency: string;
  /** In the order they were added. */
  items: CartItemView[];
  /** Before discounts, shipping and, where it is not included in prices, tax. */
  subtotal: Money;
  /** Pieces over all items. */
  itemCount: number;
  /** The order that the cart is becoming or has become. */
  orderId?: string;
  /** Why the last checkout failed. */
  failure?: { code: string; detail: string };
  createdAt: string;
  updatedAt: string;
  expiresAt: string;
}

/** A change of the items: it prolongs the cart's life. */
function onItems<Data extends { expiresAt: string }>(
  change: (lines: CartDoc["lines"], data: Data) => void,
): Handler<CartDoc, Data> {
  return onExisting((cart, event) => {
    change(cart.lines, event.data);
    cart.updatedAt = event.time;
    cart.expiresAt = event.data.expiresAt;
  });
}

function ends(status: CartStatus): Handler<CartDoc, unknown> {
  return onExisting((cart, { time }) => {
    cart.status = status;
    cart.updatedAt = time;
  });
}

/** The document is no API shape: carts change oftener than they are read, so `getCart` makes the shape. */
export const cartsProjection = projectionOf<ShopEvents>()<CartDoc>({
  name: "carts",
  version: 1,
  columns: {},
  indexes: [],
  columnsOf: () => ({}),
  on: {
    CartOpened: {
      keys: streamKey,
      change: (_, { data, time }) => ({
        status: "open",
        currency: data.currency,
        lines: {},
        createdAt: time,
        updatedAt: time,
        expiresAt: data.expiresAt,
      }),
    },
    ItemAdded: onItems((lines, { lineId, sku, productId, name, quantity, unitPrice, priceOverridden }) => {
      const line: Line = [sku, productId, name, quantity + (lines[lineId]?.[3] ?? 0), unitPrice];
      if (priceOverridden) line.push(1);
      lines[lineId] = line;
    }),
    QuantityChanged: onItems((lines, { lineId, quantity }) => {
      const line = lines[lineId];
      if (line) line[3] = quantity;
    }),
    ItemRemoved: onItems((lines, { lineId }) => {
      delete lines[lineId];
    }),
    CheckoutStarted: onExisting((cart, { data, time }) => {
      cart.status = "checking_out";
      cart.updatedAt = time;
      cart.orderId = data.orderId;
      delete cart.failure;
    }),
    CheckoutFailed: onExisting((cart, { data, time }) => {
      cart.status = "open";
      cart.updatedAt = time;
      delete cart.orderId;
      cart.failure = { code: data.code, detail: data.detail };
    }),
    CartConverted: onExisting((cart, { data, time }) => {
      cart.status = "converted";
      cart.updatedAt = time;
      cart.orderId = data.orderId;
    }),
    CartAbandoned: ends("abandoned"),
    CartExpired: ends("expired"),
  },
});

/** @returns undefined when there is no such cart */
export async function getCart(model: ViewModel, id: string): Promise<CartView | undefined> {
  const stored = (await model.load([id])).documents.get(id);
  return stored && cartViewOf(id, JSON.parse(stored.json) as CartDoc);
}

/** A stored document as readers see it. */
export function cartViewOf(id: string, cart: CartDoc): CartView {
  const { status, currency, orderId, failure, createdAt, updatedAt, expiresAt } = cart;
  const money = (amount: number): Money => ({ amount, currency });
  const items = Object.values(cart.lines).map(
    ([sku, productId, name, quantity, unitPrice, override]): CartItemView => ({
      sku,
      productId,
      name,
      quantity,
      unitPrice: money(unitPrice),
      lineTotal: money(quantity * unitPrice),
      ...(override === 1 && { priceOverridden: true }),
    }),
  );
  return {
    id,
    status,
    currency,
    items,
    subtotal: money(items.reduce((sum, { lineTotal }) => sum + lineTotal.amount, 0)),
    itemCount: items.reduce((sum, { quantity }) => sum + quantity, 0),
    ...(orderId !== undefined && { orderId }),
    ...(failure && { failure }),
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    expiresAt,
  };
}
