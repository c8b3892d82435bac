import { decider } from "../../src/engine/decider.ts";
import { isoTime } from "../../src/values/clock.ts";
import { illegalTransition, Problem } from "../../src/values/problem.ts";
import { ended, endedAtOnceMax, regradedFor, type StockEvent, settled, sweptFor } from "./balance.ts";
import { type StockCondition, stockEvents, stockQuantityMax } from "./events.ts";
import {
  availableOf,
  countedOf,
  evolveStock,
  expiredIds,
  initialStock,
  isLive,
  piecesIn,
  type Reservation,
  reservationOf,
  type Stock,
  shipmentKey,
  stockSnapshot,
  weighStock,
} from "./state.ts";

/** Holds that a shop may have open on one SKU at once. */
const openReservationsMax = 200_000;

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

interface Count {
  counted: number;
  reason?: string;
}

interface Move {
  sku: string;
  from: StockCondition;
  to: StockCondition | "out";
  quantity: number;
  reason: string;
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

interface Ship {
  sku: string;
  reservationId: string;
  shipmentId: string;
  quantity: number;
}

interface TakeBack {
  returnId: string;
  sellable: number;
  damaged: number;
  notRestocked?: number;
}

interface SetPolicy {
  track?: boolean;
  backorders?: boolean;
  lowStockThreshold?: number;
  counted?: number;
}

export const stock = decider({
  category: "stock",
  events: stockEvents,
  initial: initialStock,
  evolve: evolveStock,

  decide: {
    Receive: (state: Stock, { quantity, reference, movementId }: Receive, { now }): StockEvent[] => {
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
      return settled(state, [received], now);
    },

    /** A fact, whatever is promised: what is short then goes on backorder. */
    Adjust: (state: Stock, { sku, delta, reason, movementId }: Adjust, { now }): StockEvent[] => {
      if (delta === 0 || (movementId !== undefined && state.movements.has(movementId))) return [];
      requireRoom(state, delta);
      if (delta < 0 && state.onHand + delta < 0) throw outOfStock(sku, state.onHand, -delta);
      const adjusted: StockEvent = {
        type: "StockAdjusted",
        data: { delta, reason, ...(movementId !== undefined && { movementId }) },
      };
      return settled(state, [...regradedFor(state, -delta, reason), adjusted], now);
    },

    /** A fact as well, of all that is in the house. */
    Count: (state: Stock, { counted, reason }: Count, { now }): StockEvent[] =>
      settled(state, countedAs(state, counted, reason), now),

    /** Between conditions, or out of the house. Of those that are sellable, promised ones may go too. */
    Move: (state: Stock, { sku, from, to, quantity, reason }: Move, { now }): StockEvent[] => {
      if (from === to) throw invalidMove(from);
      const there = piecesIn(state, from);
      if (quantity > there) throw outOfStock(sku, there, quantity);
      const moved: StockEvent =
        to === "out"
          ? { type: "StockWrittenOff", data: { from, quantity, reason } }
          : { type: "StockRegraded", data: { from, to, quantity, reason } };
      return settled(state, [moved], now);
    },

    /** A reservation that was released stays so (DISTRIBUTED.md, 8); one that ran out is made again. */
    Reserve: (state: Stock, command: Reserve, { now }): StockEvent[] => {
      requireNotEnded(state, command.reservationId);
      if (!state.track) return [];
      const known = state.reservations.get(command.reservationId);
      if (known && isLive(known, now)) return [];
      return settled(state, reserve(state, command, now), now);
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
      const expiresAt = isoTime(now + holdMs);
      return settled(state, [{ type: "ReservationExtended", data: { reservationId, expiresAt } }], now);
    },

    /** Makes a held reservation final. One that has expired meanwhile is made again in the same append. */
    Commit: (state: Stock, { sku, reservationId, quantity }: Commit, { now }): StockEvent[] => {
      requireNotEnded(state, reservationId);
      const known = state.reservations.get(reservationId);
      if (known?.committed) return [];
      const committed = (pieces: number): StockEvent => ({
        type: "ReservationCommitted",
        data: { reservationId, quantity: pieces },
      });
      if (known && isLive(known, now)) return settled(state, [committed(known.quantity)], now);
      // Not tracked any more: nothing needs to be promised, and what has run out ends.
      if (!state.track) return known ? settled(state, ended(state, [reservationId]), now) : [];
      const reserved = reserve(state, { sku, reservationId, quantity, holdMs: 0 }, now);
      return settled(state, [...reserved, committed(quantity)], now);
    },

    /** Ends a reservation, for good: also one that is not there, and may be on its way. */
    Release: (
      state: Stock,
      { reservationId, reason }: { reservationId: string; reason: string },
      { now },
    ): StockEvent[] => {
      const reservation = state.reservations.get(reservationId);
      if (!reservation && state.ended.has(reservationId)) return [];
      const { quantity, shipped, committed } = reservation ?? nothing;
      const released: StockEvent = {
        type: "ReservationReleased",
        data: { reservationId, quantity: quantity - shipped, committed, reason },
      };
      return settled(state, [released], now);
    },

    /** Takes a part off a claim. Without one there is nothing to count. */
    Shrink: (state: Stock, command: Shrink, { now }): StockEvent[] => {
      const shrunk = shrink(state, command);
      return shrunk.length > 0 ? settled(state, shrunk, now) : [];
    },

    /** Promises more to a claim, or anew: as a backorder where it is not there, whatever the policy. */
    Grow: (state: Stock, command: Claim, { now }): StockEvent[] => {
      const { reservationId, quantity } = command;
      const claimId = claimIdOf(command);
      const claim = state.reservations.get(reservationId);
      if (!state.track || state.returns.has(claimId) || (claim && !claim.committed)) return [];
      const backordered = Math.min(quantity, Math.max(0, quantity - Math.max(0, availableOf(state))));
      const data = { reservationId, claimId, quantity, backordered };
      return settled(state, [{ type: "ClaimGrown", data }], now);
    },

    /** As `Grow`, where the policy allows it: what is neither there nor may be on backorder is refused. */
    Claim: (state: Stock, command: Claim & { sku: string }, { now }): StockEvent[] => {
      const { sku, reservationId, quantity } = command;
      const claimId = claimIdOf(command);
      requireNotEnded(state, claimId);
      if (!state.track || state.returns.has(claimId)) return [];
      if (state.reservations.get(reservationId)?.committed === false)
        throw illegalTransition("what is only held for a checkout cannot grow");
      const { swept, short: backordered } = roomFor(state, sku, quantity, now);
      const data = { reservationId, claimId, quantity, backordered };
      return settled(state, [...ended(state, swept), { type: "ClaimGrown", data }], now);
    },

    /** Undoes a `Claim`, for good: also one that was not made, and may be on its way. */
    Unclaim: (state: Stock, command: Claim & { reason: string }, { now }): StockEvent[] => {
      const { reason, reservationId, quantity } = command;
      const claimId = claimIdOf(command);
      if (state.ended.has(claimId)) return [];
      const undone: StockEvent = {
        type: "ReservationReleased",
        data: { reservationId: claimId, quantity: 0, committed: false, reason },
      };
      const made = state.returns.has(claimId);
      const shrunk = made ? shrink(state, { reservationId, cancelId: claimId, quantity }) : [];
      return settled(state, [...shrunk, undone], now);
    },

    /** Ends what has run out, and settles what an earlier command has left; for the timer. */
    Expire: (state: Stock, _: { reservationId: string }, { now }): StockEvent[] =>
      settled(state, ended(state, expiredIds(state, now, endedAtOnceMax)), now),

    /**
     * A fact: the pieces have left, also where others or nobody have them in hand by now. What was sold while the SKU
     * was not tracked leaves uncounted, as far as nothing claims it.
     */
    Ship: (state: Stock, command: Ship, { now }): StockEvent[] => {
      const { sku, reservationId, shipmentId } = command;
      const claim = state.reservations.get(reservationId);
      // All of it has left, or it was sold while the SKU was not tracked: there is nothing to count down.
      if (!claim || claim.shipments?.includes(shipmentId) || state.shipments.has(shipmentKey(command)))
        return [];
      if (claim.cancellations?.includes(goneId(shipmentId))) return [];
      const quantity = countedOf(state, claim, command.quantity);
      const claimed = claim.committed ? claim.quantity - claim.shipped : 0;
      if (quantity > claimed) throw outOfStock(sku, claimed, quantity);
      return settled(state, leaving(state, { reservationId, shipmentId, quantity }, claim), now);
    },

    /** Of what comes back, what was not counted when it left is not counted now: sellable pieces first. */
    TakeBack: (state: Stock, command: TakeBack, { now }): StockEvent[] => {
      const { returnId, notRestocked = 0 } = command;
      const all = command.sellable + command.damaged;
      if (state.returns.has(returnId) || !state.track || all === 0) return [];
      const sellable = Math.max(0, command.sellable - notRestocked);
      const damaged = Math.min(command.damaged, all - notRestocked);
      requireRoom(state, sellable + damaged);
      const found = { returnId, sellable, damaged, quarantine: 0 };
      const data = { ...found, ...(notRestocked > 0 && { notRestocked }) };
      return settled(state, [{ type: "StockReturned", data }], now);
    },

    /** One that is tracked from now on starts from a count. */
    SetPolicy: (state: Stock, command: SetPolicy, { now }): StockEvent[] => {
      const { counted, ...changes } = command;
      const { track, backorders, lowStockThreshold } = { ...state, ...changes };
      const same =
        track === state.track &&
        backorders === state.backorders &&
        lowStockThreshold === state.lowStockThreshold;
      const set: StockEvent[] = same
        ? []
        : [{ type: "StockPolicySet", data: { track, backorders, lowStockThreshold } }];
      const count = counted === undefined ? [] : countedAs(state, counted, undefined);
      return same && counted === undefined ? [] : settled(state, [...set, ...count], now);
    },
  },

  weigh: weighStock,
  snapshot: stockSnapshot,
});

const nothing = { quantity: 0, shipped: 0, committed: false };

function requireNotEnded(state: Stock, reservationId: string): void {
  if (state.ended.has(reservationId))
    throw illegalTransition("the reservation was released: what it was for has been undone");
}

/** Two orders may have claims of one name, and the SKU's stream is theirs together. */
function claimIdOf({ reservationId, claimId }: Claim): string {
  return `${reservationId}/${claimId}`;
}

function shrink(state: Stock, { reservationId, cancelId, ...command }: Shrink): StockEvent[] {
  const claim = state.reservations.get(reservationId);
  if (!claim?.committed || claim.cancellations?.includes(cancelId)) return [];
  const quantity = Math.min(command.quantity, claim.quantity - claim.shipped);
  const backordered = Math.min(claim.backordered, quantity);
  return [{ type: "ClaimShrunk", data: { reservationId, cancelId, quantity, backordered } }];
}

function reserve(state: Stock, { sku, reservationId, quantity, holdMs }: Reserve, now: number): StockEvent[] {
  const others = state.reservations.size - Number(state.reservations.has(reservationId));
  if (others >= openReservationsMax)
    throw new Problem("unavailable", `${sku} has ${openReservationsMax} open reservations`);
  const reserved: StockEvent = {
    type: "StockReserved",
    data: { reservationId, quantity, expiresAt: isoTime(now + holdMs) },
  };
  const { swept, short } = roomFor(state, sku, quantity, now, reservationId);
  const queued: StockEvent[] =
    short > 0 ? [{ type: "BackorderQueued", data: { reservationId, quantity: short } }] : [];
  return [...ended(state, swept), reserved, ...queued];
}

/**
 * What must end so that so many pieces can be promised, and how many of them are not there all the same.
 * @throws Problem out_of_stock where those must not be promised
 */
function roomFor(state: Stock, sku: string, quantity: number, now: number, own?: string) {
  const swept = sweptFor(state, own, quantity, now);
  const free = availableOf(state) + swept.reduce((sum, id) => sum + reservationOf(state, id).quantity, 0);
  const short = Math.max(0, quantity - Math.max(0, free));
  if (short > 0 && !state.backorders) throw outOfStock(sku, free, quantity);
  return { swept, short };
}

/** The name under which a claim forgets the pieces of a shipment that were not there any more. */
function goneId(shipmentId: string): string {
  return `shipment/${shipmentId}`;
}

/** What is not in the house any more had left before it was counted: only the claim of it ends. */
function leaving(state: Stock, shipment: Omit<Ship, "sku">, claim: Reservation): StockEvent[] {
  const { reservationId, shipmentId, quantity } = shipment;
  const there = Math.min(quantity, Math.max(0, piecesIn(state, "sellable")));
  const taken = Math.max(0, there - (claim.quantity - claim.shipped - claim.backordered));
  const gone = quantity - there;
  const backordered = Math.min(gone, claim.backordered - taken);
  const events: StockEvent[] = [];
  if (taken > 0) events.push({ type: "BackorderFilled", data: { reservationId, quantity: taken } });
  if (there > 0) events.push({ type: "StockShipped", data: { reservationId, shipmentId, quantity: there } });
  const cancelId = goneId(shipmentId);
  if (gone > 0)
    events.push({ type: "ClaimShrunk", data: { reservationId, cancelId, quantity: gone, backordered } });
  return events;
}

function countedAs(state: Stock, counted: number, reason: string | undefined): StockEvent[] {
  const delta = counted - state.onHand;
  const data = { counted, delta, ...(reason !== undefined && { reason }) };
  return [...regradedFor(state, -delta, reason ?? "counted"), { type: "StockCounted", data }];
}

function invalidMove(from: StockCondition): Problem {
  return new Problem("validation_failed", `the pieces are ${from} already`, {
    errors: [{ path: "to", message: "another condition than `from`" }],
  });
}

function requireRoom(state: Stock, quantity: number): void {
  if (quantity > 0 && state.onHand + quantity > stockQuantityMax)
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
