import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createCodec } from "../../../src/engine/codec.ts";
import { decider, event as eventOf } from "../../../src/engine/decider.ts";
import { Engine } from "../../../src/engine/write/engine.ts";
import { logStart } from "../../../src/stores/event-store/event-store.ts";
import { newId } from "../../../src/values/ids.ts";
import type { AppendFault } from "./double/server.ts";
import { impatient, open, startDouble } from "./support.ts";

/** What keeps a command from counting twice is the engine alone. */
const tally = decider({
  category: "tally",
  events: { Counted: eventOf(z.object({ by: z.int() })) },
  initial: () => 0,
  evolve: { Counted: (total: number, { by }: { by: number }) => total + by },
  decide: { Count: (_, data: { by: number }) => [{ type: "Counted", data }] },
});

const contextOf = (commandId: string) => ({
  commandId,
  correlationId: "r",
  actor: "test",
  now: 1_700_000_000_000,
});

async function enginesOver(count: number) {
  const double = await startDouble();
  const stores = await Promise.all(
    Array.from({ length: count }, () => open({ url: double.url, limits: impatient })),
  );
  const engines = stores.map((events) => new Engine({ events, codec: createCodec(tally.events) }));
  return { double, stores, engines };
}

describe("the engine on EventStoreDB", () => {
  test.each<[AppendFault]>([["lose-answer"], ["die-after-write"], ["late"], ["stall"]])(
    "settles an append of an unknown outcome (%s): the command takes effect once",
    async (fault) => {
      const { double, engines } = await enginesOver(1);
      double.appendFaults.push(fault);
      const outcome = await engines[0]?.execute(tally, "1", "Count", { by: 5 }, contextOf(newId()));
      expect(outcome).toMatchObject({ revision: 0, changed: true });
      expect(double.log.revisionOf("tally-1")).toBe(0);
    },
  );

  test("counts every command of two processes once, whatever becomes of their appends", async () => {
    const { double, stores, engines } = await enginesOver(2);
    const faults: AppendFault[] = ["lose-answer", "late", "die-after-write", "no-position", "not-leader"];
    const commandIds = Array.from({ length: 60 }, () => newId());
    const run = async (commandId: string, index: number) => {
      // Faults come now and then, so that what they break is under way together.
      const fault = faults[index / 10];
      if (fault) double.appendFaults.push(fault);
      const [engine, id] = [engines[index % 2], String(index % 3)];
      for (let tries = 0; ; tries++) {
        try {
          return await engine?.execute(tally, id, "Count", { by: 1 }, contextOf(commandId));
        } catch (error) {
          // As a client does, with the same key.
          if (tries === 20) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    };
    const running: Promise<unknown>[] = [];
    for (const [index, commandId] of commandIds.entries()) {
      running.push(run(commandId, index));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await Promise.all(running);
    const totals = await Promise.all(
      ["0", "1", "2"].map((id) => engines[0]?.read(tally, id, (total) => total)),
    );
    expect(totals).toEqual([20, 20, 20]);
    const page = await stores[0]?.readAll({ after: logStart, maxCount: 100 });
    const counted = page?.events.map(({ metadata }) => metadata.commandId) ?? [];
    expect(counted.toSorted()).toEqual(commandIds.toSorted());
  });
});
