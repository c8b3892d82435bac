import { decider, type EventOf } from "../../src/engine/decider.ts";
import { isoTime } from "../../src/values/clock.ts";
import { illegalTransition, Problem } from "../../src/values/problem.ts";
import { stockEvents, stockQuantityMax } from "./events.ts";
import {
  availableOf,
  evolveStock,
  expiredIds,
  initialStock,
  isLive,
  reservationOf,
  type Stock,
  stockSnapshot,
  weighStock,
} from "./state.ts";

/** Holds that a shop may have open on one SKU at once. */
const openReservationsMax = 200_000;
/** Reservations that one append ends or fills; the rest follows with the next command, or by timer. */
const endedAtOnceMax = 200;
const filledAtOnceMax = 200;

type StockEvent = EventOf<typeof stockEvents>;

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

/** `claimId` names the addition within its order. */
interface Claim {
  reservationId: string;
  claimId: string;
  quantity: number;
}

interface Shrink {
  reservationId: string;
  cancelId: string;
  quantity: number;
}

export const stock = decider({
  category: "stock",
  events: stockEvents,
  initial: initialStock,
  evolve: evolveStock,

  decide: {
    Receive: (state: Stock, { quantity, reference, movementId }: Receive): StockEvent[] => {
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
      return [received, ...filled(state, quantity)];
    },

    Adjust: (state: Stock, { sku, delta, reason, movementId }: Adjust): StockEvent[] => {
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
      return withLowStock(state, [adjusted, ...filled(state, delta)], delta);
    },

    /** A reservation that was released stays so (DISTRIBUTED.md, 8); one that ran out is made again. */
    Reserve: (state: Stock, command: Reserve, { now }): StockEvent[] => {
      requireNotEnded(state, command.reservationId);
      if (!state.track) return [];
      const known = state.reservations.get(command.reservationId);
      if (known && isLive(known, now)) return [];
      return reserve(state, command, now);
    },

    Extend: (
      state: Stock,
      { reservationId, holdMs }: { reservationId: string; holdMs: number },
      { now },
    ): StockEvent[] => {
      requireNotEnded(state, reservationId);
      const reservation = state.reservations.get(reservationId);
      if (!reservation || reservation.committed || !isLive(reservation, now)) return [];
      if (reservation.expiresAt >= now + holdMs) return [];
      return [{ type: "ReservationExtended", data: { reservationId, expiresAt: isoTime(now + holdMs) } }];
    },

    /** Makes a held reservation final. One that has expired meanwhile is made again in the same append. */
    Commit: (state: Stock, { sku, reservationId, quantity }: Commit, { now }): StockEvent[] => {
      requireNotEnded(state, reservationId);
      const known = state.reservations.get(reservationId);
      if (known?.committed) return [];
      if (known && isLive(known, now))
        return [{ type: "ReservationCommitted", data: { reservationId, quantity: known.quantity } }];
      // Not tracked any more: nothing needs to be promised, and what has run out ends.
      if (!state.track) return known ? ended(state, [reservationId]) : [];
      const committed: StockEvent = { type: "ReservationCommitted", data: { reservationId, quantity } };
      return [...reserve(state, { sku, reservationId, quantity, holdMs: 0 }, now), committed];
    },

    /** Ends a reservation, for good: also one that is not there, and may be on its way. */
    Release: (
      state: Stock,
      { reservationId, reason }: { reservationId: string; reason: string },
    ): StockEvent[] => {
      const reservation = state.reservations.get(reservationId);
      if (!reservation && state.ended.has(reservationId)) return [];
      const { quantity, shipped, committed, backordered } = reservation ?? nothing;
      const left = quantity - shipped;
      const released: StockEvent = {
        type: "ReservationReleased",
        data: { reservationId, quantity: left, committed, reason },
      };
      return [released, ...filled(state, left - backordered, [reservationId])];
    },

    /** Takes a part off a claim. Without one there is nothing to count. */
    Shrink: (state: Stock, command: Shrink): StockEvent[] => shrink(state, command),

    /** Promises more to a claim, or anew: as a backorder where it is not there, whatever the policy. */
    Grow: (state: Stock, command: Claim): StockEvent[] => {
      const { reservationId, quantity } = command;
      const claimId = claimIdOf(command);
      const claim = state.reservations.get(reservationId);
      if (!state.track || state.returns.has(claimId) || (claim && !claim.committed)) return [];
      const backordered = Math.min(quantity, Math.max(0, quantity - Math.max(0, availableOf(state))));
      const data = { reservationId, claimId, quantity, backordered };
      return withLowStock(state, [{ type: "ClaimGrown", data }], -quantity);
    },

    /** As `Grow`, where the policy allows it: what is neither there nor may be on backorder is refused. */
    Claim: (state: Stock, command: Claim & { sku: string }, { now }): StockEvent[] => {
      const { sku, reservationId, quantity } = command;
      const claimId = claimIdOf(command);
      requireNotEnded(state, claimId);
      if (!state.track || state.returns.has(claimId)) return [];
      if (state.reservations.get(reservationId)?.committed === false)
        throw illegalTransition("what is only held for a checkout cannot grow");
      const { swept, freed, short: backordered } = roomFor(state, sku, quantity, now);
      const grown: StockEvent = {
        type: "ClaimGrown",
        data: { reservationId, claimId, quantity, backordered },
      };
      return withLowStock(state, [...ended(state, swept), grown], freed - quantity);
    },

    /** Undoes a `Claim`, for good: also one that was not made, and may be on its way. */
    Unclaim: (state: Stock, command: Claim & { reason: string }): StockEvent[] => {
      const { reason, reservationId, quantity } = command;
      const claimId = claimIdOf(command);
      if (state.ended.has(claimId)) return [];
      const undone: StockEvent = {
        type: "ReservationReleased",
        data: { reservationId: claimId, quantity: 0, committed: false, reason },
      };
      if (!state.returns.has(claimId)) return [undone];
      return [...shrink(state, { reservationId, cancelId: claimId, quantity }), undone];
    },

    /** Ends what has run out and gives free pieces to those that wait, some at a time; for the timer. */
    Expire: (state: Stock, _: { reservationId: string }, { now }): StockEvent[] => {
      const ids = expiredIds(state, now, endedAtOnceMax);
      return ids.length > 0 ? ended(state, ids) : filled(state, 0);
    },

    Ship: (
      state: Stock,
      command: { sku: string; reservationId: string; shipmentId: string; quantity: number },
    ): StockEvent[] => {
      const { sku, reservationId, shipmentId, quantity } = command;
      const reservation = state.reservations.get(reservationId);
      // All of it has left, or it was sold while the SKU was not tracked: there is nothing to count down.
      if (!reservation || reservation.shipments?.includes(shipmentId)) return [];
      const { committed, shipped, backordered } = reservation;
      const left = reservation.quantity - shipped - backordered;
      if (!committed || quantity > left) throw outOfStock(sku, committed ? left : 0, quantity);
      return [{ type: "StockShipped", data: { reservationId, shipmentId, quantity } }];
    },

    TakeBack: (
      state: Stock,
      { returnId, sellable, damaged }: { returnId: string; sellable: number; damaged: number },
    ): StockEvent[] => {
      if (state.returns.has(returnId) || !state.track || sellable + damaged === 0) return [];
      requireRoom(state, sellable + damaged);
      const returned: StockEvent = { type: "StockReturned", data: { returnId, sellable, damaged } };
      return [returned, ...filled(state, sellable)];
    },

    MarkDamaged: (state: Stock, command: { sku: string; quantity: number; reason: string }): StockEvent[] => {
      const { sku, quantity, reason } = command;
      if (quantity > availableOf(state)) throw outOfStock(sku, availableOf(state), quantity);
      const marked: StockEvent = { type: "StockMarkedDamaged", data: { quantity, reason } };
      return withLowStock(state, [marked], -quantity);
    },

    SetPolicy: (
      state: Stock,
      command: { track?: boolean; backorders?: boolean; lowStockThreshold?: number },
    ): StockEvent[] => {
      const { track, backorders, lowStockThreshold } = { ...state, ...command };
      const same =
        track === state.track &&
        backorders === state.backorders &&
        lowStockThreshold === state.lowStockThreshold;
      if (same) return [];
      return [{ type: "StockPolicySet", data: { track, backorders, lowStockThreshold } }];
    },
  },

  weigh: weighStock,
  snapshot: stockSnapshot,
});

