import { isDeepStrictEqual } from "node:util";
import { decider, type EventOf } from "../../src/engine/decider.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import { foldSku } from "../../src/values/sku.ts";
import {
  type CartDetails,
  type CartItem,
  type CheckoutRequest,
  cartEvents,
  lineQuantityMax,
  type Refusal,
} from "./events.ts";
import { type Cart, type CartLine, evolveCart, initialCart, lineBytes, type OpenCart } from "./state.ts";

export const cartLinesMax = 2_000;
/**
 * UTF-8 bytes of all lines. An order repeats them with up to 120 bytes of amounts a line, and must fit into one
 * append with its addresses (`appendBytesMax`); its confirmation fits into another.
 */
export const cartBytesMax = 560 * 1024;
/** What happens to the lines and details of one cart: its stream is replayed to answer an old key, so it is bounded. */
export const cartChangesMax = 6_000;
/** Minor units. A cart beyond is a mistake, and its sums, and those of reports, must stay exact. */
const cartTotalMax = 1_000_000_000_000;

type CartEvent = EventOf<typeof cartEvents>;

/** When a cart runs out that nobody touches; a draft never does. */
function expiry(draft: boolean, at: number): { expiresAt?: string } {
  return draft ? {} : { expiresAt: new Date(at).toISOString() };
}

interface OpenCartCommand {
  currency: string;
  lifeMs: number;
  /** By staff, for a customer. */
  draft?: boolean;
  customerId?: string | undefined;
}

interface AddItems {
  cartId: string;
  items: readonly CartItem[];
  currency: string;
  lifeMs: number;
}

