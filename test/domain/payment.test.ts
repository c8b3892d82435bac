import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { payment } from "../../commands/payment/payment.ts";
import { manualGateway, refundable } from "../../commands/payment/state.ts";
import type { EventOf } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";
import { given, snapshotOf } from "./given.ts";

type PaymentEvent = EventOf<typeof payment.events>;

const initiate = {
  orderId: "o-1",
  amount: 1_000,
  currency: "USD",
  method: "credit_card" as const,
  gateway: "bank",
};
const initiated: PaymentEvent = { type: "PaymentInitiated", data: initiate };
const manual: PaymentEvent = {
  type: "PaymentInitiated",
  data: { ...initiate, method: "cod", gateway: manualGateway },
};
const authorized: PaymentEvent = { type: "PaymentAuthorized", data: { amount: 1_000, reference: "auth" } };
const captured: PaymentEvent = { type: "PaymentCaptured", data: { amount: 1_000, orderId: "o-1" } };
const voided: PaymentEvent = { type: "PaymentVoided", data: { reason: "r" } };
const failed: PaymentEvent = { type: "PaymentFailed", data: { reason: "r" } };
const action: PaymentEvent = { type: "PaymentActionRequired", data: { actionUrl: "https://x.invalid" } };
const orphaned = (reference: string): PaymentEvent => ({
  type: "PaymentOrphaned",
  data: { reason: "authorized after it was voided", reference },
});
const asked = (refundId: string, amount?: number) => ({
  refundId,
  reason: "r",
  cause: "goodwill" as const,
  ...(amount !== undefined && { amount }),
});
const requested = (refundId: string, amount: number): PaymentEvent => ({
  type: "RefundRequested",
  data: { refundId, orderId: "o-1", amount, reason: "r", cause: "goodwill" },
});
const succeeded = (refundId: string, amount: number): PaymentEvent => ({
  type: "RefundSucceeded",
  data: { refundId, amount, reference: "re" },
});
const refused = (refundId: string, amount: number): PaymentEvent => ({
  type: "RefundFailed",
  data: { refundId, orderId: "o-1", amount, reason: "r" },
});

const paid = [initiated, authorized, captured];

describe("authorizing", () => {
  test("begins once, with the intent", () => {
    given(payment, []).when("Initiate", initiate).then([initiated]);
    given(payment, [initiated])
      .when("Initiate", { ...initiate, amount: 5 })
      .then([]);
  });

  test("records what the gateway says, once", () => {
    given(payment, [initiated]).when("Authorize", { reference: "auth" }).then([authorized]);
    given(payment, [initiated, action]).when("Authorize", { reference: "auth" }).then([authorized]);
    for (const past of [[initiated, authorized], paid])
      given(payment, past).when("Authorize", { reference: "auth" }).then([]);
  });

  test("asks for an action only before there is an answer", () => {
    const ask = { actionUrl: "https://x.invalid" };
    given(payment, [initiated]).when("RequireAction", ask).then([action]);
    for (const past of [
      [initiated, action],
      [initiated, authorized],
      [initiated, failed],
      [initiated, voided],
    ])
      given(payment, past).when("RequireAction", ask).then([]);
  });

  test("that failed can succeed after all, while nobody has given up", () => {
    given(payment, [initiated, failed]).when("Authorize", { reference: "auth" }).then([authorized]);
  });

  test("that succeeds after a void is orphaned, once per authorization", () => {
    given(payment, [initiated, voided])
      .when("Authorize", { reference: "late" })
      .then([orphaned("late")]);
    given(payment, [initiated, failed, voided])
      .when("Authorize", { reference: "late" })
      .then([orphaned("late")]);
    given(payment, [initiated, voided, orphaned("late")])
      .when("Authorize", { reference: "late" })
      .then([]);
    given(payment, [initiated, voided, orphaned("late")])
      .when("Authorize", { reference: "later" })
      .refused("unavailable");
    given(payment, [initiated, voided, orphaned("late"), voided])
      .when("Authorize", { reference: "later" })
      .then([orphaned("later")]);
    given(payment, [initiated, authorized, voided]).when("Authorize", { reference: "auth" }).then([]);
    given(payment, [initiated, voided, orphaned("late"), voided])
      .when("Authorize", { reference: "late" })
      .then([]);
  });

  test("a late failure takes nothing away", () => {
    given(payment, [initiated]).when("Fail", { reason: "r" }).then([failed]);
    given(payment, [initiated, action]).when("Fail", { reason: "r" }).then([failed]);
    for (const past of [[initiated, failed], [initiated, authorized], paid, [initiated, voided]])
      given(payment, past).when("Fail", { reason: "r" }).then([]);
  });
});

