import type { DataOf, EvolveContext, SnapshotFormat } from "../../src/engine/decider.ts";
import {
  byText,
  OrderedMap,
  type SortedMap,
  sortedMap,
  withKey,
  withRecent,
} from "../../src/values/ordered-map.ts";
import type { stockEvents } from "./events.ts";

const rememberedIdsMax = 1_000;
/**
 * Released reservations are remembered for twice the longest attempt, a checkout that waits for its customer, so
 * that nobody who was paused can make them again (DISTRIBUTED.md, 8); and no more than this many.
 */
const endedRememberedMs = 60 * 60_000;
const endedIdsMax = 100_000;
const snapshotPartEntries = 1_000;
/** Of epoch milliseconds, for thousands of years. */
const timeDigits = 15;

export interface Reservation {
  readonly quantity: number;
  /** Epoch milliseconds; a committed reservation does not expire. */
  readonly expiresAt: number;
  readonly committed: boolean;
  readonly shipped: number;
  /** The shipments that took pieces of it, while some are left. */
  readonly shipments?: readonly string[];
  /** The cancellations that took pieces off it, while some are left. */
  readonly cancellations?: readonly string[];
  /** Pieces of it that are promised but not there yet. */
  readonly backordered: number;
}

/** The stock of one SKU at one place. */
export interface Stock {
  readonly track: boolean;
  readonly backorders: boolean;
  readonly lowStockThreshold: number;
  /** Pieces in the house, damaged ones included. */
  readonly onHand: number;
  readonly damaged: number;
  readonly reserved: number;
  readonly committed: number;
  /** Held or committed, by reservation, oldest first; what has ended is gone. */
  readonly reservations: OrderedMap<Reservation>;
  /** The reservations that are not committed, in the order in which they run out; see `expiryKey`. */
  readonly expiries: SortedMap<string, string>;
  /** Reservations with pieces that are missing, oldest first. */
  readonly waiting: OrderedMap<true>;
  /** Pieces missing over all reservations. */
  readonly backordered: number;
  /** Reservations that were released, lately: they stay so. */
  /** When each was, epoch milliseconds. */
  readonly ended: OrderedMap<number>;
  /** Returns, and claims that have grown, by their ids. */
  readonly returns: OrderedMap<true>;
  readonly movements: OrderedMap<true>;
}

const noExpiries: Stock["expiries"] = sortedMap(byText);

export const initialStock = (): Stock => ({
  track: true,
  backorders: false,
  lowStockThreshold: 0,
  onHand: 0,
  damaged: 0,
  reserved: 0,
  committed: 0,
  reservations: OrderedMap.of(),
  expiries: noExpiries,
  waiting: OrderedMap.of(),
  backordered: 0,
  ended: OrderedMap.of(),
  returns: OrderedMap.of(),
  movements: OrderedMap.of(),
});

/** What can still be promised. Held reservations count until an event ends them. */
export function availableOf(stock: Stock): number {
  return stock.onHand - stock.damaged - stock.committed - stock.reserved;
}

/** Live while now < expiresAt; a committed one until it is shipped or released. */
export function isLive(reservation: Reservation, now: number): boolean {
  return reservation.committed || now < reservation.expiresAt;
}

export function reservationOf(state: Stock, reservationId: string): Reservation {
  const reservation = state.reservations.get(reservationId);
  if (!reservation) throw new Error(`there is no reservation ${reservationId}`);
  return reservation;
}

type Data<K extends keyof typeof stockEvents> = DataOf<typeof stockEvents, K>;

