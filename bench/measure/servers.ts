import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { noStream } from "../../src/stores/event-store/event-store.ts";
import { openEventStoreDb } from "../../src/stores/event-store/eventstoredb/store.ts";
import { newId } from "../../src/values/ids.ts";
import { withBare } from "../support/bare.ts";
import { runCheckouts } from "../support/checkout-load.ts";
import { freePort } from "../support/child.ts";
import {
  type BenchOptions,
  expectThat,
  type Measurement,
  rate,
  WrongAnswer,
} from "../support/measurement.ts";
import { ownChild, withFolder } from "../support/resources.ts";
import { connections, fillShop, withServer } from "../support/shop.ts";
import { measureAddToCart } from "./add-to-cart.ts";

const full = { checkouts: 64 * 60, warmUp: 64 * 8, appends: 20_000 };
const quick = { checkouts: 64 * 16, warmUp: 64 * 4, appends: 6_000 };
const startTimeoutMs = 20_000;
/** In a checkout with its cart, appended one by one or side by side: see ARCHITECTURE.md. */
const appendsPerCheckout = 11;
const appendsAtOnce = 128;
const double = join(import.meta.dirname, "../../test/stores/eventstoredb/double/main.ts");

interface Servers {
  env: Record<string, string>;
  what: string;
}

/** Commands and checkouts on servers, beside the same on the embedded stores in the same run. */
export async function measureOnServers(options: BenchOptions): Promise<Measurement[]> {
  const embedded = await measureShop(options, {}, "embedded");
  return withServers(async ({ env, what }) => {
    const perSecond = await bareAppends(
      env.EVENTSTOREDB_URL ?? "",
      options.quick ? quick.appends : full.appends,
    );
    const onServers = await measureShop(options, env, what);
    return [
      rate({
        name: "add to cart on servers",
        value: onServers.addToCart,
        unit: "commands/s",
        ceiling: embedded.addToCart,
        ceilingIs: "the embedded stores",
        note: what,
      }),
      rate({
        name: "checkouts on servers",
        value: onServers.checkouts,
        unit: "checkouts/s",
        ceiling: embedded.checkouts,
        ceilingIs: "the embedded stores",
        note:
          `${what}; bare appends of one event, ${appendsAtOnce} at once: ${Math.round(perSecond)}/s, enough for ` +
          `${Math.round(perSecond / appendsPerCheckout)} checkouts/s of ${appendsPerCheckout} appends`,
      }),
    ];
  });
}

async function measureShop(options: BenchOptions, env: Record<string, string>, what: string) {
  const { checkouts, warmUp } = options.quick ? quick : full;
  return withServer(
    options.profileDir,
    async (server) => {
      options.say(`filling a shop: ${what}`);
      const products = await fillShop(server);
      const [added] = await withBare((bare) => measureAddToCart(options, { server, products, bare }));
      expectThat(added !== undefined, "nothing was added to a cart");
      options.say(`checking out: ${what}`);
      const skus = products.map(({ sku }) => sku);
      await runCheckouts(server.url, skus, { connections, checkouts: warmUp });
      const done = await runCheckouts(server.url, skus, { connections, checkouts });
      expectThat(done.checkouts === checkouts, `${done.checkouts} of ${checkouts} checkouts were confirmed`);
      return { addToCart: added.value, checkouts: done.checkouts / done.seconds };
    },
    env,
  );
}

/**
 * The servers at EVENTSTOREDB_URL, MONGODB_URL and REDIS_URL; without them the test double of EventStoreDB and a
 * redis-server of its own. Read models stay embedded where no MongoDB is named.
 */
async function withServers<T>(work: (servers: Servers) => Promise<T>): Promise<T> {
  const { EVENTSTOREDB_URL, MONGODB_URL, REDIS_URL } = process.env;
  return withFolder(async (folder) => {
    const started: ChildProcess[] = [];
    const start = async (command: string, input: (port: number) => string[]) => {
      const port = await freePort();
      const child = spawn(command, input(port), { stdio: "ignore", cwd: folder });
      ownChild(child);
      started.push(child);
      await accepts(port);
      return port;
    };
    try {
      const log = (port: number) => [double, "--port", `${port}`, "--data", join(folder, "log")];
      const redis = (port: number) => ["--port", `${port}`, "--save", ""];
      const hasRedis = REDIS_URL !== undefined || isOnPath("redis-server");
      const env = {
        EVENTSTOREDB_URL:
          EVENTSTOREDB_URL ?? `esdb://127.0.0.1:${await start(process.execPath, log)}?tls=false`,
        ...(MONGODB_URL !== undefined && { MONGODB_URL }),
        ...(hasRedis && {
          REDIS_URL: REDIS_URL ?? `redis://127.0.0.1:${await start("redis-server", redis)}`,
        }),
      };
      const what = [
        EVENTSTOREDB_URL ? "EventStoreDB" : "the double of EventStoreDB",
        MONGODB_URL ? "MongoDB" : "embedded read models",
        ...(hasRedis ? ["Redis"] : []),
      ];
      return await work({ env, what: what.join(", ") });
    } finally {
      for (const child of started) child.kill("SIGKILL");
    }
  });
}

/** What the server appends when nothing is decided: one event to a new stream, again and again. */
async function bareAppends(url: string, count: number): Promise<number> {
  const store = await openEventStoreDb({ url });
  try {
    let left = count;
    const started = performance.now();
    const one = async () => {
      while (left-- > 0) {
        const metadata = { time: Date.now(), commandId: newId(), correlationId: "bench", actor: "bench" };
        const data = JSON.stringify({ file: "x".repeat(200), lines: 1 });
        await store.append(`bench-${newId()}`, noStream, [
          { id: newId(), type: "ImportStarted", data, metadata },
        ]);
      }
    };
    await Promise.all(Array.from({ length: appendsAtOnce }, one));
    return count / ((performance.now() - started) / 1000);
  } finally {
    await store.close();
  }
}

function isOnPath(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function accepts(port: number): Promise<void> {
  for (const end = performance.now() + startTimeoutMs; ; ) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isOpen) return;
    if (performance.now() > end) throw new WrongAnswer(`nothing listens on port ${port}`);
    await sleep(50);
  }
}