describe("capturing", () => {
  const requested: PaymentEvent = { type: "CaptureRequested", data: { movementId: "capture" } };
  const refused: PaymentEvent = { type: "CaptureFailed", data: { reason: "r" } };

  test("is intended first, once, and takes what was authorized, once", () => {
    given(payment, [initiated, authorized]).when("RequestCapture", {}).then([requested]);
    given(payment, [initiated, authorized, requested]).when("RequestCapture", {}).then([]);
    given(payment, [initiated, authorized, requested]).when("Capture", {}).then([captured]);
    given(payment, paid).when("Capture", {}).then([]);
    given(payment, paid).when("RequestCapture", {}).then([]);
  });

  test("of a part that is told late is not taken for the one that is open", () => {
    const part = (movementId: string): PaymentEvent[] => [
      { type: "CaptureRequested", data: { movementId, amount: 300 } },
      { type: "PaymentCaptured", data: { amount: 300, orderId: "o-1", captureId: movementId } },
    ];
    const [second] = part("m-2");
    const past = [initiated, authorized, ...part("m-1"), ...(second ? [second] : [])];
    given(payment, past).when("Capture", { movementId: "m-1" }).then([]);
    given(payment, past).when("Capture", { movementId: "m-2" }).then(part("m-2").slice(1));
    given(payment, past).when("RequestCapture", { movementId: "m-3", amount: 401 }).then([]);
    given(payment, past.slice(0, -1))
      .when("RequestCapture", { movementId: "m-3", amount: 701 })
      .refused("illegal_transition");
  });

  test("books what nobody authorizes, without an intent", () => {
    given(payment, [manual])
      .when("Book", { captureId: "c-1", amount: 1_000 })
      .then([{ ...captured, data: { amount: 1_000, orderId: "o-1", captureId: "c-1" } }]);
  });

  test.each([
    ["not authorized", [initiated]],
    ["waiting for an action", [initiated, action]],
    ["failed", [initiated, failed]],
    ["voided", [initiated, authorized, voided]],
  ])("what is %s is refused", (_, past) => {
    given(payment, past).when("RequestCapture", {}).refused("illegal_transition");
    given(payment, past).when("Capture", {}).refused("illegal_transition");
  });

  test("what is being given back is refused", () => {
    const going: PaymentEvent = { type: "VoidRequested", data: { reason: "r" } };
    given(payment, [initiated, authorized, going]).when("RequestCapture", {}).refused("illegal_transition");
  });

  test("that the gateway refuses leaves the authorization; the next try has another name", () => {
    const fail = { movementId: "capture", reason: "r" };
    given(payment, [initiated, authorized, requested]).when("FailCapture", fail).then([refused]);
    given(payment, [initiated, authorized]).when("FailCapture", fail).then([]);
    given(payment, paid).when("FailCapture", fail).then([]);
    given(payment, [initiated, authorized, requested, refused])
      .when("RequestCapture", {})
      .then([{ type: "CaptureRequested", data: { movementId: "capture/2" } }]);
  });
});

describe("giving back", () => {
  const going: PaymentEvent = { type: "VoidRequested", data: { reason: "r" } };

  test("is intended before the gateway is asked, once", () => {
    for (const past of [[initiated], [initiated, authorized]]) {
      given(payment, past).when("GiveBack", { reason: "r" }).then([going]);
      given(payment, [...past, going])
        .when("GiveBack", { reason: "r" })
        .then([]);
    }
  });

  test("of what was captured is a refund of all that is left", () => {
    const state = given(payment, paid).state();
    if (state.phase === "absent") throw new Error("it was initiated");
    const { orderId } = state;
    const refund: PaymentEvent = {
      type: "RefundRequested",
      data: {
        refundId: "cancellation-o-1",
        orderId,
        amount: refundable(state),
        reason: "r",
        cause: "cancellation",
      },
    };
    given(payment, paid).when("GiveBack", { reason: "r" }).then([refund]);
    given(payment, [...paid, refund])
      .when("GiveBack", { reason: "r" })
      .then([]);
    given(payment, [initiated, authorized, going, captured]).when("GiveBack", { reason: "r" }).then([refund]);
  });

  test("of what never was anything ends it, should it come about later", () => {
    for (const past of [[manual], [initiated, action], [initiated, failed]])
      given(payment, past)
        .when("GiveBack", { reason: "r" })
        .then([{ type: "PaymentVoided", data: { reason: "r" } }]);
    given(payment, [initiated, voided]).when("GiveBack", { reason: "r" }).then([]);
  });
});

