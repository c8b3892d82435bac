import type { CartDetails } from "../commands/cart/events.ts";
import type { ShopEvents } from "../commands/events.ts";
import { type Handler, type ProjectedEvent, projectionOf } from "../src/engine/projection.ts";
import type { ViewModel } from "../src/stores/view-store/view-store.ts";
import type { Money } from "../src/values/money.ts";
import { known, onExisting, streamKey } from "./handlers.ts";
import { type PageRequest, pageQuery, type TextPage } from "./page.ts";

export type CartStatus = "open" | "checking_out" | "converted" | "abandoned" | "expired" | "merged";

/**
 * A row of a cart, small because there may be two thousand; minor units, 1 where staff set the price, and the revision
 * it was added at.
 */
type Line = [
  sku: string,
  productId: string,
  name: string,
  quantity: number,
  unitPrice: number,
  override: 0 | 1,
  addedAt: number,
];

/** By line id, which always holds a colon: so neither `__proto__` nor an index, which would sort first. */
type Lines = Record<string, Line>;

export interface CartDoc {
  status: CartStatus;
  /** Of its stream, after the last event. */
  revision: number;
  currency: string;
  lines: Lines;
  /** There are lines in further documents: those added late, so that a long cart is not written anew each time. */
  isLong?: true;
  details?: CartDetails;
  /** Epoch milliseconds. */
  createdAt: number;
  updatedAt: number;
  /** Neither for what 0.1 has. */
  draft?: true;
  expiresAt?: string;
  orderId?: string;
  failure?: { code: string; detail: string };
}

export interface CartItemView {
  lineId: string;
  sku: string;
  productId: string;
  name: string;
  quantity: number;
  unitPrice: Money;
  lineTotal: Money;
  priceOverridden?: true;
}

export interface CartView extends CartDetails {
  id: string;
  revision: number;
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
  /** Opened by staff: it never expires. */
  draft?: true;
  expiresAt?: string;
}

/** A draft as lists show it. */
export type DraftSummary = Omit<CartView, "items">;

/** Under `<cart>/<bucket>`. */
type CartDocument = CartDoc | { bucket: Lines };

/** Lines that come in these first events stay in the cart's own document; nearly all carts have no others. */
const ownRevisions = 64;
const buckets = 32;

interface OfLine {
  lineId: string;
  expiresAt?: string | undefined;
}

/** A change of the items: it prolongs the cart's life. */
function onItems<Data extends OfLine>(
  change: (lines: Lines, event: ProjectedEvent<Data>) => void,
): Handler<CartDocument, Data> {
  const isOwn = (cart: CartDoc, { revision, data }: ProjectedEvent<Data>) =>
    Object.hasOwn(cart.lines, data.lineId) || revision < ownRevisions;
  return {
    keys: streamKey,
    change: (doc, event) => {
      const cart = cartOf(known(doc, event));
      if (isOwn(cart, event)) change(cart.lines, event);
      else cart.isLong = true;
      cart.updatedAt = event.time;
      cart.revision = event.revision;
      if (event.data.expiresAt !== undefined) cart.expiresAt = event.data.expiresAt;
      return cart;
    },
    // What was removed from the cart's own lines is looked for among the others, which do not have it.
    follow: (doc, event, id) =>
      doc && !isOwn(cartOf(doc), event) ? [bucketKey(id, bucketOf(event.data.lineId))] : [],
    changeFollower: (doc, event) => {
      const lines = doc && "bucket" in doc ? doc.bucket : {};
      change(lines, event);
      return Object.keys(lines).length > 0 ? { bucket: lines } : undefined;
    },
  };
}

function onCart<Data>(
  change: (cart: CartDoc, event: ProjectedEvent<Data>) => void,
): Handler<CartDocument, Data> {
  return onExisting((doc, event) => {
    const cart = cartOf(doc);
    cart.revision = event.revision;
    change(cart, event);
  });
}

function cartOf(doc: CartDocument): CartDoc {
  if ("bucket" in doc) throw new Error("a part of a cart stands where the cart should");
  return doc;
}

/** FNV-1a: it only has to spread. */
function bucketOf(lineId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < lineId.length; at++) hash = Math.imul(hash ^ lineId.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % buckets;
}

function bucketKey(id: string, bucket: number): string {
  return `${id}/${String(bucket).padStart(2, "0")}`;
}

/** Keys of the documents that hold the late lines of a long cart. */
export function cartParts(doc: unknown, id: string): string[] {
  if (!cartOf(doc as CartDocument).isLong) return [];
  return Array.from({ length: buckets }, (_, bucket) => bucketKey(id, bucket));
}

function ends(status: CartStatus): Handler<CartDocument, unknown> {
  return onCart((cart, { time }) => {
    cart.status = status;
    cart.updatedAt = time;
  });
}

