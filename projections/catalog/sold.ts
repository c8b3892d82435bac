import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";

/** A line: what was ordered, and of it the pieces that came back without a credit, and those that were credited. */
type OrderedLine = [sku: string, productId: string, units: number, back: number, credited: number];

/** What changes the pieces sold of products; below 0 it takes off. */
type Sold = [productId: string, units: number];

/**
 * Under `order/<id>`: what an order has of which product, by the ids of its lines, for its pieces are sold when it is
 * first paid or shipped, and what is credited after that is not. It remembers which event did what, for an event may
 * come again.
 */
export interface OrderedDoc {
  ordered: OrderedLine[];
  /** The position of the event that it counts since. */
  counted?: string;
  cancelled?: true;
  /** All of it was cancelled line by line. */
  over?: true;
  /** What of its lines did not count when it first did: it was taken off before, or added later. */
  uncounted: Sold[];
  /** By the position of the event, since it counts. */
  changes: Record<string, Sold[]>;
}

type Lines = DataOf<ShopEvents, "OrderPlaced">["lines"];

/** With lines that it was placed with, or that were added. */
export function withLines(order: OrderedDoc, position: string, lines: Lines): OrderedDoc {
  for (const { sku, productId, quantity } of lines) {
    order.ordered.push([sku, productId, quantity, 0, 0]);
    if (order.counted === undefined) continue;
    changed(order, position, [productId, quantity]);
    order.uncounted.push([productId, -quantity]);
  }
  return order;
}

/** It is paid, or some of it is shipped: the first time, all of it is sold. */
export function paidOrShipped(order: OrderedDoc, position: string): OrderedDoc {
  if (order.counted === undefined && !order.cancelled) order.counted = position;
  return order;
}

/** @param sign 1 takes it off, -1 adds it again */
export function credited(
  order: OrderedDoc,
  position: string,
  { lines }: Pick<DataOf<ShopEvents, "CreditWithdrawn">, "lines">,
  sign: 1 | -1,
): OrderedDoc {
  for (const { lineId, quantity } of lines) {
    const line = order.ordered[lineId - 1];
    if (!line) throw new Error(`there is no line ${lineId}`);
    takeOff(order, position, line, 0, sign * quantity);
  }
  return order;
}

/** What is cancelled as a whole without being credited line by line: by version 0.1, or before it was confirmed. */
export function cancelled(order: OrderedDoc, position: string): OrderedDoc {
  order.cancelled = true;
  if (order.over) return order;
  for (const line of order.ordered) takeOff(order, position, line, soldOf(line), 0);
  return order;
}

/** By SKU, first to last, as version 0.1 received returns. */
export function cameBack(
  order: OrderedDoc,
  position: string,
  { lines }: { lines: readonly { sku: string; sellable: number; damaged: number }[] },
): OrderedDoc {
  for (const { sku, sellable, damaged } of lines) {
    let left = sellable + damaged;
    for (const line of order.ordered) {
      const back = line[0] === sku ? Math.min(left, soldOf(line)) : 0;
      takeOff(order, position, line, back, 0);
      left -= back;
    }
  }
  return order;
}

/** What came back uncredited may be part of what is credited later. */
function soldOf([, , units, back, credited]: OrderedLine): number {
  return Math.max(0, units - back - credited);
}

function takeOff(
  order: OrderedDoc,
  position: string,
  line: OrderedLine,
  back: number,
  credited: number,
): void {
  const before = soldOf(line);
  line[3] += back;
  line[4] += credited;
  const units = soldOf(line) - before;
  if (units === 0) return;
  if (order.counted === undefined) order.uncounted.push([line[1], units]);
  else changed(order, position, [line[1], units]);
}

function changed(order: OrderedDoc, position: string, sold: Sold): void {
  order.changes[position] ??= [];
  order.changes[position].push(sold);
}

/** An order may have two thousand lines, each of another product: what an event changes is added up once. */
const sums = new WeakMap<OrderedDoc, { position: string; units: ReadonlyMap<string, number> }>();

/**
 * What an event that an order remembers changes of its products.
 * @returns pieces by product
 */
export function soldBy(order: OrderedDoc, position: string): ReadonlyMap<string, number> {
  const known = sums.get(order);
  if (known?.position === position) return known.units;
  const units = new Map<string, number>();
  for (const [productId, change] of changesOf(order, position))
    units.set(productId, (units.get(productId) ?? 0) + change);
  // Before the event has changed the order there is nothing, which is not to be remembered.
  if (units.size > 0) sums.set(order, { position, units });
  return units;
}

function changesOf(order: OrderedDoc, position: string): readonly Sold[] {
  if (order.counted === position)
    return [...order.ordered.map(([, productId, units]): Sold => [productId, units]), ...order.uncounted];
  return order.changes[position] ?? [];
}
