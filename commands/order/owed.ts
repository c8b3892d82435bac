import type { EventOf } from "../../src/engine/decider.ts";
import { type Book, overpaidOf } from "./book.ts";
import { bookEvents } from "./book-events.ts";
import type { orderEvents } from "./events.ts";
import type { PlacedOrder } from "./state.ts";

type OrderEvent = EventOf<typeof orderEvents>;

/**
 * What a gateway has refused is owed until it goes back by another refund or is asked for again. Events say so, where
 * they change it, so that staff can be shown who is owed something. An `OrderCredited` need not: all that is owed goes
 * with it.
 */
export function withOwed({ book }: PlacedOrder, events: readonly OrderEvent[]): OrderEvent[] {
  let after = book;
  return events.map((event) => {
    const before = overpaidOf(after);
    after = booked(after, event);
    const owed = overpaidOf(after);
    if (owed === before) return event;
    switch (event.type) {
      case "CreditWithdrawn":
        return { ...event, data: { ...event.data, owed } };
      case "OrderPaid":
        return { ...event, data: { ...event.data, owed } };
      case "OrderCancelled":
        // What was credited just now goes back with it: nobody was told that it is owed.
        if (overpaidOf(book) === 0) return event;
        return { ...event, data: { ...event.data, owed } };
      case "OrderRefunded":
        return { ...event, data: { ...event.data, owed } };
      case "OrderEdited":
        return { ...event, data: { ...event.data, owed } };
      default:
        return event;
    }
  });
}

function booked(book: Book, { type, data }: OrderEvent): Book {
  if (!(type in bookEvents) || type === "OrderPlaced") return book;
  const change = bookEvents[type as keyof typeof bookEvents] as (book: Book, data: unknown) => Book;
  return change(book, data);
}
