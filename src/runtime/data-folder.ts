import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreDamaged } from "../stores/event-store/event-store.ts";
import { masterKeyFrom, newMasterKey } from "../stores/vault/master-keys.ts";
import { randomSecret } from "../values/ids.ts";

/** The data folder is used by another process, or cannot be used at all. */
export class DataFolderUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DataFolderUnavailable";
  }
}

export interface DataFolder {
  path: string;
  /** Signs cart tokens and cursors. Made at the first start and kept. */
  secret: string;
  /** The staff's API key, and whether this start has made it. */
  adminApiKey: { value: string; isNew: boolean };
  /**
   * What the vault's keys are wrapped with, as `masterKeysOf` reads it. Made where it is needed and there
   * is none, and kept.
   */
  masterKey: (isNeeded: boolean) => string | undefined;
  release(): void;
}

/**
 * Where a restore puts a log until it is whole. A folder of this name that nobody holds is what a restore
 * that was broken off has left.
 */
export function restoringFolder(path: string): string {
  return join(path, "restoring");
}

/**
 * What a process has that keeps nothing of its own: its secrets are given to it, for others have the same.
 * @throws Error when they are not
 */
export function withoutFolder(secret: string | undefined, adminApiKey: string | undefined): DataFolder {
  if (secret === undefined || adminApiKey === undefined)
    throw new Error("a process of several needs SHARED_SECRET and ADMIN_API_KEY");
  const masterKey = () => (secret === "" ? undefined : masterKeyFrom(secret));
  return {
    path: "",
    secret,
    adminApiKey: { value: adminApiKey, isNew: false },
    masterKey,
    release: () => {},
  };
}

/**
 * Takes a data folder for this process alone, and makes it when there is none. The lock is SQLite's on a
 * file of its own: the system lets go of it when the process ends, however it ends.
 *
 * @param adminApiKey from the configuration; without it the kept one counts, or a new one is made
 * @param purpose only a restore may take a folder in which another one was broken off
 * @throws DataFolderUnavailable
 */
export function takeDataFolder(
  path: string,
  adminApiKey: string | undefined,
  purpose: "use" | "restore" = "use",
): DataFolder {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new DataFolderUnavailable(`the data folder ${path} cannot be made: ${String(error)}`, {
      cause: error,
    });
  }
  const lock = lockFolder(path);
  try {
    if (purpose === "use" && existsSync(restoringFolder(path)))
      throw new DataFolderUnavailable(
        `a restore into the data folder ${path} was broken off: run it again, or delete ${restoringFolder(path)}`,
      );
    const secret = keptSecret(join(path, "secret"));
    const kept = adminApiKey === undefined ? keptSecret(join(path, "admin-api-key")) : undefined;
    return {
      path,
      secret: secret.value,
      adminApiKey: kept ?? { value: adminApiKey ?? "", isNew: false },
      masterKey: (isNeeded) => {
        const file = masterKeyIn(path);
        return isNeeded || existsSync(file) ? keptSecret(file, newMasterKey).value : undefined;
      },
      release: () => lock.close(),
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

function lockFolder(path: string): DatabaseSync {
  const file = join(path, "lock.db");
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(file, { timeout: 0 });
    lock.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock?.close();
    const busy = error instanceof Error && /locked|busy/i.test(error.message);
    throw new DataFolderUnavailable(
      busy
        ? `the data folder ${path} is in use by another process; stop it, or set DATA_DIR to another folder`
        : `the data folder ${path} cannot be used: ${String(error)}`,
      { cause: error },
    );
  }
}

/**
 * The master key of a folder that another process may be using, or else of processes that share a secret.
 * @returns undefined where there is neither
 */
export function keptMasterKey(path: string, sharedSecret: string | undefined): string | undefined {
  const file = masterKeyIn(path);
  if (existsSync(file)) return keptSecret(file).value;
  return sharedSecret === undefined ? undefined : masterKeyFrom(sharedSecret);
}

const masterKeyIn = (path: string) => join(path, "master-key");

function keptSecret(file: string, make = randomSecret): { value: string; isNew: boolean } {
  if (existsSync(file)) {
    const value = readFileSync(file, "utf8").trim();
    if (value.length < 16) throw new StoreDamaged(`${file} holds no key: restore it or delete it`);
    return { value, isNew: false };
  }
  const value = make();
  writeFileSync(file, `${value}\n`, { mode: 0o600, flush: true });
  chmodSync(file, 0o600);
  return { value, isNew: true };
}
