import { describe, expect, test } from "vitest";
import { logState, refusalOf } from "../../commands/log/log-state.ts";
import { Engine } from "../../src/engine/write/engine.ts";
import { newId } from "../../src/values/ids.ts";
import { shopCodec } from "../support/shop.ts";
import { temporaryLog } from "../support/stores.ts";

type Command = Parameters<Engine["execute"]>[2];

async function told(...commands: readonly (readonly [name: string, command: object])[]) {
  const log = await temporaryLog();
  const engine = new Engine({ events: log, codec: shopCodec });
  for (const [name, command] of commands) {
    const context = { commandId: newId(), now: 1_000, actor: "test", correlationId: "test" };
    await engine.execute(logState, "state", name as Command as "Fill", command as { from: string }, context);
  }
  const state = await engine.read(logState, "state", (each) => each);
  return { state, refusal: refusalOf(state)?.message };
}

const there = { to: "there", logId: "b" };

describe("whose turn it is to write a log", () => {
  test("a new log is the shop's", async () => {
    expect(await told()).toEqual({ state: { is: "open" }, refusal: undefined });
  });

  test("a log is not the shop's while it is filled, and is afterwards", async () => {
    expect((await told(["Fill", { from: "a" }])).refusal).toContain("not whole yet");
    expect((await told(["Fill", { from: "a" }], ["Finish", {}])).state).toEqual({ is: "open" });
  });

  test("a log that is filled from one is not filled from another, nor left", async () => {
    const filling = ["Fill", { from: "a" }] as const;
    expect((await told(filling, filling)).state).toEqual({ is: "filling", from: "a" });
    await expect(told(filling, ["Fill", { from: "c" }])).rejects.toThrow("being filled from the log a");
    await expect(told(filling, ["Move", there])).rejects.toMatchObject({ code: "unavailable" });
  });

  test("a shop that has moved says where to, and may come back or be opened again", async () => {
    const moved = ["Move", there] as const;
    expect((await told(moved, moved)).refusal).toBe("this shop has moved to there");
    await expect(told(moved, ["Move", { ...there, logId: "c" }])).rejects.toThrow("has moved to there");
    expect((await told(moved, ["Reopen", {}])).state).toEqual({ is: "open" });
    expect((await told(moved, ["Fill", { from: "b" }], ["Finish", {}])).state).toEqual({ is: "open" });
  });
});
