import type { ShopEvents } from "../../commands/events.ts";
import { projectionOf } from "../../src/engine/projection.ts";
import type { ColumnValue, ViewModel } from "../../src/stores/view-store/view-store.ts";
import type { PageRequest } from "../page.ts";

/** A held reservation, and when it runs out, epoch milliseconds. */
interface Held {
  sku: string;
  dueAt: number;
}

interface OfReservation {
  id: string;
  data: { reservationId: string };
}

const reservationKey = ({ id, data }: OfReservation) => `${id}/${data.reservationId}`;
const ended = { keys: reservationKey, change: () => undefined };
const held = {
  keys: reservationKey,
  change: (_: Held | undefined, { id, data }: OfReservation & { data: { expiresAt: string } }): Held => ({
    sku: id,
    dueAt: Date.parse(data.expiresAt),
  }),
};

/**
 * The timers of reservations: a document for each that is held and will run out, so that one more costs the same
 * however many there are of its SKU.
 */
export const reservationsProjection = projectionOf<ShopEvents>()<Held>({
  name: "reservations",
  version: 2,
  columns: { dueAt: "number" },
  indexes: [["dueAt"]],
  columnsOf: ({ dueAt }) => ({ dueAt }),
  on: {
    StockReserved: held,
    ReservationExtended: held,
    ReservationCommitted: ended,
    ReservationReleased: ended,
    ReservationExpired: ended,
  },
});

export interface ExpiredPage {
  /** Each once. */
  skus: string[];
  /** Where the next page starts; null on the last one. */
  next: readonly ColumnValue[] | null;
}

/** SKUs with reservations that have run out, the longest ago first. The limit is of reservations. */
export async function skusWithExpired(
  model: ViewModel,
  now: number,
  { limit, after }: PageRequest,
): Promise<ExpiredPage> {
  const { items, next } = await model.find({
    where: [{ column: "dueAt", lte: now }],
    sort: [{ column: "dueAt" }],
    limit,
    ...(after && { after }),
  });
  return { skus: [...new Set(items.map(({ json }) => (JSON.parse(json) as Held).sku))], next };
}
