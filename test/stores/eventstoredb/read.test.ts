import { describe, expect, test } from "vitest";
import {
  logStart,
  noStream,
  OutcomeUnknown,
  StoreDamaged,
  StoreUnavailable,
} from "../../../src/stores/event-store/event-store.ts";
import { event, failureOf, impatient, numbered, open, startDouble, until } from "./support.ts";

describe("a read", () => {
  test("ends its call, also when it is left early", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    await store.append("a-1", noStream, numbered(200));
    for (let n = 0; n < 150; n++) await store.readStream("a-1", { maxCount: 100, bytesMax: 1 });
    await Promise.all(Array.from({ length: 150 }, () => store.readAll({ after: logStart, maxCount: 1 })));
    await until(() => double.openReads.size === 0);
    expect((await store.append("a-1", 199, [event()])).revision).toBe(200);
  });

  test.each([["not-leader"], ["unavailable"]] as const)("that meets %s is tried again", async (kind) => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    await store.append("a-1", noStream, numbered(2));
    double.readFaults.push({ kind });
    expect((await store.readStream("a-1", { maxCount: 9 })).events).toHaveLength(2);
    double.readFaults.push({ kind: "cut", afterEvents: 2 });
    const { events } = await store.readAll({ after: logStart, maxCount: 9 });
    expect(events.map(({ revision }) => revision)).toEqual([0, 1]);
  });

  test("that brings nothing is given up, and the store goes on", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url, limits: impatient });
    double.readFaults.push({ kind: "stall" });
    expect(await failureOf(store.head())).toBeInstanceOf(StoreUnavailable);
    expect((await store.append("a-1", noStream, [event()])).revision).toBe(0);
    await until(() => double.openReads.size === 0);
  });

  test("that is cut off by a new connection is not taken for a stream that ends there", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url, limits: impatient });
    await store.append("a-1", noStream, numbered(5));
    double.readFaults.push({ kind: "hang", afterEvents: 3 });
    const read = store.readStream("a-1", { maxCount: 9 });
    await until(() => double.eventsSent >= 3);
    await new Promise((resolve) => setTimeout(resolve, 30));
    double.appendFaults.push("stall");
    expect(await failureOf(store.append("a-2", noStream, [event()]))).toBeInstanceOf(OutcomeUnknown);
    const { events, isEnd } = await read;
    expect([events.length, isEnd]).toEqual([5, true]);
  });

  test("that decides asks for the leader", async () => {
    const [leader, follower] = [await startDouble(), await startDouble()];
    follower.leaderPort = leader.port;
    const store = await open({ url: follower.url });
    leader.log.append("a-1", -1, [
      { ...event(), isJson: true, data: Buffer.from("1"), metadata: Buffer.from("{}") },
    ]);
    leader.publish();
    expect((await store.readStream("a-1", { maxCount: 9 })).events).toHaveLength(1);
    expect(await store.head()).not.toBe(logStart);
    expect(follower.log.revisionOf("log-identity")).toBe(noStream);
  });

  test("of a stream whose first events are hidden is refused", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    await store.append("a-1", noStream, numbered(4));
    double.log.hideBefore("a-1", 2);
    expect(await failureOf(store.readStream("a-1", { maxCount: 9 }))).toBeInstanceOf(StoreDamaged);
    expect((await store.readStream("a-1", { from: 2, maxCount: 9 })).events).toHaveLength(2);
  });

  test("of a server that is too old is refused at the start", async () => {
    for (const version of ["23.10.1.0", "unknown", "5.0.11"]) {
      const double = await startDouble({ version });
      expect(await failureOf(open({ url: double.url }))).toBeInstanceOf(StoreDamaged);
    }
    const newer = await startDouble({ version: "25.0.0" });
    expect((await open({ url: newer.url })).logId).not.toBe("");
  });
});

test("thousands of looks at streams that are not there reset no calls, for which a server would end the connection", async () => {
  const double = await startDouble();
  const store = await open({ url: double.url });
  await store.append("a-1", noStream, [event()]);
  let left = 4_000;
  const look = async () => {
    while (left-- > 0) {
      const isThere = left % 4 === 0;
      const { events } = await store.readStream(isThere ? "a-1" : `none-${left}`, { maxCount: 10 });
      expect(events).toHaveLength(isThere ? 1 : 0);
    }
  };
  await Promise.all(Array.from({ length: 64 }, look));
});

