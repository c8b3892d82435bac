import { createHmac, timingSafeEqual } from "node:crypto";
import { apiKeys, apiKeysId, goodRotations } from "../../commands/apikey/apikey.ts";
import type { Permission } from "../../commands/apikey/permissions.ts";
import type { Engine } from "../engine/write/engine.ts";
import type { Vault } from "../stores/vault/vault.ts";
import { keptKey } from "./kept-key.ts";
import { knownForMs } from "./sessions.ts";

const secretsSubject = "api-keys";
const tokenPattern = /^ck_([\w-]{1,64})\.([\w-]{43})$/;

/** Keys of programs: `ck_<id>.<secret>`, the secret an HMAC under a key of the vault. */
export interface ApiKeyTokens {
  isOne(token: string): boolean;
  tokenOf(keyId: string, rotation: number): Promise<string>;
  /** @returns whose it is and what it may do, as of now; undefined for one that is none, or is over */
  holder(token: string, now: number): Promise<{ keyId: string; scopes: readonly Permission[] } | undefined>;
}

export function createApiKeyTokens({ engine, vault }: { engine: Engine; vault: Vault }): ApiKeyTokens {
  const kept = keptKey(vault, secretsSubject);
  const tokenOf = async (keyId: string, rotation: number) => {
    const { secret } = await kept();
    const mac = createHmac("sha256", secret).update(`${keyId} ${rotation}`).digest("base64url");
    return `ck_${keyId}.${mac}`;
  };
  return {
    isOne: (token) => tokenPattern.test(token),
    tokenOf,
    async holder(token, now) {
      const [, keyId = ""] = tokenPattern.exec(token) ?? [];
      const asOf = performance.now() - knownForMs;
      const key = await engine.read(apiKeys, apiKeysId, (state) => state.get(keyId), asOf);
      if (!key) return undefined;
      for (const rotation of goodRotations(key, now))
        if (isSame(token, await tokenOf(keyId, rotation))) return { keyId, scopes: key.scopes };
      return undefined;
    },
  };
}

function isSame(shown: string, right: string): boolean {
  return shown.length === right.length && timingSafeEqual(Buffer.from(shown), Buffer.from(right));
}
