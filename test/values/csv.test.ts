import { describe, expect, test } from "vitest";
import { csvList, csvRecord, csvText } from "../../src/values/csv.ts";

describe("a field of CSV", () => {
  test.each([
    ["plain", "plain"],
    ["", ""],
    ["a, b", '"a, b"'],
    ['say "hi"', '"say ""hi"""'],
    ["two\nlines", '"two\nlines"'],
    ["two\r\nlines", '"two\r\nlines"'],
    [" blank ", " blank "],
    ["日本語 🍵", "日本語 🍵"],
  ])("holds %j", (text, field) => {
    expect(csvText(text)).toBe(field);
  });

  test.each([
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "'\t=1"],
    ["\r=1", '"\'\r=1"'],
    ['="a",b', '"\'=""a"",b"'],
    ["1+1", "1+1"],
    ["'=1", "'=1"],
  ])("is no formula: %j", (text, field) => {
    expect(csvText(text)).toBe(field);
  });

  test("may be a list, which is a record of its own", () => {
    expect(csvText(csvList(["a", 'b, "c"']))).toBe('"a,""b, """"c"""""""');
    expect(csvRecord(["1", "-1", csvText("x")])).toBe("1,-1,x\r\n");
  });
});
