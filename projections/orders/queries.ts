import type { Address } from "../../commands/address.ts";
import { refundableIn } from "../../commands/order/book.ts";
import type { OrderStatus, PaymentStatus } from "../../commands/order/status.ts";
import type { Uncounted } from "../../commands/order/uncounted.ts";
import type { Condition, StoredDocument, ViewModel } from "../../src/stores/view-store/view-store.ts";
import { endOf, startOf } from "../../src/values/calendar.ts";
import { emailOf } from "../../src/values/email.ts";
import type { Money } from "../../src/values/money.ts";
import { foldSku } from "../../src/values/sku.ts";
import { wordsOf } from "../catalog/search/analyzer.ts";
import { type PageRequest, pageQuery, type TextPage, textPageOf } from "../page.ts";
import { hadIn, heldIn, type PaymentView, paymentsOfOrder } from "../payments.ts";
import { backorderedOf } from "../stock/reservations.ts";
import { type Claims, claimsOf, moneyIn, type Quantities, quantitiesOf } from "./books.ts";
import type { OrderDoc, OrderReturnDoc, OrderSummary, TimelineRow, TimelineType } from "./documents.ts";

export interface OrderLineView {
  lineId: number;
  sku: string;
  productId: string;
  name: string;
  category?: string;
  quantity: number;
  unitPrice: Money;
  subtotal: Money;
  discount: Money;
  tax: Money;
  total: Money;
  quantities: Quantities & Claims;
}

type Failure = NonNullable<OrderDoc["shipments"][number]["failures"]>[number];

/** One order, with all there is to know of it. */
export interface OrderView extends Omit<OrderSummary, "total"> {
  revision: number;
  paymentMethod: string;
  paymentId: string;
  cartId: string;
  currency: string;
  lines: OrderLineView[];
  totals: { subtotal: Money; discount: Money; shipping: Money; tax: Money; total: Money };
  /** How it was taxed. */
  tax: OrderDoc["tax"];
  /** `authorized` is what gateways hold or have moved, `disputed` what banks have taken back. */
  money: Record<keyof ReturnType<typeof moneyIn> | keyof ReturnType<typeof heldIn>, Money>;
  refunded: Money;
  shippingMethod: string;
  shippingAddress?: Address;
  billingAddress?: Address;
  payments: PaymentView[];
  shipments: {
    id: string;
    lines: { sku: string; quantity: number }[];
    carrier?: string;
    trackingNumber?: string;
    dispatchedAt: string;
    deliveredAt?: string;
    failures?: (Omit<Failure, "at"> & { at: string })[];
  }[];
  returns: (Omit<OrderReturnDoc, "requestedAt"> & { requestedAt: string })[];
  refunds: { id: string; amount: Money; cause: OrderDoc["refunds"][number]["cause"]; at: string }[];
  /** Pieces that came back and were not restocked, for they had not been counted when they left. */
  notRestocked?: Uncounted["back"];
  /** Oldest first; `customerText` is what the customer reads of it, if anything. */
  timeline: { at: string; type: TimelineType; text: string; customerText?: string }[];
}

const nameWordsMax = 12;

/** All that are given hold at once. */
export interface OrdersFilter {
  /** Whole or its beginning, in any case of letters. */
  number?: string | undefined;
  /** Words of the name that the goods go to, in any order; the last may be a beginning. Folded as a search. */
  name?: string | undefined;
  customer?: string | undefined;
  /** In any case of letters; what is no whole address is the beginning of one. */
  email?: string | undefined;
  status?: OrderStatus | undefined;
  paymentStatus?: PaymentStatus | undefined;
  sku?: string | undefined;
  /** Days of the store, both included, or instants: placed at or after `from` and before `to`. */
  from?: string | undefined;
  to?: string | undefined;
}

export type OrdersQuery = OrdersFilter & PageRequest;

/**
 * Orders by when they were placed, newest first.
 * @param timeZone of days
 * @throws RangeError for what is neither day nor instant
 */
export async function listOrders(
  model: ViewModel,
  query: OrdersQuery,
  timeZone: string,
): Promise<TextPage<OrderSummary>> {
  const sort = [{ column: "placedAt", descending: true }];
  return textPageOf(await model.find({ where: ordersWhere(query, timeZone), sort, ...pageQuery(query) }));
}

