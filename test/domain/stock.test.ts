import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stockQuantityMax } from "../../commands/stock/events.ts";
import {
  availableOf,
  missingOf,
  overclaimedOf,
  type Stock,
  uncountedOf,
} from "../../commands/stock/state.ts";
import { stock } from "../../commands/stock/stock.ts";
import type { EventOf } from "../../src/engine/decider.ts";
import { isoTime } from "../../src/values/clock.ts";
import { Problem } from "../../src/values/problem.ts";
import { given, snapshotOf } from "./given.ts";

type StockEvent = EventOf<typeof stock.events>;

const received = (quantity: number): StockEvent => ({ type: "StockReceived", data: { quantity } });
const reserved = (reservationId: string, quantity: number, expiresAt = 1_000): StockEvent => ({
  type: "StockReserved",
  data: { reservationId, quantity, expiresAt: isoTime(expiresAt) },
});
const committed = (reservationId: string, quantity: number): StockEvent => ({
  type: "ReservationCommitted",
  data: { reservationId, quantity },
});
const released = (reservationId: string, quantity: number, committed = false, reason = "r"): StockEvent => ({
  type: "ReservationReleased",
  data: { reservationId, quantity, committed, reason },
});
const expired = (reservationId: string, quantity: number): StockEvent => ({
  type: "ReservationExpired",
  data: { reservationId, quantity },
});
const shipped = (reservationId: string, shipmentId: string, quantity: number): StockEvent => ({
  type: "StockShipped",
  data: { reservationId, shipmentId, quantity },
});
const queued = (reservationId: string, quantity: number): StockEvent => ({
  type: "BackorderQueued",
  data: { reservationId, quantity },
});
const filled = (reservationId: string, quantity: number): StockEvent => ({
  type: "BackorderFilled",
  data: { reservationId, quantity },
});
const policy = (changes: {
  track?: boolean;
  backorders?: boolean;
  lowStockThreshold?: number;
}): StockEvent => ({
  type: "StockPolicySet",
  data: { track: true, backorders: false, lowStockThreshold: 0, ...changes },
});
const low = (available: number, threshold: number): StockEvent => ({
  type: "LowStockReached",
  data: { available, threshold },
});

const reserve = (reservationId: string, quantity: number) => ({
  sku: "A",
  reservationId,
  quantity,
  holdMs: 1_000,
});
const commit = (reservationId: string, quantity: number) => ({ sku: "A", reservationId, quantity });

describe("receiving and adjusting", () => {
  test("adds pieces, with the reference that was given", () => {
    given(stock, [])
      .when("Receive", { quantity: 5, reference: "PO-1" })
      .then([{ type: "StockReceived", data: { quantity: 5, reference: "PO-1" } }]);
  });

  test("beyond what any shop has is a mistake", () => {
    const full = given(stock, [received(stockQuantityMax)]);
    full.when("Receive", { quantity: 1 }).refused("validation_failed");
    full.when("Adjust", { sku: "A", delta: 1, reason: "count" }).refused("validation_failed");
  });

  test("adjusts up and down, but not below 0", () => {
    const shelf = given(stock, [received(5), reserved("r-1", 3)]);
    shelf
      .when("Adjust", { sku: "A", delta: -2, reason: "lost" })
      .then([{ type: "StockAdjusted", data: { delta: -2, reason: "lost" } }, low(0, 0)]);
    shelf
      .when("Adjust", { sku: "A", delta: -6, reason: "lost" })
      .refused("out_of_stock", { available: 5, requested: 6 });
    shelf.when("Adjust", { sku: "A", delta: 0, reason: "count" }).then([]);
  });
});

const counted = (pieces: number, delta: number, reason?: string): StockEvent => ({
  type: "StockCounted",
  data: { counted: pieces, delta, ...(reason !== undefined && { reason }) },
});
const short = (...claims: [reservationId: string, quantity: number][]): StockEvent => ({
  type: "StockShort",
  data: { claims: claims.map(([reservationId, quantity]) => ({ reservationId, quantity })) },
});
type Condition = "sellable" | "damaged" | "quarantine";
const regraded = (from: Condition, to: Condition, quantity: number, reason = "wet"): StockEvent => ({
  type: "StockRegraded",
  data: { from, to, quantity, reason },
});
const writtenOff = (from: Condition, quantity: number): StockEvent => ({
  type: "StockWrittenOff",
  data: { from, quantity, reason: "wet" },
});
const claimed = (...claims: [reservationId: string, quantity: number][]) =>
  claims.flatMap(([id, quantity]) => [reserved(id, quantity), committed(id, quantity)]);
const atRisk = (...claims: [reservationId: string, quantity: number][]) =>
  claims.map(([reservationId, quantity]) => ({ reservationId, quantity }));

