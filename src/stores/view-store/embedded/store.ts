import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { StoreUnavailable } from "../../event-store/event-store.ts";
import { damaged, openSqlite, removeSqlite, type SqliteFile } from "../../sqlite.ts";
import { specHash } from "../spec.ts";
import {
  type GenerationInfo,
  ModelOutdated,
  type ModelSpec,
  type ViewModel,
  type ViewStore,
} from "../view-store.ts";
import { EmbeddedViewModel } from "./model.ts";
import { checkFormat, formatVersion, isOldFormat } from "./schema.ts";

export interface EmbeddedViewStoreOptions {
  /** Holds only read models, so that it can be deleted to rebuild them. Created when absent. */
  directory: string;
  /** The log that the read models are made from. */
  logId: string;
  readOnly?: boolean;
}

const openAttemptsMax = 3;
/** Of a generation in an older format. */
const outdatedVersion = -1;
const modelFile = /^(.*)-(\d+)\.db$/;

/**
 * Read models in SQLite: a file `<name>-<generation>.db` for each generation, and `views.db` which says
 * what each is. Several threads of one process may open the same directory, each its own store; other
 * processes must be kept out.
 *
 * Calls that create, promote or drop generations wait for each other over threads.
 *
 * @throws StoreDamaged when the directory belongs to another log or a newer program, or is damaged
 * @throws StoreUnavailable when it cannot be opened, or does not exist and is to be read only
 */
export function openEmbeddedViewStore(options: EmbeddedViewStoreOptions): ViewStore {
  return new EmbeddedViewStore(options);
}

/**
 * `live` is what the name stands for, at most one for each name; `previous` was so before it; `retired` was
 * rolled back; `filling` is not promoted yet.
 */
type GenerationState = "live" | "previous" | "retired" | "filling";

interface LiveModel {
  model: EmbeddedViewModel;
  /** Whether the pointer was looked up since the last refresh. */
  current: boolean;
}

class EmbeddedViewStore implements ViewStore {
  readonly #directory: string;
  readonly #logId: string;
  readonly #readOnly: boolean;
  readonly #pointers: SqliteFile;
  readonly #live = new Map<string, LiveModel>();
  readonly #models = new Set<EmbeddedViewModel>();
  #closed = false;

  constructor({ directory, logId, readOnly = false }: EmbeddedViewStoreOptions) {
    this.#directory = directory;
    this.#logId = logId;
    this.#readOnly = readOnly;
    this.#pointers = openPointers(directory, logId, readOnly);
  }

  async open(spec: ModelSpec): Promise<ViewModel> {
    this.#assertOpen();
    const hash = specHash(spec);
    const known = this.#live.get(spec.name);
    if (known?.current && specHash(known.model.spec) === hash && known.model.spec.version === spec.version) {
      return known.model;
    }
    for (let attempt = 1; ; attempt++) {
      const generation = this.#liveGeneration(spec) ?? this.#createLive(spec);
      try {
        return this.#use(spec, generation);
      } catch (error) {
        // Another thread may have promoted and deleted the file since the pointer was read.
        if (attempt === openAttemptsMax || this.#liveGeneration(spec) === generation) throw error;
      }
    }
  }

  /** @throws ModelOutdated */
  #liveGeneration(spec: ModelSpec): number | undefined {
    return this.#generationIn("live", spec);
  }

