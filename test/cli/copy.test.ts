import { execFileSync } from "node:child_process";
import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test, vi } from "vitest";
import { logStateStream } from "../../commands/log/log-state.ts";
import { stock } from "../../commands/stock/stock.ts";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { type EventStore, logStart } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { cli, contentsOf, filledFolder, openShop, temporaryPath } from "./cli.ts";
import { doubleForTest, openServer, running } from "./servers.ts";

/** Bytes and all, but positions and whose turn it is to write. */
async function textsOf(log: EventStore): Promise<string[]> {
  const texts: string[] = [];
  for (let after = logStart; ; ) {
    const page = await log.readAll({ after, maxCount: 5_000, withMetadata: true });
    if (page.scannedTo <= after) return texts;
    after = page.scannedTo;
    for (const { stream, revision, id, type, data, metadata } of page.events) {
      const { time, ...others } = metadata;
      if (stream !== logStateStream)
        texts.push(JSON.stringify([stream, revision, id, type, data, { time, ...others }]));
    }
  }
}

async function textsIn(directory: string): Promise<string[]> {
  const log = openEmbeddedEventStore({ directory, readOnly: true });
  try {
    return await textsOf(log);
  } finally {
    await log.close();
  }
}

async function receive(folder: string, quantity: number): Promise<void> {
  const runtime = await openShop(folder);
  const context = { commandId: newId(), now: Date.now(), actor: "test", correlationId: "test" };
  try {
    await runtime.engine.execute(stock, "MUG-01", "Receive", { quantity }, context);
  } finally {
    await runtime.close();
  }
}

test("a shop moves from a data folder to EventStoreDB and on to another folder, event by event", async () => {
  const from = await filledFolder({ receipts: 300 });
  const texts = await textsIn(from);
  const double = await doubleForTest();
  const moved = await cli(["copy", "--from", from, "--to", double.url, "--json"]);
  expect(moved).toMatchObject({ code: 0 });
  expect(JSON.parse(moved.stdout)).toMatchObject({
    events: texts.length,
    alreadyThere: 0,
    copied: texts.length,
    moved: true,
  });
  expect(JSON.parse(moved.stdout).appends).toBeLessThan(texts.length - 100);
  const server = await openServer(double.url);
  expect(await textsOf(server)).toEqual(texts);

  const to = await temporaryPath("data");
  const back = await cli(["copy", "--from", double.url, "--to", to]);
  expect(back).toMatchObject({ code: 0 });
  expect(back.stdout).toContain(`copied ${texts.length.toLocaleString("en-US")} events`);
  expect(await textsIn(to)).toEqual(texts);
  const logs = [from, to].map((directory) => openEmbeddedEventStore({ directory, readOnly: true }));
  expect(new Set([server, ...logs].map(({ logId }) => logId)).size).toBe(3);
  for (const log of logs) await log.close();
  expect(await cli(["verify"], { DATA_DIR: to })).toMatchObject({ code: 0 });
});

test("a folder that was left takes no commands, and the shop comes back to it with what is new", async () => {
  const from = await filledFolder();
  const other = await temporaryPath("data");
  expect(await cli(["copy", "--from", from, "--to", other])).toMatchObject({ code: 0 });
  await expect(receive(from, 1)).rejects.toThrow(`this shop has moved to ${other}`);
  await receive(other, 7);
  const again = await cli(["copy", "--from", from, "--to", other]);
  expect(again).toMatchObject({ code: 1, stdout: "" });
  expect(again.stderr).toContain("the target holds events that the source does not");

  const back = await cli(["copy", "--from", other, "--to", from, "--json"]);
  expect(JSON.parse(back.stdout)).toMatchObject({ copied: 1, moved: true });
  expect(await textsIn(from)).toEqual(await textsIn(other));
  await receive(from, 1);
  await expect(receive(other, 1)).rejects.toThrow(`this shop has moved to ${from}`);
});

test("a copy that is to keep its source leaves it open, and goes on later", async () => {
  const from = await filledFolder();
  const to = await temporaryPath("data");
  expect(await cli(["copy", "--keep", "--from", from, "--to", to])).toMatchObject({ code: 0 });
  await receive(from, 1);
  const later = await cli(["copy", "--from", from, "--to", to, "--json"]);
  expect(JSON.parse(later.stdout)).toMatchObject({ copied: 1, moved: true });
  expect(await textsIn(to)).toEqual(await textsIn(from));
});

test("reopen lets a shop go on where it had moved away from", async () => {
  const from = await filledFolder();
  const to = await temporaryPath("data");
  await cli(["copy", "--from", from, "--to", to]);
  expect(await cli(["reopen"], { DATA_DIR: from })).toMatchObject({
    code: 0,
    stdout: "The shop goes on here.\n",
  });
  await receive(from, 1);
  expect(await cli(["reopen"], { DATA_DIR: from })).toMatchObject({
    code: 0,
    stdout: "It was open already.\n",
  });
});

