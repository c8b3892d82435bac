import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cli, filledFolder, openShop, temporaryPath } from "./cli.ts";

describe("wrong use", () => {
  test.each([
    [["bake"], "bake"],
    [["events"], "stream"],
    [["events", "stock-MUG-01", "--from", "-1"], "--from"],
    [["events", "stock-MUG-01", "--limit", "0"], "--limit"],
    [["events", "stock-MUG-01", "--colour"], "--colour"],
    [["doctor", "everything"], "arguments"],
    [["rebuild", "nonsense"], "stock-ledger"],
    [["verify", "stock", "nonsense"], "nonsense"],
    [["import", "amazon", "orders.csv"], "amazon"],
    [["backup"], "file"],
  ])("of %j ends with 2 and names what is wrong", async (args, named) => {
    const folder = await temporaryPath("data");
    const { code, stdout, stderr } = await cli(args, { DATA_DIR: folder });
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(named);
    expect(existsSync(folder)).toBe(false);
  });

  test("without a command shows the help and ends with 2; asking for it ends with 0", async () => {
    expect(await cli([])).toMatchObject({ code: 2, stderr: expect.stringContaining("doctor") });
    expect(await cli(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("doctor") });
  });

  test.each(["start", "verify", "doctor"])(
    "of a setting: %s names it and what is allowed",
    async (command) => {
      const { code, stderr } = await cli([command], { PORT: "http" });
      expect(code).toBe(2);
      expect(stderr).toContain("PORT");
      expect(stderr).toContain("from 0 to 65535");
      expect(stderr).not.toContain("    at ");
    },
  );
});

describe("a folder that cannot be used", () => {
  test.each([["verify"], ["doctor"], ["rebuild", "all"], ["events", "stock-MUG-01"], ["backup", "log.gz"]])(
    "without a store is left without one by %s",
    async (...args) => {
      const folder = await temporaryPath("data");
      const { code, stderr } = await cli(args, { DATA_DIR: folder });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^there is no store in .*\n$/);
      expect(existsSync(folder)).toBe(false);
    },
  );

  test("is said in one sentence when another process has it", async () => {
    const folder = await filledFolder();
    const backup = await temporaryPath("backup.gz");
    const server = await openShop(folder);
    try {
      for (const args of [
        ["verify"],
        ["doctor"],
        ["rebuild", "all"],
        ["events", "x"],
        ["backup", backup],
        ["restore", backup],
      ]) {
        const { code, stderr } = await cli(args, { DATA_DIR: folder });
        expect(code).toBe(1);
        expect(stderr).toMatch(
          args[0] === "restore"
            ? /^there is no file/
            : /^the data folder .* is in use by another process.*\n$/,
        );
      }
    } finally {
      await server.close();
    }
    expect(existsSync(backup)).toBe(false);
  });

  test("is an error in the document with --json", async () => {
    const { code, stdout } = await cli(["doctor", "--json"], { DATA_DIR: await temporaryPath("data") });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ error: expect.stringContaining("there is no store") });
  });
});
