import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import type { ColumnValue } from "../../stores/view-store/view-store.ts";
import { Problem } from "../../values/problem.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** A cursor is as long as many others, for how long a number is tells how large it is. */
const textBytesStep = 128;
const tagCharacters = Math.ceil((tagBytes * 8) / 6);

/**
 * What a page ended with, as opaque text that only the list it was made for takes back. It is encrypted, for what
 * a list is sorted by may be what its readers are not told, such as how much was sold.
 */
export interface Cursors {
  /** @param list names a list: its route, and what it is filtered and sorted by */
  seal(list: string, next: readonly ColumnValue[] | null): string | null;
  /** @throws Problem invalid_cursor for what `seal` has not given out for this list */
  open(list: string, cursor: string | undefined): readonly ColumnValue[] | undefined;
}

export function createCursors(secret: string): Cursors {
  const keyFor = (use: string) => Buffer.from(hkdfSync("sha256", secret, "", use, keyBytes));
  const key = keyFor("cartwright cursor");
  const nonceKey = keyFor("cartwright cursor nonce");
  /** Of what is sealed: the same page has the same cursor, and no nonce is ever used for two texts. */
  const nonceOf = (list: string, text: string) =>
    createHmac("sha256", nonceKey).update(`${list}\n${text}`).digest().subarray(0, nonceBytes);

  return {
    seal: (list, next) => {
      if (next === null) return null;
      const text = padded(JSON.stringify(next));
      const nonce = nonceOf(list, text);
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(list));
      const sealed = Buffer.concat([nonce, cipher.update(text), cipher.final()]).toString("base64url");
      return `${sealed}.${cipher.getAuthTag().toString("base64url")}`;
    },
    open: (list, cursor) => {
      if (cursor === undefined) return undefined;
      const [sealed = "", tag = "", ...more] = cursor.split(".");
      const bytes = Buffer.from(sealed, "base64url");
      // Whoever changes a character of it has changed it, even one that says nothing.
      const isWhole = bytes.length > nonceBytes && bytes.toString("base64url") === sealed;
      if (more.length > 0 || tag.length !== tagCharacters || !isWhole) throw invalidCursor();
      const nonce = bytes.subarray(0, nonceBytes);
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(list)).setAuthTag(Buffer.from(tag, "base64url"));
      try {
        const text = Buffer.concat([decipher.update(bytes.subarray(nonceBytes)), decipher.final()]);
        return JSON.parse(text.toString()) as ColumnValue[];
      } catch {
        throw invalidCursor();
      }
    },
  };
}

/** With blanks behind it, which JSON ignores. */
function padded(json: string): string {
  const bytes = Buffer.byteLength(json);
  return json + " ".repeat(Math.ceil(bytes / textBytesStep) * textBytesStep - bytes);
}

function invalidCursor(): Problem {
  return new Problem("invalid_cursor", "this cursor belongs to another list, or was changed");
}
