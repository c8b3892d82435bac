import { z } from "zod";
import { type DataOf, decider, type EventOf, event } from "../../src/engine/decider.ts";
import { isoTime } from "../../src/values/clock.ts";
import { Problem } from "../../src/values/problem.ts";

/** Pieces of one SKU. Beyond this a number is a mistake, not a delivery. */
export const stockQuantityMax = 1_000_000_000;
const returnsRememberedMax = 1_000;
const shipmentsRememberedMax = 1_000;
const movementsRememberedMax = 1_000;
/** Holds that a shop may have open on one SKU at once. */
const openReservationsMax = 200_000;

const quantity = z.int().min(1).max(stockQuantityMax);
const count = z.int().min(0).max(stockQuantityMax);
const id = z.string().min(1).max(200);

export const stockEvents = {
  /** `movementId` names a movement that may be booked again by mistake and must count once. */
  StockReceived: event(z.object({ quantity, reference: z.string().optional(), movementId: id.optional() })),
  StockAdjusted: event(z.object({ delta: z.int(), reason: z.string(), movementId: id.optional() })),
  StockReserved: event(z.object({ reservationId: id, quantity, expiresAt: z.string() })),
  ReservationExtended: event(z.object({ reservationId: id, expiresAt: z.string() })),
  ReservationCommitted: event(z.object({ reservationId: id, quantity })),
  /** `committed` tells whether the pieces were promised for good or only held. */
  ReservationReleased: event(
    z.object({ reservationId: id, quantity, committed: z.boolean(), reason: z.string() }),
  ),
  ReservationExpired: event(z.object({ reservationId: id, quantity })),
  StockShipped: event(z.object({ reservationId: id, shipmentId: id, quantity })),
  StockReturned: event(z.object({ returnId: id, sellable: count, damaged: count })),
  StockMarkedDamaged: event(z.object({ quantity, reason: z.string() })),
  BackorderQueued: event(z.object({ reservationId: id, quantity })),
  BackorderFilled: event(z.object({ reservationId: id, quantity })),
  StockPolicySet: event(z.object({ track: z.boolean(), backorders: z.boolean(), lowStockThreshold: count })),
  LowStockReached: event(z.object({ available: z.int(), threshold: count })),
};

type StockEvent = EventOf<typeof stockEvents>;

interface Reservation {
  quantity: number;
  /** Epoch milliseconds; a committed reservation does not expire. */
  expiresAt: number;
  committed: boolean;
  shipped: number;
  /** Pieces of it that are promised but not there yet. */
  backordered: number;
}

/** The stock of one SKU at one place. */
export interface Stock {
  track: boolean;
  backorders: boolean;
  lowStockThreshold: number;
  /** Pieces in the house, damaged ones included. */
  onHand: number;
  damaged: number;
  reserved: number;
  committed: number;
  /** Held or committed, by reservation; what has ended is gone. */
  reservations: Map<string, Reservation>;
  /** Ids of the reservations that are not committed. */
  held: Set<string>;
  /** No held reservation expires before this: nothing needs to be swept until then. */
  nextExpiry: number;
  returns: Set<string>;
  shipments: Set<string>;
  movements: Set<string>;
}

const initial = (): Stock => ({
  track: true,
  backorders: false,
  lowStockThreshold: 0,
  onHand: 0,
  damaged: 0,
  reserved: 0,
  committed: 0,
  reservations: new Map(),
  held: new Set(),
  nextExpiry: Number.POSITIVE_INFINITY,
  returns: new Set(),
  shipments: new Set(),
  movements: new Set(),
});

/** What can still be promised. Held reservations count until an event ends them. */
export function availableOf(stock: Stock): number {
  return stock.onHand - stock.damaged - stock.committed - stock.reserved;
}

interface Receive {
  quantity: number;
  reference?: string;
  movementId?: string;
}

interface Adjust {
  sku: string;
  delta: number;
  reason: string;
  movementId?: string;
}

interface Reserve {
  sku: string;
  reservationId: string;
  quantity: number;
  holdMs: number;
}

interface Commit {
  sku: string;
  reservationId: string;
  quantity: number;
}

