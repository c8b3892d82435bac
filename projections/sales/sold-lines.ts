import type { ShopEvents } from "../../commands/events.ts";
import type { DataOf } from "../../src/engine/decider.ts";

type Confirmed = DataOf<ShopEvents, "OrderConfirmed">;
export type SoldLine = Confirmed["lines"][number];

/** What an order sold of one thing; revenue in minor units. */
export interface Sold {
  /** As the last of its lines calls it. */
  name: string;
  units: number;
  revenue: number;
}

/**
 * A function that adds up the lines of a confirmed order by what `groupOf` says. An order touches several
 * documents for each of up to two thousand lines, so the sums of an event are kept as long as the event.
 */
export function tally(groupOf: (line: SoldLine) => string): (data: Confirmed) => ReadonlyMap<string, Sold> {
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
