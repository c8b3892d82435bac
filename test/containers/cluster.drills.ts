import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../support/ports.ts";
import { auditOrders } from "./audit.ts";
import { envFile } from "./compose-file.ts";
import { type Compose, type Engine, startEngine } from "./engine.ts";
import { Buyers, Shop } from "./shop.ts";
import { takeTour } from "./tour.ts";

const project = "cartwright-drills-cluster";
const sku = "DRILL-2";
const received = 100_000;
const buyersAtOnce = 3;
const buyersPauseMs = 300;
const recoveredWithinMs = 120_000;
const readyWithinMs = 90_000;
/** Of a lease, and of the sentinels, on a machine that is not busy with all of this at once. */
const takenOverWithinMs = 10_000;
/** The same here, and what was bought meanwhile written to a slow MongoDB. */
const seenWithinMs = 90_000;
const ordersAfterwards = 5;

const engine = startEngine();
const whyNot = "reason" in engine ? engine.reason : undefined;
if (whyNot) console.log(`The containers are not tried: ${whyNot}`);

const secrets = Object.keys(envFile(".env.example")).filter((name) => /PASSWORD|SECRET|KEY/.test(name));

describe.skipIf(whyNot)("the profile cluster, as far as stand-ins reach", () => {
  const { docker, makeImages, stop } = engine as Engine;
  const variables = Object.fromEntries(secrets.map((name) => [name, randomBytes(24).toString("hex")]));
  let compose: Compose;
  let url: string;
  let shop: Shop;
  let buyers: Buyers;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    compose = (engine as Engine).compose({
      project,
      override: "test/containers/cluster.yml",
      variables: { ...variables, COMPOSE_PROFILES: "cluster", PROXY_PORT: `${port}`, SAMPLE_SHOP: "on" },
    });
    await makeImages();
    await compose.run("down", "--volumes", "--timeout", "5");
    await compose.run("up", "--detach", "--wait", "--no-build", "--pull", "never", "proxy");
    shop = new Shop(url, variables.ADMIN_API_KEY ?? "");
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

  /** Kills it while people buy, looks what the others make of that, and starts it again. */
  const killed = async (container: string, meanwhile: () => Promise<unknown>) => {
    await docker("kill", "--signal", "KILL", container);
    await meanwhile();
    await docker("start", container);
  };

  test.each(secrets)("is not begun without %s", async (missing) => {
    const { [missing]: _, ...others } = variables;
    const beginning = (engine as Engine).compose({
      project,
      override: "test/containers/cluster.yml",
      variables: { ...others, [missing]: "", COMPOSE_PROFILES: "cluster" },
    });
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
    const { status, output } = takeTour(url, variables.ADMIN_API_KEY ?? "");
    expect(output).toMatch(/idempotent-replayed: true/i);
    expect(output).not.toMatch(/"code":"/);
    expect(status, output).toBe(0);
  });

  test("shows nobody outside the metrics of one process", async () => {
    const { status } = await fetch(`${url}/metrics`);
    expect(status).toBe(404);
  });

  test("takes orders while one api of two is killed", () =>
    whileBuying(async () => {
      const [first = ""] = await compose.containers("api");
      await killed(first, () => buyers.buyMore(ordersAfterwards, recoveredWithinMs));
    }));

  test.each([0, 1])("goes on projecting when one of two projectors is killed (%i)", (which) =>
    whileBuying(async () => {
      const container = (await compose.containers("projector"))[which] ?? "";
      await killed(container, () => isSeen(which));
    }),
  );

  test("does what is due once the worker is there again", () =>
    whileBuying(async () => {
      const [worker = ""] = await compose.containers("worker");
      await killed(worker, () => sleep(2_000));
    }));

  test("finds the new primary when the sentinels have made one of the replica", () =>
    whileBuying(async () => {
      const [primary = ""] = await compose.containers("redis-1");
      await killed(primary, async () => {
        await expect.poll(primaryIs, { timeout: seenWithinMs, interval: 500 }).toMatch(/\.12$/);
        await shop.ready(readyWithinMs);
      });
    }));

  test("goes on when the log is killed and started again", () =>
    whileBuying(async () => {
      const [node = ""] = await compose.containers("eventstoredb-1");
      await killed(node, () => sleep(2_000));
    }));

  test("goes on when a projector is off the network for 10 seconds and believes that it still projects", () =>
    whileBuying(async () => {
      const [first = ""] = await compose.containers("projector");
      await docker("network", "disconnect", `${project}_stores`, first);
      await sleep(takenOverWithinMs);
      await docker("network", "connect", "--alias", "projector", `${project}_stores`, first);
    }));

  test("goes on when the proxy is restarted", () =>
    whileBuying(async () => {
      const [proxy = ""] = await compose.containers("proxy");
      await docker("restart", "--time", "40", proxy);
    }));

  test("has lost no order that it had acknowledged, and made none twice", async () => {
    console.log(`${buyers.bought.length} orders; answers: ${buyers.told()}`);
    await auditOrders(shop, buyers, sku, received);
  });

  test("has read models that the log gives again, document by document", async () => {
    const beside = ["-T", "--env", "ROLE=all", "--env", "DATA_DIR=/tmp/verify", "worker"];
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

  /** Waits until the read models have what was bought last. */
  async function isSeen(which: number): Promise<void> {
    await buyers.buyMore(1, recoveredWithinMs);
    const last = buyers.bought.at(-1)?.order ?? "";
    const startedAt = performance.now();
    const seen = async () => (await shop.orders(sku)).some(({ id }) => id === last);
    await expect.poll(seen, { timeout: seenWithinMs, interval: 500 }).toBe(true);
    console.log(`seen ${Math.round(performance.now() - startedAt)} ms after projector ${which} was killed`);
  }

  async function primaryIs(): Promise<string> {
    const ask =
      'REDISCLI_AUTH="$REDIS_PASSWORD" redis-cli -p 26379 sentinel get-master-addr-by-name cartwright';
    const told = await compose.run("exec", "-T", "redis-sentinel-1", "sh", "-c", ask);
    return told.split("\n")[0] ?? "";
  }
});
