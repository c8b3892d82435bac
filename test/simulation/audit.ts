import { expect } from "vitest";
import { type EventStore, logStart, type RecordedEvent } from "../../src/stores/event-store/event-store.ts";
import type { Bank } from "../support/bank.ts";

/**
 * What must be true of a log, whoever wrote it. The sums here are done by hand on the plain events: nothing is
 * asked of the deciders, so that a mistake in one of them cannot hide itself.
 */

interface Reservation {
  sku: string;
  quantity: number;
  committed: boolean;
  shipped: number;
  backordered: number;
}

interface Shelf {
  onHand: number;
  damaged: number;
  quarantine: number;
  reservations: Map<string, Reservation>;
  /** Released: none of them may come back. */
  ended: Set<string>;
  /** More may be promised than is there. */
  backorders: boolean;
}

interface OrderBook {
  cartId: string;
  paymentId: string;
  method: string;
  total: number;
  ordered: Map<string, number>;
  shipped: Map<string, number>;
  delivered: Map<string, number>;
  returned: Map<string, number>;
  /** What is under way, by SKU. */
  shipments: Map<string, Map<string, number>>;
  confirmed: number;
  cancelled: number;
  /** Pieces by SKU, and by line those that came to nothing and are neither cancelled nor sent again. */
  unwanted: Map<string, number>;
  failed: Map<string, number>;
  /** Pieces by SKU that came to nothing, that are here again, and that are sent once more. */
  stray: Map<string, number>;
  back: Map<string, number>;
  again: Map<string, number>;
  /** Money that is not asked for any more. */
  credited: number;
  openEffects: number;
  refunded: number;
}

interface PaymentBook {
  orderId: string;
  gateway: string;
  phase: string;
  captured: number;
  refunded: number;
  pending: Set<string>;
  orphaned: boolean;
}

interface Books {
  shelves: Map<string, Shelf>;
  orders: Map<string, OrderBook>;
  /** Orders whose checkout was undone before they were placed. */
  refused: Set<string>;
  payments: Map<string, PaymentBook>;
  carts: Map<string, { phase: string; orderId: string }>;
}

type Data = Record<string, unknown> & { [key: string]: never };

const total = (counts: Map<string, number>) => [...counts.values()].reduce((sum, n) => sum + n, 0);

function addTo(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}

/** The entry that an earlier event must have made. */
function known<T>(map: Map<string, T>, key: string, what: string): T {
  const value = map.get(key);
  if (value === undefined) throw new Error(`${what} ${key} was never begun`);
  return value;
}

export interface AuditOptions {
  /** Checkouts whose customer has still to act may hold a cart and stock. */
  waitingForCustomers: boolean;
  /** Commands that were answered: each has to be there exactly once. */
  received?: ReadonlyMap<string, { sku: string; quantity: number }>;
}

/** @returns how often each event type is on the log */
export async function auditLog(
  log: EventStore,
  bank: Bank,
  options: AuditOptions,
): Promise<Record<string, number>> {
  const { events } = await log.readAll({ after: logStart, maxCount: 1_000_000 });
  return auditEvents(events, bank, options);
}

/**
 * @param events all of a log
 * @param bank undefined where the gateway keeps no books
 */
export function auditEvents(
  events: readonly RecordedEvent[],
  bank: Bank | undefined,
  options: AuditOptions,
): Record<string, number> {
  expect(new Set(events.map(({ id }) => id)).size, "an event id came twice").toBe(events.length);
  const books: Books = {
    shelves: new Map(),
    orders: new Map(),
    refused: new Set(),
    payments: new Map(),
    carts: new Map(),
  };
  const counts: Record<string, number> = {};
  for (const event of events) {
    counts[event.type] = (counts[event.type] ?? 0) + 1;
    enter(books, event);
  }
  const waiting = options.waitingForCustomers ? waitingOrders(books) : new Set<string>();
  auditShelves(books, waiting);
  auditOrders(books, waiting);
  auditPayments(books, bank);
  auditCarts(books, waiting);
  for (const [commandId, { quantity }] of options.received ?? []) {
    const own = events.filter(
      ({ type, metadata }) => type === "StockReceived" && metadata.commandId === commandId,
    );
    expect(own.map(({ data }) => data)).toEqual([{ quantity }]);
  }
  return counts;
}