/** What few orders meet comes first. @throws RangeError */
export function ordersWhere(filter: OrdersFilter, timeZone: string): Condition[] {
  const { number, name, customer, email, status, paymentStatus, from, to, sku } = filter;
  const where: Condition[] = [];
  if (number !== undefined) where.push({ column: "number", begins: number.trim().toLowerCase() });
  if (email !== undefined) where.push({ column: "email", ...wholeOrBeginning(email) });
  if (customer !== undefined) where.push({ column: "customerId", eq: customer });
  if (name !== undefined) where.push(...namedLike(name));
  if (sku !== undefined) where.push({ column: "sku", has: foldSku(sku) });
  if (status !== undefined) where.push({ column: "status", eq: status });
  if (paymentStatus !== undefined) where.push({ column: "paymentStatus", eq: paymentStatus });
  if (from !== undefined) where.push({ column: "placedAt", gte: startOf(from, timeZone) });
  if (to !== undefined) where.push({ column: "placedAt", lt: endOf(to, timeZone) });
  return where;
}

function wholeOrBeginning(email: string): Pick<Condition, "eq" | "begins"> {
  const whole = emailOf(email);
  return whole === undefined
    ? { begins: email.trim().normalize("NFC").toLowerCase() }
    : { eq: whole.toLowerCase() };
}

/** A name without any letter is nobody's. */
function namedLike(name: string): Condition[] {
  const words = wordsOf(name).slice(0, nameWordsMax);
  const last = words.pop();
  if (last === undefined) return [{ column: "name", has: "" }];
  return [{ column: "name", begins: last }, ...words.map((word) => ({ column: "name", has: word }))];
}

/** The read models that tell all there is to know of an order. */
export interface OrderModels {
  orders: ViewModel;
  payments: ViewModel;
  reservations: ViewModel;
}

/**
 * @param idOrNumber an order's id, or its number in any case of letters
 * @returns undefined when there is no such order
 */
export async function getOrder(
  { orders, payments, reservations }: OrderModels,
  idOrNumber: string,
): Promise<OrderView | undefined> {
  const stored = await storedOrder(orders, idOrNumber);
  if (!stored) return undefined;
  const { key, json } = stored;
  const doc = JSON.parse(json) as OrderDoc;
  // Only what has still to be sent is waited for.
  const isOpen = doc.book.lines.some(({ pieces: { toShip = 0 } }) => toShip > 0);
  const [paidBy, waiting] = await Promise.all([
    paymentsOfOrder(payments, key),
    isOpen ? backorderedOf(reservations, key) : new Map<string, number>(),
  ]);
  return viewOf(key, doc, paidBy, waiting);
}

/** @returns the id of the order that had a refund which came to nothing */
export async function orderOwing(orders: ViewModel, refundId: string): Promise<string | undefined> {
  const { items } = await orders.find({ where: [{ column: "refund", has: refundId }], limit: 1 });
  return items[0]?.key;
}

/** What can still be refunded of an order. */
export interface RefundableView {
  id: string;
  number: string;
  lines: {
    lineId: number;
    sku: string;
    name: string;
    quantity: number;
    goods: Money;
    tax: Money;
    total: Money;
  }[];
  shipping: Money;
  shippingTax: Money;
  total: Money;
  payout: Money;
}

/**
 * What could be refunded; `payout` is what of it the order's payments could give back.
 * @param idOrNumber as `getOrder` takes it
 * @returns undefined when there is no such order
 */
export async function getRefundable(
  orders: ViewModel,
  payments: ViewModel,
  idOrNumber: string,
): Promise<RefundableView | undefined> {
  const stored = await storedOrder(orders, idOrNumber);
  if (!stored) return undefined;
  const { number, currency, lines, book } = JSON.parse(stored.json) as OrderDoc;
  const money = (amount: number): Money => ({ amount, currency });
  const left = refundableIn(book);
  const paidBy = await paymentsOfOrder(payments, stored.key);
  return {
    id: stored.key,
    number,
    lines: left.lines.map(({ quantity, goods, tax, total }, index) => {
      const [sku, , name] = rowIn(lines, index);
      const amounts = { goods: money(goods), tax: money(tax), total: money(total) };
      return { lineId: index + 1, sku, name, quantity, ...amounts };
    }),
    shipping: money(left.shipping),
    shippingTax: money(left.shippingTax),
    total: money(left.total),
    payout: money(Math.min(left.payout, hadIn(paidBy))),
  };
}

async function storedOrder(orders: ViewModel, idOrNumber: string): Promise<StoredDocument | undefined> {
  return (await storedById(orders, idOrNumber)) ?? (await storedByNumber(orders, idOrNumber));
}

