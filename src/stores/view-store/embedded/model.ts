import { existsSync } from "node:fs";
import { LRUCache } from "lru-cache";
import { type Position, StoreUnavailable } from "../../event-store/event-store.ts";
import { damaged, flushClosedFile, openSqlite, type SqliteFile, type SqlRow } from "../../sqlite.ts";
import { checkLimit, columnValues } from "../spec.ts";
import type {
  DocumentChange,
  FindQuery,
  FindResult,
  Found,
  Loaded,
  ModelSpec,
  Overtaken,
  ParkedDocument,
  SavedCheckpoint,
  SaveOptions,
  StoredDocument,
  SumQuery,
  SumRow,
  ViewModel,
} from "../view-store.ts";
import { type PageSql, type Sql, sortedPages, sumSql, whereTerms } from "./query.ts";
import { checkModelFile, createIndexes, createTables } from "./schema.ts";
import { DocumentWriter, writeParked } from "./write.ts";

export const loadKeysMax = 10_000;
/** Rows of a scan that are fetched at once; a document beyond the bytes is fetched by itself. */
const scanRowsMax = 2_000;
const inlineBytesMax = 8 * 1024;
/** Up to so many documents are fetched through a list value's own index, beyond it documents are probed. */
const rareHoldersMax = 1_000;
const rareVerdictTtlMs = 10_000;
const verdictsMax = 1_000;
const plansMax = 200;

/** For each file in each thread, and not given back: the allocator keeps what a cache frees. */
const liveCacheKiB = 2_048;
/** A generation is filled in the order of its keys, which needs few pages at hand. */
const fillingCacheKiB = 8_192;
const checkpointPages = 16_000;
const walBytesMax = 64 * 1024 * 1024;

/**
 * A crash of the process loses nothing; a power loss may take the last saves back to an earlier commit,
 * checkpoint and documents together, and the projector applies what is missing again.
 */
const livePragmas = {
  synchronous: "NORMAL",
  cache_size: -liveCacheKiB,
  wal_autocheckpoint: checkpointPages,
  journal_size_limit: walBytesMax,
};
/** A generation that is being filled is worth nothing after a crash, so nothing guards it against one. */
const fillingPragmas = {
  journal_mode: "OFF",
  synchronous: "OFF",
  locking_mode: "EXCLUSIVE",
  cache_size: -fillingCacheKiB,
};

export interface EmbeddedModelOptions {
  spec: ModelSpec;
  generation: number;
  path: string;
  logId: string;
  readOnly: boolean;
}

/** `sealed` has its indexes and is durable like a live one: it is about to be live, or has been. */
type State = "live" | "sealed" | "filling" | "spoilt" | "gone";

/** One generation in one SQLite file, which is opened at first use and again after `release`. */
export class EmbeddedViewModel implements ViewModel {
  readonly spec: ModelSpec;
  readonly generation: number;
  readonly #options: EmbeddedModelOptions;
  readonly #writer: DocumentWriter;
  readonly #rareVerdicts = new LRUCache<string, boolean>({ max: verdictsMax, ttl: rareVerdictTtlMs });
  readonly #plans = new LRUCache<string, string>({ max: plansMax });
  #state: State;
  #file: SqliteFile | undefined;
  #released = false;

