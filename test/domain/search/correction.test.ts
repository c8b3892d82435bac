import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOffByOne } from "../../../projections/catalog/search/correction.ts";

describe("off by one", () => {
  it.each([
    ["ceramic", "ceramc"],
    ["ceramic", "ceramiic"],
    ["ceramic", "cerawic"],
    ["ceramic", "eramic"],
    ["ceramic", "xeramic"],
    ["ceramic", "ceramix"],
    ["evening", "evenign"],
    ["evening", "veening"],
  ])("are %s and %s", (word, typed) => {
    expect([isOffByOne(word, typed), isOffByOne(typed, word)]).toEqual([true, true]);
  });

  it.each([
    ["mugs", "mgus"],
    ["ceramic", "ceramic"],
    ["ceramic", "ceram"],
    ["ceramic", "eramicx"],
    ["evening", "evenggn"],
    ["evening", "enevign"],
  ])("are not %s and %s", (word, typed) => {
    expect([isOffByOne(word, typed), isOffByOne(typed, word)]).toEqual([false, false]);
  });

  it("is what one insertion, deletion, replacement or swap makes", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 7 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const made = new Set<string>();
        for (let at = 0; at <= a.length; at++) {
          const [start, end] = [a.slice(0, at), a.slice(at)];
          made.add(start + end.slice(1));
          for (const letter of "abc") made.add(start + letter + end).add(start + letter + end.slice(1));
          if (a.length >= 5) made.add(start + end.slice(1, 2) + end.slice(0, 1) + end.slice(2));
        }
        expect(isOffByOne(a, b)).toBe(a !== b && made.has(b));
      }),
      { numRuns: 2_000 },
    );
  });
});
