import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fieldsOf, Postings, slotOf } from "../../../projections/catalog/search/postings.ts";
import { Terms } from "../../../projections/catalog/search/terms.ts";

const termsMax = 5;
const slotsMax = 40;

describe("postings", () => {
  it("hold for each term what was pushed, in its order, and find a slot in it", () => {
    const set = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(31) });
    const occurrences = fc.array(fc.array(set, { minLength: termsMax, maxLength: termsMax }), {
      maxLength: slotsMax,
      size: "max",
    });
    fc.assert(
      fc.property(occurrences, (slots) => {
        const postings = new Postings();
        for (const [slot, sets] of slots.entries())
          for (const [term, set] of sets.entries()) if (set > 0) postings.push(term, slot, set);
        for (let term = 0; term < termsMax; term++) {
          const start = postings.startOf(term);
          const entries = [...postings.pool.subarray(start, start + postings.sizeOf(term))];
          const pushed = [...slots.entries()].map(([slot, sets]) => [slot, sets[term] ?? 0] as const);
          const expected = pushed.filter(([, set]) => set > 0);
          expect(entries.map((entry) => [slotOf(entry), fieldsOf(entry)])).toEqual(expected);
          expect(pushed.map(([slot]) => postings.fieldsAt(term, slot))).toEqual(pushed.map(([, set]) => set));
          expect(postings.fieldsAt(term, slots.length)).toBe(0);
        }
      }),
    );
  });
});

describe("terms", () => {
  const words = Array.from({ length: 5_000 }, (_, number) => ((number * 7_919) % 5_003).toString(36));
  const found = (terms: Terms, prefix: string) =>
    terms
      .beginningWith(prefix)
      .flatMap((numbers) => Array.from(numbers, (term) => terms.textOf(term)))
      .sort();

  it("are found by their beginning, sorted in or not yet", () => {
    const terms = new Terms();
    for (const [slot, word] of words.entries()) {
      terms.add(word, slot, 1);
      if (slot % 499 !== 0) continue;
      for (const prefix of [word, word.slice(0, 2), "z", "~"]) {
        const expected = words.slice(0, slot + 1).filter((each) => each.startsWith(prefix));
        expect(found(terms, prefix)).toEqual(expected.sort());
      }
    }
  });

  it("go with the last slot that had them, and stay where the others are", () => {
    const terms = new Terms();
    for (const [slot, word] of words.entries()) terms.add(word, slot, 1 + (slot % 31));
    const slots = words.map((_, slot) => (slot % 3 === 0 ? slot / 3 : undefined));
    const kept = terms.compacted(slots);
    expect(kept.size).toBe(slots.filter((slot) => slot !== undefined).length);
    for (const [before, slot] of slots.entries()) {
      const term = kept.numberOf(words[before] ?? "");
      expect(term === undefined).toBe(slot === undefined);
      if (term !== undefined && slot !== undefined)
        expect(kept.postings.fieldsAt(term, slot)).toBe(1 + (before % 31));
    }
    expect(found(kept, "1")).toEqual(words.filter((word, at) => at % 3 === 0 && word.startsWith("1")).sort());
  });
});
