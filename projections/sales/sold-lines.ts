import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";

type Confirmed = DataOf<ShopEvents, "OrderConfirmed">;
type ConfirmedLine = Confirmed["lines"][number];
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

/**
 * A function that adds up the lines of a confirmed order by what `groupOf` says. An order touches several
 * documents for each of up to two thousand lines, so the sums of an event are kept as long as the event.
 */
export function tally(
  groupOf: (line: ConfirmedLine) => string,
): (data: Confirmed) => ReadonlyMap<string, Sold> {
  const kept = new WeakMap<Confirmed, Map<string, Sold>>();
  return (data) => {
    let groups = kept.get(data);
    if (groups) return groups;
    groups = new Map();
    for (const line of data.lines) {
      const group = groupOf(line);
      const sold = groups.get(group);
      if (sold) {
        sold.name = line.name;
        sold.units += line.quantity;
        sold.revenue += line.revenue;
      } else groups.set(group, { name: line.name, units: line.quantity, revenue: line.revenue });
    }
    kept.set(data, groups);
    return groups;
  };
}
