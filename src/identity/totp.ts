import { hash, randomBytes } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import { toBase32 } from "../values/ids.ts";

/** RFC 6238, as authenticators expect it. */
const settings = { issuer: "Cartwright", algorithm: "SHA1", digits: 6, period: 30 };
const secretBytes = 20;
/** Steps before and after the one that is now: clocks differ. */
const window = 1;
const recoveryCodeCount = 10;
const recoveryCodeBytes = 10;

/** @returns a new secret, in base 32, and the address by which an authenticator takes it */
export function newTotp(label: string): { secret: string; uri: string } {
  const secret = new Secret({ buffer: new Uint8Array(randomBytes(secretBytes)).buffer }).base32;
  return { secret, uri: totpOf(secret, label).toString() };
}

/** @returns the time step of a code that is right now, or was a moment ago */
export function totpStep(secret: string, code: string, now: number): number | undefined {
  const delta = totpOf(secret, "").validate({ token: code, timestamp: now, window });
  return delta === null ? undefined : Math.floor(now / 1_000 / settings.period) + delta;
}

function totpOf(secret: string, label: string): TOTP {
  return new TOTP({ ...settings, label, secret: Secret.fromBase32(secret) });
}

/** @returns codes to be shown once, and their digests, which are kept */
export function newRecoveryCodes(): { codes: string[]; digests: string[] } {
  const codes = Array.from({ length: recoveryCodeCount }, () => {
    const value = BigInt(`0x${randomBytes(recoveryCodeBytes).toString("hex")}`);
    const half = (bits: bigint) => toBase32(Number(bits & 0xff_ffff_ffffn), 8);
    return `${half(value >> 40n)}-${half(value)}`;
  });
  return { codes, digests: codes.map(recoveryDigest) };
}

/** However it is typed. */
export function recoveryDigest(code: string): string {
  return hash("sha256", code.toUpperCase().replaceAll(/[^0-9A-Z]/g, ""), "base64url");
}
