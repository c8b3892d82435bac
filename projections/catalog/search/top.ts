/**
 * The first so many of what is offered, by ascending key. Items are numbers of things that `isBefore` compares
 * where their keys are the same.
 */
export class Top {
  readonly items: number[] = [];
  readonly keys: number[] = [];
  readonly #itemsMax: number;
  readonly #isTiedBefore: (item: number, other: number) => boolean;

  constructor(itemsMax: number, isBefore: (item: number, other: number) => boolean) {
    this.#itemsMax = itemsMax;
    this.#isTiedBefore = isBefore;
  }

  offer(item: number, key: number): void {
    const { items, keys } = this;
    const isFull = items.length === this.#itemsMax;
    if (isFull && !this.#isBefore(item, key, items.length - 1)) return;
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(item, key, middle)) high = middle;
      else low = middle + 1;
    }
    items.splice(low, 0, item);
    keys.splice(low, 0, key);
    if (!isFull) return;
    items.pop();
    keys.pop();
  }

  #isBefore(item: number, key: number, place: number): boolean {
    const other = this.keys[place] ?? 0;
    return key < other || (key === other && this.#isTiedBefore(item, this.items[place] ?? 0));
  }
}
