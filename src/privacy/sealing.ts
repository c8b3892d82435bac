import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Vault, VaultKey } from "../stores/vault/vault.ts";
import { atMost } from "../values/at-most.ts";

const algorithm = "aes-256-gcm";
const subkeyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** What is sealed is filled up to a multiple of this: its length says little of what it is. */
const paddedBytes = 32;
const keysCachedMax = 10_000;
/** Another process may have destroyed a key; this one does it at once. */
const cachedMs = 60_000;

const sealedPattern = /^s1\.([0-9A-Z]{1,40})\.([\w-]{40,})$/;

/** Personal data as the log, the read models and every copy of them hold it: `s1.<key>.<nonce, text, tag>`. */
export type Sealed = string;

/** Seals for one subject. */
export interface Sealer {
  readonly keyId: string;
  /**
   * @param field what it is, such as `email`: it opens as that and as nothing else
   * @returns the same text for the same subject, field and value: a repetition changes nothing
   */
  seal(field: string, value: unknown): Sealed;
}

/** Personal fields are sealed where commands come in and opened where answers go out (CUSTOMERS.md, 1). */
export interface Sealing {
  /** Makes its key if it has none. @throws StoreUnavailable */
  sealerFor(subject: string): Promise<Sealer>;
  /**
   * @returns what was sealed; null where its key was destroyed
   * @throws StoreUnavailable when the vault is away: that is not the same as nothing
   */
  open<T>(field: string, sealed: Sealed): Promise<T | null>;
  /** Destroys what its subject's data is sealed with: all of it reads as null from here on. */
  destroy(keyIds: readonly string[]): Promise<void>;
}

export function isSealed(text: unknown): text is Sealed {
  return typeof text === "string" && sealedPattern.test(text);
}

export function createSealing(vault: Vault): Sealing {
  const cached = new LRUCache<string, Subkeys>({ ...atMost(keysCachedMax), ttl: cachedMs });

  const subkeys = (key: VaultKey): Subkeys => {
    const known = cached.get(key.id);
    if (known) return known;
    const derived = subkeysOf(key);
    cached.set(key.id, derived);
    return derived;
  };

  return {
    async sealerFor(subject) {
      const key = subkeys(await vault.keyFor(subject));
      return { keyId: key.id, seal: (field, value) => seal(key, field, value) };
    },
    async open<T>(field: string, sealed: Sealed): Promise<T | null> {
      const [, id, body] = sealedPattern.exec(sealed) ?? [];
      if (id === undefined || body === undefined) throw new TypeError(`${field} is not sealed`);
      const known = cached.get(id);
      if (known) return open(known, field, body) as T;
      const key = await vault.keyById(id);
      return key ? (open(subkeys(key), field, body) as T) : null;
    },
    async destroy(keyIds) {
      await vault.destroyKeys(keyIds);
      for (const id of keyIds) cached.delete(id);
    },
  };
}

interface Subkeys {
  id: string;
  seals: Uint8Array;
  /** Makes nonces of what is sealed: two texts share one only if they are the same. */
  mixes: Uint8Array;
}

function subkeysOf({ id, secret }: VaultKey): Subkeys {
  const derive = (use: string) =>
    new Uint8Array(hkdfSync("sha256", secret, "", `cartwright ${use}`, subkeyBytes));
  return { id, seals: derive("seal"), mixes: derive("nonce") };
}

function seal({ id, seals, mixes }: Subkeys, field: string, value: unknown): Sealed {
  const text = Buffer.from(JSON.stringify(value));
  const padded = Buffer.alloc(Math.ceil((text.length + 1) / paddedBytes) * paddedBytes, " ");
  text.copy(padded);
  const nonce = createHmac("sha256", mixes)
    .update(`${field}\0`)
    .update(text)
    .digest()
    .subarray(0, nonceBytes);
  const cipher = createCipheriv(algorithm, seals, nonce, { authTagLength: tagBytes });
  cipher.setAAD(boundTo(id, field));
  const body = Buffer.concat([nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag()]);
  return `s1.${id}.${body.toString("base64url")}`;
}

/** @throws Error when it was sealed as another field, or was changed */
function open({ id, seals }: Subkeys, field: string, body: string): unknown {
  const bytes = Buffer.from(body, "base64url");
  const decipher = createDecipheriv(algorithm, seals, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(boundTo(id, field));
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
  const padded = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  return JSON.parse(padded.toString());
}

function boundTo(keyId: string, field: string): Buffer {
  return Buffer.from(`${keyId}\n${field}`);
}