describe("counting", () => {
  const promised = [received(10), ...claimed(["o1", 4], ["o2", 5])];

  test("is a fact below what is promised: the newest claims wait, and what comes in is theirs (45)", () => {
    const events = [counted(6, -4, "recount"), queued("o2", 3), short(["o2", 3]), low(-3, 0)];
    given(stock, promised).when("Count", { counted: 6, reason: "recount" }).then(events);
    const after = given(stock, [...promised, ...events]);
    expect(after.state()).toMatchObject({ onHand: 6, backordered: 3, atRisk: atRisk(["o2", 3]) });
    expect(availableOf(after.state())).toBe(-3);
    expect([missingOf(after.state(), "o2", 5), missingOf(after.state(), "o1", 4)]).toEqual([3, 0]);
    after
      .when("Ship", { sku: "A", reservationId: "o1", shipmentId: "s-1", quantity: 4 })
      .then([shipped("o1", "s-1", 4)]);
    after.when("Receive", { quantity: 3 }).then([received(3), filled("o2", 3)]);
    const mended = given(stock, [...promised, ...events, received(3), filled("o2", 3)]);
    expect(availableOf(mended.state())).toBe(0);
  });

  test("an adjustment or a move puts as many at risk, newest first", () => {
    const two = [queued("o1", 1), queued("o2", 5), short(["o1", 1], ["o2", 5]), low(-6, 0)];
    given(stock, promised)
      .when("Adjust", { sku: "A", delta: -7, reason: "broken" })
      .then([{ type: "StockAdjusted", data: { delta: -7, reason: "broken" } }, ...two]);
    given(stock, promised)
      .when("Move", { sku: "A", from: "sellable", to: "quarantine", quantity: 7, reason: "wet" })
      .then([regraded("sellable", "quarantine", 7), ...two]);
  });

  test("below what is held ends holds first, those that run out first, and only as many as it takes", () => {
    const held = [received(10), ...claimed(["o1", 4]), reserved("h1", 2, 900), reserved("h2", 3, 800)];
    given(stock, held)
      .when("Count", { counted: 8 })
      .then([counted(8, -2), expired("h2", 3)]);
    given(stock, held)
      .when("Count", { counted: 3 })
      .then([
        counted(3, -7),
        expired("h2", 3),
        expired("h1", 2),
        queued("o1", 1),
        short(["o1", 1]),
        low(-1, 0),
      ]);
  });

  test("what a hold had beyond what is short goes to who waits", () => {
    const waiting = [
      policy({ backorders: true }),
      received(5),
      reserved("h1", 5, 900),
      ...claimed(["o1", 2]).toSpliced(1, 0, queued("o1", 2)),
    ];
    given(stock, waiting)
      .when("Count", { counted: 4 })
      .then([counted(4, -1), expired("h1", 5), filled("o1", 2)]);
  });

  test("more, or what is known, is said too; it puts nobody at risk", () => {
    const past = [...promised, counted(6, -4), queued("o2", 3), short(["o2", 3]), low(-3, 0)];
    given(stock, past)
      .when("Count", { counted: 6 })
      .then([counted(6, 0)]);
    expect(given(stock, [...past, counted(6, 0)]).state()).toMatchObject({ atRisk: [] });
    given(stock, past)
      .when("Count", { counted: 11 })
      .then([counted(11, 5), filled("o2", 3)]);
  });

  test("fewer than are damaged takes of those", () => {
    const bad = [received(6), regraded("sellable", "damaged", 3), regraded("sellable", "quarantine", 2)];
    given(stock, bad)
      .when("Count", { counted: 1 })
      .then([
        regraded("damaged", "sellable", 3, "counted"),
        regraded("quarantine", "sellable", 1, "counted"),
        counted(1, -5),
        low(0, 0),
      ]);
    expect(
      given(stock, [
        ...bad,
        regraded("damaged", "sellable", 3),
        regraded("quarantine", "sellable", 1),
        counted(1, -5),
      ]).state(),
    ).toMatchObject({ onHand: 1, damaged: 0, quarantine: 1 });
  });

  test("receiving, shipping, returning and counting add up (48)", () => {
    const past = [
      received(10),
      ...claimed(["o1", 2]),
      shipped("o1", "s-1", 2),
      { type: "StockReturned", data: { returnId: "b-1", sellable: 1, damaged: 0, quarantine: 0 } },
    ] satisfies StockEvent[];
    expect(given(stock, past).state()).toMatchObject({ onHand: 9 });
    given(stock, past)
      .when("Count", { counted: 8 })
      .then([counted(8, -1)]);
  });
});

describe("moving", () => {
  const move = (from: Condition, to: Condition | "out", quantity: number) => ({
    ...{ sku: "A", reason: "wet" },
    from,
    to,
    quantity,
  });
  const damaged = [received(5), regraded("sellable", "damaged", 3)];

  test("writes damaged pieces off, and no more than there are (47)", () => {
    given(stock, damaged)
      .when("Move", move("damaged", "out", 2))
      .then([writtenOff("damaged", 2)]);
    const after = given(stock, [...damaged, writtenOff("damaged", 2)]);
    expect(after.state()).toMatchObject({ onHand: 3, damaged: 1 });
    given(stock, damaged)
      .when("Move", move("damaged", "out", 4))
      .refused("out_of_stock", { available: 3, requested: 4 });
  });

  test("goes between all conditions, and back to what can be promised", () => {
    given(stock, damaged)
      .when("Move", move("damaged", "sellable", 3))
      .then([regraded("damaged", "sellable", 3)]);
    given(stock, damaged)
      .when("Move", move("sellable", "quarantine", 2))
      .then([regraded("sellable", "quarantine", 2), low(0, 0)]);
    const quarantined = given(stock, [...damaged, regraded("sellable", "quarantine", 2)]);
    expect(quarantined.state()).toMatchObject({ onHand: 5, damaged: 3, quarantine: 2 });
    quarantined.when("Move", move("sellable", "out", 1)).refused("out_of_stock", { available: 0 });
    quarantined.when("Move", move("quarantine", "damaged", 3)).refused("out_of_stock", { available: 2 });
    quarantined.when("Move", move("damaged", "damaged", 1)).refused("validation_failed");
  });
});

