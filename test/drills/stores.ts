import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startRedis } from "../stores/redis/server.ts";
import type { TestMongo } from "../support/mongodb.ts";
import { freePort } from "../support/ports.ts";
import { endsWithUs } from "./children.ts";
import { startToxiproxy, type TcpProxy } from "./toxiproxy.ts";

const startTimeoutMs = 30_000;

/** A server behind its proxy. */
export interface Store {
  /** As answers name it. */
  name: "events" | "views" | "hot";
  proxy: TcpProxy;
  /** Killed with -9, and started on its data after a while. */
  restart(downMs: number): Promise<void>;
}

export interface Stores {
  all: readonly Store[];
  events: Store;
  views: Store;
  hot: Store;
  /** Addresses of the proxies, for the processes. */
  env: Readonly<Record<string, string>>;
  /** Addresses of the servers themselves, for who looks at what came of it. */
  direct: Readonly<Record<"EVENTSTOREDB_URL" | "MONGODB_URL" | "REDIS_URL", string>>;
  /** Everything that Redis holds is gone. */
  flushHot(): void;
  close(): Promise<void>;
}

/** The three servers, each on its data and behind its proxy. */
export async function startStores(mongo: Required<Pick<TestMongo, "restart">> & TestMongo): Promise<Stores> {
  const toxiproxy = await startToxiproxy();
  const double = await startDouble();
  const redis = await startRedis(["--appendonly", "yes", "--appendfsync", "always"]);
  const mongoUrl = new URL(mongo.url);
  mongoUrl.pathname = `/${mongo.database()}`;
  // Else the driver would go where the server says that it is, past the proxy.
  mongoUrl.searchParams.set("directConnection", "true");
  const direct = {
    EVENTSTOREDB_URL: `esdb://127.0.0.1:${double.port}?tls=false`,
    MONGODB_URL: mongoUrl.href,
    REDIS_URL: redis.url,
  };
  const events: Store = {
    name: "events",
    proxy: await toxiproxy.proxy("events", double.port),
    restart: double.restart,
  };
  const views: Store = {
    name: "views",
    proxy: await toxiproxy.proxy("views", Number(mongoUrl.port)),
    restart: mongo.restart,
  };
  const hot: Store = {
    name: "hot",
    proxy: await toxiproxy.proxy("hot", redis.port),
    restart: async (downMs) => {
      await redis.signal("SIGKILL");
      await sleep(downMs);
      await redis.start();
    },
  };
  mongoUrl.port = `${views.proxy.port}`;
  const env = {
    EVENTSTOREDB_URL: `esdb://127.0.0.1:${events.proxy.port}?tls=false`,
    MONGODB_URL: mongoUrl.href,
    REDIS_URL: `redis://127.0.0.1:${hot.proxy.port}`,
  };
  return {
    ...{ all: [events, views, hot], events, views, hot, env, direct },
    flushHot: () => void redis.ask("FLUSHALL"),
    async close() {
      await toxiproxy.close();
      await double.close();
      await redis.close();
    },
  };
}

/** The EventStoreDB double as a process of its own. */
async function startDouble() {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "cartwright-drills-log-"));
  const main = join(import.meta.dirname, "../stores/eventstoredb/double/main.ts");
  let child: ChildProcess;
  const start = async () => {
    child = spawn(process.execPath, [main, "--port", `${port}`, "--data", folder], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    endsWithUs(child);
    await listens(port, child);
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    port,
    async restart(downMs: number) {
      await kill();
      await sleep(downMs);
      await start();
    },
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  const endsAt = performance.now() + startTimeoutMs;
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > endsAt) throw error;
    } finally {
      socket.destroy();
    }
    await sleep(50);
  }
}
