import { existsSync, rmSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import type { Command } from "commander";
import { logStateStream } from "../../commands/log/log-state.ts";
import type { Config } from "../config.ts";
import { restoringFolder, takeDataFolder } from "../runtime/data-folder.ts";
import { viewsFolder } from "../stores/backends.ts";
import { logFileIn } from "../stores/event-store/embedded/format.ts";
import { openEmbeddedEventStore } from "../stores/event-store/embedded/log.ts";
import {
  type AppendResult,
  type EventStore,
  type EventToAppend,
  logStart,
  RevisionConflict,
  StoreDamaged,
} from "../stores/event-store/event-store.ts";
import { vaultFileIn } from "../stores/vault/embedded.ts";
import { type BackupContents, type BackupEvent, eventsOf, readBackup } from "./backup-file.ts";
import { flush } from "./flush.ts";
import { asLog, engineOn, stateOf } from "./log-turn.ts";
import { inFlightOnServer, OrderedAppends } from "./ordered-appends.ts";
import { counted, printJson, printLine, secondsSince } from "./output.ts";
import type { Progress } from "./progress.ts";
import {
  catchUp,
  commandConfig,
  jsonOption,
  Refused,
  tellNewKey,
  withLog,
  withProgress,
  withRuntime,
} from "./session.ts";

interface Restored extends BackupContents {
  streams: number;
  /** Events of the backup that are not of the shop: whose turn it was to write the log that was backed up. */
  leftOut: number;
}

export function addRestore(program: Command): void {
  program
    .command("restore")
    .argument("<file>", "a file that backup has written")
    .description("fill an empty store from a backup, and build the read models")
    .option(...jsonOption)
    .action(restore);
}

async function restore(file: string, { json }: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  const startedAt = performance.now();
  if (!existsSync(file)) throw new Refused(`there is no file ${file}`);
  const restored = await withProgress(async (progress) => {
    const isOnServer = config.EVENTSTOREDB_URL !== undefined;
    const contents = await (isOnServer ? restoreOnServer : restoreLog)(file, config, progress);
    const logSeconds = secondsSince(startedAt);
    const keysMissing = await withRuntime(config, async (runtime) => {
      await catchUp(runtime, progress);
      const isSealed = runtime.embeddedLog?.knowsType("CustomerRegistered") === true;
      return isSealed && !isOnServer && !existsSync(vaultFileIn(config.DATA_DIR));
    });
    return { ...contents, logSeconds, keysMissing };
  });
  const seconds = secondsSince(startedAt);
  const { header, events, streams, leftOut, logSeconds, keysMissing } = restored;
  const backedUpAt = header.createdAt;
  if (json)
    return printJson({ file, events, streams, leftOut, backedUpAt, keysMissing, logSeconds, seconds });
  await printLine(
    `Restored ${counted(events, "event")} of ${counted(streams, "stream")}, backed up at ${backedUpAt}, ` +
      `in ${seconds} s (the log took ${logSeconds} s, the read models the rest).` +
      (leftOut > 0
        ? ` Left out: ${counted(leftOut, "event")} of who had written the log that was backed up.`
        : "") +
      (keysMissing
        ? " It has customers: before it starts, put their keys back, as keys.db and master-key."
        : ""),
  );
}

/**
 * Puts the log of a backup into a data folder that has none, or an empty one. It is made in a folder of its
 * own and takes its place when it is whole: what a restore that was broken off leaves is never taken for a
 * log, and keeps the data folder from being used until it is restored again or deleted.
 *
 * The restored log has a log id of its own. Positions may differ from those of the log that was backed up,
 * so read models and checkpoints of that one must not pass for this one's.
 */
async function restoreLog(file: string, config: Config, progress: Progress): Promise<Restored> {
  const folder = takeDataFolder(config.DATA_DIR, config.ADMIN_API_KEY, "restore");
  try {
    await requireEmpty(folder.path);
    tellNewKey(folder);
    const { events } = await checkBackup(file, progress);
    const unfinished = restoringFolder(folder.path);
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    try {
      const restored = await fillLog(unfinished, file, events, progress);
      await takePlace(folder.path, unfinished);
      return restored;
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw error;
    }
  } finally {
    folder.release();
  }
}

/**
 * Fills an empty log on a server. It is not a shop's to write before it is whole; one whose restore was broken off is
 * gone on with by the same file: appends that are there already are told by their ids.
 */
async function restoreOnServer(file: string, config: Config, progress: Progress): Promise<Restored> {
  return withLog(config, async ({ events: log }) => {
    const { header, events: total } = await checkBackup(file, progress);
    const engine = engineOn(log);
    const from = `backup of ${header.logId}, ${header.createdAt}`;
    const state = await stateOf(engine);
    const isBegun = state.is === "filling" && state.from === from;
    if (!isBegun && (await log.head()) !== logStart)
      throw new Refused("the log on this server is not empty; a backup is only restored into an empty one");
    await asLog(engine, "Fill", { from });
    progress.step("Restoring the log");
    const appends = new OrderedAppends(log, inFlightOnServer);
    let streams = 0;
    const contents = await readBackup(
      file,
      async (lines) => {
        for (const event of eventsOf(lines).filter(isShops)) {
          const { position, data, ...others } = event;
          await appends.add({ ...others, data: JSON.stringify(data), position: String(position) });
          if (event.revision === 0) streams++;
        }
        progress.at(appends.events / total, () => counted(appends.events, "event"));
      },
      () => {},
    );
    await appends.settleAll();
    await asLog(engine, "Finish", {});
    return { ...contents, events: appends.events, leftOut: contents.events - appends.events, streams };
  });
}

async function checkBackup(file: string, progress: Progress): Promise<BackupContents> {
  progress.step("Checking the backup");
  return readBackup(
    file,
    () => {},
    (fraction) => progress.at(fraction),
  );
}

/** Whose turn it was to write the log that was backed up is none of this one's business. */
function isShops({ stream }: BackupEvent): boolean {
  return stream !== logStateStream;
}

/** @throws Refused */
async function requireEmpty(path: string): Promise<void> {
  if (!existsSync(logFileIn(path))) return;
  try {
    const events = openEmbeddedEventStore({ directory: path, readOnly: true });
    const head = await events.head();
    await events.close();
    if (head === logStart) return;
  } catch (error) {
    if (!(error instanceof StoreDamaged)) throw error;
    throw new Refused(`${logFileIn(path)} is damaged: move it away, then restore again`, { cause: error });
  }
  throw new Refused(`the store in ${path} is not empty; a backup is only restored into an empty one`);
}

async function fillLog(
  directory: string,
  file: string,
  total: number,
  progress: Progress,
): Promise<Restored> {
  const log = openEmbeddedEventStore({ directory, unguarded: true });
  try {
    progress.step("Restoring the log");
    let count = 0;
    let streams = 0;
    const contents = await readBackup(
      file,
      async (lines) => {
        const batch = eventsOf(lines).filter(isShops);
        await appendAll(log, batch);
        count += batch.length;
        streams += batch.filter(({ revision }) => revision === 0).length;
        progress.at(count / total, () => counted(count, "event"));
      },
      () => {},
    );
    return { ...contents, events: count, leftOut: contents.events - count, streams };
  } catch (error) {
    if (!(error instanceof RevisionConflict)) throw error;
    throw new Refused(`${file} does not hold a whole log: ${error.message}`, { cause: error });
  } finally {
    await log.close();
  }
}

/**
 * Appends made in one turn of the event loop are written in the order of the calls, in one transaction, so
 * the order over all streams is kept without waiting for each.
 */
async function appendAll(log: EventStore, events: readonly BackupEvent[]): Promise<void> {
  const appends: Promise<AppendResult>[] = [];
  for (let at = 0; at < events.length; ) {
    const first = events[at];
    if (!first) break;
    const together: EventToAppend[] = [];
    for (let next: BackupEvent | undefined = first; next?.stream === first.stream; next = events[at]) {
      const { id, type, data, metadata } = next;
      together.push({ id, type, data: JSON.stringify(data), metadata });
      at++;
    }
    appends.push(log.append(first.stream, first.revision - 1, together));
  }
  await Promise.all(appends);
}

/** The empty log and read models of another one make way; the log's name changes hands at once. */
async function takePlace(path: string, unfinished: string): Promise<void> {
  const from = logFileIn(unfinished);
  const to = logFileIn(path);
  await flush(from);
  await rm(viewsFolder(path), { recursive: true, force: true });
  // A write-ahead log that stays would be taken for the new file's.
  for (const suffix of ["-wal", "-shm", ""]) rmSync(to + suffix, { force: true });
  await rename(from, to);
  await flush(path);
  await rm(unfinished, { recursive: true, force: true });
}