  constructor(options: EmbeddedModelOptions, state: "live" | "sealed" | "filling") {
    this.spec = options.spec;
    this.generation = options.generation;
    this.#options = options;
    this.#state = state;
    this.#writer = new DocumentWriter(options.spec);
    if (state === "filling") {
      this.#file = openSqlite(options.path, { create: true, unjournaled: true, pragmas: fillingPragmas });
      createTables(this.#file, options.spec, options.logId);
    }
  }

  get state(): State {
    return this.#state;
  }

  /** Opens the file if it is not open. @throws StoreDamaged */
  file(): SqliteFile {
    if (this.#file !== undefined) return this.#file;
    const { path, spec, logId, readOnly } = this.#options;
    if (this.#state !== "live" && this.#state !== "sealed") {
      const state = this.#state === "gone" ? "closed or dropped" : "spoilt by a save that failed";
      throw new StoreUnavailable(`generation ${this.generation} of read model ${spec.name} is ${state}`);
    }
    if (this.#released && !existsSync(path)) {
      throw new StoreUnavailable(`generation ${this.generation} of read model ${spec.name} was dropped`);
    }
    const file = openSqlite(path, { readOnly, pragmas: livePragmas });
    try {
      checkModelFile(file, path, spec, logId);
    } catch (error) {
      file.close();
      throw error;
    }
    this.#file = file;
    return file;
  }

  /** Gives the connection back; the next use opens the file again, if it is still there. */
  release(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#released = true;
  }

  /** No more use. */
  dispose(): void {
    this.#state = "gone";
    this.release();
  }

  /** Builds the indexes of a filled generation and makes it durable; its file is closed afterwards. */
  finish(): void {
    if (this.#state !== "filling") {
      throw new StoreUnavailable(`generation ${this.generation} of ${this.spec.name} cannot be promoted`);
    }
    const file = this.file();
    // Half built indexes are of no use, and without a journal there is no way back.
    this.#state = "spoilt";
    createIndexes(file, this.spec);
    file.exec("PRAGMA locking_mode = NORMAL");
    const mode = file.get("PRAGMA journal_mode = WAL")?.[0];
    if (mode !== "wal") throw new StoreUnavailable(`${this.#options.path} stays in journal mode ${mode}`);
    this.release();
    this.#plans.clear();
    this.#rareVerdicts.clear();
    flushClosedFile(this.#options.path);
    this.#state = "sealed";
  }

  /** The name stands for this generation from now on. */
  becomeLive(): void {
    this.#state = "live";
  }

  async checkpoint(): Promise<Position> {
    const row = this.file().get("SELECT value FROM meta WHERE name = 'checkpoint'");
    if (typeof row?.[0] !== "string") throw damaged(this.#options.path, "it has no checkpoint");
    return row[0];
  }

  async savedCheckpoint(): Promise<SavedCheckpoint> {
    const position = await this.checkpoint();
    const [eventId] = this.file().get("SELECT value FROM meta WHERE name = 'checkpointEvent'") ?? [];
    return { position, ...(typeof eventId === "string" && { eventId }), ageMs: 0 };
  }

  async load(keys: readonly string[], bytesMax = Number.POSITIVE_INFINITY): Promise<Loaded> {
    const documents = new Map<string, StoredDocument>();
    const deleted = new Map<string, Position>();
    let bytes = 0;
    const lookedUp = this.#each(
      keys,
      "SELECT position, doc FROM documents WHERE key = ?",
      (key, [position, doc]) => {
        const json = doc as string;
        documents.set(key, { key, position: position as Position, json });
        bytes += json.length;
        return bytes <= bytesMax;
      },
      (key) => {
        const row = this.file().get("SELECT position FROM deleted WHERE key = ?", key);
        if (row) deleted.set(key, row[0] as Position);
      },
    );
    return { documents, deleted, lookedUp };
  }

  async getMany(keys: readonly string[]): Promise<Map<string, Found>> {
    const found = new Map<string, Found>();
    this.#each(keys, "SELECT coalesce(presented, doc) FROM documents WHERE key = ?", (key, [json]) => {
      found.set(key, { key, json: json as string });
      return true;
    });
    return found;
  }

  /**
   * @param take says whether to go on
   * @returns how many keys were looked up
   */
  #each(
    keys: readonly string[],
    sql: string,
    take: (key: string, row: SqlRow) => boolean,
    miss: (key: string) => void = () => {},
  ): number {
    if (keys.length > loadKeysMax) throw new RangeError(`more than ${loadKeysMax} keys at once`);
    const file = this.file();
    for (const [index, key] of keys.entries()) {
      const row = file.get(sql, key);
      if (row === undefined) miss(key);
      else if (!take(key, row)) return index + 1;
    }
    return keys.length;
  }

  async get(key: string): Promise<Found | undefined> {
    const row = this.file().get("SELECT coalesce(presented, doc) FROM documents WHERE key = ?", key);
    return row === undefined ? undefined : { key, json: row[0] as string };
  }

  async scan(
    afterKey: string | undefined,
    limit: number,
    bytesMax = Number.POSITIVE_INFINITY,
  ): Promise<StoredDocument[]> {
    checkLimit(limit);
    const file = this.file();
    const columns = `id, key, position, CASE WHEN octet_length(doc) > ${inlineBytesMax} THEN octet_length(doc) ELSE doc END`;
    const count = Math.min(limit, scanRowsMax);
    const rows =
      afterKey === undefined
        ? file.all(`SELECT ${columns} FROM documents ORDER BY key LIMIT ?`, count)
        : file.all(`SELECT ${columns} FROM documents WHERE key > ? ORDER BY key LIMIT ?`, afterKey, count);
    const documents: StoredDocument[] = [];
    let bytes = 0;
    for (const [id, key, position, doc] of rows) {
      bytes += typeof doc === "string" ? doc.length : Number(doc);
      if (bytes > bytesMax && documents.length > 0) break;
      const json = typeof doc === "string" ? doc : this.#documentAt(file, id as number);
      documents.push({ key: key as string, position: position as Position, json });
    }
    return documents;
  }

