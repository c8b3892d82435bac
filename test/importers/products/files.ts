import { Readable } from "node:stream";
import { lookThrough, type ProductFile, type ProductTable } from "../../../src/importers/products/file.ts";
import type { ProductRecord, Reject } from "../../../src/importers/products/records.ts";

export const now = Date.parse("2026-01-15T12:00:00Z");

/** Looked through as if it had come in a file, in USD. */
export function lookedThrough(
  content: string | Buffer,
  { currency = "USD", ...options }: Partial<ProductFile> & { currency?: string } = {},
): Promise<ProductTable> {
  // Small pieces, so that nothing goes by where they end.
  const bytes = Buffer.from(content);
  const size = bytes.length > 10_000 ? 4_096 : 7;
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(size * index, size * (index + 1)),
  );
  const source = () => Readable.from(pieces);
  return lookThrough({ file: "products", source, ...options }, { currency, now });
}

/** Rows as CSV, each field quoted. */
export function csvOf(...rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(",")).join("\r\n");
}

/** What a table says of its products. */
export function readOf(table: ProductTable): { records: ProductRecord[]; rejects: Reject[] } {
  const all = Array.from({ length: table.products }, (_, index) => table.read(index));
  return {
    records: all.filter((read) => !("rejects" in read)) as ProductRecord[],
    rejects: all.flatMap((read) => ("rejects" in read ? read.rejects : [])),
  };
}

/** The only product of a file. */
export async function onlyRecord(...given: Parameters<typeof lookedThrough>): Promise<ProductRecord> {
  const { records, rejects } = readOf(await lookedThrough(...given));
  const [record] = records;
  if (!record || records.length > 1 || rejects.length > 0)
    throw new Error(JSON.stringify({ records, rejects }, undefined, 1));
  return record;
}

/** Rows under a header, by its titles: what a row leaves out is blank. */
export function tableOf(rows: readonly Readonly<Record<string, string>>[], ...further: string[]): string {
  const titles = [...new Set([...rows.flatMap((row) => Object.keys(row)), ...further])];
  return csvOf(titles, ...rows.map((row) => titles.map((title) => row[title] ?? "")));
}