test.each(["server", "folder"])(
  "killed half way and run again, a copy to a %s is as if never broken off",
  async (kind) => {
    const from = await filledFolder({ receipts: 20_000 });
    const double = kind === "server" ? await doubleForTest() : undefined;
    const to = double?.url ?? (await temporaryPath("data"));
    const seen = async () => {
      if (double) return double.log.records.length;
      const log = openEmbeddedEventStore({ directory: to, readOnly: true });
      const count = await log.countBetween(logStart, await log.head());
      await log.close();
      return count ?? 0;
    };
    const { child, ended, stdout } = running([
      "copy",
      "--from",
      from,
      "--to",
      to,
      "--in-flight",
      "4",
      "--json",
    ]);
    await vi.waitFor(async () => expect(await seen()).toBeGreaterThan(1_000), {
      timeout: 30_000,
      interval: 1,
    });
    child.kill("SIGKILL");
    await ended;
    expect(stdout()).toBe("");
    const texts = await textsIn(from);

    const resumed = await cli(["copy", "--from", from, "--to", to, "--json"]);
    expect(resumed.stderr).not.toContain("Error");
    const summary = JSON.parse(resumed.stdout);
    expect(summary).toMatchObject({ events: texts.length, moved: true });
    expect(summary.alreadyThere).toBeGreaterThan(900);
    expect(summary.alreadyThere + summary.copied).toBe(texts.length);
    expect(double ? await textsOf(await openServer(double.url)) : await textsIn(to)).toEqual(texts);
  },
);

test("a log that is not whole yet takes no commands, and is no source", async () => {
  const half = await temporaryPath("data");
  const from = await filledFolder({ receipts: 20_000 });
  const { child, ended } = running(["copy", "--from", from, "--to", half]);
  await vi.waitFor(
    async () => {
      const log = openEmbeddedEventStore({ directory: half, readOnly: true });
      const head = await log.head();
      await log.close();
      expect(head).not.toBe(logStart);
    },
    { timeout: 30_000, interval: 1 },
  );
  child.kill("SIGKILL");
  await ended;
  await expect(receive(half, 1)).rejects.toThrow("is not whole yet");
  const onwards = await cli(["copy", "--from", half, "--to", await temporaryPath("data")]);
  expect(onwards).toMatchObject({ code: 1, stdout: "" });
  expect(onwards.stderr).toContain("is not whole: a copy into it was broken off");
  const others = await cli(["copy", "--from", await filledFolder(), "--to", half]);
  expect(others).toMatchObject({ code: 1 });
});

test("a target that holds other events is refused and left as it is", async () => {
  const from = await filledFolder();
  const double = await doubleForTest();
  const server = await openServer(double.url);
  const metadata = { time: 1, commandId: "c", correlationId: "c", actor: "somebody" };
  await server.append("stock-A", -1, [{ id: newId(), type: "Noted", data: '{"n":1}', metadata }]);
  const before = double.log.records.length;
  const refused = await cli(["copy", "--from", from, "--to", double.url]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /^the target holds other events: event 1 is \w+ at revision 0 of \S+ in the source and Noted at revision 0 of stock-A in the target/,
  );
  expect(double.log.records.length).toBe(before);
  await receive(from, 1);
});

test("one changed byte in a target is found", async () => {
  const from = await filledFolder();
  const double = await doubleForTest();
  await cli(["copy", "--keep", "--from", from, "--to", double.url]);
  const received = double.log.records.findLast(({ type }) => type === "StockReceived");
  if (!received) throw new Error("something was received");
  received.data = Buffer.from(received.data.toString().replace(/"quantity":\d/, '"quantity":9'));
  const refused = await cli(["copy", "--from", from, "--to", double.url]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain("(its data differs)");
  received.data = Buffer.from("{}");
});

test("a folder in use is no source, an empty one neither, and a log is not copied to itself", async () => {
  const from = await filledFolder();
  const to = await temporaryPath("data");
  const runtime = await openShop(from);
  const used = await cli(["copy", "--from", from, "--to", to]);
  expect(used).toMatchObject({ code: 1, stdout: "" });
  expect(used.stderr).toContain("is in use by another process");
  await runtime.close();
  const nothing = await temporaryPath("nothing");
  expect((await cli(["copy", "--from", nothing, "--to", to])).stderr).toBe(
    `there is no store in ${nothing}\n`,
  );
  const double = await doubleForTest();
  expect((await cli(["copy", "--from", double.url, "--to", double.url])).stderr).toContain("the same log");
  expect((await cli(["copy", "--from", double.url, "--to", to])).stderr).toContain("holds no event");
});

test("version 0.1's shop moves to EventStoreDB, and its answers are found there", async () => {
  const fixture = join(import.meta.dirname, "../fixtures/data-v0.1.tar.gz");
  const folder = await temporaryPath("data");
  execFileSync("tar", ["-xzf", fixture, "-C", dirname(folder)]);
  const contents = await contentsOf(folder);
  const double = await doubleForTest();
  expect(await cli(["copy", "--from", folder, "--to", double.url])).toMatchObject({ code: 0 });
  const back = await temporaryPath("data");
  await mkdir(dirname(back), { recursive: true });
  expect(await cli(["copy", "--keep", "--from", double.url, "--to", back])).toMatchObject({ code: 0 });
  const copied = (await contentsOf(back)) as { stream: string }[];
  expect(copied.filter(({ stream }) => stream !== logStateStream)).toEqual(contents);
  await cp(join(folder, "secret"), join(back, "secret"));
  expect(await cli(["verify"], { DATA_DIR: back })).toMatchObject({ code: 0 });
});
