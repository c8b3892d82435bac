import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../support/ports.ts";
import { auditLogs, auditModels, auditOrders } from "./audit.ts";
import { envFile } from "./compose-file.ts";
import { type Compose, drillInContainers } from "./engine.ts";
import { Shop } from "./shop.ts";
import { takeTour } from "./tour.ts";

const cutOffMs = 10_000;
/** Ten seconds, and what was bought meanwhile written to a slow MongoDB by a busy machine. */
const takenOverWithinMs = 30_000;
const ordersMeanwhile = 5;

const secrets = Object.keys(envFile(".env.example")).filter((name) => /PASSWORD|SECRET|KEY/.test(name));

drillInContainers("the profile cluster, as far as stand-ins reach", (engine) => {
  const { docker, makeImages, kill } = engine;
  const passwords = Object.fromEntries(secrets.map((name) => [name, randomBytes(24).toString("hex")]));
  const adminApiKey = passwords.ADMIN_API_KEY ?? "";
  const composeWith = (variables: Record<string, string>) =>
    engine.compose({
      project: "cartwright-drills-cluster",
      override: "test/containers/cluster.yml",
      variables: { ...passwords, COMPOSE_PROFILES: "cluster", ...variables },
    });
  let compose: Compose;
  let url: string;
  let shop: Shop;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    compose = composeWith({ PROXY_PORT: `${port}`, SAMPLE_SHOP: "on", LOG_LEVEL: "warn" });
    await makeImages();
    await compose.up("proxy");
    shop = new Shop({ url, adminApiKey, sku: "DRILL-2", isProxied: true });
    await shop.open();
  });
  afterAll(() => compose?.down());

  test.each(secrets)("is not begun without %s", async (missing) => {
    const beginning = composeWith({ [missing]: "" });
    await expect(beginning.run("config", "--quiet")).rejects.toThrow(`required variable ${missing}`);
  });

  test("is one api twice, one projector twice, a worker and a proxy, and nothing of the other set", async () => {
    const running = (await compose.run("ps", "--format", "{{.Service}} {{.Health}}")).split("\n").toSorted();
    expect(running).toEqual(
      [
        ...["api", "api", "projector", "projector", "worker", "proxy"],
        ...["eventstoredb-1", "eventstoredb-2", "eventstoredb-3", "mongodb-1", "mongodb-2", "mongodb-3"],
        ...["redis-1", "redis-2", "redis-sentinel-1", "redis-sentinel-2", "redis-sentinel-3"],
      ]
        .map((service) => `${service} healthy`)
        .toSorted(),
    );
  });

  test("shows through the proxy what the README's tour shows", () => {
    const { status, output } = takeTour(url, adminApiKey);
    expect(output).toMatch(/idempotent-replayed: true/i);
    expect(output).not.toMatch(/"code":"/);
    expect(status, output).toBe(0);
  });

  test("shows nobody outside the metrics of one process", async () => {
    const { status } = await fetch(`${url}/metrics`);
    expect(status).toBe(404);
  });

  test("takes orders while one api of two is killed", () =>
    shop.whileBuying(async () => {
      const [first = ""] = await compose.containers("api");
      await kill(first, () => shop.bought(ordersMeanwhile));
    }));

  test.each([0, 1])("goes on projecting when one of two projectors is killed (%i)", (which) =>
    shop.whileBuying(async () => {
      const container = (await compose.containers("projector"))[which] ?? "";
      await kill(container, () => isSeen(which));
    }),
  );

  test("does what is due once the worker is there again", () =>
    shop.whileBuying(async () => {
      const [worker = ""] = await compose.containers("worker");
      await kill(worker);
    }));

  test("finds the new primary when the sentinels have made one of the replica", () =>
    shop.whileBuying(async () => {
      const [primary = ""] = await compose.containers("redis-1");
      await kill(primary, async () => {
        await expect.poll(primaryIs, { timeout: takenOverWithinMs, interval: 500 }).toMatch(/\.12$/);
        await shop.ready();
      });
    }));

  test("goes on when the log is killed and started again", () =>
    shop.whileBuying(async () => {
      const [node = ""] = await compose.containers("eventstoredb-1");
      await kill(node);
    }));

  test("goes on when a projector is off the network for 10 seconds and believes that it still projects", () =>
    shop.whileBuying(async () => {
      const [first = ""] = await compose.containers("projector");
      await compose.cutOff("projector", first, cutOffMs);
    }));

  test("goes on when the proxy is restarted", () =>
    shop.whileBuying(async () => {
      const [proxy = ""] = await compose.containers("proxy");
      await docker("restart", "--time", "40", proxy);
    }));

  test("has lost no order that it had acknowledged, and made none twice", () => auditOrders(shop));

  test("has read models that the log gives again, document by document", () =>
    auditModels(compose, "worker"));

  test("has logged no error but that a store was away", () =>
    auditLogs(compose, ["api", "projector", "worker"]));

  /** Waits until the read models have what was bought up to now. */
  async function isSeen(which: number): Promise<void> {
    const startedAt = performance.now();
    await shop.orders();
    const tookMs = Math.round(performance.now() - startedAt);
    console.log(`everything is seen ${tookMs} ms after projector ${which} was killed`);
    expect(tookMs).toBeLessThan(takenOverWithinMs);
  }

  async function primaryIs(): Promise<string> {
    const ask =
      'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -p 26379 sentinel get-master-addr-by-name cartwright';
    const told = await compose.run("exec", "-T", "redis-sentinel-1", "sh", "-c", ask);
    return told.split("\n")[0] ?? "";
  }
});
