import { deserialize, serialize } from "node:v8";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { availableOf, type Stock } from "../../commands/stock/state.ts";
import { stock } from "../../commands/stock/stock.ts";
import type { CommandsOf, EventOf } from "../../src/engine/decider.ts";
import { isoTime } from "../../src/values/clock.ts";
import { deriveId } from "../../src/values/ids.ts";
import { OrderedMap } from "../../src/values/ordered-map.ts";
import { Problem } from "../../src/values/problem.ts";
import { given, snapshotOf } from "./given.ts";

type StockEvent = EventOf<typeof stock.events>;
type Commands = CommandsOf<typeof stock>;
type Decide = (state: Stock, command: unknown, context: { now: number }) => StockEvent[];
type Step = (state: Stock, data: unknown, context: { time: number }) => Stock;

const atOnceMax = 200;

function apply(state: Stock, { type, data }: StockEvent, time = 0): Stock {
  return (stock.evolve[type] as Step)(state, data, { time });
}

function folded(events: Iterable<StockEvent>, from = stock.initial()): Stock {
  let state = from;
  for (const event of events) state = apply(state, event);
  return state;
}

/** A stock and what has been appended to it, command by command. */
class Shelf {
  state: Stock;
  now = 0;

  constructor(events: Iterable<StockEvent> = []) {
    this.state = folded(events);
  }

  do<N extends keyof Commands>(name: N, command: Commands[N]): StockEvent[] {
    const events = (stock.decide[name] as Decide)(this.state, command, { now: this.now });
    for (const { type, data } of events) stock.events[type].schema.parse(data);
    this.state = folded(events, this.state);
    return events;
  }

  /** As the timer does it: again and again, until nothing is left. @returns one append after the other */
  expireAll(): StockEvent[][] {
    const appends: StockEvent[][] = [];
    for (;;) {
      const events = this.do("Expire", { reservationId: "" });
      if (events.length === 0) return appends;
      appends.push(events);
      if (appends.length > 1_000) throw new Error("it never ends");
    }
  }
}

function ofType<T extends StockEvent["type"]>(type: T, events: readonly StockEvent[]) {
  return events.filter((event): event is Extract<StockEvent, { type: T }> => event.type === type);
}

const idsOf = (events: readonly { data: { reservationId: string } }[]) =>
  events.map(({ data }) => data.reservationId);

const received = (quantity: number): StockEvent => ({ type: "StockReceived", data: { quantity } });
const reserved = (reservationId: string, quantity = 1, expiresAt = 1_000): StockEvent => ({
  type: "StockReserved",
  data: { reservationId, quantity, expiresAt: isoTime(expiresAt) },
});
const queued = (reservationId: string, quantity = 1): StockEvent => ({
  type: "BackorderQueued",
  data: { reservationId, quantity },
});
const committed = (reservationId: string, quantity = 1): StockEvent => ({
  type: "ReservationCommitted",
  data: { reservationId, quantity },
});
const expired = (reservationId: string, quantity = 1): StockEvent => ({
  type: "ReservationExpired",
  data: { reservationId, quantity },
});
const released = (reservationId: string, quantity = 1, isCommitted = false): StockEvent => ({
  type: "ReservationReleased",
  data: { reservationId, quantity, committed: isCommitted, reason: "r" },
});
const backorders: StockEvent = {
  type: "StockPolicySet",
  data: { track: true, backorders: true, lowStockThreshold: 0 },
};
const names = (count: number) => Array.from({ length: count }, (_, n) => `r-${n}`);
const reserve = (reservationId: string, quantity = 1) => ({ sku: "A", reservationId, quantity, holdMs: 500 });

