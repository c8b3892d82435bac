import { fieldsOf, Postings, slotOf } from "./postings.ts";

/** Terms that are looked through one by one before they are sorted in among the others. */
const unsortedTermsMax = 1024;
/** A shorter slice of a text is a copy of its own; a longer one would keep the whole text in memory. */
const slicedCharactersMin = 13;

/** The words of the catalog, each with a number, and where they occur. */
export class Terms {
  readonly postings = new Postings();
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  /** Numbers of the first so many terms, in the order of their code units. */
  #sorted = new Uint32Array(0);

  get size(): number {
    return this.#texts.length;
  }

  /** @param slot not lower than that of any addition before */
  add(text: string, slot: number, fields: number): void {
    this.postings.push(this.#numbers.get(text) ?? this.#number(text), slot, fields);
  }

  numberOf(text: string): number | undefined {
    return this.#numbers.get(text);
  }

  textOf(term: number): string {
    return this.#texts[term] ?? "";
  }

  /** Numbers of all terms that begin so: of those that are sorted, and of the others. */
  beginningWith(prefix: string): [Uint32Array, Uint32Array] {
    if (this.size - this.#sorted.length > unsortedTermsMax) this.sort();
    const sorted = this.#sorted;
    const from = this.#firstWhere((text) => text >= prefix);
    const to = this.#firstWhere((text) => text >= prefix && !text.startsWith(prefix));
    const unsorted: number[] = [];
    for (let term = sorted.length; term < this.size; term++) {
      if (this.textOf(term).startsWith(prefix)) unsorted.push(term);
    }
    return [sorted.subarray(from, to), Uint32Array.from(unsorted)];
  }

  /** Sorts in what was added. */
  sort(): void {
    const before = this.#sorted;
    const added = this.#texts.slice(before.length).sort();
    const sorted = new Uint32Array(this.size);
    let at = 0;
    let taken = 0;
    for (const text of added) {
      while (taken < before.length && this.textOf(before[taken] ?? 0) < text)
        sorted[at++] = before[taken++] ?? 0;
      sorted[at++] = this.numberOf(text) ?? 0;
    }
    sorted.set(before.subarray(taken), at);
    this.#sorted = sorted;
  }

  texts(): readonly string[] {
    return this.#texts;
  }

  /**
   * Numbers the terms in their order, so that those that begin alike lie together.
   * @param slots the new slot of each old one, ascending; undefined for those that go
   */
  compacted(slots: readonly (number | undefined)[]): Terms {
    this.sort();
    const { postings } = this;
    const kept = new Terms();
    this.#sorted.forEach((term) => {
      const start = postings.startOf(term);
      let number: number | undefined;
      for (let at = start; at < start + postings.sizeOf(term); at++) {
        const entry = postings.pool[at] ?? 0;
        const slot = slots[slotOf(entry)];
        if (slot === undefined) continue;
        number ??= kept.#number(this.textOf(term));
        kept.postings.push(number, slot, fieldsOf(entry));
      }
    });
    kept.#sorted = Uint32Array.from(kept.#texts.keys());
    return kept;
  }

  /** A number for a term that has none. */
  #number(text: string): number {
    const own = text.length < slicedCharactersMin ? text : [...text].join("");
    const term = this.#texts.push(own) - 1;
    this.#numbers.set(own, term);
    return term;
  }

  /** The first place of the sorted terms from which on this holds. */
  #firstWhere(holds: (text: string) => boolean): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.textOf(this.#sorted[middle] ?? 0))) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
