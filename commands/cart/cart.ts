import { z } from "zod";
import { decider, type EventOf, event } from "../../src/engine/decider.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import { addressSchema } from "../address.ts";
import { taxSettingsSchema } from "../pricing.ts";

export const cartLinesMax = 2_000;
export const lineQuantityMax = 1_000_000;
/** Minor units. A cart beyond is a mistake, and its sums, and those of reports, must stay exact. */
const cartTotalMax = 1_000_000_000_000;

const quantity = z.int().min(1).max(lineQuantityMax);
const minorUnits = z.int().min(0);

/** What a line needs to know of its product, as it was when the line was added. */
export const cartItemSchema = z.object({
  sku: z.string(),
  productId: z.string(),
  name: z.string(),
  category: z.string().optional(),
  quantity,
  unitPrice: minorUnits,
  /** The price was set by staff for this line; a checkout keeps it. */
  priceOverridden: z.literal(true).optional(),
});
export type CartItem = z.output<typeof cartItemSchema>;

export const paymentMethods = ["credit_card", "debit_card", "paypal", "bank_transfer", "cod"] as const;
export type PaymentMethod = (typeof paymentMethods)[number];

/** The frozen price of a checkout. Order lines are computed from it and the cart, which is locked. */
export const quoteSchema = z.object({
  unitPrices: z.array(minorUnits),
  shipping: minorUnits,
  tax: taxSettingsSchema,
  total: minorUnits,
});

const checkoutRequestSchema = z.object({
  email: z.string().optional(),
  customerId: z.string().optional(),
  shippingAddress: addressSchema.optional(),
  billingAddress: addressSchema.optional(),
  shippingMethod: z.string(),
  payment: z.object({ method: z.enum(paymentMethods), token: z.string().optional() }),
  quote: quoteSchema,
});
export type CheckoutRequest = z.output<typeof checkoutRequestSchema>;

export const cartEvents = {
  CartOpened: event(z.object({ currency: z.string(), expiresAt: z.string() })),
  /** `expiresAt` slides with every change of the items. */
  ItemAdded: event(cartItemSchema.extend({ lineId: z.string(), expiresAt: z.string() })),
  QuantityChanged: event(z.object({ lineId: z.string(), quantity, expiresAt: z.string() })),
  ItemRemoved: event(z.object({ lineId: z.string(), expiresAt: z.string() })),
  CheckoutStarted: event(checkoutRequestSchema.extend({ attempt: z.int(), orderId: z.string() })),
  CheckoutFailed: event(
    z.object({
      attempt: z.int(),
      orderId: z.string(),
      code: z.string(),
      detail: z.string(),
      extras: z.record(z.string(), z.unknown()),
    }),
  ),
  CartConverted: event(z.object({ orderId: z.string() })),
  CartAbandoned: event(z.object({})),
  CartExpired: event(z.object({})),
};

type CartEvent = EventOf<typeof cartEvents>;

export interface CartLine extends CartItem {
  lineId: string;
}

export interface CheckoutAttempt {
  attempt: number;
  orderId: string;
  /** Epoch milliseconds. */
  startedAt: number;
  request: CheckoutRequest;
}

export interface CheckoutFailure {
  orderId: string;
  code: string;
  detail: string;
  extras: Record<string, unknown>;
}

interface Contents {
  currency: string;
  lines: Map<string, CartLine>;
  attempts: number;
  /** Epoch milliseconds. */
  expiresAt: number;
  /** Of the last attempt, when it failed. */
  failure?: CheckoutFailure;
}

export type Cart =
  | { phase: "absent" }
  | ({ phase: "open" } & Contents)
  | ({ phase: "locked"; checkout: CheckoutAttempt } & Contents)
  | ({ phase: "converted"; orderId: string } & Contents)
  | ({ phase: "closed"; reason: "abandoned" | "expired" } & Contents);

export type ExistingCart = Exclude<Cart, { phase: "absent" }>;

const initial = (): Cart => ({ phase: "absent" });

const isoAt = (epochMs: number) => new Date(epochMs).toISOString();

interface AddItems {
  cartId: string;
  items: readonly CartItem[];
  currency: string;
  lifeMs: number;
}

