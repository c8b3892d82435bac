import { expect, test } from "vitest";
import { toProblem } from "../../src/http/problems.ts";
import { guestProblemOf } from "../../src/http/resources/problems.ts";
import { OutcomeUnknown, StoreUnavailable } from "../../src/stores/event-store/event-store.ts";
import { openEventStoreDb } from "../../src/stores/event-store/eventstoredb/store.ts";
import { EventStoreDouble } from "../stores/eventstoredb/double/server.ts";

test("a store that is away is named, to guests too", () => {
  for (const store of ["events", "views"] as const) {
    const problem = toProblem(new StoreUnavailable("10.0.0.7:2113 is away").of(store));
    expect(problem).toMatchObject({ status: 503, extras: { store } });
    const told = guestProblemOf(problem);
    expect(told).toMatchObject({ code: "unavailable", extras: { store } });
    expect(`${problem.message} ${told.message}`).not.toContain("10.0.0.7");
  }
});

test("an append that was sent and never answered is no fault of ours, and no success: 503", () => {
  const problem = toProblem(new OutcomeUnknown("whether cart-1 was written is not known yet"));
  expect(problem).toMatchObject({ code: "unavailable", status: 503, extras: { store: "events" } });
});

test("an EventStoreDB that is away gives its name to what it throws", async () => {
  const double = await EventStoreDouble.start();
  const limits = { connectMs: 1_000, appendMs: 800, readMs: 1_000 };
  const log = await openEventStoreDb({ url: double.url, limits });
  try {
    await double.close();
    await expect(log.head()).rejects.toMatchObject({ name: "StoreUnavailable", store: "events" });
  } finally {
    await log.close();
  }
});