describe("3,000 holds that have run out", () => {
  const count = 3_000;
  // They run out in another order than they were made in.
  const endOf = (n: number) => 1_000 + ((n * 7) % 50);
  const shelf = () =>
    new Shelf([received(count), ...names(count).map((name, n) => reserved(name, 1, endOf(n)))]);

  test("end in appends of at most 200, all in the end, those first that ran out first", () => {
    const full = shelf();
    full.now = 2_000;
    const appends = full.expireAll();
    expect(appends.map(({ length }) => length)).toEqual(
      Array.from({ length: count / atOnceMax }, () => atOnceMax),
    );
    const ended = idsOf(ofType("ReservationExpired", appends.flat()));
    expect(new Set(ended).size).toBe(count);
    const ends = ended.map((id) => endOf(Number(id.slice(2))));
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    const { reservations, expiries, reserved: left } = full.state;
    expect([reservations.size, expiries.size, left, availableOf(full.state)]).toEqual([0, 0, 0, count]);
  });

  test("end only as far as the time has come", () => {
    const full = shelf();
    full.now = 1_009;
    const ended = idsOf(ofType("ReservationExpired", full.expireAll().flat()));
    expect(ended).toHaveLength((count / 50) * 10);
    expect(ended.every((id) => endOf(Number(id.slice(2))) <= full.now)).toBe(true);
    expect(full.state.reserved).toBe(count - ended.length);
  });

  test("are swept for a reservation as far as its pieces are needed, and in the same append", () => {
    const full = shelf();
    full.now = 2_000;
    const events = full.do("Reserve", reserve("new", 150));
    expect(events.map(({ type }) => type)).toEqual([
      ...Array.from({ length: 150 }, () => "ReservationExpired"),
      "StockReserved",
    ]);
    expect(availableOf(full.state)).toBe(0);
    expect(full.state.reserved).toBe(count);
  });

  test("never make an append larger, whatever asks for the pieces", () => {
    const full = shelf();
    full.now = 2_000;
    for (const quantity of [199, 200])
      expect(full.do("Reserve", reserve(`of ${quantity}`, quantity))).toHaveLength(quantity + 1);
    const commit = full.do("Commit", { sku: "A", reservationId: "late", quantity: 100 });
    expect(commit.map(({ type }) => type).slice(100)).toEqual(["StockReserved", "ReservationCommitted"]);
  });
});

