import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { inherited } from "../support/inherited.ts";
import { freePort } from "../support/ports.ts";
import { endsWithUs } from "./children.ts";

const readyTimeoutMs = 90_000;
const stopTimeoutMs = 30_000;
const lookEveryMs = 100;
const lookTimeoutMs = 2_000;
/** Kept of one process: enough to see what came before a fault. */
const linesKeptMax = 20_000;
const errorLevel = 50;
const fatalLevel = 60;
/** The errors by which a store's absence, or a refusal, is told. */
const explained = ["StoreUnavailable", "OutcomeUnknown", "Problem"];
const complaintCharactersMax = 4_000;

const source = join(import.meta.dirname, "../../src");
const shiftedClock = join(import.meta.dirname, "shifted-clock.ts");

/** What a process has logged. */
export interface LogLine {
  level: number;
  time: number;
  msg?: string;
  err?: { type: string; message: string; stack: string };
}

export interface ProcessOptions {
  name: string;
  env: Readonly<Record<string, string>>;
}

/** `node src/main.js`, as many times one after the other as it is started. */
export class ShopProcess {
  readonly name: string;
  readonly lines: LogLine[] = [];
  /** The end of what it has written beside its log: why a start has failed. */
  complaints = "";
  url = "";
  /** Epoch milliseconds of its last start. */
  startedAt = 0;
  /** How it ended, when nobody had asked it to. */
  readonly deaths: string[] = [];
  private readonly env: Readonly<Record<string, string>>;
  private child: ChildProcess | undefined;
  private isAskedToEnd = false;

  constructor({ name, env }: ProcessOptions) {
    this.name = name;
    this.env = env;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** @param clockShiftMs how far its clock is ahead of everybody else's */
  async start(clockShiftMs = 0): Promise<void> {
    const port = await freePort();
    const shifted = clockShiftMs === 0 ? [] : ["--import", shiftedClock];
    const child = spawn(process.execPath, [...shifted, "main.js"], {
      cwd: source,
      env: { ...inherited(), ...this.env, PORT: `${port}`, CLOCK_SHIFT_MS: `${clockShiftMs}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    this.startedAt = Date.now();
    this.isAskedToEnd = false;
    child.once("exit", (code, signal) => {
      if (this.isAskedToEnd) return;
      const death = `${this.name} ended with ${code ?? signal}: ${this.lastWords()}`;
      console.error(death);
      this.deaths.push(death);
    });
    this.url = `http://127.0.0.1:${port}`;
    endsWithUs(child);
    // Threads log to standard error.
    for (const output of [child.stdout, child.stderr])
      createInterface(output).on("line", (line) => this.keep(line));
    await this.live(child);
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child || !this.isRunning) return;
    const ended = once(child, "exit");
    this.isAskedToEnd = true;
    child.kill("SIGKILL");
    await ended;
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.child?.kill(name);
  }

  /** Asks it to stop. @returns its exit code; null when it had to be killed */
  async stop(): Promise<number | null> {
    const { child } = this;
    if (!child || !this.isRunning) return null;
    const ended = once(child, "exit");
    this.isAskedToEnd = true;
    child.kill("SIGTERM");
    await Promise.race([ended, sleep(stopTimeoutMs, undefined, { ref: false })]);
    await this.kill();
    return child.exitCode;
  }

  private lastWords(): string {
    const last = this.lines.findLast(({ level }) => level >= fatalLevel);
    return `${last?.msg ?? ""} ${last?.err?.stack ?? ""} ${this.complaints}`;
  }

  private keep(line: string): void {
    if (!line.startsWith("{")) {
      this.complaints = `${this.complaints}${line}\n`.slice(-complaintCharactersMax);
      return;
    }
    this.lines.push(JSON.parse(line) as LogLine);
    if (this.lines.length > linesKeptMax) this.lines.shift();
  }

  private async live(child: ChildProcess): Promise<void> {
    const endsAt = performance.now() + readyTimeoutMs;
    for (;;) {
      try {
        const signal = AbortSignal.timeout(lookTimeoutMs);
        const answer = await fetch(`${this.url}/health/live`, { signal });
        await answer.text();
        if (answer.ok) return;
      } catch {
        if (child.exitCode !== null)
          throw new Error(`${this.name} ended with ${child.exitCode}: ${this.complaints}`);
        if (performance.now() > endsAt)
          throw new Error(`${this.name} does not answer within ${readyTimeoutMs} ms: ${this.complaints}`);
      }
      await sleep(lookEveryMs);
    }
  }
}

/** Errors that a process has logged and that no store's absence explains, with their stacks. */
export function unexplainedOf(name: string, lines: readonly LogLine[]): string[] {
  return lines
    .filter(({ level, err }) => level >= errorLevel && !explained.includes(err?.type ?? ""))
    .map(({ msg, err }) => `${name}: ${msg}: ${err?.stack}`);
}