describe("a stock that version 0.1 has left out of balance", () => {
  test("is mended by whatever comes next", () => {
    const broken = [received(10), ...claimed(["o1", 4], ["o2", 5])];
    const lost: StockEvent = { type: "StockAdjusted", data: { delta: -5, reason: "lost" } };
    const mends = [queued("o2", 4), short(["o2", 4])];
    given(stock, [...broken, lost])
      .when("Receive", { quantity: 1 })
      .then([received(1), queued("o2", 3), short(["o2", 3])]);
    given(stock, [...broken, lost])
      .when("Expire", { reservationId: "" })
      .then(mends);
    given(stock, [...broken, policy({ backorders: true }), lost])
      .when("Reserve", reserve("r-1", 1))
      .then([reserved("r-1", 1), queued("r-1", 1), ...mends]);
    given(stock, [...broken, lost])
      .when("Ship", { sku: "A", reservationId: "o2", shipmentId: "s-1", quantity: 5 })
      .then([shipped("o2", "s-1", 5), queued("o1", 4), short(["o1", 4])]);
  });

  test("has nothing to give below 0 on hand, until it is counted", () => {
    const below = [
      received(2),
      ...claimed(["o1", 2]),
      { type: "StockAdjusted", data: { delta: -5, reason: "lost" } },
    ] satisfies StockEvent[];
    given(stock, below)
      .when("Expire", { reservationId: "" })
      .then([queued("o1", 2), short(["o1", 2])]);
    given(stock, [...below, queued("o1", 2), short(["o1", 2])])
      .when("Count", { counted: 2 })
      .then([counted(2, 5), filled("o1", 2)]);
  });

  test("has its marks and returns read as what they are now", () => {
    const { StockMarkedDamaged, StockReturned } = stock.events;
    expect(StockMarkedDamaged.upcast[1]?.({ quantity: 2, reason: "wet" })).toEqual({
      ...{ quantity: 2, reason: "wet" },
      ...{ from: "sellable", to: "damaged" },
    });
    expect(StockReturned.upcast[1]?.({ returnId: "b-1", sellable: 1, damaged: 1 })).toEqual({
      ...{ returnId: "b-1", sellable: 1, damaged: 1 },
      quarantine: 0,
    });
    const marked: StockEvent = {
      type: "StockMarkedDamaged",
      data: { from: "sellable", to: "damaged", quantity: 2, reason: "wet" },
    };
    expect(given(stock, [received(5), marked]).state()).toMatchObject({ onHand: 5, damaged: 2 });
  });
});

describe("what is sold while the SKU is not tracked", () => {
  const ship = (shipmentId: string, quantity: number) => ({
    ...{ sku: "A", reservationId: "o1" },
    shipmentId,
    quantity,
  });
  const left = (past: StockEvent[], shipment: ReturnType<typeof ship>) =>
    uncountedOf(given(stock, past).state(), shipment);
  const counting: StockEvent[] = [policy({ track: false }), policy({}), counted(10, 10)];

  test("leaves uncounted, and is not restocked (39)", () => {
    given(stock, [policy({ track: false })])
      .when("SetPolicy", { track: true, counted: 10 })
      .then([policy({}), counted(10, 10)]);
    given(stock, counting).when("Ship", ship("s-1", 2)).then([]);
    expect(left(counting, ship("s-1", 2))).toBe(2);
    const back: StockEvent = {
      type: "StockReturned",
      data: { returnId: "b-1", sellable: 0, damaged: 0, quarantine: 0, notRestocked: 1 },
    };
    given(stock, counting)
      .when("TakeBack", { returnId: "b-1", sellable: 1, damaged: 0, notRestocked: 1 })
      .then([back]);
    const after = given(stock, [...counting, back]);
    expect(after.state()).toMatchObject({ onHand: 10 });
    after.when("TakeBack", { returnId: "b-1", sellable: 1, damaged: 0, notRestocked: 1 }).then([]);
    given(stock, counting)
      .when("TakeBack", { returnId: "b-2", sellable: 1, damaged: 2, notRestocked: 2 })
      .then([
        {
          type: "StockReturned",
          data: { returnId: "b-2", sellable: 0, damaged: 1, quarantine: 0, notRestocked: 2 },
        },
      ]);
  });

  test("leaves beside what its order has claimed, which is counted, also when it is asked again", () => {
    const mixed = [...counting, ...claimed(["o1", 2])];
    given(stock, mixed)
      .when("Ship", ship("s-1", 3))
      .then([shipped("o1", "s-1", 2)]);
    const after = [...mixed, shipped("o1", "s-1", 2)];
    given(stock, after).when("Ship", ship("s-1", 3)).then([]);
    expect(left(after, ship("s-1", 3))).toBe(1);
    expect(left(after, ship("s-2", 1))).toBe(1);
    const tracked = [received(5), ...claimed(["o1", 2]), shipped("o1", "s-1", 2)];
    expect(left(tracked, ship("s-1", 2))).toBe(0);
  });
});

