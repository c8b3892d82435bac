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

/** All that an order has of one SKU in one group. */
export interface OrderedLine extends Sold {
  sku: string;
  item: string;
  /** Units that were cancelled or came back. */
  back: number;
}

/** The lines of an order, those of one SKU and group as one; revenue is after discounts. */
export function linesOf(lines: readonly SoldLine[], groupOf: (line: SoldLine) => string): OrderedLine[] {
  const merged = new Map<string, OrderedLine>();
  for (const line of lines) {
    const { sku, name, quantity } = line;
    const item = groupOf(line);
    const key = JSON.stringify([sku, item]);
    const found = merged.get(key) ?? { sku, item, name, units: 0, revenue: 0, back: 0 };
    found.name = name;
    found.units += quantity;
    found.revenue += line.subtotal - line.discount;
    merged.set(key, found);
  }
  return [...merged.values()];
}
