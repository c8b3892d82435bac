import type { ColumnValue } from "../src/stores/view-store/view-store.ts";
import { csvList, csvRecord, csvText } from "../src/values/csv.ts";
import { type Money, toDecimal } from "../src/values/money.ts";

/** What read models hold as tables, page by page, as CSV or as JSON lines. */

export const exportFormats = ["csv", "jsonl"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** In CSV, money is a decimal and a list a record in a field; in JSON both are as everywhere. */
export type Cell = string | number | boolean | null | Money | readonly string[];

/** Columns by name, in their order: what a row has in each. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => Cell>>;

export interface ExportPage {
  text: string;
  /** Where the next page starts; null on the last one. */
  next: readonly ColumnValue[] | null;
}

export interface ExportedAs {
  format: ExportFormat;
  /** `next` of the page before; the first page has the names of the columns, where the format has them. */
  after?: readonly ColumnValue[] | undefined;
}

/** Rows as text, each with its line break. */
export function exportText<Row>(
  columns: Columns<Row>,
  rows: readonly Row[],
  { format, after }: ExportedAs,
): string {
  const named = Object.entries(columns);
  if (format === "jsonl") {
    const objectOf = (row: Row) => Object.fromEntries(named.map(([name, cell]) => [name, cell(row)]));
    return rows.map((row) => `${JSON.stringify(objectOf(row))}\n`).join("");
  }
  const head = after === undefined ? csvRecord(Object.keys(columns)) : "";
  return head + rows.map((row) => csvRecord(named.map(([, cell]) => fieldOf(cell(row))))).join("");
}

function fieldOf(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "string") return csvText(cell);
  if (typeof cell !== "object") return String(cell);
  return "amount" in cell ? toDecimal(cell) : csvText(csvList(cell));
}

export function timeCell(epochMs: number | undefined): Cell {
  return epochMs === undefined ? null : new Date(epochMs).toISOString();
}
