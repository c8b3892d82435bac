import type { DataOf, EventOf } from "../../src/engine/decider.ts";
import type { stockEvents } from "./events.ts";
import {
  availableOf,
  evolveStock,
  expiredIds,
  overclaimedOf,
  piecesIn,
  reservationOf,
  type Stock,
} from "./state.ts";

/** Reservations that one append ends or fills; the rest follows with the next command, or by timer. */
export const endedAtOnceMax = 200;
const filledAtOnceMax = 200;
/** Where pieces are short: holds that one append ends, and claims that it puts on backorder. */
const heldEndedAtOnceMax = 1_000;
const shortAtOnceMax = 400;

export type StockEvent = EventOf<typeof stockEvents>;

/** What keeps the equation where it holds: nothing is promised by it that is not there or on backorder. */
const balancedTypes: ReadonlySet<StockEvent["type"]> = new Set<StockEvent["type"]>([
  "StockReserved",
  "BackorderQueued",
  "ReservationExtended",
  "ReservationCommitted",
  "ClaimGrown",
  "StockShipped",
]);

/**
 * What is decided, and what follows from it, so that what is on backorder is exactly what is promised and not there:
 * free pieces go to those that wait, oldest first; where pieces are short, holds end, those that run out first, and
 * then the newest claims wait. What is left to do beyond some hundreds, and what version 0.1 has left of it, the next
 * command does.
 */
export function settled(state: Stock, events: readonly StockEvent[], now: number): StockEvent[] {
  if (overclaimedOf(state) === 0 && events.every(({ type }) => balancedTypes.has(type)))
    return [...events, ...lowStock(state, availableOf(state) - promisedBy(events), state)];
  const decided = folded(state, events, now);
  const short = shortened(decided);
  const shorter = folded(decided, short, now);
  const fills = filled(shorter);
  const after = folded(shorter, fills, now);
  const isDone = short.length < shortAtOnceMax && fills.length < filledAtOnceMax;
  if (isDone && overclaimedOf(after) !== 0)
    throw new Error(`${overclaimedOf(after)} pieces are promised, not there and not on backorder`);
  return [...events, ...short, ...fills, ...lowStock(state, availableOf(after), after)];
}

type Evolve = (state: Stock, data: StockEvent["data"], context: { time: number }) => Stock;

function folded(state: Stock, events: readonly StockEvent[], time: number): Stock {
  return events.reduce((all, { type, data }) => (evolveStock[type] as Evolve)(all, data, { time }), state);
}

function promisedBy(events: readonly StockEvent[]): number {
  return events.reduce(
    (sum, { type, data }) => (type === "StockReserved" || type === "ClaimGrown" ? sum + data.quantity : sum),
    0,
  );
}

function shortened(state: Stock): StockEvent[] {
  let short = overclaimedOf(state);
  if (short <= 0) return [];
  const ending: string[] = [];
  for (const reservationId of state.expiries.values()) {
    if (short <= 0 || ending.length >= heldEndedAtOnceMax) break;
    const { quantity, backordered } = reservationOf(state, reservationId);
    if (quantity === backordered) continue;
    ending.push(reservationId);
    short -= quantity - backordered;
  }
  const events = ended(state, ending);
  if (short <= 0 || ending.length >= heldEndedAtOnceMax) return events;
  const claims = newestClaims(state, short);
  const queued = claims.map((data): StockEvent => ({ type: "BackorderQueued", data }));
  return claims.length === 0 ? events : [...events, ...queued, { type: "StockShort", data: { claims } }];
}

/** Claims that have so many pieces in hand that are not there, the newest; oldest first, as they will be filled. */
function newestClaims(state: Stock, short: number): DataOf<typeof stockEvents, "StockShort">["claims"] {
  const claims: DataOf<typeof stockEvents, "StockShort">["claims"] = [];
  let left = short;
  for (const [reservationId, claim] of state.reservations.reversed()) {
    if (left <= 0 || claims.length >= shortAtOnceMax) break;
    const quantity = Math.min(left, claim.quantity - claim.shipped - claim.backordered);
    if (!claim.committed || quantity === 0) continue;
    claims.push({ reservationId, quantity });
    left -= quantity;
  }
  return claims.reverse();
}

/** What must end because it has run out. */
export function ended(state: Stock, ids: readonly string[]): StockEvent[] {
  return ids.map((reservationId) => {
    const { quantity } = reservationOf(state, reservationId);
    return { type: "ReservationExpired", data: { reservationId, quantity } };
  });
}

/**
 * What must end so that so many pieces can be reserved: a hold of its own that has run out, and others that have, until
 * there is enough.
 */
export function sweptFor(state: Stock, own: string | undefined, quantity: number, now: number): string[] {
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

function filled(state: Stock): StockEvent[] {
  let left = -overclaimedOf(state);
  const events: StockEvent[] = [];
  for (const reservationId of state.waiting.keys()) {
    if (left <= 0 || events.length >= filledAtOnceMax) break;
    const quantity = Math.min(left, reservationOf(state, reservationId).backordered);
    left -= quantity;
    events.push({ type: "BackorderFilled", data: { reservationId, quantity } });
  }
  return events;
}

/** @param after the state by whose policy stock is low */
function lowStock(before: Stock, available: number, { track, lowStockThreshold }: Stock): StockEvent[] {
  if (!track || availableOf(before) <= lowStockThreshold || available > lowStockThreshold) return [];
  return [{ type: "LowStockReached", data: { available, threshold: lowStockThreshold } }];
}

/**
 * Of so many pieces that are not there any more, those that only damaged or quarantined ones can be: they are sellable
 * before they go.
 */
export function regradedFor(state: Stock, gone: number, reason: string): StockEvent[] {
  let missing = gone - piecesIn(state, "sellable");
  return (["damaged", "quarantine"] as const).flatMap((from): StockEvent[] => {
    const quantity = Math.min(missing, state[from]);
    if (quantity <= 0) return [];
    missing -= quantity;
    return [{ type: "StockRegraded", data: { from, to: "sellable", quantity, reason } }];
  });
}