describe("3,000 backorders", () => {
  const count = 3_000;
  /** One, two or three pieces each: 6,000 over all. */
  const wanted = (n: number) => 1 + (n % 3);
  const waiting = (isCommitted: boolean) => [
    backorders,
    ...names(count).flatMap((name, n) => [
      reserved(name, wanted(n)),
      queued(name, wanted(n)),
      ...(isCommitted ? [committed(name, wanted(n))] : []),
    ]),
  ];

  /** Pieces that reservations have in hand. */
  const inHand = ({ reserved, committed, backordered }: Stock) => reserved + committed - backordered;

  function checkAppend(state: Stock, events: readonly StockEvent[], there: number): void {
    expect(ofType("BackorderFilled", events).length).toBeLessThanOrEqual(atOnceMax);
    expect(inHand(state)).toBeLessThanOrEqual(there);
    expect(state.onHand).toBe(there);
    const sum = [...state.reservations.values()].reduce((total, { backordered }) => total + backordered, 0);
    expect(state.backordered).toBe(sum);
  }

  test.each([
    ["held", false],
    ["committed", true],
  ])(
    "that are %s are filled in steps of at most 200, oldest first, and never more than is there",
    (_, is) => {
      const shelf = new Shelf(waiting(is));
      const [first, second] = [5_000, 1_500];
      const appends: StockEvent[][] = [];
      const doing = (events: StockEvent[], there: number) => {
        checkAppend(shelf.state, events, there);
        appends.push(events);
      };
      const fillUp = (there: number) => {
        for (;;) {
          const events = shelf.do("Expire", { reservationId: "" });
          if (events.length === 0) return;
          doing(events, there);
        }
      };
      doing(shelf.do("Receive", { quantity: first }), first);
      expect(ofType("BackorderFilled", appends.flat())).toHaveLength(atOnceMax);
      fillUp(first);
      expect(inHand(shelf.state), "all that is there is given away").toBe(first);
      doing(shelf.do("Receive", { quantity: second }), first + second);
      fillUp(first + second);

      const fills = ofType("BackorderFilled", appends.flat());
      expect(fills.reduce((sum, { data }) => sum + data.quantity, 0)).toBe(6_000);
      expect([...new Set(idsOf(fills))]).toEqual(names(count));
      expect([shelf.state.backordered, shelf.state.waiting.size, availableOf(shelf.state)]).toEqual([
        0, 0, 500,
      ]);
    },
  );

  test("that are not filled yet are not overtaken: what lies on the shelf is promised", () => {
    const shelf = new Shelf(waiting(true));
    shelf.do("Receive", { quantity: 5_000 });
    expect(inHand(shelf.state)).toBeLessThan(5_000);
    const events = shelf.do("Reserve", reserve("late", 2));
    expect(events.slice(0, 2)).toEqual([reserved("late", 2, 500), queued("late", 2)]);
    const next = names(2 * atOnceMax).slice(atOnceMax);
    expect(idsOf(ofType("BackorderFilled", events)), "goes on with them").toEqual(next);
    expect(events).toHaveLength(2 + atOnceMax);
    shelf.do("SetPolicy", { backorders: false });
    expect(() => shelf.do("Reserve", reserve("later"))).toThrow(Problem);
  });

  test("are filled by whatever command comes next, and by what was left lying before", () => {
    const shelf = new Shelf(waiting(true));
    shelf.do("Receive", { quantity: 5_000 });
    for (const [name, command, there] of [
      ["Receive", { quantity: 1 }, 5_001],
      ["Adjust", { sku: "A", delta: 1, reason: "count" }, 5_002],
      ["TakeBack", { returnId: "b-1", sellable: 1, damaged: 0 }, 5_003],
      ["Release", { reservationId: "r-2999", reason: "r" }, 5_003],
      ["Expire", { reservationId: "" }, 5_003],
    ] as const) {
      const events = shelf.do(name, command);
      expect(ofType("BackorderFilled", events), name).toHaveLength(atOnceMax);
      checkAppend(shelf.state, events, there);
    }
  });

  test("that run out themselves fill nobody, and end in appends of at most 200", () => {
    const shelf = new Shelf(waiting(false));
    shelf.now = 1_000;
    const appends = shelf.expireAll();
    expect(appends.every((events) => events.length <= atOnceMax)).toBe(true);
    expect(new Set(appends.flat().map(({ type }) => type))).toEqual(new Set(["ReservationExpired"]));
    expect([shelf.state.reserved, shelf.state.backordered, shelf.state.waiting.size]).toEqual([0, 0, 0]);
  });

  test("get what runs out, in appends that stay bounded: 200 that end fill at most 200", () => {
    const holds = names(1_000).map((name) => `held ${name}`);
    const past = [
      received(1_000),
      backorders,
      ...holds.map((name) => reserved(name, 1, 100)),
      ...names(1_500).flatMap((name) => [reserved(name, 1, 9_000), queued(name), committed(name)]),
    ];
    const shelf = new Shelf(past);
    shelf.now = 100;
    const appends = shelf.expireAll();
    for (const events of appends) expect(events.length).toBeLessThanOrEqual(2 * atOnceMax);
    expect(idsOf(ofType("BackorderFilled", appends.flat()))).toEqual(names(1_000));
    expect(inHand(shelf.state)).toBe(1_000);
  });
});