  /** @throws ModelOutdated */
  #generationIn(state: "live" | "previous", spec: ModelSpec): number | undefined {
    const row = this.#pointers.get(
      "SELECT generation, version, spec_hash FROM generations WHERE name = ? AND state = ?",
      spec.name,
      state,
    );
    if (row === undefined) return undefined;
    const [generation, version, hash] = row as [number, number, string];
    if (version !== spec.version) throw new ModelOutdated(spec.name, version, spec.version);
    if (hash !== specHash(spec)) {
      const outdated = new ModelOutdated(spec.name, version, spec.version);
      outdated.message = `read model ${spec.name} is stored with other columns, lists, indexes or settings than this program's`;
      throw outdated;
    }
    return generation;
  }

  #use(spec: ModelSpec, generation: number): EmbeddedViewModel {
    const known = this.#live.get(spec.name);
    if (known?.model.generation === generation && known.model.state === "live") {
      known.current = true;
      return known.model;
    }
    const model = this.#model(spec, generation, "live");
    try {
      model.file();
    } catch (error) {
      this.#forget(model);
      throw error;
    }
    this.#setLive(model);
    return model;
  }

  #setLive(model: EmbeddedViewModel): void {
    const { name } = model.spec;
    const before = this.#live.get(name)?.model;
    // Who still holds it may read on: it opens again while its file is there.
    if (before !== model) before?.release();
    this.#live.set(name, { model, current: true });
    for (const other of this.#models) {
      const older = other.spec.name === name && other.state === "live" && other !== model && other !== before;
      if (older) this.#forget(other);
    }
  }

  #model(spec: ModelSpec, generation: number, state: "live" | "sealed" | "filling"): EmbeddedViewModel {
    const path = this.#path(spec.name, generation);
    const options = { spec, generation, path, logId: this.#logId, readOnly: this.#readOnly };
    const model = new EmbeddedViewModel(options, state);
    this.#models.add(model);
    return model;
  }

  #forget(model: EmbeddedViewModel): void {
    model.dispose();
    this.#models.delete(model);
  }

  #createLive(spec: ModelSpec): number {
    if (this.#readOnly) throw new StoreUnavailable(`there is no read model ${spec.name} yet`);
    return this.#pointers.transaction(() => {
      const created = this.#liveGeneration(spec);
      if (created !== undefined) return created;
      const generation = this.#nextGeneration(spec.name);
      const model = this.#model(spec, generation, "filling");
      model.finish();
      this.#forget(model);
      this.#insert(spec, generation, "live");
      return generation;
    });
  }

  /** Inside a transaction. What an earlier crash left under the new number is removed. */
  #nextGeneration(name: string): number {
    const row = this.#pointers.get(
      `INSERT INTO models (name, generations) VALUES (?, 1)
       ON CONFLICT (name) DO UPDATE SET generations = generations + 1 RETURNING generations`,
      name,
    );
    const generation = Number(row?.[0]);
    removeSqlite(this.#path(name, generation));
    return generation;
  }

  #insert(spec: ModelSpec, generation: number, state: GenerationState): void {
    this.#pointers.run(
      "INSERT INTO generations (name, generation, version, spec_hash, state) VALUES (?, ?, ?, ?, ?)",
      spec.name,
      generation,
      spec.version,
      specHash(spec),
      state,
    );
  }

  async createGeneration(spec: ModelSpec): Promise<ViewModel> {
    this.#assertWritable();
    specHash(spec);
    const { name } = spec;
    const generation = this.#pointers.transaction(() => {
      this.#pointers.run("DELETE FROM generations WHERE name = ? AND state IN ('filling', 'retired')", name);
      const next = this.#nextGeneration(name);
      this.#insert(spec, next, "filling");
      return next;
    });
    this.#removeStrayFiles(name);
    return this.#model(spec, generation, "filling");
  }

  /** Deletes the files of a model that the pointer table does not know. */
  #removeStrayFiles(name: string): void {
    const rows = this.#pointers.all("SELECT generation FROM generations WHERE name = ?", name);
    const kept = new Set(rows.map(([generation]) => `${name}-${generation}.db`));
    for (const file of readdirSync(this.#directory)) {
      const generation = modelFile.exec(file);
      if (generation?.[1] === name && !kept.has(file)) removeSqlite(join(this.#directory, file));
    }
    for (const model of this.#models) {
      if (model.spec.name === name && !kept.has(`${name}-${model.generation}.db`)) this.#forget(model);
    }
  }

  async seal(model: ViewModel): Promise<void> {
    this.#assertWritable();
    this.#mine(model).finish();
  }

  async promote(model: ViewModel): Promise<void> {
    this.#assertWritable();
    const mine = this.#mine(model);
    const { name } = mine.spec;
    if (this.#stateOf(mine) !== "filling") {
      throw new StoreUnavailable(`generation ${mine.generation} of ${name} is not one being filled`);
    }
    if (mine.state !== "sealed") mine.finish();
    this.#pointers.transaction(() => {
      if (this.#stateOf(mine) !== "filling") {
        throw new StoreUnavailable(`generation ${mine.generation} of ${name} was dropped meanwhile`);
      }
      this.#pointers.run("DELETE FROM generations WHERE name = ? AND state IN ('previous', 'retired')", name);
      this.#pointers.run("UPDATE generations SET state = 'previous' WHERE name = ? AND state = 'live'", name);
      this.#setState(mine, "live");
    });
    mine.becomeLive();
    this.#setLive(mine);
    this.#removeStrayFiles(name);
  }

  async previous(spec: ModelSpec): Promise<ViewModel | undefined> {
    this.#assertWritable();
    const generation = this.#generationIn("previous", spec);
    return generation === undefined ? undefined : this.#model(spec, generation, "sealed");
  }

  /**
   * What was live is kept until the next generation is created or promoted, but not for another rollback:
   * a second one in a row answers false and changes nothing.
   */
  async rollback(name: string): Promise<boolean> {
    this.#assertWritable();
    const done = this.#pointers.transaction(() => {
      const row = this.#pointers.get(
        "SELECT generation FROM generations WHERE name = ? AND state = 'previous'",
        name,
      );
      if (row === undefined) return false;
      this.#pointers.run("UPDATE generations SET state = 'retired' WHERE name = ? AND state = 'live'", name);
      this.#pointers.run("UPDATE generations SET state = 'live' WHERE name = ? AND state = 'previous'", name);
      return true;
    });
    const known = this.#live.get(name);
    if (known !== undefined) known.current = false;
    return done;
  }

  async drop(model: ViewModel): Promise<void> {
    this.#assertWritable();
    const mine = this.#mine(model);
    const { name } = mine.spec;
    this.#pointers.transaction(() => {
      if (this.#stateOf(mine) === "live") {
        throw new TypeError(`generation ${mine.generation} of ${name} is live and cannot be dropped`);
      }
      this.#pointers.run("DELETE FROM generations WHERE name = ? AND generation = ?", name, mine.generation);
    });
    this.#forget(mine);
    removeSqlite(this.#path(name, mine.generation));
  }

  #mine(model: ViewModel): EmbeddedViewModel {
    if (model instanceof EmbeddedViewModel && this.#models.has(model)) return model;
    throw new StoreUnavailable(
      `generation ${model.generation} of ${model.spec.name} is dropped or not of this store`,
    );
  }

  #stateOf(model: EmbeddedViewModel): GenerationState | undefined {
    return this.#pointers.get(
      "SELECT state FROM generations WHERE name = ? AND generation = ?",
      model.spec.name,
      model.generation,
    )?.[0] as GenerationState | undefined;
  }

  #setState(model: EmbeddedViewModel, state: GenerationState): void {
    this.#pointers.run(
      "UPDATE generations SET state = ? WHERE name = ? AND generation = ?",
      state,
      model.spec.name,
      model.generation,
    );
  }

  async generations(): Promise<GenerationInfo[]> {
    this.#assertOpen();
    return this.#pointers
      .all("SELECT name, generation, version, state FROM generations ORDER BY name, generation")
      .map(([name, generation, version, state]) => ({
        name: name as string,
        generation: generation as number,
        version: version as number,
        live: state === "live",
      }));
  }

  refresh(): void {
    for (const live of this.#live.values()) live.current = false;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const model of this.#models) model.dispose();
    this.#models.clear();
    this.#live.clear();
    this.#pointers.close();
  }

  #path(name: string, generation: number): string {
    return join(this.#directory, `${name}-${generation}.db`);
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreUnavailable(`the view store ${this.#directory} is closed`);
  }

  #assertWritable(): void {
    this.#assertOpen();
    if (this.#readOnly) throw new StoreUnavailable(`the view store ${this.#directory} is open read only`);
  }
}

