import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { logStateStream } from "../../commands/log/log-state.ts";
import type { EventStoreDouble } from "../stores/eventstoredb/double/server.ts";
import { mongoForTests } from "../support/mongodb.ts";
import { freePort } from "../support/ports.ts";
import { cli, contentsOf, filledFolder, temporaryPath } from "./cli.ts";
import { doubleForTest, running } from "./servers.ts";

interface Report {
  clean: boolean;
  findings: { level: string; about: string; message: string }[];
  servers: { name: string; version: string }[];
  log?: { events: number; bytes: number | null };
}

const adminKey = "a-key-for-the-tests-only";

/** The sample shop on a double, and the settings that find it. */
async function shopOnServer(): Promise<{ double: EventStoreDouble; settings: Record<string, string> }> {
  const double = await doubleForTest();
  const moved = await cli(["copy", "--from", await filledFolder(), "--to", double.url]);
  expect(moved).toMatchObject({ code: 0 });
  return { double, settings: { EVENTSTOREDB_URL: double.url, DATA_DIR: await temporaryPath("data") } };
}

/** A server on these stores, once it is ready. */
async function served(settings: Record<string, string>): Promise<string> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const env = { ...settings, ADMIN_API_KEY: adminKey, PORT: new URL(url).port, SAMPLE_SHOP: "off" };
  const server = running(["start"], env);
  await vi.waitFor(
    async () => {
      if (server.child.exitCode !== null) throw new Error(server.stderr());
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    },
    { timeout: 60_000, interval: 100 },
  );
  return url;
}

function receive(url: string, quantity: number): Promise<Response> {
  return fetch(`${url}/v1/stock/MUG-01/receipts`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ quantity }),
  });
}

test("beside a running shop on a server, its log is read, backed up, archived and looked over", async () => {
  const { settings } = await shopOnServer();
  const url = await served(settings);
  expect((await receive(url, 5)).status).toBe(201);
  const events = await cli(["events", "stock-MUG-01", "--json"], settings);
  expect(events).toMatchObject({ code: 0 });
  expect(JSON.parse(events.stdout).events.at(-1)).toMatchObject({ type: "StockReceived" });

  const file = await temporaryPath("shop.jsonl.gz");
  expect(await cli(["backup", file], settings)).toMatchObject({ code: 0 });
  const to = await temporaryPath("data");
  const restoring = await cli(["restore", file], { DATA_DIR: to });
  expect(restoring).toMatchObject({ code: 0 });
  // How many it is that are in the backup and not in the store.
  expect(restoring.stdout).toMatch(/ Left out: [1-9]\d* events? of who had written the log/);
  const restored = (await contentsOf(to)) as { type: string; stream: string }[];
  expect(restored.at(-1)).toMatchObject({ type: "StockReceived" });
  expect(restored.filter(({ stream }) => stream === logStateStream)).toEqual([]);

  const archive = await temporaryPath("shop.archive");
  const archived = await cli(["archive", archive, "--json"], settings);
  expect(JSON.parse(archived.stdout).events).toBeGreaterThan(restored.length);
  const doctor = await cli(["doctor", "--json"], settings);
  const report = JSON.parse(doctor.stdout) as Report;
  expect(report.findings.filter(({ level }) => level === "problem")).toEqual([]);
  expect(report).toMatchObject({ clean: true, log: { bytes: null }, servers: [{ name: "EventStoreDB" }] });
  expect(report.findings).toContainEqual({
    level: "note",
    about: "read models",
    message: expect.stringContaining("is in use by another process"),
  });
});

test("a shop that runs on a server while it is moved answers 503 from then on, and nothing is lost", async () => {
  const { double, settings } = await shopOnServer();
  const url = await served(settings);
  const to = await temporaryPath("data");
  const statuses = new Set<number>();
  let taken = 0;
  const moving = cli(["copy", "--from", double.url, "--to", to, "--json"]);
  let isOver = false;
  const buying = (async () => {
    while (!isOver) {
      const { status } = await receive(url, 1);
      statuses.add(status);
      if (status === 201) taken++;
      await sleep(20);
    }
  })();
  const moved = await moving;
  isOver = true;
  await buying;
  expect(moved).toMatchObject({ code: 0 });
  expect([...statuses].sort()).toEqual([201, 503]);
  const refusal = await receive(url, 1);
  expect(await refusal.json()).toMatchObject({ code: "unavailable", detail: `this shop has moved to ${to}` });
  const copied = (await contentsOf(to)) as { type: string; stream: string; metadata: { actor: string } }[];
  const received = copied.filter(
    ({ stream, metadata }) => stream === "stock-MUG-01" && metadata.actor !== "system:sample-shop",
  );
  expect(received.length).toBe(taken);
  expect((await fetch(`${url}/v1/products`)).status).toBe(200);
});