/** The document is no API shape: carts change oftener than they are read, so `getCart` makes the shape. */
export const cartsProjection = projectionOf<ShopEvents>()<CartDocument>({
  name: "carts",
  version: 5,
  columns: { draftedAt: "number" },
  indexes: [["draftedAt"]],
  columnsOf: (doc) => ({ draftedAt: "bucket" in doc ? null : draftedAt(doc) }),
  on: {
    CartOpened: {
      keys: streamKey,
      change: (_, { data, time, revision }) => ({
        status: "open",
        revision,
        currency: data.currency,
        lines: {},
        createdAt: time,
        updatedAt: time,
        ...(data.draft && { draft: true }),
        ...(data.expiresAt !== undefined && { expiresAt: data.expiresAt }),
      }),
    },
    ItemAdded: onItems((lines, { data, revision }) => {
      const { lineId, sku, productId, name, quantity, unitPrice, priceOverridden } = data;
      const before = lines[lineId];
      const pieces = quantity + (before?.[3] ?? 0);
      lines[lineId] = [
        sku,
        productId,
        name,
        pieces,
        unitPrice,
        priceOverridden ? 1 : 0,
        before?.[6] ?? revision,
      ];
    }),
    QuantityChanged: onItems((lines, { data: { lineId, quantity } }) => {
      const line = lines[lineId];
      if (line) line[3] = quantity;
    }),
    ItemRemoved: onItems((lines, { data: { lineId } }) => {
      delete lines[lineId];
    }),
    /** Its lines follow. */
    CartMerged: onCart((cart, { time }) => {
      cart.updatedAt = time;
    }),
    CartAssigned: onCart((cart, { time }) => {
      delete cart.details;
      cart.updatedAt = time;
    }),
    DetailsChanged: onCart((cart, { data: { expiresAt, ...details }, time }) => {
      cart.details = details;
      cart.updatedAt = time;
      if (expiresAt !== undefined) cart.expiresAt = expiresAt;
    }),
    CheckoutStarted: onCart((cart, { data, time }) => {
      cart.status = "checking_out";
      cart.updatedAt = time;
      cart.orderId = data.orderId;
      delete cart.failure;
    }),
    CheckoutFailed: onCart((cart, { data, time }) => {
      cart.status = "open";
      cart.updatedAt = time;
      delete cart.orderId;
      cart.failure = { code: data.code, detail: data.detail };
    }),
    CartConverted: onCart((cart, { data, time }) => {
      cart.status = "converted";
      cart.updatedAt = time;
      cart.orderId = data.orderId;
    }),
    CartAbandoned: ends("abandoned"),
    CartHandedOver: ends("merged"),
    CartExpired: ends("expired"),
  },
});

/** Of a draft that is no order yet, and was not given up. */
function draftedAt({ draft, status, createdAt }: CartDoc): number | null {
  return draft && (status === "open" || status === "checking_out") ? createdAt : null;
}

/** Drafts that are no orders yet, newest first. */
export async function listDrafts(model: ViewModel, request: PageRequest): Promise<TextPage<DraftSummary>> {
  const { items, next } = await model.find({
    where: [{ column: "draftedAt", gte: 0 }],
    sort: [{ column: "draftedAt", descending: true }],
    ...pageQuery(request),
  });
  const carts = await Promise.all(items.map(({ key, json }) => storedView(model, key, json)));
  return { texts: carts.map(({ items: _, ...draft }) => JSON.stringify(draft)), next };
}

/** @returns undefined when there is no such cart */
export async function getCart(model: ViewModel, id: string): Promise<CartView | undefined> {
  const stored = (await model.load([id])).documents.get(id);
  return stored && storedView(model, id, stored.json);
}

async function storedView(model: ViewModel, id: string, json: string): Promise<CartView> {
  const cart: unknown = JSON.parse(json);
  const parts = (await model.load(cartParts(cart, id))).documents;
  return cartViewOf(
    id,
    cart,
    Array.from(parts.values(), ({ json }) => JSON.parse(json) as unknown),
  );
}

/** Stored documents of a cart as readers see it. */
export function cartViewOf(id: string, doc: unknown, parts: readonly unknown[]): CartView {
  const cart = cartOf(doc as CartDocument);
  const { status, revision, currency, details, orderId, failure, createdAt, updatedAt, draft, expiresAt } =
    cart;
  const money = (amount: number): Money => ({ amount, currency });
  const late = parts.flatMap((part) => (part ? Object.entries((part as { bucket: Lines }).bucket) : []));
  const lines = [...Object.entries(cart.lines), ...late.sort(([, a], [, b]) => a[6] - b[6])];
  const items = lines.map(
    ([lineId, [sku, productId, name, quantity, unitPrice, override]]): CartItemView => ({
      lineId,
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
    revision,
    status,
    currency,
    ...details,
    items,
    subtotal: money(items.reduce((sum, { lineTotal }) => sum + lineTotal.amount, 0)),
    itemCount: items.reduce((sum, { quantity }) => sum + quantity, 0),
    ...(orderId !== undefined && { orderId }),
    ...(failure && { failure }),
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    ...(draft && { draft }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}
