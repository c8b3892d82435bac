import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { cli, filledFolder, temporaryPath } from "./cli.ts";

test("export writes a table to standard output or to a file, which is there once it is whole", async () => {
  const settings = { DATA_DIR: await filledFolder() };
  const printed = await cli(["export", "stock"], settings);
  expect(printed).toMatchObject({ code: 0 });
  expect(printed.stdout).toMatch(/^sku,status,onHand,.*\r\n(?:.*\r\n)*MUG-01,/);

  const file = await temporaryPath("stock.csv");
  const written = await cli(["export", "stock", "--bom", "--out", file], settings);
  expect(written).toMatchObject({ code: 0, stdout: "" });
  expect(await readFile(file, "utf8")).toBe(`\u{feff}${printed.stdout}`);
  expect(existsSync(`${file}.partial`)).toBe(false);

  const again = await cli(["export", "stock", "--out", file], settings);
  expect(again).toMatchObject({ code: 1, stderr: `${file} exists already; --force replaces it\n` });
  const replaced = await cli(["export", "products", "--format", "jsonl", "--out", file, "--force"], settings);
  expect(replaced.code).toBe(0);
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).sku)).toContain("MUG-01");
});

test("export refuses what its table has no parameter for, and where there is no store", async () => {
  const settings = { DATA_DIR: await filledFolder() };
  const filters = ["--from", "2020-01-01", "--payment-status", "paid", "--rows", "orders"];
  const none = await cli(["export", "orders", ...filters], settings);
  expect(none.stdout).toMatch(/^orderId,number,[^\r]*\r\n$/);
  const wrong = await cli(["export", "orders", "--payment-status", "unheard"], settings);
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect(wrong.stderr).toMatch(/^--paymentStatus: /);
  expect((await cli(["export", "stock", "--sku", "A"], settings)).code).toBe(2);
  expect((await cli(["export", "stock"], { DATA_DIR: await temporaryPath("none") })).code).toBe(1);
});
