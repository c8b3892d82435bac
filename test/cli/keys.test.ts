import { copyFile, readdir, readFile, rm } from "node:fs/promises";
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

test("keys that are older than the log are found to lack those of newer customers", async () => {
  const folder = await temporaryPath("data");
  const shop = await openShop({ folder });
  await member(shop);
  const older = await temporaryPath("keys.db");
  expect(await cli(["keys", "backup", older], { DATA_DIR: folder })).toMatchObject({ code: 0 });
  await member(shop);
  await shop.close();
  expect(await cli(["doctor"], { DATA_DIR: folder })).toMatchObject({ code: 0 });
  for (const name of ["keys.db-wal", "keys.db-shm"]) await rm(join(folder, name), { force: true });
  await copyFile(older, join(folder, "keys.db"));
  const doctor = await cli(["doctor"], { DATA_DIR: folder });
  expect([doctor.code, doctor.stdout]).toEqual([
    1,
    expect.stringMatching(/keys: the keys of 1 of 2 customers are not there/),
  ]);
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
  const doctor = await cli(["doctor"], { DATA_DIR: restored });
  expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringMatching(/keys: .*1 customer.*no keys.db/)]);
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