function enter(books: Books, event: RecordedEvent): void {
  const category = event.stream.slice(0, event.stream.indexOf("-"));
  const id = event.stream.slice(category.length + 1);
  const data = event.data as Data;
  if (category === "stock") enterStock(books, id, event.type, data);
  if (category === "order") enterOrder(books, id, event.type, data);
  if (category === "payment") enterPayment(books, id, event.type, data);
  if (category === "cart") enterCart(books, id, event.type, data);
}

function enterStock({ shelves }: Books, sku: string, type: string, data: Data): void {
  const shelf = shelves.get(sku) ?? {
    onHand: 0,
    damaged: 0,
    quarantine: 0,
    reservations: new Map(),
    ended: new Set<string>(),
    backorders: false,
  };
  shelves.set(sku, shelf);
  const { reservations } = shelf;
  const reservationId = String(data.reservationId);
  const quantity = Number(data.quantity ?? 0);
  switch (type) {
    case "StockReceived":
      shelf.onHand += quantity;
      break;
    case "StockPolicySet":
      shelf.backorders = Boolean(data.backorders);
      break;
    case "StockReserved":
      expect(reservations.has(reservationId), `${sku} reserved twice for ${reservationId}`).toBe(false);
      expect(shelf.ended.has(reservationId), `${sku} reserved again for ${reservationId}`).toBe(false);
      reservations.set(reservationId, { sku, quantity, committed: false, shipped: 0, backordered: 0 });
      break;
    case "ReservationCommitted": {
      const reservation = known(reservations, reservationId, "reservation");
      expect(reservation).toMatchObject({ committed: false, quantity });
      reservation.committed = true;
      break;
    }
    case "ReservationReleased":
    case "ReservationExpired": {
      if (type === "ReservationReleased") shelf.ended.add(reservationId);
      // Ended before it was made.
      if (quantity === 0 && !reservations.has(reservationId)) break;
      const reservation = known(reservations, reservationId, "reservation");
      if (type === "ReservationExpired") expect(reservation.committed).toBe(false);
      expect(quantity).toBe(reservation.quantity - reservation.shipped);
      reservations.delete(reservationId);
      break;
    }
    case "ClaimShrunk": {
      const claim = known(reservations, reservationId, "reservation");
      expect(claim.committed).toBe(true);
      claim.quantity -= quantity;
      claim.backordered -= Number(data.backordered);
      expect(claim.shipped).toBeLessThanOrEqual(claim.quantity);
      if (claim.shipped === claim.quantity) reservations.delete(reservationId);
      break;
    }
    case "ClaimGrown": {
      const none = { sku, quantity: 0, committed: true, shipped: 0, backordered: 0 };
      const claim = reservations.get(reservationId) ?? none;
      const backordered = claim.backordered + Number(data.backordered);
      reservations.set(reservationId, { ...claim, quantity: claim.quantity + quantity, backordered });
      // What came to nothing is promised anew though it is not there.
      if (Number(data.backordered) > 0) shelf.backorders = true;
      break;
    }
    case "StockShipped": {
      const reservation = known(reservations, reservationId, "reservation");
      expect(reservation.committed).toBe(true);
      reservation.shipped += quantity;
      shelf.onHand -= quantity;
      expect(reservation.shipped).toBeLessThanOrEqual(reservation.quantity);
      if (reservation.shipped === reservation.quantity) reservations.delete(reservationId);
      break;
    }
    case "BackorderQueued":
      known(reservations, reservationId, "reservation").backordered += quantity;
      break;
    case "BackorderFilled":
      known(reservations, reservationId, "reservation").backordered -= quantity;
      break;
    case "StockReturned":
      shelf.onHand += Number(data.sellable) + Number(data.damaged);
      shelf.damaged += Number(data.damaged);
      break;
    case "StockCounted":
    case "StockAdjusted":
      shelf.onHand += Number(data.delta);
      shelf.backorders = true;
      break;
    case "StockRegraded":
    case "StockWrittenOff":
      shelf.backorders = true;
      if (data.from !== "sellable") shelf[String(data.from) as "damaged" | "quarantine"] -= quantity;
      if (type === "StockWrittenOff") shelf.onHand -= quantity;
      else if (data.to !== "sellable") shelf[String(data.to) as "damaged" | "quarantine"] += quantity;
      break;
  }
  for (const pieces of [shelf.onHand, shelf.damaged, shelf.quarantine])
    expect(pieces, `${sku} after ${type}`).toBeGreaterThanOrEqual(0);
  if (!shelf.backorders)
    expect(availableOn(shelf), `${sku} available after ${type}`).toBeGreaterThanOrEqual(0);
}

