import type { Address } from "../../commands/address.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import type { Money } from "../../src/values/money.ts";
import { type Columns, type ExportedAs, type ExportPage, exportText, timeCell } from "../exported.ts";
import { moneyIn, type Quantities, quantitiesOf } from "./books.ts";
import type { OrderDoc, OrderLineRow } from "./documents.ts";
import { type OrdersFilter, ordersWhere } from "./queries.ts";

/** What one page reads: an order of two thousand lines is some 300 kB of rows. */
const pageOrders = 200;
const pageBytesMax = 1024 * 1024;

export interface OrdersExport extends OrdersFilter, ExportedAs {
  /** What a row is. */
  rows: "lines" | "orders";
  /** Epoch ms: what was placed at this time or later is left out, so that an export has an end. */
  placedBefore: number;
}

interface OrderRow {
  id: string;
  doc: OrderDoc;
  money: (amount: number) => Money;
}

interface LineRow extends OrderRow {
  lineId: number;
  line: OrderLineRow;
  pieces: Quantities;
}

/**
 * Orders by when they were placed, oldest first. An order that meets the filter all the while is there once, as it is when
 * its page is read.
 * @throws RangeError for what is neither day nor instant
 */
export async function exportOrders(
  model: ViewModel,
  { format, after, rows, placedBefore, ...filter }: OrdersExport,
  timeZone: string,
): Promise<ExportPage> {
  const found = await model.find({
    where: [...ordersWhere(filter, timeZone), { column: "placedAt", lt: placedBefore }],
    sort: [{ column: "placedAt" }],
    limit: pageOrders,
    ...(after && { after }),
  });
  const keys = found.items.map(({ key }) => key);
  const { documents, lookedUp } = await model.load(keys, pageBytesMax);
  const read = keys.slice(0, lookedUp).flatMap((id): OrderRow[] => {
    const stored = documents.get(id);
    return stored ? [orderRow(id, JSON.parse(stored.json) as OrderDoc)] : [];
  });
  const as = { format, after };
  const text =
    rows === "orders"
      ? exportText(orderColumns, read, as)
      : exportText(lineColumns, read.flatMap(linesOf), as);
  const last = read.at(-1);
  const next = lookedUp < keys.length && last ? [last.doc.placedAt, last.id] : found.next;
  return { text, next };
}

function orderRow(id: string, doc: OrderDoc): OrderRow {
  return { id, doc, money: (amount) => ({ amount, currency: doc.currency }) };
}

function linesOf(order: OrderRow): LineRow[] {
  const { lines, book } = order.doc;
  return lines.flatMap((line, index) => {
    const of = book.lines[index];
    return of ? { ...order, lineId: index + 1, line, pieces: quantitiesOf(of) } : [];
  });
}

const order = {
  orderId: ({ id }) => id,
  number: ({ doc }) => doc.number,
  placedAt: ({ doc }) => timeCell(doc.placedAt),
  status: ({ doc }) => doc.status,
  paymentStatus: ({ doc }) => doc.paymentStatus,
  customerId: ({ doc }) => doc.customerId ?? null,
  email: ({ doc }) => doc.email ?? null,
  name: ofAddress("fullName"),
  country: ofAddress("country"),
} satisfies Columns<OrderRow>;

const orderColumns: Columns<OrderRow> = {
  ...order,
  addressLine1: ofAddress("addressLine1"),
  addressLine2: ofAddress("addressLine2"),
  city: ofAddress("city"),
  state: ofAddress("state"),
  postalCode: ofAddress("postalCode"),
  phone: ofAddress("phone"),
  shippingMethod: ({ doc }) => doc.shippingMethod,
  paymentMethod: ({ doc }) => doc.paymentMethod,
  lineCount: ({ doc }) => doc.lines.length,
  itemCount: ({ doc }) => doc.lines.reduce((sum, line) => sum + line[4], 0),
  currency: ({ doc }) => doc.currency,
  subtotal: ({ doc, money }) => money(doc.totals.subtotal),
  discount: ({ doc, money }) => money(doc.totals.discount),
  shipping: ({ doc, money }) => money(doc.totals.shipping),
  tax: ({ doc, money }) => money(doc.totals.tax),
  total: ({ doc, money }) => money(doc.totals.total),
  captured: ({ doc, money }) => money(moneyIn(doc.book).captured),
  refunded: ({ doc, money }) => money(moneyIn(doc.book).refunded),
  balance: ({ doc, money }) => money(moneyIn(doc.book).balance),
  updatedAt: ({ doc }) => timeCell(doc.updatedAt),
};

const lineColumns: Columns<LineRow> = {
  ...order,
  lineId: ({ lineId }) => lineId,
  sku: ({ line: [sku] }) => sku,
  productId: ({ line: [, productId] }) => productId,
  product: ({ line: [, , name] }) => name,
  category: ({ line: [, , , category] }) => category || null,
  quantity: ({ line: [, , , , quantity] }) => quantity,
  currency: ({ doc }) => doc.currency,
  unitPrice: ({ line: [, , , , , unitPrice], money }) => money(unitPrice),
  subtotal: ({ line: [, , , , , , subtotal], money }) => money(subtotal),
  discount: ({ line: [, , , , , , , discount], money }) => money(discount),
  tax: ({ line: [, , , , , , , , tax], money }) => money(tax),
  total: ({ line: [, , , , , , , , , total], money }) => money(total),
  cancelled: ({ pieces }) => pieces.cancelled,
  toShip: ({ pieces }) => pieces.toShip,
  inTransit: ({ pieces }) => pieces.inTransit,
  delivered: ({ pieces }) => pieces.kept,
  returned: ({ pieces }) => pieces.returned,
};

function ofAddress(field: keyof Address): (row: OrderRow) => string | null {
  return ({ doc }) => doc.shippingAddress?.[field] ?? null;
}
