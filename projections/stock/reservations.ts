import type { ShopEvents } from "../../commands/events.ts";
import { projectionOf } from "../../src/engine/projection.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { streamKey } from "../handlers.ts";

/** The held reservations of a SKU and when each runs out, epoch milliseconds; `dueAt` is the first. */
interface Held {
  dueAt: number;
  held: Record<string, number>;
}

const released = {
  keys: streamKey,
  change: (doc: Held | undefined, { data }: { data: { reservationId: string } }) =>
    letGo(doc, data.reservationId),
};

/** Which SKUs hold stock that will run out: the timers of reservations. A SKU that holds none is not here. */
export const reservationsProjection = projectionOf<ShopEvents>()<Held>({
  name: "reservations",
  version: 1,
  columns: { dueAt: "number" },
  indexes: [["dueAt"]],
  columnsOf: ({ dueAt }) => ({ dueAt }),
  on: {
    StockReserved: {
      keys: streamKey,
      change: (doc, { data }) => held(doc, data.reservationId, data.expiresAt),
    },
    ReservationExtended: {
      keys: streamKey,
      change: (doc, { data }) => held(letGo(doc, data.reservationId), data.reservationId, data.expiresAt),
    },
    ReservationCommitted: released,
    ReservationReleased: released,
    ReservationExpired: released,
  },
});

function held(doc: Held | undefined, reservationId: string, expiresAt: string): Held {
  const expires = Date.parse(expiresAt);
  if (!doc) return { dueAt: expires, held: { [reservationId]: expires } };
  doc.held[reservationId] = expires;
  doc.dueAt = Math.min(doc.dueAt, expires);
  return doc;
}

function letGo(doc: Held | undefined, reservationId: string): Held | undefined {
  if (!doc) return undefined;
  const was = doc.held[reservationId];
  // A committed reservation that is released was let go before.
  if (was === undefined) return doc;
  delete doc.held[reservationId];
  let next = Number.POSITIVE_INFINITY;
  if (was > doc.dueAt) next = doc.dueAt;
  else for (const key in doc.held) next = Math.min(next, doc.held[key] ?? next);
  if (next === Number.POSITIVE_INFINITY) return undefined;
  doc.dueAt = next;
  return doc;
}

/** SKUs with a reservation that has run out, the longest ago first. */
export async function skusWithExpired(model: ViewModel, now: number, limit: number): Promise<string[]> {
  const { items } = await model.find({
    where: [{ column: "dueAt", lte: now }],
    sort: [{ column: "dueAt" }],
    limit,
  });
  return items.map(({ key }) => key);
}
