import { describe, expect, test } from "vitest";
import { isLive, key, requireSameRequest } from "../../commands/key/key.ts";
import type { EventOf } from "../../src/engine/decider.ts";
import { given } from "./given.ts";

type KeyEvent = EventOf<typeof key.events> & { at?: number };

const lifeMs = 1_000;
const request = (fingerprint: string, revision = -1) => ({ fingerprint, stream: "cart-c1", revision });
const taken = (fingerprint: string, at = 0, revision = -1): KeyEvent => ({
  type: "KeyTaken",
  data: request(fingerprint, revision),
  at,
});
const recorded = (fingerprint: string, revision = -1) => [
  { type: "KeyTaken" as const, data: request(fingerprint, revision) },
];

describe("an idempotency key", () => {
  test("is taken for a request, with where its effect will be and where that stood", () => {
    given(key, [])
      .when("Take", { ...request("f", 7), lifeMs })
      .then(recorded("f", 7));
  });

  test("that the same request has taken is taken no second time, wherever its stream stands by now", () => {
    given(key, [taken("f", 5)])
      .when("Take", { ...request("f"), lifeMs }, { now: 6 })
      .then([]);
    given(key, [taken("f", 5)])
      .when("Take", { ...request("f", 99), lifeMs }, { now: 6 })
      .then([]);
    expect(given(key, [taken("f", 5, 3)]).state()).toMatchObject({ revision: 3, takenAt: 5 });
  });

  test("that another request has taken is refused, up to the last millisecond of its life", () => {
    const its = given(key, [taken("f", 5)]);
    for (const now of [5, 6, 5 + lifeMs - 1])
      its.when("Take", { ...request("g"), lifeMs }, { now }).refused("idempotency_key_reused");
  });

  test("that has expired is taken by any request, and the new use stands for its own life", () => {
    const its = given(key, [taken("f", 5)]);
    const now = 5 + lifeMs;
    its.when("Take", { ...request("f", 8), lifeMs }, { now }).then(recorded("f", 8));
    its.when("Take", { ...request("g", 8), lifeMs }, { now }).then(recorded("g", 8));
    const again = given(key, [taken("f", 5), taken("g", now, 8)]);
    again.when("Take", { ...request("g"), lifeMs }, { now: now + lifeMs - 1 }).then([]);
    again
      .when("Take", { ...request("f"), lifeMs }, { now: now + lifeMs - 1 })
      .refused("idempotency_key_reused");
  });

  test("counts its uses, and knows the last one only", () => {
    expect(given(key, []).state()).toMatchObject({ uses: 0 });
    const state = given(key, [taken("f", 0), taken("g", 2_000, 4), taken("h", 4_000, 9)]).state();
    expect(state).toEqual({ ...request("h", 9), uses: 3, takenAt: 4_000 });
  });

  test("that nobody has taken is not live, not even at the beginning of time", () => {
    const { initial } = key;
    expect(isLive(initial(), lifeMs, 0)).toBe(false);
    expect(isLive({ ...initial(), uses: 1 }, lifeMs, 0)).toBe(true);
    expect(isLive({ ...initial(), uses: 1 }, lifeMs, lifeMs)).toBe(false);
  });

  test("of one request is told from that of another by all of the fingerprint", () => {
    expect(() => requireSameRequest({ fingerprint: "f" }, "f")).not.toThrow();
    expect(() => requireSameRequest({ fingerprint: "f" }, "F")).toThrow(/another request/);
  });
});