describe("reserving", () => {
  test("holds pieces for a time", () => {
    given(stock, [received(5)])
      .when("Reserve", reserve("r-1", 2), { now: 500 })
      .then([reserved("r-1", 2, 1_500)]);
  });

  test("more than is available is refused, with what there is", () => {
    given(stock, [received(5), reserved("r-1", 4)])
      .when("Reserve", reserve("r-2", 2))
      .refused("out_of_stock", { sku: "A", available: 1, requested: 2 });
    given(stock, []).when("Reserve", reserve("r-1", 1)).refused("out_of_stock", { available: 0 });
  });

  test("again while it is held or committed changes nothing", () => {
    const held = [received(5), reserved("r-1", 2)];
    given(stock, held).when("Reserve", reserve("r-1", 2), { now: 999 }).then([]);
    given(stock, [...held, committed("r-1", 2)])
      .when("Reserve", reserve("r-1", 2), { now: 5_000 })
      .then([]);
  });

  test("the last pieces tells that they are low, once", () => {
    const shelf = [received(5), policy({ lowStockThreshold: 3 })];
    given(stock, shelf)
      .when("Reserve", reserve("r-1", 2))
      .then([reserved("r-1", 2), low(3, 3)]);
    given(stock, [...shelf, reserved("r-1", 2)])
      .when("Reserve", reserve("r-2", 1))
      .then([reserved("r-2", 1)]);
  });

  test("ends what has run out only when its pieces are needed", () => {
    const shelf = given(stock, [received(5), reserved("r-1", 3, 100)]);
    shelf.when("Reserve", reserve("r-2", 2), { now: 200 }).then([reserved("r-2", 2, 1_200), low(0, 0)]);
    shelf
      .when("Reserve", reserve("r-2", 3), { now: 200 })
      .then([expired("r-1", 3), reserved("r-2", 3, 1_200)]);
  });

  test("is live while now is before its end, and not any more at it", () => {
    const shelf = given(stock, [received(1), reserved("r-1", 1, 1_000)]);
    shelf.when("Reserve", reserve("r-2", 1), { now: 999 }).refused("out_of_stock");
    shelf
      .when("Reserve", reserve("r-2", 1), { now: 1_000 })
      .then([expired("r-1", 1), reserved("r-2", 1, 2_000)]);
  });

  test("what is not tracked needs no reservation, ever", () => {
    const untracked = given(stock, [policy({ track: false })]);
    untracked.when("Reserve", reserve("r-1", 99)).then([]);
    untracked.when("Commit", commit("r-1", 99)).then([]);
    untracked.when("Release", { reservationId: "r-1", reason: "r" }).then([
      {
        type: "ReservationReleased",
        data: { reservationId: "r-1", quantity: 0, committed: false, reason: "r" },
      },
    ]);
    untracked.when("Ship", { sku: "A", reservationId: "r-1", shipmentId: "s-1", quantity: 9 }).then([]);
    untracked.when("TakeBack", { returnId: "b-1", sellable: 1, damaged: 0 }).then([]);
  });
});

describe("extending", () => {
  const held = given(stock, [received(5), reserved("r-1", 2, 1_000)]);
  const extend = { reservationId: "r-1", holdMs: 1_000 };

  test("moves the end of what is held, never backwards", () => {
    held
      .when("Extend", extend, { now: 500 })
      .then([{ type: "ReservationExtended", data: { reservationId: "r-1", expiresAt: isoTime(1_500) } }]);
    held.when("Extend", extend, { now: 0 }).then([]);
  });

  test("does nothing for what has run out, is committed or is unknown", () => {
    held.when("Extend", extend, { now: 1_000 }).then([]);
    given(stock, [received(5), reserved("r-1", 2), committed("r-1", 2)])
      .when("Extend", extend, { now: 500 })
      .then([]);
    given(stock, []).when("Extend", extend).then([]);
  });

  test("is looked at when reservations are swept", () => {
    const extended: StockEvent = {
      type: "ReservationExtended",
      data: { reservationId: "r-1", expiresAt: isoTime(2_000) },
    };
    const shelf = given(stock, [received(5), reserved("r-1", 2, 1_000), extended]);
    shelf.when("Expire", { reservationId: "r-1" }, { now: 1_500 }).then([]);
    shelf.when("Expire", { reservationId: "r-1" }, { now: 2_000 }).then([expired("r-1", 2)]);
  });
});

describe("committing", () => {
  test("makes a held reservation final, once", () => {
    const held = [received(5), reserved("r-1", 2)];
    given(stock, held)
      .when("Commit", commit("r-1", 2), { now: 500 })
      .then([committed("r-1", 2)]);
    given(stock, [...held, committed("r-1", 2)])
      .when("Commit", commit("r-1", 2))
      .then([]);
  });

  test("commits what was held, whatever quantity is named", () => {
    given(stock, [received(5), reserved("r-1", 2)])
      .when("Commit", commit("r-1", 4), { now: 500 })
      .then([committed("r-1", 2)]);
  });

  test("one that has run out makes it again in the same append, if the pieces are there", () => {
    given(stock, [received(5), reserved("r-1", 5, 1_000)])
      .when("Commit", commit("r-1", 5), { now: 1_000 })
      .then([expired("r-1", 5), reserved("r-1", 5, 1_000), committed("r-1", 5)]);
    given(stock, [received(5), reserved("r-1", 3, 1_000), expired("r-1", 3), reserved("r-2", 3, 9_000)])
      .when("Commit", commit("r-1", 3), { now: 1_000 })
      .refused("out_of_stock", { available: 2, requested: 3 });
  });

  test("expiry and commit race to one winner", () => {
    const held = [received(1), reserved("r-1", 1, 1_000)];
    given(stock, [...held, committed("r-1", 1)])
      .when("Expire", { reservationId: "r-1" }, { now: 2_000 })
      .then([]);
    given(stock, [...held, expired("r-1", 1), reserved("r-2", 1, 9_000)])
      .when("Commit", commit("r-1", 1), { now: 2_000 })
      .refused("out_of_stock");
  });

  test("one that ran out before the SKU stopped being tracked needs no pieces", () => {
    given(stock, [
      received(1),
      reserved("r-1", 1, 1_000),
      policy({ track: false }),
      reserved("r-2", 1, 9_000),
    ])
      .when("Commit", commit("r-1", 1), { now: 2_000 })
      .then([expired("r-1", 1)]);
  });
});

