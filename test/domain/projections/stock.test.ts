import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { availableOf, type Stock } from "../../../commands/stock/state.ts";
import { stock } from "../../../commands/stock/stock.ts";
import { catalogProjection } from "../../../projections/catalog/catalog.ts";
import { stockLedger, stockLedgerProjection } from "../../../projections/stock/ledger.ts";
import {
  backorderedOf,
  reservationsProjection,
  skusWithExpired,
} from "../../../projections/stock/reservations.ts";
import { getStock, listStock, type StockView, stockProjection } from "../../../projections/stock/stock.ts";
import { InvalidCursor } from "../../../src/stores/view-store/view-store.ts";
import { Problem } from "../../../src/values/problem.ts";
import { documentsOf, Log, parsed, project, type ShopEvent } from "./support.ts";

const sku = "85123A";
const day = Date.parse("2011-03-07T09:00:00Z");
const expiresAt = "2011-03-07T09:15:00.000Z";

const quantity = fc.integer({ min: 1, max: 8 });
const reservationId = fc.constantFrom("o1", "o2", "o3", "o4");
/** An order demands one quantity of a SKU, whatever it is asked. */
const demand = fc.constantFrom(
  { reservationId: "o1", quantity: 1 },
  { reservationId: "o2", quantity: 3 },
  { reservationId: "o3", quantity: 4 },
  { reservationId: "o4", quantity: 8 },
);
const commands = fc.oneof(
  fc.record({ name: fc.constant("Receive"), command: fc.record({ quantity }) }),
  fc.record({
    name: fc.constant("Adjust"),
    command: fc.record({ delta: fc.integer({ min: -6, max: 6 }), reason: fc.constant("count") }),
  }),
  fc.record({
    name: fc.constant("Reserve"),
    command: fc
      .tuple(demand, fc.constantFrom(10, 1_000))
      .map(([reservation, holdMs]) => ({ ...reservation, holdMs })),
  }),
  fc.record({ name: fc.constant("Commit"), command: demand }),
  fc.record({
    name: fc.constant("Release"),
    command: fc.record({ reservationId, reason: fc.constant("cancelled") }),
  }),
  fc.record({
    name: fc.constantFrom("Grow", "Claim", "Shrink"),
    command: fc.record({
      reservationId,
      quantity,
      claimId: fc.constantFrom("c1", "c2", "c3"),
      cancelId: fc.constantFrom("x1", "x2", "x3"),
    }),
  }),
  fc.record({ name: fc.constant("Expire"), command: fc.record({ reservationId }) }),
  fc.record({
    name: fc.constant("Ship"),
    command: fc.record({ reservationId, shipmentId: fc.constantFrom("s1", "s2", "s3"), quantity }),
  }),
  fc.record({
    name: fc.constant("TakeBack"),
    command: fc.record({
      returnId: fc.constantFrom("r1", "r2", "r3"),
      sellable: fc.nat(3),
      damaged: fc.nat(2),
    }),
  }),
  fc.record({
    name: fc.constant("Move"),
    command: fc.record({
      ...{ quantity, reason: fc.constant("broken") },
      from: fc.constantFrom("sellable", "damaged", "quarantine"),
      to: fc.constantFrom("sellable", "damaged", "quarantine", "out"),
    }),
  }),
  fc.record({ name: fc.constant("Count"), command: fc.record({ counted: fc.nat(12) }) }),
  fc.record({
    name: fc.constant("SetPolicy"),
    command: fc.record({
      track: fc.boolean(),
      backorders: fc.boolean(),
      lowStockThreshold: fc.nat(4),
    }),
  }),
);

type Evolve = (state: Stock, data: unknown, context: { time: number }) => Stock;
type Decide = (state: Stock, command: unknown, context: { now: number }) => ShopEvent[];

/** The events of commands as the decider decides them, with its state after each. */
function decided(sequence: readonly { name: string; command: object; wait: number }[]) {
  const steps: {
    event: ShopEvent;
    at: number;
    state: Record<string, unknown>;
    available: number;
    reservations: [key: string, doc: object][];
  }[] = [];
  let state = stock.initial();
  let now = day;
  for (const { name, command, wait } of sequence) {
    now += wait;
    let events: ShopEvent[];
    try {
      events =
        (stock.decide as unknown as Record<string, Decide>)[name]?.(state, { sku, ...command }, { now }) ??
        [];
    } catch (error) {
      if (error instanceof Problem) continue;
      throw error;
    }
    for (const event of events) {
      const evolve = (stock.evolve as unknown as Record<string, Evolve>)[event.type];
      state = evolve?.(state, event.data, { time: now }) ?? state;
      const { onHand, damaged, quarantine, reserved, committed } = state;
      const { track, backorders, lowStockThreshold } = state;
      const counts = {
        ...{ onHand, damaged, quarantine, reserved, committed },
        ...{ track, backorders, lowStockThreshold },
      };
      const reservations = reservationsIn(state);
      steps.push({ event, at: now, state: counts, available: availableOf(state), reservations });
    }
  }
  return steps;
}