export const cart = decider({
  category: "cart",
  events: cartEvents,
  initial,

  evolve: {
    CartOpened: (_, { currency, expiresAt }): Cart => ({
      phase: "open",
      currency,
      lines: new Map(),
      attempts: 0,
      expiresAt: Date.parse(expiresAt),
    }),
    ItemAdded: (state, { expiresAt, ...line }) => {
      const contents = existing(state);
      const known = contents.lines.get(line.lineId);
      contents.lines.set(line.lineId, { ...line, quantity: line.quantity + (known?.quantity ?? 0) });
      contents.expiresAt = Date.parse(expiresAt);
      return contents;
    },
    QuantityChanged: (state, { lineId, quantity, expiresAt }) => {
      const contents = existing(state);
      const line = contents.lines.get(lineId);
      if (line) contents.lines.set(lineId, { ...line, quantity });
      contents.expiresAt = Date.parse(expiresAt);
      return contents;
    },
    ItemRemoved: (state, { lineId, expiresAt }) => {
      const contents = existing(state);
      contents.lines.delete(lineId);
      contents.expiresAt = Date.parse(expiresAt);
      return contents;
    },
    CheckoutStarted: (state, { attempt, orderId, ...request }, { time }): Cart => ({
      ...contentsOf(state),
      phase: "locked",
      attempts: attempt,
      checkout: { attempt, orderId, startedAt: time, request },
    }),
    CheckoutFailed: (state, { orderId, code, detail, extras }): Cart => ({
      ...contentsOf(state),
      phase: "open",
      failure: { orderId, code, detail, extras },
    }),
    CartConverted: (state, { orderId }): Cart => ({ ...contentsOf(state), phase: "converted", orderId }),
    CartAbandoned: (state): Cart => ({ ...contentsOf(state), phase: "closed", reason: "abandoned" }),
    CartExpired: (state): Cart => ({ ...contentsOf(state), phase: "closed", reason: "expired" }),
  },

  decide: {
    Open: (state, { currency, lifeMs }: { currency: string; lifeMs: number }, { now }) => {
      if (state.phase !== "absent") return [];
      return [{ type: "CartOpened", data: { currency, expiresAt: isoAt(now + lifeMs) } }];
    },

    /** A line is known by its SKU and, where staff set one, its price: adding again grows it. */
    Add: (state, { cartId, items, currency, lifeMs }: AddItems, { now }) => {
      const open = requireOpen(state, cartId);
      if (currency !== open.currency)
        throw new Problem("currency_mismatch", `the cart is in ${open.currency}, the price in ${currency}`);
      const quantities = new Map<string, number>();
      const expiresAt = isoAt(now + lifeMs);
      const events: CartEvent[] = [];
      for (const [index, item] of items.entries()) {
        const lineId = lineIdOf(item);
        const before = quantities.get(lineId) ?? open.lines.get(lineId)?.quantity ?? 0;
        requireQuantity(before + item.quantity, `items.${index}.quantity`);
        quantities.set(lineId, before + item.quantity);
        events.push({ type: "ItemAdded", data: { ...item, lineId, expiresAt } });
      }
      const added = [...quantities.keys()].filter((lineId) => !open.lines.has(lineId)).length;
      if (open.lines.size + added > cartLinesMax)
        throw new Problem("cart_full", `a cart holds at most ${cartLinesMax} lines`);
      requireTotal(totalOf(open.lines.values()) + totalOf(items), "quantity");
      return events;
    },

    /** Of a SKU with several lines, the one that carries the product's own price. */
    ChangeQuantity: (state, { cartId, sku, quantity, byStaff, lifeMs }: ChangeQuantity, { now }) => {
      const open = requireOpen(state, cartId);
      const line = requireLines(open, sku)[0] as CartLine;
      requireQuantity(quantity, "quantity");
      if (line.quantity === quantity) return [];
      if (line.priceOverridden && !byStaff && quantity > line.quantity)
        throw new Problem("forbidden", "staff has set this price, for this quantity");
      requireTotal(totalOf(open.lines.values()) + (quantity - line.quantity) * line.unitPrice, "quantity");
      const data = { lineId: line.lineId, quantity, expiresAt: isoAt(now + lifeMs) };
      return [{ type: "QuantityChanged", data }];
    },

    /** Every line of the SKU. */
    Remove: (state, { cartId, sku, lifeMs }: { cartId: string; sku: string; lifeMs: number }, { now }) => {
      const open = requireOpen(state, cartId);
      return requireLines(open, sku).map(({ lineId }) => ({
        type: "ItemRemoved",
        data: { lineId, expiresAt: isoAt(now + lifeMs) },
      }));
    },

    StartCheckout: (state, { cartId, request, orderIdOf }: StartCheckout) => {
      const open = requireOpen(state, cartId);
      if (open.lines.size === 0) throw new Problem("cart_empty", "there is nothing in the cart to check out");
      if (request.quote.unitPrices.length !== open.lines.size)
        throw new Error("the quote was made for other lines");
      const attempt = open.attempts + 1;
      return [{ type: "CheckoutStarted", data: { ...request, attempt, orderId: orderIdOf(attempt) } }];
    },

    FailCheckout: (
      state,
      failure: { orderId: string; code: string; detail: string; extras: Record<string, unknown> },
    ) => {
      if (state.phase !== "locked" || state.checkout.orderId !== failure.orderId) return [];
      return [{ type: "CheckoutFailed", data: { ...failure, attempt: state.checkout.attempt } }];
    },

    Convert: (state, { orderId }: { orderId: string }) => {
      if (state.phase === "converted" && state.orderId === orderId) return [];
      if (state.phase !== "locked" || state.checkout.orderId !== orderId)
        throw illegalTransition(`the cart is not being checked out as order ${orderId}`);
      return [{ type: "CartConverted", data: { orderId } }];
    },

    Abandon: (state, { cartId }: { cartId: string }) => {
      if (state.phase === "closed") return [];
      requireOpen(state, cartId);
      return [{ type: "CartAbandoned", data: {} }];
    },

    Expire: (state, _: { cartId: string }, { now }) => {
      if (state.phase !== "open" || now < state.expiresAt) return [];
      return [{ type: "CartExpired", data: {} }];
    },
  },

  weigh: (state) => (state.phase === "absent" ? 0 : 500 + state.lines.size * 800),
});

