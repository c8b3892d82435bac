import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type HttpShop, openShop, openTimeoutMs, staff } from "../http/shop.ts";

test("read models that know more than the log, for an older one was put back, are made anew from it", {
  timeout: 2 * openTimeoutMs,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-restored-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [log, copy] = [join(folder, "log.db"), join(folder, "copy.db")];
  const names = async (shop: HttpShop) => {
    const { body } = await shop.get("/v1/products", staff);
    return body.items.map((item: { name: string }) => item.name).toSorted();
  };
  const listing = async (name: string) => {
    const shop = await openShop({ folder });
    await shop.product({ name, skus: [name] });
    await shop.caughtUp();
    const listed = await names(shop);
    await shop.close();
    return listed;
  };
  expect(await listing("Axe")).toEqual(["Axe"]);
  await cp(log, copy);
  expect(await listing("Bow")).toEqual(["Axe", "Bow"]);
  for (const side of ["", "-wal", "-shm"]) await rm(log + side, { force: true });
  await cp(copy, log);
  expect(await listing("Cap")).toEqual(["Axe", "Cap"]);
  // What was made of the log that is lost is no way back.
  const shop = await openShop({ folder });
  expect(await shop.post("/v1/ops/projections/catalog/rollback")).toMatchObject({ status: 409 });
  expect(await names(shop)).toEqual(["Axe", "Cap"]);
});
