import { describe, test } from "vitest";
import { subscription } from "../../commands/subscription/subscription.ts";
import { given } from "./given.ts";

const fields = { url: "https://hooks.example/shop", topics: ["order.paid", "stock.low"] };
const created = { type: "SubscriptionCreated", data: fields, at: 1_000 } as const;
const disabled = { type: "SubscriptionDisabled", data: {} } as const;
const place = (revision: number) => ({ stream: "order-1", revision });
const reached = (run: number, revision: number) =>
  ({ type: "DeliveriesReached", data: { run, at: place(revision) } }) as const;
const failing = {
  type: "DeliveriesFailing",
  data: { since: "2026-01-15T12:00:00.000Z", reason: "answered 500" },
} as const;
const replayed = (data: object = {}) => ({ type: "ReplayRequested", data }) as const;

describe("a webhook endpoint", () => {
  test("is created once, with each topic once", () => {
    const twice = { ...fields, topics: ["order.paid", "stock.low", "order.paid"] };
    given(subscription, [])
      .when("Create", twice)
      .then([{ type: "SubscriptionCreated", data: fields }]);
    given(subscription, [created]).when("Create", fields).then([]);
    given(subscription, [created, { type: "SubscriptionDeleted", data: {} }])
      .when("Create", fields)
      .then([]);
  });

  test("says of a change only what has changed", () => {
    given(subscription, [created])
      .when("Change", { url: "https://other.example/", topics: fields.topics, description: "Books" })
      .then([{ type: "SubscriptionChanged", data: { url: "https://other.example/", description: "Books" } }]);
    given(subscription, [created])
      .when("Change", { ...fields, description: null, enabled: true })
      .then([]);
  });

  test("has its description taken away", () => {
    const described = { type: "SubscriptionChanged", data: { description: "Books" } } as const;
    given(subscription, [created, described])
      .when("Change", { description: null })
      .then([{ type: "SubscriptionChanged", data: { description: null } }]);
  });

  test("is turned off and on, once each", () => {
    given(subscription, [created]).when("Change", { enabled: false }).then([disabled]);
    given(subscription, [created, disabled]).when("Change", { enabled: false }).then([]);
    given(subscription, [created, disabled])
      .when("Change", { enabled: true })
      .then([{ type: "SubscriptionEnabled", data: {} }]);
  });

  test("that is not there, or not any more, is not found by staff and left alone by deliveries", () => {
    const gone = [created, { type: "SubscriptionDeleted", data: {} }] as const;
    for (const past of [[], gone]) {
      given(subscription, past).when("Change", { enabled: false }).refused("not_found");
      given(subscription, past).when("RotateSecret", {}).refused("not_found");
      given(subscription, past).when("Replay", {}).refused("not_found");
      given(subscription, past).when("Reach", reached(0, 1).data).then([]);
      given(subscription, past).when("Fail", failing.data).then([]);
      given(subscription, past).when("GiveUp", { reason: "answered 500" }).then([]);
    }
    given(subscription, []).when("Delete", {}).refused("not_found");
    given(subscription, gone).when("Delete", {}).then([]);
  });
});

describe("a replay", () => {
  const again = { notBefore: "2026-01-16T12:00:00.000Z" };

  test("takes the place of one that is under way only where that is meant", () => {
    given(subscription, [created, replayed()]).when("Replay", again).refused("illegal_transition");
    given(subscription, [created, replayed()])
      .when("Replay", { ...again, replace: true })
      .then([{ type: "ReplayRequested", data: again }]);
  });

  test("is of topics that the endpoint subscribes to", () => {
    given(subscription, [created])
      .when("Replay", { ...again, topics: ["refund.failed"] })
      .refused("validation_failed");
  });
});

describe("how far deliveries are", () => {
  test("is kept, and the same place once", () => {
    given(subscription, [created])
      .when("Reach", reached(0, 3).data)
      .then([reached(0, 3)]);
    given(subscription, [created, reached(0, 3)])
      .when("Reach", reached(0, 3).data)
      .then([]);
  });

  test("is not what was reached before a replay was asked for", () => {
    given(subscription, [created, replayed()]).when("Reach", reached(0, 9).data).then([]);
    given(subscription, [created, replayed()])
      .when("Reach", reached(1, 2).data)
      .then([reached(1, 2)]);
  });

  test("ends a failure, which is shown once", () => {
    given(subscription, [created]).when("Fail", failing.data).then([failing]);
    given(subscription, [created, failing]).when("Fail", failing.data).then([]);
    given(subscription, [created, reached(0, 3), failing])
      .when("Reach", reached(0, 3).data)
      .then([reached(0, 3)]);
    given(subscription, [created, failing, reached(0, 3)])
      .when("Fail", failing.data)
      .then([failing]);
  });

  test("is given up once, and not of one that is off", () => {
    const gaveUp = { type: "SubscriptionDisabled", data: { reason: "answered 500" } } as const;
    given(subscription, [created, failing]).when("GiveUp", { reason: "answered 500" }).then([gaveUp]);
    given(subscription, [created, gaveUp]).when("GiveUp", { reason: "answered 500" }).then([]);
    given(subscription, [created, disabled]).when("Fail", failing.data).then([]);
  });
});

describe("a replay", () => {
  const endpointAfter = (...events: Parameters<typeof given>[1]) => {
    const state = given(subscription, [created, ...(events as never[])]).state();
    if (state.phase !== "there") throw new Error("it is not there");
    return state.endpoint;
  };

  test("begins at its first event and ends where deliveries had come", ({ expect }) => {
    const endpoint = endpointAfter(reached(0, 7), replayed({ from: place(2), topics: ["order.paid"] }));
    expect(endpoint).toMatchObject({
      run: 1,
      replay: { from: place(2), topics: ["order.paid"], until: place(7) },
    });
    expect(endpoint).not.toHaveProperty("reached");
  });

  test("that takes another one's place ends no sooner", ({ expect }) => {
    const past = [reached(0, 7), replayed({ from: place(2) }), reached(1, 3), replayed({ from: place(1) })];
    expect(endpointAfter(...past).replay).toEqual({ from: place(1), until: place(7) });
  });

  test("goes on where it is until it is over", ({ expect }) => {
    const under = endpointAfter(reached(0, 7), replayed({ from: place(2) }), reached(1, 3));
    expect(under).toMatchObject({ reached: place(3), replay: { until: place(7) } });
    const over = { type: "DeliveriesReached", data: { run: 1, at: place(7), over: true } } as const;
    expect(endpointAfter(reached(0, 7), replayed({ from: place(2) }), over)).not.toHaveProperty("replay");
  });
});