interface ChangeQuantity {
  cartId: string;
  sku: string;
  quantity: number;
  /** Whoever is not may not take more at a price that staff has set. */
  byStaff: boolean;
  lifeMs: number;
}

interface StartCheckout {
  cartId: string;
  request: CheckoutRequest;
  /** The order of the n-th attempt: derived from the cart, so that a repeated checkout finds it. */
  orderIdOf: (attempt: number) => string;
}

/** The lines in the order they were added. */
export function linesOf(state: ExistingCart): CartLine[] {
  return [...state.lines.values()];
}

function lineIdOf({ sku, unitPrice, priceOverridden }: CartItem): string {
  // A prefix of digits or of "sku", so that no SKU can look like another one with a price.
  return `${priceOverridden ? unitPrice : "sku"}:${sku}`;
}

function existing(state: Cart): ExistingCart {
  if (state.phase === "absent") throw new Error("the cart was never opened");
  return state;
}

function contentsOf(state: Cart): Contents {
  const { currency, lines, attempts, expiresAt } = existing(state);
  return { currency, lines, attempts, expiresAt };
}

function requireOpen(state: Cart, cartId: string): Extract<Cart, { phase: "open" }> {
  switch (state.phase) {
    case "open":
      return state;
    case "absent":
      throw notFound("cart", cartId);
    case "locked":
      throw new Problem("cart_locked", "the cart is being checked out", { orderId: state.checkout.orderId });
    case "converted":
      throw new Problem("cart_converted", "the cart has become an order", { orderId: state.orderId });
    case "closed":
      throw new Problem("cart_closed", `the cart is ${state.reason}`);
  }
}

function requireLines(open: Contents, sku: string): CartLine[] {
  const lines = [...open.lines.values()].filter((line) => line.sku === sku);
  if (lines.length === 0) throw notFound("item", sku);
  return lines.sort((a, b) => Number(a.priceOverridden ?? false) - Number(b.priceOverridden ?? false));
}

function totalOf(lines: Iterable<Pick<CartItem, "quantity" | "unitPrice">>): number {
  let total = 0;
  for (const { quantity, unitPrice } of lines) total += quantity * unitPrice;
  return total;
}

/** @throws Problem validation_failed, naming the field at `path` */
export function requireTotal(total: number, path: string): void {
  if (total > cartTotalMax)
    throw new Problem("validation_failed", `a cart is worth at most ${cartTotalMax} minor units`, {
      errors: [{ path, message: "more than a cart can be worth" }],
    });
}

function requireQuantity(quantity: number, path: string): void {
  if (quantity > lineQuantityMax)
    throw new Problem("validation_failed", `a line holds at most ${lineQuantityMax} pieces`, {
      errors: [{ path, message: `at most ${lineQuantityMax} in one line` }],
    });
}
