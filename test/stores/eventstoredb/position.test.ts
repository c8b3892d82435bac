import fc from "fast-check";
import { expect, test } from "vitest";
import { logStart } from "../../../src/stores/event-store/event-store.ts";
import {
  formatPosition,
  isTold,
  parsePosition,
  progressOf,
} from "../../../src/stores/event-store/eventstoredb/position.ts";

const place = fc.record({
  commit: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  prepare: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
});

test("positions sort as text as the log does, commit before prepare", () => {
  fc.assert(
    fc.property(place, place, (one, other) => {
      const isEarlier =
        one.commit < other.commit || (one.commit === other.commit && one.prepare < other.prepare);
      expect(formatPosition(one) < formatPosition(other)).toBe(isEarlier);
      expect(formatPosition(one) > logStart).toBe(true);
    }),
  );
});

test("a position comes back as it was, and nothing else is one", () => {
  fc.assert(
    fc.property(place, (one) => {
      expect({ ...parsePosition(formatPosition(one)) }).toEqual({ ...one });
    }),
  );
  expect(parsePosition(logStart)).toBe(undefined);
  for (const text of ["0", "0".repeat(16), "x".repeat(40), `${"0".repeat(39)}-`])
    expect(() => parsePosition(text)).toThrow(RangeError);
});

test("what older servers answer is no position", () => {
  const none = 2n ** 64n - 1n;
  expect(isTold({ commit: none, prepare: none })).toBe(false);
  expect(isTold(undefined)).toBe(false);
  expect(isTold({ commit: 0n, prepare: 0n })).toBe(true);
});

test("progress goes by the log's bytes", () => {
  const at = (commit: bigint) => formatPosition({ commit, prepare: commit });
  expect(progressOf(at(250n), at(1_000n))).toBe(0.25);
  expect(progressOf(at(2_000n), at(1_000n))).toBe(1);
  expect(progressOf(logStart, at(1_000n))).toBe(0);
  expect(progressOf(logStart, logStart)).toBe(1);
});
