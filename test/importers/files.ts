import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/** A path at which there is nothing yet, gone with the test. */
export async function temporary(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-import-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, name);
}

export async function fileOf(content: string | Uint8Array, name = "invoices.csv"): Promise<string> {
  const file = await temporary(name);
  await writeFile(file, content);
  return file;
}

/** A file of the data set. */
export function dataSet(...rows: string[]): string {
  return `${[header, ...rows].join("\n")}\n`;
}
