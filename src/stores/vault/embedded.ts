import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { randomBase32 } from "../../values/ids.ts";
import { StoreDamaged, StoreUnavailable } from "../event-store/event-store.ts";
import { openSqlite, type SqliteFile, type SqlRow } from "../sqlite.ts";
import { aliasCharacters, idCharacters, keyBytes } from "./lengths.ts";
import type { MasterKeys } from "./master-keys.ts";
import type { Vault, VaultKey } from "./vault.ts";

const format = "1";

/** Where the keys of a data folder are, whether there are any yet or not. */
export function vaultFileIn(directory: string): string {
  return join(directory, "keys.db");
}

/**
 * Opens the vault of a data folder: one SQLite file beside the log, flushed before a key is given out. What is deleted is
 * overwritten, in the write-ahead log as well.
 *
 * @throws StoreDamaged when it is not a vault, or not wrapped with these master keys
 */
export function openEmbeddedVault(directory: string, masterKeys: MasterKeys): Vault {
  const path = vaultFileIn(directory);
  const file = openSqlite(path, {
    create: true,
    pragmas: { journal_mode: "WAL", synchronous: "FULL", secure_delete: "ON" },
  });
  try {
    // Also where a crash has left an empty file.
    if (file.get("SELECT 1 FROM sqlite_schema") === undefined) createSchema(file);
    checkFormat(file, path);
    chmodSync(path, 0o600);
    const vault = new EmbeddedVault(file, masterKeys);
    vault.checkMasterKeys();
    return vault;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Copies the vault of a folder, also while others use it. @returns how many keys are in the copy */
export function backUpVault(directory: string, to: string): number {
  const file = openSqlite(vaultFileIn(directory), { pragmas: {} });
  try {
    file.run("VACUUM INTO ?", to);
    chmodSync(to, 0o600);
    return Number(file.get("SELECT count(*) FROM keys")?.[0]);
  } finally {
    file.close();
  }
}

function createSchema(file: SqliteFile): void {
  file.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE keys (id TEXT PRIMARY KEY, subject TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL,
      wrapped TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE aliases (kind TEXT NOT NULL, digest TEXT NOT NULL, alias TEXT NOT NULL UNIQUE,
      PRIMARY KEY (kind, digest)) WITHOUT ROWID, STRICT;
    INSERT INTO meta VALUES ('format', '${format}');
    COMMIT`);
}

function checkFormat(file: SqliteFile, path: string): void {
  const exists = file.get("SELECT 1 FROM sqlite_schema WHERE name = 'meta'");
  const stored = exists && file.get("SELECT value FROM meta WHERE key = 'format'")?.[0];
  if (stored !== format) throw new StoreDamaged(`${path} is not a vault of this version of Cartwright`);
}

class EmbeddedVault implements Vault {
  readonly #file: SqliteFile;
  readonly #masterKeys: MasterKeys;

  constructor(file: SqliteFile, masterKeys: MasterKeys) {
    this.#file = file;
    this.#masterKeys = masterKeys;
  }

  /** Every key has to be readable: one that is not would look as if it had been destroyed. @throws StoreDamaged */
  checkMasterKeys(): void {
    const rows = this.#file.all("SELECT min(id), generation, wrapped FROM keys GROUP BY generation");
    for (const row of rows) this.#keyOf(row);
  }

  async keyFor(subject: string): Promise<VaultKey> {
    const known = this.#bySubject(subject);
    if (known) return known;
    const id = randomBase32(idCharacters);
    const wrapped = this.#masterKeys.wrap(id, randomBytes(keyBytes));
    this.#file.run(
      "INSERT INTO keys VALUES (?, ?, ?, ?) ON CONFLICT (subject) DO NOTHING",
      ...[id, subject, this.#masterKeys.generation, wrapped],
    );
    const made = this.#bySubject(subject);
    if (!made) throw new StoreUnavailable(`the key of ${subject} was destroyed while it was made`);
    return made;
  }

  async keyOf(subject: string): Promise<VaultKey | undefined> {
    return this.#bySubject(subject);
  }

  async keyById(id: string): Promise<VaultKey | undefined> {
    return this.#keyOf(this.#file.get("SELECT id, generation, wrapped FROM keys WHERE id = ?", id));
  }

  async destroyKeys(ids: readonly string[]): Promise<void> {
    this.#destroy(ids.map((id) => ["DELETE FROM keys WHERE id = ?", id]));
  }

  async aliasFor(kind: string, digest: string): Promise<string> {
    const known = this.#alias(kind, digest);
    if (known !== undefined) return known;
    this.#file.run(
      "INSERT INTO aliases VALUES (?, ?, ?) ON CONFLICT (kind, digest) DO NOTHING",
      ...[kind, digest, randomBase32(aliasCharacters)],
    );
    const made = this.#alias(kind, digest);
    if (made === undefined) throw new StoreUnavailable("an alias was destroyed while it was made");
    return made;
  }

  async aliasOf(kind: string, digest: string): Promise<string | undefined> {
    return this.#alias(kind, digest);
  }

  async destroyAliases(aliases: readonly string[]): Promise<void> {
    this.#destroy(aliases.map((alias) => ["DELETE FROM aliases WHERE alias = ?", alias]));
  }

  async isEmpty(): Promise<boolean> {
    return this.#file.get("SELECT 1 FROM keys LIMIT 1") === undefined;
  }

  async rewrap(): Promise<number> {
    const { generation } = this.#masterKeys;
    const rows = this.#file.all("SELECT id, generation, wrapped FROM keys WHERE generation <> ?", generation);
    this.#file.transaction(() => {
      for (const row of rows) {
        const key = this.#keyOf(row);
        if (!key) continue;
        const wrapped = this.#masterKeys.wrap(key.id, key.secret);
        this.#file.run(
          "UPDATE keys SET generation = ?, wrapped = ? WHERE id = ?",
          ...[generation, wrapped, key.id],
        );
      }
    });
    this.#truncate();
    return rows.length;
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #destroy(deletions: (readonly [sql: string, key: string])[]): void {
    this.#file.transaction(() => {
      for (const [sql, key] of deletions) this.#file.run(sql, key);
    });
    this.#truncate();
  }

  /** What was overwritten in the file may still stand in the write-ahead log. */
  #truncate(): void {
    this.#file.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  #bySubject(subject: string): VaultKey | undefined {
    return this.#keyOf(this.#file.get("SELECT id, generation, wrapped FROM keys WHERE subject = ?", subject));
  }

  #keyOf(row: SqlRow | undefined): VaultKey | undefined {
    if (!row) return undefined;
    const [id, generation, wrapped] = row as [string, number, string];
    return { id, secret: this.#masterKeys.unwrap(id, generation, wrapped) };
  }

  #alias(kind: string, digest: string): string | undefined {
    const row = this.#file.get("SELECT alias FROM aliases WHERE kind = ? AND digest = ?", kind, digest);
    return row?.[0] as string | undefined;
  }
}
