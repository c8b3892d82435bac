import { describe, expect, it } from "vitest";
import { bucketSeconds, Measurements } from "../../src/telemetry/measurements.ts";

const bucketAt = (bound: number) => bucketSeconds.indexOf(bound as (typeof bucketSeconds)[number]);

describe("measurements", () => {
  it("counts a call in the first bucket that it is not above", () => {
    const measurements = new Measurements();
    measurements.called("events", "append", 0.001, "ok");
    measurements.called("events", "append", 0.0011, "ok");
    const [calls] = measurements.counted().calls;
    expect(calls?.buckets[bucketAt(0.001)]).toBe(1);
    expect(calls?.buckets[bucketAt(0.0025)]).toBe(1);
    expect(calls?.seconds).toBeCloseTo(0.0021);
  });

  it("counts what is slower than all bounds in a bucket behind the last", () => {
    const measurements = new Measurements();
    measurements.called("views", "find", 11, "ok");
    expect(measurements.counted().calls[0]?.buckets).toEqual([...bucketSeconds.map(() => 0), 1]);
  });

  it("keeps stores, operations and outcomes apart", () => {
    const measurements = new Measurements();
    measurements.called("events", "append", 0.001, "ok");
    measurements.called("events", "append", 0.001, "conflict");
    measurements.called("events", "head", 0.001, "ok");
    measurements.called("views", "append", 0.001, "ok");
    expect(measurements.counted().calls).toHaveLength(4);
  });

  it("adds up what two threads have counted, each part once", () => {
    const main = new Measurements();
    const thread = new Measurements();
    main.called("events", "append", 0.001, "ok");
    for (let turn = 0; turn < 2; turn++) {
      thread.called("events", "append", 0.001, "ok");
      thread.retried("views", "save");
      main.add(thread.take());
    }
    expect(main.counted()).toEqual({
      calls: [expect.objectContaining({ operation: "append", seconds: 0.003 })],
      retries: [{ store: "views", operation: "save", count: 2 }],
    });
    expect(main.counted().calls[0]?.buckets[bucketAt(0.001)]).toBe(3);
    expect(thread.counted()).toEqual({ calls: [], retries: [] });
  });
});
