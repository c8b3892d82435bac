import { afterEach, describe, expect, it, vi } from "vitest";
import { Telemetry } from "../../src/telemetry/telemetry.ts";

const opened: Telemetry[] = [];
function telemetry(thread: string, { slowQueryMs = 100, warn = vi.fn() } = {}): Telemetry {
  const made = new Telemetry({ thread, log: { warn }, slowQueryMs });
  opened.push(made);
  return made;
}

afterEach(() => {
  vi.useRealTimers();
  for (const each of opened.splice(0)) each.close();
});

const pool = { open: 2, inUse: 1, waiting: 0, max: 20 };

describe("telemetry of several threads", () => {
  it("is held by the one that listens, what a thread told as it ended included", async () => {
    const main = telemetry("main");
    const thread = telemetry("queries");
    main.listen("one-shop");
    thread.reportTo("one-shop");
    thread.called("views", "find", 0.002, "ok");
    thread.retried("views", "find");
    thread.close();
    await vi.waitFor(() =>
      expect(main.counted()).toMatchObject({
        calls: [{ store: "views", operation: "find", outcome: "ok", seconds: 0.002 }],
        retries: [{ store: "views", operation: "find", count: 1 }],
      }),
    );
  });

  it("reaches only who listens to the same shop", async () => {
    const other = telemetry("main");
    const main = telemetry("main");
    const thread = telemetry("queries");
    other.listen("another-shop");
    main.listen("this-shop");
    thread.reportTo("this-shop");
    thread.called("views", "find", 0.002, "ok");
    thread.close();
    await vi.waitFor(() => expect(main.counted().calls).toHaveLength(1));
    expect(other.counted().calls).toEqual([]);
  });

  it("shows the pool of each, by what the thread is for, until it is silent", async () => {
    const main = telemetry("main");
    const thread = telemetry("projections");
    main.listen("pools");
    main.pooled("views", pool);
    thread.pooled("views", { ...pool, inUse: 17 });
    thread.reportTo("pools");
    thread.close();
    await vi.waitFor(() =>
      expect(main.pools()).toEqual([
        { store: "views", thread: "main", use: pool },
        { store: "views", thread: "projections", use: { ...pool, inUse: 17 } },
      ]),
    );
    vi.useFakeTimers({ toFake: ["performance"], now: performance.now() });
    vi.advanceTimersByTime(60_000);
    expect(main.pools()).toEqual([{ store: "views", thread: "main", use: pool }]);
  });

  it("tells whether any of them projects", async () => {
    const main = telemetry("main");
    const thread = telemetry("projections");
    main.listen("projecting");
    thread.reportTo("projecting");
    expect(main.isProjecting()).toBe(false);
    thread.projecting(true);
    thread.close();
    await vi.waitFor(() => expect(main.isProjecting()).toBe(true));
  });

  it("takes the word of whoever sees a member farthest behind", async () => {
    const main = telemetry("main");
    const thread = telemetry("projections");
    main.listen("lags");
    main.replicated("views", [{ member: "b:27017", seconds: 3 }]);
    thread.replicated("views", [
      { member: "b:27017", seconds: 1 },
      { member: "c:27017", seconds: 2 },
    ]);
    thread.reportTo("lags");
    thread.close();
    await vi.waitFor(() =>
      expect(main.replicationLags()).toEqual([
        { store: "views", member: "b:27017", seconds: 3 },
        { store: "views", member: "c:27017", seconds: 2 },
      ]),
    );
  });
});

describe("a slow query", () => {
  it("is logged with its shape, and one that is not slow has none made", () => {
    const warn = vi.fn();
    const main = telemetry("main", { slowQueryMs: 100, warn });
    const shape = vi.fn(() => "orders: where status eq, limit 20");
    main.asked("views", "find", 0.1, shape);
    expect(shape).not.toHaveBeenCalled();
    main.asked("views", "find", 0.2504, shape);
    expect(warn.mock.calls).toEqual([
      [
        {
          store: "views",
          operation: "find",
          shape: "orders: where status eq, limit 20",
          ms: 250,
          thread: "main",
        },
        "slow query",
      ],
    ]);
  });

  it("is one of at most 60 a minute that are logged; how many more there were is told afterwards", () => {
    vi.useFakeTimers({ toFake: ["performance"], now: 0 });
    const warn = vi.fn();
    const main = telemetry("main", { slowQueryMs: 100, warn });
    for (let n = 0; n < 75; n++) main.asked("events", "append", 1, () => "");
    expect(warn).toHaveBeenCalledTimes(60);
    vi.advanceTimersByTime(60_000);
    main.asked("events", "append", 1, () => "");
    expect(warn.mock.calls.slice(60)).toEqual([
      [{ thread: "main", left: 15 }, "more queries were slow than are logged in a minute"],
      [expect.objectContaining({ operation: "append" }), "slow query"],
    ]);
  });
});
