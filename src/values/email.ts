import { domainToASCII } from "node:url";
import { z } from "zod";

const localBytesMax = 64;
const emailBytesMax = 254;
/** RFC 5321's dot-string, with the letters of RFC 6531: words of what is no space, control or special, dots between. */
const localPattern = /^[^\s\p{C}()<>[\]:;@\\,."]+(?:\.[^\s\p{C}()<>[\]:;@\\,."]+)*$/u;
/** Letters, digits and inner dashes, at least two labels, the last of them no number. */
const domainPattern =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
const asciiPattern = /^[\x21-\x7e]*$/;

/**
 * An e-mail address as it is kept: its local part in NFC as it was given, its domain in ASCII (IDNA).
 * @returns undefined for what is none
 */
export function emailOf(given: string): string | undefined {
  const text = given.trim().normalize("NFC");
  const at = text.lastIndexOf("@");
  const [local, host] = [text.slice(0, at), text.slice(at + 1)];
  const domain = asciiPattern.test(host) ? host : domainToASCII(host);
  if (at < 1 || !localPattern.test(local) || Buffer.byteLength(local) > localBytesMax) return undefined;
  const email = `${local}@${domain}`;
  return domainPattern.test(domain) && Buffer.byteLength(email) <= emailBytesMax ? email : undefined;
}

/** Internationalised addresses (RFC 6531) are some, too. */
export const emailSchema = z
  .string()
  .max(2 * emailBytesMax)
  .transform((given, context) => {
    const email = emailOf(given);
    if (email !== undefined) return email;
    context.issues.push({ code: "custom", message: "not an e-mail address", input: given });
    return z.NEVER;
  });