describe("3,000 claims and 1,200 holds of which few are there", () => {
  const count = 3_000;
  const past = [
    received(count + 1_200),
    ...names(count).flatMap((name) => [reserved(name), committed(name)]),
    ...names(1_200).map((name, n) => reserved(`held ${name}`, 1, 9_000 + n)),
  ];

  test("are put on backorder in steps that stay bounded, holds first, then the newest claims", () => {
    const shelf = new Shelf(past);
    const appends = [shelf.do("Count", { counted: 1_000 })];
    expect(() =>
      shelf.do("Ship", { sku: "A", reservationId: "r-0", shipmentId: "s", quantity: 1_001 }),
    ).toThrow(Problem);
    appends.push(...shelf.expireAll());
    for (const events of appends) expect(events.length).toBeLessThanOrEqual(1_401);
    const types = appends.flat().map(({ type }) => type);
    expect(types.lastIndexOf("ReservationExpired")).toBeLessThan(types.indexOf("BackorderQueued"));
    expect(ofType("ReservationExpired", appends.flat())).toHaveLength(1_200);
    const short = new Set(idsOf(ofType("BackorderQueued", appends.flat())));
    expect(short).toEqual(new Set(names(count).slice(1_000)));
    const said = ofType("StockShort", appends.flat()).flatMap(({ data }) => data.claims);
    expect(new Set(said.map(({ reservationId }) => reservationId))).toEqual(short);
    expect([shelf.state.backordered, availableOf(shelf.state)]).toEqual([2_000, -2_000]);
  });

  test("lose no more than is there while that goes on", () => {
    const shelf = new Shelf(past);
    shelf.do("Count", { counted: 3 });
    const ship = (id: string) =>
      shelf.do("Ship", { sku: "A", reservationId: id, shipmentId: "s", quantity: 1 });
    for (const id of ["r-0", "r-1", "r-2", "r-3"]) ship(id);
    expect(shelf.state.onHand).toBe(0);
  });
});

describe("a reservation that was released", () => {
  const release = { reservationId: "r-1", reason: "r" };
  const commit = { sku: "A", reservationId: "r-1", quantity: 1 };
  const policy = (track: boolean, allowed = false): StockEvent => ({
    type: "StockPolicySet",
    data: { track, backorders: allowed, lowStockThreshold: 0 },
  });
  const before: [string, StockEvent[]][] = [
    ["before it was made", []],
    ["while it was held", [reserved("r-1")]],
    ["once it was committed", [reserved("r-1"), committed("r-1")]],
    ["after it had run out", [reserved("r-1", 1, 100), expired("r-1")]],
  ];

  test.each(before)("%s is never made or committed again", (_, past) => {
    const shelf = new Shelf([received(5), ...past]);
    const [event] = shelf.do("Release", release);
    const held = past.length > 0 && past.at(-1)?.type !== "ReservationExpired";
    expect(event).toMatchObject({ type: "ReservationReleased", data: { quantity: held ? 1 : 0 } });
    expect(availableOf(shelf.state)).toBe(5);
    const ended = [received(5), ...past, event as StockEvent];
    for (const now of [0, 999, 1_000, 10_000_000]) {
      const its = given(stock, ended);
      its.when("Reserve", reserve("r-1"), { now }).refused("illegal_transition");
      its.when("Commit", commit, { now }).refused("illegal_transition");
      its.when("Extend", { reservationId: "r-1", holdMs: 9_000 }, { now }).refused("illegal_transition");
      its.when("Release", release, { now }).then([]);
      its.when("Expire", { reservationId: "r-1" }, { now }).then([]);
    }
  });

  test("stays so where the SKU is not tracked, or takes backorders, by now", () => {
    for (const changed of [policy(false), policy(true, true)]) {
      const its = given(stock, [released("r-1", 0), changed]);
      its.when("Reserve", reserve("r-1")).refused("illegal_transition");
      its.when("Commit", commit).refused("illegal_transition");
    }
  });

  test("stays so among 100,000 others of its hour, and takes no other with it", () => {
    const count = 99_999;
    const others = names(count).map((name) => released(`other ${name}`, 0));
    const shelf = new Shelf([received(5), released("r-1", 0), ...others]);
    expect(() => shelf.do("Reserve", reserve("r-1"))).toThrow(/released/);
    expect(shelf.do("Reserve", reserve("r-2"))).toHaveLength(1);
    expect(shelf.state.ended.size).toBe(count + 1);
    shelf.do("Release", { reservationId: "r-3", reason: "r" });
    expect(shelf.state.ended.size, "bounded").toBe(count + 1);
  });

  test("is remembered for an hour, longer than any attempt takes, and then makes room", () => {
    const hour = 60 * 60_000;
    const after = (ms: number) => {
      const first = apply(stock.initial(), released("r-1", 0), 0);
      return [...apply(first, released("r-2", 0), ms).ended.keys()];
    };
    expect(after(hour - 1)).toEqual(["r-1", "r-2"]);
    expect(after(hour)).toEqual(["r-2"]);
  });

  test("is another thing than one that ran out, which may be made again", () => {
    const past = [received(1), reserved("r-1", 1, 100), expired("r-1")];
    given(stock, past)
      .when("Reserve", reserve("r-1"), { now: 100 })
      .then([reserved("r-1", 1, 600), { type: "LowStockReached", data: { available: 0, threshold: 0 } }]);
  });
});