const nothing = { quantity: 0, shipped: 0, committed: false, backordered: 0 };

function requireNotEnded(state: Stock, reservationId: string): void {
  if (state.ended.has(reservationId))
    throw illegalTransition("the reservation was released: what it was for has been undone");
}

/** Two orders may have claims of one name, and the SKU's stream is theirs together. */
function claimIdOf({ reservationId, claimId }: Claim): string {
  return `${reservationId}/${claimId}`;
}

function shrink(state: Stock, command: Shrink): StockEvent[] {
  const { reservationId, cancelId } = command;
  const claim = state.reservations.get(reservationId);
  if (!claim?.committed || claim.cancellations?.includes(cancelId)) return [];
  const quantity = Math.min(command.quantity, claim.quantity - claim.shipped);
  const backordered = Math.min(claim.backordered, quantity);
  const shrunk: StockEvent = {
    type: "ClaimShrunk",
    data: { reservationId, cancelId, quantity, backordered },
  };
  const freed = quantity - backordered;
  return freed === 0 ? [shrunk] : [shrunk, ...filled(state, freed, [reservationId])];
}

function reserve(state: Stock, { sku, reservationId, quantity, holdMs }: Reserve, now: number): StockEvent[] {
  const others = state.reservations.size - Number(state.reservations.has(reservationId));
  if (others >= openReservationsMax)
    throw new Problem("unavailable", `${sku} has ${openReservationsMax} open reservations`);
  const reserved: StockEvent = {
    type: "StockReserved",
    data: { reservationId, quantity, expiresAt: isoTime(now + holdMs) },
  };
  const { swept, freed, short } = roomFor(state, sku, quantity, now, reservationId);
  const queued: StockEvent[] =
    short > 0 ? [{ type: "BackorderQueued", data: { reservationId, quantity: short } }] : [];
  return withLowStock(state, [...ended(state, swept), reserved, ...queued], freed - quantity);
}

