import { type FacetValue, facetValuesMax } from "./catalog-query.ts";
import { roomFor } from "./growing.ts";
import { Top } from "./top.ts";

const roomMin = 64;
/** The value of a spelling that stands for nothing. */
const none = -1;

/**
 * What the products have of one facet: each spelling has a number, and spellings that fold alike are one value.
 * A value is shown as it is first given: as the oldest product that has it writes it, published ones before others.
 * A spelling may stand for a name that changes, or for none.
 */
export class Facet {
  readonly #foldedOf: (name: string) => string;
  readonly #nameOf: (spelling: string) => string | undefined;
  readonly #numbers = new Map<string, number>();
  readonly #spellings: string[] = [];
  /** Spelling -> what it stands for. */
  #names: (string | undefined)[] = [];
  /** Spelling -> value. */
  #valueOf: number[] = [];
  /** Spelling -> how many products have it. */
  readonly #uses: number[] = [];
  readonly #values = new Map<string, number>();
  /** Value -> the spelling that shows it; undefined until it is asked for. */
  #labels: Uint32Array | undefined;
  /** Spellings of one slot after those of the other, and where those of each slot start: one start more than slots. */
  #flat = new Uint32Array(roomMin);
  #starts = new Uint32Array(roomMin);
  #slots = 0;

  /** @param nameOf what a spelling stands for; `reread` takes notice when that changes */
  constructor(
    foldedOf: (name: string) => string,
    nameOf: (spelling: string) => string | undefined = (spelling) => spelling,
  ) {
    this.#foldedOf = foldedOf;
    this.#nameOf = nameOf;
  }

