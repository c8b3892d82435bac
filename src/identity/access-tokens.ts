import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import type { Vault } from "../stores/vault/vault.ts";
import { atMost } from "../values/at-most.ts";
import { keptKey } from "./kept-key.ts";

const keySubject = "jwt/1";
const issuer = "cartwright";
const type = "at+jwt";
const algorithm = "EdDSA";
export const accessSeconds = 600;
const tokenCharactersMax = 1_000;
const verifiedMax = 50_000;
/** PKCS#8 around an Ed25519 private key (RFC 8410, 7). */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

const audiences = ["customer", "staff"] as const;
export type Audience = (typeof audiences)[number];

/** What an access token says: who, and by which login. */
export interface Access {
  accountId: string;
  sessionId: string;
  /** Epoch milliseconds of the login. */
  loginAt: number;
}

/** Access tokens: JWTs (RFC 9068), signed with a key of the vault, so that each process verifies those of all. */
export interface AccessTokens {
  issue(audience: Audience, access: Access, now: number): Promise<string>;
  /** @returns undefined for one that is none, is over or is for another audience */
  verify(audience: Audience, token: string, now: number): Promise<Access | undefined>;
}

export function createAccessTokens(vault: Vault): AccessTokens {
  const kept = keptKey(vault, keySubject);
  let signing: SigningKey | undefined;
  const signingKey = async () => {
    signing ??= signingKeyOf(await kept());
    return signing;
  };
  /** Verifying takes a quarter of a millisecond, and the same token is shown again and again. */
  const verified = new Map(
    audiences.map((audience) => [audience, new LRUCache<string, Verified>(atMost(verifiedMax))]),
  );

  return {
    async issue(audience, { accountId, sessionId, loginAt }, now) {
      const { id, privateKey } = await signingKey();
      const issuedAt = Math.floor(now / 1_000);
      return new SignJWT({ sid: sessionId, auth_time: Math.floor(loginAt / 1_000) })
        .setProtectedHeader({ alg: algorithm, typ: type, kid: id })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(accountId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + accessSeconds)
        .sign(privateKey);
    },
    async verify(audience, token, now) {
      if (token.length > tokenCharactersMax) return undefined;
      const known = verified.get(audience)?.get(token);
      if (known) return now < known.until ? known.access : undefined;
      const { publicKey, id } = await signingKey();
      // Nothing is fetched: of all keys a token may name, there is one.
      const found = await jwtVerify(token, publicKey, {
        ...{ issuer, audience, typ: type, algorithms: [algorithm] },
        ...{ currentDate: new Date(now), requiredClaims: ["sub", "exp", "iat"] },
      }).catch(() => undefined);
      if (found?.protectedHeader.kid !== id) return undefined;
      const { sub = "", sid, auth_time: loginAt, exp = 0 } = found.payload;
      if (typeof sid !== "string" || typeof loginAt !== "number") return undefined;
      const access = { accountId: sub, sessionId: sid, loginAt: loginAt * 1_000 };
      verified.get(audience)?.set(token, { access, until: exp * 1_000 });
      return access;
    },
  };
}

interface Verified {
  access: Access;
  /** Epoch milliseconds. */
  until: number;
}

interface SigningKey {
  id: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

function signingKeyOf({ id, secret }: { id: string; secret: Uint8Array }): SigningKey {
  const key = Buffer.concat([pkcs8Prefix, secret]);
  const privateKey = createPrivateKey({ key, format: "der", type: "pkcs8" });
  return { id, privateKey, publicKey: createPublicKey(privateKey) };
}