describe("releasing", () => {
  test("frees what is held or committed, once", () => {
    const held = [received(5), reserved("r-1", 2)];
    const release = { reservationId: "r-1", reason: "r" };
    given(stock, held)
      .when("Release", release)
      .then([released("r-1", 2)]);
    given(stock, [...held, committed("r-1", 2)])
      .when("Release", release)
      .then([released("r-1", 2, true)]);
    given(stock, [...held, released("r-1", 2)])
      .when("Release", release)
      .then([]);
  });

  test("frees only what has not been shipped", () => {
    given(stock, [received(5), reserved("r-1", 3), committed("r-1", 3), shipped("r-1", "s-1", 1)])
      .when("Release", { reservationId: "r-1", reason: "r" })
      .then([released("r-1", 2, true)]);
  });
});

describe("shrinking a claim", () => {
  const shrunk = (quantity: number, backordered: number): StockEvent => ({
    type: "ClaimShrunk",
    data: { reservationId: "r-1", cancelId: "x-1", quantity, backordered },
  });
  const shrink = (quantity: number) => ({ reservationId: "r-1", cancelId: "x-1", quantity });
  const claimed = [received(5), reserved("r-1", 3), committed("r-1", 3)];

  test("frees so many pieces, once, and no more than have not been shipped", () => {
    given(stock, claimed)
      .when("Shrink", shrink(2))
      .then([shrunk(2, 0)]);
    const past = given(stock, [...claimed, shrunk(2, 0)]);
    past.when("Shrink", shrink(2)).then([]);
    expect(past.state()).toMatchObject({ committed: 1, onHand: 5 });
    const sent = [...claimed, shipped("r-1", "s-1", 2)];
    given(stock, sent)
      .when("Shrink", shrink(3))
      .then([shrunk(1, 0)]);
    expect(given(stock, [...sent, shrunk(1, 0)]).state()).toMatchObject({ committed: 0, onHand: 3 });
  });

  test("of nothing is nothing, and one that is gone is not made again", () => {
    given(stock, [received(5)])
      .when("Shrink", shrink(1))
      .then([]);
    given(stock, [...claimed, shrunk(3, 0)])
      .when("Commit", { sku: "A", reservationId: "r-1", quantity: 3 })
      .refused("illegal_transition");
  });

  test("takes what is on backorder first (8), and gives what comes free to others that wait", () => {
    const short = [
      policy({ backorders: true }),
      received(1),
      reserved("r-1", 3),
      queued("r-1", 2),
      committed("r-1", 3),
      reserved("r-2", 1),
      queued("r-2", 1),
      committed("r-2", 1),
    ];
    given(stock, short)
      .when("Shrink", shrink(1))
      .then([shrunk(1, 1)]);
    expect(given(stock, [...short, shrunk(1, 1)]).state()).toMatchObject({ committed: 3, backordered: 2 });
    given(stock, short)
      .when("Shrink", shrink(3))
      .then([shrunk(3, 2), filled("r-2", 1)]);
  });
});

describe("growing a claim", () => {
  const grown = (quantity: number, backordered: number): StockEvent => ({
    type: "ClaimGrown",
    data: { reservationId: "r-1", claimId: "r-1/a-1", quantity, backordered },
  });
  const grow = (quantity: number) => ({ reservationId: "r-1", claimId: "a-1", quantity });

  test("promises anew what has left, once, as a backorder where it is not there (16)", () => {
    const gone = [received(4), reserved("r-1", 3), committed("r-1", 3), shipped("r-1", "s-1", 3)];
    given(stock, gone)
      .when("Grow", grow(3))
      .then([grown(3, 2), { type: "LowStockReached", data: { available: -2, threshold: 0 } }]);
    const past = given(stock, [...gone, grown(3, 2)]);
    past.when("Grow", grow(3)).then([]);
    expect(past.state()).toMatchObject({ committed: 3, backordered: 2, onHand: 1 });
    past.when("Receive", { quantity: 2 }).then([received(2), filled("r-1", 2)]);
    given(stock, [policy({ track: false }), received(4)])
      .when("Grow", grow(3))
      .then([]);
  });
});

