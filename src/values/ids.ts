import { hash, randomBytes } from "node:crypto";
import { v7 } from "uuid";
import { pooledRandomBytes } from "./random.ts";

const idRandomBytes = 16;

/** A new random id, ordered by time (RFC 9562, version 7). */
export function newId(): string {
  return v7({ random: pooledRandomBytes(idRandomBytes) });
}

/**
 * A UUID that the same names always give, of the layout of version 5 (RFC 9562, section 5.5), with all
 * names in one hash instead of a namespace. Much faster than building a namespace per command.
 */
export function deriveId(...names: (string | number)[]): string {
  return asUuid(hash("sha1", JSON.stringify(names), "hex"));
}

/**
 * The id of an event: of its command, its place in it and a digest of all it says. Stores compare ids and not
 * content, so only a byte-identical event may have the same one (DISTRIBUTED.md, 1).
 */
export function eventId(
  commandId: string,
  index: number,
  type: string,
  data: string,
  metadata: string,
): string {
  return asUuid(hash("sha1", `${commandId}/${index}/${type}\n${data}\n${metadata}`, "hex"));
}

function asUuid(hex: string): string {
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

/** Random base-32 characters, at most 26. */
export function randomBase32(length: number): string {
  return deriveBase32(randomBytes(16).toString("hex"), length);
}

/** A whole number in base 32, of exactly `length` characters. */
export function toBase32(value: number, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest = Math.floor(rest / 32))
    text = base32.charAt(rest % 32) + text;
  return text;
}

export function randomSecret(): string {
  return randomBytes(32).toString("base64url");
}
