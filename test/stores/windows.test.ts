import { expect, test } from "vitest";
import { createWindows } from "../../src/stores/hot-store/windows.ts";

test("hits are counted in one window, which ends when it was to end, and anew in the next", () => {
  let now = 1_000;
  const windows = createWindows(() => now);
  expect(windows.read("a")).toEqual({ count: 0, resetsInMs: 0 });
  expect(windows.hit("a", 100)).toEqual({ count: 1, resetsInMs: 100 });
  now += 60;
  expect(windows.hit("a", 100)).toEqual({ count: 2, resetsInMs: 40 });
  expect(windows.hit("b", 100)).toEqual({ count: 1, resetsInMs: 100 });
  expect(windows.read("a")).toEqual({ count: 2, resetsInMs: 40 });
  now += 40;
  expect(windows.read("a")).toEqual({ count: 0, resetsInMs: 0 });
  expect(windows.hit("a", 100)).toEqual({ count: 1, resetsInMs: 100 });
});

test("many windows of a minute do not push out one of an hour", () => {
  const windows = createWindows();
  windows.hit("declined", 3_600_000);
  for (let n = 0; n < 100_001; n++) windows.hit(`client ${n}`, 60_000);
  expect(windows.read("declined").count).toBe(1);
  expect(windows.read("client 0").count).toBe(0);
});
