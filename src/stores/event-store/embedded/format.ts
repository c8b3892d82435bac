import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { newId } from "../../../values/ids.ts";
import { StoreDamaged } from "../event-store.ts";

const format = 1;
const logFile = "log.db";
/** A full check of the file at start takes about a second per 256 MiB; larger logs are `doctor`'s. */
const checkedAtStartBytesMax = 128 * 1024 * 1024;
/** What of the indexes whoever appends keeps in memory. */
export const writerCacheKiB = 32 * 1024;
const walPagesMax = 16_384;
/** How whoever writes a log opens it: an append is on the disk before it is answered. */
export const guardedPragmas = `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${walPagesMax}`;

/** Where the log of a data folder is, whether there is one yet or not. */
export function logFileIn(directory: string): string {
  return join(directory, logFile);
}

/** A log appears under its name once it is whole: a crash before leaves nothing that looks like a damaged one. */
export function createLog(directory: string, file: string): void {
  const unfinished = `${file}.${newId()}.new`;
  const db = new DatabaseSync(unfinished);
  createSchema(db);
  db.close();
  try {
    // Unlike a rename, a link never replaces a log that another process has made meanwhile.
    linkSync(unfinished, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
  }
  rmSync(unfinished);
  const folder = openSync(directory, "r");
  fsyncSync(folder);
  closeSync(folder);
}

function createSchema(db: DatabaseSync): void {
  db.exec(`
    BEGIN;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE types (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE events (
      position INTEGER PRIMARY KEY, stream INTEGER NOT NULL, revision INTEGER NOT NULL, type INTEGER NOT NULL,
      time INTEGER NOT NULL, data TEXT NOT NULL, metadata TEXT NOT NULL) STRICT;
    CREATE UNIQUE INDEX events_by_stream ON events (stream, revision);
    INSERT INTO meta VALUES ('format', '${format}'), ('logId', '${newId()}');
    COMMIT`);
}

/** @throws StoreDamaged when the file is no log, one of a newer format, or one without an id */
export function readLogId(db: DatabaseSync, file: string): string {
  const stored = readMeta(db, "format");
  if (stored === undefined) throw new StoreDamaged(`${file} is not an event log of Cartwright`);
  if (Number(stored) > format)
    throw new StoreDamaged(
      `${file} has format ${stored}, this program knows up to ${format}: use a newer Cartwright`,
    );
  const logId = readMeta(db, "logId");
  if (logId === undefined) throw new StoreDamaged(`${file} has lost its log id: restore it from a backup`);
  return logId;
}

function readMeta(db: DatabaseSync, key: string): string | undefined {
  const exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get();
  const row = exists && db.prepare("SELECT value FROM meta WHERE key = ?").get(key);
  return row ? String(row.value) : undefined;
}

/** @throws StoreDamaged when the file is small enough to be checked and not as it should be */
export function checkFile(db: DatabaseSync, file: string): void {
  const bytes = statSync(file).size;
  const problems = bytes <= checkedAtStartBytesMax ? quickCheck(db, 1) : [];
  if (problems.length > 0)
    throw new StoreDamaged(`the event log ${file} is damaged (${problems[0]}): restore it from a backup`);
}

/** Reads the whole file. @returns what is wrong with it; empty when nothing is */
export function checkLog(db: DatabaseSync, file: string): string[] {
  const gaps = db
    .prepare(
      `SELECT s.name AS name FROM events e JOIN streams s ON s.id = e.stream
       GROUP BY e.stream HAVING count(*) <> max(e.revision) + 1 LIMIT 100`,
    )
    .all()
    .map((row) => `stream ${row.name} has missing revisions`);
  return [...quickCheck(db, 100).map((problem) => `${file}: ${problem}`), ...gaps];
}

function quickCheck(db: DatabaseSync, problemsMax: number): string[] {
  const rows = db.prepare(`PRAGMA quick_check(${problemsMax})`).all();
  const problems = rows.map((row) => String(row.quick_check));
  return problems[0] === "ok" ? [] : problems;
}