describe("claiming more for an order", () => {
  const grown = (quantity: number, backordered: number): StockEvent => ({
    type: "ClaimGrown",
    data: { reservationId: "r-1", claimId: "r-1/e-1", quantity, backordered },
  });
  const claim = (quantity: number) => ({ sku: "A", reservationId: "r-1", claimId: "e-1", quantity });
  const unclaim = (quantity: number) => ({ reservationId: "r-1", claimId: "e-1", quantity, reason: "edit" });
  const undone = released("r-1/e-1", 0, false, "edit");
  const promised = [received(5), reserved("r-1", 3), committed("r-1", 3)];

  test("adds to its claim, once, or makes it one", () => {
    given(stock, promised)
      .when("Claim", claim(1))
      .then([grown(1, 0)]);
    const past = given(stock, [...promised, grown(1, 0)]);
    past.when("Claim", claim(1)).then([]);
    expect(past.state()).toMatchObject({ committed: 4, onHand: 5 });
    given(stock, [received(5)])
      .when("Claim", claim(5))
      .then([grown(5, 0), low(0, 0)]);
    given(stock, [policy({ track: false })])
      .when("Claim", claim(1))
      .then([]);
  });

  test("what is not there is refused, or goes on backorder where that is allowed (43)", () => {
    given(stock, promised).when("Claim", claim(3)).refused("out_of_stock", { available: 2, requested: 3 });
    given(stock, [...promised, policy({ backorders: true })])
      .when("Claim", claim(3))
      .then([grown(3, 1), low(-1, 0)]);
    given(stock, [received(5), reserved("r-1", 3)])
      .when("Claim", claim(1))
      .refused("illegal_transition");
  });

  test("ends holds that have run out when it needs their pieces", () => {
    given(stock, [...promised, reserved("r-2", 2, 100)])
      .when("Claim", claim(2), { now: 100 })
      .then([expired("r-2", 2), grown(2, 0)]);
  });

  test("is undone once and for good, also before it was made", () => {
    const shrunk: StockEvent = {
      type: "ClaimShrunk",
      data: { reservationId: "r-1", cancelId: "r-1/e-1", quantity: 1, backordered: 0 },
    };
    const made = [...promised, grown(1, 0)];
    given(stock, made).when("Unclaim", unclaim(1)).then([shrunk, undone]);
    given(stock, promised).when("Unclaim", unclaim(1)).then([undone]);
    for (const past of [
      [...made, shrunk, undone],
      [...promised, undone],
    ]) {
      const after = given(stock, past);
      expect(after.state()).toMatchObject({ committed: 3, onHand: 5 });
      after.when("Unclaim", unclaim(1)).then([]);
      after.when("Claim", claim(1)).refused("illegal_transition");
    }
  });
});

describe("shipping", () => {
  const ready = [received(5), reserved("r-1", 3), committed("r-1", 3)];
  const ship = (shipmentId: string, quantity: number) => ({
    sku: "A",
    reservationId: "r-1",
    shipmentId,
    quantity,
  });

  test("takes committed pieces out of the house, each shipment once", () => {
    given(stock, ready)
      .when("Ship", ship("s-1", 2))
      .then([shipped("r-1", "s-1", 2)]);
    const one = [...ready, shipped("r-1", "s-1", 2)];
    given(stock, one).when("Ship", ship("s-1", 2)).then([]);
    given(stock, one)
      .when("Ship", ship("s-2", 1))
      .then([shipped("r-1", "s-2", 1)]);
    given(stock, one).when("Ship", ship("s-2", 2)).refused("out_of_stock", { available: 1 });
  });

  test("what is only held is refused", () => {
    given(stock, [received(5), reserved("r-1", 3)])
      .when("Ship", ship("s-1", 1))
      .refused("out_of_stock");
  });

  test("takes what had left before it was short, from whoever has it, or from the claim alone", () => {
    const gone = (quantity: number): StockEvent => ({
      type: "ClaimShrunk",
      data: { reservationId: "r-1", cancelId: "shipment/s-1", quantity, backordered: quantity },
    });
    const two = [received(6), ...claimed(["r-0", 3], ["r-1", 3])];
    const few = [...two, counted(4, -2), queued("r-1", 2), short(["r-1", 2])];
    expect(missingOf(given(stock, few).state(), "r-1", 2)).toBe(1);
    given(stock, few)
      .when("Ship", ship("s-1", 2))
      .then([filled("r-1", 1), shipped("r-1", "s-1", 2), queued("r-0", 1), short(["r-0", 1])]);
    const one = [...two, counted(1, -5), queued("r-0", 2), queued("r-1", 3), short(["r-0", 2], ["r-1", 3])];
    const left = [filled("r-1", 1), shipped("r-1", "s-1", 1), gone(1), queued("r-0", 1), short(["r-0", 1])];
    given(stock, one).when("Ship", ship("s-1", 2)).then(left);
    const after = given(stock, [...one, ...left]);
    after.when("Ship", ship("s-1", 2)).then([]);
    expect(after.state()).toMatchObject({ onHand: 0, committed: 4, backordered: 4 });
    const none = [...two, counted(0, -6), queued("r-0", 3), queued("r-1", 3), short(["r-0", 3], ["r-1", 3])];
    given(stock, none)
      .when("Ship", ship("s-1", 2))
      .then([gone(2)]);
    given(stock, [...none, gone(2)])
      .when("Ship", ship("s-1", 2))
      .then([]);
  });
});

describe("taking back", () => {
  test("restocks what is sellable; the rest is damaged; each return once", () => {
    const back = { returnId: "b-1", sellable: 2, damaged: 1 };
    const event: StockEvent = { type: "StockReturned", data: { ...back, quarantine: 0 } };
    given(stock, []).when("TakeBack", back).then([event]);
    const after = given(stock, [event]);
    after.when("TakeBack", back).then([]);
    expect(after.state()).toMatchObject({ onHand: 3, damaged: 1 });
    expect(availableOf(after.state())).toBe(2);
    given(stock, []).when("TakeBack", { returnId: "b-2", sellable: 0, damaged: 0 }).then([]);
  });
});

