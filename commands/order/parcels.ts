import type { DataOf, EventOf } from "../../src/engine/decider.ts";
import { illegalTransition, notFound } from "../../src/values/problem.ts";
import {
  allOf,
  type Book,
  type BookLine,
  cashFor,
  count,
  creditable,
  less,
  lineOf,
  named,
  ofLines,
  openOf,
  owed,
  type Parcel,
  priceOf,
  type Share,
  total,
} from "./book.ts";
import { linesCancelled, type NamedLine } from "./credits.ts";
import type { orderEvents } from "./events.ts";
import { demandOf, type PlacedOrder } from "./state.ts";

type OrderEvent = EventOf<typeof orderEvents>;
type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;

const shipmentsMax = 1_000;

export interface Ship {
  shipmentId: string;
  /** All that is left when there are none. */
  lines?: readonly NamedLine[];
  carrier?: string;
  trackingNumber?: string;
}

/** Without any of them, all that is under way has arrived. */
export interface Deliver {
  shipmentId?: string | undefined;
  /** Of this shipment. */
  lines?: readonly NamedLine[] | undefined;
  /** What the carrier has taken, in minor units, where it is not what it had to. */
  cash?: number | undefined;
}

export interface FailDelivery {
  shipmentId: string;
  outcome: Data<"DeliveryFailed">["outcome"];
  lines?: readonly NamedLine[] | undefined;
}

export interface TakeBack {
  shipmentId: string;
  backId: string;
  lines: readonly { lineId?: number; sku?: string; sellable: number; damaged: number }[];
}

export interface Reship {
  reshipmentId: string;
  lines?: readonly NamedLine[] | undefined;
}

export function ship(order: PlacedOrder, command: Ship): OrderEvent[] {
  const { shipmentId, carrier, trackingNumber } = command;
  const { book, status, currency } = order;
  if (order.shipments.has(shipmentId)) return [];
  if (order.shipments.size >= shipmentsMax)
    throw illegalTransition(`an order has at most ${shipmentsMax} shipments`);
  if (!book.started && status !== "confirmed" && status !== "paid")
    throw illegalTransition(`an order that is ${status} cannot be shipped`);
  const leaving = leavingBy(book, command.lines);
  if (leaving.length === 0) throw illegalTransition("nothing is left to ship");
  // Cash on delivery is paid when it arrives; everything else before it leaves.
  const missing = book.onDelivery ? 0 : owed(book, leaving);
  if (missing > 0) throw illegalTransition(`${missing} ${currency} minor units have still to be paid for it`);
  const started: OrderEvent[] = book.started ? [] : [{ type: "ProcessingStarted", data: {} }];
  const data = {
    shipmentId,
    lines: linesOf(book, leaving, command.lines),
    complete: total(book, "toShip", "failed") === sumOf(leaving),
    ...(book.onDelivery && { cashDue: cashFor(book, leaving) }),
    ...(carrier !== undefined && { carrier }),
    ...(trackingNumber !== undefined && { trackingNumber }),
  };
  return [...started, { type: "ShipmentDispatched", data }];
}

/** Pieces that a shipment takes: all that is left when it names none. */
export function leavingBy(book: Book, lines: readonly NamedLine[] | undefined): Share[] {
  if (!lines) return allOf(book, "toShip");
  return named(book, lines, (line) => count(line, "toShip"), "shipped");
}

/** By SKU, unless a line was named. */
function linesOf(book: Book, leaving: readonly Share[], asked: readonly NamedLine[] | undefined) {
  if (asked?.some(({ lineId }) => lineId !== undefined)) return ofLines(book, leaving);
  const pieces = ofLines(book, leaving);
  const bySku = demandOf(pieces).map(([sku, quantity]) => ({ sku, quantity }));
  // Filled first to last it has to mean these lines.
  const filled = leavingBy(book, bySku);
  return less(leaving, filled).length === 0 ? bySku : pieces;
}

function sumOf(shares: readonly Share[]): number {
  return shares.reduce((sum, [, quantity]) => sum + quantity, 0);
}

