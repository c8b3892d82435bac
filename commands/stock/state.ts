import type { DataOf, EvolveContext, SnapshotFormat } from "../../src/engine/decider.ts";
import {
  byText,
  OrderedMap,
  type SortedMap,
  sortedMap,
  withKey,
  withRecent,
} from "../../src/values/ordered-map.ts";
import type { StockCondition, stockEvents } from "./events.ts";

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
  /** Pieces in the house, those that cannot be sold included. */
  readonly onHand: number;
  readonly damaged: number;
  readonly quarantine: number;
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
  /** Reservations that were released, lately, and when, epoch milliseconds: they stay so. */
  readonly ended: OrderedMap<number>;
  /** Returns, and claims that have grown, by their ids. */
  readonly returns: OrderedMap<true>;
  readonly movements: OrderedMap<true>;
  /** What was sold while it was not tracked is claimed by nobody, and leaves uncounted. */
  readonly wasUntracked: boolean;
  /** Of such a SKU, how many pieces a shipment took from its claim, lately. */
  readonly shipments: OrderedMap<number>;
  /** The claims that the last change of what is there has put on backorder. */
  readonly atRisk: Data<"StockShort">["claims"];
}

const noExpiries: Stock["expiries"] = sortedMap(byText);

export const initialStock = (): Stock => ({
  track: true,
  backorders: false,
  lowStockThreshold: 0,
  onHand: 0,
  damaged: 0,
  quarantine: 0,
  reserved: 0,
  committed: 0,
  reservations: OrderedMap.of(),
  expiries: noExpiries,
  waiting: OrderedMap.of(),
  backordered: 0,
  ended: OrderedMap.of(),
  returns: OrderedMap.of(),
  movements: OrderedMap.of(),
  wasUntracked: false,
  shipments: OrderedMap.of(),
  atRisk: [],
});

/** Pieces in a condition, whether they are promised or not. */
export function piecesIn(stock: Stock, condition: StockCondition): number {
  return condition === "sellable" ? stock.onHand - stock.damaged - stock.quarantine : stock[condition];
}

/** What can still be promised. Held reservations count until an event ends them. */
export function availableOf(stock: Stock): number {
  return piecesIn(stock, "sellable") - stock.committed - stock.reserved;
}

/**
 * Pieces that reservations have in hand and that are not there; below 0, pieces that are there and that could be given
 * to those that wait. 0 where exactly what is not there is on backorder.
 */
export function overclaimedOf(stock: Stock): number {
  const promised = stock.reserved + stock.committed;
  return promised - stock.backordered - Math.min(promised, Math.max(0, piecesIn(stock, "sellable")));
}

/** Of so many pieces that an order ships, those that its claim has to give. The others were sold uncounted. */
export function countedOf({ wasUntracked }: Stock, claim: Reservation, quantity: number): number {
  return wasUntracked ? Math.min(quantity, claim.quantity - claim.shipped) : quantity;
}

/** Of so many pieces that an order ships, those that its claim has to give and that are on backorder. */
export function missingOf(stock: Stock, reservationId: string, quantity: number): number {
  const claim = stock.reservations.get(reservationId);
  if (!claim) return 0;
  const inHand = claim.quantity - claim.shipped - claim.backordered;
  return countedOf(stock, claim, quantity) - Math.min(inHand, Math.max(0, piecesIn(stock, "sellable")));
}

/** Of the pieces of a shipment, those that left without being counted. */
export function uncountedOf(
  { wasUntracked, shipments }: Stock,
  shipment: { reservationId: string; shipmentId: string; quantity: number },
): number {
  return wasUntracked ? shipment.quantity - (shipments.get(shipmentKey(shipment)) ?? 0) : 0;
}

/** Two orders may have shipments of one name. */
export function shipmentKey(shipment: { reservationId: string; shipmentId: string }): string {
  return `${shipment.reservationId}/${shipment.shipmentId}`;
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
  StockAdjusted: (state: Stock, { delta, movementId }: Data<"StockAdjusted">): Stock => ({
    ...moved(state, delta, movementId),
    atRisk: [],
  }),
  StockCounted: (state: Stock, { delta }: Data<"StockCounted">): Stock => ({
    ...moved(state, delta, undefined),
    atRisk: [],
  }),
  StockRegraded: regraded,
  StockMarkedDamaged: regraded,
  StockWrittenOff: (state: Stock, { from, quantity }: Data<"StockWrittenOff">): Stock => ({
    ...inCondition(state, from, -quantity),
    onHand: state.onHand - quantity,
    atRisk: [],
  }),
  StockShort: (state: Stock, { claims }: Data<"StockShort">): Stock => ({ ...state, atRisk: claims }),
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
      returns: withRecent(state.returns, claimId, true, rememberedIdsMax),
    };
    return backordered > 0 ? withBackorder(grown, reservationId, backordered) : grown;
  },
  ReservationExpired: (state: Stock, { reservationId, quantity }: Data<"ReservationExpired">): Stock => ({
    ...withoutReservation(state, reservationId),
    reserved: state.reserved - quantity,
  }),
  StockShipped: (state: Stock, data: Data<"StockShipped">): Stock => {
    const { reservationId, shipmentId, quantity } = data;
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
      ...(state.wasUntracked && {
        shipments: withRecent(state.shipments, shipmentKey(data), quantity, rememberedIdsMax),
      }),
    };
  },
  StockReturned: (state: Stock, data: Data<"StockReturned">): Stock => {
    const { returnId, sellable, damaged, quarantine } = data;
    return {
      ...state,
      onHand: state.onHand + sellable + damaged + quarantine,
      damaged: state.damaged + damaged,
      quarantine: state.quarantine + quarantine,
      returns: withRecent(state.returns, returnId, true, rememberedIdsMax),
    };
  },
  BackorderQueued: (state: Stock, { reservationId, quantity }: Data<"BackorderQueued">) =>
    withBackorder(state, reservationId, quantity),
  BackorderFilled: (state: Stock, { reservationId, quantity }: Data<"BackorderFilled">) =>
    withBackorder(state, reservationId, -quantity),
  StockPolicySet: (state: Stock, policy: Data<"StockPolicySet">): Stock => ({
    ...state,
    ...policy,
    wasUntracked: state.wasUntracked || !policy.track,
    atRisk: [],
  }),
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
  return { ...state, onHand, movements: withRecent(state.movements, movementId, true, rememberedIdsMax) };
}

function regraded(state: Stock, { from, to, quantity }: Data<"StockRegraded">): Stock {
  return { ...inCondition(inCondition(state, from, -quantity), to, quantity), atRisk: [] };
}

/** More or fewer pieces that cannot be sold. What is sellable is the rest. */
function inCondition(state: Stock, condition: StockCondition, change: number): Stock {
  return condition === "sellable" ? state : { ...state, [condition]: state[condition] + change };
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
export function weighStock({ reservations, ended, returns, movements, shipments }: Stock): number {
  const ids = ended.size + returns.size + movements.size + shipments.size;
  return 1_300 + reservations.size * 400 + ids * 260;
}

type Entries = readonly (readonly [string, unknown])[];
const collections = ["reservations", "waiting", "ended", "returns", "movements", "shipments"] as const;
type Collection = (typeof collections)[number];

/** First the counts, then each collection in parts of a few thousand entries. */
export const stockSnapshot: SnapshotFormat<Stock> = {
  version: 7,
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
      shipments: OrderedMap.of(entriesOf("shipments") as [string, number][]),
    };
  },
};
