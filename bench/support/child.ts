import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "./client.ts";
import { WrongAnswer } from "./measurement.ts";
import { ownChild } from "./resources.ts";

const host = "127.0.0.1";
const startTimeoutMs = 60_000;
const stopTimeoutMs = 30_000;
const startPollMs = 2;
const outputCharactersMax = 4_000;

export interface ChildServer {
  url: string;
  /** From the start of the process to its first answer. */
  startMs: number;
  /** Asks it to stop, and waits until it has. @throws WrongAnswer when it fails to */
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** Of the TypeScript file, absolute. */
  file: string;
  env: Record<string, string>;
  nodeArguments?: readonly string[];
  /** Answered with 200 as soon as the server can answer at all. */
  firstPath: string;
}

/** Starts an HTTP server as a process of its own and waits for its first answer. */
export async function startChild({
  file,
  env,
  nodeArguments = [],
  firstPath,
}: ChildOptions): Promise<ChildServer> {
  const port = await freePort();
  const started = performance.now();
  const child = spawn(process.execPath, [...nodeArguments, file], {
    env: { PATH: process.env.PATH ?? "", ...env, HOST: host, PORT: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  ownChild(child);
  let output = "";
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-outputCharactersMax);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let stopping = false;
  child.once("exit", (code, signal) => {
    if (!stopping) process.stderr.write(`${file} ended by itself (${code ?? signal}):\n${output}\n`);
  });
  const url = `http://${host}:${port}`;
  await answered(url + firstPath, child);
  const startMs = performance.now() - started;

  return {
    url,
    startMs,
    stop: async () => {
      stopping = true;
      const code = await ended(child);
      if (code !== 0)
        throw new WrongAnswer(`${file} ended with ${code} when it was told to stop:\n${output}`);
    },
  };
}

async function answered(address: string, child: ChildProcess): Promise<void> {
  const { origin, pathname } = new URL(address);
  const client = createClient(origin, 1);
  const deadline = performance.now() + startTimeoutMs;
  try {
    while (child.exitCode === null && performance.now() < deadline) {
      const answer = await client.call("GET", pathname).catch(() => undefined);
      if (answer?.status === 200) return;
      await sleep(startPollMs);
    }
    throw new WrongAnswer(`${address} was not answered after ${startTimeoutMs} ms`);
  } finally {
    client.close();
  }
}

async function ended(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await exit;
    clearTimeout(timer);
  }
  return child.exitCode ?? child.signalCode;
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
