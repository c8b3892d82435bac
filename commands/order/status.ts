import { type Book, isOver, netOf, total } from "./book.ts";

export const orderStatuses = [
  "pending",
  "confirmed",
  "paid",
  "processing",
  "shipped",
  "delivered",
  "cancelled",
  "refunded",
] as const;
export type OrderStatus = (typeof orderStatuses)[number];

export const paymentStatuses = ["pending", "paid", "failed", "refunded", "partially_refunded"] as const;
export type PaymentStatus = (typeof paymentStatuses)[number];

/** Nothing has still to be paid for what is asked for. */
export function isPaid(book: Book): boolean {
  const { free, due, captured } = book;
  return free || (captured > 0 && netOf(book) >= due) || (due === 0 && !isOver(book));
}

/** What has become of an order: the first that holds. */
export function statusOf(book: Book): OrderStatus {
  if (isOver(book)) return book.emptiedBy === "refund" ? "refunded" : "cancelled";
  if (!book.confirmed) return "pending";
  if (total(book, "toShip", "failed") > 0) {
    if (book.started) return "processing";
    return isPaid(book) ? "paid" : "confirmed";
  }
  if (paymentStatusOf(book) === "refunded") return "refunded";
  return total(book, "inTransit") > 0 ? "shipped" : "delivered";
}

/** What has become of its money: the first that holds. */
export function paymentStatusOf(book: Book): PaymentStatus {
  const { captured, refunded, due, paymentFailed } = book;
  if (captured > 0 && refunded === captured && due === 0) return "refunded";
  if (refunded > 0) return "partially_refunded";
  if (isPaid(book)) return "paid";
  return paymentFailed && captured === 0 ? "failed" : "pending";
}

/** Closed: nothing of it is awaited or has still to be inspected. */
export const returnStatuses = [
  "requested",
  "approved",
  "rejected",
  "withdrawn",
  "partly_received",
  "closed",
] as const;
export type ReturnStatus = (typeof returnStatuses)[number];

/** Of a return of which something was received, or nothing is awaited any more. */
export function receivedStatusOf({ returns, inspections }: Book, returnId: string): ReturnStatus {
  const isOpen = [...returns, ...inspections].some(([id]) => id === returnId);
  return isOpen ? "partly_received" : "closed";
}