export const stock = decider({
  category: "stock",
  events: stockEvents,
  initial,

  evolve: {
    StockReceived: (state, { quantity, movementId }) => moved(state, quantity, movementId),
    StockAdjusted: (state, { delta, movementId }) => moved(state, delta, movementId),
    StockReserved: (state, { reservationId, quantity, expiresAt }) => {
      const expires = Date.parse(expiresAt);
      state.reservations.set(reservationId, {
        quantity,
        expiresAt: expires,
        committed: false,
        shipped: 0,
        backordered: 0,
      });
      state.reserved += quantity;
      state.held.add(reservationId);
      state.nextExpiry = Math.min(state.nextExpiry, expires);
      return state;
    },
    ReservationExtended: (state, { reservationId, expiresAt }) => {
      const reservation = reservationOf(state, reservationId);
      reservation.expiresAt = Date.parse(expiresAt);
      return state;
    },
    ReservationCommitted: (state, { reservationId, quantity }) => {
      reservationOf(state, reservationId).committed = true;
      state.committed += quantity;
      return noLongerHeld(state, reservationId, quantity);
    },
    ReservationReleased: (state, { reservationId, quantity, committed }) => {
      state.reservations.delete(reservationId);
      if (!committed) return noLongerHeld(state, reservationId, quantity);
      state.committed -= quantity;
      return state;
    },
    ReservationExpired: (state, { reservationId, quantity }) => {
      state.reservations.delete(reservationId);
      return noLongerHeld(state, reservationId, quantity);
    },
    StockShipped: (state, { reservationId, shipmentId, quantity }) => {
      rememberIn(state.shipments, `${shipmentId}/${reservationId}`, shipmentsRememberedMax);
      const reservation = reservationOf(state, reservationId);
      reservation.shipped += quantity;
      state.committed -= quantity;
      state.onHand -= quantity;
      if (reservation.shipped >= reservation.quantity) state.reservations.delete(reservationId);
      return state;
    },
    StockReturned: (state, { returnId, sellable, damaged }) => {
      rememberIn(state.returns, returnId, returnsRememberedMax);
      state.onHand += sellable + damaged;
      state.damaged += damaged;
      return state;
    },
    StockMarkedDamaged: (state, { quantity }) => ({ ...state, damaged: state.damaged + quantity }),
    BackorderQueued: (state, { reservationId, quantity }) => {
      reservationOf(state, reservationId).backordered += quantity;
      return state;
    },
    BackorderFilled: (state, { reservationId, quantity }) => {
      reservationOf(state, reservationId).backordered -= quantity;
      return state;
    },
    StockPolicySet: (state, policy) => ({ ...state, ...policy }),
    LowStockReached: (state) => state,
  },

  decide: {
    Receive: (state, { quantity, reference, movementId }: Receive) => {
      if (movementId !== undefined && state.movements.has(movementId)) return [];
      requireRoom(state, quantity);
      const received: StockEvent = {
        type: "StockReceived",
        data: {
          quantity,
          ...(reference !== undefined && { reference }),
          ...(movementId !== undefined && { movementId }),
        },
      };
      return [received, ...fillBackorders(state, quantity)];
    },

    Adjust: (state, { sku, delta, reason, movementId }: Adjust) => {
      if (delta === 0 || (movementId !== undefined && state.movements.has(movementId))) return [];
      if (delta > 0) requireRoom(state, delta);
      if (state.track && !state.backorders && delta < 0 && availableOf(state) + delta < 0)
        throw outOfStock(sku, availableOf(state), -delta);
      // A backorder is a promise; pieces that are not there cannot be written off.
      if (state.track && state.onHand + delta < 0) throw outOfStock(sku, state.onHand, -delta);
      const adjusted: StockEvent = {
        type: "StockAdjusted",
        data: { delta, reason, ...(movementId !== undefined && { movementId }) },
      };
      const filled = delta > 0 ? fillBackorders(state, delta) : [];
      return withLowStock(state, [adjusted, ...filled], delta);
    },

    Reserve: (state, { sku, reservationId, quantity, holdMs }: Reserve, { now }) => {
      if (!state.track) return [];
      const known = state.reservations.get(reservationId);
      if (known && isLive(known, now)) return [];
      return reserve(state, { sku, reservationId, quantity, holdMs }, now);
    },

    Extend: (state, { reservationId, holdMs }: { reservationId: string; holdMs: number }, { now }) => {
      const reservation = state.reservations.get(reservationId);
      if (!reservation || reservation.committed || !isLive(reservation, now)) return [];
      if (reservation.expiresAt >= now + holdMs) return [];
      return [{ type: "ReservationExtended", data: { reservationId, expiresAt: isoTime(now + holdMs) } }];
    },

    /** Makes a held reservation final. One that has expired meanwhile is made again in the same append. */
    Commit: (state, { sku, reservationId, quantity }: Commit, { now }) => {
      const known = state.reservations.get(reservationId);
      if (known?.committed) return [];
      if (known && isLive(known, now))
        return [{ type: "ReservationCommitted", data: { reservationId, quantity: known.quantity } }];
      // Not tracked any more: nothing needs to be promised, and what has run out ends.
      if (!state.track) return known ? sweep(state, now) : [];
      const committed: StockEvent = { type: "ReservationCommitted", data: { reservationId, quantity } };
      return [...reserve(state, { sku, reservationId, quantity, holdMs: 0 }, now), committed];
    },

    Release: (state, { reservationId, reason }: { reservationId: string; reason: string }) => {
      const reservation = state.reservations.get(reservationId);
      if (!reservation) return [];
      const { quantity, shipped, committed, backordered } = reservation;
      const left = quantity - shipped;
      const released: StockEvent = {
        type: "ReservationReleased",
        data: { reservationId, quantity: left, committed, reason },
      };
      return [released, ...fillBackorders(state, left - backordered, [reservationId])];
    },

    /** Ends what has run out; for the timer. */
    Expire: (state, _: { reservationId: string }, { now }) => sweep(state, now),

    Ship: (state, command: { sku: string; reservationId: string; shipmentId: string; quantity: number }) => {
      const { sku, reservationId, shipmentId, quantity } = command;
      if (state.shipments.has(`${shipmentId}/${reservationId}`)) return [];
      const reservation = state.reservations.get(reservationId);
      // Sold while the SKU was not tracked: there is nothing to count down.
      if (!reservation) return [];
      const { committed, shipped, backordered } = reservation;
      const left = reservation.quantity - shipped - backordered;
      if (!committed || quantity > left) throw outOfStock(sku, committed ? left : 0, quantity);
      return [{ type: "StockShipped", data: { reservationId, shipmentId, quantity } }];
    },

    TakeBack: (
      state,
      { returnId, sellable, damaged }: { returnId: string; sellable: number; damaged: number },
    ) => {
      if (state.returns.has(returnId) || !state.track || sellable + damaged === 0) return [];
      requireRoom(state, sellable + damaged);
      const returned: StockEvent = { type: "StockReturned", data: { returnId, sellable, damaged } };
      return [returned, ...fillBackorders(state, sellable)];
    },

    MarkDamaged: (state, { sku, quantity, reason }: { sku: string; quantity: number; reason: string }) => {
      if (quantity > availableOf(state)) throw outOfStock(sku, availableOf(state), quantity);
      const marked: StockEvent = { type: "StockMarkedDamaged", data: { quantity, reason } };
      return withLowStock(state, [marked], -quantity);
    },

    SetPolicy: (state, command: { track?: boolean; backorders?: boolean; lowStockThreshold?: number }) => {
      const { track, backorders, lowStockThreshold } = { ...state, ...command };
      const same =
        track === state.track &&
        backorders === state.backorders &&
        lowStockThreshold === state.lowStockThreshold;
      if (same) return [];
      return [{ type: "StockPolicySet", data: { track, backorders, lowStockThreshold } }];
    },
  },

  weigh: ({ reservations, returns, shipments, movements }) =>
    300 + reservations.size * 400 + (returns.size + shipments.size + movements.size) * 200,
});