/** Those that run out or wait, as their model has them. */
function reservationsIn({ reservations }: Stock): [key: string, doc: object][] {
  return [...reservations].flatMap(([id, { committed, expiresAt, backordered }]) => {
    const doc = { ...(!committed && { dueAt: expiresAt }), ...(backordered > 0 && { backordered }) };
    return Object.keys(doc).length > 0 ? [[`${sku}/${id}`, { sku, ...doc }] as const] : [];
  }) as [string, object][];
}

describe("stock", () => {
  test("counts what the write model counts, after every event", () => {
    const waiting = fc.tuple(commands, fc.constantFrom(0, 5, 500)).map(([each, wait]) => ({ ...each, wait }));
    fc.assert(
      fc.property(fc.array(waiting, { minLength: 10, maxLength: 60 }), (sequence) => {
        const log = new Log();
        for (const { event, at, state, available, reservations } of decided(sequence)) {
          log.addAll(`stock-${sku}`, at, [event]);
          expect(documentsOf(reservationsProjection, log)).toEqual(new Map(reservations));
          const doc = documentsOf(stockProjection, log).get(sku);
          if (doc === undefined) continue;
          expect(doc).toEqual(state);
          expect(stockProjection.present?.(doc as never, sku)).toMatchObject({ available });
          const { track, backorders, lowStockThreshold } = state;
          const shown = { available, track, backorders, lowStockThreshold };
          expect(documentsOf(catalogProjection, log).get(`sku/${sku}`) ?? shown).toEqual(shown);
        }
        expect([...documentsOf(stockProjection, log, true)]).toEqual([...documentsOf(stockProjection, log)]);
      }),
      { numRuns: 150 },
    );
  });

  test("is low at its threshold, out when nothing is left, and never out when it is not tracked", async () => {
    const log = new Log();
    const policy = { track: true, backorders: false, lowStockThreshold: 3 };
    for (const [id, quantity] of [
      ["many", 4],
      ["few", 3],
      ["untracked", 1],
    ] as const)
      log
        .add(`stock-${id}`, day, "StockPolicySet", { ...policy, track: id !== "untracked" })
        .add(`stock-${id}`, day, "StockReceived", { quantity });
    log
      .add("stock-none", day, "StockReceived", { quantity: 1 })
      .add("stock-none", day, "StockReserved", { reservationId: "o1", quantity: 1, expiresAt });
    const model = await project(stockProjection, log);
    const statuses = async (ids: string[]) =>
      Promise.all(ids.map(async (id) => (await getStock(model, id))?.status));
    expect(await statuses(["many", "few", "none", "untracked", "unheard of"])).toEqual([
      "in_stock",
      "low_stock",
      "out_of_stock",
      "in_stock",
      undefined,
    ]);
    expect(await getStock(model, "none")).toEqual({
      sku: "none",
      onHand: 1,
      reserved: 1,
      committed: 0,
      damaged: 0,
      quarantine: 0,
      available: 0,
      status: "out_of_stock",
      track: true,
      backorders: false,
      lowStockThreshold: 0,
    } satisfies StockView);
    const low = parsed(await listStock(model, { status: "low_stock", limit: 10 }));
    expect(low.items.map(({ sku }) => sku)).toEqual(["few"]);
  });

  test("a document is parked rather than that more is let go than was held", () => {
    const log = new Log().add(`stock-${sku}`, day, "ReservationExpired", {
      reservationId: "o1",
      quantity: 1,
    });
    expect(() => documentsOf(stockProjection, log)).toThrow(/would be reserved/);
  });
});

