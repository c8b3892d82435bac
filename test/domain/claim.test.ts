import { describe, expect, test } from "vitest";
import { claim, claimId } from "../../commands/claim/claim.ts";
import { given } from "./given.ts";

const claimed = { type: "Claimed", data: { holder: "a" }, at: 7 } as const;
const released = { type: "ClaimReleased", data: { holder: "a" } } as const;

describe("a claim", () => {
  test("that nobody holds is made", () => {
    given(claim, [])
      .when("Claim", { holder: "a" })
      .then([{ type: "Claimed", data: { holder: "a" } }]);
  });

  test("that was released can be made by another", () => {
    given(claim, [claimed, released])
      .when("Claim", { holder: "b" })
      .then([{ type: "Claimed", data: { holder: "b" } }]);
  });

  test("made again by its holder changes nothing", () => {
    given(claim, [claimed]).when("Claim", { holder: "a" }).then([]);
  });

  test("of another is refused, with who holds it since when", () => {
    given(claim, [claimed])
      .when("Claim", { holder: "b" })
      .refused("already_exists", { holder: "a", since: 7 });
  });

  test("is taken over from the holder that was named", () => {
    given(claim, [claimed])
      .when("TakeOver", { from: "a", holder: "b" })
      .then([{ type: "Claimed", data: { holder: "b" } }]);
  });

  test("that was taken over is not taken over again", () => {
    given(claim, [claimed, { type: "Claimed", data: { holder: "b" } }])
      .when("TakeOver", { from: "a", holder: "b" })
      .then([]);
  });

  test("is not taken over from anyone else", () => {
    given(claim, [claimed])
      .when("TakeOver", { from: "b", holder: "c" })
      .refused("already_exists", { holder: "a", since: 7 });
    given(claim, [claimed, released])
      .when("TakeOver", { from: "a", holder: "b" })
      .refused("illegal_transition");
  });

  test("is renewed by a holder that takes over from itself", () => {
    const renewed = { type: "Claimed", data: { holder: "a" } } as const;
    given(claim, [claimed]).when("TakeOver", { from: "a", holder: "a" }).then([renewed]);
    expect(given(claim, [claimed, { ...renewed, at: 9 }]).state()).toEqual({
      held: true,
      holder: "a",
      since: 9,
    });
  });

  test("is released by its holder only, and once", () => {
    given(claim, [claimed]).when("Release", { holder: "a" }).then([released]);
    given(claim, [claimed]).when("Release", { holder: "b" }).then([]);
    given(claim, [claimed, released]).when("Release", { holder: "a" }).then([]);
  });

  test("has a stream of its own per kind and value", () => {
    expect(claimId("sku", "A-1/é 🧦")).toBe("sku-A-1/é 🧦");
    expect(claimId("orderNumber", "CW-20260101-ABCDE")).toBe("orderNumber-CW-20260101-ABCDE");
  });
});