export const cart = decider({
  category: "cart",
  events: cartEvents,
  initial: initialCart,

  evolve: evolveCart,

  decide: {
    Open: (
      state: Cart,
      { currency, lifeMs, draft = false, customerId }: OpenCartCommand,
      { now },
    ): CartEvent[] => {
      if (state.phase !== "absent") return [];
      const data = {
        currency,
        ...expiry(draft, now + lifeMs),
        ...(draft && { draft }),
        ...(customerId !== undefined && { customerId }),
      };
      return [{ type: "CartOpened", data }];
    },

    /** @throws Problem not_found for another customer's */
    Assign: (state: Cart, { cartId, customerId }: { cartId: string; customerId: string }): CartEvent[] => {
      const open = requireOpen(state, cartId);
      if (open.customerId === customerId) return [];
      if (open.customerId !== undefined) throw notFound("cart", cartId);
      return [{ type: "CartAssigned", data: { customerId } }];
    },

    /**
     * From here on nothing is added to it, and it is not checked out: its lines are another's, of this customer.
     * @throws Problem not_found for another customer's
     */
    HandOver: (state: Cart, { cartId, to, customerId }: HandOver): CartEvent[] => {
      if (state.phase === "closed" && state.reason === "merged" && state.into === to) return [];
      const open = requireOpen(state, cartId);
      if (open.customerId !== undefined && open.customerId !== customerId) throw notFound("cart", cartId);
      if (to === cartId) throw illegalTransition("a cart does not go into itself");
      return [{ type: "CartHandedOver", data: { to } }];
    },

    /**
     * Takes the lines of a cart that was handed over, once: equal lines add up, those with a price of their own stay
     * by themselves, and what has no room is named.
     */
    Merge: (
      state: Cart,
      { cartId, customerId, from, lines, currency, lifeMs }: MergeCart,
      { now },
    ): CartEvent[] => {
      if (state.phase !== "absent" && state.merged.includes(from)) return [];
      const open = requireChangeable(state, cartId);
      if (open.customerId !== customerId) throw notFound("cart", cartId);
      const { taken, left } = roomFor(open, currency === open.currency ? lines : [], lines);
      const until = expiry(open.draft, now + lifeMs);
      return [
        { type: "CartMerged", data: { from, left } },
        ...taken.map((line, index): CartEvent => {
          const first = index === 0 && open.changes > 0 && open.lines.size === 0;
          return { type: "ItemAdded", data: { ...line, ...(first && { first }), ...until } };
        }),
      ];
    },

    /** A line is known by its SKU and, where staff set one, its price: adding again grows it. */
    Add: (state: Cart, { cartId, items, currency, lifeMs }: AddItems, { now }): CartEvent[] => {
      const open = requireChangeable(state, cartId);
      if (currency !== open.currency)
        throw new Problem("currency_mismatch", `the cart is in ${open.currency}, the price in ${currency}`);
      const added = new Map<string, CartLine>();
      const until = expiry(open.draft, now + lifeMs);
      const events: CartEvent[] = [];
      for (const [index, item] of items.entries()) {
        const lineId = lineIdOf(item);
        const before = added.get(lineId)?.quantity ?? open.lines.get(lineId)?.quantity ?? 0;
        requireQuantity(before + item.quantity, `items.${index}.quantity`);
        added.set(lineId, { ...item, lineId, quantity: before + item.quantity });
        const first = events.length === 0 && open.changes > 0 && open.lines.size === 0;
        events.push({
          type: "ItemAdded",
          data: { ...item, lineId, ...(first && { first }), ...until },
        });
      }
      requireRoom(open, added);
      return events;
    },

    /** Of a SKU with several lines, the one that carries the product's own price. */
    ChangeQuantity: (
      state: Cart,
      { cartId, line: named, quantity, byStaff, lifeMs }: ChangeQuantity,
      { now },
    ): CartEvent[] => {
      const open = requireChangeable(state, cartId);
      const line = requireLines(open, named)[0] as CartLine;
      requireQuantity(quantity, "quantity");
      if (line.quantity === quantity) return [];
      if (line.priceOverridden && !byStaff && quantity > line.quantity)
        throw new Problem("forbidden", "staff has set this price, for this quantity");
      requireTotal(open.worth + (quantity - line.quantity) * line.unitPrice, "quantity");
      const data = { lineId: line.lineId, quantity, ...expiry(open.draft, now + lifeMs) };
      return [{ type: "QuantityChanged", data }];
    },

    /** Of a SKU, every line. */
    Remove: (
      state: Cart,
      { cartId, line, lifeMs }: { cartId: string; line: string; lifeMs: number },
      { now },
    ): CartEvent[] => {
      const open = requireChangeable(state, cartId);
      return requireLines(open, line).map(({ lineId }) => ({
        type: "ItemRemoved",
        data: { lineId, ...expiry(open.draft, now + lifeMs) },
      }));
    },

    /** What is left out stays as it was, and `null` clears. */
    ChangeDetails: (state: Cart, { cartId, changes, lifeMs }: ChangeDetails, { now }): CartEvent[] => {
      const open = requireChangeable(state, cartId);
      const details = Object.fromEntries(
        Object.entries({ ...open.details, ...changes }).filter(([, value]) => value != null),
      ) as CartDetails;
      if (isDeepStrictEqual(details, open.details)) return [];
      return [{ type: "DetailsChanged", data: { ...details, ...expiry(open.draft, now + lifeMs) } }];
    },

    StartCheckout: (state: Cart, { cartId, request, attemptOf }: StartCheckout): CartEvent[] => {
      const open = requireOpen(state, cartId);
      if (open.lines.size === 0) throw new Problem("cart_empty", "there is nothing in the cart to check out");
      if (request.quote.unitPrices.length !== open.lines.size)
        throw new Error("the quote was made for other lines");
      const attempt = open.attempts + 1;
      return [{ type: "CheckoutStarted", data: { ...request, attempt, ...attemptOf(attempt) } }];
    },

    FailCheckout: (state: Cart, { orderId, ...refusal }: Refusal & { orderId: string }): CartEvent[] => {
      if (state.phase !== "locked" || state.checkout.orderId !== orderId) return [];
      const { attempt } = state.checkout;
      return [{ type: "CheckoutFailed", data: { ...refusal, orderId, attempt } }];
    },

    Convert: (state: Cart, { orderId }: { orderId: string }): CartEvent[] => {
      if (state.phase === "converted" && state.orderId === orderId) return [];
      if (state.phase !== "locked" || state.checkout.orderId !== orderId)
        throw illegalTransition(`the cart is not being checked out as order ${orderId}`);
      return [{ type: "CartConverted", data: { orderId } }];
    },

    Abandon: (state: Cart, { cartId }: { cartId: string }): CartEvent[] => {
      if (state.phase === "closed") return [];
      requireOpen(state, cartId);
      return [{ type: "CartAbandoned", data: {} }];
    },

    Expire: (state: Cart, _: { cartId: string }, { now }): CartEvent[] => {
      if (state.phase !== "open" || state.expiresAt === undefined || now < state.expiresAt) return [];
      return [{ type: "CartExpired", data: {} }];
    },
  },

  weigh: (state: Cart) => (state.phase === "absent" ? 0 : 500 + state.lines.size * 1_000),
});

interface HandOver {
  cartId: string;
  to: string;
  customerId: string;
}

interface MergeCart {
  cartId: string;
  /** Whose it is. */
  customerId: string | undefined;
  from: string;
  lines: readonly CartLine[];
  currency: string;
  lifeMs: number;
}

