import type { ShopEvents } from "../../commands/events.ts";
import { type Handler, projectionOf } from "../../src/engine/projection.ts";
import type { ColumnValue, ViewModel } from "../../src/stores/view-store/view-store.ts";
import type { PageRequest } from "../page.ts";

/** A reservation that is held, or whose order waits for pieces. Its id is that of the order, placed or not. */
interface ReservationDoc {
  sku: string;
  /** When it runs out, epoch milliseconds, if it is only held. */
  dueAt?: number;
  /** Pieces that it promises and that are not there yet. */
  backordered?: number;
}

interface OfReservation {
  id: string;
  data: { reservationId: string };
}

const reservationKey = ({ id, data }: OfReservation) => `${id}/${data.reservationId}`;
const ended = { keys: reservationKey, change: () => undefined };
const newDoc = ({ id }: OfReservation): ReservationDoc => ({ sku: id });

/** What neither runs out nor waits is gone. */
function kept({ sku, dueAt, backordered = 0 }: ReservationDoc): ReservationDoc | undefined {
  if (dueAt === undefined && backordered <= 0) return undefined;
  return { sku, ...(dueAt !== undefined && { dueAt }), ...(backordered > 0 && { backordered }) };
}

/** An event by which more pieces of a reservation wait, or fewer. Most claims grow and shrink without any that do. */
function waiting<D extends OfReservation["data"]>(piecesIn: (data: D) => number): Handler<ReservationDoc, D> {
  return {
    keys: (event) => (piecesIn(event.data) === 0 ? [] : reservationKey(event)),
    change: (doc, event) => {
      const before = doc ?? newDoc(event);
      return kept({ ...before, backordered: (before.backordered ?? 0) + piecesIn(event.data) });
    },
  };
}

/**
 * The timers of reservations, and what is on backorder: a document for each reservation that is held and will run
 * out, or promises pieces that are not there, so that one more costs the same however many there are of its SKU.
 */
export const reservationsProjection = projectionOf<ShopEvents>()<ReservationDoc>({
  name: "reservations",
  version: 3,
  columns: { dueAt: "number", waits: "text" },
  indexes: [["dueAt"], ["waits"]],
  columnsOf: ({ sku, dueAt, backordered }, key) => ({
    dueAt: dueAt ?? null,
    waits: backordered === undefined ? null : key.slice(sku.length + 1),
  }),
  on: {
    StockReserved: {
      keys: reservationKey,
      change: (_, event) => ({ ...newDoc(event), dueAt: Date.parse(event.data.expiresAt) }),
    },
    ReservationExtended: {
      keys: reservationKey,
      change: (doc, event) => ({ ...(doc ?? newDoc(event)), dueAt: Date.parse(event.data.expiresAt) }),
    },
    ReservationCommitted: {
      keys: reservationKey,
      change: (doc) => {
        if (!doc) return undefined;
        const { dueAt: _, ...committed } = doc;
        return kept(committed);
      },
    },
    ReservationReleased: ended,
    ReservationExpired: ended,
    BackorderQueued: waiting(({ quantity }) => quantity),
    BackorderFilled: waiting(({ quantity }) => -quantity),
    ClaimGrown: waiting(({ backordered }) => backordered),
    ClaimShrunk: waiting(({ backordered }) => -backordered),
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
  return { skus: [...new Set(items.map(({ json }) => (JSON.parse(json) as ReservationDoc).sku))], next };
}

const expiredPage = 1_000;

/** Whether reservations of a SKU have run out and are still held. */
export async function hasExpired(model: ViewModel, sku: string, now: number): Promise<boolean> {
  for (let after: readonly ColumnValue[] | null | undefined; after !== null; ) {
    const page = await skusWithExpired(model, now, { limit: expiredPage, after });
    if (page.skus.includes(sku)) return true;
    after = page.next;
  }
  return false;
}

const waitingPage = 1_000;

/** Pieces that an order waits for, by SKU. */
export async function backorderedOf(model: ViewModel, orderId: string): Promise<ReadonlyMap<string, number>> {
  const pieces = new Map<string, number>();
  for (let after: readonly ColumnValue[] | null | undefined; after !== null; ) {
    const page = await model.find({
      where: [{ column: "waits", eq: orderId }],
      limit: waitingPage,
      ...(after && { after }),
    });
    for (const { json } of page.items) {
      const { sku, backordered = 0 } = JSON.parse(json) as ReservationDoc;
      pieces.set(sku, backordered);
    }
    after = page.next;
  }
  return pieces;
}
