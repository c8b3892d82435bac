import { existsSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import type { Command } from "commander";
import { shopEvents } from "../../commands/events.ts";
import type { Config } from "../config.ts";
import { createCodec } from "../engine/codec.ts";
import { takeDataFolder } from "../runtime/data-folder.ts";
import { logFileIn } from "../stores/event-store/embedded/format.ts";
import { type EmbeddedEventStore, openEmbeddedEventStore } from "../stores/event-store/embedded/log.ts";
import { logStart, StoreDamaged } from "../stores/event-store/event-store.ts";
import { type CheckedModel, checkReadModels, type Finding, type OpenWork } from "./doctor-models.ts";
import { counted, formatBytes, formatCount, printJson, printLine, secondsSince } from "./output.ts";
import type { Progress } from "./progress.ts";
import { commandConfig, jsonOption, requireStore, withProgress } from "./session.ts";

const pageEvents = 2_000;
const freeBytesMin = 256 * 1024 * 1024;

interface CheckedLog {
  logId: string;
  bytes: number;
  events: number;
  /** How many of each type. */
  types: Record<string, number>;
}

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("look over the data folder: the log, every event, the read models, the disk")
    .option(...jsonOption)
    .action(doctor);
}

async function doctor({ json }: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  requireStore(config);
  const startedAt = performance.now();
  const findings: Finding[] = [];
  const checked = await withProgress((progress) => examine(config, findings, progress));
  const clean = findings.every(({ level }) => level !== "problem");
  if (!clean) process.exitCode = 1;
  const seconds = secondsSince(startedAt);
  if (json) return printJson({ clean, dataDir: config.DATA_DIR, findings, ...checked, seconds });
  await printReport(checked, findings);
  await printLine(clean ? `Clean (${seconds} s).` : `Not clean (${seconds} s).`);
}

interface Examined {
  log: CheckedLog | undefined;
  models: CheckedModel[];
  openWork: OpenWork;
}

/** Nothing is repaired and nothing is brought up to date, so that what is found stays to be seen. */
async function examine(config: Config, findings: Finding[], progress: Progress): Promise<Examined> {
  const folder = takeDataFolder(config.DATA_DIR, config.ADMIN_API_KEY);
  try {
    await checkDisk(folder.path, findings);
    const events = openLog(folder.path, findings);
    if (!events) return { log: undefined, models: [], openWork: {} };
    try {
      const log = await checkLog(events, folder.path, findings, progress);
      const checked = await checkReadModels(events, config, findings);
      return { log, ...checked };
    } finally {
      await events.close();
    }
  } finally {
    folder.release();
  }
}

async function checkDisk(path: string, findings: Finding[]): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const low = free < freeBytesMin;
  const message = `${formatBytes(free)} free`;
  findings.push({
    level: low ? "problem" : "note",
    about: "disk",
    message: low
      ? `${message}; less than ${formatBytes(freeBytesMin)} is too little to go on writing`
      : message,
  });
}

function openLog(path: string, findings: Finding[]): EmbeddedEventStore | undefined {
  try {
    return openEmbeddedEventStore({ directory: path, readOnly: true });
  } catch (error) {
    if (!(error instanceof StoreDamaged)) throw error;
    findings.push({ level: "problem", about: "log", message: error.message });
    return undefined;
  }
}

async function checkLog(
  events: EmbeddedEventStore,
  path: string,
  findings: Finding[],
  progress: Progress,
): Promise<CheckedLog> {
  progress.step("Checking the file");
  const problem = (message: string) => findings.push({ level: "problem", about: "log", message });
  try {
    for (const damage of events.check()) problem(damage);
  } catch (error) {
    problem(`the file cannot be checked: ${String(error)}`);
  }
  progress.step("Reading every event");
  const types: Record<string, number> = {};
  try {
    await readEveryEvent(events, types, problem, progress);
  } catch (error) {
    problem(`reading the log failed: ${String(error)}`);
  }
  const count = Object.values(types).reduce((sum, each) => sum + each, 0);
  return { logId: events.logId, bytes: await bytesOf(path), events: count, types };
}

async function readEveryEvent(
  events: EmbeddedEventStore,
  types: Record<string, number>,
  problem: (message: string) => void,
  progress: Progress,
): Promise<void> {
  const codec = createCodec(shopEvents);
  const head = await events.head();
  let after = logStart;
  let read = 0;
  const undecodable = new Map<string, { count: number; first: string }>();
  for (;;) {
    const page = await events.readAll({ after, maxCount: pageEvents, withMetadata: true });
    if (page.scannedTo <= after) break;
    after = page.scannedTo;
    for (const event of page.events) {
      types[event.type] = (types[event.type] ?? 0) + 1;
      try {
        codec.decode(event);
        // Read here only to see whether it can be.
        void event.metadata;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const first = `event ${event.revision} of ${event.stream}: ${reason}`;
        const known = undecodable.get(event.type) ?? { count: 0, first };
        undecodable.set(event.type, { ...known, count: known.count + 1 });
      }
    }
    read += page.scannedEvents;
    progress.at(events.progressOf(after, head), () => counted(read, "event"));
    // The loop reads without ever waiting: this lets the progress be drawn.
    await new Promise(setImmediate);
  }
  for (const [type, { count, first }] of undecodable)
    problem(`${counted(count, `${type} event`)} cannot be decoded; the first is ${first}`);
}

/** With what is in the write-ahead log and not in the file yet. */
async function bytesOf(path: string): Promise<number> {
  const files = [logFileIn(path), `${logFileIn(path)}-wal`].filter((file) => existsSync(file));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function printReport({ log, models, openWork }: Examined, findings: readonly Finding[]): Promise<void> {
  if (log) {
    await printLine(`log ${log.logId}: ${counted(log.events, "event")}, ${formatBytes(log.bytes)}`);
    const types = Object.entries(log.types).sort(([, a], [, b]) => b - a);
    for (const [type, count] of types) await printLine(`  ${formatCount(count).padStart(12)} ${type}`);
  }
  if (models.length > 0) await printLine("read models");
  for (const { name, documents, parked } of models)
    await printLine(
      `  ${formatCount(documents).padStart(12)} ${name}${parked ? `, ${formatCount(parked)} parked` : ""}`,
    );
  const work = Object.entries(openWork);
  if (work.length > 0)
    await printLine(`work left undone: ${work.map(([kind, n]) => `${n} ${kind}`).join(", ")}`);
  for (const { level, about, message } of findings)
    await printLine(`${level === "problem" ? "PROBLEM" : "note"}  ${about}: ${message}`);
}
