import { type QueryTerm, type QueryWord, singular } from "./analyzer.ts";
import { fieldSets, fieldsOf, slotOf } from "./postings.ts";
import type { Products } from "./products.ts";
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
const weightOf = Uint8Array.from(
  { length: fieldSets },
  (_, set) => weights.find(([field]) => set & field)?.[1] ?? 0,
);
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
}

interface Catalog {
  terms: Terms;
  products: Products;
}

/** A term of the query with all terms of the catalog that it stands for. */
interface FoundTerm {
  alternatives: readonly number[];
  /** Those that are the whole word, not only begin like it. */
  wholes: readonly (number | undefined)[];
  /** Entries of all alternatives. */
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
export function matchesOf(catalog: Catalog, words: readonly QueryWord[]): Matches {
  const found = words.map((word) => foundWord(catalog.terms, word)).sort((a, b) => a.size - b.size);
  let matches: Matches | undefined;
  for (const word of found) {
    const within: Matches | undefined = matches;
    matches = matchesOfWord(catalog, word, within);
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
  const whole = terms.numberOf(singular(text));
  const alternatives = beginning ? terms.beginningWith(text) : [];
  if (whole !== undefined && !alternatives.includes(whole)) alternatives.push(whole);
  const size = alternatives.reduce((sum, term) => sum + terms.postings.sizeOf(term), 0);
  return { alternatives, wholes: [whole, terms.numberOf(text)], size };
}

function matchesOfWord(catalog: Catalog, { ways }: FoundWord, within: Matches | undefined): Matches {
  const [first, ...others] = ways.map((way) => matchesOfWay(catalog, way, within));
  for (const { slots, scores, size } of others) {
    for (const slot of slots.subarray(0, size)) first?.raise(slot, scores[slot] ?? 0);
  }
  return first ?? new Matches(0);
}

function matchesOfWay(catalog: Catalog, way: readonly FoundTerm[], within: Matches | undefined): Matches {
  let matches: Matches | undefined;
  for (const term of way) {
    const before: Matches | undefined = matches;
    matches = matchesOfTerm(catalog, term, before ?? within);
    if (before) rescore(matches, (slot, score) => Math.min(score, before.scores[slot] ?? 0));
    if (matches.size === 0) break;
  }
  return matches ?? new Matches(0);
}

function matchesOfTerm({ terms, products }: Catalog, found: FoundTerm, within: Matches | undefined): Matches {
  const matches = new Matches(products.size);
  const { postings } = terms;
  const { pool } = postings;
  for (const term of found.alternatives) {
    const bonus = found.wholes.includes(term) ? wholeWordWeight : 0;
    const size = postings.sizeOf(term);
    if (within && within.size * entriesPerLookup < size) {
      for (let at = 0; at < within.size; at++) {
        const slot = within.slots[at] ?? 0;
        const weight = weightOf[postings.fieldsAt(term, slot)] ?? 0;
        if (weight > 0) matches.raise(slot, weight + bonus);
      }
      continue;
    }
    const start = postings.startOf(term);
    for (let at = start; at < start + size; at++) {
      const entry = pool[at] ?? 0;
      const slot = slotOf(entry);
      if (within ? within.scores[slot] === 0 : !products.isHere(slot)) continue;
      matches.raise(slot, (weightOf[fieldsOf(entry)] ?? 0) + bonus);
    }
  }
  return matches;
}

/** Gives each slot the score that is made of its score. */
function rescore(matches: Matches, scoreOf: (slot: number, score: number) => number): void {
  for (let at = 0; at < matches.size; at++) {
    const slot = matches.slots[at] ?? 0;
    matches.scores[slot] = scoreOf(slot, matches.scores[slot] ?? 0);
  }
}