describe("a snapshot of a stock", () => {
  const partBytesMax = 1024 * 1024;
  const partsMax = 1_024;
  const format = stock.snapshot;
  if (!format) throw new Error("stock has snapshots");

  /** As a cache has it: bytes, part by part. */
  const packed = (state: Stock) => Array.from(format.parts(state), (part) => serialize(part));
  const thawed = (parts: Uint8Array[]) => format.restore(parts.map((part) => deserialize(part)));

  const id = fc.constantFrom("r-1", "r-2", "r-3", "r-4", "r-5", "__proto__");
  const small = fc.integer({ min: 1, max: 6 });
  const command: fc.Arbitrary<[name: string, asked: unknown]> = fc.oneof(
    fc.tuple(
      fc.constant("Receive"),
      fc.record({ quantity: small, movementId: fc.constantFrom("m-1", "m-2", undefined) }),
    ),
    fc.tuple(
      fc.constant("Adjust"),
      fc.record({ sku: id, delta: fc.integer({ min: -5, max: 5 }), reason: id, movementId: id }),
    ),
    fc.tuple(
      fc.constant("Reserve"),
      fc.record({ sku: id, reservationId: id, quantity: small, holdMs: fc.nat(20) }),
    ),
    fc.tuple(fc.constant("Extend"), fc.record({ reservationId: id, holdMs: fc.nat(40) })),
    fc.tuple(fc.constant("Commit"), fc.record({ sku: id, reservationId: id, quantity: small })),
    fc.tuple(fc.constant("Release"), fc.record({ reservationId: id, reason: id })),
    fc.tuple(fc.constant("Expire"), fc.record({ reservationId: id })),
    fc.tuple(
      fc.constant("Ship"),
      fc.record({ sku: id, reservationId: id, shipmentId: fc.constantFrom("s-1", "s-2"), quantity: small }),
    ),
    fc.tuple(fc.constant("TakeBack"), fc.record({ returnId: id, sellable: fc.nat(3), damaged: fc.nat(2) })),
    fc.tuple(fc.constant("Count"), fc.record({ counted: fc.nat(9), reason: id })),
    fc.tuple(
      fc.constant("Move"),
      fc.record({
        ...{ sku: id, quantity: small, reason: id },
        from: fc.constantFrom("sellable", "damaged", "quarantine"),
        to: fc.constantFrom("sellable", "damaged", "quarantine", "out"),
      }),
    ),
    fc.tuple(
      fc.constant("SetPolicy"),
      fc.record({
        track: fc.constantFrom(true, true, true, false),
        backorders: fc.boolean(),
        lowStockThreshold: fc.nat(3),
      }),
    ),
  );
  const history = fc.array(fc.record({ step: command, passMs: fc.nat(15) }), { maxLength: 60 });

  /** @returns what was decided, also that it was refused and why */
  function decided(state: Stock, name: string, asked: unknown, now: number): StockEvent[] | string {
    try {
      return (stock.decide[name as keyof Commands] as Decide)(state, asked, { now });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return `${error.code}: ${error.message}`;
    }
  }

  test("gives the state back, whatever has happened, and what comes after goes the same way", () => {
    fc.assert(
      fc.property(history, fc.nat(60), (steps, savedAt) => {
        let state = stock.initial();
        let restored: Stock | undefined;
        let now = 0;
        for (const [index, { step, passMs }] of steps.entries()) {
          if (index === savedAt) restored = thawed(packed(state));
          now += passMs;
          const events = decided(state, ...step, now);
          const other = restored && decided(restored, ...step, now);
          if (other) expect(other).toEqual(events);
          if (typeof events === "string") continue;
          for (const event of events) {
            state = apply(state, event, now);
            restored &&= apply(restored, event, now);
          }
          if (restored) expect(snapshotOf(restored)).toEqual(snapshotOf(state));
          expect(snapshotOf(thawed(packed(state)))).toEqual(snapshotOf(state));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("is taken without changing the state, and goes on with it later", () => {
    const state = folded([received(9), ...names(20).map((name) => reserved(name))]);
    const before = snapshotOf(state);
    const parts = format.parts(state)[Symbol.iterator]();
    parts.next();
    // The stream goes on while its snapshot is being written.
    folded(
      names(20).map((name) => released(name)),
      state,
    );
    const rest = [...{ [Symbol.iterator]: () => parts }];
    expect(snapshotOf(state)).toEqual(before);
    expect(rest).toHaveLength(1);
  });

  test("of 200,000 reservations is in parts below 1 MiB, and comes back", { timeout: 60_000 }, () => {
    const count = 200_000;
    const endOf = (n: number) => 1_700_000_000_000 + (n % 5_000);
    const isCommitted = (n: number) => n % 3 === 0;
    const ids = Array.from({ length: count }, (_, n) => deriveId("order", n));
    const state: Stock = {
      ...stock.initial(),
      backorders: true,
      reserved: 7,
      backordered: count,
      reservations: OrderedMap.of(
        ids.map((name, n) => [
          name,
          { quantity: 3, expiresAt: endOf(n), committed: isCommitted(n), shipped: 0, backordered: 1 },
        ]),
      ),
      waiting: OrderedMap.of(ids.map((name) => [name, true])),
      ended: OrderedMap.of(Array.from({ length: 10_000 }, (_, n) => [deriveId("ended", n), n])),
    };
    const parts = packed(state);
    expect(parts.length).toBeLessThanOrEqual(partsMax);
    expect(Math.max(...parts.map(({ byteLength }) => byteLength))).toBeLessThan(partBytesMax);
    const back = thawed(parts);
    expect([back.reservations.size, back.waiting.size, back.ended.size]).toEqual([count, count, 10_000]);
    expect(asIds(back)).toEqual(asIds(state));
    expect([back.reserved, back.backordered, back.backorders]).toEqual([7, count, true]);
    expect(back.reservations.get(ids[1] ?? "")).toEqual(state.reservations.get(ids[1] ?? ""));
    expect(back.expiries.size).toBe(ids.filter((_, n) => !isCommitted(n)).length);
  });

  const asIds = ({ reservations, waiting, ended }: Stock) =>
    [reservations, waiting, ended].map((ids) => [...ids.keys()].join(" "));

  test("is in parts below 1 MiB with the longest ids there may be, in any script", () => {
    const longId = (n: number) => `${n}`.padEnd(200, "注");
    const long = Array.from({ length: 4_100 }, (_, n) => longId(n));
    expect(stock.events.StockReserved.schema.safeParse(reserved(longId(1)).data).success).toBe(true);
    const shipments = long.slice(0, 1_100).flatMap((name): StockEvent[] => [
      reserved(`x${name}`.slice(0, 200), 2),
      committed(`x${name}`.slice(0, 200), 2),
      {
        type: "StockShipped",
        data: { reservationId: `x${name}`.slice(0, 200), shipmentId: name, quantity: 1 },
      },
    ]);
    const events = [
      backorders,
      ...long.flatMap((name) => [reserved(name), queued(name)]),
      ...shipments,
      ...long.map((name) => released(`e${name}`.slice(0, 200), 0)),
    ];
    const parts = packed(folded(events));
    expect(Math.max(...parts.map(({ byteLength }) => byteLength))).toBeLessThan(partBytesMax);
  });
});