describe("stock ledger", () => {
  const movements = new Log()
    .add(`stock-${sku}`, day, "StockReceived", { quantity: 10, reference: "delivery 1" })
    .add(`stock-${sku}`, day, "StockReserved", { reservationId: "o1", quantity: 2, expiresAt })
    .add(`stock-${sku}`, day, "ReservationExtended", { reservationId: "o1", expiresAt })
    .add(`stock-${sku}`, day, "ReservationCommitted", { reservationId: "o1", quantity: 2 })
    .add(`stock-${sku}`, day, "ReservationReleased", {
      reservationId: "o1",
      quantity: 2,
      committed: true,
      reason: "the order was cancelled",
    })
    .add(`stock-${sku}`, day, "StockReturned", { returnId: "r1", sellable: 1, damaged: 2, quarantine: 0 })
    .add(`stock-${sku}`, day, "StockAdjusted", { delta: -1, reason: "count" });

  test("shows what moved, newest first", async () => {
    const model = await project(stockLedgerProjection, movements);
    const at = "2011-03-07T09:00:00.000Z";
    expect(await stockLedger(model, sku, { limit: 20 })).toEqual({
      items: [
        {
          ...{ revision: 6, at, type: "adjusted", quantity: -1, reason: "count" },
          ...{ kind: "adjustment", previous: 13, new: 12 },
        },
        {
          ...{ revision: 5, at, type: "returned", quantity: 3, damaged: 2 },
          ...{ reference: "r1", referenceType: "return", kind: "return", previous: 10, new: 13 },
        },
        {
          revision: 4,
          at,
          type: "uncommitted",
          quantity: 2,
          ...{ reference: "o1", referenceType: "order" },
          reason: "the order was cancelled",
        },
        { revision: 3, at, type: "committed", quantity: 2, reference: "o1", referenceType: "order" },
        { revision: 1, at, type: "reserved", quantity: 2, reference: "o1", referenceType: "order" },
        {
          ...{ revision: 0, at, type: "received", quantity: 10 },
          ...{ reference: "delivery 1", referenceType: "delivery", kind: "purchase", previous: 0, new: 10 },
        },
      ],
      next: null,
    });
    expect(await stockLedger(model, "another", { limit: 20 })).toEqual({ items: [], next: null });
  });

  test("tells how many pieces there were and are, over all buckets (48)", async () => {
    const log = new Log();
    const stream = `stock-${sku}`;
    log.add(stream, day, "StockReceived", { quantity: 10 });
    // So many that the rest is in other buckets.
    for (let n = 0; n < 250; n++) {
      log.add(stream, day, "StockReserved", { reservationId: `h${n}`, quantity: 1, expiresAt });
      log.add(stream, day, "ReservationExpired", { reservationId: `h${n}`, quantity: 1 });
    }
    const gone = { reservationId: "o1", quantity: 2 };
    const back = { returnId: "o1/r1", sellable: 1, damaged: 0, quarantine: 0, notRestocked: 1 };
    const bad = { from: "sellable", quantity: 2, reason: "wet" } as const;
    log
      .add(stream, day, "StockShipped", { ...gone, shipmentId: "s1" })
      .add(stream, day, "StockReturned", back)
      .add(stream, day, "StockCounted", { counted: 8, delta: -1 })
      .add(stream, day, "StockRegraded", { ...bad, to: "quarantine" })
      .add(stream, day, "StockWrittenOff", { ...bad, from: "quarantine" });
    // The level of another SKU, named like one of this.
    log.add(`stock-${sku}/level`, day, "StockReceived", { quantity: 9_999 });
    const model = await project(stockLedgerProjection, log);
    const { items } = await stockLedger(model, sku, { limit: 1_000 });
    const levels = items.filter(({ kind }) => kind !== undefined).reverse();
    expect(levels.map(({ previous, new: now }) => [previous, now])).toEqual([
      [0, 10],
      [10, 8],
      [8, 9],
      [9, 8],
      [8, 6],
    ]);
    expect(levels.map(({ kind }) => kind)).toEqual([
      ...["purchase", "sale", "return", "adjustment", "adjustment"],
    ]);
    const at = "2011-03-07T09:00:00.000Z";
    expect(items[1]).toEqual({ revision: 504, at, type: "regraded", ...bad, to: "quarantine" });
    expect(items[0]).toMatchObject({ type: "written_off", from: "quarantine", reason: "wet" });
    expect(items[3]).toMatchObject({ type: "returned", quantity: 1, notRestocked: 1 });
  });

  test("pages through buckets without a gap, each page where the one before ended", async () => {
    const log = new Log();
    for (let quantity = 1; quantity <= 345; quantity++)
      log.add(`stock-${sku}`, day, "StockReceived", { quantity });
    log.add("stock-85123A/00000001", day, "StockReceived", { quantity: 9_999 });
    const model = await project(stockLedgerProjection, log);
    for (const limit of [1, 7, 45, 100]) {
      const seen: number[] = [];
      let after: readonly (number | string | null)[] | undefined;
      do {
        const page = await stockLedger(model, sku, { limit, after });
        seen.push(...page.items.map(({ quantity }) => quantity));
        after = page.next ?? undefined;
      } while (after);
      expect(seen).toEqual(Array.from({ length: 345 }, (_, index) => 345 - index));
    }
    await expect(stockLedger(model, sku, { limit: 1, after: ["x"] })).rejects.toThrow(InvalidCursor);
  });
});

