import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../support/ports.ts";
import { auditLogs, auditModels, auditOrders } from "./audit.ts";
import { type Compose, drillInContainers } from "./engine.ts";
import { Shop } from "./shop.ts";
import { takeTour } from "./tour.ts";

const cutOffMs = 10_000;
const stores = ["eventstoredb", "mongodb", "redis"] as const;

drillInContainers("one of each, in containers", ({ docker, makeImages, compose: composeOf, kill }) => {
  let compose: Compose;
  let url: string;
  let key: string;
  let shop: Shop;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    compose = composeOf({
      project: "cartwright-drills-single",
      override: "test/containers/single.yml",
      variables: { PUBLISH_PORT: `${port}`, LOG_LEVEL: "warn" },
    });
    await makeImages();
    await compose.up();
    key = await compose.run("exec", "-T", "cartwright", "cat", "/data/admin-api-key");
    shop = new Shop({ url, adminApiKey: key, sku: "DRILL-1" });
    await shop.open();
  });
  afterAll(() => compose?.down());

  const containerOf = async (service: string) => (await compose.containers(service))[0] ?? "";

  test("shows what the README's tour shows", () => {
    const { status, output } = takeTour(url, key);
    expect(output).toMatch(/idempotent-replayed: true/i);
    expect(output).toMatch(/order [\w-]{20,}/);
    expect(output).toContain('"state":"rebuilding"');
    expect(output).not.toMatch(/"code":"/);
    expect(status, output).toBe(0);
  });

  test("goes on where it was when Cartwright is killed while people check out", () =>
    shop.whileBuying(async () => kill(await containerOf("cartwright"))));

  test.each(stores)("goes on when %s is killed and started again", (store) =>
    shop.whileBuying(async () => kill(await containerOf(store))),
  );

  test.each(stores)("goes on when %s says nothing for 10 seconds", (store) =>
    shop.whileBuying(async () => {
      const container = await containerOf(store);
      await docker("pause", container);
      await sleep(cutOffMs);
      await docker("unpause", container);
    }),
  );

  test.each(stores)("goes on when %s is off the network for 10 seconds", (store) =>
    shop.whileBuying(async () => compose.cutOff(store, await containerOf(store), cutOffMs)),
  );

  test.each(["cartwright", ...stores])("goes on when %s is restarted", (service) =>
    shop.whileBuying(async () => docker("restart", "--time", "35", await containerOf(service))),
  );

  test("takes no order that it cannot keep while the log's volume is full, and goes on when it is not", () =>
    shop.whileBuying(async () => {
      const log = await containerOf("eventstoredb");
      const ended = async () => Number(await docker("inspect", "--format", "{{.RestartCount}}", log));
      await compose.run("exec", "-T", "filler", "sh", "-c", "dd if=/dev/zero of=/volume/full bs=64k; true");
      // The last page that the log has begun takes a few orders more.
      await expect.poll(ended, { timeout: 30_000, interval: 500 }).toBeGreaterThan(0);
      const before = shop.acknowledged.purchases.length;
      await sleep(5_000);
      expect(shop.acknowledged.purchases.length).toBe(before);
      await compose.run("exec", "-T", "filler", "rm", "/volume/full");
    }));

  test("stops within its time, having answered what it had begun", () =>
    shop.whileBuying(async () => {
      const startedAt = performance.now();
      await compose.run("stop", "cartwright");
      expect(performance.now() - startedAt).toBeLessThan(35_000);
      const container = await containerOf("cartwright");
      expect(await docker("inspect", "--format", "{{.State.ExitCode}}", container)).toBe("0");
      await docker("start", container);
    }));

  test("has lost no order that it had acknowledged, and made none twice", () => auditOrders(shop));

  test("has read models that the log gives again, document by document", () =>
    auditModels(compose, "cartwright"));

  test("has logged no error but that a store was away", () => auditLogs(compose, ["cartwright"]));

  test("runs as nobody in particular, on a root that cannot be written to", async () => {
    const told = await compose.run("exec", "-T", "cartwright", "sh", "-c", "id -u; touch /app/x 2>&1; true");
    expect(told).toMatch(/^1000\n.*Read-only file system/);
  });
});