function availableOn({ onHand, damaged, quarantine, reservations }: Shelf): number {
  const promised = [...reservations.values()].reduce(
    (sum, { quantity, shipped }) => sum + quantity - shipped,
    0,
  );
  return onHand - damaged - quarantine - promised;
}

function enterOrder({ orders, refused }: Books, id: string, type: string, data: Data): void {
  if (type === "OrderRefused") refused.add(id);
  if (refused.has(id)) {
    expect(orders.has(id), `${type} of a refused order`).toBe(false);
    expect(["OrderRefused", "EffectsApplied"]).toContain(type);
    return;
  }
  if (type === "OrderPlaced") {
    const { cartId, paymentId, paymentMethod, lines, totals } = data as unknown as {
      cartId: string;
      paymentId: string;
      paymentMethod: string;
      lines: { sku: string; quantity: number; total: number }[];
      totals: { total: number };
    };
    const ordered = new Map<string, number>();
    for (const { sku, quantity } of lines) addTo(ordered, sku, quantity);
    expect(orders.has(id)).toBe(false);
    orders.set(id, {
      cartId,
      paymentId,
      method: paymentMethod,
      total: totals.total,
      ordered,
      shipped: new Map(),
      delivered: new Map(),
      returned: new Map(),
      shipments: new Map(),
      confirmed: 0,
      cancelled: 0,
      unwanted: new Map(),
      failed: new Map(),
      stray: new Map(),
      back: new Map(),
      again: new Map(),
      credited: 0,
      openEffects: 0,
      refunded: 0,
    });
    return;
  }
  const order = known(orders, id, "order");
  const lines = (data.lines ?? []) as {
    lineId: string;
    sku: string;
    quantity: number;
    sellable: number;
    damaged: number;
  }[];
  switch (type) {
    case "OrderConfirmed":
      expect(order.cancelled, "confirmed after it was cancelled").toBe(0);
      order.confirmed++;
      break;
    case "LinesCancelled":
      if (!data.complete || data.cause === "refund") order.openEffects++;
      for (const { lineId, sku, quantity } of lines) {
        const failed = Math.min(quantity, order.failed.get(lineId) ?? 0);
        addTo(order.failed, lineId, -failed);
        addTo(order.unwanted, sku, quantity - failed);
      }
      break;
    case "DeliveryFailed":
      for (const { lineId, sku, quantity } of lines) {
        addTo(order.failed, lineId, quantity);
        addTo(order.stray, sku, quantity);
        addTo(known(order.shipments, String(data.shipmentId), "shipment"), sku, -quantity);
      }
      break;
    case "ShipmentReturned":
      order.openEffects++;
      for (const { sku, sellable, damaged } of lines) addTo(order.back, sku, sellable + damaged);
      break;
    case "ReshipmentAgreed":
      order.openEffects++;
      for (const { lineId, sku, quantity } of lines) {
        addTo(order.failed, lineId, -quantity);
        addTo(order.again, sku, quantity);
        expect(order.failed.get(lineId)).toBeGreaterThanOrEqual(0);
      }
      break;
    case "OrderCredited":
      order.credited += Number(data.amount);
      if (Number(data.payout) > 0) order.openEffects++;
      break;
    case "CreditWithdrawn":
      order.credited -= Number(data.amount);
      break;
    case "OrderCancelled":
      expect(total(order.delivered), "cancelled after it was delivered").toBe(0);
      order.cancelled++;
      order.openEffects++;
      break;
    case "ShipmentDispatched":
      order.openEffects++;
      order.shipments.set(
        String(data.shipmentId),
        new Map(lines.map(({ sku, quantity }) => [sku, quantity])),
      );
      for (const { sku, quantity } of lines) addTo(order.shipped, sku, quantity);
      break;
    case "ShipmentDelivered":
      if (data.cash) order.openEffects++;
      for (const [sku, quantity] of known(order.shipments, String(data.shipmentId), "shipment"))
        addTo(order.delivered, sku, quantity);
      order.shipments.delete(String(data.shipmentId));
      break;
    case "ReturnReceived":
    case "ReturnInspected":
      order.openEffects++;
      for (const { sku, sellable, damaged } of lines) addTo(order.returned, sku, sellable + damaged);
      break;
    case "EffectsApplied":
      order.openEffects--;
      break;
    case "OrderRefunded":
      order.refunded += Number(data.amount);
      expect(data.releases, "only version 0.1 frees pieces by a refund").toBeUndefined();
      break;
  }
  for (const [sku, shipped] of order.shipped)
    expect(shipped).toBeLessThanOrEqual((order.ordered.get(sku) ?? 0) + (order.again.get(sku) ?? 0));
  for (const [sku, back] of order.back) expect(back).toBeLessThanOrEqual(order.stray.get(sku) ?? 0);
  expect(order.credited).toBeLessThanOrEqual(order.total);
  for (const [sku, delivered] of order.delivered)
    expect(delivered).toBeLessThanOrEqual(order.shipped.get(sku) ?? 0);
  for (const [sku, returned] of order.returned)
    expect(returned).toBeLessThanOrEqual(order.delivered.get(sku) ?? 0);
  expect(order.confirmed).toBeLessThanOrEqual(1);
  expect(order.cancelled).toBeLessThanOrEqual(1);
}

