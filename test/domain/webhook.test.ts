import { describe, expect, test } from "vitest";
import { webhook, webhookId } from "../../commands/webhook/webhook.ts";
import type { EventOf } from "../../src/engine/decider.ts";
import { given } from "./given.ts";

type WebhookEvent = EventOf<typeof webhook.events> & { at?: number };

const told = {
  gateway: "bank",
  paymentId: "p-1",
  outcome: { status: "authorized" as const, reference: "auth" },
};
const declined = { ...told, outcome: { status: "failed" as const, reason: "no funds" } };
const received: WebhookEvent = { type: "WebhookReceived", data: told };
const handled = (how: "done" | "given_up"): WebhookEvent => ({ type: "WebhookHandled", data: { how } });

describe("an event of a gateway", () => {
  test.each([
    ["an authorization", told],
    ["a failure", declined],
  ])("is kept as it was told: %s", (_, data) => {
    given(webhook, [])
      .when("Receive", data)
      .then([{ type: "WebhookReceived", data }]);
  });

  test("that comes again is kept once, before it is handled and after", () => {
    given(webhook, [received]).when("Receive", told).then([]);
    for (const how of ["done", "given_up"] as const)
      given(webhook, [received, handled(how)])
        .when("Receive", told)
        .then([]);
  });

  test("that comes again with another outcome stays what it was first", () => {
    given(webhook, [received]).when("Receive", declined).then([]);
    expect(given(webhook, [received]).state()).toMatchObject({ outcome: told.outcome });
  });

  test("that comes again about another payment is refused", () => {
    const other = { ...told, paymentId: "p-2" };
    given(webhook, [received]).when("Receive", other).refused("already_exists");
    given(webhook, [received, handled("done")])
      .when("Receive", other)
      .refused("already_exists");
  });

  test("is finished once, the first way", () => {
    given(webhook, [received])
      .when("Finish", { how: "done" })
      .then([handled("done")]);
    given(webhook, [received])
      .when("Finish", { how: "given_up" })
      .then([handled("given_up")]);
    given(webhook, [received, handled("given_up")])
      .when("Finish", { how: "done" })
      .then([]);
  });

  test("that never came has nothing to finish", () => {
    given(webhook, []).when("Finish", { how: "done" }).then([]);
  });

  test("knows when it came, and what it said when it is done", () => {
    const at = given(webhook, [{ ...received, at: 7 }]);
    expect(at.state()).toEqual({ phase: "received", ...told, receivedAt: 7 });
    const after = given(webhook, [
      { ...received, at: 7 },
      { ...handled("done"), at: 9 },
    ]);
    expect(after.state()).toEqual({ phase: "handled", ...told, receivedAt: 7 });
  });

  test("has a stream of its own for each gateway and id", () => {
    expect(webhookId("bank", "evt-1")).toBe("bank-evt-1");
    expect(webhookId("bank", "evt-1")).not.toBe(webhookId("sandbox", "evt-1"));
  });
});
