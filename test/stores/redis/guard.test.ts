import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Guard, HotStoreAway, type Outcome } from "../../../src/stores/hot-store/redis/guard.ts";

const timeoutMs = 50;

describe("the guard before a server", () => {
  let isConnected: boolean;
  let outcomes: Outcome[];
  let states: string[];
  let guard: Guard;
  let probe: () => Promise<unknown>;
  beforeEach(() => {
    vi.useFakeTimers();
    isConnected = true;
    outcomes = [];
    states = [];
    probe = async () => "PONG";
    guard = new Guard({
      timeoutMs,
      isConnected: () => isConnected,
      probe: () => probe(),
      observe: (_operation, _seconds, outcome) => outcomes.push(outcome),
      onState: (state) => states.push(state),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const works = () => guard.call("get", async () => "value");
  const fails = () => guard.call("get", async () => Promise.reject(new Error("connection lost")));
  const refusedWith = (message: string) =>
    guard.call("get", async () => {
      throw Object.assign(new Error(message), { name: "ReplyError" });
    });
  const never = () => guard.call("get", () => new Promise<string>(() => {}));
  const failInARow = async (times: number) => {
    for (let n = 0; n < times; n++) await expect(fails()).rejects.toThrow(HotStoreAway);
  };

  test("does not send what there is no connection for", async () => {
    isConnected = false;
    const send = vi.fn(async () => "value");
    await expect(guard.call("get", send)).rejects.toThrow("not connected");
    expect(send).not.toHaveBeenCalled();
    expect(outcomes).toEqual(["skipped"]);
  });

  test("gives up on an answer that does not come in time", async () => {
    const waiting = never();
    const refused = expect(waiting).rejects.toThrow("no answer within 50 ms");
    await vi.advanceTimersByTimeAsync(timeoutMs - 1);
    expect(outcomes).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    await refused;
    expect(outcomes).toEqual(["failed"]);
  });

  test("waits once more for what this process, busy with itself, may have sent late", async () => {
    vi.useRealTimers();
    const standStill = (ms: number) => {
      const until = performance.now() + ms;
      while (performance.now() < until);
    };
    // The timer that ends the wait is on time: only what came before it was late.
    const answer = guard.call("get", () => sleep(timeoutMs + 20, "value"));
    standStill(timeoutMs - 10);
    expect(await answer).toBe("value");
    const silent = never();
    standStill(timeoutMs - 10);
    await expect(silent).rejects.toThrow("no answer within 50 ms");
    expect(outcomes).toEqual(["done", "failed"]);
  });

  test("an error that comes after it gave up is nobody's, and ends nothing", async () => {
    let reject: (error: Error) => void = () => {};
    const late = guard.call("get", () => new Promise((_, no) => (reject = no)));
    const refused = expect(late).rejects.toThrow(HotStoreAway);
    await vi.advanceTimersByTimeAsync(timeoutMs + 1);
    await refused;
    const unhandled = vi.fn();
    process.once("unhandledRejection", unhandled);
    reject(new Error("late"));
    vi.useRealTimers();
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test("makes no call for a second after five that failed in a row", async () => {
    await failInARow(4);
    expect(await works()).toBe("value");
    await failInARow(5);
    expect(guard.state()).toBe("away");
    await expect(works()).rejects.toThrow("failed several times");
    await vi.advanceTimersByTimeAsync(999);
    await expect(works()).rejects.toThrow("failed several times");
    await vi.advanceTimersByTimeAsync(1);
    expect(await works()).toBe("value");
    expect(states).toEqual(["ready", "away", "ready"]);
  });

  test("calls side by side that one hiccup keeps waiting do not make the server away", async () => {
    for (let hiccups = 0; hiccups < 4; hiccups++) {
      const all = Promise.allSettled(Array.from({ length: 100 }, never));
      await vi.advanceTimersByTimeAsync(timeoutMs + 2);
      for (const { status } of await all) expect(status).toBe("rejected");
      expect(guard.state()).toBe("ready");
    }
    expect(await works()).toBe("value");
    expect(states).toEqual(["ready"]);
  });

  test("a server that is silent is away after 5 waits, however many call it, and none waits longer", async () => {
    const waits: number[] = [];
    const call = async () => {
      const start = performance.now();
      await never().catch(() => {});
      waits.push(performance.now() - start);
    };
    for (let n = 0; n < 100; n++) {
      void call();
      await vi.advanceTimersByTimeAsync(3);
    }
    await vi.advanceTimersByTimeAsync(timeoutMs + 2);
    expect(guard.state()).toBe("away");
    expect(Math.max(...waits)).toBeLessThanOrEqual(timeoutMs + 2);
    expect(waits.filter((ms) => ms > 0).length * 3).toBeLessThanOrEqual(5 * (timeoutMs + 5));
  });

  test("asks each second whether the server is back, and makes no call until it is", async () => {
    let probes = 0;
    probe = () => {
      probes++;
      return new Promise(() => {});
    };
    await failInARow(5);
    await vi.advanceTimersByTimeAsync(3 * (1_000 + timeoutMs + 5));
    expect(probes).toBe(3);
    await expect(works()).rejects.toThrow("failed several times");
    probe = async () => "PONG";
    await vi.advanceTimersByTimeAsync(1_000);
    expect(guard.state()).toBe("ready");
    expect(await works()).toBe("value");
  });

  test("takes a probe that is refused for an answer", async () => {
    await failInARow(5);
    probe = async () => {
      throw Object.assign(new Error("NOPERM no permissions to run ping"), { name: "ReplyError" });
    };
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await works()).toBe("value");
  });

  test("asks no more once it is closed", async () => {
    const asked = vi.fn(async () => "PONG");
    probe = asked;
    await failInARow(5);
    guard.close();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).not.toHaveBeenCalled();
  });

  test("a new connection is tried at once", async () => {
    await failInARow(5);
    guard.reconnected();
    expect(await works()).toBe("value");
  });

  test("an answer that refuses one call says nothing of the server", async () => {
    for (let n = 0; n < 10; n++) await expect(refusedWith("WRONGTYPE it is")).rejects.toThrow("WRONGTYPE");
    expect(guard.state()).toBe("ready");
    expect(new Set(outcomes)).toEqual(new Set(["refused"]));
  });

  test("an answer that it cannot serve for now counts as none", async () => {
    for (let n = 0; n < 5; n++)
      await expect(refusedWith("LOADING the dataset")).rejects.toThrow(HotStoreAway);
    expect(guard.state()).toBe("away");
  });

  test("tells of hits and misses where the caller knows them", async () => {
    await guard.call(
      "get",
      async () => null,
      () => "miss",
    );
    expect(outcomes).toEqual(["miss"]);
  });
});