describe("voiding", () => {
  const nothing = { reason: "r", reference: undefined };
  const authorization = { reason: "r", reference: "auth" };

  test("ends what was not captured, once", () => {
    for (const past of [[initiated], [initiated, action], [initiated, failed], [manual]]) {
      given(payment, past).when("Void", nothing).then([voided]);
      given(payment, [...past, voided])
        .when("Void", nothing)
        .then([]);
    }
    given(payment, [initiated, authorized]).when("Void", authorization).then([voided]);
    given(payment, paid).when("Void", authorization).refused("illegal_transition");
  });

  test("ends on paper only what was given back at the gateway", () => {
    for (const past of [
      [initiated, authorized],
      [initiated, action, authorized],
      [initiated, failed, authorized],
    ]) {
      given(payment, past).when("Void", nothing).refused("too_much_contention");
      given(payment, past)
        .when("Void", { ...nothing, reference: "another" })
        .refused("too_much_contention");
    }
  });

  test("gives back an orphan", () => {
    given(payment, [initiated, voided, orphaned("late")])
      .when("Void", { reason: "r", reference: "late" })
      .then([voided]);
    expect(given(payment, [initiated, voided, orphaned("late"), voided]).state()).toMatchObject({
      orphaned: false,
    });
  });

  test("refunds an orphan that the gateway has captured", () => {
    const reason = "captured after it was over";
    const data = { refundId: "cancellation-o-1", orderId: "o-1", amount: 1_000, reason };
    given(payment, [initiated, voided, orphaned("late")])
      .when("Capture", {})
      .then([captured, { type: "RefundRequested", data: { ...data, cause: "cancellation" } }]);
    given(payment, [initiated, voided]).when("Capture", {}).refused("illegal_transition");
  });
});

describe("refunding", () => {
  test("gives back a part, or all that is left, each refund once", () => {
    given(payment, paid)
      .when("RequestRefund", asked("r-1", 300))
      .then([requested("r-1", 300)]);
    given(payment, [...paid, requested("r-1", 300)])
      .when("RequestRefund", asked("r-1", 300))
      .then([]);
    given(payment, [...paid, requested("r-1", 300)])
      .when("RequestRefund", asked("r-2"))
      .then([requested("r-2", 700)]);
  });

  test("counts what is on its way: never more than was captured", () => {
    const half = given(payment, [...paid, requested("r-1", 600)]);
    half.when("RequestRefund", asked("r-2", 401)).refused("illegal_transition");
    half.when("RequestRefund", asked("r-2", 400)).then([requested("r-2", 400)]);
    const done = given(payment, [...paid, requested("r-1", 1_000), succeeded("r-1", 1_000)]);
    done.when("RequestRefund", asked("r-2", 1)).refused("illegal_transition");
    done.when("RequestRefund", asked("r-2")).refused("illegal_transition");
    given(payment, [initiated, authorized])
      .when("RequestRefund", asked("r-1", 1))
      .refused("illegal_transition");
  });

  test("ends each refund once; one that failed frees its money again", () => {
    const open = [...paid, requested("r-1", 600)];
    const succeed = { refundId: "r-1", reference: "re" };
    given(payment, open)
      .when("SucceedRefund", succeed)
      .then([succeeded("r-1", 600)]);
    given(payment, [...open, succeeded("r-1", 600)])
      .when("SucceedRefund", succeed)
      .then([]);
    given(payment, open)
      .when("FailRefund", { refundId: "r-1", reason: "r" })
      .then([refused("r-1", 600)]);
    given(payment, [...open, refused("r-1", 600)])
      .when("FailRefund", { refundId: "r-1", reason: "r" })
      .then([]);
    given(payment, [...open, succeeded("r-1", 600)])
      .when("FailRefund", { refundId: "r-1", reason: "r" })
      .then([]);
    given(payment, [...open, refused("r-1", 600)])
      .when("RequestRefund", asked("r-2"))
      .then([requested("r-2", 1_000)]);
  });

  test("nobody asked for cannot end", () => {
    given(payment, paid).when("SucceedRefund", { refundId: "r-9", reference: "re" }).refused("not_found");
    given(payment, paid).when("FailRefund", { refundId: "r-9", reason: "r" }).refused("not_found");
  });
});

