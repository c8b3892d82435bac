import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { cli, contentsOf, filledFolder, openShop, temporaryPath } from "./cli.ts";

async function logIdOf(directory: string): Promise<string> {
  const log = openEmbeddedEventStore({ directory, readOnly: true });
  await log.close();
  return log.logId;
}

test("a backup restored into another folder is the same log, and its read models are clean", async () => {
  const from = await filledFolder({ receipts: 300 });
  const to = await temporaryPath("data");
  const file = await temporaryPath("shop.jsonl.gz");
  const backedUp = await cli(["backup", file, "--json"], { DATA_DIR: from });
  expect(backedUp.code).toBe(0);
  const contents = await contentsOf(from);
  expect(JSON.parse(backedUp.stdout)).toMatchObject({ file, events: contents.length });
  expect(existsSync(`${file}.tmp`)).toBe(false);

  const restored = await cli(["restore", file, "--json"], { DATA_DIR: to });
  expect(restored.code).toBe(0);
  const streams = new Set(contents.map((event) => (event as { stream: string }).stream));
  const whole = { events: contents.length, streams: streams.size, leftOut: 0 };
  expect(JSON.parse(restored.stdout)).toMatchObject(whole);
  expect((await readdir(to)).sort()).toEqual(["admin-api-key", "lock.db", "log.db", "secret", "views"]);
  expect(await contentsOf(to)).toEqual(contents);
  expect(await logIdOf(to)).not.toBe(await logIdOf(from));
  expect(await cli(["verify"], { DATA_DIR: to })).toMatchObject({ code: 0 });
  expect(await cli(["doctor"], { DATA_DIR: to })).toMatchObject({ code: 0 });
});

test("a backup replaces a file only when told to, and a restore never a store", async () => {
  const folder = await filledFolder();
  const file = await temporaryPath("shop.jsonl.gz");
  await writeFile(file, "precious");
  const refused = await cli(["backup", file], { DATA_DIR: folder });
  expect(refused).toEqual({ code: 1, stdout: "", stderr: `${file} exists already; --force replaces it\n` });
  expect(await readFile(file, "utf8")).toBe("precious");
  expect(await cli(["backup", file, "--force"], { DATA_DIR: folder })).toMatchObject({ code: 0 });

  const contents = await contentsOf(folder);
  const again = await cli(["restore", file], { DATA_DIR: folder });
  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(/^the store in .* is not empty.*\n$/);
  expect(await contentsOf(folder)).toEqual(contents);
});

test("a store that never held an event may be restored into", async () => {
  const file = await temporaryPath("shop.jsonl.gz");
  const from = await filledFolder();
  await cli(["backup", file], { DATA_DIR: from });
  const to = await temporaryPath("data");
  const runtime = await openShop(to);
  await runtime.close();
  expect(await cli(["restore", file], { DATA_DIR: to })).toMatchObject({ code: 0 });
  expect(await contentsOf(to)).toEqual(await contentsOf(from));
  expect(await cli(["verify"], { DATA_DIR: to })).toMatchObject({ code: 0 });
});

describe("a backup that is not as it was written", () => {
  let whole: Buffer;
  let lines: string[];

  beforeAll(async () => {
    const file = await temporaryPath("shop.jsonl.gz");
    await cli(["backup", file], { DATA_DIR: await filledFolder({ receipts: 50 }) });
    whole = await readFile(file);
    lines = gunzipSync(whole)
      .toString()
      .split(/(?<=\n)/);
  });

  const zipped = (changed: readonly string[]) => gzipSync(changed.join(""));
  const flipped = () => {
    const copy = Buffer.from(whole);
    copy.writeUInt8(copy.readUInt8(copy.length >> 1) ^ 1, copy.length >> 1);
    return copy;
  };

  test.each<[string, () => Buffer]>([
    ["cut off in the middle", () => whole.subarray(0, whole.length >> 1)],
    ["one bit changed", flipped],
    ["empty", () => Buffer.alloc(0)],
    ["no gzip", () => Buffer.from("position,stream\n")],
    ["another file, gzipped", () => gzipSync('{"hello":"world"}\n')],
    ["without its end", () => zipped(lines.slice(0, -1))],
    ["without one event", () => zipped(lines.toSpliced(5, 1))],
    [
      "with two events swapped",
      () => zipped([...lines.slice(0, 5), lines[6] ?? "", lines[5] ?? "", ...lines.slice(7)]),
    ],
    [
      "with a changed event",
      () => zipped(lines.map((line) => line.replace('"quantity":49', '"quantity":94'))),
    ],
    ["with something behind its end", () => zipped([...lines, lines[5] ?? ""])],
    ["of a newer format", () => zipped(lines.with(0, (lines[0] ?? "").replace("backup/1", "backup/2")))],
  ])("(%s) is refused, and nothing is written", async (_, make) => {
    const file = await temporaryPath("damaged.gz");
    await writeFile(file, make());
    const folder = await temporaryPath("data");
    const { code, stdout, stderr } = await cli(["restore", file], { DATA_DIR: folder });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`${file} cannot be restored: `);
    expect(stderr).not.toContain("    at ");
    expect((await readdir(folder)).sort()).toEqual(["admin-api-key", "lock.db", "secret"]);
  });
});

test("a restore that was broken off keeps the folder from being used until it is done again", async () => {
  const from = await filledFolder();
  const file = await temporaryPath("shop.jsonl.gz");
  await cli(["backup", file], { DATA_DIR: from });
  const to = await temporaryPath("data");
  await mkdir(join(to, "restoring"), { recursive: true });
  const half = openEmbeddedEventStore({ directory: join(to, "restoring") });
  await half.close();
  for (const args of [["start"], ["verify"], ["events", "stock-MUG-01"], ["doctor"]]) {
    const { code, stderr } = await cli(args, { DATA_DIR: to, PORT: "0" });
    expect(code).toBe(1);
    expect(stderr).toContain("was broken off");
  }
  expect(await cli(["restore", file], { DATA_DIR: to })).toMatchObject({ code: 0 });
  expect(await contentsOf(to)).toEqual(await contentsOf(from));
});
