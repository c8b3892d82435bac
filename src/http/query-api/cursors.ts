import { createHmac, timingSafeEqual } from "node:crypto";
import type { ColumnValue } from "../../stores/view-store/view-store.ts";
import { Problem } from "../../values/problem.ts";

const macCharacters = 16;

/** What a page ended with, as opaque text that only the list it was made for takes back. */
export interface Cursors {
  /** @param list names a list: its route, and what it is filtered and sorted by */
  seal(list: string, next: readonly ColumnValue[] | null): string | null;
  /** @throws Problem invalid_cursor for what `seal` has not given out for this list */
  open(list: string, cursor: string | undefined): readonly ColumnValue[] | undefined;
}

export function createCursors(secret: string): Cursors {
  const macOf = (list: string, payload: string): string =>
    createHmac("sha256", secret)
      .update(`cursor:${list}\n${payload}`)
      .digest("base64url")
      .slice(0, macCharacters);

  return {
    seal: (list, next) => {
      if (next === null) return null;
      const payload = Buffer.from(JSON.stringify(next)).toString("base64url");
      return `${payload}.${macOf(list, payload)}`;
    },
    open: (list, cursor) => {
      if (cursor === undefined) return undefined;
      const [payload = "", mac = "", ...more] = cursor.split(".");
      if (more.length > 0 || !isSame(mac, macOf(list, payload)))
        throw new Problem("invalid_cursor", "this cursor belongs to another list, or was changed");
      return JSON.parse(Buffer.from(payload, "base64url").toString()) as ColumnValue[];
    },
  };
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
