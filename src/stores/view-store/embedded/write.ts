import type { Position } from "../../event-store/event-store.ts";
import type { SqliteFile, SqlParam, SqlRow } from "../../sqlite.ts";
import type { DocumentChange, ModelSpec, ParkedChange } from "../view-store.ts";
import { columnSql } from "./schema.ts";

/**
 * One process writes a model, from the checkpoint that is stored beside it: nobody is far behind. More than so many
 * deletions are not remembered, and they are thinned out after so many.
 */
const deletionsKept = 10_000;
const deletionsPerTidying = 2_000;

/** Puts changes of one model's documents into its tables. */
export class DocumentWriter {
  readonly #spec: ModelSpec;
  readonly #sql: ReturnType<typeof writeStatements>;
  #deletions = 0;

  constructor(spec: ModelSpec) {
    this.#spec = spec;
    this.#sql = writeStatements(spec);
  }

  /**
   * Writes only over a lower position. Looks at the stored document first and changes what differs: an index left
   * alone is pages not written.
   * @param filling nobody else writes the generation
   * @returns false, and changes nothing, when as much or more was stored already
   */
  write(file: SqliteFile, change: DocumentChange, values: SqlParam[], filling: boolean): boolean {
    const { key, position, json } = change;
    if (filling && change.isNew === true && json !== undefined) {
      this.#put(file, change, values, undefined);
      return true;
    }
    const stored = file.get(this.#sql.stored, key);
    const known = stored?.[0] as number | undefined;
    const storedAt = (stored ?? file.get("SELECT 0, position FROM deleted WHERE key = ?", key))?.[1];
    if (storedAt != null && (storedAt as Position) >= position) return false;
    if (json === undefined) this.#delete(file, key, position, known);
    else this.#put(file, change, values, stored);
    return true;
  }

  #delete(file: SqliteFile, key: string, position: Position, known: number | undefined): void {
    if (known !== undefined) {
      this.#writeLists(file, known, true, {});
      file.run("DELETE FROM documents WHERE id = ?", known);
    }
    file.run("INSERT OR REPLACE INTO deleted VALUES (?, ?)", key, position);
    if (++this.#deletions < deletionsPerTidying) return;
    this.#deletions = 0;
    const oldestKept = file.get(
      "SELECT position FROM deleted ORDER BY position DESC LIMIT 1 OFFSET ?",
      deletionsKept,
    );
    if (oldestKept) file.run("DELETE FROM deleted WHERE position < ?", oldestKept[0] ?? null);
  }

  #put(file: SqliteFile, change: DocumentChange, values: SqlParam[], stored: SqlRow | undefined): void {
    const { key, position, json = "" } = change;
    const known = stored?.[0] as number | undefined;
    const presented = change.presented ?? null;
    let id = known;
    if (stored === undefined || id === undefined) {
      id = file.run(this.#sql.insert, key, position, ...values, presented, json);
      if (change.isNew !== true) file.run("DELETE FROM deleted WHERE key = ?", key);
    } else this.#update(file, stored, [position, ...values], [presented, json, id]);
    this.#writeLists(file, id, known !== undefined, change.lists ?? {});
  }

  /** @param values position and columns, as in `stored` behind the id */
  #update(file: SqliteFile, stored: SqlRow, values: SqlParam[], rest: SqlParam[]): void {
    const changed = values.map((value, at) => value !== stored[at + 1]);
    const names = this.#sql.values.filter((_, at) => changed[at] ?? true);
    const sql = `UPDATE documents SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE id = ?`;
    file.run(sql, ...values.filter((_, at) => changed[at]), ...rest);
  }

  /** Touches only what differs: most changes of a document leave its tags alone. */
  #writeLists(
    file: SqliteFile,
    id: number,
    existed: boolean,
    lists: NonNullable<DocumentChange["lists"]>,
  ): void {
    if (this.#spec.lists === undefined || this.#spec.lists.length === 0) return;
    const stale = new Map<string, Set<string>>();
    if (existed) {
      for (const row of file.all("SELECT field, value FROM list_values WHERE doc = ?", id)) {
        const [field, value] = row as [string, string];
        const values = stale.get(field) ?? new Set();
        stale.set(field, values.add(value));
      }
    }
    for (const [field, values] of Object.entries(lists)) {
      for (const value of new Set(values)) {
        if (stale.get(field)?.delete(value)) continue;
        file.run("INSERT INTO list_values (doc, field, value) VALUES (?, ?, ?)", id, field, value);
      }
    }
    for (const [field, values] of stale) {
      for (const value of values) {
        file.run("DELETE FROM list_values WHERE doc = ? AND field = ? AND value = ?", id, field, value);
      }
    }
  }
}

function writeStatements(spec: ModelSpec) {
  const columns = Object.keys(spec.columns).map(columnSql);
  const values = ["position", ...columns, "presented", "doc"];
  const places = ["key", ...values].map(() => "?").join(", ");
  const insert = `INSERT INTO documents (${["key", ...values].join(", ")}) VALUES (${places})`;
  return {
    values,
    insert,
    stored: `SELECT ${["id", "position", ...columns].join(", ")} FROM documents WHERE key = ?`,
  };
}

/** What is parked no longer leaves its row behind, without a document: it says as of when. */
export function writeParked(file: SqliteFile, parked: readonly ParkedChange[]): void {
  for (const { key, asOf, document } of parked) {
    file.run(
      `INSERT INTO parked (key, as_of, document) VALUES (?, ?, ?) ON CONFLICT (key)
        DO UPDATE SET as_of = excluded.as_of, document = excluded.document WHERE as_of <= excluded.as_of`,
      key,
      asOf,
      document ? JSON.stringify(document) : null,
    );
  }
}
