import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../support/ports.ts";

const startTimeoutMs = 10_000;

/** Why there is no Redis to test with; undefined when a server can be started here. */
export function whyNoRedisHere(): string | undefined {
  try {
    for (const program of ["redis-server", "redis-cli"])
      execFileSync(program, ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    console.warn("tests on Redis are skipped: there are no redis-server and redis-cli on the PATH");
    return "there are no redis-server and redis-cli on the PATH";
  }
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Sends a signal to the process, and waits until it has ended if it is to. */
  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Starts it anew on its port, with nothing in it. */
  start(): Promise<void>;
  /** One command, as a client of its own. */
  ask(...command: string[]): string;
  close(): Promise<void>;
}

/** Starts a server on a free port, with its files in a temporary folder. */
export async function startRedis(settings: readonly string[] = [], port?: number): Promise<RedisServer> {
  const at = port ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), "cartwright-redis-"));
  const own = ["--port", `${at}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"];
  let child: ChildProcess;
  const signal = async (name: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(name);
    if (name === "SIGKILL") await ended;
  };
  const start = async () => {
    child = spawn("redis-server", [...own, ...settings], { stdio: "ignore" });
    await accepts(at);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${at}`,
    port: at,
    signal,
    start,
    ask: (...command) => execFileSync("redis-cli", ["-p", `${at}`, ...command], { encoding: "utf8" }).trim(),
    close: async () => {
      await signal("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until the port answers a PING as Redis does, be it that one is not let in. */
export async function accepts(port: number): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      socket.write("PING\r\n");
      const [answer] = await once(socket, "data");
      if (/^(\+PONG|-NOAUTH)/.test(`${answer}`)) return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      socket.destroy();
    }
    await sleep(20);
  }
}
