const initialCapacity = 4;
const fieldBits = 5;
const fieldMask = (1 << fieldBits) - 1;

/** Where a term occurs: ascending slots, each with the set of fields. 27 bits hold the slot. */
class Postings {
  entries = new Uint32Array(initialCapacity);
  size = 0;

  push(slot: number, fields: number): void {
    if (this.size === this.entries.length) {
      const grown = new Uint32Array(this.size * 2);
      grown.set(this.entries);
      this.entries = grown;
    }
    this.entries[this.size++] = slot * (1 << fieldBits) + fields;
  }
}

/** Terms, in the order of their code units once one asks for those that begin alike. */
export class Terms {
  readonly #postings = new Map<string, Postings>();
  #sorted: string[] = [];
  #unsorted: string[] = [];

  /** Slots only ever grow, so that postings stay ordered without any sorting. */
  add(term: string, slot: number, fields: number): void {
    let postings = this.#postings.get(term);
    if (!postings) {
      postings = new Postings();
      this.#postings.set(term, postings);
      this.#unsorted.push(term);
    }
    postings.push(slot, fields);
  }

  sizeOf(term: string): number {
    return this.#postings.get(term)?.size ?? 0;
  }

  forEach(term: string, visit: (slot: number, fields: number) => void): void {
    const postings = this.#postings.get(term);
    if (!postings) return;
    const { entries, size } = postings;
    for (let at = 0; at < size; at++) {
      const entry = entries[at] ?? 0;
      visit(entry >>> fieldBits, entry & fieldMask);
    }
  }

  all(): Iterable<string> {
    return this.#postings.keys();
  }

  beginningWith(prefix: string): string[] {
    if (this.#unsorted.length > 0) {
      this.#sorted = [...this.#sorted, ...this.#unsorted].sort();
      this.#unsorted = [];
    }
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? "") < prefix) low = middle + 1;
      else high = middle;
    }
    let end = low;
    while (this.#sorted[end]?.startsWith(prefix)) end++;
    return this.#sorted.slice(low, end);
  }
}
