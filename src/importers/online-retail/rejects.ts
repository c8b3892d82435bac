import { createWriteStream } from "node:fs";
import { rename } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Staging } from "./staging.ts";

const valueCharactersMax = 200;

interface Reject {
  line: number;
  invoice: string;
  field: string;
  value: string;
  reason: string;
}

/** Writes every rejected line as CSV: where it is, the field, its value, and what is wrong with it. */
export async function writeRejects(file: string, staging: Staging): Promise<void> {
  await pipeline(Readable.from(rejectLines(staging)), createWriteStream(`${file}.tmp`, { flush: true }));
  await rename(`${file}.tmp`, file);
}

function* rejectLines(staging: Staging): Generator<string> {
  yield "line,order,field,value,reason\n";
  const rejects = staging.rows<Reject>(
    "SELECT line, invoice, field, value, reason FROM rejects ORDER BY line",
  );
  for (const { line, invoice, field, value, reason } of rejects) {
    const cut = [...value.slice(0, 2 * valueCharactersMax)].slice(0, valueCharactersMax).join("");
    yield `${line},${[invoice, field, cut, reason].map(quoted).join(",")}\n`;
  }
}

export function rejectsOf(staging: Staging): { total: number; byReason: Record<string, number> } {
  const byReason: Record<string, number> = {};
  let total = 0;
  for (const { field, reason, count } of staging.rows<{ field: string; reason: string; count: number }>(
    "SELECT field, reason, COUNT(*) AS count FROM rejects GROUP BY field, reason ORDER BY count DESC",
  )) {
    byReason[`${field} ${reason}`] = count;
    total += count;
  }
  return { total, byReason };
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