/** As much of lines as a cart has room for, line by line, and what is left of all of them. */
function roomFor(
  open: OpenCart,
  wanted: readonly CartLine[],
  all: readonly CartLine[],
): { taken: CartLine[]; left: { lineId: string; sku: string; quantity: number }[] } {
  let { bytes, worth, changes } = open;
  let { size } = open.lines;
  const taken: CartLine[] = [];
  for (const line of wanted) {
    const before = open.lines.get(line.lineId);
    const most = lineQuantityMax - (before?.quantity ?? 0);
    const affordable = line.unitPrice === 0 ? most : Math.floor((cartTotalMax - worth) / line.unitPrice);
    const quantity = Math.min(line.quantity, most, affordable);
    const grown = lineBytes({ ...line, quantity: quantity + (before?.quantity ?? 0) });
    const bytesAfter = bytes + grown - (before ? lineBytes(before) : 0);
    const sizeAfter = before ? size : size + 1;
    const fits = sizeAfter <= cartLinesMax && bytesAfter <= cartBytesMax && changes < cartChangesMax;
    if (quantity <= 0 || !fits) continue;
    taken.push({ ...line, quantity });
    [bytes, size, worth, changes] = [bytesAfter, sizeAfter, worth + quantity * line.unitPrice, changes + 1];
  }
  const quantities = new Map(taken.map(({ lineId, quantity }) => [lineId, quantity]));
  const left = all.flatMap(({ lineId, sku, quantity }) => {
    const over = quantity - (quantities.get(lineId) ?? 0);
    return over > 0 ? [{ lineId, sku, quantity: over }] : [];
  });
  return { taken, left };
}

interface ChangeDetails {
  cartId: string;
  changes: { [K in keyof CartDetails]?: CartDetails[K] | null };
  lifeMs: number;
}

interface ChangeQuantity {
  cartId: string;
  /** By its id or its SKU. */
  line: string;
  quantity: number;
  /** Whoever is not may not take more at a price that staff has set. */
  byStaff: boolean;
  lifeMs: number;
}

interface StartCheckout {
  cartId: string;
  request: CheckoutRequest;
  /**
   * What the n-th attempt is called: ids derived from the cart, so that a repeated checkout finds them, and the
   * order's number.
   */
  attemptOf: (attempt: number) => { orderId: string; paymentId: string; number: string };
}

/** @throws Problem cart_full beyond what an order could hold; validation_failed beyond what it may be worth */
function requireRoom(open: OpenCart, added: ReadonlyMap<string, CartLine>): void {
  let { bytes, worth } = open;
  let { size } = open.lines;
  for (const [lineId, line] of added) {
    const before = open.lines.get(lineId);
    if (!before) size++;
    bytes += lineBytes(line) - (before ? lineBytes(before) : 0);
    worth += line.quantity * line.unitPrice - (before ? before.quantity * before.unitPrice : 0);
  }
  if (size > cartLinesMax) throw new Problem("cart_full", `a cart holds at most ${cartLinesMax} lines`);
  if (bytes > cartBytesMax)
    throw new Problem("cart_full", `a cart's lines hold at most ${cartBytesMax} bytes together`);
  requireTotal(worth, "quantity");
}

function lineIdOf({ sku, unitPrice, priceOverridden }: CartItem): string {
  // A prefix of digits or of "sku", so that no SKU can look like another one with a price.
  return `${priceOverridden ? unitPrice : "sku"}:${sku}`;
}

function requireChangeable(state: Cart, cartId: string): OpenCart {
  const open = requireOpen(state, cartId);
  if (open.changes >= cartChangesMax)
    throw new Problem("cart_full", `a cart is changed at most ${cartChangesMax} times; open another one`);
  return open;
}

/** @throws Problem not_found, cart_locked, cart_converted, cart_closed */
export function requireOpen(state: Cart, cartId: string): OpenCart {
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

/**
 * One line by its id, or those of a SKU. However it is written, it is looked for in the cart alone: what else there
 * is, its owner is not told.
 */
function requireLines(open: OpenCart, named: string): CartLine[] {
  const known = open.lines.get(named);
  const all = [...open.lines.values()];
  const exact = all.filter((line) => line.sku === named);
  if (known && exact.some((line) => line !== known))
    throw illegalTransition(`${named} is the id of one line and the SKU of another`);
  if (known) return [known];
  const folded = foldSku(named);
  const lines = exact.length > 0 ? exact : all.filter((line) => foldSku(line.sku) === folded);
  if (lines.length === 0) throw notFound("item", named);
  return lines.sort((a, b) => Number(a.priceOverridden ?? false) - Number(b.priceOverridden ?? false));
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
