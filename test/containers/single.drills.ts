import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../support/ports.ts";
import { auditOrders } from "./audit.ts";
import { type Compose, type Engine, startEngine } from "./engine.ts";
import { Buyers, Shop } from "./shop.ts";
import { takeTour } from "./tour.ts";

const project = "cartwright-drills-single";
const sku = "DRILL-1";
const received = 100_000;
const buyersAtOnce = 3;
const buyersPauseMs = 300;
const cutOffMs = 10_000;
const recoveredWithinMs = 120_000;
const readyWithinMs = 60_000;
const ordersAfterwards = 5;
const stores = ["eventstoredb", "mongodb", "redis"] as const;

const engine = startEngine();
const whyNot = "reason" in engine ? engine.reason : undefined;
if (whyNot) console.log(`The containers are not tried: ${whyNot}`);

describe.skipIf(whyNot)("one of each, in containers", () => {
  const { docker, makeImages, stop } = engine as Engine;
  let compose: Compose;
  let url: string;
  let key: string;
  let shop: Shop;
  let buyers: Buyers;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    compose = (engine as Engine).compose({
      project,
      override: "test/containers/single.yml",
      variables: { PUBLISH_PORT: `${port}` },
    });
    await makeImages();
    await compose.run("down", "--volumes", "--timeout", "5");
    await compose.run("up", "--detach", "--wait", "--no-build", "--pull", "never");
    key = await compose.run("exec", "-T", "cartwright", "cat", "/data/admin-api-key");
    shop = new Shop(url, key);
    await shop.ready(readyWithinMs);
    await shop.sell(sku, received);
    buyers = new Buyers(shop, sku, buyersPauseMs);
  });
  afterAll(async () => {
    await compose?.run("down", "--volumes", "--timeout", "5");
    stop?.();
  });

  /** People buy before, during and after what happens. */
  async function whileBuying(happens: () => Promise<unknown>): Promise<void> {
    buyers.start(buyersAtOnce);
    try {
      await buyers.buyMore(1, recoveredWithinMs);
      await happens();
      await buyers.buyMore(ordersAfterwards, recoveredWithinMs);
    } finally {
      await buyers.stop();
    }
    expect(buyers.wrong).toEqual([]);
    await shop.ready(readyWithinMs);
  }

  const containerOf = async (service: string) => (await compose.containers(service))[0] ?? "";

  async function killed(service: string): Promise<void> {
    const container = await containerOf(service);
    await docker("kill", "--signal", "KILL", container);
    await sleep(2_000);
    await docker("start", container);
  }

  test("shows what the README's tour shows", () => {
    const { status, output } = takeTour(url, key);
    expect(output).toMatch(/idempotent-replayed: true/i);
    expect(output).toMatch(/order [\w-]{20,}/);
    expect(output).toContain('"state":"rebuilding"');
    expect(output).not.toMatch(/"code":"/);
    expect(status, output).toBe(0);
  });

  test("goes on where it was when Cartwright is killed while people check out", () =>
    whileBuying(() => killed("cartwright")));

  test.each(stores)("goes on when %s is killed and started again", (store) =>
    whileBuying(() => killed(store)),
  );

  test.each(stores)("goes on when %s says nothing for 10 seconds", (store) =>
    whileBuying(async () => {
      const container = await containerOf(store);
      await docker("pause", container);
      await sleep(cutOffMs);
      await docker("unpause", container);
    }),
  );

  test.each(stores)("goes on when %s is off the network for 10 seconds", (store) =>
    whileBuying(async () => {
      const container = await containerOf(store);
      await docker("network", "disconnect", `${project}_stores`, container);
      await sleep(cutOffMs);
      await docker("network", "connect", "--alias", store, `${project}_stores`, container);
    }),
  );

  test.each(["cartwright", ...stores])("goes on when %s is restarted", (service) =>
    whileBuying(async () => docker("restart", "--time", "35", await containerOf(service))),
  );

  test("takes no order that it cannot keep while the log's volume is full, and goes on when it is not", () =>
    whileBuying(async () => {
      const log = await containerOf("eventstoredb");
      const ended = async () => Number(await docker("inspect", "--format", "{{.RestartCount}}", log));
      await compose.run("exec", "-T", "filler", "sh", "-c", "dd if=/dev/zero of=/volume/full bs=64k; true");
      // The last page that the log has begun takes a few orders more.
      await expect.poll(ended, { timeout: 30_000, interval: 500 }).toBeGreaterThan(0);
      const before = buyers.bought.length;
      await sleep(5_000);
      expect(buyers.bought.length).toBe(before);
      await compose.run("exec", "-T", "filler", "rm", "/volume/full");
    }));

  test("stops within its time, having answered what it had begun", async () => {
    buyers.start(buyersAtOnce);
    await buyers.buyMore(1, recoveredWithinMs);
    const startedAt = performance.now();
    await compose.run("stop", "cartwright");
    expect(performance.now() - startedAt).toBeLessThan(35_000);
    const container = await containerOf("cartwright");
    expect(await docker("inspect", "--format", "{{.State.ExitCode}}", container)).toBe("0");
    await docker("start", container);
    await buyers.stop();
    await shop.ready(readyWithinMs);
  });

  test("has lost no order that it had acknowledged, and made none twice", async () => {
    console.log(`${buyers.bought.length} orders; answers: ${buyers.told()}`);
    await auditOrders(shop, buyers, sku, received);
  });

  test("has read models that the log gives again, document by document", async () => {
    const beside = ["-T", "--env", "DATA_DIR=/tmp/verify", "cartwright"];
    const verified = await compose.run(
      "exec",
      ...beside,
      "node",
      "src/cli/cartwright.ts",
      "verify",
      "--json",
    );
    expect(JSON.parse(verified)).toMatchObject({ clean: true });
  });

  test("runs as nobody in particular, on a root that cannot be written to", async () => {
    const told = await compose.run("exec", "-T", "cartwright", "sh", "-c", "id -u; touch /app/x 2>&1; true");
    expect(told).toMatch(/^1000\n.*Read-only file system/);
  });
});
