import { once } from "node:events";

let jsonBegun = false;

/** Writes to standard output, no faster than its reader takes it. */
export async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

export async function printLine(line: string): Promise<void> {
  await write(`${line}\n`);
}

/** The one document that a command prints with `--json`. */
export async function printJson(document: unknown): Promise<void> {
  await writeJson(`${JSON.stringify(document)}\n`);
}

/** A part of that document, for one that is too long to be made at once. */
export async function writeJson(part: string): Promise<void> {
  jsonBegun = true;
  await write(part);
}

/** Whether a part of the document is out already, so that no other one may follow. */
export function hasBegunJson(): boolean {
  return jsonBegun;
}

/** For people: progress, hints and errors. Standard output stays free for results. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 event`, `2,000 events`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds since `performance.now()` gave `startedAt`, to a tenth. */
export function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 100) / 10;
}
