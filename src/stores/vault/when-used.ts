import type { Vault } from "./vault.ts";

/**
 * A vault that is opened by the first use of it: for commands, most of which have no personal data to read or write,
 * and must not make keys where there are none yet.
 */
export function vaultWhenUsed(open: () => Promise<Vault>): Vault {
  let opened: Promise<Vault> | undefined;
  const vault = () => {
    opened ??= open();
    return opened;
  };
  return {
    keyFor: async (subject) => (await vault()).keyFor(subject),
    keyById: async (id) => (await vault()).keyById(id),
    keyOf: async (subject) => (await vault()).keyOf(subject),
    destroyKeys: async (ids) => (await vault()).destroyKeys(ids),
    aliasFor: async (kind, digest) => (await vault()).aliasFor(kind, digest),
    aliasOf: async (kind, digest) => (await vault()).aliasOf(kind, digest),
    destroyAliases: async (aliases) => (await vault()).destroyAliases(aliases),
    isEmpty: async () => (await vault()).isEmpty(),
    rewrap: async () => (await vault()).rewrap(),
    close: async () => (await opened)?.close(),
  };
}
