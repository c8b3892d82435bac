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

test("takes more memory only where there is plenty", () => {
  const heapMb = (gigabytes: number) => {
    const { resourceLimits } = planOfRebuild({}, names, gigabytes * 1024 ** 3);
    return (
      2 * ((resourceLimits.maxOldGenerationSizeMb ?? 0) + (resourceLimits.maxYoungGenerationSizeMb ?? 0))
    );
  };
  expect(heapMb(1)).toBeLessThan(700);
  expect(heapMb(2.9)).toBe(heapMb(1));
  expect(heapMb(4)).toBeGreaterThan(1_200);
  expect(heapMb(400)).toBe(heapMb(4));
});
