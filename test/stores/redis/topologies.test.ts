import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openRedisHotStore, type RedisHotStore } from "../../../src/stores/hot-store/redis/hot.ts";
import { openRedisNews } from "../../../src/stores/hot-store/redis/news.ts";
import { newId } from "../../../src/values/ids.ts";
import { freePort } from "../../support/ports.ts";
import { accepts, type RedisServer, startRedis, whyNoRedisHere } from "./server.ts";

const whyNot = whyNoRedisHere();
const longMs = 60_000;
const withinMs = 20_000;
const testTimeoutMs = 60_000;

describe.skipIf(whyNot)(`a hot store behind sentinels ${whyNot ?? ""}`, () => {
  let primary: RedisServer;
  let replica: RedisServer;
  let sentinel: { port: number; close(): Promise<void> };
  let store: RedisHotStore;
  beforeAll(async () => {
    primary = await startRedis();
    replica = await startRedis([
      "--replicaof",
      `127.0.0.1 ${primary.port}`,
      "--repl-diskless-sync-delay",
      "0",
    ]);
    await says(() => replica.ask("INFO", "replication"), /link_status:up/);
    sentinel = await startSentinel(primary.port);
    const url = `redis+sentinel://127.0.0.1:${sentinel.port},127.0.0.1:1/shop`;
    store = openRedisHotStore({ url, logId: newId(), commandTimeoutMs: 1_000 });
    expect(await store.connected(withinMs)).toBe(true);
  }, testTimeoutMs);
  afterAll(async () => {
    await store?.close();
    await sentinel?.close();
    await Promise.all([primary?.close(), replica?.close()]);
  });

  test(
    "goes on with the new primary when the old one is gone",
    async () => {
      const { set, get } = store;
      await set("a", "x", longMs);
      await expect.poll(() => replica.ask("DBSIZE"), { timeout: withinMs }).toBe("1");
      await primary.signal("SIGKILL");
      await expect(get("a")).rejects.toThrow("away");
      const write = () =>
        set("b", "y", longMs).then(
          () => "kept",
          () => "away",
        );
      await expect.poll(write, { timeout: withinMs, interval: 200 }).toBe("kept");
      expect(await get("a")).toBe("x");
      expect(replica.ask("ROLE")).toMatch(/^master/);
      expect(store.state()).toBe("ready");
    },
    testTimeoutMs,
  );
});

describe.skipIf(whyNot)(`a hot store on a cluster ${whyNot ?? ""}`, () => {
  let nodes: RedisServer[] = [];
  let store: RedisHotStore;
  beforeAll(async () => {
    const settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    nodes = await Promise.all(Array.from({ length: 3 }, () => startRedis(settings)));
    const [first, ...others] = nodes;
    const slots = [0, 5_461, 10_923, 16_384];
    for (const [n, node] of nodes.entries())
      node.ask("CLUSTER", "ADDSLOTSRANGE", `${slots[n]}`, `${(slots[n + 1] ?? 0) - 1}`);
    for (const other of others) other.ask("CLUSTER", "MEET", "127.0.0.1", `${first?.port}`);
    for (const node of nodes) await says(() => node.ask("CLUSTER", "INFO"), /cluster_state:ok/);
    const url = `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
    store = openRedisHotStore({ url, logId: newId(), commandTimeoutMs: 1_000 });
    expect(await store.connected(withinMs)).toBe(true);
  }, testTimeoutMs);
  afterAll(async () => {
    await store?.close();
    await Promise.all(nodes.map((node) => node.close()));
  });

  test("keeps keys on every node, and runs its scripts there", async () => {
    const { set, get, setIfAbsent, setDated, getDated, pushRecent, recent } = store;
    const names = Array.from({ length: 60 }, (_, n) => `key-${n}`);
    await Promise.all(names.map((name) => set(name, name, longMs)));
    expect(await Promise.all(names.map(get))).toEqual(names);
    await Promise.all(
      names.map((name) => setDated(`d-${name}`, { value: name, position: "1", asOf: "1" }, longMs)),
    );
    expect(
      (await Promise.all(names.map((name) => getDated(`d-${name}`)))).map((kept) => kept?.value),
    ).toEqual(names);
    const absent = await Promise.all(names.map((name) => setIfAbsent(`n-${name}`, name, longMs)));
    expect(absent).toEqual(names.map(() => true));
    await Promise.all(names.map((name) => pushRecent(`l-${name}`, name, 3, longMs)));
    expect(await recent("l-key-7")).toEqual(["key-7"]);
    for (const node of nodes) expect(Number(node.ask("DBSIZE"))).toBeGreaterThan(0);
  });

  test("tells news from whichever node to whichever", async () => {
    const logId = newId();
    const all = nodes.map(({ port }) =>
      openRedisNews({ url: `redis+cluster://127.0.0.1:${port}`, logId, topic: "appends" }),
    );
    const heard: string[][] = all.map(() => []);
    for (const [n, news] of all.entries()) news.subscribe((position) => heard[n]?.push(position));
    for (const news of all) await says(() => news.state(), /ready/);
    all[0]?.publish("0001");
    await vi.waitFor(() => expect(heard).toEqual([["0001"], ["0001"], ["0001"]]), { timeout: withinMs });
    await Promise.all(all.map((news) => news.close()));
  });

  test(
    "refuses what a lost node held, within its time, and serves it when the node is back",
    async () => {
      const [lost] = nodes;
      await lost?.signal("SIGKILL");
      const start = performance.now();
      const answers = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => store.get(`key-${n}`)));
      expect(performance.now() - start).toBeLessThan(3_000);
      expect(answers.some(({ status }) => status === "rejected")).toBe(true);
      await lost?.start();
      const all = () =>
        Promise.all(answers.map((_, n) => store.get(`key-${n}`))).then(
          () => "served",
          () => "away",
        );
      await expect.poll(all, { timeout: withinMs, interval: 200 }).toBe("served");
      expect(store.state()).toBe("ready");
    },
    testTimeoutMs,
  );
});

async function says(ask: () => string, what: RegExp): Promise<void> {
  await vi.waitFor(() => expect(ask()).toMatch(what), { timeout: withinMs, interval: 100 });
}

async function startSentinel(primaryPort: number) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "cartwright-sentinel-"));
  const settings = join(folder, "sentinel.conf");
  writeFileSync(
    settings,
    [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      `sentinel monitor shop 127.0.0.1 ${primaryPort} 1`,
      "sentinel down-after-milliseconds shop 500",
      "sentinel failover-timeout shop 3000",
    ].join("\n"),
  );
  const child: ChildProcess = spawn("redis-server", [settings, "--sentinel"], { stdio: "ignore" });
  await accepts(port);
  return {
    port,
    close: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
