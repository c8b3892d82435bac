import pino from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { logState } from "../../commands/log/log-state.ts";
import { stock } from "../../commands/stock/stock.ts";
import { Engine } from "../../src/engine/write/engine.ts";
import { obeyLogState } from "../../src/runtime/log-state.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { shopCodec } from "../support/shop.ts";
import { shared, temporaryLog } from "../support/stores.ts";

const by = () => ({ commandId: newId(), now: 1_000, actor: "test", correlationId: "test" });
const patience = { timeout: 5_000, interval: 50 };

test("a process that runs obeys another's word that the shop has moved, and that it is back", async () => {
  const stored = await temporaryLog();
  const events = shared(stored);
  const engine = new Engine({ events, codec: shopCodec });
  const other = new Engine({ events: shared(stored), codec: shopCodec });
  const end = await obeyLogState({ engine, events, log: pino({ level: "silent" }) });
  onTestFinished(end);
  const receive = () => engine.execute(stock, "A", "Receive", { quantity: 1 }, by());
  await receive();

  await other.execute(logState, "state", "Move", { to: "a server", logId: "b" }, by());
  await vi.waitFor(() => expect(engine.refusal).toBeDefined(), patience);
  await expect(receive()).rejects.toMatchObject({
    code: "unavailable",
    message: "this shop has moved to a server",
  });
  expect(await engine.read(stock, "A", ({ onHand }) => onHand)).toBe(1);

  await other.execute(logState, "state", "Reopen", {}, by());
  await vi.waitFor(() => expect(engine.refusal).toBeUndefined(), patience);
  await receive();
  const { events: all } = await events.readAll({ after: logStart, maxCount: 10 });
  expect(all.map(({ type }) => type)).toEqual(["StockReceived", "LogMoved", "LogReopened", "StockReceived"]);
});

test("what waits in a queue when the word comes is refused too", async () => {
  const stored = await temporaryLog();
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const events = {
    ...shared(stored),
    append: async (...call: Parameters<typeof stored.append>) => {
      await answered;
      return stored.append(...call);
    },
  };
  const engine = new Engine({ events, codec: shopCodec });
  const receive = () => engine.execute(stock, "A", "Receive", { quantity: 1 }, by());
  const first = receive();
  await new Promise(setImmediate);
  const second = receive();
  engine.refuse((await import("../../commands/log/log-state.ts")).refusalOf({ is: "filling", from: "a" }));
  answer();
  await first;
  await expect(second).rejects.toMatchObject({ code: "unavailable" });
});
