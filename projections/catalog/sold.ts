import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";

/** SKU, product, pieces that were ordered, and those of them that were cancelled or came back. */
type OrderedLine = [sku: string, productId: string, units: number, back: number];

/** What changes the pieces sold of products; below 0 it takes off. */
type Sold = [productId: string, units: number];

/**
 * Under `order/<id>`: what an order has of which product, for its pieces are sold when it is first paid or shipped,
 * and what is cancelled or comes back after that is not. It remembers which event did what, for an event may come
 * again.
 */
export interface OrderedDoc {
  ordered: OrderedLine[];
  /** The position of the event that it counts since. */
  counted?: string;
  cancelled?: true;
  /** Cancelled before it counted. */
  before?: Sold[];
  /** By the position of the event. */
  takenOff: Record<string, Sold[]>;
}

export function orderedDoc({ lines }: DataOf<ShopEvents, "OrderPlaced">): OrderedDoc {
  const ordered: OrderedLine[] = [];
  const known = new Map<string, OrderedLine>();
  for (const { sku, productId, quantity } of lines) {
    const key = JSON.stringify([sku, productId]);
    const line = known.get(key);
    if (line) line[2] += quantity;
    else {
      const added: OrderedLine = [sku, productId, quantity, 0];
      known.set(key, added);
      ordered.push(added);
    }
  }
  return { ordered, takenOff: {} };
}

/** It is paid, or some of it is shipped: the first time, all of it is sold. */
export function paidOrShipped(order: OrderedDoc, position: string): OrderedDoc {
  if (order.counted === undefined && !order.cancelled) order.counted = position;
  return order;
}

/** What had come back already is not taken off again. */
export function cancelled(order: OrderedDoc, position: string): OrderedDoc {
  order.cancelled = true;
  if (order.counted === undefined) return order;
  for (const line of order.ordered) takeOff(order, position, line, line[2] - line[3]);
  return order;
}

export function cameBack(
  order: OrderedDoc,
  position: string,
  { lines }: { lines: readonly { sku: string; sellable: number; damaged: number }[] },
): OrderedDoc {
  if (order.counted === undefined) return order;
  const pieces = lines.map(({ sku, sellable, damaged }) => ({ sku, quantity: sellable + damaged }));
  return without(order, position, pieces);
}

/** Pieces that are not sold after all. */
export function without(
  order: OrderedDoc,
  position: string,
  pieces: readonly { sku: string; quantity: number }[],
): OrderedDoc {
  for (const { sku, quantity } of pieces) {
    let left = quantity;
    for (const line of order.ordered) {
      const [ordered, , units, back] = line;
      if (ordered !== sku || left === 0) continue;
      const some = Math.min(left, units - back);
      takeOff(order, position, line, some);
      left -= some;
    }
  }
  return order;
}

function takeOff(order: OrderedDoc, position: string, line: OrderedLine, units: number): void {
  if (units === 0) return;
  line[3] += units;
  if (order.counted === undefined) {
    order.before ??= [];
    order.before.push([line[1], -units]);
    return;
  }
  order.takenOff[position] ??= [];
  order.takenOff[position].push([line[1], -units]);
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
    return [
      ...order.ordered.map(([, productId, units]): Sold => [productId, units]),
      ...(order.before ?? []),
    ];
  return order.takenOff[position] ?? [];
}
