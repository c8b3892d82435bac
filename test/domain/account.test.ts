import { describe, expect, test } from "vitest";
import { account, sessionIdleMs, sessionsMax } from "../../commands/account/account.ts";
import { given } from "./given.ts";

const set = { type: "PasswordSet", data: { hash: "s1.hash" } } as const;
const started = (sessionId: string, more: object = {}, at = 0) =>
  ({ type: "SessionStarted", data: { sessionId, ...more }, at }) as const;
const totp = {
  type: "TotpEnabled" as const,
  data: { secret: "s1.secret", recoveryCodes: ["one", "two"], totpStep: 100 },
};
const day = 86_400_000;

describe("a password", () => {
  test("is set in place of the one that was meant, and ends all sessions but one", () => {
    given(account, [set, started("a"), started("b")])
      .when("SetPassword", { hash: "s1.new", expected: 1, keep: "b" })
      .then([
        { type: "PasswordSet", data: { hash: "s1.new" } },
        { type: "AllSessionsEnded", data: { reason: "password", except: "b" } },
      ]);
    given(account, [set, started("b")])
      .when("SetPassword", { hash: "s1.new", expected: 1, keep: "b" })
      .then([{ type: "PasswordSet", data: { hash: "s1.new" } }]);
  });

  test("is set by a link with a second factor where one is on, which is used up then", () => {
    const reset = { hash: "s1.new", expected: 1 };
    given(account, [set, totp])
      .when("SetPassword", { ...reset, factor: {} })
      .refused("totp_required");
    given(account, [set, totp])
      .when("SetPassword", { ...reset, factor: { recoveryCode: "three" } })
      .refused("invalid_credentials");
    given(account, [set, totp])
      .when("SetPassword", { ...reset, factor: { totpStep: 101 } })
      .then([{ type: "PasswordSet", data: { hash: "s1.new", totpStep: 101 } }]);
    const done = { type: "PasswordSet", data: { hash: "s1.new", totpStep: 101 } } as const;
    given(account, [set, totp, done])
      .when("StartSession", { sessionId: "a", credential: 2, totpStep: 101 })
      .refused("invalid_credentials");
  });

  test("that was replaced is not replaced again", () => {
    given(account, [set, set]).when("SetPassword", { hash: "s1.new", expected: 1 }).refused("token_invalid");
  });

  test("that was checked begins a session, unless it was replaced meanwhile", () => {
    given(account, [set])
      .when("StartSession", { sessionId: "a", credential: 1 })
      .then([{ type: "SessionStarted", data: { sessionId: "a" } }]);
    given(account, [set, set])
      .when("StartSession", { sessionId: "a", credential: 1 })
      .refused("invalid_credentials");
  });
});

describe("a second factor", () => {
  test("is needed where it is on, and noted only there", () => {
    given(account, [set, totp])
      .when("StartSession", { sessionId: "a", credential: 1 })
      .refused("totp_required");
    given(account, [set])
      .when("StartSession", { sessionId: "a", credential: 1, totpStep: 7 })
      .then([{ type: "SessionStarted", data: { sessionId: "a" } }]);
  });

  test("is a code of a later step than any before", () => {
    const past = [set, totp, started("a", { totpStep: 102 })];
    for (const totpStep of [100, 101, 102])
      given(account, past)
        .when("StartSession", { sessionId: "b", credential: 1, totpStep })
        .refused("invalid_credentials");
    given(account, past)
      .when("StartSession", { sessionId: "b", credential: 1, totpStep: 103 })
      .then([{ type: "SessionStarted", data: { sessionId: "b", totpStep: 103 } }]);
  });

  test("is a recovery code that was not used", () => {
    const past = [set, totp, started("a", { recoveryCode: "one" })];
    for (const recoveryCode of ["one", "three"])
      given(account, past)
        .when("StartSession", { sessionId: "b", credential: 1, recoveryCode })
        .refused("invalid_credentials");
    expect(given(account, past).state().totp?.recoveryCodes).toEqual(["two"]);
  });
});

describe("sessions", () => {
  test("are as many as there may be: the oldest ends", () => {
    const full = Array.from({ length: sessionsMax }, (_, n) => started(`s${n}`));
    given(account, [set, ...full])
      .when("StartSession", { sessionId: "new", credential: 1 })
      .then([
        { type: "SessionEnded", data: { sessionId: "s0", reason: "replaced" } },
        { type: "SessionStarted", data: { sessionId: "new" } },
      ]);
  });

  test("are seen once a day, or where nobody remembers", () => {
    const past = [set, started("a")];
    const see = (now: number, isFirst: boolean) =>
      given(account, past).when("See", { sessionId: "a", n: 3, isFirst }, { now });
    see(day - 1, false).then([]);
    see(day, false).then([{ type: "SessionSeen", data: { sessionId: "a", n: 3 } }]);
    see(1, true).then([{ type: "SessionSeen", data: { sessionId: "a", n: 3 } }]);
  });

  test("that nobody uses are over", () => {
    given(account, [set, started("a")])
      .when("See", { sessionId: "a", n: 3, isFirst: false }, { now: sessionIdleMs + 1 })
      .then([{ type: "SessionEnded", data: { sessionId: "a", reason: "expired" } }]);
    given(account, [set]).when("See", { sessionId: "a", n: 3, isFirst: false }).refused("session_ended");
  });
});