/**
 * What must end so that so many pieces can be promised: a hold of the same order that has run out, and others that
 * have, until there is enough. `short` is what is not there all the same.
 * @throws Problem out_of_stock where that must not be promised
 */
function roomFor(state: Stock, sku: string, quantity: number, now: number, own?: string) {
  const swept = sweptFor(state, own, quantity, now);
  const freed = swept.reduce((sum, id) => sum + reservationOf(state, id).quantity, 0);
  const free = availableOf(state) + freed;
  const short = quantity - Math.max(0, free);
  if (short > 0 && !state.backorders) throw outOfStock(sku, free, quantity);
  return { swept, freed, short: Math.max(0, short) };
}

function sweptFor(state: Stock, own: string | undefined, quantity: number, now: number): string[] {
  const ids = own !== undefined && state.reservations.has(own) ? [own] : [];
  let missing = quantity - availableOf(state);
  for (const id of ids) missing -= reservationOf(state, id).quantity;
  if (missing <= 0) return ids;
  for (const id of expiredIds(state, now, endedAtOnceMax)) {
    if (id === own) continue;
    ids.push(id);
    missing -= reservationOf(state, id).quantity;
    if (missing <= 0) break;
  }
  return ids;
}

/** Ends reservations that have run out; pieces that they had in hand go to those that wait. */
function ended(state: Stock, ids: readonly string[]): StockEvent[] {
  if (ids.length === 0) return [];
  let freed = 0;
  const events = ids.map((reservationId): StockEvent => {
    const { quantity, backordered } = reservationOf(state, reservationId);
    freed += quantity - backordered;
    return { type: "ReservationExpired", data: { reservationId, quantity } };
  });
  return [...events, ...filled(state, freed, ids)];
}

/**
 * Pieces that came in or came free go to the backorders first, oldest first; not to those that end. Some at a
 * time: what was free before and not given to anybody yet is given as well.
 */
function filled(state: Stock, arrived: number, ending: readonly string[] = []): StockEvent[] {
  if (state.backordered === 0) return [];
  const gone = new Set(ending);
  // Of what is on the shelf and sellable, all that no reservation has in hand.
  const inHand = state.reserved + state.committed - state.backordered;
  let left = arrived + Math.max(0, state.onHand - state.damaged - inHand);
  const events: StockEvent[] = [];
  for (const reservationId of state.waiting.keys()) {
    if (left <= 0 || events.length >= filledAtOnceMax) break;
    if (gone.has(reservationId)) continue;
    const quantity = Math.min(left, reservationOf(state, reservationId).backordered);
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

function requireRoom(state: Stock, quantity: number): void {
  if (state.onHand + quantity > stockQuantityMax)
    throw new Problem("validation_failed", `stock cannot grow beyond ${stockQuantityMax} pieces`, {
      errors: [{ path: "quantity", message: `at most ${stockQuantityMax - state.onHand} more` }],
    });
}

/** Says exactly what is left, for staff: what others are told of it is the edge's to say. */
function outOfStock(sku: string, left: number, requested: number): Problem {
  const available = Math.max(0, left);
  return new Problem("out_of_stock", `${sku}: ${requested} wanted, ${available} available`, {
    sku,
    available,
    requested,
  });
}