function moved(state: Stock, delta: number, movementId: string | undefined): Stock {
  state.onHand += delta;
  if (movementId !== undefined) rememberIn(state.movements, movementId, movementsRememberedMax);
  return state;
}

function noLongerHeld(state: Stock, reservationId: string, quantity: number): Stock {
  state.reserved -= quantity;
  state.held.delete(reservationId);
  if (state.held.size === 0) state.nextExpiry = Number.POSITIVE_INFINITY;
  return state;
}

/** Live while now < expiresAt; a committed one until it is shipped or released. */
function isLive(reservation: Reservation, now: number): boolean {
  return reservation.committed || now < reservation.expiresAt;
}

function reserve(state: Stock, { sku, reservationId, quantity, holdMs }: Reserve, now: number): StockEvent[] {
  if (state.reservations.size >= openReservationsMax)
    throw new Problem("unavailable", `${sku} has ${openReservationsMax} open reservations`);
  const reserved: StockEvent = {
    type: "StockReserved",
    data: { reservationId, quantity, expiresAt: isoTime(now + holdMs) },
  };
  // Sweeping costs a look at every reservation, so only when one may have run out and it matters.
  const stale = state.reservations.has(reservationId);
  const swept = stale || availableOf(state) < quantity ? expired(state, now) : [];
  const freed = swept.reduce((sum, { data }) => sum + data.quantity, 0);
  const free = availableOf(state) + freed;
  const short = quantity - Math.max(0, free);
  if (short > 0 && !state.backorders) throw outOfStock(sku, Math.max(0, free), quantity);
  const queued: StockEvent[] =
    short > 0 ? [{ type: "BackorderQueued", data: { reservationId, quantity: short } }] : [];
  return withLowStock(state, [...swept, ...refilled(state, swept), reserved, ...queued], freed - quantity);
}

