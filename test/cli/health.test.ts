import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { cli, filledFolder, temporaryPath } from "./cli.ts";

interface Report {
  clean: boolean;
  findings: { level: string; about: string; message: string }[];
  log?: { events: number; types: Record<string, number> };
  models: { name: string; documents: number; differing?: number; differences?: { key: string }[] }[];
}

async function report(command: string, folder: string): Promise<Report & { code: number }> {
  const { code, stdout } = await cli([command, "--json"], { DATA_DIR: folder });
  return { ...(JSON.parse(stdout) as Report), code };
}

function change(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

const problemsOf = ({ findings }: Report) =>
  findings.filter(({ level }) => level === "problem").map(({ about, message }) => `${about}: ${message}`);

describe("doctor", () => {
  test("finds a good folder clean and counts its events by type", async () => {
    const found = await report("doctor", await filledFolder());
    expect(found).toMatchObject({ code: 0, clean: true });
    expect(problemsOf(found)).toEqual([]);
    expect(found.log).toMatchObject({ events: 44, types: { ProductCreated: 5, StockReceived: 7 } });
    expect(found.models).toContainEqual(expect.objectContaining({ name: "stock", documents: 7 }));
  });

  test("finds a hole in a stream, and such a log is not backed up", async () => {
    const folder = await filledFolder({ receipts: 3 });
    const hole = "stream = (SELECT id FROM streams WHERE name = 'stock-MUG-01') AND revision = 2";
    change(join(folder, "log.db"), `DELETE FROM events WHERE ${hole}`);
    const found = await report("doctor", folder);
    expect(found).toMatchObject({ code: 1, clean: false });
    expect(problemsOf(found)).toEqual(["log: stream stock-MUG-01 has missing revisions"]);
    const backup = await cli(["backup", await temporaryPath("shop.gz")], { DATA_DIR: folder });
    expect(backup.code).toBe(1);
    expect(backup.stderr).toContain("the log is damaged");
  });

  test("finds a corrupt page", async () => {
    const folder = await filledFolder({ receipts: 300 });
    const file = join(folder, "log.db");
    const { size } = await stat(file);
    const log = await open(file, "r+");
    await log.write(Buffer.alloc(4_096, 0xa5), 0, 4_096, Math.floor(size / 2 / 4_096) * 4_096);
    await log.close();
    const found = await report("doctor", folder);
    expect(found).toMatchObject({ code: 1, clean: false });
    expect(problemsOf(found).length).toBeGreaterThan(0);
  });

  test("finds what is no log at all", async () => {
    const folder = await filledFolder();
    const log = await open(join(folder, "log.db"), "w");
    await log.write("not a database, but long enough to be looked at as one");
    await log.close();
    const found = await report("doctor", folder);
    expect(found).toMatchObject({ code: 1, clean: false });
    expect(problemsOf(found)).toEqual([expect.stringContaining("cannot be opened")]);
  });

  test("finds events that this program does not know", async () => {
    const folder = await filledFolder();
    change(join(folder, "log.db"), "UPDATE types SET name = 'StockBlessed' WHERE name = 'StockReceived'");
    const found = await report("doctor", folder);
    expect(found.code).toBe(1);
    expect(problemsOf(found)).toEqual([
      expect.stringMatching(/^log: 7 StockBlessed events cannot be decoded.*StockBlessed is not known$/),
    ]);
  });

  test("finds read models that know more than the log", async () => {
    const folder = await filledFolder({ receipts: 5 });
    change(join(folder, "log.db"), "DELETE FROM events WHERE position > 37");
    const found = await report("doctor", folder);
    expect(found.code).toBe(1);
    expect(problemsOf(found)).toContainEqual(expect.stringMatching(/^stock: .*the log ends at 0*37:/));
  });
});

test("verify names the documents that the log does not give, and rebuild puts them right", async () => {
  const folder = await filledFolder();
  expect(await report("verify", folder)).toMatchObject({ code: 0, clean: true });
  change(join(folder, "views", "stock-1.db"), "UPDATE documents SET doc = replace(doc, '200', '999')");

  const tampered = await report("verify", folder);
  expect(tampered).toMatchObject({ code: 1, clean: false });
  expect(tampered.models.filter(({ differing }) => differing !== 0)).toMatchObject([
    { name: "stock", documents: 7, differing: 1, differences: [{ key: "MUG-01" }] },
  ]);
  const text = await cli(["verify", "stock"], { DATA_DIR: folder });
  expect(text.code).toBe(1);
  expect(text.stdout).toMatch(/^stock: 7 documents, 1 differing, 0 parked\n {2}MUG-01\n/);

  const rebuilt = await cli(["rebuild", "stock"], { DATA_DIR: folder });
  expect(rebuilt.code).toBe(0);
  expect(rebuilt.stdout).toMatch(/^stock: 7 documents, 1 changed\nRebuilt 1 read model in /);
  expect(await report("verify", folder)).toMatchObject({ code: 0, clean: true });
});

test("rollback goes back to the build before, once", async () => {
  const folder = await filledFolder();
  const first = await cli(["rollback", "stock"], { DATA_DIR: folder });
  expect(first).toMatchObject({ code: 1, stderr: expect.stringContaining("no build before this one") });
  expect((await cli(["rebuild", "stock"], { DATA_DIR: folder })).code).toBe(0);
  const back = await cli(["rollback", "stock", "--json"], { DATA_DIR: folder });
  expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining('"rolledBack":true') });
  expect(await report("verify", folder)).toMatchObject({ code: 0, clean: true });
});