  /** @returns a filter: 1 for each spelling that stands for another name than before */
  reread(): Uint8Array {
    const before = this.#names;
    this.#names = [];
    this.#valueOf = [];
    this.#values.clear();
    for (const spelling of this.#spellings) this.#read(spelling);
    this.forgetLabels();
    return Uint8Array.from(this.#names, (name, spelling) => (name === before[spelling] ? 0 : 1));
  }

  /** Takes the values of the next slot. */
  push(texts: readonly string[]): void {
    const start = this.#startOf(this.#slots);
    let end = start;
    this.#flat = roomFor(this.#flat, start + texts.length);
    const seen = new Set<number | undefined>();
    for (const text of texts) {
      const spelling = this.#numberOf(text.trim());
      const value = this.#valueOf[spelling];
      if (value !== none && seen.has(value)) continue;
      seen.add(value);
      this.#flat[end++] = spelling;
      this.#uses[spelling] = (this.#uses[spelling] ?? 0) + 1;
    }
    this.#slots++;
    this.#starts = roomFor(this.#starts, this.#slots + 1);
    this.#starts[this.#slots] = end;
    this.forgetLabels();
  }

  /** The product of a slot is gone. */
  drop(slot: number): void {
    for (let at = this.#startOf(slot); at < this.#startOf(slot + 1); at++) {
      const spelling = this.#flat[at] ?? 0;
      this.#uses[spelling] = (this.#uses[spelling] ?? 0) - 1;
    }
    this.forgetLabels();
  }

  /** What is shown depends on which product is the oldest of those that are published. */
  forgetLabels(): void {
    this.#labels = undefined;
  }

  textsOf(slot: number): string[] {
    const texts: string[] = [];
    for (let at = this.#startOf(slot); at < this.#startOf(slot + 1); at++)
      texts.push(this.#spellings[this.#flat[at] ?? 0] ?? "");
    return texts;
  }

  /** Folded values that some product has. */
  values(): string[] {
    const used = this.#usedValues();
    return [...this.#values].filter(([, value]) => used.has(value)).map(([folded]) => folded);
  }

  /** A filter: 1 for each spelling of one of these folded values. */
  maskOf(folded: Iterable<string>): Uint8Array {
    const values = new Set<number | undefined>([...folded].map((each) => this.#values.get(each)));
    return Uint8Array.from(this.#valueOf, (value) => (values.has(value) ? 1 : 0));
  }

  has(slot: number, mask: Uint8Array): boolean {
    for (let at = this.#startOf(slot); at < this.#startOf(slot + 1); at++)
      if (mask[this.#flat[at] ?? 0] === 1) return true;
    return false;
  }

  /** The spellings that were counted. */
  *spellings(counts: Uint32Array): Generator<readonly [spelling: string, count: number]> {
    for (const [spelling, count] of counts.entries())
      if (count > 0) yield [this.#spellings[spelling] ?? "", count];
  }

  /** A count for each spelling, for `count` to raise. */
  counts(): Uint32Array {
    return new Uint32Array(this.#spellings.length);
  }

  count(slot: number, counts: Uint32Array): void {
    for (let at = this.#startOf(slot); at < this.#startOf(slot + 1); at++) {
      const spelling = this.#flat[at] ?? 0;
      counts[spelling] = (counts[spelling] ?? 0) + 1;
    }
  }

  /**
   * The values that were counted, the most frequent first.
   * @param isOlder whether the product of a slot says how its values are spelled rather than that of the other slot,
   *   which is -1 when there is none yet
   */
  counted(counts: Uint32Array, isOlder: (slot: number, other: number) => boolean): FacetValue[] {
    const sums = new Uint32Array(this.#values.size);
    counts.forEach((times, spelling) => {
      const value = this.#valueOf[spelling] ?? none;
      if (value !== none) sums[value] = (sums[value] ?? 0) + times;
    });
    this.#labels ??= this.#labelled(isOlder);
    const labels = this.#labels;
    const labelOf = (value: number) => this.#names[labels[value] ?? 0] ?? "";
    const top = new Top(facetValuesMax, (a, b) => labelOf(a) < labelOf(b));
    sums.forEach((sum, value) => {
      if (sum > 0) top.offer(value, -sum);
    });
    return top.items.map((value) => ({ value: labelOf(value), count: sums[value] ?? 0 }));
  }

  #labelled(isOlder: (slot: number, other: number) => boolean): Uint32Array {
    const labels = new Uint32Array(this.#values.size);
    const spellingsOf = new Uint32Array(this.#values.size);
    this.#uses.forEach((uses, spelling) => {
      const value = this.#valueOf[spelling] ?? none;
      if (uses === 0 || value === none) return;
      labels[value] = spelling;
      spellingsOf[value] = (spellingsOf[value] ?? 0) + 1;
    });
    if (spellingsOf.some((count) => count > 1)) this.#labelByAge(spellingsOf, labels, isOlder);
    return labels;
  }

  /** Those that are spelled in several ways. */
  #labelByAge(
    spellingsOf: Uint32Array,
    labels: Uint32Array,
    isOlder: (slot: number, other: number) => boolean,
  ): void {
    const oldest = new Map<number, number>();
    for (let slot = 0; slot < this.#slots; slot++) {
      for (let at = this.#startOf(slot); at < this.#startOf(slot + 1); at++) {
        const spelling = this.#flat[at] ?? 0;
        const value = this.#valueOf[spelling] ?? none;
        if ((spellingsOf[value] ?? 0) < 2 || !isOlder(slot, oldest.get(value) ?? -1)) continue;
        oldest.set(value, slot);
        labels[value] = spelling;
      }
    }
  }

  #usedValues(): Set<number | undefined> {
    const used = new Set<number | undefined>();
    this.#uses.forEach((uses, spelling) => {
      if (uses > 0) used.add(this.#valueOf[spelling]);
    });
    return used;
  }

  #numberOf(spelling: string): number {
    const known = this.#numbers.get(spelling);
    if (known !== undefined) return known;
    const added = this.#spellings.push(spelling) - 1;
    this.#numbers.set(spelling, added);
    this.#uses.push(0);
    this.#read(spelling);
    return added;
  }

  /** What the next spelling stands for. */
  #read(spelling: string): void {
    const name = this.#nameOf(spelling)?.trim();
    this.#names.push(name);
    if (name === undefined) {
      this.#valueOf.push(none);
      return;
    }
    const folded = this.#foldedOf(name);
    const value = this.#values.get(folded) ?? this.#values.size;
    this.#values.set(folded, value);
    this.#valueOf.push(value);
  }

  #startOf(slot: number): number {
    return this.#starts[slot] ?? 0;
  }
}