export const evolveStock = {
  StockReceived: (state: Stock, { quantity, movementId }: Data<"StockReceived">) =>
    moved(state, quantity, movementId),
  StockAdjusted: (state: Stock, { delta, movementId }: Data<"StockAdjusted">) =>
    moved(state, delta, movementId),
  StockReserved: (state: Stock, { reservationId, quantity, expiresAt }: Data<"StockReserved">): Stock => {
    const expires = Date.parse(expiresAt);
    const held = { quantity, expiresAt: expires, committed: false, shipped: 0, backordered: 0 };
    return {
      ...state,
      reserved: state.reserved + quantity,
      reservations: state.reservations.with(reservationId, held),
      expiries: expiring(state.expiries, reservationId, expires),
    };
  },
  ReservationExtended: (state: Stock, { reservationId, expiresAt }: Data<"ReservationExtended">): Stock => {
    const reservation = reservationOf(state, reservationId);
    const expires = Date.parse(expiresAt);
    return {
      ...withReservation(state, reservationId, { ...reservation, expiresAt: expires }),
      expiries: expiring(
        notExpiring(state.expiries, reservationId, reservation.expiresAt),
        reservationId,
        expires,
      ),
    };
  },
  ReservationCommitted: (state: Stock, { reservationId, quantity }: Data<"ReservationCommitted">): Stock => {
    const reservation = reservationOf(state, reservationId);
    return {
      ...withReservation(state, reservationId, { ...reservation, committed: true }),
      reserved: state.reserved - quantity,
      committed: state.committed + quantity,
      expiries: notExpiring(state.expiries, reservationId, reservation.expiresAt),
    };
  },
  ReservationReleased: (
    state: Stock,
    { reservationId, quantity, committed }: Data<"ReservationReleased">,
    { time }: EvolveContext,
  ): Stock => ({
    ...withoutReservation(state, reservationId),
    ...(committed ? { committed: state.committed - quantity } : { reserved: state.reserved - quantity }),
    ended: withEnded(state.ended, reservationId, time),
  }),
  ClaimShrunk: (state: Stock, data: Data<"ClaimShrunk">, { time }: EvolveContext): Stock => {
    const { reservationId, cancelId, quantity, backordered } = data;
    const waiting = backordered > 0 ? withBackorder(state, reservationId, -backordered) : state;
    const claim = reservationOf(waiting, reservationId);
    const left = claim.quantity - quantity;
    const cancellations = [...(claim.cancellations ?? []), cancelId];
    const rest =
      left <= claim.shipped
        ? {
            ...withoutReservation(waiting, reservationId),
            ended: withEnded(state.ended, reservationId, time),
          }
        : withReservation(waiting, reservationId, { ...claim, quantity: left, cancellations });
    return { ...rest, committed: state.committed - quantity };
  },
  ClaimGrown: (state: Stock, data: Data<"ClaimGrown">, { time }: EvolveContext): Stock => {
    const { reservationId, claimId, quantity, backordered } = data;
    const none = { quantity: 0, expiresAt: time, committed: true, shipped: 0, backordered: 0 };
    const claim = state.reservations.get(reservationId) ?? none;
    const grown = {
      ...withReservation(state, reservationId, { ...claim, quantity: claim.quantity + quantity }),
      committed: state.committed + quantity,
      returns: withRecent(state.returns, claimId, rememberedIdsMax),
    };
    return backordered > 0 ? withBackorder(grown, reservationId, backordered) : grown;
  },
  ReservationExpired: (state: Stock, { reservationId, quantity }: Data<"ReservationExpired">): Stock => ({
    ...withoutReservation(state, reservationId),
    reserved: state.reserved - quantity,
  }),
  StockShipped: (state: Stock, { reservationId, shipmentId, quantity }: Data<"StockShipped">): Stock => {
    const reservation = reservationOf(state, reservationId);
    const shipped = reservation.shipped + quantity;
    const rest =
      shipped >= reservation.quantity
        ? withoutReservation(state, reservationId)
        : withReservation(state, reservationId, {
            ...reservation,
            shipped,
            shipments: [...(reservation.shipments ?? []), shipmentId],
          });
    return {
      ...rest,
      committed: state.committed - quantity,
      onHand: state.onHand - quantity,
    };
  },
  StockReturned: (state: Stock, { returnId, sellable, damaged }: Data<"StockReturned">): Stock => ({
    ...state,
    onHand: state.onHand + sellable + damaged,
    damaged: state.damaged + damaged,
    returns: withRecent(state.returns, returnId, rememberedIdsMax),
  }),
  StockMarkedDamaged: (state: Stock, { quantity }: Data<"StockMarkedDamaged">): Stock => ({
    ...state,
    damaged: state.damaged + quantity,
  }),
  BackorderQueued: (state: Stock, { reservationId, quantity }: Data<"BackorderQueued">) =>
    withBackorder(state, reservationId, quantity),
  BackorderFilled: (state: Stock, { reservationId, quantity }: Data<"BackorderFilled">) =>
    withBackorder(state, reservationId, -quantity),
  StockPolicySet: (state: Stock, policy: Data<"StockPolicySet">): Stock => ({ ...state, ...policy }),
  LowStockReached: (state: Stock, _: Data<"LowStockReached">, __: EvolveContext): Stock => state,
};

function withEnded(ended: Stock["ended"], reservationId: string, time: number): Stock["ended"] {
  let all = ended.without(reservationId).with(reservationId, time);
  for (const at of ended.values()) {
    if (at > time - endedRememberedMs && all.size <= endedIdsMax) break;
    all = all.withoutFirst();
  }
  return all;
}