describe("backorders", () => {
  const waiting = [
    received(1),
    policy({ backorders: true }),
    reserved("r-1", 1),
    reserved("r-2", 2),
    queued("r-2", 2),
  ];

  test("promise what is not there, and say how much of it", () => {
    given(stock, [received(1), policy({ backorders: true })])
      .when("Reserve", reserve("r-1", 3))
      .then([reserved("r-1", 3), queued("r-1", 2), low(-2, 0)]);
  });

  test("are filled by what comes in, oldest first", () => {
    const two = given(stock, [...waiting, reserved("r-3", 1), queued("r-3", 1)]);
    two.when("Receive", { quantity: 1 }).then([received(1), filled("r-2", 1)]);
    two.when("Receive", { quantity: 9 }).then([received(9), filled("r-2", 2), filled("r-3", 1)]);
    two
      .when("TakeBack", { returnId: "b-1", sellable: 1, damaged: 5 })
      .then([
        { type: "StockReturned", data: { returnId: "b-1", sellable: 1, damaged: 5, quarantine: 0 } },
        filled("r-2", 1),
      ]);
  });

  test("are filled by what another gives up: a piece on the shelf must not wait for a delivery", () => {
    given(stock, waiting)
      .when("Release", { reservationId: "r-1", reason: "r" })
      .then([released("r-1", 1), filled("r-2", 1)]);
    given(stock, waiting)
      .when("Expire", { reservationId: "" }, { now: 1_000 })
      .then([expired("r-1", 1), expired("r-2", 2)]);
    const held = [
      received(1),
      policy({ backorders: true }),
      reserved("r-1", 1, 100),
      reserved("r-2", 1),
      queued("r-2", 1),
    ];
    given(stock, held)
      .when("Expire", { reservationId: "" }, { now: 100 })
      .then([expired("r-1", 1), filled("r-2", 1)]);
    given(stock, held)
      .when("Reserve", reserve("r-3", 1), { now: 100 })
      .then([expired("r-1", 1), reserved("r-3", 1, 1_100), queued("r-3", 1), filled("r-2", 1)]);
  });

  test("that are given up fill nobody with pieces that were never there", () => {
    given(stock, [...waiting, reserved("r-3", 1), queued("r-3", 1)])
      .when("Release", { reservationId: "r-2", reason: "r" })
      .then([released("r-2", 2)]);
  });
});

describe("the policy", () => {
  test("changes what is named and nothing else; the same again changes nothing", () => {
    given(stock, [policy({ lowStockThreshold: 7 })])
      .when("SetPolicy", { backorders: true })
      .then([policy({ backorders: true, lowStockThreshold: 7 })]);
    given(stock, [policy({ backorders: true })])
      .when("SetPolicy", { backorders: true })
      .then([]);
  });
});

