/** The first so many of what is offered, in order. Numbers stand for things that `compare` knows. */
export class Top {
  readonly items: number[] = [];
  readonly #itemsMax: number;
  readonly #compare: (a: number, b: number) => number;

  constructor(itemsMax: number, compare: (a: number, b: number) => number) {
    this.#itemsMax = itemsMax;
    this.#compare = compare;
  }

  offer(item: number): void {
    const { items } = this;
    const last = items.length < this.#itemsMax ? undefined : items.at(-1);
    if (last !== undefined && this.#compare(item, last) >= 0) return;
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(items[middle] ?? 0, item) < 0) low = middle + 1;
      else high = middle;
    }
    items.splice(low, 0, item);
    if (items.length > this.#itemsMax) items.pop();
  }
}
