import { logStart } from "../../event-store/event-store.ts";
import { damaged, type SqliteFile } from "../../sqlite.ts";
import { specHash } from "../spec.ts";
import type { ModelSpec } from "../view-store.ts";

/** Format of the model files and of views.db. Grows with every change that an older program cannot read. */
export const formatVersion = 4;

/** The SQL name of a column that is known to be in the spec. */
export function columnSql(column: string): string {
  return `"c_${column}"`;
}

/**
 * The tables of a new generation. Indexes besides the key come with `createIndexes`, once it is filled.
 * Columns stand before the JSON texts, so that filters do not walk through long documents.
 */
export function createTables(file: SqliteFile, spec: ModelSpec, logId: string): void {
  const columns = Object.entries(spec.columns).map(
    ([column, type]) => `${columnSql(column)} ${type === "number" ? "REAL" : "TEXT"},`,
  );
  file.exec(`
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE documents (
      id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, position TEXT NOT NULL,
      ${columns.join(" ")} presented TEXT, doc TEXT NOT NULL
    );
    CREATE TABLE deleted (key TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX deleted_by_position ON deleted (position);
    CREATE TABLE parked (key TEXT PRIMARY KEY, as_of TEXT NOT NULL, document TEXT) WITHOUT ROWID;`);
  if (spec.lists !== undefined && spec.lists.length > 0) {
    file.exec(`CREATE TABLE list_values (
      doc INTEGER NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (doc, field, value)
    ) WITHOUT ROWID`);
  }
  const meta: [string, string | number][] = [
    ["format", formatVersion],
    ["model", spec.name],
    ["version", spec.version],
    ["specHash", specHash(spec)],
    ["logId", logId],
    ["checkpoint", logStart],
  ];
  for (const [name, value] of meta) file.run("INSERT INTO meta VALUES (?, ?)", name, value);
}

/** Each index ends in the key, so that a page starts in it where the one before ended. */
export function createIndexes(file: SqliteFile, spec: ModelSpec): void {
  spec.indexes.forEach((columns, ordinal) => {
    const terms = [...columns.map(columnSql), "key"].join(", ");
    file.exec(`CREATE INDEX documents_${ordinal} ON documents (${terms})`);
  });
  if (spec.lists !== undefined && spec.lists.length > 0) {
    file.exec("CREATE INDEX list_values_by_value ON list_values (field, value, doc)");
  }
}

/**
 * Whether a model file is what the pointer table says it is.
 * @throws StoreDamaged when it has no tables, a newer format, or belongs to another model or log
 */
export function checkModelFile(file: SqliteFile, path: string, spec: ModelSpec, logId: string): void {
  if (file.get("SELECT 1 FROM sqlite_schema WHERE name = 'meta'") === undefined) {
    throw damaged(path, "it is empty or not a read model");
  }
  const meta = new Map(file.all("SELECT name, value FROM meta").map((row) => [row[0], row[1]]));
  checkFormat(meta.get("format") ?? null, path);
  if (meta.get("logId") !== logId) {
    throw damaged(path, `it belongs to the log ${meta.get("logId")}, not to ${logId}`);
  }
  const same = meta.get("model") === spec.name && meta.get("specHash") === specHash(spec);
  if (!same || meta.get("version") !== spec.version) {
    throw damaged(path, "it holds another read model than its name says");
  }
}

/** Whether read models were written by an older program, and have to be made anew. */
export function isOldFormat(format: string | number | null): boolean {
  return typeof format === "number" && format < formatVersion;
}

/** @throws StoreDamaged */
export function checkFormat(format: string | number | null, path: string): void {
  if (format === formatVersion) return;
  const reason =
    typeof format === "number" && format > formatVersion
      ? `it has format ${format} of a newer version of this program, which reads up to ${formatVersion}`
      : `its format is ${JSON.stringify(format)}, this program reads ${formatVersion}`;
  throw damaged(path, reason);
}
