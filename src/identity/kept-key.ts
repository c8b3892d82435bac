import type { Vault, VaultKey } from "../stores/vault/vault.ts";

/** A key of the shop itself, which is never destroyed: asked for once. */
export function keptKey(vault: Vault, subject: string): () => Promise<VaultKey> {
  let key: Promise<VaultKey> | undefined;
  return () => {
    key ??= vault.keyFor(subject);
    key.catch(() => {
      key = undefined;
    });
    return key;
  };
}