describe("whatever is asked of a stock", () => {
  const ids = fc.constantFrom("r-1", "r-2", "r-3", "r-4");
  const quantity = fc.integer({ min: 1, max: 6 });
  const holdMs = fc.integer({ min: 1, max: 50 });
  const sku = fc.constant("A");
  const reason = fc.constant("r");
  const command = fc.oneof(
    fc.record({ name: fc.constant("Receive" as const), command: fc.record({ quantity }) }),
    fc.record({
      name: fc.constant("Adjust" as const),
      command: fc.record({ sku, reason, delta: fc.integer({ min: -5, max: 5 }) }),
    }),
    fc.record({
      name: fc.constant("Reserve" as const),
      command: fc.record({ sku, reservationId: ids, quantity, holdMs }),
    }),
    fc.record({ name: fc.constant("Extend" as const), command: fc.record({ reservationId: ids, holdMs }) }),
    fc.record({
      name: fc.constant("Commit" as const),
      command: fc.record({ sku, reservationId: ids, quantity }),
    }),
    fc.record({ name: fc.constant("Release" as const), command: fc.record({ reservationId: ids, reason }) }),
    fc.record({
      name: fc.constant("Shrink" as const),
      command: fc.record({ reservationId: ids, cancelId: fc.constantFrom("x-1", "x-2", "x-3"), quantity }),
    }),
    fc.record({
      name: fc.constant("Grow" as const),
      command: fc.record({ reservationId: ids, claimId: fc.constantFrom("a-1", "a-2"), quantity }),
    }),
    fc.record({
      name: fc.constant("Claim" as const),
      command: fc.record({ sku, reservationId: ids, claimId: fc.constantFrom("e-1", "e-2"), quantity }),
    }),
    fc.record({
      name: fc.constant("Unclaim" as const),
      command: fc.record({
        reservationId: ids,
        claimId: fc.constantFrom("e-1", "e-2"),
        quantity,
        reason,
      }),
    }),
    fc.record({ name: fc.constant("Expire" as const), command: fc.record({ reservationId: ids }) }),
    fc.record({
      name: fc.constant("Ship" as const),
      command: fc.record({
        sku,
        reservationId: ids,
        shipmentId: fc.constantFrom("s-1", "s-2", "s-3"),
        quantity,
      }),
    }),
    fc.record({
      name: fc.constant("TakeBack" as const),
      command: fc.record({
        returnId: fc.constantFrom("b-1", "b-2", "b-3"),
        sellable: fc.nat(3),
        damaged: fc.nat(3),
      }),
    }),
    fc.record({
      name: fc.constant("Count" as const),
      command: fc.record({ counted: fc.nat(12), reason }),
    }),
    fc.record({
      name: fc.constant("Move" as const),
      command: fc.record({
        ...{ sku, reason, quantity },
        from: fc.constantFrom("sellable", "damaged", "quarantine"),
        to: fc.constantFrom("sellable", "damaged", "quarantine", "out"),
      }),
    }),
    fc.record({
      name: fc.constant("SetPolicy" as const),
      command: fc.record(
        { track: fc.boolean(), backorders: fc.boolean(), counted: fc.nat(12) },
        { requiredKeys: [] },
      ),
    }),
  );
  const history = fc.array(fc.record({ step: command, passMs: fc.nat(30) }), { minLength: 1, maxLength: 60 });
  /** Doing these again, right away, is doing nothing. The others are told apart by their command ids. */
  const idempotent = [
    "Reserve",
    "Extend",
    "Commit",
    "Release",
    "Shrink",
    "Grow",
    "Claim",
    "Unclaim",
    "Expire",
    "Ship",
    "TakeBack",
  ];

  type Step = (state: Stock, data: never, context: { time: number }) => Stock;
  type Decide = (state: Stock, command: unknown, context: { now: number }) => StockEvent[];

  function apply(state: Stock, { type, data }: StockEvent, time: number): Stock {
    const checked = stock.events[type].schema.parse(data);
    return (stock.evolve[type] as Step)(state, checked as never, { time });
  }

  /** @returns what was decided; nothing when it was refused. Refused or not, the state must be as it was. */
  function decide(state: Stock, name: keyof typeof stock.decide, asked: unknown, now: number): StockEvent[] {
    const before = snapshotOf(state);
    try {
      return (stock.decide[name] as Decide)(state, asked, { now });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return [];
    } finally {
      expect(snapshotOf(state)).toEqual(before);
    }
  }

  test.each([
    ["without backorders", false],
    ["with backorders", true],
  ])(
    "pieces are conserved, reservations end once and what is not there is on backorder, %s",
    (_, backorders) => {
      fc.assert(
        fc.property(history, (steps) => {
          let state = apply(stock.initial(), policy({ backorders }), 0);
          let now = 0;
          const sum = { received: 0, adjusted: 0, shipped: 0, returned: 0 };
          const open = new Map<string, number>();
          for (const { step, passMs } of steps) {
            now += passMs;
            const events = decide(state, step.name, step.command, now);
            for (const event of events) {
              state = apply(state, event, now);
              count(sum, event);
              follow(open, event);
            }
            if (idempotent.includes(step.name))
              expect(decide(state, step.name, step.command, now)).toEqual([]);
            check(state, open, sum);
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  type Sums = { received: number; adjusted: number; shipped: number; returned: number };

  function count(sum: Sums, { type, data }: StockEvent): void {
    if (type === "StockReceived") sum.received += data.quantity;
    if (type === "StockAdjusted" || type === "StockCounted") sum.adjusted += data.delta;
    if (type === "StockWrittenOff") sum.adjusted -= data.quantity;
    if (type === "StockShipped") sum.shipped += data.quantity;
    if (type === "StockReturned") sum.returned += data.sellable + data.damaged;
  }

  /** A reservation begins when there is none, and ends when there is one. */
  function follow(open: Map<string, number>, { type, data }: StockEvent): void {
    if (type === "StockReserved") {
      expect(open.has(data.reservationId)).toBe(false);
      open.set(data.reservationId, data.quantity);
    }
    if (type === "ClaimGrown")
      open.set(data.reservationId, (open.get(data.reservationId) ?? 0) + data.quantity);
    if (type === "StockShipped" || type === "ClaimShrunk") {
      const left = (open.get(data.reservationId) ?? 0) - data.quantity;
      expect(left).toBeGreaterThanOrEqual(0);
      if (left > 0) open.set(data.reservationId, left);
      else open.delete(data.reservationId);
    }
    if (type === "ReservationReleased" || type === "ReservationExpired") {
      // Ended before it was made.
      if (data.quantity === 0 && !open.has(data.reservationId)) return;
      expect(open.get(data.reservationId)).toBe(data.quantity);
      open.delete(data.reservationId);
    }
  }

  function check(state: Stock, open: Map<string, number>, sum: Sums): void {
    expect(state.onHand).toBe(sum.received + sum.adjusted - sum.shipped + sum.returned);
    const reservations = [...state.reservations.values()];
    const of = (committed: boolean) =>
      reservations
        .filter((reservation) => reservation.committed === committed)
        .reduce((total, { quantity, shipped }) => total + quantity - shipped, 0);
    expect(state.reserved).toBe(of(false));
    expect(state.committed).toBe(of(true));
    expect([...state.reservations.keys()].toSorted()).toEqual([...open.keys()].toSorted());
    expect(state.expiries.size).toBe(reservations.filter(({ committed }) => !committed).length);
    expect(state.backordered).toBe(reservations.reduce((sum, { backordered }) => sum + backordered, 0));
    expect(state.waiting.size).toBe(reservations.filter(({ backordered }) => backordered > 0).length);
    for (const { backordered, quantity, shipped } of reservations) {
      expect(backordered).toBeGreaterThanOrEqual(0);
      expect(backordered).toBeLessThanOrEqual(quantity - shipped);
    }
    const { onHand, damaged, quarantine, reserved, committed } = state;
    for (const pieces of [damaged, quarantine, onHand - damaged - quarantine, reserved, committed])
      expect(pieces).toBeGreaterThanOrEqual(0);
    expect(state.backordered).toBe(Math.max(0, -availableOf(state)));
    expect(overclaimedOf(state)).toBe(0);
  }
});