describe("a payment that does not exist", () => {
  test.each([
    "Authorize",
    "Fail",
    "Capture",
    "FailCapture",
    "Void",
    "RequireAction",
    "RequestRefund",
  ] as const)("takes no %s", (name) => {
    const command = { reference: "x", actionUrl: "u", ...asked("r-1") };
    given(payment, [])
      .when(name, command as never)
      .refused("not_found");
  });
});

describe("whatever is asked of a payment", () => {
  const name = fc.constantFrom(
    ...["Authorize", "Authorize", "Fail", "Capture", "Capture", "FailCapture", "Void", "RequireAction"],
    ...["RequestRefund", "RequestRefund", "RequestRefund", "SucceedRefund", "FailRefund", "RequestCapture"],
    ...[
      "RequestRelease",
      "Release",
      "ApproveRefund",
      "RejectRefund",
      "Dispute",
      "EndDispute",
      "ReleaseStray",
    ],
  );
  /** What a gateway says once more may be about another capture. */
  const repeatable = new Set(["FailCapture", "Capture"]);
  const step = fc.record({
    name,
    reference: fc.constantFrom("auth-1", "auth-2"),
    refundId: fc.constantFrom("r-1", "r-2", "r-3"),
    amount: fc.integer({ min: 1, max: 1_200 }),
    movementId: fc.constantFrom("m-1", "m-2", "m-3"),
    once: fc.constantFrom(true, undefined),
    held: fc.constantFrom(true, undefined),
    disputeId: fc.constantFrom("d-1", "d-2"),
    won: fc.boolean(),
    singleCapture: fc.constantFrom(true, undefined),
  });

  test("it never gives back more than was captured, and doing a thing twice is doing it once", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 40 }), (byHand, steps) => {
        let state = payment.initial();
        let [taken, back] = [0, 0];
        const failedOnce = new Set<string>();
        const apply = ({ type, data }: PaymentEvent) => {
          const evolve = payment.evolve[type] as (
            s: typeof state,
            d: never,
            c: { time: number },
          ) => typeof state;
          state = evolve(state, payment.events[type].schema.parse(data) as never, { time: 0 });
          if (type === "PaymentCaptured") taken += data.amount;
          if (type === "RefundSucceeded") back += data.amount;
          if (type === "RefundFailed") failedOnce.add(data.refundId);
        };
        apply(byHand ? manual : initiated);
        for (const { name, ...rest } of steps) {
          // A refund that a gateway first refuses and then makes all the same is its word against the books.
          if (name === "SucceedRefund" && failedOnce.has(rest.refundId)) continue;
          const command = { ...rest, reason: "r", cause: "goodwill", actionUrl: "u" };
          const decide = payment.decide[name as keyof typeof payment.decide] as (
            s: typeof state,
            c: unknown,
          ) => PaymentEvent[];
          const before = snapshotOf(state);
          try {
            const events = decide(state, command);
            expect(snapshotOf(state)).toEqual(before);
            for (const event of events) apply(event);
            if (!repeatable.has(name)) expect(decide(state, command)).toEqual([]);
          } catch (error) {
            if (!(error instanceof Problem)) throw error;
            expect(snapshotOf(state)).toEqual(before);
          }
          if (state.phase === "absent") throw new Error("a payment never goes away");
          expect(taken).toBeLessThanOrEqual(1_000);
          expect(state.captured).toBe(taken);
          expect(state.refunded).toBe(back);
          expect(refundable(state)).toBeGreaterThanOrEqual(0);
          expect(state.refundPending).toBeGreaterThanOrEqual(0);
          if (taken === 1_000) expect(state.phase).toBe("captured");
          if (taken > 0) expect(["authorized", "captured"]).toContain(state.phase);
        }
      }),
      { numRuns: 300 },
    );
  });
});
