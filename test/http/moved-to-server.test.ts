import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { cli } from "../cli/cli.ts";
import { EventStoreDouble } from "../stores/eventstoredb/double/server.ts";
import { type Body, openShop, staff } from "./shop.ts";

const fixtures = join(import.meta.dirname, "../fixtures");

test("version 0.1's shop runs on where it was copied to: its keys answer, its carts go on", async () => {
  const parent = await mkdtemp(join(tmpdir(), "cartwright-moved-"));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  execFileSync("tar", ["-xzf", join(fixtures, "data-v0.1.tar.gz"), "-C", parent]);
  const answers: Record<string, Body> = JSON.parse(await readFile(join(fixtures, "data-v0.1.json"), "utf8"));
  const double = await EventStoreDouble.start();
  onTestFinished(() => double.close());
  const folder = join(parent, "data");
  expect(await cli(["copy", "--from", folder, "--to", double.url])).toMatchObject({ code: 0 });

  // The keys of the folder live until a month after it was made; its secret stays in it.
  const clock = () => Date.UTC(2026, 10, 26);
  const shop = await openShop({ folder, clock, env: { EVENTSTOREDB_URL: double.url } });
  await prepareLog(shop.runtime);
  const keyed = { "idempotency-key": "cart-paid" };
  const opened = await shop.post("/v1/carts", undefined, keyed);
  expect(opened).toMatchObject({ status: 201, body: answers["cart-paid"] });
  expect(opened.headers["idempotent-replayed"]).toBe("true");
  const open = answers["cart-open"];
  const cart = { id: open.id, guest: { "cart-token": open.cartToken } };
  expect(await shop.checkOut(cart)).toMatchObject({ status: 201, body: { status: "paid" } });
  await shop.caughtUp();
  expect((await shop.get("/v1/stock/MUG-01", staff)).body.onHand).toBeGreaterThan(0);
});
