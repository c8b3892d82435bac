import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { newMasterKey } from "../../src/stores/vault/master-keys.ts";
import { member, send } from "../http/members.ts";
import { openShop } from "../http/shop.ts";
import { cli, temporaryPath } from "./cli.ts";

const first = newMasterKey().replace("0:", "1:");
const second = newMasterKey().replace("0:", "2:");

test("keys are wrapped with another master key beside a running shop, and opened without the one before", async () => {
  const folder = await temporaryPath("data");
  const before = await openShop({ folder });
  const { email } = await member(before);
  await before.close();
  const MASTER_KEY = `${second},${first}`;
  const running = await openShop({ folder, env: { MASTER_KEY } });
  const rotated = await cli(["keys", "rotate", "--json"], { DATA_DIR: folder, MASTER_KEY });
  expect(JSON.parse(rotated.stdout)).toMatchObject({ generation: 2 });
  expect(JSON.parse(rotated.stdout).rewrapped).toBeGreaterThan(3);
  const login = { email, password: "correct horse battery" };
  expect((await send(running, "/auth/login", login)).status).toBe(200);
  await running.close();
  // Neither the folder's own nor the older one is needed any more.
  await rm(join(folder, "master-key"));
  const after = await openShop({ folder, env: { MASTER_KEY: second } });
  expect((await send(after, "/auth/login", login)).status).toBe(200);
  await after.close();
  await expect(openShop({ folder, env: { MASTER_KEY: first } })).rejects.toThrow(/MASTER_KEY/);
});

test("a restored shop says that its keys are missing, and makes none", async () => {
  const folder = await temporaryPath("data");
  const shop = await openShop({ folder });
  await member(shop);
  await shop.close();
  const file = await temporaryPath("backup");
  expect(await cli(["backup", file], { DATA_DIR: folder })).toMatchObject({ code: 0 });
  const restored = await temporaryPath("restored");
  const { code, stdout } = await cli(["restore", file], { DATA_DIR: restored });
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(/put their keys back, as keys.db and master-key/),
  ]);
  expect(await cli(["verify"], { DATA_DIR: restored })).toMatchObject({ code: 0 });
  expect((await readdir(restored)).filter((name) => /keys|master/.test(name))).toEqual([]);
});

test("a shop that has lost its keys does not start, and does once they are put back", async () => {
  const folder = await temporaryPath("data");
  const shop = await openShop({ folder });
  const { email } = await member(shop);
  const copy = await temporaryPath("keys.db");
  expect(await cli(["keys", "backup", copy], { DATA_DIR: folder })).toMatchObject({ code: 0 });
  expect(await cli(["keys", "backup", copy], { DATA_DIR: folder })).toMatchObject({ code: 1 });
  await shop.close();
  for (const name of ["keys.db", "keys.db-wal", "keys.db-shm"]) await rm(join(folder, name), { force: true });
  const started = await cli(["start"], { DATA_DIR: folder, PORT: "0", SAMPLE_SHOP: "off" });
  expect(started.code).not.toBe(0);
  expect(started.stderr).toMatch(/keys.db and master-key/);
  const { writeFile } = await import("node:fs/promises");
  await writeFile(join(folder, "keys.db"), await readFile(copy));
  const again = await openShop({ folder });
  expect((await send(again, "/auth/login", { email, password: "correct horse battery" })).status).toBe(200);
  expect(await again.runtime.events.head()).not.toBe(logStart);
});
