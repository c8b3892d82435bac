const one = () => 1;

/**
 * Bounds an LRUCache in entries. Its own `max` sets room for all of them aside at once: empty caches for 100,000
 * entries each were a tenth of what an idle process held.
 */
export function atMost(entries: number): { maxSize: number; sizeCalculation: () => number } {
  return { maxSize: entries, sizeCalculation: one };
}
