import { describe, expect, test } from "vitest";
import { createCursors } from "../../src/http/query-api/cursors.ts";

const cursors = createCursors("a secret of the tests");

describe("a cursor", () => {
  test.each([[[3, "id"]], [[12.5, null, "日本"]], [["x".repeat(1_000)]]])(
    "opens as what it holds: %j",
    (place) => {
      const cursor = cursors.seal("list", place) ?? "";
      expect(cursors.open("list", cursor)).toEqual(place);
      expect(() => cursors.open("another", cursor)).toThrow();
    },
  );

  test("is as long for a number that is large as for one that is small", () => {
    const lengths = [0, 7, -123_456_789].map((sold) => cursors.seal("best-selling", [sold, "an-id"])?.length);
    expect(new Set(lengths).size).toBe(1);
  });
});
