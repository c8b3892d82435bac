import { expect, test } from "vitest";
import { planOfRebuild } from "../../src/runtime/rebuild-plan.ts";

const eventStoreDbUrl = "esdb://127.0.0.1:2113?tls=false";
const names = ["a", "b", "c"];

test("a log in the data folder is read by two threads, which share the models", () => {
  expect(planOfRebuild({}, names).shares).toEqual([["a", "c"], ["b"]]);
  expect(planOfRebuild({}, ["a"]).shares).toEqual([["a"]]);
});

test("a log on a server is read once, by one thread that has the memory of both", () => {
  const both = planOfRebuild({}, names);
  const one = planOfRebuild({ eventStoreDbUrl, archiveFile: "/there/is/none" }, names);
  expect(one.shares).toEqual([names]);
  expect(one.heldCharactersMax).toBe(2 * both.heldCharactersMax);
});

test("its archive is read by two", () => {
  expect(planOfRebuild({ eventStoreDbUrl, archiveFile: import.meta.filename }, names).shares).toHaveLength(2);
});