describe("the log", () => {
  test("shows nothing of the server's own, nor its own name", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    expect(await store.head()).toBe(logStart);
    expect(await store.readAll({ after: logStart, maxCount: 9 })).toEqual({
      events: [],
      scannedTo: logStart,
      scannedEvents: 0,
    });
    for (let n = 0; n < 30; n++) await store.append(`a-${n}`, noStream, numbered(1));
    const { events } = await store.readAll({ after: logStart, maxCount: 100 });
    expect(events.map(({ stream }) => stream)).toEqual(Array.from({ length: 30 }, (_, n) => `a-${n}`));
  });

  test("has its head at the shop's newest event, however many of the server's follow", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    const { position } = await store.append("a-1", noStream, numbered(2));
    for (let n = 0; n < 300; n++) double.log.writeSystemEvent("$stats", "$statsCollected");
    double.publish();
    expect(await store.head()).toBe(position);
    expect(await store.head()).toBe(position);
    expect((await store.readAll({ after: position, maxCount: 9 })).scannedTo).toBe(position);
    const next = await store.append("a-1", 1, [event("next")]);
    expect(await store.head()).toBe(next.position);
    const { events } = await store.readAll({ after: position, maxCount: 1 });
    expect(events.map(({ data }) => data)).toEqual(["next"]);
  });

  test("tells the event at a position, for a checkpoint to be checked", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    const [first, second] = [event("first"), event("second")];
    await store.append("a-1", noStream, [first, second]);
    const { events } = await store.readAll({ after: logStart, maxCount: 9 });
    expect(await store.eventIdAt(events[0]?.position ?? "")).toBe(first.id);
    expect(await store.eventIdAt(events[1]?.position ?? "")).toBe(second.id);
    // A position within the log where no event begins is an error to the server, one beyond it is not.
    const between = String(BigInt(events[0]?.position.slice(0, 20) ?? 0) + 1n).padStart(20, "0");
    expect(await store.eventIdAt(between + between)).toBe(undefined);
    const page = store.readAll({ after: between + between, maxCount: 9 });
    expect(await failureOf(page)).toBeInstanceOf(StoreDamaged);
    expect(await store.eventIdAt("9".repeat(10).padStart(20, "0").repeat(2))).toBe(undefined);
    expect(await failureOf(store.eventIdAt("0000000000000007"))).toBeInstanceOf(RangeError);
  });

  test("shows what others have written without our metadata", async () => {
    const double = await startDouble();
    const store = await open({ url: double.url });
    const foreign = { id: event().id, type: "Foreign", isJson: true };
    double.log.append("elsewhere", -1, [{ ...foreign, data: Buffer.from("[1]"), metadata: Buffer.alloc(0) }]);
    double.publish();
    const { events } = await store.readAll({ after: logStart, maxCount: 9 });
    expect(events).toMatchObject([{ type: "Foreign", data: [1], metadata: { actor: "" } }]);
    expect(events[0]?.time).toBeGreaterThan(1_700_000_000_000);
  });
});

describe("opening", () => {
  test("gives a log its id once, whoever comes first", async () => {
    const double = await startDouble();
    const stores = await Promise.all(Array.from({ length: 4 }, () => open({ url: double.url })));
    expect(new Set(stores.map(({ logId }) => logId)).size).toBe(1);
    expect(double.log.revisionOf("log-identity")).toBe(0);
    const other = await startDouble();
    expect((await open({ url: other.url })).logId).not.toBe(stores[0]?.logId);
  });

  test("finds the id that it wrote without being told so", async () => {
    const double = await startDouble();
    double.appendFaults.push("lose-answer");
    const first = await open({ url: double.url, limits: impatient });
    expect((await open({ url: double.url })).logId).toBe(first.logId);
  });

  test.each([
    ["esdb://127.0.0.1:2113", false],
    ["esdb://admin:se%40cret@10.0.0.1:2113,node:2113?tlsCAFile=ca.crt", false],
    ["esdb+discover://[::1]:2113?tls=true", false],
    ["esdb://127.0.0.1:1?tls=false", true],
    ["esdb://a:b@127.0.0.1:1,127.0.0.1:2?maxDiscoverAttempts=1&tls=false", true],
    ["esdb://localhost:1?tls=true", true],
  ])("names its nodes when it speaks TLS: %s, allowed: %s", async (url, isAllowed) => {
    const failure = await failureOf(open({ url, limits: { connectMs: 50, openMs: 10 } }));
    expect(failure).toBeInstanceOf(isAllowed ? StoreUnavailable : RangeError);
  });

  test("waits for a server that is up and not ready", async () => {
    const double = await startDouble();
    double.unreadyTimes = 2;
    expect((await open({ url: double.url })).logId).not.toBe("");
  });

  test("waits for a server that comes later, and not for ever", async () => {
    const double = await startDouble();
    double.kill();
    const limits = { ...impatient, openMs: 100 };
    expect(await failureOf(open({ url: double.url, limits }))).toBeInstanceOf(StoreUnavailable);
    const waiting = open({ url: double.url, limits: impatient });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await double.listen();
    expect((await waiting).logId).not.toBe("");
  });

  test("finds the leader of a cluster, and again after the whole cluster was away", async () => {
    const [first, second] = [await startDouble(), await startDouble()];
    const members = [
      { port: first.port, isLeader: false },
      { port: second.port, isLeader: true },
    ];
    first.members = members;
    second.members = members;
    const nodes = `127.0.0.1:${first.port},127.0.0.1:${second.port}`;
    const store = await open({
      url: `esdb://${nodes}?tls=false&maxDiscoverAttempts=2&discoveryInterval=10`,
      limits: impatient,
    });
    await store.append("a-1", noStream, [event()]);
    expect(second.log.revisionOf("a-1")).toBe(0);
    first.kill();
    second.kill();
    await failureOf(store.append("a-2", noStream, [event()]));
    expect(await failureOf(store.append("a-3", noStream, [event()]))).toBeInstanceOf(StoreUnavailable);
    expect(await failureOf(store.head())).toBeInstanceOf(StoreUnavailable);
    await first.listen();
    await second.listen();
    expect((await store.append("a-3", noStream, [event()])).revision).toBe(0);
    expect(await store.head()).not.toBe(logStart);
  });
});