describe("the timers of reservations", () => {
  const at = (minutes: number) => new Date(day + minutes * 60_000).toISOString();
  const reserved = (reservationId: string, minutes: number) =>
    ({ reservationId, quantity: 1, expiresAt: at(minutes) }) as const;

  test("given reservations, when some have run out, then their SKUs are told once, the longest ago first", async () => {
    const log = new Log()
      .add("stock-A/1", day, "StockReserved", reserved("o1", 3))
      .add("stock-A/1", day, "StockReserved", reserved("o2", 5))
      .add("stock-B", day, "StockReserved", reserved("o1", 2))
      .add("stock-C", day, "StockReserved", reserved("o1", 60));
    const model = await project(reservationsProjection, log);
    const due = (minutes: number, limit = 10) => skusWithExpired(model, day + minutes * 60_000, { limit });
    expect(await due(1)).toEqual({ skus: [], next: null });
    expect(await due(10)).toEqual({ skus: ["B", "A/1"], next: null });
    const first = await due(10, 2);
    expect(first.skus).toEqual(["B", "A/1"]);
    const rest = await skusWithExpired(model, day + 600_000, { limit: 2, after: first.next ?? [] });
    expect(rest).toEqual({ skus: ["A/1"], next: null });
  });

  test("given reservations that were committed, released or have expired, then none of them is left", async () => {
    const log = new Log();
    for (const id of ["o1", "o2", "o3", "o4"]) log.add("stock-A", day, "StockReserved", reserved(id, 3));
    log
      .add("stock-A", day, "ReservationExtended", { reservationId: "o4", expiresAt: at(30) })
      .add("stock-A", day, "ReservationCommitted", { reservationId: "o1", quantity: 1 })
      .add("stock-A", day, "ReservationReleased", {
        reservationId: "o2",
        quantity: 1,
        committed: false,
        reason: "cancelled",
      })
      .add("stock-A", day, "ReservationExpired", { reservationId: "o3", quantity: 1 });
    expect(documentsOf(reservationsProjection, log)).toEqual(
      new Map([["A/o4", { sku: "A", dueAt: day + 30 * 60_000 }]]),
    );
    await project(reservationsProjection, log);
  });

  test("given pieces on backorder, then their orders wait for them until they come or are let go", async () => {
    const claim = (reservationId: string, quantity: number) => ({ reservationId, quantity });
    const log = new Log();
    for (const id of ["o1", "o2", "o3", "o4"])
      log
        .add("stock-a/b", day, "StockReserved", reserved(id, 3))
        .add("stock-a/b", day, "BackorderQueued", claim(id, 2));
    log
      .add("stock-a/b", day, "ReservationExtended", { reservationId: "o1", expiresAt: at(30) })
      .add("stock-a/b", day, "ReservationCommitted", claim("o1", 2))
      .add("stock-C", day, "ClaimGrown", { ...claim("o1", 5), claimId: "c", backordered: 3 })
      .add("stock-D", day, "ClaimGrown", { ...claim("o1", 5), claimId: "c", backordered: 0 })
      .add("stock-C", day, "ClaimShrunk", { ...claim("o1", 2), cancelId: "x", backordered: 2 })
      .add("stock-a/b", day, "BackorderFilled", claim("o2", 2))
      .add("stock-a/b", day, "ReservationExpired", claim("o3", 2))
      .add("stock-a/b", day, "StockReserved", reserved("o3", 60))
      .add("stock-a/b", day, "BackorderQueued", claim("o3", 1))
      .add("stock-a/b", day, "ReservationReleased", { ...claim("o4", 2), committed: false, reason: "r" });
    const waiting = async () => {
      const model = await project(reservationsProjection, log);
      const ids = ["o1", "o2", "o3", "o4"];
      return Promise.all(ids.map(async (id) => Object.fromEntries(await backorderedOf(model, id))));
    };
    expect(await waiting()).toEqual([{ "a/b": 2, C: 1 }, {}, { "a/b": 1 }, {}]);
    log
      .add("stock-a/b", day, "BackorderFilled", claim("o1", 2))
      .add("stock-C", day, "ReservationReleased", { ...claim("o1", 3), committed: true, reason: "r" });
    expect(await waiting()).toEqual([{}, {}, { "a/b": 1 }, {}]);
    // What waits and is promised for good does not run out.
    expect(
      await skusWithExpired(await project(reservationsProjection, log), day + 300_000, { limit: 9 }),
    ).toEqual({ skus: ["a/b"], next: null });
  });
});
