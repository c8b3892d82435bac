import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";

export type SoldLine = DataOf<ShopEvents, "OrderPlaced">["lines"][number];

/** What an event sold of one thing, or, below 0, took off; revenue in minor units. */
export interface Sold {
  /** As the last of its lines calls it. */
  name: string;
  units: number;
  revenue: number;
}

/** A line of an order; revenue is what is left of its goods. */
export interface OrderedLine extends Sold {
  sku: string;
  item: string;
  /** Units that came back or were cancelled without a credit, as version 0.1 had it. */
  back: number;
  /** Units that are not asked for any more. */
  credited: number;
  /** What those cost that came back, and for which no money has gone back yet. */
  unpaid: number;
}

/** The lines of an order in its order, or some that were added to it; revenue is after discounts. */
export function linesOf(lines: readonly SoldLine[], groupOf: (line: SoldLine) => string): OrderedLine[] {
  return lines.map((line) => ({
    sku: line.sku,
    item: groupOf(line),
    name: line.name,
    units: line.quantity,
    revenue: line.subtotal - line.discount,
    back: 0,
    credited: 0,
    unpaid: 0,
  }));
}

/** Units of a line that count as sold. What came back uncredited may be part of what is credited later. */
export function soldOf({ units, back, credited }: OrderedLine): number {
  return Math.max(0, units - back - credited);
}
