import { describe, expect, it } from "vitest";
import { fold, queryWordsMax, queryWordsOf, termsOf } from "../../../projections/catalog/search/analyzer.ts";
import { foldedName, foldedPath } from "../../../src/values/names.ts";

describe("the analyzer", () => {
  it.each([
    ["Łopata Straße Smørrebrød", "lopata strasse smorrebrod"],
    ["Crème ＢＲÛＬÉＥ", "creme brulee"],
    ["ガラス ｶﾞﾗｽ", "ガラス ガラス"],
    ["İpek IŞIK ışık", "ipek isik isik"],
    ["ΔΡΌΜΟΣ δρόμος", "δρομοσ δρομοσ"],
    ["한복 แก้ว", "한복 แก้ว"],
  ])("folds %s", (text, folded) => {
    expect(fold(text)).toBe(folded);
  });

  it.each([
    ["t-shirt", ["t", "shirt", "tshirt"]],
    ["MK-J/1973", ["mk", "j", "1973", "mkj1973"]],
    ["mugs", ["mugs", "mug"]],
    ["dresses", ["dresses", "dress"]],
    ["glass", ["glass"]],
    ["berries", ["berries", "berry"]],
    ["T‐Shirt", ["t", "shirt", "tshirt"]],
    ["USB充電器", ["usb", "充電", "電器", "器"]],
    ["커피잔", ["커피", "피잔", "잔"]],
    ["タワー", ["タワ", "ワー", "ー"]],
  ])("finds %s under its terms", (text, terms) => {
    expect([...termsOf(text)].sort()).toEqual([...terms].sort());
  });

  it("bounds the words of a query, the last of which may be a beginning", () => {
    const words = queryWordsOf("word ".repeat(queryWordsMax + 5));
    expect(words).toHaveLength(queryWordsMax);
    expect(words.map(({ ways }) => ways[0]?.[0]?.beginning).lastIndexOf(false)).toBe(queryWordsMax - 2);
  });

  it("knows facet values by one form", () => {
    expect(foldedName("  Levi’s ")).toBe(foldedName("LEVI'S"));
    expect(foldedName("STRASSE")).toBe(foldedName("Straße"));
    expect(foldedName("A\u00a0 b")).toBe(foldedName("a b"));
    expect(foldedPath("Garten / STÜHLE")).toBe(foldedPath("garten/Stühle"));
    expect(foldedName("Café")).not.toBe(foldedName("Cafe"));
  });
});