/** One shipment, a part of it, or all that are under way. */
export function deliver(order: PlacedOrder, command: Deliver): OrderEvent[] {
  const { shipmentId, lines, cash } = command;
  const { book } = order;
  if (shipmentId !== undefined && !order.shipments.has(shipmentId)) throw notFound("shipment", shipmentId);
  if (order.shipments.size === 0) throw illegalTransition("nothing has been shipped yet");
  if (cash !== undefined && !book.onDelivery) throw illegalTransition("the order is not paid in cash");
  const arriving = book.parcels.filter(
    (parcel) => shipmentId === undefined || parcel.shipmentId === shipmentId,
  );
  // What its carrier had to collect may have been credited since.
  const most = Math.max(openOf(book), arriving[0]?.cash ?? 0);
  if (cash !== undefined && cash > most)
    throw illegalTransition(`at most ${most} minor units are still to be paid, not ${cash}`);
  if ((lines || cash !== undefined) && arriving.length !== 1)
    throw illegalTransition("nothing of this shipment is under way");
  let left = total(book, "toShip", "failed", "inTransit");
  return arriving.map((parcel, index): OrderEvent => {
    const pieces = lines ? piecesIn(book, parcel, lines, "delivered") : parcel.pieces;
    left -= sumOf(pieces);
    const amount = cash ?? Math.max(0, parcel.cash - priceOf(book, less(parcel.pieces, pieces)));
    const captureId = `${parcel.shipmentId}/${order.cash.size + index + 1}`;
    return {
      type: "ShipmentDelivered",
      data: {
        shipmentId: parcel.shipmentId,
        complete: left === 0,
        ...(lines && { lines: ofLines(book, pieces) }),
        ...(book.onDelivery && amount > 0 && { cash: { captureId, amount } }),
      },
    };
  });
}

/** A parcel, or a part of it, was refused at the door, could not be delivered, or is lost. */
export function failDelivery(order: PlacedOrder, command: FailDelivery): OrderEvent[] {
  const { shipmentId, outcome, lines } = command;
  const { book } = order;
  if (!order.shipments.has(shipmentId)) throw notFound("shipment", shipmentId);
  const parcel = book.parcels.find((each) => each.shipmentId === shipmentId);
  if (!parcel) throw illegalTransition("nothing of this shipment is under way");
  const pieces = lines ? piecesIn(book, parcel, lines, `reported ${outcome}`) : parcel.pieces;
  const failed = { shipmentId, outcome, lines: ofLines(book, pieces) };
  // What was credited while it was under way is neither sent again nor cancelled later: it is done with.
  const done = pieces
    .map(([lineId, quantity]): Share => {
      return [lineId, quantity - creditable(lineOf(book, lineId))];
    })
    .filter(([, quantity]) => quantity > 0);
  if (done.length === 0) return [{ type: "DeliveryFailed", data: failed }];
  const creditId = `failed/${order.cancellations.size + 1}`;
  const ended = linesCancelled(order, { creditId, cause: "refund", reason: `refunded and ${outcome}` }, done);
  return [{ type: "DeliveryFailed", data: failed }, ended];
}

function piecesIn(book: Book, parcel: Parcel, lines: readonly NamedLine[], verb: string): Share[] {
  const its = new Map(parcel.pieces);
  return named(book, lines, (_, lineId) => its.get(lineId) ?? 0, verb);
}

/** What had come to nothing of a shipment is here. Each piece comes back once. */
export function takeBack(order: PlacedOrder, command: TakeBack): OrderEvent[] {
  const { shipmentId, backId, lines } = command;
  const { book } = order;
  if (!order.shipments.has(shipmentId)) throw notFound("shipment", shipmentId);
  if (order.backs.has(backId)) return [];
  const away = new Map(book.strays.find(([id]) => id === shipmentId)?.[1] ?? []);
  const left = (_: BookLine, lineId: number) => away.get(lineId) ?? 0;
  const found = new Map<number, { sellable: number; damaged: number }>();
  for (const { sellable, damaged, ...line } of lines) {
    let good = sellable;
    const quantity = sellable + damaged;
    for (const [lineId, pieces] of named(book, [{ ...line, quantity }], left, "taken back")) {
      const before = found.get(lineId) ?? { sellable: 0, damaged: 0 };
      const some = Math.min(pieces, good);
      good -= some;
      found.set(lineId, { sellable: before.sellable + some, damaged: before.damaged + pieces - some });
      away.set(lineId, (away.get(lineId) ?? 0) - pieces);
    }
  }
  const all = [...found].map(([lineId, pieces]) => ({ lineId, sku: lineOf(book, lineId).sku, ...pieces }));
  return [{ type: "ShipmentReturned", data: { shipmentId, backId, lines: all } }];
}

/** What had come to nothing is sent once more. */
export function reship(order: PlacedOrder, { reshipmentId, lines }: Reship): OrderEvent[] {
  const { book } = order;
  if (order.reshipments.has(reshipmentId)) return [];
  const shares = lines
    ? named(book, lines, (line) => count(line, "failed"), "sent again")
    : allOf(book, "failed");
  if (shares.length === 0) throw illegalTransition("nothing has come to nothing on its way");
  return [{ type: "ReshipmentAgreed", data: { reshipmentId, lines: ofLines(book, shares) } }];
}