/**
 * A rollback journal and not a WAL: it is written seldom, and EXTRA makes each commit outlive a power loss.
 */
function openPointers(directory: string, logId: string, readOnly: boolean): SqliteFile {
  const path = join(directory, "views.db");
  if (readOnly && !existsSync(path))
    throw new StoreUnavailable(`there are no read models in ${directory} yet`);
  if (!readOnly) mkdirSync(directory, { recursive: true });
  const pointers = openSqlite(path, { readOnly, create: !readOnly, pragmas: { synchronous: "EXTRA" } });
  try {
    if (!readOnly) createPointers(pointers, directory, logId);
    const meta = new Map(pointers.all("SELECT name, value FROM meta").map((row) => [row[0], row[1]]));
    if (isOldFormat(meta.get("format") ?? null)) {
      outdate(pointers, path, readOnly);
      meta.set("format", formatVersion);
    }
    checkFormat(meta.get("format") ?? null, path);
    if (meta.get("logId") !== logId) {
      throw damaged(path, `its read models belong to the log ${meta.get("logId")}, not to ${logId}`);
    }
    return pointers;
  } catch (error) {
    pointers.close();
    throw error;
  }
}

/**
 * Read models in an older format stay where they are until they are made anew; until then each is of a
 * version that no program asks for.
 * @throws StoreUnavailable when nothing may be changed
 */
function outdate(pointers: SqliteFile, path: string, readOnly: boolean): void {
  if (readOnly) throw new StoreUnavailable(`the read models of ${path} are in an older format`);
  pointers.transaction(() => {
    pointers.run("DELETE FROM generations WHERE state <> 'live'");
    pointers.run("UPDATE generations SET version = ?", outdatedVersion);
    pointers.run("UPDATE meta SET value = ? WHERE name = 'format'", formatVersion);
  });
}

/** An existing file is judged by its format before anything is added to it. */
function createPointers(pointers: SqliteFile, directory: string, logId: string): void {
  if (pointers.get("SELECT 1 FROM sqlite_schema") !== undefined) return;
  pointers.transaction(() => {
    if (pointers.get("SELECT 1 FROM sqlite_schema") !== undefined) return;
    if (readdirSync(directory).some((file) => modelFile.test(file))) {
      throw damaged(
        join(directory, "views.db"),
        "it is missing or empty, while there are read models beside it",
      );
    }
    pointers.exec(`
      CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
      CREATE TABLE models (name TEXT PRIMARY KEY, generations INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE generations (
        name TEXT NOT NULL, generation INTEGER NOT NULL, version INTEGER NOT NULL,
        spec_hash TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (name, generation)
      ) WITHOUT ROWID;
      CREATE UNIQUE INDEX one_live ON generations (name) WHERE state = 'live';
      CREATE UNIQUE INDEX one_previous ON generations (name) WHERE state = 'previous';`);
    pointers.run("INSERT INTO meta VALUES ('format', ?)", formatVersion);
    pointers.run("INSERT INTO meta VALUES ('logId', ?)", logId);
  });
}
