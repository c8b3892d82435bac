import { describe, expect, test } from "vitest";
import { ChangedDocuments, Remembered } from "../../src/runtime/changed-documents.ts";

describe("documents that have changed", () => {
  test("are those that were told of since, and no others", () => {
    const changes = new ChangedDocuments(true);
    const before = changes.now;
    changes.changed(["a", "b"]);
    const between = changes.now;
    changes.changed(["b"]);
    expect(changes.areUnchangedSince(before, ["a"])).toBe(false);
    expect(changes.areUnchangedSince(between, ["a"])).toBe(true);
    expect(changes.areUnchangedSince(between, ["a", "b"])).toBe(false);
    expect(changes.areUnchangedSince(before, ["c"])).toBe(true);
    expect(changes.areUnchangedSince(changes.now, ["a", "b", "c"])).toBe(true);
  });

  test("may be any, where that is all that is told", () => {
    const changes = new ChangedDocuments(true);
    const before = changes.now;
    changes.changed();
    expect(changes.areUnchangedSince(before, ["c"])).toBe(false);
    expect(changes.areUnchangedSince(changes.now, ["c"])).toBe(true);
  });

  test("may be any of before, once there were too many to remember", () => {
    const changes = new ChangedDocuments(true, 2);
    const before = changes.now;
    changes.changed(["a"]);
    const between = changes.now;
    changes.changed(["b"]);
    expect(changes.areUnchangedSince(before, ["c"])).toBe(true);
    changes.changed(["d"]);
    expect(changes.areUnchangedSince(before, ["c"])).toBe(false);
    expect(changes.areUnchangedSince(between, ["c"])).toBe(true);
  });

  test("are not known where nobody tells of them", () => {
    const changes = new ChangedDocuments(false);
    expect(changes.areUnchangedSince(changes.now, ["c"])).toBe(false);
  });
});

describe("what was made of documents", () => {
  test("is made again once one of them has changed, also while it was being made", async () => {
    const changes = new ChangedDocuments(true);
    const remembered = new Remembered<number>(changes, 10);
    let made = 0;
    const get = (meanwhile = () => {}) =>
      remembered.get("x", async () => {
        meanwhile();
        return { value: ++made, keys: ["a", "b"] };
      });
    expect([await get(), await get()]).toEqual([1, 1]);
    changes.changed(["c"]);
    expect(await get()).toBe(1);
    changes.changed(["b"]);
    expect(await get(() => changes.changed(["a"]))).toBe(2);
    expect([await get(), await get()]).toEqual([3, 3]);
  });
});
