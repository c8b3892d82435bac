import { hash, randomBytes } from "node:crypto";
import { v7 } from "uuid";

/** A new random id, ordered by time (RFC 9562, version 7). */
export function newId(): string {
  return v7();
}

/**
 * A UUID that the same names always give, of the layout of version 5 (RFC 9562, section 5.5), with all
 * names in one hash instead of a namespace. Much faster than building a namespace per command.
 */
export function deriveId(...names: (string | number)[]): string {
  const hex = hash("sha1", JSON.stringify(names), "hex");
  const variant = "89ab"[Number.parseInt(hex.charAt(16), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

// Crockford's base 32: no I, L, O, U, so that a number survives being read aloud.
const base32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Base-32 characters that the same seed always gives. `length` at most 26. */
export function deriveBase32(seed: string, length: number): string {
  const bytes = hash("sha256", seed, "buffer");
  let text = "";
  for (let index = 0; index < length; index++) text += base32[(bytes[index] ?? 0) & 31];
  return text;
}

export function randomSecret(): string {
  return randomBytes(32).toString("base64url");
}