function moved(state: Stock, delta: number, movementId: string | undefined): Stock {
  const onHand = state.onHand + delta;
  if (movementId === undefined) return { ...state, onHand };
  return { ...state, onHand, movements: withRecent(state.movements, movementId, rememberedIdsMax) };
}

function withReservation(state: Stock, reservationId: string, reservation: Reservation): Stock {
  return { ...state, reservations: state.reservations.with(reservationId, reservation) };
}

/** The reservation has ended: it is nowhere any more. Counts of pieces are the caller's. */
function withoutReservation(state: Stock, reservationId: string): Stock {
  const reservation = state.reservations.get(reservationId);
  if (!reservation) return state;
  const { committed, expiresAt, backordered } = reservation;
  return {
    ...state,
    reservations: state.reservations.without(reservationId),
    ...(!committed && { expiries: notExpiring(state.expiries, reservationId, expiresAt) }),
    ...(backordered > 0 && {
      waiting: state.waiting.without(reservationId),
      backordered: state.backordered - backordered,
    }),
  };
}

function withBackorder(state: Stock, reservationId: string, change: number): Stock {
  const reservation = reservationOf(state, reservationId);
  const backordered = reservation.backordered + change;
  return {
    ...withReservation(state, reservationId, { ...reservation, backordered }),
    waiting: backordered > 0 ? state.waiting.with(reservationId, true) : state.waiting.without(reservationId),
    backordered: state.backordered + change,
  };
}

type Expiries = Stock["expiries"];

/** Sorts by time, then by reservation. */
function expiryKey(reservationId: string, at: number): string {
  return `${expiryTime(at)}/${reservationId}`;
}

function expiryTime(at: number): string {
  return String(at).padStart(timeDigits, "0");
}

function expiring(expiries: Expiries, reservationId: string, at: number): Expiries {
  return withKey(expiries, expiryKey(reservationId, at), reservationId);
}

function notExpiring(expiries: Expiries, reservationId: string, at: number): Expiries {
  return expiries.without(expiryKey(reservationId, at));
}

/** Reservations that have run out, the first first, at most so many. */
export function expiredIds({ expiries }: Stock, now: number, max: number): string[] {
  const found: string[] = [];
  // Live while now < expiresAt: what runs out at `now` has run out.
  const end = expiryTime(now + 1);
  for (const [key, reservationId] of expiries.entries()) {
    if (key >= end || found.length >= max) break;
    found.push(reservationId);
  }
  return found;
}

/** Approximate bytes that a state holds, as measured. */
export function weighStock({ reservations, ended, returns, movements }: Stock): number {
  const ids = ended.size + returns.size + movements.size;
  return 1_300 + reservations.size * 400 + ids * 260;
}

type Entries = readonly (readonly [string, unknown])[];
type Collection = "reservations" | "waiting" | "ended" | "returns" | "movements";
const collections: readonly Collection[] = ["reservations", "waiting", "ended", "returns", "movements"];

/** First the counts, then each collection in parts of a few thousand entries. */
export const stockSnapshot: SnapshotFormat<Stock> = {
  version: 6,
  *parts(state) {
    const { expiries: _, ...plain } = state;
    for (const name of collections) Reflect.deleteProperty(plain, name);
    yield plain;
    for (const name of collections) {
      let entries: (readonly [string, unknown])[] = [];
      for (const entry of state[name]) {
        entries.push(entry);
        if (entries.length < snapshotPartEntries) continue;
        yield { name, entries };
        entries = [];
      }
      if (entries.length > 0) yield { name, entries };
    }
  },
  restore(parts) {
    const [counts, ...rest] = [...parts] as [Partial<Stock>, ...{ name: Collection; entries: Entries }[]];
    const isWhole =
      typeof counts?.onHand === "number" && rest.every(({ name }) => collections.includes(name));
    if (!isWhole) throw new TypeError("these are not the parts of a stock");
    const entriesOf = (name: Collection) =>
      rest.filter((part) => part.name === name).flatMap(({ entries }) => entries);
    const ids = (name: Collection) => OrderedMap.of(entriesOf(name) as [string, true][]);
    const reservations = OrderedMap.of(entriesOf("reservations") as [string, Reservation][]);
    let expiries = noExpiries;
    for (const [id, { committed, expiresAt }] of reservations)
      if (!committed) expiries = expiring(expiries, id, expiresAt);
    return {
      ...initialStock(),
      ...counts,
      reservations,
      expiries,
      waiting: ids("waiting"),
      ended: OrderedMap.of(entriesOf("ended") as [string, number][]),
      returns: ids("returns"),
      movements: ids("movements"),
    };
  },
};