describe("a backup", () => {
  test("fills an empty log on a server, and no other", async () => {
    const from = await filledFolder({ receipts: 300 });
    const file = await temporaryPath("shop.jsonl.gz");
    await cli(["backup", file], { DATA_DIR: from });
    const double = await doubleForTest();
    const settings = { EVENTSTOREDB_URL: double.url, DATA_DIR: await temporaryPath("data") };
    const restored = await cli(["restore", file, "--json"], settings);
    expect(restored).toMatchObject({ code: 0 });
    const contents = await contentsOf(from);
    expect(JSON.parse(restored.stdout)).toMatchObject({ events: contents.length });
    expect(await cli(["verify"], settings)).toMatchObject({ code: 0 });
    const compared = await cli(["copy", "--keep", "--from", from, "--to", double.url, "--json"]);
    expect(JSON.parse(compared.stdout)).toMatchObject({ alreadyThere: contents.length, copied: 0 });
    const again = await cli(["restore", file], settings);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toContain("is not empty");
  });
});

describe("doctor", () => {
  test("names a server that is away", async () => {
    const settings = {
      EVENTSTOREDB_URL: (await doubleForTest()).url,
      REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      DATA_DIR: await temporaryPath("data"),
    };
    const found = await cli(["doctor", "--json"], settings);
    expect(found.code).toBe(1);
    const { findings, servers } = JSON.parse(found.stdout) as Report;
    expect(findings).toContainEqual({
      level: "problem",
      about: "Redis",
      message: expect.stringContaining("Redis is away"),
    });
    expect(servers).toMatchObject([{ name: "EventStoreDB", version: "24.2.0.0" }]);
  });

  test("says when the log's clock and the writers' differ by more than 2 s", async () => {
    const { double, settings } = await shopOnServer();
    const url = await served(settings);
    expect((await receive(url, 5)).status).toBe(201);
    const report = async () => JSON.parse((await cli(["doctor", "--json"], settings)).stdout) as Report;
    const about = ({ findings }: Report) => findings.filter((each) => each.about === "EventStoreDB");
    expect(about(await report())).toEqual([]);
    double.log.clockAheadMs = 5_000;
    expect(about(await report())).toMatchObject([
      { level: "problem", message: expect.stringMatching(/^its clock is [45]\.\d s ahead of ours/) },
    ]);
  });
});

const mongo = await mongoForTests();
if ("reason" in mongo) {
  test.skip(`read models on MongoDB are not tried: ${mongo.reason}`, () => {});
} else {
  test("with both on servers, read models are rebuilt, compared and looked over beside a running shop", async () => {
    const { settings: log } = await shopOnServer();
    const settings = { ...log, MONGODB_URL: `${mongo.url}${mongo.database()}` };
    const url = await served(settings);
    let isOver = false;
    const statuses = new Set<number>();
    const buying = (async () => {
      for (; !isOver; await sleep(100)) statuses.add((await receive(url, 1)).status);
    })();
    const archive = await temporaryPath("shop.archive");
    expect(await cli(["archive", archive], settings)).toMatchObject({ code: 0 });
    const rebuilt = await cli(["rebuild", "stock", "--archive", archive, "--json"], settings);
    expect(rebuilt).toMatchObject({ code: 0 });
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ models: [{ name: "stock", parked: 0 }] });
    expect(await cli(["verify", "stock", "catalog"], settings)).toMatchObject({ code: 0 });
    isOver = true;
    await buying;
    expect([...statuses]).toEqual([201]);
    const doctor = JSON.parse((await cli(["doctor", "--json"], settings)).stdout) as Report;
    expect(doctor.findings.filter(({ level }) => level === "problem")).toEqual([]);
    expect(doctor.servers.map(({ name }) => name)).toEqual(["EventStoreDB", "MongoDB"]);
  });
}
