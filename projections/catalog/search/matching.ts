import { initialOf, type QueryTerm, type QueryWord, singular } from "./analyzer.ts";
import { fieldBits, fieldSets, fieldsOf, type Postings, slotOf } from "./postings.ts";
import type { Terms } from "./terms.ts";

/** Where a term can stand in a product, the weightiest place first. */
export const fields = { name: 1, sku: 2, group: 4, tag: 8, description: 16 } as const;
const weights = [
  [fields.name, 100],
  [fields.sku, 80],
  [fields.group, 60],
  [fields.tag, 40],
  [fields.description, 20],
] as const;
/** Less than what parts two fields, so that a field goes before a whole word. */
const wholeWordWeight = 10;
/** The score of a set of fields in which a word is begun, with another one above it in which it is whole. */
const scoreOf = Uint8Array.from({ length: fieldSets ** 2 }, (_, sets) => {
  const whole = weightOf(sets >>> fieldBits);
  return Math.max(weightOf(sets & (fieldSets - 1)), whole && whole + wholeWordWeight);
});
/** To look one slot up costs as much as to walk past so many entries. */
const entriesPerLookup = 16;

/** Slots with a score above 0 each. */
export class Matches {
  readonly slots: Uint32Array;
  readonly scores: Uint32Array;
  size = 0;

  /** @param slots so many there are at all */
  constructor(slots: number) {
    this.slots = new Uint32Array(slots);
    this.scores = new Uint32Array(slots);
  }

  /** To this score, if it is lower or was none. */
  raise(slot: number, score: number): void {
    const before = this.scores[slot] ?? 0;
    if (before === 0) this.slots[this.size++] = slot;
    if (score > before) this.scores[slot] = score;
  }

  /** So much more, where there is a score. */
  add(slot: number, more: number): void {
    const before = this.scores[slot] ?? 0;
    if (before > 0) this.scores[slot] = before + more;
  }
}

/** What is searched through. */
export interface Searched {
  terms: Terms;
  /** So many there are at all. */
  slots: number;
  /** Whether the product of a slot may be found. */
  admits(slot: number): boolean;
}

/** A term of the query with the terms of the catalog that it stands for. */
interface FoundTerm {
  wholes: Uint32Array;
  /** What begins like it; the whole word may be among them. */
  beginnings: readonly Uint32Array[];
  /** Entries of all of them. */
  size: number;
}

interface FoundWord {
  ways: FoundTerm[][];
  size: number;
}

/**
 * The products that hold every word. A word scores by the field it is in -- the least of its terms', if it goes by
 * several -- and a product by the sum of its words. The work is bounded by the rarest word, which goes first.
 */
export function matchesOf(searched: Searched, words: readonly QueryWord[]): Matches {
  const found = words.map((word) => foundWord(searched.terms, word)).sort((a, b) => a.size - b.size);
  let matches: Matches | undefined;
  for (const word of found) {
    const within: Matches | undefined = matches;
    matches = matchesOfWord(searched, word, within);
    if (within) rescore(matches, (slot, score) => score + (within.scores[slot] ?? 0));
    if (matches.size === 0) break;
  }
  return matches ?? new Matches(0);
}

function foundWord(terms: Terms, word: QueryWord): FoundWord {
  const ways = word.ways.map((way) =>
    way.map((term) => foundTerm(terms, term)).sort((a, b) => a.size - b.size),
  );
  return { ways, size: ways.reduce((sum, [rarest]) => sum + (rarest?.size ?? 0), 0) };
}

function foundTerm(terms: Terms, { text, beginning }: QueryTerm): FoundTerm {
  const numbers = [terms.numberOf(singular(text)), beginning ? terms.numberOf(text) : undefined];
  const wholes = Uint32Array.from(new Set(numbers.filter((term) => term !== undefined)));
  const initial = beginning && text.length === 1 ? terms.numberOf(initialOf(text) ?? "") : undefined;
  const begun = initial === undefined && beginning ? terms.beginningWith(text) : [];
  const beginnings = initial === undefined ? begun : [Uint32Array.of(initial)];
  const size = [wholes, ...beginnings].reduce((sum, each) => sum + terms.postings.sizeOfAll(each), 0);
  return { wholes, beginnings, size };
}

function matchesOfWord(searched: Searched, { ways }: FoundWord, within: Matches | undefined): Matches {
  const [first, ...others] = ways.map((way) => matchesOfWay(searched, way, within));
  for (const { slots, scores, size } of others) {
    for (const slot of slots.subarray(0, size)) first?.raise(slot, scores[slot] ?? 0);
  }
  return first ?? new Matches(0);
}

function matchesOfWay(searched: Searched, way: readonly FoundTerm[], within: Matches | undefined): Matches {
  let matches: Matches | undefined;
  for (const term of way) {
    const before: Matches | undefined = matches;
    matches = matchesOfTerm(searched, term, before ?? within);
    if (before) rescore(matches, (slot, score) => Math.min(score, before.scores[slot] ?? 0));
    if (matches.size === 0) break;
  }
  return matches ?? new Matches(0);
}

function matchesOfTerm(
  { terms, slots: slotsMax, admits }: Searched,
  found: FoundTerm,
  within: Matches | undefined,
): Matches {
  const matches = new Matches(slotsMax);
  gather(terms.postings, found.wholes, fieldBits, matches, within);
  for (const beginnings of found.beginnings) gather(terms.postings, beginnings, 0, matches, within);
  const { slots, scores } = matches;
  let kept = 0;
  for (let at = 0; at < matches.size; at++) {
    const slot = slots[at] ?? 0;
    const isIn = admits(slot);
    scores[slot] = isIn ? (scoreOf[scores[slot] ?? 0] ?? 0) : 0;
    if (isIn) slots[kept++] = slot;
  }
  matches.size = kept;
  return matches;
}

/** Joins the sets of fields in which these terms are, moved by so many bits, as scores. */
function gather(
  postings: Postings,
  terms: Uint32Array,
  bits: number,
  matches: Matches,
  within: Matches | undefined,
): void {
  const { pool } = postings;
  const { slots, scores } = matches;
  const admitted = within?.scores;
  let { size } = matches;
  for (const term of terms) {
    const start = postings.startOf(term);
    const end = start + postings.sizeOf(term);
    if (within && within.size * entriesPerLookup < end - start) {
      matches.size = size;
      lookUp(postings, term, bits, matches, within);
      size = matches.size;
      continue;
    }
    for (let at = start; at < end; at++) {
      const entry = pool[at] ?? 0;
      const slot = slotOf(entry);
      if (admitted !== undefined && admitted[slot] === 0) continue;
      const before = scores[slot] ?? 0;
      if (before === 0) slots[size++] = slot;
      scores[slot] = before | (fieldsOf(entry) << bits);
    }
  }
  matches.size = size;
}

/** The same, for few slots and a term that is in many. */
function lookUp(postings: Postings, term: number, bits: number, matches: Matches, within: Matches): void {
  for (let at = 0; at < within.size; at++) {
    const slot = within.slots[at] ?? 0;
    const found = postings.fieldsAt(term, slot) << bits;
    if (found > 0) matches.raise(slot, (matches.scores[slot] ?? 0) | found);
  }
}

function weightOf(set: number): number {
  return weights.find(([field]) => set & field)?.[1] ?? 0;
}

/** Gives each slot the score that is made of its score. */
function rescore(matches: Matches, change: (slot: number, score: number) => number): void {
  for (let at = 0; at < matches.size; at++) {
    const slot = matches.slots[at] ?? 0;
    matches.scores[slot] = change(slot, matches.scores[slot] ?? 0);
  }
}
