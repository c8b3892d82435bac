import { closeSync, existsSync, fsyncSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import { StoreDamaged, StoreUnavailable } from "./event-store/event-store.ts";

export type SqlParam = number | string | null;
export type SqlRow = readonly (number | string | null)[];

const busyTimeoutMs = 10_000;
const statementsMax = 100;

/** One connection to one file, with its prepared statements. Rows come as arrays. */
export interface SqliteFile {
  get(sql: string, ...params: SqlParam[]): SqlRow | undefined;
  all(sql: string, ...params: SqlParam[]): SqlRow[];
  /** @returns the row id of the last insert on this connection */
  run(sql: string, ...params: SqlParam[]): number;
  exec(sql: string): void;
  /** Runs the body in one transaction; `begin` is DEFERRED for reads. */
  transaction<T>(body: () => T, begin?: "IMMEDIATE" | "DEFERRED"): T;
  close(): void;
}

export interface SqliteOptions {
  readOnly?: boolean;
  /** Allows turning the journal off. */
  unjournaled?: boolean;
  /** Without it a missing file is an error. */
  create?: boolean;
  pragmas: Readonly<Record<string, string | number>>;
}

/**
 * @throws StoreDamaged when the file is missing, is no database or is malformed
 * @throws StoreUnavailable when it cannot be opened or stays locked
 */
export function openSqlite(path: string, options: SqliteOptions): SqliteFile {
  if (options.create !== true && !existsSync(path)) throw damaged(path, "it is missing");
  const translate = <T>(body: () => T): T => {
    try {
      return body();
    } catch (error) {
      throw translated(error, path);
    }
  };
  const database = translate(
    () =>
      new DatabaseSync(path, {
        readOnly: options.readOnly === true,
        timeout: busyTimeoutMs,
        defensive: options.unjournaled !== true,
      }),
  );
  try {
    for (const [name, value] of Object.entries(options.pragmas)) {
      translate(() => database.exec(`PRAGMA ${name} = ${value}`));
    }
  } catch (error) {
    database.close();
    throw error;
  }
  return connection(database, path);
}

function connection(database: DatabaseSync, path: string): SqliteFile {
  const statements = new LRUCache<string, StatementSync>({ max: statementsMax, dispose: finalize });
  const prepared = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      statement.setReturnArrays(true);
      statements.set(sql, statement);
    }
    return statement;
  };
  const file: SqliteFile = {
    get(sql, ...params) {
      try {
        return prepared(sql).get(...params) as unknown as SqlRow | undefined;
      } catch (error) {
        throw translated(error, path);
      }
    },
    all(sql, ...params) {
      try {
        return prepared(sql).all(...params) as unknown as SqlRow[];
      } catch (error) {
        throw translated(error, path);
      }
    },
    run(sql, ...params) {
      try {
        return Number(prepared(sql).run(...params).lastInsertRowid);
      } catch (error) {
        throw translated(error, path);
      }
    },
    exec(sql) {
      try {
        database.exec(sql);
      } catch (error) {
        throw translated(error, path);
      }
    },
    transaction(body, begin = "IMMEDIATE") {
      file.run(`BEGIN ${begin}`);
      try {
        const result = body();
        file.run("COMMIT");
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    close() {
      statements.clear();
      if (database.isOpen) database.close();
    },
  };
  return file;
}

/** Node 26 can finalize a statement at once; before, the garbage collector does. */
function finalize(statement: StatementSync & { close?: () => void }): void {
  statement.close?.();
}

export function damaged(path: string, reason: string, options?: ErrorOptions): StoreDamaged {
  return new StoreDamaged(
    `the read model file ${path} cannot be used: ${reason}. Read models can be rebuilt from the log: ` +
      `stop the program, delete the folder ${dirname(path)}, and start it again`,
    options,
  );
}

/** Result codes of https://www.sqlite.org/rescode.html */
const plainError = 1;
const missingTable = /^no such (table|column): /;
const corrupt = 11;
const notADatabase = 26;
const shortRead = 522;
const unavailable = new Set([5, 6, 8, 10, 13, 14]);

function translated(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return error;
  const primary = error.errcode & 0xff;
  const isBroken = error.errcode === plainError && missingTable.test(error.message);
  if (primary === corrupt || primary === notADatabase || error.errcode === shortRead || isBroken) {
    return damaged(path, error.message, { cause: error });
  }
  if (unavailable.has(primary)) {
    return new StoreUnavailable(`the read model file ${path} is not available: ${error.message}`, {
      cause: error,
    });
  }
  return error;
}

/** Removes a database and what SQLite keeps beside it. Connections that have it open keep working. */
export function removeSqlite(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
}

/**
 * Flushes a file and its folder entry. No connection of this process may have the file open: closing a
 * descriptor drops the locks that the process holds on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
 */
export function flushClosedFile(path: string): void {
  try {
    for (const target of [path, dirname(path)]) {
      const descriptor = openSync(target, "r");
      try {
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    }
  } catch (error) {
    throw new StoreUnavailable(`the read model file ${path} cannot be made durable`, { cause: error });
  }
}
