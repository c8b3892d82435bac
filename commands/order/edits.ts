import type { DataOf, EventOf } from "../../src/engine/decider.ts";
import { illegalTransition, Problem, problemOf } from "../../src/values/problem.ts";
import type { Address } from "../address.ts";
import type { Refusal } from "../cart/events.ts";
import { type Book, count, creditOf, isOver, leftOf, named, shippingPart, total } from "./book.ts";
import { bookEvents } from "./book-events.ts";
import { creditedBy, linesCancelled, type NamedLine, noShipping } from "./credits.ts";
import type { orderEvents } from "./events.ts";
import type { OrderLine, PlacedOrder } from "./state.ts";

type OrderEvent = EventOf<typeof orderEvents>;
type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;

export const orderLinesMax = 2_000;
const editsMax = 1_000;

export interface Edit {
  editId: string;
  /** Priced as of now. Stock has promised them. */
  add: readonly OrderLine[];
  remove?: readonly NamedLine[] | undefined;
  /** Price and tax of the method as the order is taxed. */
  shipping?: { method: string; price: number; tax: number } | undefined;
  shippingAddress?: Address | undefined;
  /** Minor units that are due for all of it afterwards. */
  acceptedTotal?: number | undefined;
}

/** An edit or an exchange asks stock for more: it is on the log before stock is asked. */
export function requestEdit(order: PlacedOrder, data: Data<"EditRequested">): OrderEvent[] {
  const { edits, lines } = order;
  const known = edits.get(data.editId);
  if (known?.refusal) throw problemOf(known.refusal);
  if (known) return [];
  if (edits.size >= editsMax) throw illegalTransition(`an order is edited at most ${editsMax} times`);
  if (lines.length + data.adds.length > orderLinesMax)
    throw illegalTransition(`an order has at most ${orderLinesMax} lines`);
  return [{ type: "EditRequested", data }];
}

/** It does not come about: what stock has promised for it is free again. */
export function refuseEdit(
  { edits }: PlacedOrder,
  { editId, refusal }: { editId: string; refusal: Refusal },
): OrderEvent[] {
  const known = edits.get(editId);
  if (!known || known.done || known.refusal) return [];
  return [{ type: "EditRefused", data: { editId, refusal } }];
}

/** Pieces and shipping of an order that has not left are changed; the price difference is due, or goes back. */
export function edit(order: PlacedOrder, command: Edit): OrderEvent[] {
  const { editId, add, shipping, shippingAddress, acceptedTotal } = command;
  const { status, book, currency, cancellations, credits } = order;
  if (order.edits.get(editId)?.done || cancellations.has(editId) || credits.has(editId)) return [];
  if (status !== "confirmed" && status !== "paid" && status !== "processing")
    throw illegalTransition(`an order that is ${status} cannot be edited`);
  requirePromised(order, editId, add);
  if ((shipping || shippingAddress) && total(book, "toShip") === 0)
    throw illegalTransition("nothing is left to ship");
  const added = add.length > 0 || shipping ? [edited(order, command)] : [];
  const grown = added.reduce((before, { data }) => bookEvents.OrderEdited(before, data), book);
  const less = lessened({ ...order, book: grown }, command);
  const after = less.reduce((before, event) => applied(before, event), grown);
  if (isOver(after)) throw illegalTransition("an order is cancelled, not edited, to have no pieces");
  if (acceptedTotal !== undefined && after.due !== acceptedTotal)
    throw new Problem("price_changed", `the order comes to ${after.due} ${currency} minor units`, {
      total: { amount: after.due, currency },
      acceptedTotal: { amount: acceptedTotal, currency },
    });
  const moved: OrderEvent[] = shippingAddress
    ? [{ type: "AddressChanged", data: { editId, shippingAddress } }]
    : [];
  const events = [...added, ...less, ...moved];
  if (events.length === 0) throw illegalTransition("nothing is changed");
  return events;
}

/** @throws Problem illegal_transition when stock was not asked, or what it promised is free again */
export function requirePromised(
  { edits }: PlacedOrder,
  editId: string,
  add: readonly { quantity: number }[],
): void {
  const known = edits.get(editId);
  if (known?.refusal) throw problemOf(known.refusal);
  if (add.length > 0 && !known) throw illegalTransition("stock has promised nothing for it");
}

/** What is not wanted any more is cancelled, and what shipping costs less is credited. */
function lessened(order: PlacedOrder, { editId, remove, shipping }: Edit): OrderEvent[] {
  const { book } = order;
  const id = { creditId: editId, cause: "cancellation" as const, reason: "the order was edited" };
  const unsent = (line: Book["lines"][number], lineId: number) =>
    lineId > order.lines.length ? 0 : count(line, "failed", "toShip");
  const shares = remove ? named(book, remove, unsent, "removed") : [];
  const cancelled = shares.length > 0 ? [linesCancelled(order, id, shares)] : [];
  const after = cancelled.reduce((before, { data }) => bookEvents.LinesCancelled(before, data), book);
  const parts = shares.map((share) => ({ share, kept: false }));
  const cheaper = shipping ? cheaperBy(order, shipping) : 0;
  if (parts.length === 0 && cheaper === 0) return [];
  const credit = { lines: creditOf(book, parts), ...shippingPart(book, cheaper) };
  return [...cancelled, creditedBy(order, after, id, credit)];
}

function applied(book: Book, event: OrderEvent): Book {
  if (event.type === "LinesCancelled") return bookEvents.LinesCancelled(book, event.data);
  return event.type === "OrderCredited" ? bookEvents.OrderCredited(book, event.data) : book;
}

/** How much less a way of shipping costs, tax and all; no more than is left of what it cost. */
function cheaperBy({ book, shippingPaid }: PlacedOrder, shipping: { price: number; tax: number }): number {
  const whole = ({ price, tax }: { price: number; tax: number }) => (book.taxIncluded ? price : price + tax);
  return Math.min(leftOf(book).shipping, Math.max(0, whole(shippingPaid) - whole(shipping)));
}

/** Lines and shipping that are asked for beside what was. */
export function edited(
  order: PlacedOrder,
  { editId, add, shipping }: Pick<Edit, "editId" | "add" | "shipping">,
) {
  const { currency, shippingPaid } = order;
  const more = shipping && {
    shipping: Math.max(0, shipping.price - shippingPaid.price),
    shippingTax: Math.max(0, shipping.tax - shippingPaid.tax),
    method: shipping,
  };
  const data = { editId, currency, lines: add.map((line) => ({ ...line })), ...(more ?? noShipping) };
  return { type: "OrderEdited" as const, data };
}
