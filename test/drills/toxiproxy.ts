import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/ports.ts";
import { sharedBin } from "../support/wheels.ts";
import { endsWithUs } from "./children.ts";

const startTimeoutMs = 10_000;
const askTimeoutMs = 5_000;

/** A TCP proxy between the processes and one store, which can spoil what passes through it. */
export interface TcpProxy {
  readonly port: number;
  /** Breaks every connection and takes no new one, as a server that is gone. */
  cut(): Promise<void>;
  /** Lets connections be and carries nothing more, as a network that swallows everything. */
  silence(): Promise<void>;
  /** Every answer takes so much longer, give or take the jitter. */
  slow(latencyMs: number, jitterMs: number): Promise<void>;
  /** As if nothing had been. */
  heal(): Promise<void>;
}

export interface Toxiproxy {
  proxy(name: string, upstreamPort: number): Promise<TcpProxy>;
  close(): Promise<void>;
}

const program = join(sharedBin, "toxiproxy-server");

/** Why nothing can be put between the processes and the stores; undefined when it can. */
export function whyNoToxiproxyHere(): string | undefined {
  return existsSync(program) ? undefined : `there is no ${program} (CARTWRIGHT_SHARED_BIN names its folder)`;
}

export async function startToxiproxy(): Promise<Toxiproxy> {
  const port = await freePort();
  const child = spawn(program, ["-host", "127.0.0.1", "-port", `${port}`], { stdio: "ignore" });
  endsWithUs(child);
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(askTimeoutMs),
    });
    if (!answer.ok) throw new Error(`toxiproxy: ${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  };
  await answers(() => ask("GET", "/version"), child);
  return {
    async proxy(name, upstreamPort) {
      const listen = await freePort();
      const path = `/proxies/${name}`;
      const at = { listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstreamPort}` };
      await ask("POST", "/proxies", { name, ...at, enabled: true });
      return proxyAt(path, listen, ask);
    },
    async close() {
      child.kill("SIGKILL");
    },
  };
}

function proxyAt(
  path: string,
  port: number,
  ask: (method: string, path: string, body?: object) => Promise<unknown>,
): TcpProxy {
  const spoil = (type: string, stream: string, attributes: object) =>
    ask("POST", `${path}/toxics`, { name: `${type}-${stream}`, type, stream, attributes });
  return {
    port,
    cut: async () => void (await ask("POST", path, { enabled: false })),
    silence: async () => {
      for (const stream of ["upstream", "downstream"]) await spoil("timeout", stream, { timeout: 0 });
    },
    slow: async (latency, jitter) => void (await spoil("latency", "downstream", { latency, jitter })),
    heal: async () => {
      const toxics = (await ask("GET", `${path}/toxics`)) as { name: string }[];
      for (const { name } of toxics) await ask("DELETE", `${path}/toxics/${name}`);
      await ask("POST", path, { enabled: true });
    },
  };
}

async function answers(ask: () => Promise<unknown>, child: ChildProcess): Promise<void> {
  const endsAt = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (child.exitCode !== null || performance.now() > endsAt) throw error;
    }
    await sleep(50);
  }
}