function sweep(state: Stock, now: number): StockEvent[] {
  const ended = expired(state, now);
  return [...ended, ...refilled(state, ended)];
}

/** Pieces that ended reservations had in hand go to those that wait. */
function refilled(state: Stock, ended: readonly { data: ExpiredData }[]): StockEvent[] {
  const ids = ended.map(({ data }) => data.reservationId);
  const freed = ids.reduce((sum, id) => {
    const { quantity, backordered } = reservationOf(state, id);
    return sum + quantity - backordered;
  }, 0);
  return fillBackorders(state, freed, ids);
}

function expired(state: Stock, now: number): { type: "ReservationExpired"; data: ExpiredData }[] {
  if (now < state.nextExpiry) return [];
  const events: { type: "ReservationExpired"; data: ExpiredData }[] = [];
  for (const reservationId of state.held) {
    const reservation = reservationOf(state, reservationId);
    if (!isLive(reservation, now))
      events.push({ type: "ReservationExpired", data: { reservationId, quantity: reservation.quantity } });
  }
  return events;
}

type ExpiredData = DataOf<typeof stockEvents, "ReservationExpired">;

/** Pieces that came in or came free go to the backorders first, oldest first; not to those that end. */
function fillBackorders(state: Stock, arrived: number, ended: readonly string[] = []): StockEvent[] {
  // Pieces that wait are pieces that are missing: where none is, nobody needs to be looked for.
  if (arrived <= 0 || availableOf(state) >= 0) return [];
  const ending = new Set(ended);
  const events: StockEvent[] = [];
  let left = arrived;
  for (const [reservationId, { backordered }] of state.reservations) {
    if (left === 0) break;
    if (backordered === 0 || ending.has(reservationId)) continue;
    const quantity = Math.min(left, backordered);
    left -= quantity;
    events.push({ type: "BackorderFilled", data: { reservationId, quantity } });
  }
  return events;
}

function withLowStock(state: Stock, events: StockEvent[], change: number): StockEvent[] {
  const threshold = state.lowStockThreshold;
  const before = availableOf(state);
  const after = before + change;
  if (!state.track || before <= threshold || after > threshold) return events;
  return [...events, { type: "LowStockReached", data: { available: after, threshold } }];
}

function reservationOf(state: Stock, reservationId: string): Reservation {
  const reservation = state.reservations.get(reservationId);
  if (!reservation) throw new Error(`there is no reservation ${reservationId}`);
  return reservation;
}

function requireRoom(state: Stock, quantity: number): void {
  if (state.onHand + quantity > stockQuantityMax)
    throw new Problem("validation_failed", `stock cannot grow beyond ${stockQuantityMax} pieces`, {
      errors: [{ path: "quantity", message: `at most ${stockQuantityMax - state.onHand} more` }],
    });
}

function rememberIn(ids: Set<string>, id: string, max: number): void {
  ids.add(id);
  if (ids.size <= max) return;
  const oldest = ids.values().next();
  if (!oldest.done) ids.delete(oldest.value);
}

function outOfStock(sku: string, available: number, requested: number): Problem {
  return new Problem("out_of_stock", `${sku}: ${requested} wanted, ${Math.max(0, available)} available`, {
    sku,
    available: Math.max(0, available),
    requested,
  });
}
