import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { keyEvents, key as keys } from "../../commands/key/key.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { decider, event, streamName } from "../../src/engine/decider.ts";
import { Engine } from "../../src/engine/write/engine.ts";
import { createIdempotency } from "../../src/http/edge/idempotency.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { type EventStore, OutcomeUnknown } from "../../src/stores/event-store/event-store.ts";
import { Problem } from "../../src/values/problem.ts";
import { shared, temporaryLog, withAppend } from "../support/stores.ts";

const tillEvents = { Paid: event(z.object({ amount: z.int() })) };

/** Not idempotent by itself: only its key keeps a payment from being made twice. */
const till = decider({
  category: "till",
  events: tillEvents,
  initial: () => ({ total: 0 }),
  evolve: { Paid: ({ total }, { amount }) => ({ total: total + amount }) },
  decide: {
    Pay: ({ total }, { amount, most }: { amount: number; most: number }) => {
      if (total + amount > most) throw new Problem("out_of_stock", "there is not so much");
      return [{ type: "Paid", data: { amount } }];
    },
  },
});

const codec = createCodec(tillEvents, keyEvents);

/** One process on a log that others write too. */
function processOn(events: EventStore) {
  const engine = new Engine({ events, codec });
  const runtime = { engine, events, config: { IDEMPOTENCY_DAYS: 30 }, kept: { storedAnswers: false } };
  const idempotency = createIdempotency(runtime as unknown as Runtime);
  return {
    engine,
    /** As the edge does it: the key of a request, and what it pays out of which till. */
    pay(key: string, id: string, amount: number, most = 1_000_000) {
      const fingerprint = JSON.stringify([id, amount]);
      const context = { commandId: "", now: 1_000, actor: "test", correlationId: "test" };
      return idempotency.once(
        { id: key, isWeak: false, fingerprint, formerly: "", storedUnder: [] },
        context,
        {
          aimOf: async () => ({
            stream: streamName("till", id),
            revision: await engine.read(till, id, (_, revision) => revision),
          }),
          look: async ({ commandId, since }) => {
            const found = await engine.find(till, id, [commandId], since);
            return found && { revision: found.revision, total: found.state.total };
          },
          run: async (keyed) => {
            const command = { amount, most };
            const own = { ...context, ...keyed };
            const { revision, result } = await engine.execute(
              till,
              id,
              "Pay",
              command,
              own,
              (state) => state,
            );
            return { answer: { revision, total: result.total } };
          },
        },
      );
    },
  };
}

/** The store whose answers get lost now and then, before it has written or after. */
function lossy(log: EventStore, lost: () => boolean): EventStore {
  return {
    ...withAppend(shared(log), (append) => async (stream, revision, events) => {
      if (lost()) throw new OutcomeUnknown("it was not even sent");
      const result = await append(stream, revision, events);
      if (lost()) throw new OutcomeUnknown("the answer was lost");
      return result;
    }),
    soleWriter: false,
  };
}

const request = fc.record({
  process: fc.nat(2),
  key: fc.constantFrom("k1", "k2", "k3", "k4"),
  till: fc.constantFrom("a", "b"),
  amount: fc.integer({ min: 1, max: 5 }),
});

describe("whatever commands come with whatever keys in whatever order", () => {
  test("a key's effect happens once, and every answer to it is the same", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(request, { maxLength: 6 }), { maxLength: 8 }), async (turns) => {
        const log = await temporaryLog();
        let calls = 0;
        const events = lossy(log, () => ++calls % 23 === 0);
        const processes = Array.from({ length: 3 }, () => processOn(events));
        const answers = new Map<string, Set<string>>();
        for (const turn of turns) {
          const settled = await Promise.allSettled(
            turn.map(({ process, key, till, amount }) => processes[process]?.pay(key, till, amount)),
          );
          for (const [index, result] of settled.entries()) {
            const { key = "", till, amount } = turn[index] ?? {};
            if (result.status === "rejected") {
              // Another body under the key, or this one at work on it in the same process.
              expect(["idempotency_key_reused", "request_in_progress"]).toContain(result.reason.code);
              continue;
            }
            const known = answers.get(key) ?? new Set();
            answers.set(key, known.add(JSON.stringify([till, amount, result.value?.answer])));
          }
        }
        for (const [key, given] of answers) expect([...given], `answers to ${key}`).toHaveLength(1);
        const page = await log.readAll({ after: "", types: ["Paid"], maxCount: 10_000 });
        const commands = page.events.map(({ metadata }) => metadata.commandId);
        expect(new Set(commands).size, "a command took effect twice").toBe(commands.length);
        expect(commands.length).toBe(answers.size);
      }),
      { numRuns: 60 },
    );
  });

  test("however much happened on the stream since", async () => {
    const log = await temporaryLog();
    const one = processOn(shared(log));
    const other = processOn(shared(log));
    const first = await one.pay("kept", "a", 5);
    await Promise.all(Array.from({ length: 3_000 }, (_, n) => other.pay(`other-${n}`, "a", 1)));
    for (const process of [one, other, processOn(shared(log))])
      expect(await process.pay("kept", "a", 5)).toEqual({ ...first, repeated: true });
    const fresh = processOn(shared(log));
    expect(await fresh.engine.read(till, "a", ({ total }) => total)).toBe(3_005);
  });

  test("a refusal is decided anew, another body is not, and a key that has expired is new", async () => {
    const log = await temporaryLog();
    const { pay, engine } = processOn(log);
    await expect(pay("k", "a", 5, 4)).rejects.toMatchObject({ code: "out_of_stock" });
    await expect(pay("k", "a", 6)).rejects.toMatchObject({ code: "idempotency_key_reused" });
    expect(await pay("k", "a", 5, 10)).toEqual({ answer: { revision: 0, total: 5 }, repeated: false });
    const day = 86_400_000;
    const taken = await engine.read(keys, "k", (state) => state);
    expect(taken).toMatchObject({ uses: 1, revision: -1 });
    const again = { fingerprint: "another", stream: "till-a", revision: 0, lifeMs: 30 * day };
    const later = { commandId: "c", now: 1_000 + 30 * day, actor: "test", correlationId: "test" };
    expect(await engine.execute(keys, "k", "Take", again, later, ({ uses }) => uses)).toMatchObject({
      result: 2,
    });
  });
});
