import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { TestMongo } from "../support/mongodb.ts";
import { type CheckOptions, checkAll } from "./checks.ts";
import { type Body, Client, Tally } from "./client.ts";
import { type Acknowledged, checkOutAndLeave, fillCart, Load, sell } from "./load.ts";
import { type LogLine, ShopProcess, unexplainedOf } from "./processes.ts";
import { type Stores, startStores } from "./stores.ts";

const adminApiKey = "a-key-for-the-drills-only";
const staff = { authorization: `Bearer ${adminApiKey}` };
/** Never sold out. */
const skus = ["DRILL-A", "DRILL-B", "DRILL-C"];
const stockedPieces = 100_000;
/** How long the load runs before a fault, and after it. */
const warmMs = 1_500;
const coolMs = 2_000;
const holderLookMs = 100;
const holderWaitMs = 30_000;
const toldTimeoutMs = 30_000;
const shownMax = 15;

export interface PlayOptions {
  /** Whether orders are taken during the fault as well. */
  sells?: boolean;
}

/** A shop of several processes, on servers that can be spoiled. */
export interface DrillShop {
  stores: Stores;
  apis: readonly [ShopProcess, ShopProcess];
  projectors: readonly [ShopProcess, ShopProcess];
  worker: ShopProcess;
  /** The projector that has the lease. */
  projecting(): Promise<ShopProcess>;
  /** Plays a fault while shoppers buy, and holds what came of it against the log. */
  play(fault: () => Promise<void>, options?: PlayOptions): Promise<void>;
  /** An api process beside the two, gone with the shop. */
  anotherApi(): Promise<ShopProcess>;
  /** A client that asks these processes in turn, and what it met. */
  clientOf(apis: readonly ShopProcess[]): { client: Client; tally: Tally };
  /** Puts a product on sale, with a variant for each SKU and so many pieces of each. */
  sell(skus: readonly string[], pieces: number): Promise<void>;
  /** Shoppers send their checkouts to this process and go away. */
  leaveCheckouts(api: ShopProcess, count: number): Promise<void>;
  /** What the first api process answers staff, whatever it is. */
  told(path: string): Promise<{ status: number; body: Body }>;
  /** Adds to what the checks hold against the log. */
  acknowledged: Acknowledged;
  check(): Promise<void>;
  /** Errors that processes have logged and that no store's absence explains, with their stacks. */
  unexplained(): string[];
  close(): Promise<void>;
}

export async function startDrillShop(
  mongo: Required<Pick<TestMongo, "restart">> & TestMongo,
): Promise<DrillShop> {
  const stores = await startStores(mongo);
  const env = {
    ADMIN_API_KEY: adminApiKey,
    SHARED_SECRET: randomBytes(32).toString("base64url"),
    SAMPLE_SHOP: "off",
  };
  const of = (role: string, n: number | string, level = "warn") =>
    new ShopProcess({
      name: `${role}-${n}`,
      env: { ...env, ...stores.env, ROLE: role, LOG_LEVEL: level },
    });
  const apis = [of("api", 1), of("api", 2)] as const;
  // They say, as information, when they have the lease.
  const projectors = [of("projector", 1, "info"), of("projector", 2, "info")] as const;
  const worker = of("worker", 1);
  await Promise.all([...projectors, ...apis, worker].map((process) => process.start()));
  const shop = new RunningShop({ stores, env, apis, projectors, worker, apiOf: (n) => of("api", n) });
  await shop.sell(skus, stockedPieces);
  return shop;
}

interface Parts extends Pick<DrillShop, "stores" | "apis" | "projectors" | "worker"> {
  env: Readonly<Record<string, string>>;
  apiOf: (n: number) => ShopProcess;
}

class RunningShop implements DrillShop {
  readonly stores: Stores;
  readonly apis: DrillShop["apis"];
  readonly projectors: DrillShop["projectors"];
  readonly worker: ShopProcess;
  readonly acknowledged: Acknowledged = { purchases: [], receipts: [], leftCarts: [] };
  private readonly parts: Parts;
  private readonly others: ShopProcess[] = [];
  /** Lines of each process that were told of already. */
  private readonly linesTold = new Map<ShopProcess, number>();