function enterPayment({ payments }: Books, id: string, type: string, data: Data): void {
  if (type === "PaymentInitiated") {
    payments.set(id, {
      orderId: String(data.orderId),
      gateway: String(data.gateway),
      phase: "initiated",
      captured: 0,
      refunded: 0,
      pending: new Set(),
      orphaned: false,
    });
    return;
  }
  const book = known(payments, id, "payment");
  const refundId = String(data.refundId);
  switch (type) {
    case "PaymentActionRequired":
      book.phase = "action_required";
      break;
    case "PaymentAuthorized":
      book.phase = "authorized";
      break;
    case "PaymentCaptured":
      if (book.gateway !== "manual") expect(book.captured).toBe(0);
      book.phase = "captured";
      book.captured += Number(data.amount);
      break;
    case "PaymentFailed":
      book.phase = "failed";
      break;
    case "PaymentVoided":
      book.phase = "voided";
      book.orphaned = false;
      break;
    case "PaymentOrphaned":
      book.orphaned = true;
      break;
    case "RefundRequested":
      book.pending.add(refundId);
      break;
    case "RefundFailed":
    case "RefundSucceeded":
      expect(book.pending.delete(refundId)).toBe(true);
      if (type === "RefundSucceeded") book.refunded += Number(data.amount);
      break;
  }
  expect(book.refunded).toBeLessThanOrEqual(book.captured);
}

function enterCart({ carts }: Books, id: string, type: string, data: Data): void {
  const phases: Record<string, string> = {
    CartOpened: "open",
    CheckoutStarted: "locked",
    CheckoutFailed: "open",
    CartConverted: "converted",
  };
  const phase = phases[type];
  if (phase !== undefined) carts.set(id, { phase, orderId: String(data.orderId) });
}

/** Orders whose customer has still to act at the gateway. */
function waitingOrders({ payments }: Books): Set<string> {
  const waiting = [...payments.values()].filter(({ phase }) => phase === "action_required");
  return new Set(waiting.map(({ orderId }) => orderId));
}

