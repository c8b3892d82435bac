import { EventEmitter } from "node:events";
import type { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type MemberLag, watchReplication } from "../../../src/stores/view-store/mongodb/replication.ts";

const start = Date.UTC(2026, 0, 1);

beforeEach(() => void vi.useFakeTimers({ now: start }));
afterEach(() => void vi.useRealTimers());

/** The members of a set as the driver's heartbeats tell of them. */
function watched() {
  const client = new EventEmitter();
  let lags: readonly MemberLag[] | undefined;
  watchReplication(client as unknown as MongoClient, (told) => {
    lags = told;
  });
  const heard = (member: string, role: object, lastWrite?: number) =>
    client.emit("serverHeartbeatSucceeded", {
      connectionId: member,
      reply: {
        setName: "rs",
        ...role,
        ...(lastWrite !== undefined && { lastWrite: { lastWriteDate: new Date(lastWrite) } }),
      },
    });
  const primary = { isWritablePrimary: true };
  const secondary = { isWritablePrimary: false, secondary: true };
  return { client, heard, primary, secondary, lags: () => lags };
}

describe("how far the members of a replica set are behind", () => {
  test("is told by their last writes", () => {
    const { heard, primary, secondary, lags } = watched();
    heard("a:1", primary, start);
    heard("b:1", secondary, start - 3_000);
    heard("c:1", secondary, start);
    expect(lags()).toEqual([
      { member: "b:1", seconds: 3 },
      { member: "c:1", seconds: 0 },
    ]);
  });

  test("does not count the time between their heartbeats", () => {
    const { heard, primary, secondary, lags } = watched();
    heard("b:1", secondary, start);
    vi.setSystemTime(start + 9_000);
    heard("a:1", primary, start + 9_000);
    expect(lags()).toEqual([{ member: "b:1", seconds: 0 }]);
  });

  test("is not known without a primary, of a member that has gone, and of a server that stands alone", () => {
    const { client, heard, primary, secondary, lags } = watched();
    heard("b:1", secondary, start - 3_000);
    expect(lags()).toEqual([]);
    heard("a:1", primary, start);
    client.emit("serverHeartbeatFailed", { connectionId: "b:1" });
    heard("a:1", primary, start);
    expect(lags()).toEqual([]);

    const alone = watched();
    alone.heard("a:1", { setName: undefined, isWritablePrimary: true }, start);
    alone.heard("arbiter:1", { arbiterOnly: true });
    expect(alone.lags()).toBeUndefined();
  });
});