  constructor(parts: Parts) {
    this.parts = parts;
    this.stores = parts.stores;
    this.apis = parts.apis;
    this.projectors = parts.projectors;
    this.worker = parts.worker;
  }

  sell(of: readonly string[], pieces: number): Promise<void> {
    return sell(this.clientOf(this.apis).client, staff, of, pieces);
  }

  clientOf(apis: readonly ShopProcess[]): { client: Client; tally: Tally } {
    const tally = new Tally();
    return { client: new Client({ urls: () => apis.map(({ url }) => url) }, tally), tally };
  }

  async leaveCheckouts(api: ShopProcess, count: number): Promise<void> {
    const { client, tally } = this.clientOf([api]);
    const [sku = ""] = skus;
    const filling = Array.from({ length: count }, () => fillCart(client, tally, { sku, quantity: 1 }));
    for (const cart of await Promise.all(filling)) {
      this.acknowledged.leftCarts.push(cart.cartId);
      checkOutAndLeave(api.url, cart);
    }
  }

  async told(path: string): Promise<{ status: number; body: Body }> {
    const signal = AbortSignal.timeout(toldTimeoutMs);
    const answer = await fetch(`${this.apis[0].url}${path}`, { headers: staff, signal });
    return { status: answer.status, body: await answer.json() };
  }

  async projecting(): Promise<ShopProcess> {
    const endsAt = performance.now() + holderWaitMs;
    for (;;) {
      const taken = this.projectors
        .map((process) => ({ process, at: process.isRunning ? lastTaken(process) : 0 }))
        .sort((a, b) => b.at - a.at)[0];
      if (taken && taken.at > 0) return taken.process;
      if (performance.now() > endsAt) throw new Error("no projector projects");
      await sleep(holderLookMs);
    }
  }

  async play(fault: () => Promise<void>, { sells = false }: PlayOptions = {}): Promise<void> {
    const { acknowledged } = this;
    const ordersSince = (before: number) => acknowledged.purchases.length - before;
    const begin = ordersSince(0);
    let during = 0;
    const load = new Load({ urls: () => this.apis.map(({ url }) => url), staff, skus, acknowledged });
    let tally: Tally;
    try {
      await sleep(warmMs);
      const before = ordersSince(0);
      await fault();
      during = ordersSince(before);
      await sleep(coolMs);
    } finally {
      tally = await load.stop();
    }
    console.log(`${ordersSince(begin)} orders, ${during} of them meanwhile; ${tally}`);
    expectNone(this.unexplained());
    await this.check();
    expectNone(tally.wrong);
    if (sells) expect(during, "orders taken meanwhile").toBeGreaterThan(0);
  }

  async anotherApi(): Promise<ShopProcess> {
    const api = this.parts.apiOf(this.apis.length + this.others.length + 1);
    this.others.push(api);
    await api.start();
    return api;
  }

  check(): Promise<void> {
    const { env, stores } = this.parts;
    const options: CheckOptions = {
      ...{ stores, env, staff, acknowledged: this.acknowledged },
      apiUrl: this.apis[0].url,
      workerUrl: this.worker.url,
    };
    return checkAll(options);
  }

  unexplained(): string[] {
    const processes = [...this.apis, ...this.projectors, this.worker, ...this.others];
    return processes.flatMap((process) => {
      const lines = process.lines.slice(this.linesTold.get(process) ?? 0);
      this.linesTold.set(process, process.lines.length);
      return [...process.deaths.splice(0), ...unexplainedOf(process.name, lines)];
    });
  }

  async close(): Promise<void> {
    const processes = [...this.apis, ...this.others, this.worker, ...this.projectors];
    for (const process of processes) process.signal("SIGCONT");
    await Promise.all(processes.map((process) => process.stop()));
    await this.stores.close();
  }
}

/** When it has begun to project, in this life; 0 when it has not. */
function lastTaken({ lines, startedAt }: ShopProcess): number {
  const said = ({ msg, time }: LogLine) => msg === "this process projects now" && time >= startedAt;
  return lines.findLast(said)?.time ?? 0;
}

function expectNone(found: readonly string[]): void {
  if (found.length === 0) return;
  const told = `${found.length} answers or errors were wrong:\n${found.slice(0, shownMax).join("\n")}`;
  console.error(told);
  throw new Error(told);
}
