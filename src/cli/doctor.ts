import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import type { Command } from "commander";
import type { Config } from "../config.ts";
import { type DataFolder, DataFolderUnavailable, takeDataFolder } from "../runtime/data-folder.ts";
import { backendsOf } from "../runtime/runtime.ts";
import { type OpenLog, openLog, viewsFolder } from "../stores/backends.ts";
import { StoreDamaged, StoreUnavailable } from "../stores/event-store/event-store.ts";
import type { InspectedServer } from "../stores/inspect.ts";
import { checkKeys } from "./doctor-keys.ts";
import { type CheckedLog, checkLog } from "./doctor-log.ts";
import { type CheckedModel, checkReadModels, type Finding, type OpenWork } from "./doctor-models.ts";
import { checkServers, checkTerms } from "./doctor-servers.ts";
import { counted, formatBytes, formatCount, printJson, printLine, secondsSince } from "./output.ts";
import type { Progress } from "./progress.ts";
import { commandConfig, jsonOption, requireStore, withProgress } from "./session.ts";

const freeBytesMin = 256 * 1024 * 1024;

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description(
      "look over the stores: the log, every event, the settings, the keys, the read models, the disk, the servers",
    )
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
  servers: InspectedServer[];
  models: CheckedModel[];
  openWork: OpenWork;
}

/**
 * Nothing is repaired and nothing is brought up to date, so that what is found stays to be seen. What is on servers is
 * looked at beside a running shop.
 */
async function examine(config: Config, findings: Finding[], progress: Progress): Promise<Examined> {
  const folder = folderFor(config, findings);
  try {
    if (folder) await checkDisk(folder.path, findings);
    const log = await openedLog(config, findings);
    const servers = await checkServers(config, log, findings);
    if (!log) return { log: undefined, servers, models: [], openWork: {} };
    try {
      const problem = (message: string) => findings.push({ level: "problem", about: "log", message });
      const keyIds: string[] = [];
      const checkedLog = await checkLog(log, config.DATA_DIR, problem, progress, keyIds);
      await checkKeys(config, keyIds, findings);
      await checkTerms(log, config, findings).catch((error: unknown) => problem(String(error)));
      const mayReadModels = folder !== undefined || config.MONGODB_URL !== undefined;
      const models = mayReadModels
        ? await checkReadModels(log.events, config, findings)
        : { models: [], openWork: {} };
      return { log: checkedLog, servers, ...models };
    } finally {
      await log.events.close();
    }
  } finally {
    folder?.release();
  }
}

/**
 * The data folder, where something in it is looked at.
 * @returns undefined when there is nothing in it, or a running shop has it and only its read models are there
 */
function folderFor(config: Config, findings: Finding[]): DataFolder | undefined {
  const { DATA_DIR, ADMIN_API_KEY, EVENTSTOREDB_URL, MONGODB_URL } = config;
  if (EVENTSTOREDB_URL === undefined) return takeDataFolder(DATA_DIR, ADMIN_API_KEY);
  if (MONGODB_URL !== undefined || !existsSync(viewsFolder(DATA_DIR, true))) return undefined;
  try {
    return takeDataFolder(DATA_DIR, ADMIN_API_KEY);
  } catch (error) {
    if (!(error instanceof DataFolderUnavailable)) throw error;
    findings.push({ level: "note", about: "read models", message: `not looked at: ${error.message}` });
    return undefined;
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

async function openedLog(config: Config, findings: Finding[]): Promise<OpenLog | undefined> {
  try {
    return await openLog(backendsOf(config), "reading");
  } catch (error) {
    if (!(error instanceof StoreDamaged || error instanceof StoreUnavailable)) throw error;
    findings.push({ level: "problem", about: "log", message: error.message });
    return undefined;
  }
}

async function printReport(
  { log, servers, models, openWork }: Examined,
  findings: readonly Finding[],
): Promise<void> {
  for (const { name, version } of servers) await printLine(`${name} ${version}`);
  if (log) {
    const size = log.bytes === null ? "" : `, ${formatBytes(log.bytes)}`;
    await printLine(`log ${log.logId}: ${counted(log.events, "event")}${size}`);
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
