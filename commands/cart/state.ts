import type { DataOf, EvolveContext } from "../../src/engine/decider.ts";
import { OrderedMap } from "../../src/values/ordered-map.ts";
import type { CartDetails, CartItem, CheckoutRequest, cartEvents, Refusal } from "./events.ts";

export interface CartLine extends CartItem {
  lineId: string;
}

export interface CheckoutAttempt {
  attempt: number;
  orderId: string;
  /** Left out by version 0.1. */
  number?: string | undefined;
  paymentId?: string | undefined;
  /** Epoch milliseconds. */
  startedAt: number;
  request: CheckoutRequest;
}

export interface CheckoutFailure extends Refusal {
  orderId: string;
}

interface Contents {
  readonly currency: string;
  readonly lines: OrderedMap<CartLine>;
  /** UTF-8 bytes of the lines as an order holds them, and minor units that they are worth. */
  readonly bytes: number;
  readonly worth: number;
  readonly attempts: number;
  /** Of its lines and details, since it was opened. */
  readonly changes: number;
  /** Kept for its checkout. */
  readonly details: CartDetails;
  /** Opened by staff: it never expires. */
  readonly draft: boolean;
  /** Epoch milliseconds. */
  readonly expiresAt: number | undefined;
  /** Whose it is; a guest's has none. */
  readonly customerId?: string | undefined;
  /** Carts whose lines it has taken. */
  readonly merged: readonly string[];
  /** Of the last attempt, when it failed. */
  readonly failure?: CheckoutFailure;
}

export type Cart =
  | { readonly phase: "absent" }
  | ({ readonly phase: "open" } & Contents)
  | ({ readonly phase: "locked"; readonly checkout: CheckoutAttempt } & Contents)
  | ({ readonly phase: "converted"; readonly orderId: string } & Contents)
  | ({ readonly phase: "closed"; readonly reason: "abandoned" | "expired" } & Contents)
  | ({ readonly phase: "closed"; readonly reason: "merged"; readonly into: string } & Contents);

export type ExistingCart = Exclude<Cart, { phase: "absent" }>;
export type OpenCart = Extract<Cart, { phase: "open" }>;

export const initialCart = (): Cart => ({ phase: "absent" });

/** The lines in the order they were added. */
export function linesOf(state: ExistingCart): CartLine[] {
  return [...state.lines.values()];
}

/** What a line adds to the bytes of an order. */
export function lineBytes(line: CartItem): number {
  return Buffer.byteLength(JSON.stringify(line));
}

type Data<K extends keyof typeof cartEvents> = DataOf<typeof cartEvents, K>;

export const evolveCart = {
  CartOpened: (_: Cart, { currency, expiresAt, draft, customerId }: Data<"CartOpened">): Cart => ({
    phase: "open",
    currency,
    lines: OrderedMap.of(),
    bytes: 0,
    worth: 0,
    attempts: 0,
    changes: 0,
    details: {},
    draft: draft === true,
    expiresAt: timeOf(expiresAt),
    customerId,
    merged: [],
  }),
  /** What a guest has said of where to send it is not what its customer has said. */
  CartAssigned: (state: Cart, { customerId }: Data<"CartAssigned">): Cart => ({
    ...existing(state),
    customerId,
    details: {},
  }),
  CartHandedOver: (state: Cart, { to }: Data<"CartHandedOver">): Cart => ({
    ...contentsOf(state),
    phase: "closed",
    reason: "merged",
    into: to,
  }),
  CartMerged: (state: Cart, { from }: Data<"CartMerged">): Cart => {
    const cart = existing(state);
    return { ...cart, merged: [...cart.merged, from], changes: cart.changes + 1 };
  },
  ItemAdded: (state: Cart, { expiresAt, first: _, ...line }: Data<"ItemAdded">): Cart => {
    const cart = existing(state);
    const known = cart.lines.get(line.lineId);
    const quantity = line.quantity + (known?.quantity ?? 0);
    return withLine(cart, line.lineId, { ...line, quantity }, expiresAt);
  },
  QuantityChanged: (state: Cart, { lineId, quantity, expiresAt }: Data<"QuantityChanged">): Cart => {
    const cart = existing(state);
    const line = cart.lines.get(lineId);
    return withLine(cart, lineId, line && { ...line, quantity }, expiresAt);
  },
  ItemRemoved: (state: Cart, { lineId, expiresAt }: Data<"ItemRemoved">): Cart =>
    withLine(existing(state), lineId, undefined, expiresAt),
  DetailsChanged: (state: Cart, { expiresAt, ...details }: Data<"DetailsChanged">): Cart => {
    const cart = existing(state);
    return { ...cart, details, changes: cart.changes + 1, expiresAt: timeOf(expiresAt) };
  },
  CheckoutStarted: (state: Cart, data: Data<"CheckoutStarted">, { time }: EvolveContext): Cart => {
    const { attempt, orderId, number, paymentId, ...request } = data;
    return {
      ...contentsOf(state),
      phase: "locked",
      attempts: attempt,
      checkout: { attempt, orderId, number, paymentId, startedAt: time, request },
    };
  },
  CheckoutFailed: (state: Cart, { orderId, code, detail, extras }: Data<"CheckoutFailed">): Cart => ({
    ...contentsOf(state),
    phase: "open",
    failure: { orderId, code, detail, extras },
  }),
  CartConverted: (state: Cart, { orderId }: Data<"CartConverted">): Cart => ({
    ...contentsOf(state),
    phase: "converted",
    orderId,
  }),
  CartAbandoned: (state: Cart): Cart => ({ ...contentsOf(state), phase: "closed", reason: "abandoned" }),
  CartExpired: (state: Cart): Cart => ({ ...contentsOf(state), phase: "closed", reason: "expired" }),
};

function withLine(
  cart: ExistingCart,
  lineId: string,
  line: CartLine | undefined,
  expiresAt: string | undefined,
): ExistingCart {
  const before = cart.lines.get(lineId);
  const bytesOf = (each: CartLine | undefined) => (each ? lineBytes(each) : 0);
  const worthOf = (each: CartLine | undefined) => (each ? each.quantity * each.unitPrice : 0);
  return {
    ...cart,
    lines: line ? cart.lines.with(lineId, line) : cart.lines.without(lineId),
    bytes: cart.bytes - bytesOf(before) + bytesOf(line),
    worth: cart.worth - worthOf(before) + worthOf(line),
    changes: cart.changes + 1,
    expiresAt: timeOf(expiresAt),
  };
}

function timeOf(iso: string | undefined): number | undefined {
  return iso === undefined ? undefined : Date.parse(iso);
}

function existing(state: Cart): ExistingCart {
  if (state.phase === "absent") throw new Error("the cart was never opened");
  return state;
}

function contentsOf(state: Cart): Contents {
  const { currency, lines, bytes, worth, attempts, changes, details, draft, expiresAt, customerId, merged } =
    existing(state);
  return { currency, lines, bytes, worth, attempts, changes, details, draft, expiresAt, customerId, merged };
}
