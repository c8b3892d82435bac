import { expect, test } from "vitest";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { openShop, staff } from "../http/shop.ts";
import { onServers } from "./cluster.ts";

const timeout = 60_000;
const urls = ["EVENTSTOREDB_URL", "MONGODB_URL", "REDIS_URL"] as const;
/** Some of the stores on servers, each in every company; all of them are played by roles. */
const mixes = [
  ["EVENTSTOREDB_URL"],
  ["MONGODB_URL"],
  ["EVENTSTOREDB_URL", "REDIS_URL"],
  ["MONGODB_URL", "REDIS_URL"],
];

await onServers("any mix of embedded stores and servers", (servers) => {
  test.each(mixes)("sells, shows and goes on after a restart with %s %s", { timeout }, async (...mix) => {
    const { env: all } = await servers().shopOn();
    const env = Object.fromEntries(Object.entries(all).filter(([name]) => mix.includes(name)));
    for (const name of urls) expect(name in env).toBe(mix.includes(name));
    const shop = await openShop({ env });
    await prepareLog(shop.runtime);
    await shop.product({ name: "Mixed bowl", skus: ["MIX"], quantity: 3 });
    const { order, cart } = await shop.order(["mix", 2]);
    await shop.caughtUp();
    expect((await shop.get("/v1/products?q=bowl")).body.items).toMatchObject([{ available: 1 }]);
    await shop.close();

    const again = await openShop({
      env: { ...env, SHARED_SECRET: all.SHARED_SECRET ?? "" },
      folder: shop.folder,
    });
    expect((await again.get(`/v1/orders/${order.id}`, staff)).body.number).toBe(order.number);
    expect((await again.checkOut(cart, {}, staff)).body.code).toBe("cart_converted");
    await again.product({ name: "Another bowl", skus: ["MIX-2"], quantity: 1 });
    await again.caughtUp();
    expect((await again.get("/v1/products?q=bowl&sort=newest")).body.total).toBe(2);
    expect((await again.get("/v1/stock/MIX", staff)).body).toMatchObject({ onHand: 3, available: 1 });
    await again.close();
  });
});
