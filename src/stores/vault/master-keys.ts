import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { StoreDamaged } from "../event-store/event-store.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Wraps the keys of a vault. The first of several wraps, all of them unwrap. */
export interface MasterKeys {
  /** Of the key that wraps. */
  readonly generation: number;
  /** @param id of the key, which the wrapped one is bound to */
  wrap(id: string, secret: Uint8Array): string;
  /** @throws StoreDamaged where its master key is not among these, or is another one */
  unwrap(id: string, generation: number, wrapped: string): Uint8Array;
}

/**
 * @param text `2:<key>,1:<key>`, each key 32 bytes in base64url; the first is used for what is new
 * @throws RangeError for what is not written like that
 */
export function masterKeysOf(text: string): MasterKeys {
  const keys = new Map<number, Buffer>();
  for (const part of text.split(",")) {
    const [, generation, encoded] = /^\s*(\d{1,6}):([\w-]{43}=?)\s*$/.exec(part) ?? [];
    const key = Buffer.from(encoded ?? "", "base64url");
    if (generation === undefined || key.length !== keyBytes || keys.has(Number(generation)))
      throw new RangeError("master keys are written as 2:<32 bytes in base64url>,1:<…>, each number once");
    keys.set(Number(generation), key);
  }
  const [first] = keys;
  if (!first) throw new RangeError("there is no master key");
  const [generation, wrapping] = first;
  return {
    generation,
    wrap: (id, secret) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, wrapping, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(`${generation}:${id}`));
      return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]).toString(
        "base64url",
      );
    },
    unwrap: (id, by, wrapped) => {
      const key = keys.get(by);
      if (!key)
        throw new StoreDamaged(
          by === 0
            ? "the vault's keys are wrapped with the folder's own master key: put the file master-key back"
            : `the vault's keys are wrapped with master key ${by}, which MASTER_KEY does not name: add it`,
        );
      const bytes = Buffer.from(wrapped, "base64url");
      const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      });
      decipher.setAAD(Buffer.from(`${by}:${id}`));
      decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
      } catch (error) {
        throw new StoreDamaged(`master key ${by} is not the one that the vault's keys are wrapped with`, {
          cause: error,
        });
      }
    },
  };
}

/** @returns a new master key, as `masterKeysOf` reads it */
export function newMasterKey(): string {
  return `0:${randomBytes(keyBytes).toString("base64url")}`;
}

/**
 * For processes that have no folder to keep one in, and are not told any: generation 0, of the secret that they share.
 * @returns as `masterKeysOf` reads it
 */
export function masterKeyFrom(secret: string): string {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "cartwright master key", keyBytes));
  return `0:${key.toString("base64url")}`;
}