function auditShelves({ shelves, orders }: Books, waiting: ReadonlySet<string>): void {
  for (const [sku, shelf] of shelves) {
    const { reservations } = shelf;
    const backordered = [...reservations.values()].reduce((sum, claim) => sum + claim.backordered, 0);
    expect(backordered, `${sku} on backorder`).toBe(Math.max(0, -availableOn(shelf)));
    for (const [orderId, reservation] of reservations) {
      if (waiting.has(orderId)) continue;
      const order = orders.get(orderId);
      const why = `${sku} is held for ${orderId}, which does not want it`;
      expect(order, why).toMatchObject({ confirmed: 1, cancelled: 0 });
      expect(reservation.committed, why).toBe(true);
      expect(reservation.quantity - reservation.shipped).toBe(order && toShip(order, sku));
    }
  }
}

/** What an order still wants of a SKU. */
function toShip({ ordered, again, shipped, unwanted }: OrderBook, sku: string): number {
  const of = (counts: Map<string, number>) => counts.get(sku) ?? 0;
  return of(ordered) + of(again) - of(shipped) - of(unwanted);
}

function auditOrders({ shelves, orders, payments }: Books, waiting: ReadonlySet<string>): void {
  for (const [id, order] of orders) {
    expect(order.openEffects, `effects of order ${id}`).toBe(0);
    expect(order.refunded, `refunds of order ${id}`).toBe(payments.get(order.paymentId)?.refunded);
    if (waiting.has(id) && !order.cancelled) continue;
    expect(
      order.confirmed + order.cancelled,
      `order ${id} is neither confirmed nor cancelled`,
    ).toBeGreaterThan(0);
    for (const sku of order.ordered.keys()) {
      const reservation = shelves.get(sku)?.reservations.get(id);
      const committed = reservation ? reservation.quantity - reservation.shipped : 0;
      expect(committed, `${sku} of order ${id}`).toBe(order.cancelled ? 0 : toShip(order, sku));
    }
  }
}

function auditPayments({ orders, payments }: Books, bank: Bank | undefined): void {
  for (const { paymentId } of bank?.accounts.values() ?? [])
    expect(payments.has(paymentId), `the bank holds ${paymentId}, which the log does not know`).toBe(true);
  for (const [id, book] of payments) {
    expect(book.pending.size, `refunds under way of ${id}`).toBe(0);
    expect(book.orphaned, `money of ${id} that nobody gave back`).toBe(false);
    const kept = book.captured - book.refunded;
    if (bank && book.gateway !== "manual") {
      expect(bank.balanceOf(id), `the bank's balance of ${id}`).toBe(kept);
      expect(bank.openOf(id), `open authorizations of ${id}`).toBe(book.phase === "authorized" ? 1 : 0);
    }
    const order = orders.get(book.orderId);
    if (order?.confirmed && !order.cancelled && book.gateway !== "manual" && book.phase !== "voided")
      expect(book.captured).toBe(order.total);
    // What is asked for is what was taken, to the penny.
    if (order?.confirmed && book.captured > 0 && book.gateway !== "manual")
      expect(kept, `money kept for order ${book.orderId}`).toBe(order.total - order.credited);
    if (order?.confirmed) expect(kept).toBeLessThanOrEqual(order.total - order.credited);
    if (!order || order.cancelled) {
      expect(kept, `money kept for order ${book.orderId}`).toBe(0);
      expect(book.phase, `payment of order ${book.orderId}`).not.toBe("authorized");
    }
  }
}

function auditCarts({ carts, orders }: Books, waiting: ReadonlySet<string>): void {
  const byCart = new Map<string, string[]>();
  for (const [id, { cartId, cancelled }] of orders)
    if (!cancelled) byCart.set(cartId, [...(byCart.get(cartId) ?? []), id]);
  for (const [id, { phase, orderId }] of carts) {
    if (!waiting.has(orderId)) expect(phase, `cart ${id}`).not.toBe("locked");
    expect((byCart.get(id) ?? []).length, `orders of cart ${id}`).toBeLessThanOrEqual(1);
    if (phase === "converted") expect(orders.get(orderId)?.confirmed).toBe(1);
  }
}