async function storedById(orders: ViewModel, id: string): Promise<StoredDocument | undefined> {
  return (await orders.load([id])).documents.get(id);
}

async function storedByNumber(orders: ViewModel, number: string): Promise<StoredDocument | undefined> {
  const { items } = await orders.find({
    where: [{ column: "number", eq: number.toLowerCase() }],
    limit: 1,
  });
  return items[0] && storedById(orders, items[0].key);
}

function viewOf(
  id: string,
  doc: OrderDoc,
  payments: PaymentView[],
  waiting: ReadonlyMap<string, number>,
): OrderView {
  const { currency, lines, totals, email, customerId, shippingAddress, billingAddress } = doc;
  const money = (amount: number): Money => ({ amount, currency });
  return {
    id,
    revision: doc.revision,
    number: doc.number,
    status: doc.status,
    paymentStatus: doc.paymentStatus,
    paymentMethod: doc.paymentMethod,
    paymentId: doc.paymentId,
    cartId: doc.cartId,
    currency,
    ...(email !== undefined && { email }),
    ...(customerId !== undefined && { customerId }),
    itemCount: lines.reduce((sum, line) => sum + line[4], 0),
    lineCount: lines.length,
    lines: linesOf(doc, waiting, money),
    totals: {
      subtotal: money(totals.subtotal),
      discount: money(totals.discount),
      shipping: money(totals.shipping),
      tax: money(totals.tax),
      total: money(totals.total),
    },
    tax: doc.tax,
    money: moneyOf({ ...moneyIn(doc.book), ...heldIn(payments) }, money),
    refunded: money(doc.book.refunded),
    shippingMethod: doc.shippingMethod,
    ...(shippingAddress && { shippingAddress }),
    ...(billingAddress && { billingAddress }),
    payments,
    shipments: doc.shipments.map(({ dispatchedAt, deliveredAt, failures, ...shipment }) => ({
      ...shipment,
      dispatchedAt: isoAt(dispatchedAt),
      ...(deliveredAt !== undefined && { deliveredAt: isoAt(deliveredAt) }),
      ...(failures && { failures: failures.map(({ at, ...failure }) => ({ ...failure, at: isoAt(at) })) }),
    })),
    returns: doc.returns.map((each) => ({ ...each, requestedAt: isoAt(each.requestedAt) })),
    refunds: doc.refunds.map(({ id, amount, cause, at }) => ({
      id,
      amount: money(amount),
      cause,
      at: isoAt(at),
    })),
    ...(doc.uncounted && doc.uncounted.back.length > 0 && { notRestocked: doc.uncounted.back }),
    timeline: doc.timeline.map(entryOf),
    placedAt: isoAt(doc.placedAt),
    updatedAt: isoAt(doc.updatedAt),
  };
}

function entryOf([at, type, text, forStaff]: TimelineRow): OrderView["timeline"][number] {
  const customerText = text === null ? {} : { customerText: text };
  return { at: isoAt(at), type, text: forStaff ?? text ?? "", ...customerText };
}

function moneyOf(
  amounts: Record<keyof OrderView["money"], number>,
  money: (amount: number) => Money,
): OrderView["money"] {
  const { due, authorized, captured, refunded, pending, balance, disputed } = amounts;
  return {
    due: money(due),
    authorized: money(authorized),
    captured: money(captured),
    refunded: money(refunded),
    pending: money(pending),
    balance: money(balance),
    disputed: money(disputed),
  };
}

function linesOf(
  { lines, book }: OrderDoc,
  waiting: ReadonlyMap<string, number>,
  money: (amount: number) => Money,
): OrderLineView[] {
  const claims = claimsOf(book, waiting);
  return lines.map(
    ([sku, productId, name, category, quantity, unitPrice, subtotal, discount, tax, total], index) => ({
      lineId: index + 1,
      sku,
      productId,
      name,
      ...(category !== "" && { category }),
      quantity,
      unitPrice: money(unitPrice),
      subtotal: money(subtotal),
      discount: money(discount),
      tax: money(tax),
      total: money(total),
      quantities: { ...quantitiesOf(rowIn(book.lines, index)), ...rowIn(claims, index) },
    }),
  );
}

function rowIn<T>(lines: readonly T[], index: number): T {
  const line = lines[index];
  if (!line) throw new Error(`there is no line ${index + 1}`);
  return line;
}

function isoAt(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
