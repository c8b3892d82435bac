import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { inherited } from "../support/inherited.ts";
import { cli, program, temporaryPath } from "./cli.ts";

const header =
  "Handle,Title,Body (HTML),Variant SKU,Variant Price,Variant Inventory Tracker,Variant Inventory Qty\n";
const row = (index: number, price = "9.90") =>
  `p-${index},Product ${index},<p>Text</p>,SKU-${index},${price},shopify,${index % 9}\n`;
const rows = (count: number) => Array.from({ length: count }, (_, index) => row(index)).join("");

async function fileOf(content: string | Buffer): Promise<string> {
  const file = await temporaryPath("products.csv");
  await writeFile(file, content);
  return file;
}

const shop = async () => ({ DATA_DIR: await temporaryPath("data"), SAMPLE_SHOP: "off" });

async function imported(settings: Record<string, string>, content: string | Buffer, ...args: string[]) {
  const rejects = await temporaryPath("rejects.csv");
  const outcome = await cli(
    ["import", "products", await fileOf(content), "--json", "--rejects", rejects, ...args],
    settings,
  );
  return { ...outcome, json: JSON.parse(outcome.stdout), rejects };
}

/** All that the shop has, as an export says it; without the times at which it came to be so. */
async function exported(settings: Record<string, string>): Promise<string> {
  const { code, stdout } = await cli(["export", "products", "--format", "jsonl"], settings);
  expect(code).toBe(0);
  return stdout.replaceAll(/"(?:id|publishedAt|createdAt|updatedAt)":"[^"]*"/g, "");
}

describe("the import of products on the command line", () => {
  test("says what it would do, does it, and then has nothing to do", async () => {
    const settings = await shop();
    const content = gzipSync(header + rows(3));
    const dry = await imported(settings, content, "--dry-run", "--publish");
    expect(dry).toMatchObject({
      code: 0,
      json: {
        dryRun: true,
        created: 3,
        events: 0,
        planned: [
          { row: 2, product: "p-0", outcome: "created", steps: ['create "Product 0" with SKU-0', "publish"] },
          { row: 3, steps: ['create "Product 1" with SKU-1', "receive 1 of SKU-1", "publish"] },
          { row: 4 },
        ],
      },
    });
    const first = await imported(settings, content, "--publish");
    expect(first).toMatchObject({ code: 0, json: { format: "shopify", rows: 3, products: 3, created: 3 } });
    const again = await imported(settings, content, "--publish");
    expect(again.json).toMatchObject({ created: 0, changed: 0, unchanged: 3, rejected: { products: 0 } });
    expect(await exported(settings)).toContain('"status":"published","name":"Product 1"');
    const printed = await cli(["import", "products", await fileOf(content), "--dry-run"], settings);
    expect(printed.stdout).toContain("unchanged  3");
  });

  test("lists what it rejects, imports the rest, and fails when that was much", async () => {
    const settings = await shop();
    const few = await imported(settings, header + rows(11) + row(11, "cheap"));
    expect(few).toMatchObject({ code: 0, json: { created: 11, rejected: { products: 1, rows: 1 } } });
    expect(await readFile(few.rejects, "utf8")).toBe(
      "row,product,field,value,reason\r\n13,p-11,Variant Price,cheap,is no number\r\n",
    );
    const much = header + row(20) + row(21, "cheap");
    expect(await imported(settings, much)).toMatchObject({ code: 1, json: { created: 1, failed: true } });
    expect(await imported(settings, much, "--allow-rejects")).toMatchObject({
      code: 0,
      json: { unchanged: 1 },
    });
  });

  test("refuses what is no file of products, and wrong use", async () => {
    const settings = await shop();
    const run = async (content: string, ...args: string[]) =>
      cli(["import", "products", await fileOf(content), ...args], settings);
    const unknown = await run("colour,size\nred,L\n");
    expect(unknown).toMatchObject({ code: 1, stdout: "" });
    expect(unknown.stderr).toMatch(/has neither the columns of the shop's own export/);
    expect((await run("a", "--encoding", "klingon")).code).toBe(2);
    expect((await cli(["import", "products"], settings)).code).toBe(2);
  });

  test("goes on where it was killed, and does nothing twice", async () => {
    const content = header + rows(1_200);
    const whole = await shop();
    expect((await imported(whole, content, "--publish")).code).toBe(0);
    const settings = await shop();
    const file = await fileOf(content);
    for (const bytes of [800_000, 1_600_000]) await killed(file, settings, bytes);
    const { code, json } = await imported(settings, content, "--publish");
    expect(code).toBe(0);
    expect(json.rejected.products).toBe(0);
    expect(json.unchanged).toBeGreaterThan(100);
    expect(json.created).toBeGreaterThan(100);
    expect(await exported(settings)).toBe(await exported(whole));
  });
});

/** Imports in a process of its own, which is killed once so many bytes of events are on their way. */
async function killed(file: string, settings: { DATA_DIR: string }, bytes: number): Promise<void> {
  const env = { ...inherited(), ...settings };
  const child = spawn(process.execPath, [program, "import", "products", file, "--publish"], {
    env,
    stdio: "ignore",
  });
  const gone = once(child, "exit");
  const logBytes = () =>
    ["log.db", "log.db-wal"].reduce(
      (sum, name) => sum + (statSync(join(settings.DATA_DIR, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  while (child.exitCode === null && logBytes() < bytes) await sleep(2);
  child.kill("SIGKILL");
  const [code] = await gone;
  expect(code).not.toBe(0);
}
