import { createHmac } from "node:crypto";
import type { Vault } from "../stores/vault/vault.ts";
import { keptKey } from "./kept-key.ts";

const indexSubject = "index/email";

/**
 * What e-mail addresses are known by on the log: names that the vault gives at random, found by a digest under a key of
 * the vault (CUSTOMERS.md, 1). The log holds no function of an address.
 */
export interface EmailRefs {
  /** The same for an address however it is written; says nothing to who has no key. For counting, too. */
  digestOf(email: string): Promise<string>;
  /** Given now if it has none. */
  refFor(email: string): Promise<string>;
  refOf(email: string): Promise<string | undefined>;
}

export function createEmailRefs(vault: Vault): EmailRefs {
  const key = keptKey(vault, indexSubject);
  const digestOf = async (email: string) => {
    const { secret } = await key();
    return createHmac("sha256", secret).update(folded(email)).digest("base64url");
  };
  return {
    digestOf,
    refFor: async (email) => vault.aliasFor("email", await digestOf(email)),
    refOf: async (email) => vault.aliasOf("email", await digestOf(email)),
  };
}

/** Mailboxes that differ in case are told apart by no provider. @param email as `emailOf` gives it */
function folded(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}
