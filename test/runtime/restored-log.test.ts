import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openShop, openTimeoutMs, staff } from "../http/shop.ts";

test("read models that know more than the log, for an older one was put back, are made anew from it", {
  timeout: 2 * openTimeoutMs,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-restored-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [log, copy] = [join(folder, "log.db"), join(folder, "copy.db")];
  const listing = async (name: string) => {
    const shop = await openShop({ folder });
    await shop.product({ name, skus: [name] });
    await shop.caughtUp();
    const { body } = await shop.get("/v1/products", staff);
    await shop.close();
    return body.items.map((item: { name: string }) => item.name).toSorted();
  };
  expect(await listing("Axe")).toEqual(["Axe"]);
  await cp(log, copy);
  expect(await listing("Bow")).toEqual(["Axe", "Bow"]);
  for (const side of ["", "-wal", "-shm"]) await rm(log + side, { force: true });
  await cp(copy, log);
  expect(await listing("Cap")).toEqual(["Axe", "Cap"]);
});
