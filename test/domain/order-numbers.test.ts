import { describe, expect, test } from "vitest";
import { claim, claimEvents, claimId } from "../../commands/claim/claim.ts";
import { createOrderNumbers } from "../../commands/claim/order-numbers.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { Engine } from "../../src/engine/write/engine.ts";
import { type EventStore, logStart, StoreUnavailable } from "../../src/stores/event-store/event-store.ts";
import { shared, temporaryLog, withAppend } from "../support/stores.ts";

const day = "2026-01-15";
const form = /^ORD-20260115-[0-9A-HJKMNP-TV-Z]{7}$/;
const numbersPerBlock = 32 ** 3;
const clock = () => 1_000;

const engineOn = (events: EventStore) => new Engine({ events, codec: createCodec(claimEvents) });
const blockOf = (number: string) => number.slice(0, -3);

/** The blocks that are claimed, in order. */
async function claimed(log: EventStore): Promise<string[]> {
  const { events } = await log.readAll({ after: logStart, maxCount: 1_000 });
  return events.map(({ stream }) => stream.slice(`claim-${claimId("orderNumber", "")}`.length));
}

async function take(numbers: { next(day: string): Promise<string> }, count: number, of = day) {
  return Promise.all(Array.from({ length: count }, () => numbers.next(of)));
}

describe("order numbers", () => {
  test("of two processes are 10,000 different ones of the right form, out of one block each", async () => {
    const log = await temporaryLog();
    const engine = engineOn(log);
    const both = [createOrderNumbers(engine, "ORD", clock), createOrderNumbers(engine, "ORD", clock)];
    const taken = (await Promise.all(both.map((numbers) => take(numbers, 5_000)))).flat();
    expect(new Set(taken).size).toBe(10_000);
    expect(taken.filter((number) => !form.test(number))).toEqual([]);
    const blocks = [...new Set(taken.map(blockOf))];
    expect(blocks).toHaveLength(2);
    expect((await claimed(log)).toSorted()).toEqual(blocks.toSorted());
    const holders = await Promise.all(
      blocks.map((name) =>
        engine.read(claim, claimId("orderNumber", name), (state) => (state.held ? state.holder : undefined)),
      ),
    );
    expect(new Set(holders).size, "each start has an id of its own").toBe(2);
    expect(holders).not.toContain(undefined);
  });

  test("come in no plain order, so that nobody counts a shop's orders by them", async () => {
    const numbers = createOrderNumbers(engineOn(await temporaryLog()), "ORD", clock);
    // Of so many, only one stride in 16,384 could leave them sorted.
    const taken = await take(numbers, 20_000);
    expect(taken).not.toEqual(taken.toSorted());
  });

  test("use a block up to its last number, each once, then claim another", { timeout: 60_000 }, async () => {
    const log = await temporaryLog();
    const numbers = createOrderNumbers(engineOn(log), "ORD", clock);
    const first = await take(numbers, numbersPerBlock);
    expect(new Set(first).size).toBe(numbersPerBlock);
    expect(new Set(first.map(blockOf)).size).toBe(1);
    expect(await claimed(log)).toHaveLength(1);
    // At once, so that all of them find it used up: one more block, not one for each.
    const more = await take(numbers, 500);
    expect(new Set([...first, ...more]).size).toBe(numbersPerBlock + 500);
    expect(await claimed(log)).toHaveLength(2);
  });

  test("carry the day they were asked for, and go on with a day's block when it comes again", async () => {
    const log = await temporaryLog();
    const numbers = createOrderNumbers(engineOn(log), "CW", clock);
    for (const of of ["2011-12-09", "2024-02-29", "2011-12-09"])
      expect(await numbers.next(of)).toMatch(new RegExp(`^CW-${of.replaceAll("-", "")}-.{7}$`));
    expect(await claimed(log)).toHaveLength(2);
  });

  test("of a day that is long past are unique all the same, from another block", async () => {
    const log = await temporaryLog();
    const numbers = createOrderNumbers(engineOn(log), "ORD", clock);
    const days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05"];
    const taken = [];
    for (const of of [...days, ...days]) taken.push(...(await take(numbers, 50, of)));
    expect(new Set(taken).size).toBe(500);
  });

  test("of a process that starts again are from a block that no start before has used", async () => {
    const log = await temporaryLog();
    const taken: string[] = [];
    for (let start = 0; start < 20; start++)
      taken.push(...(await take(createOrderNumbers(engineOn(shared(log)), "ORD", clock), 20)));
    expect(new Set(taken).size).toBe(400);
    expect(new Set(taken.map(blockOf)).size).toBe(20);
  });

  test("are told to be away while no block can be claimed, and come when one can", async () => {
    const log = await temporaryLog();
    let away = true;
    const events = withAppend(log, (append) => async (stream, revision, appended) => {
      if (away) throw new StoreUnavailable("away");
      return append(stream, revision, appended);
    });
    const numbers = createOrderNumbers(engineOn(events), "ORD", clock);
    const failed = await Promise.allSettled([numbers.next(day), numbers.next(day)]);
    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await claimed(log)).toEqual([]);
    away = false;
    expect(await numbers.next(day)).toMatch(form);
  });

  test("leave a block alone that another has claimed", async () => {
    const log = await temporaryLog();
    const engine = engineOn(shared(log));
    const context = { commandId: "other", now: 0, actor: "test", correlationId: "test" };
    const taken: string[] = [];
    // Whoever is faster by one append: it claims the very block that this one is about to.
    const events = withAppend(shared(log), (append) => async (stream, revision, appended) => {
      if (taken.length === 0) {
        taken.push(stream);
        const id = stream.slice("claim-".length);
        await engine.execute(claim, id, "Claim", { holder: "another" }, context);
      }
      return append(stream, revision, appended);
    });
    const numbers = createOrderNumbers(engineOn({ ...events, soleWriter: false }), "ORD", clock);
    const number = await numbers.next(day);
    expect(number).toMatch(form);
    expect(taken).not.toContain(`claim-${claimId("orderNumber", blockOf(number))}`);
    expect(await claimed(log)).toHaveLength(2);
  });
});
