/**
 * The vault port: the keys that personal data is sealed with, and what an e-mail address is known by on the log. What
 * is destroyed here is gone from every copy of the log, of the read models and of their backups at once
 * (CUSTOMERS.md, 1). A vault holds no personal data, only keys and digests.
 */
export interface Vault {
  /**
   * The key that a subject's data is sealed with, such as `customer/<id>`. Made where there is none; durable before it
   * is returned, for what is sealed with a key that was lost is lost.
   * @throws StoreUnavailable
   */
  keyFor(subject: string): Promise<VaultKey>;
  /** @returns undefined where it was destroyed, or never was. @throws StoreUnavailable */
  keyById(id: string): Promise<VaultKey | undefined>;
  /** @returns the key of a subject that has one. @throws StoreUnavailable */
  keyOf(subject: string): Promise<VaultKey | undefined>;
  /** For good: it does not come back by asking for it, only by a backup of the vault. @throws StoreUnavailable */
  destroyKeys(ids: readonly string[]): Promise<void>;

  /**
   * What a value is known by, such as an e-mail address: a random name, given once. The value itself is not told, only
   * its digest under a key of this vault.
   * @throws StoreUnavailable
   */
  aliasFor(kind: AliasKind, digest: string): Promise<string>;
  /** @returns undefined where it has none. @throws StoreUnavailable */
  aliasOf(kind: AliasKind, digest: string): Promise<string | undefined>;
  destroyAliases(aliases: readonly string[]): Promise<void>;

  /** Whether it holds no key at all: then nothing that was sealed before can be read. */
  isEmpty(): Promise<boolean>;
  /** Wraps every key anew with the first master key. @returns how many were wrapped with another one */
  rewrap(): Promise<number>;
  close(): Promise<void>;
}

export type AliasKind = "email";

export interface VaultKey {
  /** As it stands in what is sealed with it; says nothing of its subject. */
  readonly id: string;
  /** 256 bits. */
  readonly secret: Uint8Array;
}