  #documentAt(file: SqliteFile, id: number): string {
    return String(file.get("SELECT doc FROM documents WHERE id = ?", id)?.[0]);
  }

  async changedSince(position: Position, limit: number): Promise<string[]> {
    checkLimit(limit);
    const changed = `SELECT key, position FROM documents WHERE position > ?
      UNION ALL SELECT key, position FROM deleted WHERE position > ? ORDER BY position, key LIMIT ?`;
    return this.file()
      .all(changed, position, position, limit)
      .map(([key]) => key as string);
  }

  async count(): Promise<number> {
    return Number(this.file().get("SELECT count(*) FROM documents")?.[0]);
  }

  async save(
    changes: readonly DocumentChange[],
    { checkpoint, eventId, parked }: SaveOptions,
  ): Promise<Overtaken> {
    const values = changes.map((change) => columnValues(this.spec, change));
    const file = this.file();
    const filling = this.#state === "filling";
    try {
      return file.transaction(() => {
        const overtaken = changes.flatMap((change, at) => {
          const isWritten = this.#writer.write(file, change, values[at] ?? [], filling);
          return isWritten ? [] : [change.key];
        });
        if (parked !== undefined) writeParked(file, parked);
        const rows = "('checkpoint', ?), ('checkpointEvent', ?)";
        file.run(`INSERT OR REPLACE INTO meta VALUES ${rows}`, checkpoint, eventId ?? null);
        return overtaken;
      });
    } catch (error) {
      if (filling) {
        this.#state = "spoilt";
        this.release();
      }
      throw error;
    }
  }

  async parked(): Promise<ParkedDocument[]> {
    const rows = this.file().all("SELECT document FROM parked WHERE document IS NOT NULL");
    return rows
      .map(([document]) => JSON.parse(document as string) as ParkedDocument)
      .sort((a, b) => (a.position < b.position || (a.position === b.position && a.key < b.key) ? -1 : 1));
  }

  async find(query: FindQuery): Promise<FindResult> {
    checkLimit(query.limit);
    const file = this.file();
    const terms = whereTerms(this.spec, query.where, this.#isRare);
    const statements = sortedPages(this.spec, query, terms).map((page) => this.#planned(file, page));
    return statements.length === 1
      ? sortedResult(file, statements, query.limit)
      : file.transaction(() => sortedResult(file, statements, query.limit), "DEFERRED");
  }

  async sum(query: SumQuery): Promise<SumRow[]> {
    checkLimit(query.limit);
    const { text, params } = sumSql(
      this.spec,
      query,
      whereTerms(this.spec, query.where, () => true),
    );
    return this.file()
      .all(text, ...params)
      .map(([group, ...sums]) => ({
        group: group ?? null,
        sums: Object.fromEntries(query.sums.map((column, at) => [column, Number(sums[at])])),
      }));
  }

  #planned(file: SqliteFile, { text, params, sorting }: PageSql): Sql {
    let planned = this.#plans.get(text);
    if (planned === undefined) {
      const plan = file.all(`EXPLAIN QUERY PLAN ${text}`, ...params, 1);
      planned = plan.some((row) => String(row[3]).includes("TEMP B-TREE")) ? sorting() : text;
      this.#plans.set(text, planned);
    }
    return { text: planned, params };
  }

  #isRare = ({ text, params }: Sql): boolean => {
    // A generation without its indexes has nothing to look a value up in.
    if (this.#state === "filling") return false;
    const name = JSON.stringify([text, params]);
    let rare = this.#rareVerdicts.get(name);
    if (rare === undefined) {
      const beyond = `${text} LIMIT 1 OFFSET ?`;
      rare = this.file().get(beyond, ...params, rareHoldersMax) === undefined;
      this.#rareVerdicts.set(name, rare);
    }
    return rare;
  };
}

function sortedResult(file: SqliteFile, pages: readonly Sql[], limit: number): FindResult {
  // One more than asked for tells whether there is a next page.
  const rows: SqlRow[] = [];
  for (const { text, params } of pages) {
    const missing = limit + 1 - rows.length;
    if (missing === 0) break;
    for (const row of file.all(text, ...params, missing)) rows.push(row);
  }
  const items = rows.slice(0, limit).map(([key, json]) => ({ key: key as string, json: json as string }));
  const last = rows[limit - 1];
  if (rows.length <= limit || last === undefined) return { items, next: null };
  const [key, , ...values] = last;
  return { items, next: [...values, key ?? null] };
}
