import { randomBytes } from "node:crypto";
import type { Collection } from "mongodb";
import { randomBase32 } from "../../values/ids.ts";
import { StoreUnavailable } from "../event-store/event-store.ts";
import {
  connectMongo,
  type MongoConnection,
  type MongoConnectionOptions,
} from "../view-store/mongodb/connection.ts";
import { duplicateKey } from "../view-store/mongodb/errors.ts";
import { aliasCharacters, idCharacters, keyBytes } from "./lengths.ts";
import type { MasterKeys } from "./master-keys.ts";
import type { AliasKind, Vault, VaultKey } from "./vault.ts";

interface KeyDocument {
  _id: string;
  subject: string;
  generation: number;
  wrapped: string;
}

interface AliasDocument {
  _id: { kind: string; digest: string };
  alias: string;
}

/**
 * Opens the vault in MongoDB, for any number of processes: written to a majority and journaled, read from the primary.
 * @throws StoreDamaged when it is not wrapped with these master keys; StoreUnavailable
 */
export async function openMongoVault(
  options: MongoConnectionOptions,
  masterKeys: MasterKeys,
): Promise<Vault> {
  const connection = await connectMongo(options);
  try {
    const vault = new MongoVault(connection, masterKeys);
    await vault.prepare();
    return vault;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class MongoVault implements Vault {
  readonly #connection: MongoConnection;
  readonly #keys: Collection<KeyDocument>;
  readonly #aliases: Collection<AliasDocument>;
  readonly #masterKeys: MasterKeys;

  constructor(connection: MongoConnection, masterKeys: MasterKeys) {
    this.#connection = connection;
    this.#keys = connection.database.collection("vault_keys");
    this.#aliases = connection.database.collection("vault_aliases");
    this.#masterKeys = masterKeys;
  }

  /** @throws StoreDamaged for other master keys */
  async prepare(): Promise<void> {
    await this.#run("vaultIndexes", async () => {
      await this.#keys.createIndex({ subject: 1 }, { unique: true });
      await this.#keys.createIndex({ generation: 1 });
      await this.#aliases.createIndex({ alias: 1 }, { unique: true });
    });
    for (const generation of await this.#run("vaultGenerations", () => this.#keys.distinct("generation")))
      this.#keyOf(await this.#run("vaultKey", () => this.#keys.findOne({ generation })));
  }

  async keyFor(subject: string): Promise<VaultKey> {
    const known = await this.keyOf(subject);
    if (known) return known;
    const id = randomBase32(idCharacters);
    const { generation } = this.#masterKeys;
    const wrapped = this.#masterKeys.wrap(id, randomBytes(keyBytes));
    await this.#run("vaultMakeKey", () =>
      this.#once(() =>
        this.#keys.updateOne(
          { subject },
          { $setOnInsert: { _id: id, generation, wrapped } },
          { upsert: true },
        ),
      ),
    );
    const made = await this.keyOf(subject);
    if (!made) throw new StoreUnavailable(`the key of ${subject} was destroyed while it was made`);
    return made;
  }

  async keyOf(subject: string): Promise<VaultKey | undefined> {
    return this.#keyOf(await this.#run("vaultKey", () => this.#keys.findOne({ subject })));
  }

  async keyById(id: string): Promise<VaultKey | undefined> {
    return this.#keyOf(await this.#run("vaultKey", () => this.#keys.findOne({ _id: id })));
  }

  async destroyKeys(ids: readonly string[]): Promise<void> {
    await this.#run("vaultDestroy", () => this.#keys.deleteMany({ _id: { $in: [...ids] } }));
  }

  async aliasFor(kind: AliasKind, digest: string): Promise<string> {
    const known = await this.aliasOf(kind, digest);
    if (known !== undefined) return known;
    const alias = randomBase32(aliasCharacters);
    await this.#run("vaultMakeAlias", () =>
      this.#once(() =>
        this.#aliases.updateOne({ _id: { kind, digest } }, { $setOnInsert: { alias } }, { upsert: true }),
      ),
    );
    const made = await this.aliasOf(kind, digest);
    if (made === undefined) throw new StoreUnavailable("an alias was destroyed while it was made");
    return made;
  }

  async aliasOf(kind: AliasKind, digest: string): Promise<string | undefined> {
    const found = await this.#run("vaultAlias", () => this.#aliases.findOne({ _id: { kind, digest } }));
    return found?.alias;
  }

  async destroyAliases(aliases: readonly string[]): Promise<void> {
    await this.#run("vaultDestroy", () => this.#aliases.deleteMany({ alias: { $in: [...aliases] } }));
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#run("vaultKey", () => this.#keys.findOne({}))) === null;
  }

  async rewrap(): Promise<number> {
    const { generation } = this.#masterKeys;
    const rows = await this.#run("vaultRewrap", () =>
      this.#keys.find({ generation: { $ne: generation } }).toArray(),
    );
    for (const row of rows) {
      const key = this.#keyOf(row);
      if (!key) continue;
      const wrapped = this.#masterKeys.wrap(key.id, key.secret);
      await this.#run("vaultRewrap", () =>
        this.#keys.updateOne({ _id: key.id }, { $set: { generation, wrapped } }),
      );
    }
    return rows.length;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Of two that make the same at once, one is refused, and finds what the other has made. */
  async #once(upsert: () => Promise<unknown>): Promise<void> {
    try {
      await upsert();
    } catch (error) {
      if ((error as { code?: unknown }).code !== duplicateKey) throw error;
    }
  }

  async #run<T>(operation: string, body: () => Promise<T>): Promise<T> {
    try {
      return await this.#connection.run(operation, body);
    } catch (error) {
      throw error instanceof StoreUnavailable ? error.of("vault") : error;
    }
  }

  #keyOf(row: KeyDocument | null): VaultKey | undefined {
    return row
      ? { id: row._id, secret: this.#masterKeys.unwrap(row._id, row.generation, row.wrapped) }
      : undefined;
  }
}
